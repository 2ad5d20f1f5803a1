//! Admission is exactly what an assignment of quota allows.

use super::naive::assignment_exists;
use super::world::{Chance, KINDS, NOW, Spec, World, amounts};
use cloudlot_core::{Amounts, Kind, Kinds, Timestamp, cores, gib};
use cloudlot_policy::accounts::Accounts;
use cloudlot_policy::quota::{Binding, Quota, QuotaTree};

fn after(world: &World, node: usize, ask: &Amounts) -> Vec<[u64; 2]> {
    let mut held = world.direct();
    for (kind, held) in KINDS.iter().zip(&mut held[node]) {
        *held += ask.get(*kind);
    }
    held
}

#[test]
fn an_ask_goes_in_exactly_if_an_assignment_exists() {
    let (mut granted, mut refused) = (0, 0);
    for seed in 0..4_000 {
        let mut chance = Chance(seed);
        let mut world = World::new(Spec::random(&mut chance, 5, 4));
        let mut kept = world.tree.balances(&world.accounts);
        for _ in 0..25 {
            let node = usize::try_from(chance.below(world.spec.nodes() as u64)).unwrap();
            let ask = amounts(chance.below(4), chance.below(4));
            let exists = assignment_exists(&world.spec, &after(&world, node, &ask));
            let said = world.tree.admit(&world.accounts, world.ids[node], &ask);
            assert_eq!(
                said.is_ok(),
                exists,
                "seed {seed}: {node} asks {ask:?} of {:?}",
                world.direct()
            );
            let by = world
                .tree
                .admit_by(&kept, &world.accounts, world.ids[node], &ask);
            assert_eq!(said, by);
            if chance.below(8) == 0 && !world.live.is_empty() {
                let gone = world.live[0].clone();
                world
                    .tree
                    .credit(&mut kept, &world.accounts, gone.owner, &gone.amounts);
                world.take(&[gone.reservation]);
                assert_eq!(kept, world.tree.balances(&world.accounts));
                continue;
            }
            match said {
                Ok(admission) => {
                    world
                        .tree
                        .charge(&mut kept, &world.accounts, world.ids[node], &ask);
                    assert!(admission.borrowed.fits_in(&ask));
                    world.grant(node, ask, 0);
                    granted += 1;
                }
                Err(no) => {
                    // So much less of the kind goes in, and no more.
                    let only = |n| Amounts::of([(no.kind, n)]);
                    let asked = ask.get(no.kind);
                    assert!(no.short > 0 && no.short <= asked);
                    let admits = |n| {
                        world
                            .tree
                            .admit(&world.accounts, world.ids[node], &only(n))
                            .is_ok()
                    };
                    assert!(admits(asked - no.short), "seed {seed}: {no:?}");
                    assert!(!admits(asked - no.short + 1), "seed {seed}: {no:?}");
                    refused += 1;
                }
            }
        }
    }
    assert!(
        granted > 20_000 && refused > 20_000,
        "{granted} and {refused}"
    );
}

#[test]
fn what_is_guaranteed_goes_in_whatever_others_hold() {
    for seed in 0..4_000 {
        let mut chance = Chance(seed);
        let mut world = World::new(Spec::random(&mut chance, 5, 4));
        for _ in 0..30 {
            let node = usize::try_from(chance.below(world.spec.nodes() as u64)).unwrap();
            let ask = amounts(chance.below(4), chance.below(4));
            if world
                .tree
                .admit(&world.accounts, world.ids[node], &ask)
                .is_ok()
            {
                world.grant(node, ask, 0);
            }
        }
        let held = world.direct();
        for node in 1..world.spec.nodes() {
            if world.spec.children(node).next().is_some() {
                continue;
            }
            for (kind, held) in KINDS.iter().zip(held[node]) {
                let guarantee = world.spec.has[node][kind.index()].guarantee;
                let left = Amounts::of([(*kind, guarantee.saturating_sub(held))]);
                let said = world.tree.admit(&world.accounts, world.ids[node], &left);
                assert!(
                    said.is_ok(),
                    "seed {seed}: {node} is guaranteed {guarantee}: {said:?}"
                );
            }
        }
    }
}

#[test]
fn a_call_is_checked_as_a_whole() {
    // Two requirements of one call, each within the quota: the original let both through.
    let tree = QuotaTree::builder()
        .node(
            "team".parse().unwrap(),
            Quota::new().nominal([cores(10)]).borrow([cores(0)]),
        )
        .node("other".parse().unwrap(), Quota::new().nominal([cores(90)]))
        .build(&Kinds::new())
        .unwrap();
    let mut accounts = Accounts::default();
    let team = accounts.account(&"team".parse().unwrap());
    let six = Amounts::of([(Kind::CPU, 6_000)]);
    assert!(tree.admit(&accounts, team, &six).is_ok());
    let both = six.checked_mul(2).unwrap();
    let no = tree.admit(&accounts, team, &both).unwrap_err();
    assert_eq!(
        (no.short, no.kind, no.binding),
        (2_000, Kind::CPU, Binding::Borrow)
    );
    assert_eq!(no.level, Some("team".parse().unwrap()));
    assert!(!no.may_reclaim);
}

#[test]
fn a_kind_without_a_quota_is_free() {
    let quota = Quota::new().nominal([cores(1)]);
    let tree = QuotaTree::builder()
        .node("a".parse().unwrap(), quota)
        .build(&Kinds::new())
        .unwrap();
    let mut accounts = Accounts::default();
    let a = accounts.account(&"a".parse().unwrap());
    let most = Amounts::of([(Kind::MEMORY, u64::MAX)]);
    accounts.charge(a, &most, Timestamp::ZERO);
    assert_eq!(
        tree.admit(&accounts, a, &most).unwrap().borrowed,
        Amounts::ZERO
    );
    let empty = QuotaTree::builder().build(&Kinds::new()).unwrap();
    assert!(
        empty
            .admit(&accounts, a, &amounts(u64::MAX, u64::MAX))
            .is_ok()
    );
}

#[test]
fn amounts_at_the_end_of_the_range_are_refused_not_wrapped() {
    let all = cloudlot_core::millicores(u64::MAX);
    let quota = Quota::new().nominal([all]);
    let tree = QuotaTree::builder()
        .node("a".parse().unwrap(), quota)
        .build(&Kinds::new())
        .unwrap();
    let mut accounts = Accounts::default();
    let [a, stray] = ["a", "stray"].map(|path| accounts.account(&path.parse().unwrap()));
    let most = amounts(u64::MAX, 0);
    assert!(tree.admit(&accounts, a, &most).is_ok());
    accounts.charge(a, &most, Timestamp::ZERO);
    for id in [a, stray] {
        let no = tree.admit(&accounts, id, &most).unwrap_err();
        assert_eq!((no.short, no.binding), (u64::MAX, Binding::Empty));
        assert!(tree.admit(&accounts, id, &amounts(1, 0)).is_err());
    }
}

#[test]
fn a_level_that_was_over_before_stands_only_against_more() {
    let build = |limit| {
        let org = Quota::new().limit([gib(limit)]);
        let team = Quota::new().nominal([gib(2)]);
        QuotaTree::builder()
            .node("org".parse().unwrap(), org)
            .node("org/a".parse().unwrap(), team.clone())
            .node("org/b".parse().unwrap(), team)
            .node("other".parse().unwrap(), Quota::new().nominal([gib(4)]))
            .build(&Kinds::new())
            .unwrap()
    };
    let mut accounts = Accounts::default();
    let [a, b] = ["org/a", "org/b"].map(|path| accounts.account(&path.parse().unwrap()));
    accounts.charge(a, &amounts(0, 6 << 30), NOW);
    assert!(build(6).admit(&accounts, b, &amounts(5, 0)).is_ok());
    let no = build(5).admit(&accounts, b, &amounts(5, 1)).unwrap_err();
    assert_eq!((no.binding, no.short), (Binding::Limit, 1));
    assert!(no.may_reclaim);
    assert_eq!(
        no.to_string(),
        "org would pass its limit: short by 1 of memory"
    );
    assert!(build(5).admit(&accounts, b, &Amounts::ZERO).is_ok());
}
