//! Who waits, who is woken, and what is never done twice.

use crate::world::{at, engine, job, step, submit, take};
use cloudlot_core::{RequestKey, Resource, cores};
use cloudlot_policy::admit::CountLimit;
use cloudlot_policy::engine::{Allocator, Cause, Discipline, Outcome, SubmitError};
use cloudlot_policy::order::PriorityFirst;
use cloudlot_policy::place::Reason;

fn plain() -> Allocator {
    Allocator::builder().build()
}

#[test]
fn a_request_that_finds_no_room_waits_until_some_is_freed() {
    let mut engine = engine(plain(), &[4]);
    let first = take(&mut engine, job("first", "a", 3));
    let second = submit(&mut engine, job("second", "a", 2), 1);
    assert!(step(&mut engine, 1).is_empty());
    // Nothing has happened, so that nobody is tried.
    assert_eq!(engine.step(at(2)).tried, 0);
    engine.release(first.id, at(3)).unwrap();
    assert_eq!(step(&mut engine, 3), [second]);
    assert_eq!(engine.queue_len(), 0);
}

#[test]
fn a_new_node_wakes_whom_no_node_could_serve() {
    let mut engine = engine(plain(), &[4]);
    let large = submit(&mut engine, job("large", "a", 8), 1);
    let report = engine.step(at(1));
    let Some((_, Cause::Unplaced(unplaced))) = report.head else {
        panic!()
    };
    assert!(
        matches!(unplaced.reason, Reason::Never(_)),
        "{}",
        unplaced.reason
    );
    engine
        .add(&Resource::node("n9").capacity([cores(8)]), at(2))
        .unwrap();
    assert_eq!(step(&mut engine, 2), [large]);
}

#[test]
fn requests_that_are_alike_are_refused_once() {
    let mut engine = engine(plain(), &[4]);
    take(&mut engine, job("first", "a", 4));
    for n in 0..1_000 {
        submit(&mut engine, job(&format!("job-{n}"), "a", 1), 1);
    }
    assert_eq!(engine.step(at(1)).tried, 1);
    assert_eq!(engine.queue_len(), 1_000);
}

#[test]
fn strict_queues_wait_for_their_head_and_others_do_not() {
    for (discipline, served) in [(Discipline::Strict, 0), (Discipline::BestEffort, 1)] {
        let allocator = Allocator::builder().discipline(discipline).build();
        let mut engine = engine(allocator, &[4]);
        take(&mut engine, job("first", "a", 2));
        submit(&mut engine, job("head", "a", 3), 1);
        submit(&mut engine, job("small", "a", 1), 2);
        assert_eq!(step(&mut engine, 2).len(), served, "{discipline:?}");
    }
}

#[test]
fn a_deadline_refuses_and_the_request_holds_nothing() {
    let mut engine = engine(plain(), &[4]);
    take(&mut engine, job("first", "a", 4));
    let late = job("late", "a", 1).build().unwrap();
    let ticket = engine.submit_until(late, Some(at(10)), at(1)).unwrap();
    assert!(engine.step(at(1)).granted.is_empty());
    assert_eq!(engine.next_deadline(), Some(at(10)));
    let report = engine.step(at(10));
    assert_eq!(report.refused[0].0, ticket);
    assert_eq!(report.refused[0].1.why, Cause::Deadline);
    assert_eq!(
        (engine.queue_len(), engine.state().reservation_count()),
        (0, 1)
    );
}

#[test]
fn a_cancelled_request_is_not_served() {
    let mut engine = engine(plain(), &[4]);
    let ticket = engine
        .submit(job("job", "a", 1).build().unwrap(), at(0))
        .unwrap();
    assert!(engine.cancel(ticket).is_some());
    assert!(engine.cancel(ticket).is_none());
    assert!(step(&mut engine, 1).is_empty());
    let key = RequestKey(7);
    let keyed = job("job", "a", 1).key(key).build().unwrap();
    engine.submit(keyed, at(1)).unwrap();
    assert!(engine.cancel_key(key).is_some());
    assert_eq!(engine.queue_len(), 0);
}

#[test]
fn a_key_is_granted_once_whether_it_waits_or_was_served() {
    let mut engine = engine(plain(), &[4]);
    let key = RequestKey(7);
    let request = || job("job", "a", 1).key(key).build().unwrap();
    let other = || job("job", "a", 2).key(key).build().unwrap();
    let ticket = engine.submit(request(), at(0)).unwrap();
    assert_eq!(engine.submit(request(), at(0)), Ok(ticket));
    assert_eq!(
        engine.submit(other(), at(0)),
        Err(SubmitError::KeyWaits(key))
    );
    let grant = engine.step(at(0)).granted[0].1;
    assert_eq!(
        engine.submit(request(), at(1)),
        Err(SubmitError::Granted(grant))
    );
    assert_eq!(
        engine.submit(other(), at(1)),
        Err(SubmitError::KeyReused(key))
    );
    assert_eq!(engine.place(&request(), at(1)), Outcome::Granted(grant));
    assert!(matches!(engine.place(&other(), at(1)), Outcome::Refused(_)));
    assert_eq!(engine.state().reservation_count(), 1);
}

#[test]
fn a_key_that_waits_and_is_placed_at_once_is_granted_once() {
    let mut engine = engine(plain(), &[4]);
    let request = || job("job", "a", 1).key(RequestKey(7)).build().unwrap();
    let ticket = engine.submit(request(), at(0)).unwrap();
    let Outcome::Granted(grant) = engine.place(&request(), at(0)) else {
        panic!()
    };
    assert_eq!(engine.step(at(0)).granted, [(ticket, grant)]);
    assert_eq!(engine.state().reservation_count(), 1);
}

#[test]
fn a_gate_counts_what_the_same_step_has_granted() {
    let limit = CountLimit::new().limit("a".parse().unwrap(), 2);
    let mut engine = engine(Allocator::builder().admit(limit).build(), &[16]);
    for n in 0..5 {
        submit(&mut engine, job(&format!("job-{n}"), "a/b", 1), 1);
    }
    let granted = engine.step(at(1)).granted;
    assert_eq!(granted.len(), 2);
    engine.release(granted[0].1.id, at(2)).unwrap();
    assert_eq!(step(&mut engine, 2).len(), 1);
}

#[test]
fn two_waiting_requests_of_one_owner_with_different_amounts_are_both_served() {
    // The second of them used to end in a type error.
    let allocator = Allocator::builder().order(PriorityFirst::default()).build();
    let mut engine = engine(allocator, &[8]);
    let first = take(&mut engine, job("first", "a", 8));
    let waiting = [
        submit(&mut engine, job("x", "a", 3), 1),
        submit(&mut engine, job("y", "a", 5), 1),
    ];
    assert!(step(&mut engine, 1).is_empty());
    engine.release(first.id, at(2)).unwrap();
    assert_eq!(step(&mut engine, 2), waiting);
}

#[test]
fn a_dry_run_says_what_a_step_would_do_and_does_nothing() {
    let mut engine = engine(plain(), &[4]);
    let ticket = submit(&mut engine, job("job", "a", 1), 0);
    let before = engine.state().revision();
    let report = engine.dry_run();
    assert_eq!(
        report
            .served
            .iter()
            .map(|(ticket, _)| ticket.number())
            .collect::<Vec<_>>(),
        [ticket]
    );
    assert_eq!((engine.state().revision(), engine.queue_len()), (before, 1));
    assert_eq!(step(&mut engine, 0), [ticket]);
}

#[test]
fn a_queue_outlives_a_journal_that_does_not_reach_back() {
    let mut engine = engine(plain(), &[4]);
    let first = take(&mut engine, job("first", "a", 4));
    let ticket = submit(&mut engine, job("second", "a/b", 4), 1);
    assert!(step(&mut engine, 1).is_empty());
    engine.with_ledger(|ledger| {
        for n in 0..10_000 {
            let name = format!("extra-{n}");
            let id = ledger
                .add(
                    Resource::node(name).capacity([cores(1)]).build().unwrap(),
                    at(2),
                )
                .unwrap();
            ledger.remove(id, at(2)).unwrap();
        }
        ledger.release(first.id, at(2)).unwrap();
    });
    assert_eq!(step(&mut engine, 2), [ticket]);
}

#[test]
fn each_request_may_name_its_strategy() {
    let mut engine = engine(plain(), &[8, 8]);
    take(&mut engine, job("first", "a", 2));
    let mut goes = |strategy: &str| {
        let request = job("next", "a", 1).strategy(strategy).build().unwrap();
        match engine.place(&request, at(0)) {
            Outcome::Granted(grant) => {
                let holds = engine.state().reservation(grant.id).unwrap().holds();
                let on = holds.iter().next().unwrap().resource();
                Ok(engine.state().resource(on).unwrap().name().to_owned())
            }
            Outcome::Preempted(_) => panic!("nobody had to go"),
            Outcome::Refused(no) => Err(no.why.to_string()),
        }
    };
    assert_eq!(goes("greedy"), Ok("n0".to_owned()));
    assert_eq!(goes("worst-fit"), Ok("n1".to_owned()));
    assert_eq!(goes("best"), Err("there is no strategy `best`".to_owned()));
}
