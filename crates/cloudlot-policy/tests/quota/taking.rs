//! What is taken is what the definition says: the fewest, the cheapest, by right.

use super::naive::takings;
use super::world::{Chance, NOW, Spec, World, amounts};
use cloudlot_core::{Kind, Priority, Timestamp};

fn filled(chance: &mut Chance, most: usize) -> World {
    let mut world = World::new(Spec::random(chance, 5, 3));
    for n in 0..world.ids.len() {
        let level = world.accounts.parent(world.ids[n]).unwrap();
        for id in [world.ids[n], level] {
            let used = 1e6 * chance.below(6) as f64;
            world
                .accounts
                .remember(id, cloudlot_core::Kind::CPU, used, NOW);
        }
    }
    for _ in 0..3 * most {
        let node = usize::try_from(chance.below(world.spec.nodes() as u64)).unwrap();
        let ask = amounts(chance.below(3), chance.below(3));
        let priority = i32::try_from(chance.below(3)).unwrap();
        let goes_in = world
            .tree
            .admit(&world.accounts, world.ids[node], &ask)
            .is_ok();
        if !ask.is_zero() && goes_in && world.live.len() < most {
            world.grant(node, ask, priority);
        }
    }
    world
}

#[test]
fn who_is_taken_is_the_fewest_and_cheapest_that_the_definition_allows() {
    let (mut own, mut fair) = (0, 0);
    for seed in 0..3_000 {
        let mut chance = Chance(seed);
        let world = filled(&mut chance, 7);
        for node in 0..world.spec.nodes() {
            let ask = amounts(chance.below(4), chance.below(4));
            let id = world.ids[node];
            let said = world.tree.reclaim(&world.accounts, id, &ask, &world.live);
            let wanted = takings(&world, node, &ask, None);
            assert_eq!(
                said, wanted,
                "seed {seed}: {node} asks {ask:?} in {world:#?}"
            );
            own += usize::from(said.is_some());
            let priority = Priority(i32::try_from(chance.below(3)).unwrap());
            let said =
                world
                    .tree
                    .reclaim_fairly(&world.accounts, id, &ask, priority, &world.live, NOW);
            let wanted = takings(&world, node, &ask, Some(priority));
            assert_eq!(
                said, wanted,
                "seed {seed}: {node} fairly asks {ask:?} in {world:#?}"
            );
            fair += usize::from(said.is_some());
        }
    }
    assert!(own > 500 && fair > 100, "{own} and {fair}");
}

#[test]
fn a_refusal_that_nothing_can_help_is_not_reclaimed() {
    for seed in 0..2_000 {
        let mut chance = Chance(seed);
        let world = filled(&mut chance, 7);
        for node in 0..world.spec.nodes() {
            let ask = amounts(chance.below(4), chance.below(4));
            let admit = world.tree.admit(&world.accounts, world.ids[node], &ask);
            let taken = world
                .tree
                .reclaim(&world.accounts, world.ids[node], &ask, &world.live);
            assert!(taken.is_none() || admit.unwrap_err().may_reclaim);
        }
    }
}

/// Two owners of ten each; `b` holds what the list says, in reservations of this size, and `a` nothing.
fn two(sizes: &[u64]) -> World {
    let mut spec = Spec::random(&mut Chance(0), 3, 0);
    spec.parent = vec![0, 0, 0];
    spec.weight = vec![1, 1, 1];
    spec.has = vec![Default::default(); 3];
    for node in 1..3 {
        spec.has[node][0].nominal = 10;
    }
    let mut world = World::new(spec);
    for size in sizes {
        world.grant(2, amounts(*size, 0), 0);
    }
    world
}

fn taken(world: &World, ask: u64) -> Option<Vec<u32>> {
    let taken = world
        .tree
        .reclaim(&world.accounts, world.ids[1], &amounts(ask, 0), &world.live);
    Some(taken?.iter().map(|id| id.slot()).collect())
}

#[test]
fn the_youngest_of_equals_goes_first() {
    assert_eq!(taken(&two(&[1; 20]), 3), Some(vec![20, 19, 18]));
    assert_eq!(taken(&two(&[5; 4]), 3), Some(vec![4]));
}

#[test]
fn nobody_falls_below_what_is_its_own() {
    // Of 12 only 2 are borrowed, and each piece is 6.
    assert_eq!(taken(&two(&[6, 6, 8]), 8), Some(vec![3]));
    assert_eq!(taken(&two(&[6, 6]), 9), None);
    // 11 are asked for: more than its own.
    assert_eq!(taken(&two(&[1; 20]), 11), None);
}

#[test]
fn many_are_taken_by_greed_and_none_of_them_for_nothing() {
    // More sets of seven than are tried.
    let mut world = two(&[1; 20]);
    assert_eq!(taken(&world, 7).unwrap().len(), 7);
    world.grant(2, amounts(0, 5), 0);
    assert_eq!(taken(&world, 7).unwrap(), [20, 19, 18, 17, 16, 15, 14]);
}

#[test]
fn nobody_owns_a_pool_before_the_others() {
    // Who has no quota holds at the root, and does not take the pool from those who have one.
    let mut world = pool([1, 1, 1]);
    let ask = amounts(12, 0);
    assert_eq!(
        world
            .tree
            .reclaim(&world.accounts, world.ids[0], &ask, &world.live),
        None
    );
    let no = world
        .tree
        .admit(&world.accounts, world.ids[0], &ask)
        .unwrap_err();
    assert!(!no.may_reclaim);
    // Nor can they be sure of it: whoever has least gets a fair part.
    let one = amounts(1, 0);
    let fair = |world: &World, node: usize| {
        let id = world.ids[node];
        world
            .tree
            .reclaim_fairly(&world.accounts, id, &one, Priority(0), &world.live, NOW)
    };
    while let Some(victims) = fair(&world, 0) {
        world.take(&victims);
        world.grant(0, one, 0);
    }
    assert_eq!(world.direct()[0][0], 3);
    assert_eq!(fair(&world, 2), None);
}

/// Three owners of nothing that share a pool of twelve: the second and third hold six each.
fn pool(weights: [u32; 3]) -> World {
    let mut spec = Spec::random(&mut Chance(1), 3, 0);
    spec.parent = vec![0; 4];
    spec.has = vec![Default::default(); 4];
    spec.has[0][0].nominal = 12;
    spec.weight = [&[1][..], &weights[..]].concat();
    let mut world = World::new(spec);
    for n in 0..12 {
        world.grant(2 + n % 2, amounts(1, 0), 0);
    }
    world
}

/// How much each of the three has after the first one took all that it fairly can.
fn shared_out(mut world: World) -> [u64; 3] {
    let ask = amounts(1, 0);
    let id = world.ids[1];
    while let Some(victims) =
        world
            .tree
            .reclaim_fairly(&world.accounts, id, &ask, Priority(0), &world.live, NOW)
    {
        world.take(&victims);
        world.grant(1, ask, 0);
    }
    let held = world.direct();
    [held[1][0], held[2][0], held[3][0]]
}

#[test]
fn who_borrows_much_gives_by_weight() {
    assert_eq!(shared_out(pool([1, 1, 1])), [3, 5, 4]);
    // The original summed its weights wrongly, and gave what it liked.
    assert_eq!(shared_out(pool([3, 1, 1])), [6, 3, 3]);
    assert_eq!(shared_out(pool([1, 3, 3])), [1, 6, 5]);
}

#[test]
fn who_used_much_lately_gives_before_who_did_not() {
    let mut world = pool([1, 1, 1]);
    // As if it had held all of it for ever.
    let window = 7.0 * 86_400.0 / std::f64::consts::LN_2;
    world
        .accounts
        .remember(world.own[3], Kind::CPU, 12.0 * window, NOW);
    assert_eq!(shared_out(world.clone()), [5, 6, 1]);
    let later = Timestamp::from_nanos(NOW.as_nanos() * 2);
    let ask = amounts(1, 0);
    let first = world.tree.reclaim_fairly(
        &world.accounts,
        world.ids[1],
        &ask,
        Priority(0),
        &world.live,
        later,
    );
    // Years later that is forgotten, and the youngest goes.
    assert_eq!(first, Some(vec![world.live[11].reservation]));
}
