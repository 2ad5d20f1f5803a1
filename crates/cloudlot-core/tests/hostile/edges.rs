//! Amounts and times at the edges of 64 bits, from the description to the ledger.

use cloudlot_core::ledger::{
    AdminError, Booking, CommitError, Hold, Holds, Ledger, Piece, Placement, View, Why, audit,
};
use cloudlot_core::{
    Amounts, Kind, Quantity, Request, Resource, ResourceId, Timestamp, cores, millicores, named,
};
use std::time::Duration;

const MOST: u64 = u64::MAX;
const NOW: Timestamp = Timestamp::from_nanos(1_000);

/// A ledger with nodes of all there can be.
fn ledger(nodes: usize) -> (Ledger, Vec<ResourceId>) {
    let mut ledger = Ledger::new();
    let nodes = (0..nodes).map(|n| {
        let node = Resource::node(format!("n{n}")).capacity([cpu(MOST)]);
        ledger.add(node.build().unwrap(), NOW).unwrap()
    });
    let nodes = nodes.collect();
    (ledger, nodes)
}

fn cpu(amount: u64) -> Quantity {
    millicores(amount)
}

fn ask(amount: u64) -> Request {
    let request = Request::new("job").owner("org/a").part([cpu(amount)]);
    request.build().unwrap()
}

#[track_caller]
fn sound(ledger: &Ledger) {
    assert_eq!(audit(ledger.state()), []);
}

#[test]
fn all_there_can_be_is_given_once_and_not_one_more() {
    let (mut ledger, nodes) = ledger(1);
    let grant = ledger.reserve(&ask(MOST), nodes[0], NOW).unwrap();
    assert!(ledger.state().free(nodes[0]).is_zero());
    let why = ledger.reserve(&ask(1), nodes[0], NOW).unwrap_err();
    assert_eq!(why.to_string(), "resource-0.0 is short by cpu 1m");
    let why = ledger.reserve(&ask(MOST), nodes[0], NOW).unwrap_err();
    assert!(matches!(why, Why::Full { .. }), "{why}");
    ledger.release(grant.id, NOW).unwrap();
    assert_eq!(ledger.state().free(nodes[0]).get(Kind::CPU), MOST);
    sound(&ledger);
}

#[test]
fn sums_over_nodes_end_at_the_most_and_never_turn_round() {
    let (mut ledger, nodes) = ledger(2);
    for node in &nodes {
        ledger.reserve(&ask(MOST), *node, NOW).unwrap();
    }
    let usage = ledger.state().usage(NOW);
    assert_eq!(
        (usage.kinds["cpu"].capacity, usage.kinds["cpu"].held),
        (MOST, MOST)
    );
    assert_eq!(usage.owners["org/a"]["cpu"].held, MOST);
    assert_eq!(usage.overall.mean, 1.0);
    sound(&ledger);
    // What cannot be counted cannot be limited.
    let limit = ledger.set_limit(&"org".parse().unwrap(), [cpu(MOST)], NOW);
    assert_eq!(limit, Err(AdminError::Owner(Why::Overflow)));
    sound(&ledger);
}

#[test]
fn a_limit_of_the_most_holds_over_nodes() {
    let (mut ledger, nodes) = ledger(2);
    ledger
        .set_limit(&"org".parse().unwrap(), [cpu(MOST)], NOW)
        .unwrap();
    ledger.reserve(&ask(MOST), nodes[0], NOW).unwrap();
    let why = ledger.reserve(&ask(1), nodes[1], NOW).unwrap_err();
    assert_eq!(why.to_string(), "the limit of org is short by cpu 1m");
    let why = ledger.reserve(&ask(MOST), nodes[1], NOW).unwrap_err();
    assert!(matches!(why, Why::Limit { .. }), "{why}");
    sound(&ledger);
}

#[test]
fn overcommit_reaches_the_most_and_stops_there() {
    let node = |capacity, thousandths| {
        let node = Resource::node("n").capacity([cpu(capacity)]);
        node.overcommit(Kind::CPU, thousandths).build()
    };
    let half = node(MOST / 2, 2_000).unwrap();
    assert_eq!(half.limits().get(&Kind::CPU.into()), MOST - 1);
    assert!(node(MOST, 1_001).is_err());
    assert!(node(MOST, u32::MAX).is_err());
    assert!(node(1, 0).is_err() || node(1, 0).unwrap().limits().is_empty());
    let mut ledger = Ledger::new();
    let id = ledger.add(half, NOW).unwrap();
    let why = ledger.reserve(&ask(MOST), id, NOW).unwrap_err();
    assert!(matches!(why, Why::Unsuitable { .. }), "never: {why}");
    for _ in 0..2 {
        ledger.reserve(&ask(MOST / 2), id, NOW).unwrap();
    }
    let why = ledger.reserve(&ask(1), id, NOW).unwrap_err();
    assert_eq!(why.to_string(), "resource-0.0 is short by cpu 1m");
    assert!(ledger.state().usage(NOW).kinds["cpu"].utilisation().ratio() <= 2.0);
    sound(&ledger);
}

#[test]
fn adopted_work_is_counted_up_to_the_most_and_refused_beyond() {
    let (mut ledger, nodes) = ledger(1);
    let booking = |amount| {
        let holds = Hold::new(nodes[0], &Amounts::of([(Kind::CPU, amount)]));
        Booking::of(&ask(1), Holds::one(holds))
    };
    ledger.adopt(&booking(MOST), Some(NOW), NOW).unwrap();
    let revision = ledger.state().revision();
    assert_eq!(ledger.adopt(&booking(1), None, NOW), Err(Why::Overflow));
    assert_eq!(ledger.state().revision(), revision);
    sound(&ledger);
}

#[test]
fn bookings_for_one_moment_add_up_to_the_most_and_no_further() {
    let (mut ledger, nodes) = ledger(1);
    let booking = |from, amount| {
        let holds = Hold::new(nodes[0], &Amounts::of([(Kind::CPU, amount)]));
        Booking {
            from: Some(Timestamp::from_nanos(from)),
            until: Some(Timestamp::MAX),
            ..Booking::of(&ask(1), Holds::one(holds))
        }
    };
    ledger.adopt(&booking(5_000, MOST), None, NOW).unwrap();
    assert_eq!(
        ledger.adopt(&booking(2_000, 1), None, NOW),
        Err(Why::Overflow)
    );
    let early = Request::new("early").part([cpu(MOST)]);
    let early = early
        .window(NOW, Timestamp::from_nanos(5_000))
        .build()
        .unwrap();
    ledger.reserve(&early, nodes[0], NOW).unwrap();
    let long = Request::new("long").part([cpu(1)]);
    let long = long
        .window(NOW, Timestamp::from_nanos(5_001))
        .build()
        .unwrap();
    assert!(matches!(
        ledger.reserve(&long, nodes[0], NOW),
        Err(Why::Full { .. })
    ));
    sound(&ledger);
}

#[test]
fn a_gang_whose_sum_is_too_large_is_refused_before_it_reaches_a_ledger() {
    let gang = |count, amount| Request::new("gang").parts(count, [cpu(amount)]).build();
    assert!(gang(1_000_000, MOST / 1_000_000).is_ok());
    let faults = gang(1_000_000, MOST / 1_000_000 + 1).unwrap_err();
    assert!(
        faults.to_string().contains("above 2^64 - 1 in all"),
        "{faults}"
    );
    // More members than were asked for cannot overflow it either.
    let (mut ledger, nodes) = ledger(1);
    let gang = gang(2, MOST / 2).unwrap();
    let pieces = [u32::MAX, u32::MAX].map(|members| Piece {
        part: 0,
        on: nodes[0],
        members,
    });
    let why = ledger
        .place(&gang, &Placement::Pieces(pieces.into()), NOW)
        .unwrap_err();
    assert!(matches!(why, Why::Placement(_)), "{why}");
    sound(&ledger);
}

#[test]
fn shares_that_overflow_are_refused() {
    let (mut ledger, nodes) = ledger(2);
    let request = Request::new("batch")
        .elastic([cpu(1)], [cpu(MOST)])
        .build()
        .unwrap();
    let share = |node| (node, Amounts::of([(Kind::CPU, MOST)]));
    let shares = Placement::Shares(vec![share(nodes[0]), share(nodes[1])]);
    assert_eq!(ledger.place(&request, &shares, NOW), Err(Why::Overflow));
    let shares = Placement::Shares(vec![share(nodes[0])]);
    assert!(ledger.place(&request, &shares, NOW).is_ok());
    sound(&ledger);
}

#[test]
fn a_hold_for_ever_neither_ends_nor_overflows() {
    let (mut ledger, nodes) = ledger(1);
    let forever = Request::new("job").part([cpu(1)]);
    let forever = forever
        .hold_for(Duration::from_nanos(MOST))
        .build()
        .unwrap();
    let grant = ledger.reserve(&forever, nodes[0], NOW).unwrap();
    assert_eq!(grant.until, Timestamp::MAX);
    assert_eq!(ledger.next_deadline(), None);
    assert_eq!(ledger.expire(Timestamp::MAX), 0);
    ledger.release(grant.id, Timestamp::MAX).unwrap();
    sound(&ledger);
    let longer = Request::new("job").part([cpu(1)]).hold_for(Duration::MAX);
    let longer = longer.expected(Duration::MAX).build().unwrap_err();
    assert_eq!(longer.len(), 2, "{longer}");
}

#[test]
fn windows_at_the_end_of_time_are_booked_or_refused() {
    let at = Timestamp::from_nanos;
    let request = |from, until| {
        Request::new("job")
            .part([cpu(1)])
            .window(at(from), at(until))
    };
    assert!(request(MOST, MOST).build().is_err());
    let (mut ledger, nodes) = ledger(1);
    let last = request(MOST - 1, MOST).build().unwrap();
    ledger.reserve(&last, nodes[0], NOW).unwrap();
    sound(&ledger);
    let never = Request::new("job")
        .part([cpu(1)])
        .not_before(Timestamp::MAX);
    let never = never.build().unwrap();
    assert_eq!(
        ledger.reserve(&never, nodes[0], NOW),
        Err(Why::TooLate(Timestamp::MAX))
    );
    // At the end of time nothing can begin, and whatever had an end has ended.
    let why = ledger.reserve(&ask(1), nodes[0], Timestamp::MAX);
    assert_eq!(why, Err(Why::TooLate(Timestamp::MAX)));
    sound(&ledger);
}

#[test]
fn asking_when_there_is_room_survives_any_length() {
    let (mut ledger, nodes) = ledger(1);
    let window = (
        Timestamp::from_nanos(5_000),
        Timestamp::from_nanos(MOST - 1),
    );
    let late = Request::new("late")
        .part([cpu(MOST)])
        .window(window.0, window.1);
    ledger
        .reserve(&late.build().unwrap(), nodes[0], NOW)
        .unwrap();
    let on = Placement::on(nodes[0]);
    let start = |after: u64, length| {
        let after = Timestamp::from_nanos(after);
        ledger
            .state()
            .earliest(&ask(1), &on, after, length)
            .unwrap()
    };
    assert_eq!(start(1_000, Duration::from_nanos(4_000)), Some(NOW));
    assert_eq!(start(1_000, Duration::from_nanos(4_001)), Some(window.1));
    for after in [0, 4_999, 5_000, MOST - 2, MOST - 1, MOST] {
        for length in [
            Duration::ZERO,
            Duration::from_nanos(1),
            Duration::from_nanos(MOST),
            Duration::MAX,
        ] {
            let start = start(after, length);
            assert!(
                start.is_none_or(|start| start.as_nanos() >= after),
                "{after} {length:?}"
            );
        }
    }
}

#[test]
fn a_plan_of_another_ledger_changes_nothing() {
    let (mut ours, nodes) = ledger(1);
    let (theirs, same_id) = ledger(1);
    assert_eq!(nodes, same_id, "the identifiers look alike");
    let held = Request::new("held")
        .part([cpu(7)])
        .hold_for(Duration::from_secs(1));
    ours.reserve(&held.build().unwrap(), nodes[0], NOW).unwrap();
    let plan = |ledger: &Ledger| {
        let mut view = View::of(ledger);
        let mut draft = view.draft(NOW);
        draft.reserve(&ask(1), &Placement::on(nodes[0])).unwrap();
        draft.finish()
    };
    let before = (ours.state().revision(), ours.state().free(nodes[0]));
    let foreign = plan(&theirs);
    let later = NOW + Duration::from_secs(60);
    assert_eq!(ours.commit(&foreign, later), Err(CommitError::OtherLedger));
    assert_eq!(ours.check(&foreign, later), Err(CommitError::OtherLedger));
    assert_eq!(
        (ours.state().revision(), ours.state().free(nodes[0])),
        before
    );
    // A copy of a ledger is another ledger only once it goes its own way: its plans are as good as ours.
    assert!(ours.commit(&plan(&ours), later).is_ok());
    sound(&ours);
}

#[test]
fn kinds_beyond_the_last_number_are_refused_and_none_is_added() {
    let (mut ledger, _) = ledger(1);
    let known = ledger.state().kinds().len();
    let room = Kind::LIMIT - known;
    let kinds = |from: usize, count: usize| {
        let kinds = (from..from + count).map(|n| named(&format!("k{n}"), 1).unwrap());
        Resource::node(format!("m{from}"))
            .capacity(kinds)
            .build()
            .unwrap()
    };
    ledger.add(kinds(0, room - 1), NOW).unwrap();
    let why = ledger.add(kinds(room, 2), NOW).unwrap_err();
    assert!(matches!(why, AdminError::Kinds(_)), "{why}");
    assert_eq!(ledger.state().kinds().len(), Kind::LIMIT - 1);
    ledger.add(kinds(room, 1), NOW).unwrap();
    let unknown = Request::new("job")
        .part([cores(1), named("new", 1).unwrap()])
        .build()
        .unwrap();
    let on = ledger.state().find("n0").unwrap();
    assert!(ledger.reserve(&unknown, on, NOW).is_err());
    sound(&ledger);
}
