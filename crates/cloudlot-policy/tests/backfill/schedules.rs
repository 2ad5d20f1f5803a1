//! Schedules on small random cases: as a naive simulator makes them, with every promise kept, on a ledger that stays sound.

use crate::small::{Case, cases, oracle};
use cloudlot_core::ledger::{Ledger, audit};
use cloudlot_core::{Request, RequestBuilder, Resource, Timestamp, cores};
use cloudlot_policy::backfill::{
    FirstFit, Head, Instant, Job, Mode, NoStart, Order, Replayed, Rules, replay,
};
use proptest::prelude::*;
use std::time::Duration;

const CONSERVATIVE: Mode = Mode::Conservative { depth: usize::MAX };

fn run(case: &Case, rules: &Rules) -> Replayed {
    let replayed = replay(case.ledger(), &case.jobs(), rules, &mut FirstFit);
    replayed.expect("what is planned is granted")
}

fn starts(replayed: &Replayed) -> Vec<Option<Timestamp>> {
    replayed.jobs.iter().map(|job| job.started).collect()
}

/// Nothing is lost on the way: the ledger is sound and empty in the end, and every job ended or has a reason.
fn check_ledger(jobs: &[Job], replayed: &Replayed) {
    assert_eq!(audit(replayed.ledger.state()), []);
    assert_eq!(replayed.ledger.state().reservation_count(), 0);
    for (job, outcome) in jobs.iter().zip(&replayed.jobs) {
        assert_eq!(outcome.started.is_none(), outcome.refused.is_some());
        let ended = outcome.started.map(|start| start + job.runs);
        assert_eq!(outcome.ended, ended);
        assert!(outcome.started.is_none_or(|start| start >= job.arrives));
    }
}

fn modes() -> impl Strategy<Value = Mode> {
    let depth = prop_oneof![Just(usize::MAX), 1..4_usize];
    let conservative = depth.prop_map(|depth| Mode::Conservative { depth });
    prop_oneof![
        Just(Mode::Strict),
        Just(Mode::Shadow),
        Just(Mode::Easy),
        conservative
    ]
}

fn orders() -> impl Strategy<Value = Order> {
    let step = Duration::from_secs(2);
    let all = [Order::Fcfs, Order::Sjf, Order::F1, Order::Priority { step }];
    proptest::sample::select(all.to_vec())
}

proptest! {
    #[test]
    fn schedules_are_those_of_a_naive_simulator(
        case in cases().prop_map(Case::without_gangs), mode in modes(), order in orders(),
    ) {
        let replayed = run(&case, &Rules::new(order, mode));
        check_ledger(&case.jobs(), &replayed);
        prop_assert_eq!(starts(&replayed), oracle(&case, order, mode));
    }

    #[test]
    fn a_head_never_starts_after_its_shadow_time(
        case in cases(), order in orders(), mode in prop_oneof![Just(Mode::Easy), Just(Mode::Shadow)],
    ) {
        let rules = Rules { head: Head::Kept, promises: true, ..Rules::new(order, mode) };
        kept(&case, &rules);
    }

    #[test]
    fn nobody_starts_after_the_first_reservation_that_is_kept(case in cases(), order in orders()) {
        kept(&case, &Rules { promises: true, ..Rules::new(order, CONSERVATIVE) });
    }

    #[test]
    fn estimates_that_are_too_short_are_reported_and_stop_nobody(
        case in cases().prop_map(Case::with_short_estimates), mode in modes(), order in orders(),
    ) {
        let rules = Rules { promises: true, ..Rules::new(order, mode) };
        let (jobs, replayed) = (case.jobs(), run(&case, &rules));
        check_ledger(&jobs, &replayed);
        let late = |job: &Job| job.request.expected().is_some_and(|expected| expected < job.runs);
        for (job, outcome) in jobs.iter().zip(&replayed.jobs) {
            prop_assert!(!outcome.overdue || late(job));
            // Whoever waits while another is overdue sees it.
            let (Some(started), Some(ended)) = (outcome.started, outcome.ended) else { continue };
            let due = started + job.request.expected().unwrap_or_default();
            let looked = jobs.iter().zip(&replayed.jobs).any(|(other, of)| {
                of.refused.is_none() && other.arrives > due && other.arrives < ended
            });
            prop_assert!(!looked || outcome.overdue);
        }
    }

    #[test]
    fn only_what_never_fits_is_refused(case in cases(), mode in modes(), order in orders()) {
        let replayed = run(&case, &Rules::new(order, mode));
        for (index, outcome) in replayed.jobs.iter().enumerate() {
            let never = (!case.fits_when_empty(index)).then_some(NoStart::NoPlace);
            prop_assert_eq!(outcome.refused, never);
        }
    }

    #[test]
    fn the_same_trace_gives_the_same_schedule(
        case in cases().prop_map(Case::with_short_estimates), mode in modes(), order in orders(), one in any::<bool>(),
    ) {
        let instant = if one { Instant::OneByOne } else { Instant::Together };
        let rules = Rules { instant, ..Rules::new(order, mode) };
        let (first, again) = (run(&case, &rules), run(&case, &rules));
        prop_assert_eq!(first.jobs, again.jobs);
        prop_assert_eq!(first.looks, again.looks);
    }
}

/// Every promise that was ever made is kept.
fn kept(case: &Case, rules: &Rules) {
    let replayed = run(case, rules);
    check_ledger(&case.jobs(), &replayed);
    assert_eq!(replayed.broken, 0);
    for outcome in &replayed.jobs {
        if let (Some(promised), Some(started)) = (outcome.promised, outcome.started) {
            assert!(started <= promised, "{outcome:?}");
        }
        assert!(!outcome.overdue);
    }
}

#[test]
fn a_job_is_over_with_its_window_and_the_next_one_starts_then() {
    let at = |second| Timestamp::ZERO + Duration::from_secs(second);
    let node = Resource::node("n1").capacity([cores(1)]).build().unwrap();
    let mut ledger = Ledger::new();
    ledger.add(node, at(0)).unwrap();
    let job = |request: RequestBuilder| Job {
        request: request.part([cores(1)]).build().unwrap(),
        arrives: at(0),
        runs: Duration::from_secs(9),
    };
    let timed = job(Request::new("timed").window(at(0), at(4)));
    let next = job(Request::new("next").expected(Duration::from_secs(9)));
    let jobs = [timed, next];
    let rules = Rules::new(Order::Fcfs, Mode::Easy);
    let replayed = replay(ledger, &jobs, &rules, &mut FirstFit).unwrap();
    let times = |n: usize| (replayed.jobs[n].started, replayed.jobs[n].ended);
    assert_eq!(times(0), (Some(at(0)), Some(at(4))));
    assert_eq!(times(1), (Some(at(4)), Some(at(13))));
    assert_eq!(replayed.jobs[1].promised, Some(at(4)));
}
