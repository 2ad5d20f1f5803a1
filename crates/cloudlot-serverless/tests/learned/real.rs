//! Learned windows on real arrivals: trained on one day's trace, judged on another's functions. Where the data are not there, a line says so.

use std::fs::File;
use std::io::BufReader;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use cloudlot_core::{Bytes, Timestamp};
use cloudlot_serverless::scale::learned::{Windows, WindowsConfig};
use cloudlot_serverless::scale::{Bill, Driver, Prices, Railed, RailsConfig, Scaler};
use cloudlot_serverless::sim::{FixedStart, Simulation};
use cloudlot_serverless::trace::azure2019::{self, Lacking};
use cloudlot_serverless::trace::{Counts, Replay};
use cloudlot_serverless::{
    FixedWindow, Function, FunctionId, KeepAlive, Move, Platform, Record, Settings, Sink,
};
use flate2::bufread::GzDecoder;

use super::loads::call;
use super::rules::{self, threshold};
use super::statistics::{RUNS, dearer, spread};

/// How long a start takes.
const START: Duration = Duration::from_secs(1);
const TEN_MINUTES: Duration = Duration::from_secs(600);
/// The windows of which the cheapest on the training trace is taken, in minutes.
const MINUTES: [u64; 8] = [1, 2, 5, 10, 15, 20, 30, 60];

/// The trace in this folder of the data, if the data are there.
fn open(name: &str) -> Option<Counts> {
    let data = std::env::var_os("CLOUDLOT_DATA").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        PathBuf::from,
    );
    let folder = data.join("serverless").join(name);
    if !folder.exists() {
        println!("skipped: {name} is not in the data folder, see CLOUDLOT_DATA");
        return None;
    }
    let file = |table: &str| {
        let path = folder.join(format!("{table}.anon.d01.csv.gz"));
        let file = File::open(path).expect("a table of the trace");
        BufReader::new(GzDecoder::new(BufReader::new(file)))
    };
    let day = azure2019::read(
        file("invocations_per_function_md"),
        file("function_durations_percentiles"),
        file("app_memory_percentiles"),
        // The other rows of the training trace belong to other functions: only its arrivals are theirs.
        Lacking::Assume {
            runs: Duration::from_secs(1),
            memory: Bytes::mib(128),
        },
    );
    Some(day.expect("a trace as published").counts)
}

/// A bill for each group of functions: those with the same number modulo the number of groups.
struct Bills(Vec<Bill>);

impl Bills {
    fn new(list: &Counts, end: Timestamp) -> Self {
        let memory = || list.functions().iter().map(|profile| profile.memory);
        Self(
            (0..RUNS)
                .map(|_| Bill::new(Prices::DEFAULT, end, memory()))
                .collect(),
        )
    }

    fn of(&mut self, function: FunctionId) -> &mut Bill {
        &mut self.0[function.number() as usize % RUNS]
    }

    fn costs(&self) -> Vec<f64> {
        self.0
            .iter()
            .map(|bill| bill.total().as_secs_f64())
            .collect()
    }

    fn total(&self) -> f64 {
        self.costs().iter().sum()
    }

    /// Calls that were late, the first on a start, and idle GiB·s.
    fn parts(&self) -> (u64, u64, f64) {
        let late = self.0.iter().map(Bill::late).sum();
        let cold = self.0.iter().map(Bill::cold).sum();
        let idle: u128 = self.0.iter().map(Bill::idle).sum();
        (late, cold, idle as f64 / f64::from(1 << 30) / 1e9)
    }
}

impl Sink for Bills {
    fn call(&mut self, record: &Record) {
        self.of(record.function).call(record);
    }

    fn moved(&mut self, step: &Move) {
        self.of(step.function).moved(step);
    }
}

fn end(list: &Counts, slots: u32) -> Timestamp {
    Timestamp::ZERO + list.slot() * slots
}

fn replay(slots: u32) -> Replay {
    Replay {
        slots: 0..slots,
        faster: NonZeroU32::MIN,
    }
}

fn platform<K: KeepAlive>(list: &Counts, keep: K) -> Platform<K> {
    let mut platform = Platform::new(Settings::DEFAULT, keep);
    for profile in list.functions() {
        platform.add(Function::from(profile));
    }
    platform
}

fn kept<K: KeepAlive>(list: &Counts, slots: u32, keep: K) -> (Bills, Platform<K>) {
    let mut bills = Bills::new(list, end(list, slots));
    let mut platform = platform(list, keep);
    let arrivals = list.arrivals_of(&replay(slots));
    Simulation::new(FixedStart(START)).run(&mut platform, arrivals, &mut bills);
    (bills, platform)
}

fn scaled<S: Scaler>(list: &Counts, slots: u32, scaler: impl Fn() -> S) -> Bills {
    let end = end(list, slots);
    let mut bills = Bills::new(list, end);
    let mut platform = platform(list, FixedWindow(Duration::MAX));
    let mut driver = Driver::new(Duration::from_secs(10), Prices::DEFAULT.patience);
    for (function, _) in (0..).zip(list.functions()) {
        driver.scale(FunctionId::new(function), scaler());
    }
    let calls = (0..).zip(list.arrivals_of(&replay(slots)));
    let calls = calls.map(|(number, arrival)| (arrival.at, call(number, arrival)));
    let mut simulation = Simulation::new(FixedStart(START));
    simulation.run_controlled(&mut platform, calls, &mut bills, &mut driver, end);
    bills
}

fn railed(of: rules::Thresholds) -> impl Scaler {
    let rails = RailsConfig {
        turn: Duration::ZERO,
        first: Duration::ZERO,
        grace: Duration::ZERO,
        ..RailsConfig::default()
    };
    Railed::new(threshold(of), rails)
}

/// What it would cost to know every gap, and to keep an instance through it or drop it at once, whichever is cheaper: no window does
/// better.
struct Clairvoyant {
    resting: Vec<Vec<Timestamp>>,
    memory: Vec<Bytes>,
    costs: Vec<f64>,
}

impl Clairvoyant {
    fn add(&mut self, function: FunctionId, cost: Duration) {
        self.costs[function.number() as usize % RUNS] += cost.as_secs_f64();
    }
}

impl KeepAlive for Clairvoyant {
    fn rest(&mut self, resting: &cloudlot_serverless::Resting) -> cloudlot_serverless::Rest {
        self.resting[resting.function.number() as usize].push(resting.now);
        // Never stopped, so that the pile is whole.
        cloudlot_serverless::Rest::keep(Duration::MAX)
    }

    fn added(&mut self, _: FunctionId, is: &Function) {
        self.memory.push(is.memory);
        self.resting.push(Vec::new());
    }

    fn arrived(&mut self, function: FunctionId, now: Timestamp) {
        let start = Prices::DEFAULT.call(START);
        let place = function.number() as usize;
        let cost = match self.resting[place].pop() {
            Some(since) => Prices::DEFAULT
                .idle(self.memory[place], now.since(since))
                .min(start),
            None => start,
        };
        self.add(function, cost);
    }
}

fn bound(list: &Counts, slots: u32) -> Vec<f64> {
    let keep = Clairvoyant {
        resting: Vec::new(),
        memory: Vec::new(),
        costs: vec![0.0; RUNS],
    };
    let (_, platform) = kept(list, slots, keep);
    platform.keep_alive().costs.clone()
}

/// The cheapest window and the cheapest threshold on the training trace.
fn calibrated(list: &Counts) -> Duration {
    let cost = |minutes: u64| {
        kept(list, 1_440, FixedWindow(Duration::from_secs(60 * minutes)))
            .0
            .total()
    };
    let costs: Vec<(u64, f64)> = MINUTES
        .iter()
        .map(|&minutes| (minutes, cost(minutes)))
        .collect();
    let best = costs.iter().min_by(|a, b| a.1.total_cmp(&b.1)).unwrap();
    println!("on the training trace, minutes and cost: {costs:?}");
    Duration::from_secs(60 * best.0)
}

/// What a day of 1,350 functions teaches, watched beside the ten-minute window.
fn trained(list: &Counts) -> Windows<FixedWindow> {
    let shadow = Windows::new(FixedWindow(TEN_MINUTES), WindowsConfig::new(START)).unwrap();
    let (_, platform) = kept(list, 1_440, shadow);
    let mut shadow = platform.keep_alive().clone();
    shadow.settle(end(list, 1_440));
    shadow
}

fn show(name: &str, bills: &Bills, ten: &Bills, floor: &[f64]) {
    let (late, cold, idle) = bills.parts();
    let to_ten = dearer(&bills.costs(), &ten.costs());
    let regret = bills.total() / floor.iter().sum::<f64>() - 1.0;
    println!(
        "| {name} | {:.0} | {late} | {cold} | {idle:.0} | {:+.1} ± {:.1} | {:.0} |",
        spread(&bills.costs()),
        100.0 * to_ten.mean,
        100.0 * to_ten.radius,
        100.0 * regret
    );
}

/// Frozen, on eight hours of 500 other functions, in 12 groups: cheaper than ten minutes for sure, and so than the window that was the
/// best on the training trace.
#[test]
fn frozen_windows_are_cheaper_than_ten_minutes_and_than_the_window_that_was_calibrated() {
    let (Some(list), Some(judge)) = (
        open("azure2019_sample_1350a"),
        open("azure2019_dirigent500"),
    ) else {
        return;
    };
    let best = calibrated(&list);
    let shadow = trained(&list);
    let (ten, _) = kept(&judge, 480, FixedWindow(TEN_MINUTES));
    let (window, _) = kept(&judge, 480, FixedWindow(best));
    let (learned, platform) = kept(&judge, 480, shadow.control(FixedWindow(TEN_MINUTES), false));
    let given_back = platform.keep_alive().given_back();
    let (online, _) = kept(&judge, 480, shadow.control(FixedWindow(TEN_MINUTES), true));
    let floor = bound(&judge, 480);
    println!("| policy | cost | late | cold | idle GiB·s | against 10 min, % | regret, % |");
    show("10 minutes", &ten, &ten, &floor);
    show("calibrated window", &window, &ten, &floor);
    show("learned, frozen", &learned, &ten, &floor);
    show("learned, learning on", &online, &ten, &floor);
    println!("| knows every gap | {:.0} | | | | | 0 |", spread(&floor));
    println!("window of {best:?}; {given_back} classes given back");
    for rule in [&ten, &window] {
        for ours in [&learned, &online] {
            let by = dearer(&ours.costs(), &rule.costs());
            assert!(by.upper() < 0.0, "{by:?}");
        }
    }
}

/// Scalers that are asked every ten seconds, on the same calls.
#[test]
#[ignore = "seven million questions for each rule: a minute or two"]
fn thresholds_on_real_arrivals() {
    let (Some(list), Some(judge)) = (
        open("azure2019_sample_1350a"),
        open("azure2019_dirigent500"),
    ) else {
        return;
    };
    let mut best = (f64::INFINITY, rules::GIVEN);
    for up in [0.4, 0.8] {
        for down_after in [300, 600, 1_200] {
            for up_by in [1, 8] {
                let of = rules::Thresholds {
                    up,
                    down_after,
                    up_by,
                    ..rules::GIVEN
                };
                let cost = scaled(&list, 240, || railed(of)).total();
                if cost < best.0 {
                    best = (cost, of);
                }
            }
        }
    }
    println!("{best:?}");
    let (ten, _) = kept(&judge, 480, FixedWindow(TEN_MINUTES));
    let (learned, _) = kept(
        &judge,
        480,
        trained(&list).control(FixedWindow(TEN_MINUTES), false),
    );
    let floor = bound(&judge, 480);
    let threshold = scaled(&judge, 480, || railed(best.1));
    show(
        "threshold 0.8/0.3",
        &scaled(&judge, 480, || railed(rules::GIVEN)),
        &ten,
        &floor,
    );
    show("threshold, calibrated", &threshold, &ten, &floor);
    let by = dearer(&learned.costs(), &threshold.costs());
    println!(
        "learned against the calibrated threshold: {:+.1} ± {:.1} %",
        100.0 * by.mean,
        100.0 * by.radius
    );
    assert!(by.upper() <= 0.05, "{by:?}");
}
