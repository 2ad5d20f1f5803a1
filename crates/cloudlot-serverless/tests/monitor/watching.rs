use super::chance::{Chance, HOUR, MINUTE};
use cloudlot_core::metrics::{Usage, openmetrics};
use cloudlot_core::{Bytes, Timestamp};
use cloudlot_serverless::monitor::{
    ConfigError, Detector, Monitor, MonitorConfig, Objective, Scale, Spread,
};
use cloudlot_serverless::sim::{FixedStart, Simulation};
use cloudlot_serverless::{
    Arrival, CallId, FixedWindow, Function, FunctionId, Outcome, Platform, Record, Settings, Sink,
};
use proptest::prelude::*;
use std::time::Duration;

const F: FunctionId = FunctionId::new(0);

fn at(nanos: u64) -> Timestamp {
    Timestamp::from_nanos(nanos)
}

fn millis(count: u64) -> Timestamp {
    at(count * 1_000_000)
}

fn record(arrived: u64, waits: u64, runs: u64, outcome: Outcome, cold: bool) -> Record {
    Record {
        call: CallId::new(0),
        function: F,
        arrived: millis(arrived),
        started: Some(millis(arrived + waits)),
        ended: millis(arrived + waits + runs),
        outcome,
        attempts: 1,
        cold,
    }
}

fn monitor(config: MonitorConfig) -> Monitor {
    Monitor::new(config, Timestamp::ZERO).unwrap()
}

fn outcomes() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        6 => Just(Outcome::Success), 1 => Just(Outcome::Failure), 1 => Just(Outcome::TimedOut), 1 => Just(Outcome::Lost),
        1 => Just(Outcome::WaitedTooLong), 1 => Just(Outcome::NoRoom), 1 => Just(Outcome::Draining),
    ]
}

proptest! {
    #[test]
    fn figures_are_those_of_a_list_of_all_calls(
        calls in prop::collection::vec((0_u64..200_000, 0_u64..3_000, 0_u64..3_000, outcomes(), any::<bool>()), 1..200),
    ) {
        let mut calls: Vec<Record> = calls.into_iter().map(|(at, waits, runs, outcome, cold)| record(at, waits, runs, outcome, cold)).collect();
        calls.sort_by_key(|it| it.ended);
        let objective = Objective::new(Duration::from_millis(1500), 0.9).unwrap();
        let windows = vec![Duration::from_secs(60), Duration::from_secs(600)];
        let mut monitor = monitor(MonitorConfig { objective, windows, ..MonitorConfig::default() });
        for call in &calls {
            monitor.call(call);
        }
        let now = millis(210_000);
        let figures = monitor.figures(F, now).unwrap();
        let count = |of: &dyn Fn(&&Record) -> bool| calls.iter().filter(of).count() as u64;
        let all = calls.len() as u64;
        let good = |it: &&Record| it.outcome == Outcome::Success && it.ended.since(it.arrived) <= Duration::from_millis(1500);
        prop_assert_eq!((figures.calls, figures.late), (all, 0));
        prop_assert_eq!(figures.compliance, Some(count(&good) as f64 / all as f64));
        prop_assert_eq!(figures.cold, Some(count(&|it| it.cold) as f64 / all as f64));
        let e = figures.endings;
        prop_assert_eq!(e.success + e.failure + e.timed_out + e.lost + e.waited_too_long + e.turned_away, all);
        prop_assert_eq!(e.turned_away, count(&|it| matches!(it.outcome, Outcome::NoRoom | Outcome::Draining)));
        // Percentiles are within the stated error of the exact ones, by nearest rank.
        let exact = |of: &dyn Fn(&Record) -> Duration, percent: usize| {
            let mut times: Vec<f64> = calls.iter().map(|it| of(it).as_secs_f64()).collect();
            times.sort_by(f64::total_cmp);
            times[(percent * times.len()).div_ceil(100).max(1) - 1]
        };
        let latency = |it: &Record| it.ended.since(it.arrived);
        for (told, exact) in [
            (figures.latency.p50, exact(&latency, 50)), (figures.latency.p95, exact(&latency, 95)), (figures.latency.p99, exact(&latency, 99)),
            (figures.delay.p50, exact(&Record::delay, 50)), (figures.delay.p99, exact(&Record::delay, 99)), (figures.delay.max, exact(&Record::delay, 100)),
        ] {
            prop_assert!((told - exact).abs() <= exact * figures.error, "{} for {}", told, exact);
        }
        prop_assert!(figures.error <= 1.0 / 128.0);
        // The ten minutes hold everything.
        let wide = figures.lately[1];
        prop_assert_eq!((wide.calls, wide.compliance, wide.cold), (all, figures.compliance, figures.cold));
        // The minute slides by seconds: sixty of them, the running one included.
        prop_assert_eq!(figures.lately[0].calls, count(&|it| it.ended.as_nanos() / 1_000_000_000 > 150));
        // Calls by the minute in which they came.
        let report = monitor.report(F, now + Duration::from_secs(90)).unwrap();
        let minutes: Vec<f64> = (0..4).map(|m| count(&|it| it.arrived.as_nanos() / 60_000_000_000 == m) as f64).collect();
        prop_assert_eq!(report.fine.samples.values(), &minutes[..]);
    }
}

#[test]
fn a_platform_that_idles_does_not_score_above_one_that_works() {
    let run = |calls: u64, window: u64| {
        let mut platform =
            Platform::new(Settings::DEFAULT, FixedWindow(Duration::from_secs(window)));
        let function = platform.add(Function::new(Bytes::mib(128)));
        let arrivals = (0..calls).map(|n| Arrival {
            at: Timestamp::ZERO + Duration::from_secs(n),
            function,
            runs: Duration::from_millis(900),
        });
        let mut monitor = monitor(MonitorConfig::default());
        Simulation::new(FixedStart(Duration::ZERO)).run(&mut platform, arrivals, &mut monitor);
        (
            monitor.figures(function, Timestamp::ZERO + HOUR),
            platform.totals().idle_mib_s() / 128.0,
        )
    };
    assert_eq!(run(0, 10).0, None, "nothing is no performance");
    let (busy, idle_busy) = run(3000, 10);
    let (idle, idle_idle) = run(30, 3000);
    let (busy, idle) = (busy.unwrap(), idle.unwrap());
    assert!(busy.performance.unwrap().score() > 0.95);
    assert!(idle.performance.unwrap().score() < busy.performance.unwrap().score() - 0.1);
    // The times of instances are those that the platform counts itself.
    for (figures, idle) in [(busy, idle_busy), (idle, idle_idle)] {
        assert!(
            (figures.instances.idle - idle).abs() < 1e-6,
            "{} {idle}",
            figures.instances.idle
        );
        let ran = figures.calls as f64 * 0.9;
        assert!((figures.instances.busy - ran).abs() < 1e-6);
    }
}

#[test]
fn an_idle_present_counts_although_nothing_moves() {
    let mut platform = Platform::new(Settings::DEFAULT, FixedWindow(Duration::MAX));
    let function = platform.add(Function::new(Bytes::mib(1)));
    let (mut monitor, mut effects) = (monitor(MonitorConfig::default()), Vec::new());
    let call = cloudlot_serverless::Call {
        id: CallId::new(1),
        function,
        payload: 0,
        source: Default::default(),
        key: None,
    };
    platform.handle(
        cloudlot_serverless::Event::Arrived(call),
        at(0),
        &mut effects,
        &mut monitor,
    );
    let seconds = |now| monitor.figures(function, now).unwrap().instances.starting;
    assert_eq!((seconds(at(0)), seconds(millis(2500))), (0.0, 2.5));
}

#[test]
fn memory_is_bounded_whatever_comes() {
    let config = MonitorConfig {
        fine: Scale {
            interval: MINUTE,
            kept: 100,
        },
        coarse: Scale {
            interval: HOUR,
            kept: 50,
        },
        functions: 4,
        ..MonitorConfig::default()
    };
    let bound = config.bytes();
    let mut chance = Chance::new(1);
    let mut kept = None;
    let measured = allocation_counter::measure(|| {
        let mut monitor = monitor(config);
        for n in 0..200_000_u64 {
            // From nanoseconds to centuries, now and then with a jump.
            let span = |chance: &mut Chance| {
                (1.0 + 1e3 * chance.unit()) * 10_f64.powf(15.0 * chance.unit())
            };
            let [arrived, waits, runs] = [n as f64 * 1e9, span(&mut chance), span(&mut chance)]
                .map(|nanos| Duration::from_secs_f64(nanos / 1e9));
            let mut call = record(0, 0, 0, Outcome::Success, n % 3 == 0);
            call.function = FunctionId::new(u32::try_from(n % 8).unwrap());
            call.arrived = Timestamp::ZERO + arrived;
            call.started = Some(call.arrived + waits);
            call.ended = call.arrived + waits + runs;
            monitor.call(&call);
        }
        kept = Some(monitor);
    });
    let bytes = usize::try_from(measured.bytes_current).unwrap();
    println!("{bytes} bytes for four functions of {bound} at most each");
    assert!(bytes <= 4 * bound + 1024, "{bytes} for {bound}");
    let monitor = kept.unwrap();
    assert_eq!(monitor.unknown(), 100_000);
    assert!(monitor.size() < bytes);
    let usual = MonitorConfig::default();
    println!(
        "with default settings at most {} bytes a function",
        usual.bytes()
    );
}

#[test]
fn a_wild_number_takes_no_memory() {
    let mut monitor = monitor(MonitorConfig::default());
    let before = monitor.size();
    for outcome in [Outcome::Success, Outcome::Unknown] {
        for number in [1 << 16, u32::MAX] {
            monitor.call(&Record {
                function: FunctionId::new(number),
                ..record(0, 0, 0, outcome, false)
            });
        }
    }
    assert_eq!(
        (
            monitor.size(),
            monitor.unknown(),
            monitor.functions().count()
        ),
        (before, 4, 0)
    );
    assert_eq!(monitor.report(FunctionId::new(u32::MAX), at(0)), None);
}

#[test]
fn calls_that_are_answered_late_are_in_their_own_minute_or_counted_apart() {
    let config = MonitorConfig {
        fine: Scale {
            interval: MINUTE,
            kept: 3,
        },
        ..MonitorConfig::default()
    };
    let mut monitor = monitor(config);
    let minute = 60_000;
    monitor.call(&record(5 * minute, 0, 10, Outcome::Success, false));
    // Came two minutes before, ran that long.
    monitor.call(&record(
        3 * minute,
        0,
        2 * minute + 20,
        Outcome::Success,
        false,
    ));
    monitor.call(&record(
        2 * minute,
        0,
        3 * minute + 20,
        Outcome::Success,
        false,
    ));
    let report = monitor.report(F, millis(7 * minute)).unwrap();
    assert_eq!(report.fine.samples.values(), [1.0, 0.0, 1.0]);
    assert_eq!((report.figures.calls, report.figures.late), (3, 1));
    // Before a minute is settled it is in no series.
    let report = monitor.report(F, millis(7 * minute - 1)).unwrap();
    assert_eq!(
        report.fine.samples.values(),
        [0.0, 1.0, 0.0],
        "minutes 2, 3 and 4"
    );
}

#[test]
fn settings_out_of_range_are_refused() {
    let refusal = |config| Monitor::new(config, Timestamp::ZERO).unwrap_err();
    let fine = MonitorConfig::default;
    let zero = Scale {
        interval: Duration::ZERO,
        kept: 1,
    };
    assert_eq!(
        refusal(MonitorConfig {
            fine: zero,
            ..fine()
        }),
        ConfigError::NoTime("a fine interval")
    );
    assert_eq!(
        refusal(MonitorConfig {
            windows: vec![HOUR, Duration::ZERO],
            ..fine()
        }),
        ConfigError::NoTime("a window")
    );
    let many = Scale {
        interval: HOUR,
        kept: 10_081,
    };
    assert!(matches!(
        refusal(MonitorConfig {
            coarse: many,
            ..fine()
        }),
        ConfigError::TooMany { count: 10_081, .. }
    ));
    assert!(matches!(
        refusal(MonitorConfig {
            windows: vec![HOUR; 17],
            ..fine()
        }),
        ConfigError::TooMany { .. }
    ));
    assert!(matches!(
        refusal(MonitorConfig {
            horizons: vec![1; 17],
            ..fine()
        }),
        ConfigError::TooMany { .. }
    ));
    for share in [-0.1, 1.0, 1.1, f64::NAN] {
        assert!(Objective::new(HOUR, share).is_err());
    }
}

#[test]
fn an_outage_of_a_daily_service_is_seen_and_tomorrow_is_foreseen() {
    let detector = Detector::new(30, 6.0, 1.0, Spread::Median).unwrap();
    let mut monitor = monitor(MonitorConfig {
        detector,
        ..MonitorConfig::default()
    });
    let mut chance = Chance::new(4);
    let day = |hour: u64| {
        if (8..20).contains(&(hour % 24)) {
            200.0
        } else {
            20.0
        }
    };
    for hour in 0..24 * 14 {
        let out = hour == 24 * 12 + 11;
        let mut calls = 0.0;
        while calls < chance.poisson(if out { 2.0 } else { day(hour) }) {
            monitor.call(&record(
                hour * 3_600_000 + 1000,
                0,
                100,
                Outcome::Success,
                false,
            ));
            calls += 1.0;
        }
    }
    let report = monitor
        .report(F, millis((24 * 14) * 3_600_000 + 60_000))
        .unwrap();
    let season = report.coarse.pattern.season.unwrap();
    assert_eq!((season.lag, season.period), (24, 24 * HOUR), "{report}");
    let places: Vec<usize> = report.coarse.anomalies.iter().map(|it| it.place).collect();
    assert!(
        places.contains(&(24 * 12 + 11)) && places.len() <= 8,
        "{places:?}"
    );
    let ahead: Vec<f64> = report.coarse.forecasts.iter().map(|it| it.value).collect();
    // The first hour of the day, the sixth, the last.
    assert!(
        ahead.iter().all(|it| (10.0..40.0).contains(it)),
        "{ahead:?}"
    );
    assert!(
        report
            .coarse
            .forecasts
            .iter()
            .all(|it| it.errors.mae <= it.baseline.mae)
    );
}

#[test]
fn figures_are_text_for_a_scraper() {
    let mut monitor = monitor(MonitorConfig::default());
    for n in 0..10 {
        monitor.call(&record(
            n * 100,
            50,
            200,
            if n == 3 {
                Outcome::Failure
            } else {
                Outcome::Success
            },
            n == 0,
        ));
    }
    let now = millis(2000);
    let registry = monitor
        .metrics(now, |function| format!("shop \"{function}\"\n"))
        .unwrap();
    assert_eq!(registry.refused(), 0);
    let text = openmetrics::encode(&Usage::at(now), &registry);
    for line in [
        r#"cloudlot_metric_function_calls_total{function="shop \"fn-0\"\n"} 10"#,
        r#"cloudlot_metric_function_endings_total{ending="failure",function="shop \"fn-0\"\n"} 1"#,
        r#"cloudlot_metric_function_good_ratio{function="shop \"fn-0\"\n"} 0.9"#,
        r#"cloudlot_metric_function_cold_ratio{function="shop \"fn-0\"\n"} 0.1"#,
        r#"cloudlot_metric_function_latency_seconds{function="shop \"fn-0\"\n",percentile="99"} 0.25"#,
        r#"cloudlot_metric_function_calls_per_second{function="shop \"fn-0\"\n",window="60s"} 5.0"#,
        r#"cloudlot_metric_function_unknown_total{of="calls"} 0"#,
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    assert!(text.ends_with("# EOF\n"));
    assert_eq!(
        text,
        openmetrics::encode(
            &Usage::at(now),
            &monitor.metrics(now, |f| format!("shop \"{f}\"\n")).unwrap()
        )
    );
    assert!(monitor.metrics(now, |_| "x".repeat(2000)).is_err());
    let log = monitor.report(F, now).unwrap().to_string();
    assert!(
        log.contains("10 calls, 90.00 % good, 10.00 % cold")
            && log.lines().all(|line| !line.is_empty()),
        "{log}"
    );
}
