//! Bookings for later: room that frees with a grace, and starting earlier when it frees sooner.

use super::*;
use cloudlot_core::ledger::{CommitError, Entry, Placement, Plan, Recorder, Span, Why};
use cloudlot_core::{OwnerPath, RequestKey, ResourceState};

/// A full node, and a plan at second 1 that lets its holder go with grace until second 21 and books the room for another.
fn evicted_for(key: Option<RequestKey>) -> (Ledger, ReservationId, Plan) {
    let (mut ledger, node) = one_node(10);
    let victim = keep(&mut ledger, 10, node);
    let mut view = View::of(&ledger);
    let mut draft = view.draft(at(1));
    draft.evict(victim, at(21)).unwrap();
    draft
        .reserve_from(&want(10).with_key(key), &Placement::on(node), at(21))
        .unwrap();
    let plan = draft.finish();
    (ledger, victim, plan)
}

/// The same, carried out: the ledger, the holder that leaves and the one that comes.
fn coming(key: Option<RequestKey>) -> (Ledger, ReservationId, ReservationId) {
    let (mut ledger, victim, plan) = evicted_for(key);
    let grants = ledger.commit(&plan, at(1)).unwrap();
    (ledger, victim, grants[0].id)
}

fn start(ledger: &Ledger, id: ReservationId) -> Timestamp {
    ledger.state().reservation(id).unwrap().span().from
}

#[test]
fn what_is_booked_for_later_waits_to_be_confirmed_from_then_on() {
    let (mut ledger, _, coming) = coming(None);
    let booked = ledger.state().reservation(coming).unwrap();
    assert_eq!(booked.span(), Span::open(at(21)));
    assert_eq!(booked.ends(), Some(at(51)));
    ledger.confirm(coming, at(50)).unwrap();
    sound(&ledger);
}

#[test]
fn nobody_else_gets_room_that_frees_with_a_grace() {
    let (mut ledger, _, _) = coming(None);
    let node = ledger.state().find("n1").unwrap();
    let later = ask(1).not_before(at(21)).build().unwrap();
    for request in [want(1), later] {
        for now in [2, 21] {
            let no = ledger.clone().reserve(&request, node, at(now));
            assert!(matches!(no, Err(Why::Full { .. })), "{no:?} at {now}");
        }
    }
    ledger.expire(at(21));
    assert!(ledger.reserve(&want(1), node, at(22)).is_err());
}

#[test]
fn a_request_that_comes_again_under_its_key_finds_what_was_booked_for_later() {
    let key = RequestKey(7);
    let (mut ledger, _, coming) = coming(Some(key));
    let node = ledger.state().find("n1").unwrap();
    let again = ledger
        .reserve(&want(10).with_key(Some(key)), node, at(2))
        .unwrap();
    assert_eq!(again.id, coming);
}

#[test]
fn a_booking_starts_earlier_once_there_is_room() {
    let (mut ledger, victim, coming) = coming(None);
    let node = ledger.state().find("n1").unwrap();
    let full = ledger.advance(coming, at(5), at(5));
    let short = [q(10)].into();
    assert_eq!(
        full,
        Err(Why::Full {
            resource: node,
            short
        })
    );

    ledger.release(victim, at(6)).unwrap();
    ledger.advance(coming, at(5), at(6)).unwrap();
    assert_eq!(start(&ledger, coming), at(6));
    assert_eq!(ledger.state().taken_at(node, at(6)), cpu(10));
    sound(&ledger);
}

#[test]
fn advancing_twice_or_to_a_later_moment_changes_nothing() {
    let (mut ledger, victim, coming) = coming(None);
    ledger.release(victim, at(2)).unwrap();
    ledger.advance(coming, at(9), at(3)).unwrap();
    let was = ledger.state().reservation(coming).cloned();
    ledger.advance(coming, at(9), at(3)).unwrap();
    ledger.advance(coming, at(500), at(4)).unwrap();
    assert_eq!(ledger.state().reservation(coming).cloned(), was);
    sound(&ledger);
}

#[test]
fn who_was_told_to_go_or_is_gone_or_stands_on_what_is_closed_does_not_start_earlier() {
    let (mut ledger, victim, coming) = coming(None);
    let node = ledger.state().find("n1").unwrap();
    assert_eq!(
        ledger.advance(victim, at(2), at(2)),
        Err(Why::Evicting(victim))
    );
    ledger.release(victim, at(2)).unwrap();
    assert_eq!(ledger.advance(victim, at(2), at(2)), Err(Why::Gone(victim)));
    ledger
        .set_state(node, ResourceState::Draining, at(3))
        .unwrap();
    let closed = ledger.advance(coming, at(3), at(3));
    assert!(matches!(closed, Err(Why::Closed { .. })), "{closed:?}");
    sound(&ledger);
}

#[test]
fn a_limit_counts_from_the_earlier_start_on() {
    let (mut ledger, node) = one_node(10);
    ledger.set_limit(&owner("team"), [q(5)], at(0)).unwrap();
    let mine = |from| ask(4).owner("team").not_before(at(from)).build().unwrap();
    ledger
        .reserve(
            &ask(4).owner("team").window(at(0), at(20)).build().unwrap(),
            node,
            at(0),
        )
        .unwrap();
    let later = ledger.reserve(&mine(20), node, at(0)).unwrap().id;
    let no = ledger.advance(later, at(10), at(1));
    let team = |why: &Why| matches!(why, Why::Limit { owner, .. } if *owner == "team".parse::<OwnerPath>().unwrap());
    assert!(no.as_ref().is_err_and(team), "{no:?}");
    sound(&ledger);
}

#[test]
fn a_draft_that_advances_is_taken_back_and_its_plan_carried_out_whole() {
    let (mut ledger, victim, coming) = coming(Some(RequestKey(1)));
    let mut view = View::of(&ledger);
    let before = view.state().clone();
    let mut draft = view.draft(at(4));
    draft.evict(victim, at(4)).unwrap();
    let mark = draft.mark();
    draft.advance(coming, at(4)).unwrap();
    draft.rollback(mark);
    assert_eq!(
        draft.state().reservation(coming).unwrap().span().from,
        at(21)
    );
    draft.advance(coming, at(4)).unwrap();
    let plan = draft.finish();
    assert_eq!(*view.state(), before);

    let mut recorder = Recorder::of(&ledger);
    let base = ledger.checkpoint();
    let since = ledger.state().revision();
    ledger.commit(&plan, at(4)).unwrap();
    assert_eq!(start(&ledger, coming), at(4));
    let entries: Vec<Entry> = ledger.journal().since(since).unwrap().cloned().collect();
    let replayed = Ledger::replay(base, &entries).unwrap();
    assert_eq!(replayed.state(), ledger.state());
    assert_eq!(recorder.follow(&ledger).puts.len(), 1);
    view.sync(&ledger);
    assert_eq!(view.state(), ledger.state());
    sound(&ledger);

    // The room is taken from second 4 on: a plan that wants it is refused whole.
    let stale = ledger.commit(&evicted_plan(&ledger, victim), at(5));
    assert!(
        matches!(stale, Err(CommitError::Step { index: 0, .. })),
        "{stale:?}"
    );
}

/// A plan that evicts a reservation which is gone.
fn evicted_plan(ledger: &Ledger, gone: ReservationId) -> Plan {
    let mut plan = View::of(ledger).draft(at(5)).finish();
    plan.steps.push(cloudlot_core::ledger::Step::Evict {
        reservation: gone,
        at: at(5),
    });
    plan
}

#[test]
fn an_entry_that_delays_or_changes_the_end_does_not_follow() {
    let (mut ledger, victim, coming) = coming(None);
    ledger.release(victim, at(2)).unwrap();
    let base = ledger.checkpoint();
    let since = ledger.state().revision();
    ledger.advance(coming, at(3), at(3)).unwrap();
    let entry = ledger
        .journal()
        .since(since)
        .unwrap()
        .next()
        .unwrap()
        .clone();
    let with = |span| Entry {
        change: cloudlot_core::ledger::Change::Advanced { id: coming, span },
        ..entry.clone()
    };
    let spans = [
        Span::open(at(22)),
        Span::open(at(2)),
        Span {
            from: at(5),
            until: at(90),
        },
    ];
    for span in spans {
        assert!(
            Ledger::replay(base.clone(), &[with(span)]).is_err(),
            "{span:?}"
        );
    }
    let good = Ledger::replay(base, &[with(Span::open(at(5)))]).unwrap();
    assert_eq!(good.state().reservation(coming).unwrap().span().from, at(5));
}

#[test]
fn what_starts_the_moment_it_was_made_is_an_open_claim_again() {
    let (mut ledger, node) = one_node(10);
    let later = ask(4).not_before(at(20)).build().unwrap();
    let id = ledger.reserve(&later, node, at(3)).unwrap().id;
    ledger.advance(id, at(0), at(3)).unwrap();
    let plain = ledger
        .reserve(&ask(4).build().unwrap(), node, at(3))
        .unwrap()
        .id;
    let span = |id| ledger.state().reservation(id).unwrap().span();
    assert_eq!(span(id), span(plain));
    sound(&ledger);
}
