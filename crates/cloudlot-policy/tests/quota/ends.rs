//! Taking ends: on a hundred thousand random trees where everybody always asks, both potentials move one way only.

use super::naive::{phi, psi};
use super::world::{Chance, NOW, Spec, World, amounts};
use cloudlot_core::{Amounts, Kind, Priority};

/// How often something was admitted, taken by right, and taken fairly.
#[derive(Default, Debug)]
struct Counts {
    admitted: u64,
    own: u64,
    fair: u64,
}

/// Everybody asks for the same few things, round after round, until a round changes nothing.
fn play(seed: u64, counts: &mut Counts) {
    let mut chance = Chance(seed);
    let mut world = World::new(Spec::random(&mut chance, 4, 3));
    for n in 0..world.ids.len() {
        let used = 1e6 * chance.below(4) as f64;
        world.accounts.remember(world.ids[n], Kind::CPU, used, NOW);
    }
    let asks: Vec<(usize, Amounts, i32)> = (0..2 * world.spec.nodes())
        .map(|n| {
            let ask = amounts(chance.below(3), 1 + chance.below(2));
            let priority = i32::try_from(chance.below(3)).unwrap();
            (n % world.spec.nodes(), ask, priority)
        })
        .collect();
    let mut before = (phi(&world), psi(&world));
    for round in 0.. {
        assert!(round < 1_000, "seed {seed}: it does not end");
        let mut changed = false;
        for (node, ask, priority) in &asks {
            changed |= step(&mut world, *node, ask, *priority, &mut before, counts, seed);
        }
        if !changed {
            return;
        }
    }
}

type Potential = (
    Vec<std::collections::BTreeMap<std::cmp::Reverse<Priority>, u64>>,
    Vec<Vec<u128>>,
);

fn step(
    world: &mut World,
    node: usize,
    ask: &Amounts,
    priority: i32,
    before: &mut Potential,
    counts: &mut Counts,
    seed: u64,
) -> bool {
    let id = world.ids[node];
    let admits = world.tree.admit(&world.accounts, id, ask).is_ok();
    let mut fair = false;
    if !admits {
        let own = world.tree.reclaim(&world.accounts, id, ask, &world.live);
        let taken = own.or_else(|| {
            fair = true;
            world.tree.reclaim_fairly(
                &world.accounts,
                id,
                ask,
                Priority(priority),
                &world.live,
                NOW,
            )
        });
        let Some(taken) = taken else { return false };
        world.take(&taken);
        assert!(
            world.tree.admit(&world.accounts, id, ask).is_ok(),
            "seed {seed}: taken for nothing"
        );
    }
    world.grant(node, *ask, priority);
    let after = (phi(world), psi(world));
    if admits {
        counts.admitted += 1;
        assert!(after.0 >= before.0, "seed {seed}: an admission lowers phi");
        assert!(after.1 >= before.1, "seed {seed}: an admission lowers psi");
    } else if fair {
        counts.fair += 1;
        assert!(after.0 >= before.0, "seed {seed}: a fair taking lowers phi");
        assert!(
            after.1 > before.1,
            "seed {seed}: a fair taking does not raise psi"
        );
    } else {
        counts.own += 1;
        assert!(
            after.0 > before.0,
            "seed {seed}: taking one's own does not raise phi"
        );
    }
    *before = after;
    true
}

fn play_all(seeds: std::ops::Range<u64>) {
    let mut counts = Counts::default();
    let trees = seeds.end - seeds.start;
    for seed in seeds {
        play(seed, &mut counts);
    }
    let enough = counts.own > trees / 2 && counts.fair > trees / 20 && counts.admitted > 2 * trees;
    assert!(enough, "{counts:?}");
}

// A hundred thousand trees, in four parts that run side by side.

#[test]
fn no_reclaim_goes_in_circles_on_the_first_trees() {
    play_all(0..25_000);
}

#[test]
fn no_reclaim_goes_in_circles_on_the_second_trees() {
    play_all(25_000..50_000);
}

#[test]
fn no_reclaim_goes_in_circles_on_the_third_trees() {
    play_all(50_000..75_000);
}

#[test]
fn no_reclaim_goes_in_circles_on_the_last_trees() {
    play_all(75_000..100_000);
}
