use super::{F, ROOMY, at, draw, optimiser, usage};
use cloudlot_core::Bytes;
use cloudlot_core::metrics::Percentile;
use cloudlot_serverless::rightsize::{Advice, Fate, Reason, RightsizeConfig, Rule, Size, Usage};
use proptest::prelude::*;
use std::time::Duration;

/// By nearest rank.
fn exact(values: &[u64], percent: usize) -> u64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    sorted[(percent * sorted.len()).div_ceil(100).max(1) - 1]
}

fn calls() -> impl Strategy<Value = Vec<(u64, u64)>> {
    prop::collection::vec((1_u64..3_000_000, 1_u64..5_000), 1..400)
}

fn sizes() -> impl Strategy<Value = Size> {
    (1_u64..12_000, 1_u64..8_000).prop_map(|(mib, millicores)| Size {
        memory: Bytes::mib(mib),
        millicores,
    })
}

fn advice(
    config: RightsizeConfig,
    calls: &[(u64, u64)],
    current: Size,
    limit: Option<Size>,
) -> Advice {
    let mut optimiser = optimiser(config);
    for (second, &(kib, millicores)) in (0..).zip(calls) {
        optimiser
            .learn(&usage(second, kib, millicores, ROOMY))
            .unwrap();
    }
    optimiser.advise(F, current, limit, at(1000))
}

fn steps(config: RightsizeConfig, memory: u64, cpu: u64) -> RightsizeConfig {
    let rule = |rule: Rule, step| Rule {
        step,
        floor: 0,
        ceiling: u64::MAX,
        ..rule
    };
    RightsizeConfig {
        memory: rule(config.memory, memory),
        cpu: rule(config.cpu, cpu),
        ..config
    }
}

proptest! {
    #[test]
    fn advice_is_never_below_the_percentile_and_never_far_above(calls in calls(), current in sizes(), few in 1_u64..50) {
        let config = RightsizeConfig { samples: few, ..steps(RightsizeConfig::default(), 4096, 10) };
        let told = advice(config, &calls, current, None);
        prop_assume!(calls.len() as u64 >= few);
        let memory: Vec<u64> = calls.iter().map(|call| call.0 * 1024).collect();
        let cpu: Vec<u64> = calls.iter().map(|call| call.1).collect();
        let (memory, cpu) = (exact(&memory, 99), exact(&cpu, 95));
        prop_assert!(told.size.memory.get() >= memory, "{told}");
        prop_assert!(told.size.millicores >= cpu, "{told}");
        // From nothing there is no hysteresis: the margin, the sketch's error twice, and a step.
        let fresh = advice(config, &calls, Size { memory: Bytes::new(0), millicores: 0 }, None).size;
        let most = |amount: u64, step: u64| amount + amount / 100 * 17 + step + 20;
        prop_assert!(fresh.memory.get() <= most(memory, 4096) && fresh.millicores <= most(cpu, 10));
        prop_assert!(fresh.memory.get().is_multiple_of(4096) && fresh.millicores.is_multiple_of(10));
    }

    #[test]
    fn more_margin_or_a_higher_percentile_is_never_less(
        calls in calls(), current in sizes(), margins in (1.0_f64..3.0, 1.0_f64..3.0), percent in (0_u32..=100, 0_u32..=100),
    ) {
        let with = |margin: f64| {
            let mut config = RightsizeConfig::default();
            (config.memory.margin, config.cpu.margin) = (margin, margin);
            advice(config, &calls, current, None).size
        };
        let (less, more) = (with(margins.0.min(margins.1)), with(margins.0.max(margins.1)));
        prop_assert!(less.memory <= more.memory && less.millicores <= more.millicores);
        let with = |percent: u32| {
            let percentile = Percentile::new(f64::from(percent)).unwrap();
            let mut config = RightsizeConfig { confidence: 0.0, ..RightsizeConfig::default() };
            (config.memory.percentile, config.cpu.percentile) = (percentile, percentile);
            advice(config, &calls, current, None).size
        };
        let (less, more) = (with(percent.0.min(percent.1)), with(percent.0.max(percent.1)));
        prop_assert!(less.memory <= more.memory && less.millicores <= more.millicores);
    }

    #[test]
    fn what_was_taken_is_left_alone(calls in calls(), current in sizes(), tied in prop::option::of(1_u64..4000)) {
        let config = RightsizeConfig { tied: tied.map(Bytes::mib), ..RightsizeConfig::default() };
        let once = advice(config, &calls, current, None);
        let twice = advice(config, &calls, once.size, None);
        prop_assert!(!twice.changes(), "{once}\n{twice}");
    }

    #[test]
    fn limits_and_ceilings_hold_and_are_told(calls in calls(), current in sizes(), limit in sizes(), tied in prop::option::of(500_u64..4000)) {
        let config = RightsizeConfig { tied: tied.map(Bytes::mib), ..RightsizeConfig::default() };
        let told = advice(config, &calls, current, Some(limit));
        prop_assert!(told.size.memory <= limit.memory && told.size.millicores <= limit.millicores, "{told}");
        prop_assert!(told.size.memory.get() <= config.memory.ceiling);
        let free = advice(config, &calls, current, None);
        let cut = told.why.iter().any(|reason| matches!(reason, Reason::Limit { .. }));
        prop_assert_eq!(cut, told.size != free.size);
    }
}

/// Two months of a function, advised once an hour and obeyed; how often its size changed.
fn changes(mut calls: impl FnMut(u64) -> (u64, u64), config: RightsizeConfig) -> (u32, Size) {
    let (mut optimiser, mut size, mut changes) = (optimiser(config), ROOMY, 0);
    for hour in 0..24 * 60 {
        for call in 0..60 {
            let second = hour * 3600 + call * 60;
            let (kib, millicores) = calls(second);
            optimiser
                .learn(&usage(second, kib, millicores, size))
                .unwrap();
        }
        let told = optimiser.advise(F, size, None, at(hour * 3600 + 3600));
        changes += u32::from(told.changes());
        size = told.size;
    }
    (changes, size)
}

#[test]
fn steady_use_does_not_make_sizes_flap() {
    for seed in 0..5 {
        let mut state = seed;
        let (times, size) = changes(
            |_| {
                (
                    150_000 + draw(&mut state, 100_000),
                    200 + draw(&mut state, 400),
                )
            },
            RightsizeConfig::default(),
        );
        println!("steady use: {times} changes in 60 days, at last {size}");
        assert!(times <= 3, "{times}");
        // A long tail: one call in fifty takes four times as much.
        let (times, size) = changes(
            |_| {
                let large = if draw(&mut state, 50) == 0 { 4 } else { 1 };
                (large * (100_000 + draw(&mut state, 60_000)), 300)
            },
            RightsizeConfig::default(),
        );
        println!("a long tail: {times} changes, at last {size}");
        assert!(times <= 8, "{times}");
    }
}

#[test]
fn use_that_changed_is_followed_both_ways() {
    let mut state = 1;
    let (_, size) = changes(
        |second| {
            let base = if second < 86_400 * 20 {
                800_000
            } else {
                150_000
            };
            (base + draw(&mut state, 1000), 500)
        },
        RightsizeConfig::default(),
    );
    assert_eq!(
        size.memory,
        Bytes::mib(176),
        "the time of large calls is forgotten"
    );
    let (_, size) = changes(
        |second| {
            if second < 86_400 * 59 {
                (150_000, 100)
            } else {
                (900_000, 3000)
            }
        },
        RightsizeConfig::default(),
    );
    assert!(
        size.memory > Bytes::kib(900_000) && size.millicores > 3000,
        "{size}"
    );
}

#[test]
fn few_calls_take_nothing_away() {
    let first = |count: u64| {
        let calls: Vec<(u64, u64)> = vec![(100_000, 100); usize::try_from(count).unwrap()];
        advice(RightsizeConfig::default(), &calls, ROOMY, None)
    };
    let told = first(19);
    assert!(
        !told.changes()
            && told
                .why
                .iter()
                .all(|it| matches!(it, Reason::FewSamples { least: 20, .. }))
    );
    // 0.95^n is below 5 % from 59 calls on, 0.99^n from 299 on.
    for (count, cpu, memory) in [
        (20, false, false),
        (58, false, false),
        (59, true, false),
        (298, true, false),
        (299, true, true),
    ] {
        let told = first(count);
        let less = (
            told.size.millicores < ROOMY.millicores,
            told.size.memory < ROOMY.memory,
        );
        assert_eq!(less, (cpu, memory), "{count}: {told}");
    }
    // But they do add.
    let small = Size {
        memory: Bytes::mib(128),
        millicores: 100,
    };
    let told = advice(
        RightsizeConfig::default(),
        &[(400_000, 900); 20],
        small,
        None,
    );
    assert!(told.size.memory > Bytes::kib(400_000) && told.size.millicores > 900);
    let nobody = optimiser(RightsizeConfig::default()).advise(F, ROOMY, None, at(0));
    assert!(!nobody.changes());
}

#[test]
fn out_of_memory_raises_at_once_and_holds() {
    let mut optimiser = optimiser(RightsizeConfig::default());
    let size = Size {
        memory: Bytes::mib(256),
        millicores: 100,
    };
    let killed = Usage {
        fate: Fate::OutOfMemory,
        ..usage(0, 200_000, 50, size)
    };
    optimiser.learn(&killed).unwrap();
    let told = optimiser.advise(F, size, None, at(1));
    assert_eq!(
        told.size.memory,
        Bytes::mib(368),
        "256 + 100, in steps of 16: {told}"
    );
    // The same again raises no further; it is the limit that was too low, not the count.
    optimiser.learn(&killed).unwrap();
    assert_eq!(
        optimiser.advise(F, size, None, at(1)).size.memory,
        Bytes::mib(368)
    );
    // And so it goes on as long as it is not enough.
    let more = Size {
        memory: Bytes::mib(1024),
        ..size
    };
    optimiser
        .learn(&Usage {
            fate: Fate::OutOfMemory,
            ..usage(2, 1 << 20, 50, more)
        })
        .unwrap();
    let told = optimiser.advise(F, more, None, at(3));
    assert_eq!(told.size.memory, Bytes::mib(1232), "a fifth more: {told}");
    // Thousands of small calls do not undo it for a week.
    for call in 0..5000 {
        optimiser
            .learn(&usage(10 + call, 100_000, 50, told.size))
            .unwrap();
    }
    let week = 7 * 86_400;
    for call in 0..5000 {
        optimiser
            .learn(&usage(week - 10_000 + call, 100_000, 50, told.size))
            .unwrap();
    }
    assert!(!optimiser.advise(F, told.size, None, at(week)).changes());
    let later = optimiser.advise(F, told.size, None, at(week + 10));
    assert_eq!(later.size.memory, Bytes::mib(128), "{later}");
}

#[test]
fn throttling_is_told_from_a_call_that_hangs() {
    let mut optimiser = optimiser(RightsizeConfig::default());
    let size = Size {
        memory: Bytes::mib(256),
        millicores: 500,
    };
    let timed_out = |millicores| Usage {
        fate: Fate::TimedOut,
        ..usage(0, 100_000, millicores, size)
    };
    optimiser.learn(&timed_out(20)).unwrap();
    let told = optimiser.advise(F, size, None, at(1));
    assert!(
        !told.changes() && told.why.contains(&Reason::Slow { calls: 1 }),
        "{told}"
    );
    optimiser.learn(&timed_out(480)).unwrap();
    let told = optimiser.advise(F, size, None, at(1));
    assert_eq!(
        told.size,
        Size {
            millicores: 750,
            ..size
        },
        "{told}"
    );
    assert!(told.why.iter().any(|it| matches!(
        it,
        Reason::Throttled {
            limit: 500,
            floor: 750,
            ..
        }
    )));
}

#[test]
fn the_processor_follows_the_memory_where_it_is_tied() {
    let config = RightsizeConfig {
        tied: Some(Bytes::mib(1769)),
        ..RightsizeConfig::default()
    };
    // 100 MiB would do, but 0.9 cores take 1,831 MiB.
    let told = advice(
        config,
        &[(100_000, 900); 400],
        Size {
            memory: Bytes::mib(512),
            millicores: 289,
        },
        None,
    );
    assert_eq!(told.size.memory, Bytes::mib(1872), "{told}");
    assert_eq!(told.size.millicores, 1872 * 1000 / 1769);
    assert!(told.size.millicores >= 900);
    assert!(told.why.iter().any(|it| matches!(
        it,
        Reason::Tied {
            millicores: 1050,
            ..
        }
    )));
    // With more memory than the processor needs, it gets more than it needs.
    let told = advice(
        config,
        &[(1_000_000, 100); 400],
        Size {
            memory: Bytes::mib(512),
            millicores: 289,
        },
        None,
    );
    assert_eq!(told.size.memory, Bytes::mib(1136));
    assert!(!told.why.iter().any(|it| matches!(it, Reason::Tied { .. })));
}

#[test]
fn advice_reads_as_sentences() {
    let mut optimiser = optimiser(RightsizeConfig::default());
    let size = Size {
        memory: Bytes::mib(512),
        millicores: 600,
    };
    for call in 0..100 {
        optimiser.learn(&usage(call, 230_000, 512, size)).unwrap();
    }
    let killed = Usage {
        fate: Fate::OutOfMemory,
        wall: Duration::ZERO,
        cpu: Duration::ZERO,
        ..usage(100, 0, 0, size)
    };
    optimiser.learn(&killed).unwrap();
    let limit = Size {
        memory: Bytes::mib(600),
        millicores: 6000,
    };
    let told = optimiser.advise(F, size, Some(limit), at(101));
    expect_test::expect![[r#"
        fn-0: 600 MiB and 600 millicores instead of 512 MiB and 600 millicores
          memory: p99 of 101 calls is 226.8 MiB, times 1.15 gives 272 MiB
          memory: a call ran out of 512 MiB at 100.000s, so at least 614.4 MiB
          cpu: p95 of 100 calls is 512 millicores, times 1.15 gives 600 millicores
          memory: 624 MiB are above the limit of 600 MiB"#]]
    .assert_eq(&told.to_string());
}
