//! What is wrong with a tree is said all at once.

use cloudlot_core::{Kinds, Rule, bytes, cores, millicores, named};
use cloudlot_policy::quota::{Quota, QuotaTree};

#[test]
fn all_faults_of_a_tree_come_at_once() {
    let all = named("memory", u64::MAX).unwrap();
    let faults = QuotaTree::builder()
        .root(Quota::new().lend([cores(1)]))
        .node(
            "a".parse().unwrap(),
            Quota::new().nominal([cores(2)]).guarantee([cores(3)]),
        )
        .node("a".parse().unwrap(), Quota::new().nominal([cores(2)]))
        .node(
            "b".parse().unwrap(),
            Quota::new()
                .nominal([named("licence", 1).unwrap()])
                .weight(0),
        )
        .node("c".parse().unwrap(), Quota::new().limit([cores(1)]))
        .node(
            "c/d".parse().unwrap(),
            Quota::new().nominal([cores(1), cores(2), all.clone()]),
        )
        .node(
            "e".parse().unwrap(),
            Quota::new().nominal([all]).guarantee([millicores(1)]),
        )
        .build(&Kinds::new())
        .unwrap_err();
    let lines: Vec<String> = faults.iter().map(|fault| fault.to_string()).collect();
    assert_eq!(
        lines,
        [
            "root.borrow: is for owners: above the root there is nobody",
            "owner: `a` is named twice",
            "b.weight: `0` has to be more than nothing",
            "b.nominal.licence: `1` is of a kind that no resource offers",
            "c/d.nominal.cpu: `2` is named twice",
            "e.guarantee.cpu: `1` is above the 0 that it and those below own",
            "c.nominal.cpu: `2000` is above its limit of 1000, with what those below own",
            "root.nominal.memory: `0` and what those below own pass 2^64 - 1",
        ]
    );
}

#[test]
fn a_guarantee_may_stand_on_what_those_below_own() {
    let tree = QuotaTree::builder()
        .node(
            "org".parse().unwrap(),
            Quota::new().guarantee([cores(3)]).limit([cores(5)]),
        )
        .node(
            "org/deep/a".parse().unwrap(),
            Quota::new().nominal([cores(3), bytes(7)]),
        )
        .node(
            "org/deep/b".parse().unwrap(),
            Quota::new().nominal([cores(2)]),
        )
        .build(&Kinds::new())
        .unwrap();
    let total = tree.total(&"org".parse().unwrap()).unwrap();
    let kinds = Kinds::new();
    assert_eq!(
        Some(total),
        kinds.amounts(&[cores(5), bytes(7)].into()).ok()
    );
    assert!(tree.total(&"org/deep".parse().unwrap()).is_none());
    let owners: Vec<&str> = tree.owners().map(|owner| owner.as_str()).collect();
    assert_eq!(owners, ["org", "org/deep/a", "org/deep/b"]);
}

#[test]
fn kinds_are_those_of_the_ledger() {
    let mut kinds = Kinds::new();
    let quota = || Quota::new().nominal([named("licence", 1).unwrap()]);
    let build = |kinds: &Kinds| {
        QuotaTree::builder()
            .node("a".parse().unwrap(), quota())
            .build(kinds)
    };
    let faults = build(&kinds).unwrap_err();
    assert!(matches!(faults.iter().next().unwrap().rule, Rule::Other(_)));
    let licence = kinds.register(&"licence".parse().unwrap()).unwrap();
    assert_eq!(
        build(&kinds)
            .unwrap()
            .total(&"a".parse().unwrap())
            .unwrap()
            .get(licence),
        1
    );
}
