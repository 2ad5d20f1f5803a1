//! Pushing others out: whom, when, and never in vain.

use crate::world::{at, engine, job, step, submit, take};
use cloudlot_core::ledger::audit;
use cloudlot_policy::contention::{Allowance, Budget, Members, PreemptRules};
use cloudlot_policy::engine::{Allocator, Engine, Outcome, Preempt};
use cloudlot_policy::order::PriorityFirst;
use std::time::Duration;

fn preempting(rules: PreemptRules, cores_each: &[u64]) -> Engine {
    let allocator = Allocator::builder()
        .order(PriorityFirst::strict())
        .preempt(Preempt::new(rules))
        .build();
    engine(allocator, cores_each)
}

fn fill(engine: &mut Engine, sizes: &[u64]) -> Vec<cloudlot_core::ReservationId> {
    let ids: Vec<_> = sizes
        .iter()
        .map(|size| take(engine, job("batch", "a", *size)).id)
        .collect();
    for id in &ids {
        engine.confirm(*id, at(0)).unwrap();
    }
    ids
}

#[test]
fn the_one_that_is_large_enough_goes_and_nobody_else() {
    let mut engine = preempting(PreemptRules::default(), &[8]);
    let batch = fill(&mut engine, &[2, 5, 1]);
    let request = job("web", "b", 4).priority(5).build().unwrap();
    let victims = engine.explain(&request, at(0)).victims.unwrap();
    assert_eq!((victims.go, victims.considered.len()), (vec![batch[1]], 3));
    let Outcome::Preempted(made) = engine.place(&request, at(1)) else {
        panic!()
    };
    assert_eq!((made.victims, made.starts), (vec![batch[1]], at(1)));
    assert_eq!(engine.state().reservation_count(), 3);
}

#[test]
fn nobody_goes_for_a_request_that_would_not_fit_then() {
    let mut engine = preempting(PreemptRules::default(), &[4, 4]);
    fill(&mut engine, &[3, 3]);
    let refused = engine.place(&job("large", "b", 5).priority(5).build().unwrap(), at(1));
    assert!(matches!(refused, Outcome::Refused(_)));
    let equal = engine.place(&job("equal", "b", 4).build().unwrap(), at(1));
    assert!(matches!(equal, Outcome::Refused(_)));
    assert_eq!(engine.state().reservation_count(), 2);
}

#[test]
fn room_that_frees_with_grace_is_the_requests_alone_and_begins_early_if_it_can() {
    let grace = PreemptRules {
        grace: Duration::from_secs(30),
        ..PreemptRules::default()
    };
    let mut engine = preempting(grace, &[8]);
    let batch = fill(&mut engine, &[8]);
    let web = submit(&mut engine, job("web", "b", 8).priority(5), 1);
    let report = engine.step(at(1));
    assert_eq!(report.preempted[0].1.starts, at(31));
    let booking = report.granted[0].1.id;
    assert_eq!(
        (report.granted[0].0.number(), report.granted[0].1.id),
        (web, booking)
    );
    // The victim leaves early: nobody else gets the room, and the booking begins.
    engine.release(batch[0], at(10)).unwrap();
    assert!(matches!(
        engine.place(&job("other", "c", 1).build().unwrap(), at(10)),
        Outcome::Refused(_)
    ));
    engine.step(at(11));
    assert_eq!(
        engine.state().reservation(booking).unwrap().span().from,
        at(11)
    );
    assert_eq!(audit(engine.state()), []);
}

#[test]
fn a_holder_runs_undisturbed_for_its_time_and_the_request_is_woken_after_it() {
    let rules = PreemptRules {
        min_run: Duration::from_secs(60),
        ..PreemptRules::default()
    };
    let mut engine = preempting(rules, &[4]);
    fill(&mut engine, &[4]);
    let web = submit(&mut engine, job("web", "b", 4).priority(5), 1);
    assert!(step(&mut engine, 1).is_empty());
    assert_eq!(engine.next_deadline(), Some(at(60)));
    assert!(step(&mut engine, 59).is_empty());
    assert_eq!(step(&mut engine, 60), [web]);
}

#[test]
fn a_budget_puts_up_with_so_many_evictions_in_its_window() {
    let budget = Budget {
        members: Members::Owner("a".parse().unwrap()),
        allows: Allowance::Evictions {
            most: 1,
            within: Duration::from_secs(100),
        },
    };
    let rules = PreemptRules {
        budgets: vec![budget],
        ..PreemptRules::default()
    };
    let mut engine = preempting(rules, &[2, 2]);
    fill(&mut engine, &[2, 2]);
    let first = submit(&mut engine, job("web", "b", 2).priority(5), 1);
    let second = submit(&mut engine, job("web", "b", 2).priority(5), 1);
    assert_eq!(step(&mut engine, 1), [first]);
    assert!(step(&mut engine, 50).is_empty());
    let due = engine.next_deadline().unwrap();
    assert!(due <= at(150), "{due:?}");
    assert_eq!(step(&mut engine, 150), [second]);
}

#[test]
fn under_an_owners_limit_its_own_less_urgent_work_goes() {
    let mut engine = preempting(PreemptRules::default(), &[8]);
    let limit = [cloudlot_core::cores(4)];
    let owner = "a".parse().unwrap();
    engine
        .with_ledger(|ledger| ledger.set_limit(&owner, limit, at(0)))
        .unwrap();
    let own = take(&mut engine, job("batch", "a", 3)).id;
    let others = take(&mut engine, job("batch", "b", 3)).id;
    let Outcome::Preempted(made) =
        engine.place(&job("urgent", "a", 2).priority(5).build().unwrap(), at(1))
    else {
        panic!()
    };
    assert_eq!(made.victims, [own]);
    assert!(engine.state().reservation(others).is_some());
}
