//! Serving by a forecast: who passes whom, and what is promised is kept.

use crate::world::{at, engine, job, step, submit, take};
use cloudlot_core::ledger::audit;
use cloudlot_policy::backfill::{Config, Mode};
use cloudlot_policy::engine::{Allocator, Cause, Discipline, Engine};
use cloudlot_policy::order::{Fair, Fifo, PriorityFirst, ShortestFirst};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::time::Duration;

const CONSERVATIVE: Mode = Mode::Conservative { depth: 100 };

fn by(mode: Mode, cores_each: &[u64]) -> Engine {
    let discipline = Discipline::Backfill(Config::new(mode));
    engine(
        Allocator::builder().discipline(discipline).build(),
        cores_each,
    )
}

fn timed(name: &str, count: u64, seconds: u64) -> cloudlot_core::RequestBuilder {
    job(name, "a", count).expected(Duration::from_secs(seconds))
}

#[test]
fn the_head_has_a_reservation_and_only_those_pass_that_do_not_delay_it() {
    let mut engine = by(Mode::Easy, &[4]);
    let running = take(&mut engine, timed("running", 3, 60));
    engine.confirm(running.id, at(0)).unwrap();
    let head = engine
        .submit(timed("head", 4, 10).build().unwrap(), at(10))
        .unwrap();
    submit(&mut engine, timed("long", 1, 90), 10);
    let short = submit(&mut engine, timed("short", 1, 50), 10);
    let report = engine.step(at(10));
    assert_eq!(
        report
            .granted
            .iter()
            .map(|(ticket, _)| ticket.number())
            .collect::<Vec<_>>(),
        [short]
    );
    assert_eq!(report.reserved, [(head, at(60))]);
    assert_eq!(report.head, Some((head, Cause::Reserved { at: at(60) })));
    assert_eq!(
        (engine.promised(head).unwrap().at, engine.next_deadline()),
        (at(60), Some(at(60)))
    );
    assert_eq!(audit(engine.state()), []);
}

#[test]
fn strict_order_lets_nobody_pass_and_conservative_promises_everybody() {
    for (mode, passes, reserved) in [
        (Mode::Strict, 0, 1),
        (Mode::Easy, 1, 1),
        (CONSERVATIVE, 1, 2),
    ] {
        let mut engine = by(mode, &[4]);
        let running = take(&mut engine, timed("running", 3, 60));
        engine.confirm(running.id, at(0)).unwrap();
        for (name, count, seconds) in [("head", 4, 10), ("next", 2, 10), ("short", 1, 50)] {
            submit(&mut engine, timed(name, count, seconds), 10);
        }
        let report = engine.step(at(10));
        assert_eq!(
            (report.granted.len(), report.reserved.len()),
            (passes, reserved),
            "{mode:?}"
        );
    }
}

#[test]
fn who_stays_beyond_its_estimate_is_reported_and_the_head_is_promised_anew() {
    let mut engine = by(Mode::Easy, &[4]);
    let running = take(&mut engine, timed("running", 4, 60));
    engine.confirm(running.id, at(0)).unwrap();
    submit(&mut engine, timed("head", 4, 10), 10);
    assert!(step(&mut engine, 10).is_empty());
    let report = engine.step(at(70));
    assert_eq!(report.overdue.len(), 1);
    assert_eq!(
        (report.overdue[0].reservation, report.overdue[0].since),
        (running.id, at(60))
    );
    assert!(report.reserved[0].1 > at(70));
}

type Job = (u64, u64, u64, i32);

/// Runs jobs with exact estimates on two nodes of four cores. What each was promised first, and when it started.
fn run(allocator: Allocator, jobs: &[Job]) -> BTreeMap<u64, (Option<u64>, u64)> {
    let mut engine = engine(allocator, &[4, 4]);
    let (mut promised, mut started) = (BTreeMap::new(), BTreeMap::new());
    let mut ends: Vec<(u64, cloudlot_core::ReservationId)> = Vec::new();
    for second in 0.. {
        ends.retain(|(end, id)| {
            if *end <= second {
                engine.release(*id, at(second)).unwrap();
            }
            *end > second
        });
        for (comes, count, lasts, priority) in jobs {
            if *comes == second {
                submit(
                    &mut engine,
                    timed("job", *count, *lasts).priority(*priority),
                    second,
                );
            }
        }
        let report = engine.step(at(second));
        for (ticket, start) in &report.reserved {
            promised
                .entry(ticket.number())
                .or_insert(start.since(at(0)).as_secs());
        }
        for (ticket, grant) in report.granted {
            engine.confirm(grant.id, at(second)).unwrap();
            let number = usize::try_from(ticket.number()).unwrap();
            ends.push((second + jobs[number].2, grant.id));
            started.insert(ticket.number(), second);
        }
        if started.len() == jobs.len() {
            break;
        }
    }
    started
        .into_iter()
        .map(|(job, start)| (job, (promised.get(&job).copied(), start)))
        .collect()
}

proptest! {
    #[test]
    fn promises_are_kept_as_long_as_estimates_hold(
        gaps in proptest::collection::vec((0..3_u64, 1..5_u64, 1..9_u64, 0..3_i32), 1..25), order in 0..4_usize,
    ) {
        let mut now = 0;
        let arrive = |(gap, count, lasts, priority)| { now += gap; (now, count, lasts, priority) };
        let jobs: Vec<Job> = gaps.into_iter().map(arrive).collect();
        // Under conservative backfill nobody is overtaken to its cost, whatever the order; under EASY the head of a queue by
        // arrival is never.
        let builder = || Allocator::builder().discipline(Discipline::Backfill(Config::new(CONSERVATIVE)));
        let allocator = match order {
            0 => builder().order(Fifo),
            1 => builder().order(Fair::drf()),
            2 => builder().order(PriorityFirst::strict()),
            _ => builder().order(ShortestFirst),
        };
        let easy = Allocator::builder().discipline(Discipline::Backfill(Config::new(Mode::Easy)));
        for allocator in [allocator.build(), easy.build()] {
            for (job, (promised, start)) in run(allocator, &jobs) {
                prop_assert!(promised.is_none_or(|promised| start <= promised), "job {} started at {} instead of {:?}", job, start, promised);
            }
        }
    }
}
