//! Half-open intervals, deadlines, windows and bookings in advance.

use super::*;
use cloudlot_core::ledger::{Placement, Stage, Why};

#[test]
fn a_hold_is_there_up_to_its_end_and_gone_at_it() {
    let (mut ledger, node) = one_node(10);
    let grant = ledger.reserve(&want(10), node, at(0)).unwrap();
    assert_eq!(grant.until, at(30));
    let before = Timestamp::from_nanos(at(30).as_nanos() - 1);
    assert_eq!(ledger.expire(before), 0);
    assert_eq!(ledger.state().free(node), cpu(0));
    assert_eq!(ledger.expire(at(30)), 1);
    assert_eq!(ledger.state().free(node), cpu(10));
    assert_eq!(ledger.next_deadline(), None);
}

#[test]
fn confirming_a_moment_before_the_end_is_granted_and_at_the_end_refused() {
    let (mut ledger, node) = one_node(10);
    let first = ledger.reserve(&want(5), node, at(0)).unwrap().id;
    let second = ledger.reserve(&want(5), node, at(0)).unwrap().id;
    ledger
        .confirm(first, Timestamp::from_nanos(at(30).as_nanos() - 1))
        .unwrap();
    assert_eq!(ledger.confirm(second, at(30)), Err(Why::Gone(second)));
    assert_eq!(ledger.state().free(node), cpu(5));
    assert_eq!(ledger.state().reservation_count(), 1);
}

#[test]
fn what_ends_at_now_leaves_its_room_to_who_comes_at_now() {
    let (mut ledger, node) = one_node(10);
    ledger.reserve(&want(10), node, at(0)).unwrap();
    assert!(matches!(
        ledger.reserve(&want(1), node, at(29)),
        Err(Why::Full { .. })
    ));
    ledger.reserve(&want(10), node, at(30)).unwrap();
}

#[test]
fn a_commit_first_ends_what_ends_at_its_moment() {
    let (mut ledger, node) = one_node(10);
    let mut view = View::of(&ledger);
    let mut draft = view.draft(at(0));
    draft.reserve(&want(10), &Placement::on(node)).unwrap();
    let plan = draft.finish();
    ledger.reserve(&want(10), node, at(0)).unwrap();
    assert!(ledger.commit(&plan, at(29)).is_err());
    assert_eq!(ledger.commit(&plan, at(30)).unwrap().len(), 1);
    sound(&ledger);
}

#[test]
fn a_confirmed_reservation_ends_with_its_window() {
    let (mut ledger, node) = one_node(10);
    let request = ask(10).window(at(0), at(100)).build().unwrap();
    let grant = ledger.reserve(&request, node, at(0)).unwrap();
    assert_eq!(grant.until, at(30));
    ledger.confirm(grant.id, at(1)).unwrap();
    assert_eq!(ledger.next_deadline(), Some(at(100)));
    assert_eq!(ledger.release(grant.id, at(100)), Err(Why::Gone(grant.id)));
    assert_eq!(ledger.state().free(node), cpu(10));
}

#[test]
fn a_hold_ends_with_its_window_if_that_is_earlier() {
    let (mut ledger, node) = one_node(10);
    let request = ask(10).window(at(0), at(20)).build().unwrap();
    let grant = ledger.reserve(&request, node, at(0)).unwrap();
    assert_eq!(
        (grant.until, ledger.next_deadline()),
        (at(20), Some(at(20)))
    );
    ledger.extend(grant.id, at(500), at(1)).unwrap();
    assert_eq!(ledger.next_deadline(), Some(at(20)));
}

#[test]
fn an_estimate_ends_nothing() {
    let (mut ledger, node) = one_node(10);
    let request = ask(10).expected(secs(5)).build().unwrap();
    let grant = ledger.reserve(&request, node, at(0)).unwrap();
    ledger.confirm(grant.id, at(1)).unwrap();
    assert_eq!(ledger.next_deadline(), None);
    assert_eq!(ledger.expire(at(1_000_000)), 0);
    assert_eq!(ledger.state().free(node), cpu(0));
    assert_eq!(
        ledger.state().reservation(grant.id).unwrap().expected(),
        Some(secs(5))
    );
}

#[test]
fn a_window_that_is_over_is_refused_and_one_that_has_begun_is_cut() {
    let (mut ledger, node) = one_node(10);
    let request = ask(1).window(at(10), at(20)).build().unwrap();
    assert_eq!(
        ledger.reserve(&request, node, at(20)),
        Err(Why::TooLate(at(20)))
    );
    assert_eq!(ledger.state().reservation_count(), 0);

    let (mut ledger, node) = one_node(10);
    let id = ledger.reserve(&request, node, at(15)).unwrap().id;
    let span = ledger.state().reservation(id).unwrap().span();
    assert_eq!((span.from, span.until), (at(15), at(20)));
}

#[test]
fn bookings_that_only_touch_may_both_have_everything() {
    let (mut ledger, node) = one_node(10);
    let late = ask(10)
        .window(at(20), at(30))
        .hold_for(secs(100))
        .build()
        .unwrap();
    let early = ask(10)
        .window(at(10), at(20))
        .hold_for(secs(100))
        .build()
        .unwrap();
    ledger.reserve(&late, node, at(0)).unwrap();
    ledger.reserve(&early, node, at(0)).unwrap();
    let across = ask(1).window(at(19), at(21)).build().unwrap();
    let refused = ledger.reserve(&across, node, at(0));
    assert_eq!(
        refused,
        Err(Why::Full {
            resource: node,
            short: [q(1)].into()
        })
    );
    let beside = ask(10).window(at(30), at(31)).build().unwrap();
    ledger.reserve(&beside, node, at(0)).unwrap();
    assert_eq!(ledger.state().taken_at(node, at(9)), cpu(0));
    assert_eq!(ledger.state().taken_at(node, at(10)), cpu(10));
    assert_eq!(ledger.state().taken_at(node, at(31)), cpu(0));
    sound(&ledger);
}

#[test]
fn work_without_end_yields_to_what_is_booked_for_later() {
    let (mut ledger, node) = one_node(10);
    let booked = ask(7)
        .window(at(50), at(60))
        .hold_for(secs(100))
        .build()
        .unwrap();
    ledger.reserve(&booked, node, at(0)).unwrap();
    assert_eq!(ledger.state().free(node), cpu(3));
    assert!(ledger.reserve(&want(4), node, at(0)).is_err());
    let short = ask(10).window(at(0), at(50)).build().unwrap();
    ledger.reserve(&short, node, at(0)).unwrap();
}

#[test]
fn a_booking_ends_if_nobody_confirms_it_though_its_window_has_not_begun() {
    let (mut ledger, node) = one_node(10);
    let booked = ask(10).window(at(50), at(60)).build().unwrap();
    let id = ledger.reserve(&booked, node, at(0)).unwrap().id;
    assert_eq!(ledger.confirm(id, at(30)), Err(Why::Gone(id)));
    assert_eq!(ledger.state().taken_at(node, at(55)), cpu(0));
}

#[test]
fn the_earliest_fit_is_the_first_gap_that_is_long_enough() {
    let (mut ledger, node) = one_node(10);
    for (from, until) in [(10, 20), (25, 40), (50, 60)] {
        let booked = ask(6)
            .window(at(from), at(until))
            .hold_for(secs(500))
            .build()
            .unwrap();
        ledger.reserve(&booked, node, at(0)).unwrap();
    }
    let state = ledger.state();
    let start = |amount, after, length| {
        state
            .earliest(&want(amount), &Placement::on(node), at(after), secs(length))
            .unwrap()
    };
    assert_eq!(start(5, 0, 10), Some(at(0)));
    assert_eq!(start(5, 1, 10), Some(at(40)));
    assert_eq!(start(5, 1, 5), Some(at(1)));
    assert_eq!(start(5, 6, 5), Some(at(20)));
    assert_eq!(start(5, 6, 11), Some(at(60)));
    assert_eq!(start(4, 6, 1_000), Some(at(6)));
    let for_ever = state.earliest(&want(5), &Placement::on(node), at(0), Duration::MAX);
    assert_eq!(for_ever, Ok(Some(at(60))));
    let windowed = ask(5).window(at(0), at(45)).build().unwrap();
    let none = state.earliest(&windowed, &Placement::on(node), at(30), secs(6));
    assert_eq!(none, Ok(None));
}

#[test]
fn no_time_is_early_enough_beside_work_without_end() {
    let (mut ledger, first, second) = two_nodes(10);
    keep(&mut ledger, 6, first);
    let state = ledger.state();
    assert_eq!(
        state.earliest(&want(5), &Placement::on(first), at(0), secs(1)),
        Ok(None)
    );
    assert_eq!(
        state.earliest_anywhere(&want(5), at(3), secs(1)),
        Ok(Some((second, at(3))))
    );
    assert_eq!(
        state.earliest_anywhere(&want(4), at(3), secs(1)),
        Ok(Some((first, at(3))))
    );
}

#[test]
fn time_that_runs_backwards_counts_as_the_latest() {
    let (mut ledger, node) = one_node(10);
    ledger.expire(at(100));
    let grant = ledger.reserve(&want(1), node, at(50)).unwrap();
    assert_eq!(
        (grant.until, ledger.now(), ledger.backwards()),
        (at(130), at(100), 1)
    );
    assert_eq!(
        ledger
            .journal()
            .since(cloudlot_core::Revision::START)
            .unwrap()
            .last()
            .unwrap()
            .at,
        at(100)
    );
    ledger.confirm(grant.id, at(0)).unwrap();
    let stage = ledger.state().reservation(grant.id).unwrap().stage();
    assert_eq!(
        (stage, ledger.backwards()),
        (Stage::Confirmed { since: at(100) }, 2)
    );
}

#[test]
fn extending_sets_the_end_of_a_hold_and_of_nothing_else() {
    let (mut ledger, node) = one_node(10);
    let held = ledger.reserve(&want(1), node, at(0)).unwrap().id;
    ledger.extend(held, at(60), at(10)).unwrap();
    assert_eq!(ledger.expire(at(59)), 0);
    ledger
        .extend(held, at(59) + Duration::from_nanos(1), at(59))
        .unwrap();
    assert_eq!(
        ledger.extend(held, at(59), at(59)),
        Err(Why::TooLate(at(59)))
    );
    assert_eq!(ledger.expire(at(60)), 1);
    assert_eq!(ledger.extend(held, at(90), at(60)), Err(Why::Gone(held)));
    let kept = keep(&mut ledger, 1, node);
    assert_eq!(
        ledger.extend(kept, at(90), at(60)),
        Err(Why::Confirmed(kept))
    );
}

#[test]
fn a_hold_that_is_extended_for_ever_has_no_deadline() {
    let (mut ledger, node) = one_node(10);
    let held = ledger.reserve(&want(1), node, at(0)).unwrap().id;
    ledger.extend(held, Timestamp::MAX, at(0)).unwrap();
    assert_eq!(
        (ledger.next_deadline(), ledger.expire(Timestamp::MAX)),
        (None, 0)
    );
}
