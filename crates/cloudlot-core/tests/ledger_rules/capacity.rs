//! Limits, what is above them, and resources that close or fail.

use super::*;
use cloudlot_core::ResourceState;
use cloudlot_core::ledger::{Activity, AdminError, Overfull, Why};

#[test]
fn all_of_a_limit_is_granted_and_one_more_refused() {
    let (mut ledger, node) = one_node(10);
    ledger.reserve(&want(10), node, at(0)).unwrap();
    let refused = ledger.reserve(&want(1), node, at(0));
    assert_eq!(
        refused,
        Err(Why::Full {
            resource: node,
            short: [q(1)].into()
        })
    );
    assert_eq!(ledger.state().taken(node), ledger.state().limit(node));
}

#[test]
fn more_than_the_limit_does_not_suit_even_if_the_node_is_empty() {
    let (mut ledger, node) = one_node(10);
    assert!(matches!(
        ledger.reserve(&want(11), node, at(0)),
        Err(Why::Unsuitable { .. })
    ));
    assert_eq!(ledger.state().taken(node), cpu(0));
}

#[test]
fn what_is_above_a_shrunk_limit_is_reported_grows_by_no_step_and_blocks_its_kind_alone() {
    let mut ledger = Ledger::new();
    let two = |cpu, memory| {
        Resource::node("n")
            .capacity([q(cpu), mem(memory)])
            .build()
            .unwrap()
    };
    let node = ledger.add(two(10, 10), at(0)).unwrap();
    let id = keep(&mut ledger, 8, node);
    ledger.update(node, two(5, 10), at(1)).unwrap();
    assert_eq!(ledger.state().overfull(node), cpu(3));
    let all: Vec<_> = ledger.state().all_overfull().collect();
    assert_eq!(all, [(Overfull::Resource(node), cpu(3))]);
    assert_eq!(audit(ledger.state()), []);

    // No take of that kind, however small, and a growth that shrinks nothing.
    let refused = ledger.reserve(&want(1), node, at(1));
    assert_eq!(
        refused,
        Err(Why::Full {
            resource: node,
            short: [q(1)].into()
        })
    );
    assert!(matches!(
        ledger.resize(id, &hold(node, 9), at(1)),
        Err(Why::Full { .. })
    ));
    let both = Request::new("both").part([q(1), mem(1)]).build().unwrap();
    assert!(ledger.reserve(&both, node, at(1)).is_err());

    // Another kind, and steps that shrink.
    let memory = Request::new("m").part([mem(10)]).build().unwrap();
    ledger.reserve(&memory, node, at(1)).unwrap();
    ledger.resize(id, &hold(node, 7), at(1)).unwrap();
    assert_eq!(ledger.state().overfull(node), cpu(2));
    ledger.release_part(id, &hold(node, 3), at(1)).unwrap();
    assert_eq!(ledger.state().overfull(node), cpu(0));
    ledger.reserve(&want(1), node, at(1)).unwrap();
    sound(&ledger);
}

#[test]
fn holds_may_grow_in_one_kind_while_another_is_overfull() {
    let mut ledger = Ledger::new();
    let two = |cpu, memory| {
        Resource::node("n")
            .capacity([q(cpu), mem(memory)])
            .build()
            .unwrap()
    };
    let node = ledger.add(two(10, 10), at(0)).unwrap();
    let id = keep(&mut ledger, 8, node);
    ledger.update(node, two(5, 10), at(1)).unwrap();
    let more = Amounts::of([(Kind::CPU, 8), (Kind::MEMORY, 10)]);
    ledger
        .resize(id, &Holds::one(Hold::new(node, &more)), at(1))
        .unwrap();
    assert_eq!(ledger.state().overfull(node), cpu(3));
}

#[test]
fn a_node_whose_kind_vanishes_is_overfull_by_all_that_is_held() {
    let (mut ledger, node) = one_node(10);
    keep(&mut ledger, 4, node);
    let bare = Resource::node("n1").build().unwrap();
    ledger.update(node, bare, at(0)).unwrap();
    assert_eq!(
        (ledger.state().limit(node), ledger.state().overfull(node)),
        (cpu(0), cpu(4))
    );
    sound(&ledger);
}

#[test]
fn a_draining_node_takes_nothing_and_keeps_what_it_has() {
    let (mut ledger, node) = one_node(10);
    let id = ledger.reserve(&want(4), node, at(0)).unwrap().id;
    ledger
        .set_state(node, ResourceState::Draining, at(0))
        .unwrap();
    let refused = ledger.reserve(&want(1), node, at(0));
    assert_eq!(
        refused,
        Err(Why::Closed {
            resource: node,
            state: ResourceState::Draining
        })
    );
    assert!(matches!(
        ledger.resize(id, &hold(node, 5), at(0)),
        Err(Why::Closed { .. })
    ));
    ledger.resize(id, &hold(node, 3), at(0)).unwrap();
    ledger.confirm(id, at(0)).unwrap();
    assert_eq!(ledger.state().taken(node), cpu(3));
    ledger
        .set_state(node, ResourceState::Available, at(0))
        .unwrap();
    ledger.reserve(&want(7), node, at(0)).unwrap();
}

#[test]
fn a_failed_node_keeps_its_holds_until_they_go_or_it_returns() {
    let (mut ledger, node) = one_node(10);
    let held = ledger.reserve(&want(3), node, at(0)).unwrap().id;
    let kept = keep(&mut ledger, 4, node);
    ledger
        .set_state(node, ResourceState::Failed, at(1))
        .unwrap();
    assert_eq!(ledger.state().taken(node), cpu(7));
    assert!(ledger.state().is_lost(held) && ledger.state().is_lost(kept));
    assert_eq!(
        ledger.confirm(held, at(1)),
        Err(Why::Lost {
            id: held,
            resource: node
        })
    );
    assert!(matches!(
        ledger.reserve(&want(1), node, at(1)),
        Err(Why::Closed { .. })
    ));
    ledger.evict(kept, at(1), at(1)).unwrap();
    assert_eq!(ledger.state().taken(node), cpu(3));
    ledger
        .set_state(node, ResourceState::Available, at(1))
        .unwrap();
    assert!(!ledger.state().is_lost(held));
    ledger.confirm(held, at(1)).unwrap();
    sound(&ledger);
}

#[test]
fn the_hold_of_a_failed_node_still_expires() {
    let (mut ledger, node) = one_node(10);
    ledger.reserve(&want(3), node, at(0)).unwrap();
    ledger
        .set_state(node, ResourceState::Failed, at(1))
        .unwrap();
    assert_eq!(ledger.expire(at(30)), 1);
}

#[test]
fn activity_follows_from_holds() {
    let (mut ledger, node) = one_node(10);
    let activity = |ledger: &Ledger| ledger.state().activity(node).unwrap();
    assert_eq!(activity(&ledger), Activity::Idle);
    let first = ledger.reserve(&want(3), node, at(0)).unwrap().id;
    let second = ledger.reserve(&want(3), node, at(0)).unwrap().id;
    assert_eq!(activity(&ledger), Activity::Reserved);
    ledger.confirm(first, at(0)).unwrap();
    assert_eq!(activity(&ledger), Activity::InUse);
    ledger.release(first, at(0)).unwrap();
    assert_eq!(activity(&ledger), Activity::Reserved);
    ledger.release(second, at(0)).unwrap();
    assert_eq!(activity(&ledger), Activity::Idle);
}

#[test]
fn a_node_that_is_held_is_not_removed() {
    let (mut ledger, node) = one_node(10);
    let id = ledger.reserve(&want(3), node, at(0)).unwrap().id;
    let refused = ledger.remove(node, at(0));
    assert_eq!(
        refused,
        Err(AdminError::InUse {
            id: node,
            holds: 1,
            children: 0
        })
    );
    ledger.release(id, at(0)).unwrap();
    ledger.remove(node, at(0)).unwrap();
    assert_eq!(ledger.remove(node, at(0)), Err(AdminError::Unknown(node)));
    assert_eq!(
        ledger.reserve(&want(1), node, at(0)),
        Err(Why::UnknownResource(node))
    );
}

#[test]
fn what_takes_a_place_is_not_what_had_it() {
    let (mut ledger, old) = one_node(10);
    ledger.remove(old, at(0)).unwrap();
    let new = ledger.add(super::node("n2", 20), at(0)).unwrap();
    assert_eq!(old.slot(), new.slot());
    assert_eq!(ledger.state().limit(old), cpu(0));
    assert_eq!(
        ledger.reserve(&want(1), old, at(0)),
        Err(Why::UnknownResource(old))
    );
    let first = ledger.reserve(&want(20), new, at(0)).unwrap().id;
    ledger.release(first, at(0)).unwrap();
    let second = ledger.reserve(&want(20), new, at(0)).unwrap().id;
    assert_eq!(first.slot(), second.slot());
    assert_eq!(ledger.release(first, at(0)), Err(Why::Gone(first)));
    ledger.release(second, at(0)).unwrap();
    sound(&ledger);
}

#[test]
fn names_are_unique_and_stay() {
    let (mut ledger, node) = one_node(10);
    let again = ledger.add(super::node("n1", 1), at(0));
    assert_eq!(again, Err(AdminError::NameTaken("n1".to_owned())));
    assert_eq!(
        ledger.update(node, super::node("n2", 1), at(0)),
        Err(AdminError::Moved(node))
    );
    let orphan = Resource::node("gpu").parent("nowhere").build().unwrap();
    assert_eq!(
        ledger.add(orphan, at(0)),
        Err(AdminError::NoParent("nowhere".to_owned()))
    );
    assert_eq!(ledger.state().resource_count(), 1);
}
