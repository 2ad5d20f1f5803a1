//! Quotas at the gate, and taking back what was lent.

use crate::world::{at, engine, job, step, submit, take};
use cloudlot_core::{Kind, Kinds, On, Request, cores};
use cloudlot_policy::engine::{Allocator, Cause, Engine, Outcome, TakeBack};
use cloudlot_policy::quota::{Quota, QuotaTree};

/// Two owners who own four cores each of eight, and lend each other what they do not use.
fn halves(take_back: TakeBack, cores_each: &[u64]) -> Engine {
    let quota = || Quota::new().nominal([cores(4)]);
    let tree = QuotaTree::builder()
        .node("a".parse().unwrap(), quota())
        .node("b".parse().unwrap(), quota())
        .build(&Kinds::new())
        .unwrap();
    engine(
        Allocator::builder().quota(tree, take_back).build(),
        cores_each,
    )
}

#[test]
fn what_others_do_not_use_is_lent_and_no_more() {
    let mut engine = halves(TakeBack::Never, &[16]);
    take(&mut engine, job("own", "a", 4));
    take(&mut engine, job("borrowed", "a", 4));
    let Outcome::Refused(no) = engine.place(&job("more", "a", 1).build().unwrap(), at(0)) else {
        panic!()
    };
    let Cause::Denied { gate, denied } = &no.why else {
        panic!()
    };
    assert_eq!(
        (gate.as_str(), denied.short.to_string().as_str()),
        ("quota", "cpu 1")
    );
    assert_eq!(engine.queue_len(), 0);
}

#[test]
fn an_owner_takes_back_its_own_from_the_borrower_and_not_from_what_that_owns() {
    let mut engine = halves(TakeBack::Own, &[8]);
    let own = take(&mut engine, job("own", "a", 4));
    let borrowed = take(&mut engine, job("borrowed", "a", 4));
    let Outcome::Preempted(made) = engine.place(&job("mine", "b", 3).build().unwrap(), at(1))
    else {
        panic!()
    };
    assert_eq!(made.victims, [borrowed.id]);
    assert!(engine.state().reservation(own.id).is_some());
    // Beyond its own it waits like everybody.
    assert!(matches!(
        engine.place(&job("more", "b", 2).build().unwrap(), at(2)),
        Outcome::Refused(_)
    ));
    assert_eq!(engine.state().reservation_count(), 2);
}

#[test]
fn nothing_is_taken_back_for_a_request_that_finds_no_place_then() {
    // Four cores of quota, but no node has four cores in one piece even without the borrower.
    let mut engine = halves(TakeBack::Own, &[3, 3, 2]);
    for size in [3, 3, 2] {
        take(&mut engine, job("batch", "a", size));
    }
    let refused = engine.place(&job("whole", "b", 4).build().unwrap(), at(1));
    assert!(matches!(refused, Outcome::Refused(_)));
    assert_eq!(engine.state().reservation_count(), 3);
}

#[test]
fn those_who_wait_take_back_in_their_turn() {
    let mut engine = halves(TakeBack::Own, &[8]);
    take(&mut engine, job("own", "a", 4));
    for _ in 0..4 {
        take(&mut engine, job("borrowed", "a", 1));
    }
    let waiting = [2, 2].map(|size| submit(&mut engine, job("mine", "b", size), 1));
    assert_eq!(step(&mut engine, 1), waiting);
    assert_eq!(engine.state().reservation_count(), 3);
}

#[test]
fn what_is_welcome_beyond_the_least_stays_within_the_quota() {
    let mut engine = halves(TakeBack::Never, &[16, 16]);
    take(&mut engine, job("others", "b", 4));
    let gang = Request::new("gang")
        .owner("a")
        .gang(4, 1, On::Node, [cores(2)])
        .build()
        .unwrap();
    let elastic = Request::new("more")
        .owner("a")
        .elastic([cores(1)], [cores(9)])
        .build()
        .unwrap();
    for request in [gang, elastic] {
        let grant = engine.place(&request, at(0)).grant().unwrap();
        let held = engine
            .state()
            .reservation(grant.id)
            .unwrap()
            .holds()
            .total();
        assert!(held.get(Kind::CPU) <= 4_000, "{held:?}");
        engine.release(grant.id, at(0)).unwrap();
    }
}
