//! Who comes next, order by order.

use crate::world::{at, engine, job, step, submit, take};
use cloudlot_core::ledger::Ledger;
use cloudlot_core::{Request, Resource, cores, gib};
use cloudlot_policy::engine::{Allocator, Discipline, Engine};
use cloudlot_policy::order::{DecayedUsage, Fair, Fifo, Order, PriorityFirst, ShortestFirst};
use std::time::Duration;

fn one_at_a_time(order: impl Order + 'static) -> Engine {
    let allocator = Allocator::builder()
        .order(order)
        .discipline(Discipline::Strict)
        .build();
    engine(allocator, &[1])
}

/// Lets those who wait run one after the other, a second each, and says in which order they ran.
fn run(engine: &mut Engine, from: u64) -> Vec<u64> {
    let mut order = Vec::new();
    for second in from.. {
        let granted = engine.step(at(second)).granted;
        let Some((ticket, grant)) = granted.first() else {
            break;
        };
        order.push(ticket.number());
        engine.release(grant.id, at(second)).unwrap();
    }
    order
}

#[test]
fn fifo_goes_by_arrival() {
    let mut engine = one_at_a_time(Fifo);
    for (n, owner) in ["b", "a", "b"].into_iter().enumerate() {
        submit(
            &mut engine,
            job("job", owner, 1).priority(n.try_into().unwrap()),
            0,
        );
    }
    assert_eq!(run(&mut engine, 0), [0, 1, 2]);
}

#[test]
fn the_most_urgent_goes_first_whoever_it_is_of() {
    let mut engine = one_at_a_time(PriorityFirst::strict());
    for (n, priority) in [1, 5, 3, 5].into_iter().enumerate() {
        submit(
            &mut engine,
            job("job", &format!("owner-{n}"), 1).priority(priority),
            0,
        );
    }
    assert_eq!(run(&mut engine, 0), [1, 3, 2, 0]);
}

#[test]
fn who_waits_long_enough_goes_before_the_urgent() {
    let mut engine = one_at_a_time(PriorityFirst::ageing(Duration::from_secs(10)));
    let patient = submit(&mut engine, job("patient", "a", 1), 0);
    let soon = submit(&mut engine, job("urgent", "b", 1).priority(5), 49);
    let later = submit(&mut engine, job("urgent", "b", 1).priority(5), 51);
    assert_eq!(run(&mut engine, 60), [soon, patient, later]);
}

#[test]
fn the_shortest_goes_first() {
    let mut engine = one_at_a_time(ShortestFirst);
    for seconds in [30, 10, 20] {
        submit(
            &mut engine,
            job("job", "a", 1).expected(Duration::from_secs(seconds)),
            0,
        );
    }
    submit(&mut engine, job("unknown", "a", 1), 0);
    assert_eq!(run(&mut engine, 0), [1, 2, 0, 3]);
}

/// The example of the paper: 9 cores and 18 GiB; tasks of (1 core, 4 GiB) and of (3 cores, 1 GiB).
#[test]
fn fair_gives_three_and_two_tasks_as_in_the_paper() {
    let mut engine = Engine::new(
        Ledger::new(),
        Allocator::builder().order(Fair::drf()).build(),
    );
    engine
        .add(&Resource::node("n0").capacity([cores(9), gib(18)]), at(0))
        .unwrap();
    let task = |owner: &str, cpu: u64, memory: u64| {
        Request::new("task")
            .owner(owner)
            .part([cores(cpu), gib(memory)])
            .build()
            .unwrap()
    };
    for _ in 0..10 {
        engine.submit(task("a", 1, 4), at(0)).unwrap();
    }
    for _ in 0..10 {
        engine.submit(task("b", 3, 1), at(0)).unwrap();
    }
    assert_eq!(engine.step(at(0)).granted.len(), 5);
    let count = |engine: &Engine, owner: &str| {
        let account = engine.accounts().find(&owner.parse().unwrap()).unwrap();
        engine.accounts().reservations(account)
    };
    assert_eq!((count(&engine, "a"), count(&engine, "b")), (3, 2));
}

fn shares(order: impl Order + 'static, owners: &[&str]) -> Vec<u32> {
    let mut engine = engine(Allocator::builder().order(order).build(), &[12]);
    for owner in owners {
        for _ in 0..12 {
            submit(&mut engine, job("job", owner, 1), 0);
        }
    }
    step(&mut engine, 0);
    let accounts = engine.accounts();
    let count =
        |owner: &&str| accounts.reservations(accounts.find(&owner.parse().unwrap()).unwrap());
    owners.iter().map(count).collect()
}

#[test]
fn weights_divide_in_proportion() {
    let weighted = Fair::drf().weight("a".parse().unwrap(), 3);
    assert_eq!(shares(weighted, &["a", "b"]), [9, 3]);
    assert_eq!(shares(Fair::drf(), &["a", "b"]), [6, 6]);
    assert_eq!(
        shares(Fair::drf().weight("a".parse().unwrap(), 0), &["a", "b"]),
        [0, 12]
    );
}

#[test]
fn a_tree_divides_at_every_level() {
    assert_eq!(shares(Fair::drf(), &["a/x", "a/y", "b"]), [3, 3, 6]);
    assert_eq!(shares(Fair::drf(), &["x", "y", "b"]), [4, 4, 4]);
}

#[test]
fn who_used_much_waits_though_it_holds_nothing() {
    let mut engine = one_at_a_time(DecayedUsage::new());
    let used = take(&mut engine, job("before", "a", 1));
    engine.release(used.id, at(3_600)).unwrap();
    let greedy = submit(&mut engine, job("job", "a", 1), 3_600);
    let modest = submit(&mut engine, job("job", "b", 1), 3_601);
    assert_eq!(run(&mut engine, 3_602), [modest, greedy]);
    // A fair order without memory serves whoever came first.
    let mut engine = one_at_a_time(Fair::drf());
    let used = take(&mut engine, job("before", "a", 1));
    engine.release(used.id, at(3_600)).unwrap();
    submit(&mut engine, job("job", "a", 1), 3_600);
    submit(&mut engine, job("job", "b", 1), 3_601);
    assert_eq!(run(&mut engine, 3_602), [0, 1]);
}
