//! The edges of 64 bits, of 32 kinds, and amounts of nothing.

use super::*;
use cloudlot_core::ledger::{AdminError, Entry, Placement, Why};
use cloudlot_core::{KindsError, Revision, named};

const MAX: u64 = u64::MAX;

/// All entries so far.
fn entries(ledger: &Ledger) -> Vec<Entry> {
    ledger
        .journal()
        .since(Revision::START)
        .unwrap()
        .cloned()
        .collect()
}

/// Asserts that replaying all entries gives the same state.
fn replays(ledger: &Ledger) {
    let start = Ledger::new().checkpoint();
    let replayed = Ledger::replay(start, &entries(ledger)).unwrap();
    assert_eq!(replayed.state(), ledger.state());
    sound(ledger);
}

#[test]
fn a_limit_of_all_there_is_can_be_taken_whole_and_given_back() {
    let (mut ledger, node) = one_node(MAX);
    let id = ledger.reserve(&want(MAX), node, at(0)).unwrap().id;
    assert_eq!(
        ledger.reserve(&want(1), node, at(0)),
        Err(Why::Full {
            resource: node,
            short: [q(1)].into()
        })
    );
    let most = ledger.reserve(&want(MAX), node, at(0));
    assert_eq!(
        most,
        Err(Why::Full {
            resource: node,
            short: [q(MAX)].into()
        })
    );
    ledger.release(id, at(0)).unwrap();
    assert_eq!(ledger.state().free(node), cpu(MAX));
    replays(&ledger);
}

#[test]
fn a_reservation_of_more_than_half_of_64_bits_can_be_resized_and_replayed() {
    let (mut ledger, node) = one_node(MAX);
    let id = ledger.reserve(&want(MAX / 2 + 2), node, at(0)).unwrap().id;
    ledger.resize(id, &hold(node, MAX), at(0)).unwrap();
    ledger.release_part(id, &hold(node, 1), at(0)).unwrap();
    assert_eq!(ledger.state().free(node), cpu(1));
    replays(&ledger);
}

#[test]
fn bookings_of_everything_one_after_the_other_can_be_replayed() {
    let (mut ledger, node) = one_node(MAX);
    for from in [10, 20, 30] {
        let request = ask(MAX).window(at(from), at(from + 10)).build().unwrap();
        ledger.reserve(&request, node, at(0)).unwrap();
    }
    replays(&ledger);
}

#[test]
fn adopting_what_does_not_fit_is_granted_and_what_cannot_be_counted_is_refused() {
    let (mut ledger, node) = one_node(10);
    let request = want(1);
    ledger
        .adopt(&booking(&request, node, MAX), Some(at(0)), at(0))
        .unwrap();
    assert_eq!(ledger.state().overfull(node), cpu(MAX - 10));
    let before = ledger.state().clone();
    assert_eq!(
        ledger.adopt(&booking(&request, node, 1), None, at(0)),
        Err(Why::Overflow)
    );
    assert_eq!(*ledger.state(), before);
    replays(&ledger);
}

#[test]
fn adopting_beside_a_booking_is_counted_at_the_moments_they_share() {
    let (mut ledger, node) = one_node(MAX);
    let early = ask(MAX).window(at(10), at(20)).build().unwrap();
    ledger.reserve(&early, node, at(0)).unwrap();
    let late = ask(1).window(at(20), at(30)).build().unwrap();
    ledger
        .adopt(&booking(&late, node, MAX), None, at(0))
        .unwrap();
    let across = ask(1).window(at(19), at(21)).build().unwrap();
    assert_eq!(
        ledger.adopt(&booking(&across, node, 1), None, at(0)),
        Err(Why::Overflow)
    );
    replays(&ledger);
}

#[test]
fn holds_that_cannot_be_added_up_are_none() {
    let (_, first, second) = two_nodes(MAX);
    let holds = |amount| Holds::sum([Hold::new(first, &cpu(MAX)), Hold::new(second, &cpu(amount))]);
    assert!(holds(1).is_none());
    assert!(holds(0).is_some());
}

#[test]
fn a_limit_on_more_than_can_be_counted_is_refused_and_changes_nothing() {
    let (mut ledger, first, second) = two_nodes(MAX);
    for (owner, on) in [("org/a", first), ("org/b", second)] {
        ledger
            .reserve(&ask(MAX).owner(owner).build().unwrap(), on, at(0))
            .unwrap();
    }
    let before = ledger.state().clone();
    let refused = ledger.set_limit(&owner("org"), [q(5)], at(0));
    assert_eq!(refused, Err(AdminError::Owner(Why::Overflow)));
    assert_eq!(*ledger.state(), before);
    // Another kind can be counted, and one of the two can.
    ledger.set_limit(&owner("org"), [mem(5)], at(0)).unwrap();
    ledger.set_limit(&owner("org/a"), [q(5)], at(0)).unwrap();
    assert_eq!(ledger.state().owner_overfull(&owner("org/a")), cpu(MAX - 5));
    replays(&ledger);
}

#[test]
fn a_request_under_a_limit_that_is_counted_to_the_brim_is_refused() {
    let (mut ledger, first, second) = two_nodes(MAX);
    ledger
        .set_limit(&owner("default"), [q(MAX)], at(0))
        .unwrap();
    ledger.reserve(&want(MAX), first, at(0)).unwrap();
    let refused = ledger.reserve(&want(1), second, at(0));
    assert_eq!(
        refused,
        Err(Why::Limit {
            owner: owner("default"),
            short: [q(1)].into()
        })
    );
    assert_eq!(
        ledger.adopt(&booking(&want(1), second, 1), None, at(0)),
        Err(Why::Overflow)
    );
    replays(&ledger);
}

#[test]
fn a_node_that_offers_nothing_takes_nothing() {
    let (mut ledger, node) = one_node(0);
    assert!(matches!(
        ledger.reserve(&want(1), node, at(0)),
        Err(Why::Unsuitable { .. })
    ));
    assert_eq!(ledger.state().limit(node), Amounts::ZERO);
}

#[test]
fn an_unknown_kind_is_refused_and_registers_nothing() {
    let (mut ledger, node) = one_node(10);
    let kinds = ledger.state().kinds().clone();
    let revision = ledger.state().revision();
    let request = Request::new("odd")
        .part([named("licence", 1).unwrap()])
        .build()
        .unwrap();
    assert!(matches!(
        ledger.reserve(&request, node, at(0)),
        Err(Why::UnknownKind(_) | Why::Unsuitable { .. })
    ));
    let placed = ledger.place(&request, &Placement::on(node), at(0));
    assert!(matches!(
        placed,
        Err(Why::UnknownKind(_) | Why::Unsuitable { .. })
    ));
    let anywhere = ledger.state().earliest_anywhere(&request, at(0), secs(1));
    assert_eq!(anywhere, Err(Why::UnknownKind("licence".parse().unwrap())));
    assert_eq!(
        (ledger.state().kinds(), ledger.state().revision()),
        (&kinds, revision)
    );
}

#[test]
fn a_ledger_tells_32_kinds_apart_and_refuses_the_33rd_whole() {
    let (mut ledger, node) = one_node(10);
    let kind = |n: u64| named(&format!("kind/{n}"), n).unwrap();
    let many = Resource::node("many")
        .capacity((0..27).map(|n| kind(n + 1)))
        .build()
        .unwrap();
    let many = ledger.add(many, at(0)).unwrap();
    assert_eq!(ledger.state().kinds().len(), 32);
    let before = ledger.state().clone();
    let one_more = Resource::node("more")
        .capacity([kind(3), kind(28)])
        .build()
        .unwrap();
    let refused = Err(AdminError::Kinds(KindsError::TooMany(
        "kind/28".parse().unwrap(),
    )));
    assert_eq!(ledger.add(one_more, at(0)), refused);
    let changed = Resource::node("n1").capacity([kind(28)]).build().unwrap();
    assert!(matches!(
        ledger.update(node, changed, at(0)),
        Err(AdminError::Kinds(_))
    ));
    assert!(matches!(
        ledger.set_limit(&owner("org"), [kind(28)], at(0)),
        Err(AdminError::Kinds(_))
    ));
    assert_eq!(*ledger.state(), before);

    let request = Request::new("all")
        .part((0..27).map(|n| kind(n + 1)))
        .build()
        .unwrap();
    ledger.reserve(&request, many, at(0)).unwrap();
    assert_eq!(ledger.state().free(many), Amounts::ZERO);
    replays(&ledger);
}

#[test]
fn of_several_new_kinds_none_is_registered_if_one_is_too_many() {
    let mut ledger = Ledger::new();
    let kind = |n: u64| named(&format!("kind/{n}"), 1).unwrap();
    let many = Resource::node("many")
        .capacity((0..26).map(kind))
        .build()
        .unwrap();
    ledger.add(many, at(0)).unwrap();
    let two = Resource::node("two")
        .capacity([kind(30), kind(31)])
        .build()
        .unwrap();
    assert!(ledger.add(two, at(0)).is_err());
    assert_eq!(ledger.state().kinds().len(), 31);
}
