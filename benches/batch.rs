//! Batch jobs in virtual time: the experiment of "RLScheduler" (SC20) on Lublin-256, its numbers beside ours, and what a look costs.
//!
//! Plain text, no statistics: the slowdowns are the same on every machine, and the rates are of one thread, by the wall clock. It needs
//! the trace: see `lublin`. With `--test` it replays one sequence of each kind.

#[path = "../crates/cloudlot-policy/tests/backfill/lublin.rs"]
mod lublin;

use cloudlot_core::ledger::Ledger;
use cloudlot_core::{Amounts, Kind, Request, Timestamp, cores};
use cloudlot_policy::backfill::{
    Estimates, Forecast, Head, Instant, Job, Mode, Order, Replayed, Rules,
};
use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use std::hint::black_box;
use std::time::Duration;

const CONSERVATIVE: Mode = Mode::Conservative { depth: usize::MAX };

const ORDERS: [(&str, Order); 3] = [
    ("FCFS", Order::Fcfs),
    ("SJF", Order::Sjf),
    ("F1", Order::F1),
];

fn main() {
    let sequences = if std::env::args().any(|argument| argument == "--test") {
        1
    } else {
        10
    };
    if let Some(trace) = lublin::trace() {
        same_rules(&trace, sequences);
        own_rules(&trace, sequences);
    }
    queries(if sequences == 1 { 1_000 } else { 1_000_000 });
}

/// What one order and mode gave, over all sequences.
#[derive(Default)]
struct Row {
    slowdown: f64,
    utilisation: f64,
    looks: u64,
    starts: usize,
    broken: u64,
    took: Duration,
}

fn row(trace: &[Job], sequences: usize, rules: &Rules) -> Row {
    let mut row = Row::default();
    for jobs in lublin::sequences(trace).take(sequences) {
        let started = now();
        let replayed = lublin::run(jobs, rules);
        row.took += started.elapsed();
        row.slowdown += lublin::slowdown(jobs, &replayed) / sequences as f64;
        row.utilisation += utilisation(jobs, &replayed) / sequences as f64;
        row.looks += replayed.looks;
        row.starts += jobs.len();
        row.broken += replayed.broken;
    }
    row
}

#[expect(clippy::disallowed_methods, reason = "a bench measures")]
fn now() -> std::time::Instant {
    std::time::Instant::now()
}

/// Processor seconds of the jobs, as a share of the machine from the first arrival to the last end.
fn utilisation(jobs: &[Job], replayed: &Replayed) -> f64 {
    let work: f64 = jobs
        .iter()
        .map(|job| job.runs.as_secs_f64() * processors(&job.request))
        .sum();
    let first = jobs.first().map_or(Timestamp::ZERO, |job| job.arrives);
    let last = replayed.jobs.iter().filter_map(|job| job.ended).max();
    let length = last.map_or(0.0, |last| last.since(first).as_secs_f64());
    work / (length * lublin::PROCESSORS as f64)
}

fn processors(request: &Request) -> f64 {
    let amounts = request
        .need()
        .parts()
        .iter()
        .flat_map(|part| part.amounts.iter());
    amounts
        .map(|quantity| quantity.amount() as f64 / 1_000.0)
        .sum()
}

/// The published experiment as its simulator runs it.
fn same_rules(trace: &[Job], sequences: usize) {
    println!("Lublin-256 by the published rules: mean bounded slowdown over {sequences} sequences");
    println!(
        "{:>6} {:>16} {:>12} {:>12}",
        "order", "backfill", "published", "ours"
    );
    let published = [[7273.77, 235.82], [277.35, 73.31], [258.37, 75.07]];
    for ((name, order), published) in ORDERS.into_iter().zip(published) {
        let modes = [("none", Mode::Strict), ("shadow time", Mode::Shadow)];
        for ((mode_name, mode), published) in modes.into_iter().zip(published) {
            let rules = Rules {
                head: Head::Kept,
                instant: Instant::OneByOne,
                behind: (mode == Mode::Shadow).then_some(Order::Fcfs),
                ..Rules::new(order, mode)
            };
            let ours = row(trace, sequences, &rules).slowdown;
            println!("{name:>6} {mode_name:>16} {published:>12.2} {ours:>12.2}");
        }
    }
    println!("published, with learning: 254.67 without backfill, 58.64 with");
}

/// The modes of this crate on the same sequences, with the head chosen once or at each look.
fn own_rules(trace: &[Job], sequences: usize) {
    println!();
    println!(
        "{:>6} {:>22} {:>8} {:>12} {:>12} {:>10} {:>12} {:>8}",
        "order", "mode", "head", "slowdown", "utilisation", "looks/s", "starts/s", "broken"
    );
    for (name, order) in ORDERS {
        for (mode_name, mode, promises) in [
            ("none", Mode::Strict, false),
            ("EASY", Mode::Easy, false),
            ("conservative", CONSERVATIVE, false),
            ("conservative, promises", CONSERVATIVE, true),
        ] {
            for (head_name, head) in [("kept", Head::Kept), ("ordered", Head::Ordered)] {
                let rules = Rules {
                    head,
                    promises,
                    ..Rules::new(order, mode)
                };
                let row = row(trace, sequences, &rules);
                let seconds = row.took.as_secs_f64();
                println!(
                    "{name:>6} {mode_name:>22} {head_name:>8} {:>12.2} {:>12.3} {:>10.0} {:>12.0} {:>8}",
                    row.slowdown,
                    row.utilisation,
                    row.looks as f64 / seconds,
                    row.starts as f64 / seconds,
                    row.broken
                );
            }
        }
    }
}

/// Earliest starts on a machine with so many claims, each of which ends at its own time.
fn queries(count: u32) {
    println!();
    println!(
        "earliest starts on one machine of {} processors",
        lublin::PROCESSORS
    );
    println!(
        "{:>8} {:>16} {:>16}",
        "claims", "by estimate/s", "by ledger/s"
    );
    for claims in [16, 64, 256] {
        let (ledger, on) = busy(claims);
        let at = ledger.now();
        let forecast = Forecast::new(ledger.state(), at, Estimates::default());
        let asks = asks();
        let by_estimate = rate(count, |n| {
            let (amounts, length, _) = &asks[n % asks.len()];
            black_box(forecast.earliest_on(on, amounts, at, *length));
        });
        let placement = cloudlot_core::ledger::Placement::on(on);
        let by_ledger = rate(count, |n| {
            let (_, length, request) = &asks[n % asks.len()];
            let found = ledger.state().earliest(request, &placement, at, *length);
            black_box(found.expect("the request suits the machine"));
        });
        println!("{claims:>8} {by_estimate:>16.0} {by_ledger:>16.0}");
    }
}

fn rate(count: u32, mut query: impl FnMut(usize)) -> f64 {
    let started = now();
    for n in 0..count {
        query(n as usize);
    }
    f64::from(count) / started.elapsed().as_secs_f64()
}

/// A machine that is full now, with claims of one processor or more that end one after the other.
fn busy(claims: u64) -> (Ledger, cloudlot_core::ResourceId) {
    let (mut ledger, on) = lublin::machine();
    let seconds = |n: u64| Timestamp::ZERO + Duration::from_secs(n);
    for n in 0..claims {
        let request = Request::new("running")
            .part([cores(lublin::PROCESSORS / claims)])
            .window(seconds(0), seconds(100 + 7 * n))
            .build()
            .expect("the request is legal");
        let grant = ledger.reserve(&request, on, seconds(1));
        ledger
            .confirm(grant.expect("there is room").id, seconds(1))
            .expect("it was just made");
    }
    (ledger, on)
}

/// Requests of random sizes and lengths.
fn asks() -> Vec<(Amounts, Duration, Request)> {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
    let ask = |_| {
        let processors = rng.random_range(1..=lublin::PROCESSORS);
        let length = Duration::from_secs(rng.random_range(1..2_000));
        let amounts = Amounts::of([(Kind::CPU, 1_000 * processors)]);
        let request = Request::new("asks").part([cores(processors)]).build();
        (amounts, length, request.expect("the request is legal"))
    };
    (0..1_024).map(ask).collect()
}
