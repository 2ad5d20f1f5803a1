//! Drafts: what they take shows while they last, and is gone without a trace after.

use super::*;
use cloudlot_core::ledger::{Group, Placement, Refusal, Why};

fn tagged(path: &str) -> Request {
    ask(2).owner(path).label("app", "x").build().unwrap()
}

fn members(view: &View) -> u64 {
    let label = "app=x".parse().unwrap();
    view.state().members(&Group {
        label,
        level: String::new(),
        domain: String::new(),
    })
}

#[test]
fn a_draft_counts_its_own_steps() {
    let (ledger, node) = one_node(10);
    let mut view = View::of(&ledger);
    let mut draft = view.draft(at(0));
    draft.reserve(&want(7), &Placement::on(node)).unwrap();
    assert_eq!(draft.state().free(node), cpu(3));
    let refused = draft.reserve(&want(4), &Placement::on(node));
    assert_eq!(
        refused,
        Err(Why::Full {
            resource: node,
            short: [q(1)].into()
        })
    );
    assert_eq!(draft.finish().steps.len(), 1);
}

#[test]
fn finishing_and_dropping_leave_the_view_as_it_was_and_in_step() {
    let (mut ledger, first, second) = two_nodes(10);
    let leaves = ledger.reserve(&tagged("org/a"), first, at(0)).unwrap().id;
    let stays = ledger.reserve(&tagged("org/b"), second, at(0)).unwrap().id;
    let gap = ledger.reserve(&want(1), second, at(0)).unwrap().id;
    ledger.release(gap, at(0)).unwrap();
    let mut view = View::of(&ledger);
    let before = view.state().clone();
    for finish in [true, false] {
        let mut draft = view.draft(at(5));
        draft.evict(leaves, at(5)).unwrap();
        draft.evict(stays, at(9)).unwrap();
        draft
            .reserve(&tagged("org/new"), &Placement::on(first))
            .unwrap();
        draft.reserve(&want(3), &Placement::on(second)).unwrap();
        assert_ne!(*draft.state(), before);
        if finish {
            assert_eq!(draft.finish().steps.len(), 4);
        } else {
            drop(draft);
        }
        assert_eq!((view.state(), members(&view)), (&before, 2));
        assert_eq!(view.state().find_owner(&owner("org/new")), None);
    }
    // Free places are given in the same order as on the ledger.
    ledger.reserve(&want(1), first, at(6)).unwrap();
    ledger.reserve(&want(1), first, at(6)).unwrap();
    assert_eq!(view.sync(&ledger).entries, 2);
    assert_eq!(view.state(), ledger.state());
}

#[test]
fn going_back_to_a_mark_takes_back_what_came_after_it_alone() {
    let (mut ledger, node) = one_node(10);
    let old = ledger.reserve(&tagged("org"), node, at(0)).unwrap().id;
    let mut view = View::of(&ledger);
    let mut draft = view.draft(at(1));
    draft.reserve(&want(1), &Placement::on(node)).unwrap();
    let (mark, then) = (draft.mark(), draft.state().clone());
    for _ in 0..3 {
        draft.evict(old, at(1)).unwrap();
        draft.reserve(&tagged("new"), &Placement::on(node)).unwrap();
        draft.refuse(Refusal {
            request: want(1),
            why: Why::Overflow,
            retry_at: None,
        });
        draft.rollback(mark);
        assert_eq!(draft.state().free(node), then.free(node));
        assert_eq!(draft.state().reservation(old), then.reservation(old));
        assert_eq!(draft.state().find_owner(&owner("new")), None);
    }
    draft.resize(old, &hold(node, 9)).unwrap();
    let plan = draft.finish();
    assert_eq!((plan.steps.len(), plan.refusals.len()), (2, 0));
    assert_eq!(ledger.commit(&plan, at(1)).unwrap().len(), 1);
    sound(&ledger);
}

#[test]
fn a_draft_is_never_in_the_past_of_its_view() {
    let (mut ledger, node) = one_node(10);
    ledger.reserve(&want(1), node, at(50)).unwrap();
    let mut view = View::of(&ledger);
    let mut draft = view.draft(at(0));
    let over = ask(1).window(at(0), at(50)).build().unwrap();
    assert_eq!(
        draft.reserve(&over, &Placement::on(node)),
        Err(Why::TooLate(at(50)))
    );
}

#[test]
fn a_refused_step_leaves_the_draft_as_it_was() {
    let (mut ledger, node) = one_node(10);
    let id = keep(&mut ledger, 4, node);
    let mut view = View::of(&ledger);
    let mut draft = view.draft(at(0));
    draft.reserve(&want(2), &Placement::on(node)).unwrap();
    let then = draft.state().clone();
    let stranger = ask(9).owner("never/met").build().unwrap();
    assert!(draft.reserve(&stranger, &Placement::on(node)).is_err());
    assert!(draft.resize(id, &hold(node, 9)).is_err());
    assert!(draft.evict(ReservationId::new(50, 0), at(0)).is_err());
    assert_eq!(*draft.state(), then);
}
