//! What the system that this crate grew out of promised and did not do: one test for each defect that an engine could have.

use crate::world::{at, engine, job, submit, take};
use cloudlot_core::ledger::Ledger;
use cloudlot_core::{Kinds, Request, Resource, cores, gib};
use cloudlot_policy::engine::{Allocator, Engine, Outcome, TakeBack};
use cloudlot_policy::order::{Fair, PriorityFirst};
use cloudlot_policy::quota::{Quota, QuotaTree};

/// Its example of a policy: two tasks with priorities 10 and 5 on a node of 100 cores.
#[test]
fn the_example_of_a_priority_policy() {
    let allocator = Allocator::builder().order(PriorityFirst::strict()).build();
    let mut engine = Engine::new(Ledger::new(), allocator);
    let node = Resource::node("compute-node-1")
        .class("compute")
        .capacity([cores(100)]);
    let node = engine.add(&node, at(0)).unwrap();
    let task = |name: &str, priority| {
        Request::new(name)
            .owner(name)
            .priority(priority)
            .part([cores(50)])
            .build()
            .unwrap()
    };
    let low = engine.submit(task("task-2", 5), at(0)).unwrap();
    let high = engine.submit(task("task-1", 10), at(0)).unwrap();
    let granted = engine.step(at(0)).granted;
    assert_eq!(
        granted
            .iter()
            .map(|(ticket, _)| *ticket)
            .collect::<Vec<_>>(),
        [high, low]
    );
    for (_, grant) in granted {
        engine.confirm(grant.id, at(1)).unwrap();
    }
    assert!(engine.state().free(node).is_zero());
}

#[test]
fn defect_1_every_policy_grants() {
    let tree = QuotaTree::builder().node("a".parse().unwrap(), Quota::new().nominal([cores(4)]));
    let tree = tree.build(&Kinds::new()).unwrap();
    let builder = Allocator::builder;
    for allocator in [
        builder().order(Fair::drf()),
        builder().order(Fair::drf().weight("a".parse().unwrap(), 3)),
        builder().order(PriorityFirst::default()),
        builder().quota(tree, TakeBack::Own),
    ] {
        let mut engine = engine(allocator.build(), &[4]);
        submit(&mut engine, job("task", "a", 2), 0);
        assert_eq!(engine.step(at(0)).granted.len(), 1);
    }
}

#[test]
fn defect_2_two_requirements_on_one_node_are_both_counted() {
    let mut engine = engine(Allocator::builder().build(), &[100]);
    let both = Request::new("both")
        .part([cores(50)])
        .part([cores(40)])
        .build()
        .unwrap();
    engine.place(&both, at(0)).grant().unwrap();
    let node = engine.state().find("n0").unwrap();
    assert_eq!(
        engine.state().free(node).get(cloudlot_core::Kind::CPU),
        10_000
    );
}

#[test]
fn defect_4_confirming_a_part_of_a_node_leaves_the_rest_to_others() {
    let mut engine = engine(Allocator::builder().build(), &[100]);
    let first = take(&mut engine, job("first", "a", 10));
    engine.confirm(first.id, at(0)).unwrap();
    let second = take(&mut engine, job("second", "b", 90));
    engine.release(first.id, at(1)).unwrap();
    // One of two holders has left: the other still holds what it holds.
    assert!(matches!(
        engine.place(&job("large", "c", 11).build().unwrap(), at(1)),
        Outcome::Refused(_)
    ));
    assert!(engine.state().reservation(second.id).is_some());
}

#[test]
fn defect_5_what_waits_and_what_is_held_can_be_given_up() {
    let mut engine = engine(Allocator::builder().build(), &[1]);
    let held = take(&mut engine, job("held", "a", 1));
    let waiting = engine
        .submit(job("waiting", "a", 1).build().unwrap(), at(0))
        .unwrap();
    assert!(engine.cancel(waiting).is_some());
    engine.release(held.id, at(1)).unwrap();
    assert_eq!(
        (engine.queue_len(), engine.state().reservation_count()),
        (0, 0)
    );
}

#[test]
fn defects_16_and_17_who_is_not_served_holds_nothing() {
    let mut engine = engine(Allocator::builder().build(), &[4, 4]);
    let blocker = take(&mut engine, job("blocker", "a", 3));
    let gang = Request::new("gang")
        .parts(2, [cores(4), gib(1)])
        .build()
        .unwrap();
    let ticket = engine.submit(gang, at(0)).unwrap();
    assert!(engine.step(at(0)).granted.is_empty());
    // The free node is free for others as long as the gang waits.
    assert_eq!(engine.state().reservation_count(), 1);
    let other = take(&mut engine, job("other", "b", 4));
    engine.release(other.id, at(1)).unwrap();
    engine.release(blocker.id, at(1)).unwrap();
    let granted = engine.step(at(1)).granted;
    assert_eq!(granted[0].0, ticket);
    let holds = engine.state().reservation(granted[0].1.id).unwrap().holds();
    assert_eq!(holds.total().get(cloudlot_core::Kind::CPU), 8_000);
}
