//! Nobody starves: with ageing, what goes before a request is bounded when it comes.

use crate::world::{at, engine, job};
use cloudlot_policy::engine::{Allocator, Discipline, Engine};
use cloudlot_policy::order::PriorityFirst;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::time::Duration;

const STEP: u64 = 7;

#[derive(Clone, Copy, Debug)]
struct Job {
    comes: u64,
    cores: u64,
    lasts: u64,
    priority: i32,
}

fn jobs() -> impl Strategy<Value = Vec<Job>> {
    // About as much work as there is room, so that a queue builds up.
    let job = (0..3_u64, 1..5_u64, 1..6_u64, 0..5_i32);
    proptest::collection::vec(job, 1..60).prop_map(|jobs| {
        let mut now = 0;
        let arrive = |(gap, cores, lasts, priority)| {
            now += gap;
            Job {
                comes: now,
                cores,
                lasts,
                priority,
            }
        };
        jobs.into_iter().map(arrive).collect()
    })
}

/// Runs all jobs on a node of four cores; when each started.
fn starts(jobs: &[Job]) -> BTreeMap<u64, u64> {
    let order = PriorityFirst::ageing(Duration::from_secs(STEP));
    let allocator = Allocator::builder()
        .order(order)
        .discipline(Discipline::Strict)
        .build();
    let mut engine: Engine = engine(allocator, &[4]);
    let (mut starts, mut ends) = (BTreeMap::new(), Vec::new());
    for second in 0.. {
        ends.retain(|(end, id)| {
            if *end <= second {
                engine.release(*id, at(second)).unwrap();
            }
            *end > second
        });
        for (n, it) in jobs
            .iter()
            .enumerate()
            .filter(|(_, job)| job.comes == second)
        {
            let request = job(&format!("job-{n}"), "a", it.cores).priority(it.priority);
            let ticket = engine.submit(request.build().unwrap(), at(second)).unwrap();
            assert_eq!(ticket.number(), n as u64);
        }
        for (ticket, grant) in engine.step(at(second)).granted {
            let number = ticket.number();
            starts.insert(number, second);
            ends.push((
                second + jobs[usize::try_from(number).unwrap()].lasts,
                grant.id,
            ));
        }
        if starts.len() == jobs.len() {
            return starts;
        }
    }
    unreachable!("the seconds do not end")
}

proptest! {
    #[test]
    fn the_wait_is_bounded_by_what_a_request_can_be_overtaken_by(jobs in jobs()) {
        let starts = starts(&jobs);
        let rank = |job: &Job| {
            i64::try_from(job.comes).unwrap() - i64::from(job.priority) * i64::try_from(STEP).unwrap()
        };
        for (n, own) in jobs.iter().enumerate() {
            let start = starts[&(n as u64)];
            let others = jobs.iter().enumerate().filter(|(other, _)| *other != n);
            let ahead = others.filter(|(_, job)| rank(job) <= rank(own));
            // Those before it run one after the other at worst, and each of them is there when it comes, or comes less than
            // its lead in priority later.
            let work: u64 = ahead.map(|(_, job)| job.lasts).sum();
            let running = 5;
            let lead = u64::try_from(4 - own.priority).unwrap() * STEP;
            prop_assert!(
                start - own.comes <= lead + work + running,
                "job {} waited {} seconds", n, start - own.comes
            );
            for (other, job) in jobs.iter().enumerate() {
                if job.comes > own.comes && starts[&(other as u64)] < start {
                    let lead = i64::from(job.priority - own.priority) * i64::try_from(STEP).unwrap();
                    prop_assert!(i64::try_from(job.comes - own.comes).unwrap() < lead, "{} before {}", other, n);
                }
            }
        }
    }
}

#[test]
fn without_ageing_a_request_can_wait_as_long_as_urgent_ones_come() {
    let run = |order: PriorityFirst| {
        let allocator = Allocator::builder()
            .order(order)
            .discipline(Discipline::Strict)
            .build();
        let mut engine = engine(allocator, &[1]);
        engine
            .submit(job("patient", "a", 1).build().unwrap(), at(0))
            .unwrap();
        for second in 0..1_000 {
            engine
                .submit(
                    job("urgent", "b", 1).priority(3).build().unwrap(),
                    at(second),
                )
                .unwrap();
            let granted = engine.step(at(second)).granted;
            let (ticket, grant) = granted[0];
            if ticket.number() == 0 {
                return second;
            }
            engine.release(grant.id, at(second)).unwrap();
        }
        1_000
    };
    assert_eq!(run(PriorityFirst::strict()), 1_000);
    assert_eq!(
        run(PriorityFirst::ageing(Duration::from_secs(STEP))),
        3 * STEP
    );
}
