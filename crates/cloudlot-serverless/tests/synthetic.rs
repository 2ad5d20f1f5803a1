//! Workloads out of a seed: order, sameness and counts; and a day with the published marginals.

use cloudlot_core::{Bytes, Seeds, Timestamp};
use cloudlot_serverless::synthetic::{
    Mix, MixError, Process, ProcessError, Runs, Source, azure_day,
};
use cloudlot_serverless::trace::azure2019::{Day, Trigger};
use cloudlot_serverless::{Arrival, FunctionId, Profile};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3_600);

fn source(name: usize, process: Process, runs: Runs) -> Source {
    let profile = Profile {
        name: name.to_string(),
        app: name.to_string(),
        owner: String::new(),
        memory: Bytes::mib(128),
        runs: Duration::from_millis(100),
        longest: Duration::from_secs(1),
    };
    Source {
        profile,
        process,
        runs,
    }
}

fn mix(processes: &[Process], lasts: Duration, seed: u64) -> Mix {
    let sources = processes.iter().enumerate();
    let sources = sources.map(|(name, process)| source(name, *process, Runs::Exponential));
    Mix::new(sources.collect(), lasts, Seeds::new(seed)).expect("a legal mix")
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn processes() -> impl Strategy<Value = Process> {
    let rate = || prop_oneof![Just(0.0), 0.0..5.0];
    prop_oneof![
        rate().prop_map(|rate| Process::Poisson { rate }),
        (rate(), 0.0..=1.0, 0_u64..5_000, 1_u64..5_000).prop_map(|(mean, swing, peak, period)| {
            Process::Diurnal {
                mean,
                swing,
                peak: seconds(peak),
                period: seconds(period),
            }
        }),
        (rate(), rate(), 1_u64..500, 1_u64..500).prop_map(|(quiet, busy, quiet_for, busy_for)| {
            Process::Burst {
                quiet,
                busy,
                quiet_for: seconds(quiet_for),
                busy_for: seconds(busy_for),
            }
        }),
        (rate(), rate(), 0_u64..900, 0_u64..900).prop_map(|(base, spike, from, lasts)| {
            Process::Spike {
                base,
                spike,
                from: seconds(from),
                lasts: seconds(lasts),
            }
        }),
    ]
}

proptest! {
    #[test]
    fn a_mix_is_in_order_within_its_time_and_the_same_for_the_same_seed(
        processes in prop::collection::vec(processes(), 0..6),
        seed: u64,
    ) {
        let lasts = seconds(600);
        let mix = mix(&processes, lasts, seed);
        let calls: Vec<Arrival> = mix.arrivals().collect();
        let keys: Vec<_> = calls.iter().map(|call| (call.at, call.function)).collect();
        prop_assert!(keys.windows(2).all(|pair| pair[0] < pair[1]));
        prop_assert!(calls.iter().all(|call| call.at < Timestamp::ZERO + lasts));
        prop_assert!(mix.arrivals().eq(calls));
    }

    #[test]
    fn a_function_more_changes_nothing_for_the_others(processes in prop::collection::vec(processes(), 1..5), seed: u64) {
        let all = mix(&processes, seconds(300), seed);
        let fewer = &processes[..processes.len() - 1];
        let fewer = mix(fewer, seconds(300), seed);
        let count = u32::try_from(fewer.functions().len()).unwrap();
        let others = all.arrivals().filter(|call| call.function < FunctionId::new(count));
        prop_assert!(fewer.arrivals().eq(others));
    }
}

#[test]
fn the_numbers_of_calls_are_those_of_the_rates() {
    let day = 24 * HOUR;
    for process in [
        Process::Poisson { rate: 0.5 },
        Process::Diurnal {
            mean: 0.5,
            swing: 0.8,
            peak: 14 * HOUR,
            period: day,
        },
        Process::Spike {
            base: 0.2,
            spike: 20.0,
            from: 3 * HOUR,
            lasts: HOUR / 4,
        },
    ] {
        for lasts in [day, 5 * HOUR] {
            for seed in 1..=5 {
                let expected = process.expected(lasts);
                let calls = f64::from(
                    u32::try_from(mix(&[process], lasts, seed).arrivals().count()).unwrap(),
                );
                // A Poisson number is within five deviations.
                assert!(
                    (calls - expected).abs() < 5.0 * expected.sqrt(),
                    "{process:?} {seed}: {calls}, expected {expected}"
                );
            }
        }
    }
    let burst = Process::Burst {
        quiet: 0.0,
        busy: 10.0,
        quiet_for: seconds(90),
        busy_for: seconds(10),
    };
    let expected = burst.expected(10 * day);
    let calls = f64::from(u32::try_from(mix(&[burst], 10 * day, 1).arrivals().count()).unwrap());
    // Some 8,640 bursts of exponential length: their sum deviates by one or two in a hundred.
    assert!(
        (calls / expected - 1.0).abs() < 0.06,
        "{calls}, expected {expected}"
    );
}

#[test]
fn a_spike_and_a_wave_are_where_they_are_said_to_be() {
    let count = |calls: &[Arrival], from: Duration, to: Duration| {
        let (from, to) = (Timestamp::ZERO + from, Timestamp::ZERO + to);
        calls
            .iter()
            .filter(|call| (from..to).contains(&call.at))
            .count()
    };
    let spike = Process::Spike {
        base: 0.0,
        spike: 5.0,
        from: HOUR,
        lasts: seconds(60),
    };
    let calls: Vec<_> = mix(&[spike], 3 * HOUR, 1).arrivals().collect();
    assert_eq!(count(&calls, HOUR, HOUR + seconds(60)), calls.len());
    assert!((200..400).contains(&calls.len()), "{}", calls.len());
    let wave = Process::Diurnal {
        mean: 1.0,
        swing: 1.0,
        peak: 14 * HOUR,
        period: 24 * HOUR,
    };
    let calls: Vec<_> = mix(&[wave], 24 * HOUR, 1).arrivals().collect();
    let (day, night) = (
        count(&calls, 13 * HOUR, 15 * HOUR),
        count(&calls, HOUR, 3 * HOUR),
    );
    assert!(
        day > 13_500 && night < 250,
        "{day} by day, {night} by night"
    );
}

#[test]
fn bursts_vary_more_than_independent_calls() {
    let burst = Process::Burst {
        quiet: 0.0,
        busy: 10.0,
        quiet_for: seconds(90),
        busy_for: seconds(10),
    };
    // The variance of the calls in ten seconds over their mean: one for independent calls.
    let dispersion = |process: Process| {
        let mut counts = [0.0_f64; 8_640];
        for call in mix(&[process], 24 * HOUR, 3).arrivals() {
            counts[usize::try_from(call.at.as_nanos() / 10_000_000_000).unwrap()] += 1.0;
        }
        let mean = counts.iter().sum::<f64>() / 8_640.0;
        counts
            .iter()
            .map(|count| (count - mean).powi(2))
            .sum::<f64>()
            / 8_640.0
            / mean
    };
    let (bursty, plain) = (
        dispersion(burst),
        dispersion(Process::Poisson { rate: 1.0 }),
    );
    assert!((0.9..1.1).contains(&plain), "{plain}");
    assert!(bursty > 20.0, "{bursty}");
}

#[test]
fn lengths_of_calls_have_the_mean_of_the_profile() {
    for runs in [
        Runs::Fixed,
        Runs::Exponential,
        Runs::LogNormal { sigma: 1.0 },
    ] {
        let source = source(0, Process::Poisson { rate: 10.0 }, runs);
        let mix = Mix::new(vec![source], 3 * HOUR, Seeds::new(1)).unwrap();
        let (mut sum, mut calls) = (0.0, 0.0);
        for call in mix.arrivals() {
            sum += call.runs.as_secs_f64();
            calls += 1.0;
        }
        let mean = sum / calls;
        assert!((mean - 0.1).abs() < 0.003, "{runs:?}: {mean}");
    }
}

/// FNV-1a over the calls.
fn digest(arrivals: impl Iterator<Item = Arrival>) -> u64 {
    let numbers = arrivals.flat_map(|call| {
        let runs = u64::try_from(call.runs.as_nanos()).unwrap_or(u64::MAX);
        [call.at.as_nanos(), call.function.number().into(), runs]
    });
    let bytes = numbers.flat_map(u64::to_le_bytes);
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[test]
fn a_seed_means_the_same_calls_everywhere() {
    // Recorded runs depend on these numbers.
    let processes = [
        Process::Poisson { rate: 0.5 },
        Process::Diurnal {
            mean: 0.5,
            swing: 0.8,
            peak: 14 * HOUR,
            period: 24 * HOUR,
        },
        Process::Burst {
            quiet: 0.1,
            busy: 10.0,
            quiet_for: seconds(90),
            busy_for: seconds(10),
        },
        Process::Spike {
            base: 0.2,
            spike: 20.0,
            from: HOUR,
            lasts: seconds(60),
        },
    ];
    assert_eq!(
        digest(mix(&processes, 2 * HOUR, 1).arrivals()),
        13_677_441_304_934_629_604
    );
    assert_eq!(
        digest(azure_day(50, Seeds::new(1)).counts.arrivals()),
        6_626_391_691_190_778_142
    );
}

#[test]
fn impossible_processes_are_refused() {
    let wave = |swing, period| Process::Diurnal {
        mean: 1.0,
        swing,
        peak: HOUR,
        period,
    };
    let burst = |quiet_for, busy_for| Process::Burst {
        quiet: 0.0,
        busy: 1.0,
        quiet_for,
        busy_for,
    };
    for (process, expected) in [
        (Process::Poisson { rate: -1.0 }, ProcessError::Rate(-1.0)),
        (
            Process::Poisson {
                rate: f64::INFINITY,
            },
            ProcessError::Rate(f64::INFINITY),
        ),
        (
            Process::Spike {
                base: 1.0,
                spike: 1e7,
                from: HOUR,
                lasts: HOUR,
            },
            ProcessError::Rate(1e7),
        ),
        (wave(1.5, HOUR), ProcessError::Swing(1.5)),
        (wave(0.5, Duration::ZERO), ProcessError::NoTime("period")),
        (
            burst(Duration::ZERO, HOUR),
            ProcessError::NoTime("quiet_for"),
        ),
        (
            burst(HOUR, Duration::ZERO),
            ProcessError::NoTime("busy_for"),
        ),
    ] {
        let sources = vec![
            source(0, Process::Poisson { rate: 0.0 }, Runs::Fixed),
            source(1, process, Runs::Fixed),
        ];
        let refused = Mix::new(sources, HOUR, Seeds::new(1)).unwrap_err();
        let function = FunctionId::new(1);
        assert_eq!(
            refused,
            MixError::Process {
                function,
                fault: expected
            }
        );
    }
    for sigma in [f64::NAN, -0.1, 4.1] {
        let wide = source(0, Process::Poisson { rate: 1.0 }, Runs::LogNormal { sigma });
        let refused = Mix::new(vec![wide], HOUR, Seeds::new(1));
        assert!(matches!(refused, Err(MixError::Sigma { .. })));
    }
    let nan = source(0, Process::Poisson { rate: f64::NAN }, Runs::Fixed);
    assert!(Mix::new(vec![nan], HOUR, Seeds::new(1)).is_err());
}

/// The functions, the calls and the memory of each app.
fn apps(day: &Day) -> Vec<(u32, u64, f64)> {
    let mut apps: BTreeMap<&str, (u32, u64, f64)> = BTreeMap::new();
    for (id, profile) in (0..).zip(day.counts.functions()) {
        let calls = day.counts.counts_of(FunctionId::new(id));
        let app = apps.entry(&profile.app).or_default();
        app.0 += 1;
        app.1 += calls.map(|(_, count)| u64::from(count)).sum::<u64>();
        app.2 += profile.memory.as_mib_f64();
    }
    apps.into_values().collect()
}

fn share<T>(all: &[T], holds: impl Fn(&T) -> bool) -> f64 {
    let count = |number: usize| f64::from(u32::try_from(number).expect("a small number"));
    count(all.iter().filter(|it| holds(it)).count()) / count(all.len())
}

#[test]
fn a_generated_day_has_the_published_marginals() {
    for seed in 1..=6 {
        let day = azure_day(2_000, Seeds::new(seed));
        let near = |what: &str, found: f64, published: f64, within: f64| {
            assert!(
                (found - published).abs() <= within,
                "seed {seed}, {what}: {found}, published {published}"
            );
        };
        let mut apps = apps(&day);
        near(
            "apps of one function",
            share(&apps, |app| app.0 == 1),
            0.54,
            0.05,
        );
        near(
            "apps of at most ten",
            share(&apps, |app| app.0 <= 10),
            0.95,
            0.025,
        );
        near(
            "apps called at most once an hour",
            share(&apps, |app| app.1 <= 24),
            0.45,
            0.03,
        );
        near(
            "apps called at most once a minute",
            share(&apps, |app| app.1 <= 1_440),
            0.81,
            0.015,
        );
        near(
            "apps at most 170 MB",
            share(&apps, |app| app.2 <= 170.0),
            0.5,
            0.01,
        );
        near(
            "apps at most 400 MB",
            share(&apps, |app| app.2 <= 400.0),
            0.9,
            0.01,
        );
        apps.sort_by_key(|app| std::cmp::Reverse(app.1));
        let most = apps.len() * 186 / 1_000;
        let most: u64 = apps[..most].iter().map(|app| app.1).sum();
        let part = Duration::from_nanos(most).as_secs_f64()
            / Duration::from_nanos(day.counts.calls()).as_secs_f64();
        near("calls of the most called 18.6 %", part, 0.996, 0.001);
        let functions = day.counts.functions();
        near(
            "functions below a second",
            share(functions, |it| it.runs < seconds(1)),
            0.5,
            0.08,
        );
        for (trigger, published) in [
            (Trigger::Http, 0.55),
            (Trigger::Queue, 0.152),
            (Trigger::Timer, 0.156),
            (Trigger::Orchestration, 0.069),
            (Trigger::Storage, 0.028),
            (Trigger::Event, 0.022),
            (Trigger::Other, 0.022),
        ] {
            near(
                "trigger",
                share(&day.triggers, |it| *it == trigger),
                published,
                0.005,
            );
        }
    }
}

#[test]
fn a_generated_day_is_the_same_for_the_same_seed_only() {
    let day = azure_day(100, Seeds::new(1));
    assert_eq!(day, azure_day(100, Seeds::new(1)));
    assert_ne!(day, azure_day(100, Seeds::new(2)));
    assert_eq!(day.counts.slots(), 1_440);
    let mut last = (Timestamp::ZERO, FunctionId::new(0));
    let mut calls = 0;
    for call in day.counts.arrivals() {
        assert!(last <= (call.at, call.function));
        last = (call.at, call.function);
        calls += 1;
    }
    assert_eq!(calls, day.counts.calls());
    assert!(last.0 < Timestamp::ZERO + 24 * HOUR);
}

#[test]
fn a_generated_day_may_be_of_any_size() {
    for functions in [0, 1, 2, 11] {
        let day = azure_day(functions, Seeds::new(5));
        assert_eq!(
            day.counts.functions().len(),
            usize::try_from(functions).unwrap()
        );
        assert!(day.counts.calls() >= functions.into());
        assert!(day.counts.size() < 4_000 * day.counts.functions().len() + 1);
    }
}

#[test]
fn timers_fire_evenly() {
    let day = azure_day(300, Seeds::new(1));
    let mut seen = 0;
    for (id, trigger) in (0..).map(FunctionId::new).zip(&day.triggers) {
        let counts: Vec<_> = day.counts.counts_of(id).collect();
        if *trigger != Trigger::Timer || counts.len() < 3 {
            continue;
        }
        let (least, most) = (
            counts.iter().map(|it| it.1).min(),
            counts.iter().map(|it| it.1).max(),
        );
        assert!(most <= least.map(|least| least + 1), "{id}");
        if most == Some(1) {
            let gaps: Vec<u32> = counts
                .windows(2)
                .map(|pair| pair[1].0 - pair[0].0)
                .collect();
            let (least, most) = (gaps.iter().min().unwrap(), gaps.iter().max().unwrap());
            assert!(most - least <= 1, "{id}: {gaps:?}");
            seen += 1;
        }
    }
    assert!(seen > 10, "{seen}");
}
