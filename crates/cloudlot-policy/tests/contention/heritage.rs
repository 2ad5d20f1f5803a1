//! What was wrong in the resource management system that this replaces, by the numbers of its list.

use crate::world::{ask, at, first_fit, keep, nodes, sound};
use cloudlot_core::ledger::View;
use cloudlot_core::{Amounts, Kind, Request, cores};
use cloudlot_policy::contention::{Severity, Strategy, Turn, WaitFor, WaitQueue, detect, supply};

#[test]
fn defect_15_three_cores_asked_of_a_hundred_are_no_contention() {
    let (ledger, _) = nodes(&[100_000]);
    let one = Amounts::of([(Kind::CPU, 1_000)]);
    let supply = supply(ledger.state());
    assert_eq!(detect([one; 3], &supply), []);
    assert_eq!(detect([one; 100], &supply), []);
    let found = detect([one; 101], &supply);
    assert_eq!(found[0].severity, Severity::Low);
    assert_eq!(found[0].deficit(), 1_000);
}

#[test]
fn defect_16_who_waits_holds_nothing_and_asks_for_the_same_again() {
    let (mut ledger, ids) = nodes(&[10_000]);
    let holder = keep(&mut ledger, &ask(8_000, 0), ids[0], at(0));
    let pair = || Request::new("pair").parts(2, [cores(4)]).build().unwrap();
    let mut queue = WaitQueue::new();
    let first = queue.push(pair(), at(1), None);
    let second = queue.push(pair(), at(1), None);
    let mut view = View::of(&ledger);
    for now in [1, 2, 3] {
        let done = queue.serve(&mut view, &first_fit, Turn::Arrival, at(now));
        assert!(done.plan.steps.is_empty());
        assert_eq!(done.blocked.unwrap().0, first);
        ledger.commit(&done.plan, at(now)).unwrap();
    }
    // What they could have had in part is there for others.
    assert_eq!(ledger.state().free(ids[0]).get(Kind::CPU), 2_000);
    let passer = keep(&mut ledger, &ask(2_000, 0), ids[0], at(4));

    // Two that wait for each other's part cannot be: nobody has a part.
    let mut graph = WaitFor::new();
    for (id, holder) in ledger.state().reservations() {
        holder
            .holds()
            .iter()
            .for_each(|hold| graph.holds(Err(id), hold.resource()));
    }
    for (ticket, _) in queue.in_turn(Turn::Arrival) {
        graph.waits(Ok(ticket), ids[0]);
    }
    assert_eq!(graph.knots(), []);

    ledger.release(holder, at(5)).unwrap();
    view.sync(&ledger);
    let done = queue.serve(&mut view, &first_fit, Turn::Arrival, at(5));
    assert_eq!(done.served, [first]);
    ledger.commit(&done.plan, at(5)).unwrap();
    queue.leave(first).unwrap();
    // Eight were asked for, and eight are held: not the part of an earlier try on top.
    assert_eq!(ledger.state().free(ids[0]).get(Kind::CPU), 0);
    assert_eq!(ledger.state().reservation_count(), 2);
    assert_eq!(
        queue
            .in_turn(Turn::Arrival)
            .map(|(ticket, _)| ticket)
            .collect::<Vec<_>>(),
        [second]
    );
    ledger.release(passer, at(6)).unwrap();
    sound(&ledger);
}

#[test]
fn b5_the_bands_end_exactly_at_one_and_a_fifth_one_and_a_half_and_two() {
    use Severity::{Critical, High, Low, Medium, None};
    let scales = [1, 1_000, 1 << 30, u128::from(u64::MAX) / 10];
    for scale in scales {
        let supply = 10 * scale;
        let edges = [
            (10, None, Low),
            (12, Low, Medium),
            (15, Medium, High),
            (20, High, Critical),
        ];
        for (edge, at, above) in edges {
            assert_eq!(Severity::of(edge * scale, supply), at);
            assert_eq!(Severity::of(edge * scale + 1, supply), above);
        }
    }
    assert_eq!(Severity::of(0, 0), None);
    assert_eq!(Severity::of(1, 0), Critical);
    let called_for = [None, Low, Medium, High, Critical].map(Severity::recommended);
    let strategies = [
        Strategy::Wait,
        Strategy::Redistribute,
        Strategy::Priority,
        Strategy::Preempt,
    ];
    assert_eq!(called_for[0], Option::None);
    assert_eq!(called_for[1..], strategies.map(Some));
}
