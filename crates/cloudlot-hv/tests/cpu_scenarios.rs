//! The seven scenarios of the vCPU scheduler, twenty seeds each, judged by the monitor: profile
//! `course` against its gates, and the former algorithm on the same runs.
//!
//! An iteration is one monitor sample of a second; the scheduler's phase against it is random.

#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    reason = "a test may panic, and its numbers are small"
)]

use cloudlot_core::{Clock, ManualClock, Seeds, Timestamp};
use cloudlot_hv::fake::{FakeHost, Monitor, scenario};
use cloudlot_hv::former::FormerCpu;
use cloudlot_hv::pins::{PinConfig, PinController};
use cloudlot_hv::{
    Controller, Cycle, CycleReport, HostPlan, HostSample, Hypervisor, Mode, Original,
};
use expect_test::expect;
use std::time::Duration;

const SEEDS: u64 = 20;
const SECOND: Duration = Duration::from_secs(1);
const SAMPLES: u32 = 40;

/// A run as the monitor saw it, in seconds.
struct Run {
    /// End and spread (points) of each monitor sample.
    readings: Vec<(f64, f64)>,
    /// When pins were called, and how many.
    pins: Vec<(f64, usize)>,
    migrations: usize,
    /// When any guest's load changes.
    changes: Vec<f64>,
}

fn course() -> PinController {
    PinController::new(PinConfig::course(), SECOND).unwrap()
}

fn drive(name: &str, seed: u64, controller: impl Controller) -> Run {
    let seeds = Seeds::new(seed);
    let clock = ManualClock::default();
    let spec = scenario::named(name, seeds).unwrap();
    let mut changes: Vec<f64> = spec
        .guests
        .iter()
        .flat_map(|guest| spec.changes(guest.id))
        .map(Timestamp::as_secs_f64)
        .collect();
    changes.sort_by(f64::total_cmp);
    let host = FakeHost::new(spec, seeds, clock.clone()).unwrap();
    let mut cycle = Cycle::new(
        host,
        controller,
        Vec::<Original>::new(),
        Mode::Act,
        Vec::new(),
    );
    let mut monitor = Monitor::new();
    let phase = Duration::from_millis(seeds.stream("phase") % 1000);
    let mut run = Run {
        readings: Vec::new(),
        pins: Vec::new(),
        migrations: 0,
        changes,
    };
    for second in 0..=SAMPLES {
        let at = Timestamp::ZERO + SECOND * second;
        clock.sleep_until(at);
        let sample = cycle.host().sample().unwrap();
        run.readings.extend(
            monitor
                .observe(&sample)
                .map(|reading| (at.as_secs_f64(), reading.spread())),
        );
        clock.sleep_until(at + phase);
        let before = cycle.host().pin_calls();
        cycle.turn().unwrap();
        let pins = cycle.host().pin_calls() - before;
        if pins > 0 {
            run.pins.push(((at + phase).as_secs_f64(), pins));
        }
    }
    run.migrations = cycle.host().migrations();
    run
}

impl Run {
    /// Index of the first of three balanced samples in a row, from the sample `from` on.
    fn balanced(&self, from: usize) -> Option<usize> {
        (from..self.readings.len().saturating_sub(2)).find(|&at| {
            self.readings[at..at + 3]
                .iter()
                .all(|(_, spread)| *spread <= 5.0)
        })
    }

    /// Index of the first sample that ends after `time`.
    fn ending_after(&self, time: f64) -> usize {
        self.readings
            .iter()
            .position(|(end, _)| *end > time)
            .unwrap_or(self.readings.len())
    }

    /// Index of the first sample that lies wholly after `time`.
    fn wholly_after(&self, time: f64) -> usize {
        self.readings
            .iter()
            .position(|(end, _)| *end - 1.0 >= time)
            .unwrap_or(self.readings.len())
    }

    fn mean_spread(&self, samples: std::ops::Range<usize>) -> f64 {
        let count = samples.len() as f64;
        self.readings[samples]
            .iter()
            .map(|(_, spread)| spread)
            .sum::<f64>()
            / count
    }

    fn pin_calls(&self) -> usize {
        self.pins.iter().map(|(_, pins)| pins).sum()
    }
}

/// Runs a scenario over all seeds; a failure names its seed.
fn check(name: &str, judge: impl Fn(&Run)) {
    for seed in 0..SEEDS {
        let run = drive(name, seed, course());
        println!(
            "{name} seed {seed}: pins {:?}, readings {:.1?}",
            run.pins, run.readings
        );
        judge(&run);
    }
}

/// Gates of every scenario in which something must be done, up to the sample `until`.
fn soon_balanced_and_quiet(run: &Run, until: usize) {
    let load_start = run.changes[0];
    let (first_action, _) = run.pins[0];
    assert!(
        first_action - load_start <= 4.0,
        "first action after {:.1} s",
        first_action - load_start
    );
    let after = run.ending_after(first_action);
    let balanced = run.balanced(after).expect("balanced at some time");
    assert!(
        balanced - after < 3,
        "balanced in sample {} after the first action",
        balanced - after + 1
    );
    let tail = run.mean_spread(balanced..until);
    assert!(tail <= 1.0, "mean spread in the tail is {tail:.2}");
    let (start, end) = (run.readings[balanced].0, run.readings[until - 1].0);
    let late = run
        .pins
        .iter()
        .filter(|(at, _)| (start..end).contains(at))
        .count();
    assert_eq!(late, 0, "pins after balance");
}

fn balances_at_once(name: &str, judge: impl Fn(&Run)) {
    check(name, |run| {
        soon_balanced_and_quiet(run, run.readings.len());
        judge(run);
    });
}

#[test]
fn cpu_1_eight_on_one_pcpu_are_spread_with_the_fewest_moves() {
    balances_at_once("cpu-1", |run| {
        assert_eq!((run.pin_calls(), run.migrations), (6, 6))
    });
}

#[test]
fn cpu_2_eight_on_two_pcpus_are_spread_with_the_fewest_moves() {
    balances_at_once("cpu-2", |run| {
        assert_eq!((run.pin_calls(), run.migrations), (4, 4))
    });
}

#[test]
fn cpu_3_what_is_balanced_is_left_alone() {
    check("cpu-3", |run| assert_eq!(run.pin_calls(), 0));
}

#[test]
fn cpu_4_what_floats_is_pinned_once() {
    balances_at_once("cpu-4", |run| assert_eq!(run.pin_calls(), 8));
}

#[test]
fn cpu_5_heavy_and_light_are_paired() {
    balances_at_once("cpu-5", |run| assert_eq!(run.pin_calls(), 8));
}

#[test]
fn cpu_6_what_is_idle_is_left_alone() {
    check("cpu-6", |run| assert_eq!(run.pin_calls(), 0));
}

#[test]
fn cpu_7_a_change_of_load_is_followed() {
    check("cpu-7", |run| {
        let switches: Vec<f64> = run
            .changes
            .iter()
            .copied()
            .filter(|at| *at > 10.0)
            .collect();
        let first_switch = run.ending_after(switches[0]);
        soon_balanced_and_quiet(run, first_switch);
        assert_eq!(run.pins[0].1, 8, "first placing");
        let whole = run.wholly_after(*switches.last().unwrap());
        let balanced = run.balanced(whole).expect("balanced again");
        assert!(
            balanced - whole < 5,
            "balanced in whole sample {} after the switch",
            balanced - whole + 1
        );
        let tail = run.mean_spread(balanced..run.readings.len());
        assert!(tail <= 1.0, "mean spread in the tail is {tail:.2}");
        let start = run.readings[balanced].0;
        assert!(
            run.pins.iter().all(|(at, _)| *at < start),
            "pins after balance"
        );
    });
}

/// All seeds of a scenario: pins, migrations, and the worst mean spread once balanced.
struct Total {
    pins: usize,
    migrations: usize,
    /// Runs that were balanced before the load changed again, or to the end.
    balanced: usize,
    tail: f64,
}

fn total(name: &str, controller: impl Fn() -> Box<dyn Controller>) -> Total {
    let mut total = Total {
        pins: 0,
        migrations: 0,
        balanced: 0,
        tail: 0.0,
    };
    for seed in 0..SEEDS {
        let run = drive(name, seed, controller());
        total.pins += run.pin_calls();
        total.migrations += run.migrations;
        let last_change = run.changes.last().map_or(0, |at| run.wholly_after(*at));
        if let Some(balanced) = run.balanced(last_change) {
            total.balanced += 1;
            total.tail = total
                .tail
                .max(run.mean_spread(balanced..run.readings.len()));
        }
    }
    total
}

#[test]
fn the_former_algorithm_pins_more_on_the_same_runs() {
    let mut table = "scenario  who     pins  migrations  balanced  tail\n".to_owned();
    for (name, _) in scenario::SCENARIOS
        .iter()
        .filter(|(name, _)| name.starts_with("cpu"))
    {
        let ours = total(name, || Box::new(course()));
        let former = total(name, || Box::<FormerCpu>::default());
        for (who, it) in [("ours", &ours), ("former", &former)] {
            let (pins, migrations, balanced, tail) = (it.pins, it.migrations, it.balanced, it.tail);
            let line = format!(
                "{name}     {who:6}  {pins:4}  {migrations:10}  {balanced:8}  {tail:4.2}\n"
            );
            table.push_str(&line);
        }
        assert!(
            ours.pins <= former.pins && ours.migrations <= former.migrations,
            "{table}"
        );
        assert_eq!(ours.balanced as u64, SEEDS, "{table}");
    }
    expect![[r#"
        scenario  who     pins  migrations  balanced  tail
        cpu-1     ours     120         120        20  0.66
        cpu-1     former   168         125        20  0.65
        cpu-2     ours      80          80        20  0.69
        cpu-2     former   184         149        20  0.66
        cpu-3     ours       0           0        20  0.64
        cpu-3     former     0           0        20  0.64
        cpu-4     ours     160          22        20  0.63
        cpu-4     former   160         119        20  0.60
        cpu-5     ours     160          36        20  0.87
        cpu-5     former   216         152        20  0.86
        cpu-6     ours       0           0        20  0.78
        cpu-6     former     0           0        20  0.78
        cpu-7     ours     194          52        20  0.85
        cpu-7     former   288         216        20  0.85
    "#]]
    .assert_eq(&table);
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let once = drive("cpu-7", 3, course());
    let twice = drive("cpu-7", 3, course());
    assert_eq!((once.readings, once.pins), (twice.readings, twice.pins));
}

/// Sees every sample's domains and pCPUs in the opposite order.
struct Backwards(PinController);

impl Controller for Backwards {
    fn plan(&mut self, sample: &HostSample) -> HostPlan {
        let mut sample = sample.clone();
        sample.domains.reverse();
        sample.pcpus.reverse();
        self.0.plan(&sample)
    }

    fn observe(&mut self, report: &CycleReport) {
        self.0.observe(report);
    }

    fn forget_samples(&mut self) {
        self.0.forget_samples();
    }
}

#[test]
fn c5_the_order_of_the_listing_changes_nothing() {
    for name in ["cpu-1", "cpu-5", "cpu-7"] {
        for seed in 0..SEEDS {
            let (here, there) = (
                drive(name, seed, course()),
                drive(name, seed, Backwards(course())),
            );
            assert_eq!(
                (here.readings, here.pins),
                (there.readings, there.pins),
                "{name} seed {seed}"
            );
        }
    }
}

#[test]
fn a_dry_run_calls_nothing() {
    let clock = ManualClock::default();
    let spec = scenario::named("cpu-1", Seeds::new(0)).unwrap();
    let host = FakeHost::new(spec, Seeds::new(0), clock.clone()).unwrap();
    let mut cycle = Cycle::new(
        host,
        course(),
        Vec::<Original>::new(),
        Mode::DryRun,
        Vec::new(),
    );
    let mut planned = 0;
    for second in 0..20 {
        clock.sleep_until(Timestamp::ZERO + SECOND * second);
        planned += cycle.turn().unwrap().plan.steps.len();
    }
    assert!(planned > 0);
    assert!(cycle.host().calls().is_empty() && cycle.originals().is_empty());
}
