//! Queues with quotas that borrow from each other, in virtual time: the generator of Kueue's own performance test.
//!
//! 5 cohorts of 6 queues; each queue owns 20 units and may borrow 100. Each queue gets 350 jobs of 1 unit for 0.2 s, one every 0.1 s, with priority 50;
//! 100 of 5 units for 0.5 s, one every 0.5 s, with priority 100; 50 of 20 units for 1 s, one every 1.2 s, with priority 200.
//! Kueue's figure for it, 351 s, is wall time of its controller against an API server; ours is the makespan in virtual time, beside the bound
//! that the work gives, and the processor time of all decisions.

use cloudlot_core::event::EventQueue;
use cloudlot_core::ledger::Ledger;
use cloudlot_core::{Kinds, Request, ReservationId, Resource, Timestamp, named};
use cloudlot_policy::engine::{Allocator, Discipline, Engine, TakeBack, Ticket};
use cloudlot_policy::order::{Fair, Order, PriorityFirst};
use cloudlot_policy::quota::{Quota, QuotaTree};
use std::collections::BTreeMap;
use std::time::Duration;

const COHORTS: usize = 5;
const QUEUES: usize = 6;
const NOMINAL: u64 = 20;
const BORROW: u64 = 100;

struct Class {
    name: &'static str,
    count: u32,
    units: u64,
    millis: u64,
    every: u64,
    priority: i32,
}

const CLASSES: [Class; 3] = [
    Class {
        name: "small",
        count: 350,
        units: 1,
        millis: 200,
        every: 100,
        priority: 50,
    },
    Class {
        name: "medium",
        count: 100,
        units: 5,
        millis: 500,
        every: 500,
        priority: 100,
    },
    Class {
        name: "large",
        count: 50,
        units: 20,
        millis: 1_000,
        every: 1_200,
        priority: 200,
    },
];

enum Event {
    Comes { class: usize, queue: String },
    Ends { job: usize, id: ReservationId },
}

struct Job {
    class: usize,
    queue: String,
    comes: Timestamp,
}

fn units(count: u64) -> cloudlot_core::Quantity {
    named("units", count).expect("a well-formed name")
}

fn queues() -> impl Iterator<Item = String> {
    (0..COHORTS).flat_map(|c| (0..QUEUES).map(move |q| format!("cohort-{c}/queue-{q}")))
}

fn engine(order: impl Order + 'static, take_back: TakeBack) -> Engine {
    let mut kinds = Kinds::new();
    kinds.register(units(1).kind()).expect("room for one kind");
    let mut tree = QuotaTree::builder();
    for cohort in 0..COHORTS {
        // Nothing goes from one cohort to another.
        let alone = Quota::new().borrow([units(0)]).lend([units(0)]);
        tree = tree.node(format!("cohort-{cohort}").parse().expect("a path"), alone);
    }
    for queue in queues() {
        let quota = Quota::new()
            .nominal([units(NOMINAL)])
            .borrow([units(BORROW)]);
        tree = tree.node(queue.parse().expect("a path"), quota);
    }
    let tree = tree.build(&kinds).expect("a tree");
    let allocator = Allocator::builder()
        .order(order)
        .discipline(Discipline::BestEffort)
        .quota(tree, take_back)
        .build();
    let mut engine = Engine::new(Ledger::new(), allocator);
    let all = NOMINAL * (COHORTS * QUEUES) as u64;
    let node = Resource::node("cluster").capacity([units(all)]);
    engine.add(&node, Timestamp::ZERO).expect("a node");
    engine
}

#[derive(Default)]
struct Figures {
    makespan: f64,
    /// Unit-seconds that ran to their end.
    work: f64,
    evicted: usize,
    waits: [Vec<f64>; 3],
    cpu: Duration,
    steps: usize,
}

/// Runs all jobs. One that is evicted starts anew, at the end of its queue.
fn run(order: impl Order + 'static, take_back: TakeBack) -> Figures {
    let mut engine = engine(order, take_back);
    let mut events = EventQueue::default();
    for queue in queues() {
        for (class, kind) in CLASSES.iter().enumerate() {
            for n in 0..kind.count {
                let at = Timestamp::ZERO + Duration::from_millis(kind.every * u64::from(n));
                events.push(
                    at,
                    Event::Comes {
                        class,
                        queue: queue.clone(),
                    },
                );
            }
        }
    }
    let mut figures = Figures::default();
    let mut waiting: BTreeMap<Ticket, usize> = BTreeMap::new();
    let mut running: BTreeMap<ReservationId, usize> = BTreeMap::new();
    let mut jobs: Vec<Job> = Vec::new();
    let start = cpu();
    while let Some((now, event)) = events.pop() {
        let mut batch = vec![event];
        while let Some((_, event)) = events.pop_until(now) {
            batch.push(event);
        }
        for event in batch {
            match event {
                Event::Comes { class, queue } => {
                    jobs.push(Job {
                        class,
                        queue,
                        comes: now,
                    });
                    submit(&mut engine, &mut waiting, &jobs, jobs.len() - 1, now);
                }
                Event::Ends { job, id } => {
                    // One that was evicted has gone already.
                    if running.remove(&id).is_some() {
                        engine.release(id, now).expect("it runs");
                        let class = &CLASSES[jobs[job].class];
                        figures.work += class.units as f64 * class.millis as f64 / 1_000.0;
                        figures.makespan = now.as_secs_f64();
                    }
                }
            }
        }
        let report = engine.step(now);
        figures.steps += 1;
        for (ticket, grant) in &report.granted {
            let job = waiting.remove(ticket).expect("it waited");
            running.insert(grant.id, job);
        }
        // Some were granted and taken back in one step.
        for id in report.preempted.iter().flat_map(|(_, made)| &made.victims) {
            let job = running.remove(id).expect("it ran");
            figures.evicted += 1;
            submit(&mut engine, &mut waiting, &jobs, job, now);
        }
        for (_, grant) in &report.granted {
            let Some(job) = running.get(&grant.id).copied() else {
                continue;
            };
            engine
                .confirm(grant.id, now)
                .expect("it waits to be confirmed");
            let class = jobs[job].class;
            // Of one that was evicted, each wait from the beginning on.
            figures.waits[class].push(now.since(jobs[job].comes).as_secs_f64());
            let end = now + Duration::from_millis(CLASSES[class].millis);
            events.push(end, Event::Ends { job, id: grant.id });
        }
    }
    figures.cpu = cpu() - start;
    assert_eq!(engine.state().reservation_count() + engine.queue_len(), 0);
    figures
}

fn submit(
    engine: &mut Engine,
    waiting: &mut BTreeMap<Ticket, usize>,
    jobs: &[Job],
    job: usize,
    now: Timestamp,
) {
    let class = &CLASSES[jobs[job].class];
    let request = Request::new(class.name)
        .owner(jobs[job].queue.as_str())
        .part([units(class.units)])
        .priority(class.priority)
        .build()
        .expect("a request");
    let ticket = engine.submit(request, now).expect("no key");
    waiting.insert(ticket, job);
}

fn cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(
        u64::try_from(time.tv_sec).expect("positive"),
        u32::try_from(time.tv_nsec).expect("below a second"),
    )
}

fn main() {
    let capacity = NOMINAL * (COHORTS * QUEUES) as u64;
    let per_queue: u64 = CLASSES
        .iter()
        .map(|it| u64::from(it.count) * it.units * it.millis)
        .sum();
    let bound = (per_queue * (COHORTS * QUEUES) as u64) as f64 / 1_000.0 / capacity as f64;
    println!(
        "15,000 jobs in 30 queues, {capacity} units; no schedule is shorter than {bound:.0} s"
    );
    println!(
        "{:<24} {:>9} {:>6} {:>8} {:>9} {:>9} {:>9} {:>8} {:>7}",
        "order, taking back",
        "makespan",
        "use %",
        "evicted",
        "small s",
        "medium s",
        "large s",
        "CPU s",
        "steps"
    );
    show(
        "priority, never",
        &run(PriorityFirst::strict(), TakeBack::Never),
        capacity,
    );
    show(
        "priority, own",
        &run(PriorityFirst::strict(), TakeBack::Own),
        capacity,
    );
    show(
        "fair, never",
        &run(Fair::drf().by_priority(), TakeBack::Never),
        capacity,
    );
    show(
        "fair, own",
        &run(Fair::drf().by_priority(), TakeBack::Own),
        capacity,
    );
    println!(
        "Kueue (published; wall time, with its API server): 351 s, 55.9 % used, waits 215 s, 77 s, 16.5 s"
    );
}

fn show(name: &str, figures: &Figures, capacity: u64) {
    let mean = |waits: &Vec<f64>| waits.iter().sum::<f64>() / waits.len() as f64;
    let [small, medium, large] = [0, 1, 2].map(|class| mean(&figures.waits[class]));
    let used = 100.0 * figures.work / (figures.makespan * capacity as f64);
    println!(
        "{name:<24} {:>8.1}s {used:>6.1} {:>8} {small:>9.2} {medium:>9.2} {large:>9.2} {:>8.3} {:>7}",
        figures.makespan,
        figures.evicted,
        figures.cpu.as_secs_f64(),
        figures.steps
    );
}
