//! Requests that come again.

use super::*;
use cloudlot_core::RequestKey;
use cloudlot_core::ledger::{CommitError, LedgerConfig, Placement, Step, Why};

const KEY: RequestKey = RequestKey(7);

fn keyed(amount: u64, key: u128) -> Request {
    want(amount).with_key(Some(RequestKey(key)))
}

/// A ledger that remembers so many ended keys, and its node.
fn remembering(ended_keys: usize) -> (Ledger, ResourceId) {
    let mut ledger = Ledger::with(LedgerConfig {
        ended_keys,
        ..LedgerConfig::default()
    });
    let id = ledger.add(node("n1", 10), at(0)).unwrap();
    (ledger, id)
}

#[test]
fn a_repeated_request_gets_its_first_answer_and_holds_nothing_more() {
    let (mut ledger, node) = one_node(10);
    let first = ledger.reserve(&keyed(8, 7), node, at(0)).unwrap();
    let revision = ledger.state().revision();
    assert_eq!(ledger.reserve(&keyed(8, 7), node, at(5)), Ok(first));
    assert_eq!(
        ledger.place(&keyed(8, 7), &Placement::on(node), at(6)),
        Ok(first)
    );
    ledger.confirm(first.id, at(7)).unwrap();
    assert_eq!(ledger.reserve(&keyed(8, 7), node, at(8)), Ok(first));
    assert_eq!(
        (ledger.state().taken(node), ledger.state().revision()),
        (cpu(8), revision_after(revision))
    );
}

/// One change later.
fn revision_after(revision: cloudlot_core::Revision) -> cloudlot_core::Revision {
    cloudlot_core::Revision::new(revision.number() + 1)
}

#[test]
fn another_request_under_the_key_is_refused() {
    let (mut ledger, node) = one_node(10);
    ledger.reserve(&keyed(8, 7), node, at(0)).unwrap();
    assert_eq!(
        ledger.reserve(&keyed(1, 7), node, at(0)),
        Err(Why::KeyReused(KEY))
    );
    assert_eq!(ledger.state().taken(node), cpu(8));
}

#[test]
fn a_refusal_is_not_remembered() {
    let (mut ledger, node) = one_node(10);
    let blocker = ledger.reserve(&want(5), node, at(0)).unwrap();
    assert!(matches!(
        ledger.reserve(&keyed(8, 7), node, at(0)),
        Err(Why::Full { .. })
    ));
    assert_eq!(ledger.key_count(), 0);
    ledger.release(blocker.id, at(0)).unwrap();
    ledger.reserve(&keyed(8, 7), node, at(0)).unwrap();
    ledger.reserve(&keyed(2, 8), node, at(0)).unwrap();
    assert_eq!(ledger.key_count(), 2);
}

#[test]
fn the_answer_outlives_the_reservation_until_newer_ended_keys_push_it_out() {
    let (mut ledger, node) = remembering(2);
    let grants: Vec<_> = (0..3)
        .map(|key| ledger.reserve(&keyed(1, key), node, at(0)).unwrap())
        .collect();
    ledger.release(grants[1].id, at(0)).unwrap();
    ledger.release(grants[0].id, at(0)).unwrap();
    assert_eq!(ledger.reserve(&keyed(1, 1), node, at(1)), Ok(grants[1]));
    assert_eq!(ledger.reserve(&keyed(1, 0), node, at(1)), Ok(grants[0]));
    assert_eq!(ledger.state().taken(node), cpu(1));
    // The first that ended is the first that is forgotten.
    ledger.release(grants[2].id, at(1)).unwrap();
    assert_eq!(ledger.key_count(), 2);
    assert_eq!(ledger.reserve(&keyed(1, 0), node, at(1)), Ok(grants[0]));
    let again = ledger.reserve(&keyed(1, 1), node, at(1)).unwrap();
    assert_ne!(again.id, grants[1].id);
    assert_eq!(ledger.state().taken(node), cpu(1));
}

#[test]
fn a_live_key_is_never_forgotten() {
    let (mut ledger, node) = remembering(0);
    let first = ledger.reserve(&keyed(1, 7), node, at(0)).unwrap();
    for key in 100..120 {
        let id = ledger.reserve(&keyed(1, key), node, at(0)).unwrap().id;
        ledger.release(id, at(0)).unwrap();
    }
    assert_eq!(ledger.reserve(&keyed(1, 7), node, at(0)), Ok(first));
    assert_eq!(ledger.key_count(), 1);
    ledger.expire(at(30));
    assert_eq!(ledger.key_count(), 0);
}

#[test]
fn memory_of_keys_is_bounded() {
    let (mut ledger, node) = remembering(5);
    for key in 0..1_000 {
        let id = ledger.reserve(&keyed(1, key), node, at(0)).unwrap().id;
        ledger.release(id, at(0)).unwrap();
    }
    assert_eq!(ledger.key_count(), 5);
}

#[test]
fn adopting_and_committing_know_keys_too() {
    let (mut ledger, node) = one_node(10);
    let request = keyed(3, 7);
    let first = ledger
        .adopt(&booking(&request, node, 3), Some(at(0)), at(0))
        .unwrap();
    assert_eq!(first.until, Timestamp::MAX);
    assert_eq!(
        ledger.adopt(&booking(&request, node, 3), Some(at(0)), at(0)),
        Ok(first)
    );
    assert_eq!(ledger.reserve(&request, node, at(0)), Ok(first));

    let mut view = View::of(&ledger);
    let mut draft = view.draft(at(0));
    draft.reserve(&request, &Placement::on(node)).unwrap();
    draft.reserve(&keyed(2, 8), &Placement::on(node)).unwrap();
    let plan = draft.finish();
    let grants = ledger.commit(&plan, at(0)).unwrap();
    assert_eq!(grants[0], first);
    assert_eq!(ledger.commit(&plan, at(0)), Ok(grants));
    assert_eq!(ledger.state().taken(node), cpu(5));
}

#[test]
fn a_plan_that_serves_a_request_twice_grants_it_once() {
    let (mut ledger, node) = one_node(10);
    let mut view = View::of(&ledger);
    let mut draft = view.draft(at(0));
    draft.reserve(&keyed(3, 7), &Placement::on(node)).unwrap();
    draft.reserve(&keyed(3, 7), &Placement::on(node)).unwrap();
    let plan = draft.finish();
    let grants = ledger.commit(&plan, at(0)).unwrap();
    assert_eq!(grants[0], grants[1]);
    assert_eq!(ledger.state().taken(node), cpu(3));
    sound(&ledger);
}

#[test]
fn a_plan_with_two_requests_under_one_key_is_refused_whole() {
    let (mut ledger, node) = one_node(10);
    let mut view = View::of(&ledger);
    let mut draft = view.draft(at(0));
    draft.reserve(&keyed(3, 7), &Placement::on(node)).unwrap();
    draft.reserve(&keyed(4, 7), &Placement::on(node)).unwrap();
    let plan = draft.finish();
    let refused = ledger.commit(&plan, at(0));
    assert_eq!(
        refused,
        Err(CommitError::Step {
            index: 1,
            why: Why::KeyReused(KEY)
        })
    );
    assert_eq!(
        (ledger.key_count(), ledger.state().taken(node)),
        (0, cpu(0))
    );
}

#[test]
fn a_key_that_is_granted_and_ended_in_one_plan_counts_as_ended() {
    let (mut ledger, node) = remembering(0);
    let mut view = View::of(&ledger);
    let mut draft = view.draft(at(0));
    draft.reserve(&keyed(3, 7), &Placement::on(node)).unwrap();
    let mut plan = draft.finish();
    let (id, _) = {
        let mut other = ledger.clone();
        let grant = other.reserve(&keyed(3, 7), node, at(0)).unwrap();
        (grant.id, ())
    };
    plan.steps.push(Step::Evict {
        reservation: id,
        at: at(0),
    });
    ledger.commit(&plan, at(0)).unwrap();
    assert_eq!(
        (ledger.key_count(), ledger.state().reservation_count()),
        (0, 0)
    );
}

#[test]
fn a_plan_that_gives_a_place_again_keeps_the_answer_of_both_keys() {
    let (mut ledger, node) = one_node(10);
    let old = ledger.reserve(&keyed(3, 7), node, at(0)).unwrap();
    let mut view = View::of(&ledger);
    let mut draft = view.draft(at(1));
    draft.reserve(&keyed(4, 8), &Placement::on(node)).unwrap();
    let mut plan = draft.finish();
    let evict = Step::Evict {
        reservation: old.id,
        at: at(1),
    };
    plan.steps.insert(0, evict);
    let new = ledger.commit(&plan, at(1)).unwrap()[0];
    assert_eq!(new.id.slot(), old.id.slot());
    assert_eq!(ledger.reserve(&keyed(3, 7), node, at(2)), Ok(old));
    assert_eq!(ledger.reserve(&keyed(4, 8), node, at(2)), Ok(new));
    assert_eq!(
        (ledger.key_count(), ledger.state().taken(node)),
        (2, cpu(4))
    );
}
