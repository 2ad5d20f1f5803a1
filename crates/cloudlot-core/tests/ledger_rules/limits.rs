//! The limits of owners: rows that every reservation along the path takes from.

use super::*;
use cloudlot_core::KindsError;
use cloudlot_core::ledger::{AdminError, Overfull, Why};

fn of(path: &str, amount: u64) -> Request {
    ask(amount).owner(path).build().unwrap()
}

#[test]
fn a_reservation_takes_from_every_limit_along_its_path() {
    let (mut ledger, node) = one_node(100);
    ledger.set_limit(&owner("org"), [q(10)], at(0)).unwrap();
    ledger.set_limit(&owner("org/a"), [q(6)], at(0)).unwrap();
    ledger.reserve(&of("org/a/ci", 5), node, at(0)).unwrap();
    ledger.reserve(&of("org/b", 3), node, at(0)).unwrap();
    let free = |path: &str| ledger.state().owner_free(&owner(path));
    assert_eq!(
        (free("org"), free("org/a"), free("org/b")),
        (Some(cpu(2)), Some(cpu(1)), None)
    );
    let inner = ledger.reserve(&of("org/a", 2), node, at(0));
    assert_eq!(
        inner,
        Err(Why::Limit {
            owner: owner("org/a"),
            short: [q(1)].into()
        })
    );
    let outer = ledger.reserve(&of("org/b", 5), node, at(0));
    assert_eq!(
        outer,
        Err(Why::Limit {
            owner: owner("org"),
            short: [q(3)].into()
        })
    );
    ledger.reserve(&of("org", 2), node, at(0)).unwrap();
    sound(&ledger);
}

#[test]
fn a_name_that_only_begins_the_same_is_not_below() {
    let (mut ledger, node) = one_node(100);
    ledger.set_limit(&owner("org"), [q(1)], at(0)).unwrap();
    ledger.reserve(&of("organ", 50), node, at(0)).unwrap();
    assert_eq!(ledger.state().owner_free(&owner("org")), Some(cpu(1)));
}

#[test]
fn an_owner_that_was_never_met_is_limited_by_those_above() {
    let (mut ledger, node) = one_node(100);
    ledger.set_limit(&owner("org"), [q(1)], at(0)).unwrap();
    assert!(matches!(
        ledger.reserve(&of("org/new/deep", 2), node, at(0)),
        Err(Why::Limit { .. })
    ));
    assert_eq!(ledger.state().find_owner(&owner("org/new/deep")), None);
    ledger.reserve(&of("org/new/deep", 1), node, at(0)).unwrap();
}

#[test]
fn a_limit_of_zero_forbids_its_kind_and_no_other() {
    let mut ledger = Ledger::new();
    let both = Resource::node("n")
        .capacity([q(10), mem(10)])
        .build()
        .unwrap();
    let node = ledger.add(both, at(0)).unwrap();
    ledger.set_limit(&owner("org"), [mem(0)], at(0)).unwrap();
    ledger.reserve(&of("org", 10), node, at(0)).unwrap();
    let memory = Request::new("m")
        .owner("org")
        .part([mem(1)])
        .build()
        .unwrap();
    assert!(matches!(
        ledger.reserve(&memory, node, at(0)),
        Err(Why::Limit { .. })
    ));
}

#[test]
fn what_was_held_before_counts_and_stays_and_nothing_may_grow() {
    let (mut ledger, node) = one_node(100);
    let id = ledger.reserve(&of("org/a", 8), node, at(0)).unwrap().id;
    ledger.set_limit(&owner("org"), [q(5)], at(0)).unwrap();
    assert_eq!(ledger.state().owner_overfull(&owner("org")), cpu(3));
    let org = ledger.state().find_owner(&owner("org")).unwrap();
    assert_eq!(
        ledger.state().all_overfull().collect::<Vec<_>>(),
        [(Overfull::Owner(org), cpu(3))]
    );
    assert!(matches!(
        ledger.reserve(&of("org/b", 1), node, at(0)),
        Err(Why::Limit { .. })
    ));
    assert!(matches!(
        ledger.resize(id, &hold(node, 9), at(0)),
        Err(Why::Limit { .. })
    ));
    ledger.resize(id, &hold(node, 4), at(0)).unwrap();
    ledger.reserve(&of("org/b", 1), node, at(0)).unwrap();
    sound(&ledger);
}

#[test]
fn moving_within_a_limit_needs_no_room_in_it() {
    let (mut ledger, first, second) = two_nodes(100);
    ledger.set_limit(&owner("org"), [q(5)], at(0)).unwrap();
    let id = ledger.reserve(&of("org", 5), first, at(0)).unwrap().id;
    ledger.resize(id, &hold(second, 5), at(0)).unwrap();
    assert_eq!(
        (ledger.state().taken(first), ledger.state().taken(second)),
        (cpu(0), cpu(5))
    );
    sound(&ledger);
}

#[test]
fn a_limit_that_is_replaced_or_lifted_leaves_nothing_behind() {
    let (mut ledger, node) = one_node(100);
    let id = ledger.reserve(&of("org", 5), node, at(0)).unwrap().id;
    for limit in [5, 50, 6] {
        ledger.set_limit(&owner("org"), [q(limit)], at(0)).unwrap();
        assert_eq!(
            ledger.state().owner_free(&owner("org")),
            Some(cpu(limit - 5))
        );
        sound(&ledger);
    }
    ledger.lift_limit(&owner("org"), at(0));
    assert_eq!(ledger.state().owner_free(&owner("org")), None);
    ledger.reserve(&of("org", 60), node, at(0)).unwrap();
    ledger.release(id, at(0)).unwrap();
    let revision = ledger.state().revision();
    ledger.lift_limit(&owner("org"), at(0));
    ledger.lift_limit(&owner("nobody"), at(0));
    assert_eq!(ledger.state().revision(), revision);
    sound(&ledger);
}

#[test]
fn bookings_for_other_times_share_a_limit() {
    let (mut ledger, node) = one_node(100);
    ledger.set_limit(&owner("org"), [q(5)], at(0)).unwrap();
    let booked = |from, until| {
        ask(5)
            .owner("org")
            .window(at(from), at(until))
            .build()
            .unwrap()
    };
    ledger.reserve(&booked(10, 20), node, at(0)).unwrap();
    ledger.reserve(&booked(20, 30), node, at(0)).unwrap();
    assert!(matches!(
        ledger.reserve(&booked(19, 21), node, at(0)),
        Err(Why::Limit { .. })
    ));
    let start = ledger.state().earliest(
        &of("org", 1),
        &cloudlot_core::ledger::Placement::on(node),
        at(5),
        secs(6),
    );
    assert_eq!(start, Ok(Some(at(30))));
    sound(&ledger);
}

#[test]
fn a_kind_named_twice_is_refused_and_changes_nothing() {
    let (mut ledger, _) = one_node(10);
    let before = ledger.state().clone();
    let refused = ledger.set_limit(&owner("org"), [q(1), q(2)], at(0));
    assert_eq!(
        refused,
        Err(AdminError::Kinds(KindsError::Twice(Kind::CPU.into())))
    );
    assert_eq!(*ledger.state(), before);
}
