//! What is gathered, against the platform's own totals and sums over the calls.

use cloudlot_core::{Bytes, Timestamp};
use cloudlot_serverless::report::{Gather, Run, Timeline};
use cloudlot_serverless::sim::{FixedStart, Simulation};
use cloudlot_serverless::{
    Arrival, Binding, FixedWindow, Function, FunctionId, Life, Move, Platform, Profile, Record,
    Settings, Sink, Totals,
};
use proptest::prelude::*;
use std::time::Duration;

pub(crate) fn profile(name: &str, app: &str, mib: u64) -> Profile {
    Profile {
        name: name.to_owned(),
        app: app.to_owned(),
        owner: "ann".to_owned(),
        memory: Bytes::mib(mib),
        runs: Duration::ZERO,
        longest: Duration::ZERO,
    }
}

pub(crate) fn call(at_ms: u64, function: u32, runs_ms: u64) -> Arrival {
    Arrival {
        at: Timestamp::ZERO + Duration::from_millis(at_ms),
        function: FunctionId::new(function),
        runs: Duration::from_millis(runs_ms),
    }
}

/// A sink that keeps everything.
#[derive(Default)]
struct All {
    calls: Vec<Record>,
    moves: Vec<Move>,
}

impl Sink for All {
    fn call(&mut self, record: &Record) {
        self.calls.push(*record);
    }

    fn moved(&mut self, step: &Move) {
        self.moves.push(*step);
    }
}

/// A start takes a second.
fn simulate(
    functions: &[Profile],
    calls: &[Arrival],
    binding: Binding,
    seconds: u64,
    sink: &mut impl Sink,
) -> Totals {
    let settings = Settings {
        binding,
        ..Settings::DEFAULT
    };
    let window = FixedWindow(Duration::from_secs(seconds));
    let mut platform = Platform::new(settings, window);
    for profile in functions {
        platform.add(Function::from(profile));
    }
    let mut simulation = Simulation::new(FixedStart(Duration::from_secs(1)));
    simulation.run(&mut platform, calls.iter().copied(), sink);
    *platform.totals()
}

pub(crate) fn run(
    name: &str,
    functions: &[Profile],
    calls: &[Arrival],
    binding: Binding,
    seconds: u64,
) -> Run {
    let mut gather = Gather::new(functions);
    let totals = simulate(functions, calls, binding, seconds, &mut gather);
    gather.finish(name, &totals)
}

fn functions() -> Vec<Profile> {
    (0..5)
        .map(|n| profile(&n.to_string(), &(n / 2).to_string(), 64 << n))
        .collect()
}

fn calls() -> impl Strategy<Value = Vec<Arrival>> {
    // Gaps of milliseconds up to hours: time lines of every width.
    let gap = prop_oneof![4 => 0_u64..900, 3 => 0_u64..90_000, 1 => 0_u64..90_000_000];
    let one = (gap, 0_u32..5, prop_oneof![Just(0_u64), 0_u64..5_000]);
    prop::collection::vec(one, 0..120).prop_map(|calls| {
        let mut at = 0;
        let absolute = calls.into_iter().map(|(gap, function, runs)| {
            at += gap;
            call(at, function, runs)
        });
        absolute.collect()
    })
}

/// The rank'th of the shares of those who were called, by sorting.
fn percentile(tallies: &[(u64, u64)], percent: usize) -> Option<f64> {
    let called = tallies.iter().filter(|(calls, _)| *calls > 0);
    let mut shares: Vec<f64> = called
        .map(|(calls, cold)| *cold as f64 / *calls as f64)
        .collect();
    shares.sort_by(f64::total_cmp);
    let place = (percent * shares.len()).div_ceil(100);
    shares.get(place.max(1) - 1).copied()
}

fn near(one: f64, other: f64, within: f64) -> bool {
    (one - other).abs() <= within
}

proptest! {
    #[test]
    fn what_is_gathered_is_what_happened(
        calls in calls(),
        binding in prop_oneof![Just(Binding::Late), Just(Binding::Early), Just(Binding::LateShared)],
        seconds in prop_oneof![Just(0_u64), 1_u64..100, 100_u64..10_000],
    ) {
        let functions = functions();
        let run = run("fixed", &functions, &calls, binding, seconds);
        let mut all = All::default();
        let totals = simulate(&functions, &calls, binding, seconds, &mut all);
        prop_assert_eq!((run.calls, run.starts, run.waited, run.cold), (totals.calls, totals.starts, totals.waited, totals.cold));
        prop_assert_eq!(run.outcomes.get("success").copied().unwrap_or(0), totals.calls);
        prop_assert_eq!(run.failed(), 0);
        prop_assert_eq!(run.idle_mib_s, totals.idle_mib_s());

        let mib = |function: FunctionId| functions[function.number() as usize].memory.as_mib_f64();
        let busy: f64 = calls.iter().map(|call| mib(call.function) * call.runs.as_secs_f64()).sum();
        prop_assert!(near(run.busy_mib_s, busy, 1e-6 * busy), "{} {busy}", run.busy_mib_s);
        let starts = all.moves.iter().filter(|step| step.to == Life::Starting);
        let starting: f64 = starts.map(|step| mib(step.function)).sum();
        prop_assert!(near(run.starting_mib_s, starting, 1e-6 * starting));

        let (mut held, mut there, mut peak, mut most) = (0.0, 0_u64, 0.0_f64, 0);
        for step in &all.moves {
            if step.from == Life::Gone { (held, there) = (held + mib(step.function), there + 1); }
            if step.to == Life::Gone { (held, there) = (held - mib(step.function), there - 1); }
            (peak, most) = (peak.max(held), most.max(there));
        }
        prop_assert_eq!((run.peak_mib, run.peak_instances), (peak, most));

        let mut delays: Vec<f64> = all.calls.iter().map(|call| call.delay().as_secs_f64()).collect();
        delays.sort_by(f64::total_cmp);
        prop_assert_eq!(run.delay_s.is_some(), !delays.is_empty());
        if let Some(delay) = run.delay_s {
            prop_assert_eq!(delay.max, delays[delays.len() - 1]);
            let exact = delays[(9 * delays.len()).div_ceil(10) - 1];
            prop_assert!(near(delay.p90, exact, 0.008 * exact), "{} {exact}", delay.p90);
        }
    }

    #[test]
    fn cold_shares_are_those_of_sorted_functions_and_apps(calls in calls(), seconds in 0_u64..1_000) {
        let functions = functions();
        let run = run("fixed", &functions, &calls, Binding::Early, seconds);
        let mut all = All::default();
        simulate(&functions, &calls, Binding::Early, seconds, &mut all);
        let (mut by_function, mut by_app) = ([(0, 0); 5], [(0, 0); 3]);
        for call in &all.calls {
            let function = call.function.number() as usize;
            for tally in [&mut by_function[function], &mut by_app[function / 2]] {
                *tally = (tally.0 + 1, tally.1 + u64::from(call.cold));
            }
        }
        for (shares, tallies) in [(run.cold_by_function, &by_function[..]), (run.cold_by_app, &by_app[..])] {
            prop_assert_eq!(shares.map(|it| it.p50), percentile(tallies, 50));
            prop_assert_eq!(shares.map(|it| it.p75), percentile(tallies, 75));
            prop_assert_eq!(shares.map(|it| it.p90), percentile(tallies, 90));
        }
    }

    #[test]
    fn a_time_line_holds_everything_in_a_bounded_number_of_buckets(calls in calls(), seconds in 0_u64..10_000) {
        let functions = functions();
        let run = run("fixed", &functions, &calls, Binding::Late, seconds);
        let line = &run.timeline;
        prop_assert!(line.len() <= Timeline::BUCKETS);
        let width = Duration::from_secs(line.bucket_s);
        let within = |bucket: usize, call: &&Arrival| {
            call.at.as_nanos() / u64::try_from(width.as_nanos()).unwrap() == bucket as u64
        };
        for (bucket, count) in line.calls.iter().enumerate() {
            prop_assert_eq!(*count, calls.iter().filter(|call| within(bucket, call)).count() as u64);
        }
        prop_assert_eq!(line.calls.iter().sum::<u64>(), run.calls);
        prop_assert_eq!(line.cold.iter().sum::<u64>(), run.cold);
        for (column, all) in [(&line.idle_mib, run.idle_mib_s), (&line.busy_mib, run.busy_mib_s)] {
            let sum: f64 = column.iter().map(|mean| mean * width.as_secs_f64()).sum();
            // Each bucket's mean is rounded to a thousandth.
            let rounding = 0.000_5 * width.as_secs_f64() * column.len() as f64;
            prop_assert!(near(sum, all, rounding + 1e-9 * all), "{sum} {all}");
        }
    }
}

/// Functions in turns; so many calls, and how often was allocated for gathering.
fn allocations(calls: u32) -> u64 {
    let functions = functions();
    let info = allocation_counter::measure(|| {
        let arrivals = (0..calls).map(|n| call(u64::from(n) * 37, n % 5, u64::from(n % 7)));
        let mut platform = Platform::new(Settings::DEFAULT, FixedWindow(Duration::from_secs(9)));
        for profile in &functions {
            platform.add(Function::from(profile));
        }
        let mut gather = Gather::new(&functions);
        let mut simulation = Simulation::new(FixedStart(Duration::from_secs(1)));
        simulation.run(&mut platform, arrivals, &mut gather);
        drop(gather.finish("fixed", platform.totals()));
    });
    info.count_total
}

#[test]
fn a_longer_run_takes_no_more_room() {
    let (few, many) = (allocations(20_000), allocations(400_000));
    // Time lines are folded now and then, and the sketch has a few more buckets.
    assert!(many < few + 100, "{few} and {many} allocations");
}

#[test]
fn what_is_idle_at_the_end_counts_until_the_last_event() {
    let functions = [profile("f", "a", 100)];
    let calls = [call(0, 0, 1_000), call(10_000, 0, 0)];
    let run = run("for ever", &functions, &calls, Binding::Late, u64::MAX / 2);
    // Ready after one second, busy for another: idle from the second to the tenth.
    assert_eq!(
        (run.idle_mib_s, run.busy_mib_s, run.starting_mib_s),
        (800.0, 100.0, 100.0)
    );
    assert_eq!(
        (run.family.as_str(), run.setting.as_str()),
        ("for ever", "")
    );
}

#[test]
fn calls_of_nobodys_function_are_counted_as_such() {
    let run = run("fixed:1s", &[], &[call(5, 7, 1)], Binding::Late, 1);
    assert_eq!((run.calls, run.failed()), (1, 1));
    assert_eq!(
        run.outcomes.keys().map(String::as_str).collect::<Vec<_>>(),
        ["unknown"]
    );
    assert_eq!((run.delay_s, run.cold_by_app), (None, None));
}
