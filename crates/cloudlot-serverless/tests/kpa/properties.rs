//! What holds for any load.

use crate::{at, milli};
use cloudlot_core::Timestamp;
use cloudlot_serverless::scale::kpa::{Desired, Kpa, KpaConfig, ToZero, Why, Window};
use proptest::prelude::*;
use std::time::Duration;

/// One tick of 2 s: what is seen (in thousandths, or nothing), and how many are ready.
type Tick = (Option<u64>, u32);

fn load() -> impl Strategy<Value = Vec<Tick>> {
    let seen = prop_oneof![
        1 => Just(None),
        1 => Just(Some(0)),
        4 => (0_u64..20_000).prop_map(Some),
        2 => (0_u64..400_000).prop_map(Some),
    ];
    prop::collection::vec((seen, 0_u32..40), 1..150)
}

fn config() -> impl Strategy<Value = KpaConfig> {
    (
        (1_u64..70, 1_u32..=100, 110_u32..=400),
        (1_u32..40, 1_u32..=100),
        (1.01_f64..8.0, 1.01_f64..8.0),
        1_u32..6,
    )
        .prop_map(
            |((stable, panic, threshold), (hold, target), (up, down), activation)| KpaConfig {
                stable_window: Duration::from_secs(stable),
                panic_window_percent: panic,
                panic_threshold_percent: threshold,
                container_concurrency: hold,
                target_percent: target,
                max_scale_up_rate: up,
                max_scale_down_rate: down,
                activation_scale: activation,
                ..KpaConfig::default()
            },
        )
}

fn run(config: &KpaConfig, load: &[Tick]) -> Vec<Desired> {
    let mut kpa = Kpa::new(config.clone()).unwrap();
    (1..)
        .zip(load)
        .map(|(tick, &(seen, ready))| {
            if let Some(seen) = seen {
                kpa.observe(at(2 * tick - 1), milli(seen)).unwrap();
            }
            kpa.decide(at(2 * tick), ready).unwrap()
        })
        .collect()
}

proptest! {
    #[test]
    fn in_calm_the_count_keeps_its_bounds(config in config(), load in load()) {
        for (desired, (_, ready)) in run(&config, &load).into_iter().zip(&load) {
            prop_assert!(desired.down <= *ready.max(&1));
            prop_assert!(desired.up > *ready.max(&1));
            prop_assert!(desired.replicas >= desired.down);
            if !desired.panicking {
                let most = if desired.why == Why::Activation { config.activation_scale } else { desired.up };
                prop_assert!(desired.replicas <= most, "{desired:?}");
            }
        }
    }

    #[test]
    fn in_panic_the_count_never_falls(config in config(), load in load()) {
        for pair in run(&config, &load).windows(2) {
            if pair[0].panicking && pair[1].panicking {
                prop_assert!(pair[1].replicas >= pair[0].replicas);
            }
        }
    }

    #[test]
    fn panic_lasts_a_whole_stable_window_after_the_last_tick_over(config in config(), load in load()) {
        let threshold = f64::from(config.panic_threshold_percent) / 100.0;
        let mut over = None;
        for (second, (desired, (_, ready))) in (1..).map(|tick| 2 * tick).zip(run(&config, &load).into_iter().zip(&load)) {
            let wants = (desired.panic_average / config.target()).ceil();
            if wants / f64::from(*ready.max(&1)) >= threshold {
                over = Some(second);
            }
            let expected = over.is_some_and(|over| second - over <= config.stable_window.as_secs());
            prop_assert_eq!(desired.panicking, expected);
        }
    }

    #[test]
    fn more_load_never_wants_less(config in config(), load in load(), more in prop::collection::vec(0_u64..90_000, 150)) {
        let heavier: Vec<Tick> = load.iter().zip(more).map(|(&(seen, ready), more)| (seen.map(|seen| seen + more), ready)).collect();
        for (light, heavy) in run(&config, &load).iter().zip(run(&config, &heavier)) {
            prop_assert!(heavy.replicas >= light.replicas);
            prop_assert!(heavy.panicking >= light.panicking);
            prop_assert!(heavy.excess_burst <= light.excess_burst);
        }
    }

    #[test]
    fn a_delay_answers_the_most_of_its_time(config in config(), load in load(), delay in 0_u64..40) {
        let delayed = KpaConfig { scale_down_delay: Duration::from_secs(delay), ..config.clone() };
        let plain = run(&config, &load);
        for (tick, desired) in run(&delayed, &load).into_iter().enumerate() {
            let ticks = usize::try_from(delay.div_ceil(2)).unwrap().max(1);
            let from = (tick + 1).saturating_sub(ticks);
            let most = plain[from..=tick].iter().map(|desired| desired.replicas).max();
            prop_assert_eq!(Some(desired.replicas), most);
        }
    }

    #[test]
    fn a_window_is_the_naive_average(length in 1_u16..70, seen in prop::collection::vec((0_u64..90, 0_u64..9_000), 1..60), rest in 0_u64..90) {
        let mut window = Window::new(length);
        let (mut second, mut all) = (0, Vec::new());
        for (gap, value) in seen {
            // Mostly short steps; now and then a silence.
            second += if gap < 60 { gap % 4 } else { gap };
            window.record(second, milli(value)).unwrap();
            if all.last().is_some_and(|&(last, _)| second - last >= u64::from(length)) {
                all.clear();
            }
            all.push((second, value));
        }
        let now = second + rest;
        let from = (now + 1).saturating_sub(u64::from(length)).max(all[0].0);
        let sum: u64 = all.iter().filter(|&&(second, _)| second >= from).map(|&(_, value)| value).sum();
        let naive = if from > second { 0.0 } else { sum as f64 / (1_000 * (second - from + 1)) as f64 };
        prop_assert_eq!(window.average(now), naive);
    }
}

#[test]
fn the_window_counts_seconds_not_times_within_them() {
    let mut early = Kpa::new(KpaConfig::default()).unwrap();
    let mut late = early.clone();
    for second in 1..200 {
        let nanos = Duration::from_nanos(second * 4_999_999);
        early.observe(at(second), milli(second * 3_000)).unwrap();
        late.observe(at(second) + nanos, milli(second * 3_000))
            .unwrap();
        let wanted = early.decide(at(second), 2).unwrap();
        assert_eq!(late.decide(at(second) + nanos, 2).unwrap(), wanted);
    }
}

#[test]
fn parts_of_one_second_add_up() {
    let mut parts = Kpa::new(KpaConfig::default()).unwrap();
    let mut whole = parts.clone();
    for part in [1_000, 250_000, 0, 99] {
        parts.observe(at(3), milli(part)).unwrap();
    }
    whole.observe(at(3), milli(251_099)).unwrap();
    assert_eq!(parts.decide(at(4), 1), whole.decide(at(4), 1));
}

#[test]
fn a_resumed_rule_keeps_what_runs_for_a_stable_window() {
    let mut kpa = Kpa::resumed(KpaConfig::default(), at(100), 8).unwrap();
    for second in (102..=160).step_by(2) {
        kpa.observe(at(second), milli(1_000)).unwrap();
        let desired = kpa.decide(at(second), 8).unwrap();
        assert_eq!((desired.replicas, desired.why), (8, Why::PanicHolds));
    }
    assert_eq!(kpa.decide(at(162), 8).unwrap().replicas, 4);
    let mut alone = Kpa::resumed(KpaConfig::default(), at(100), 1).unwrap();
    assert!(!alone.decide(at(101), 1).unwrap().panicking);
}

#[test]
fn every_step_of_the_rule_gives_its_reason() {
    let why = |config: KpaConfig, loads: &[u64], ready: u32| {
        let mut kpa = Kpa::new(config).unwrap();
        let mut last = None;
        for (second, &load) in (1..).zip(loads) {
            kpa.observe(at(second), milli(load)).unwrap();
            last = Some(kpa.decide(at(second), ready).unwrap());
        }
        last.unwrap().why
    };
    let normal = KpaConfig::default();
    assert_eq!(why(normal.clone(), &[70_000], 1), Why::Stable);
    assert_eq!(why(normal.clone(), &[70_000; 6], 10), Why::DownLimit);
    let sudden = [vec![0; 30], vec![500_000; 6]].concat();
    assert_eq!(why(normal.clone(), &sudden, 1), Why::Panic);
    let past = [sudden, vec![0; 9]].concat();
    assert_eq!(why(normal.clone(), &past, 1), Why::PanicHolds);
    let slow = KpaConfig {
        max_scale_up_rate: 1.5,
        ..normal.clone()
    };
    assert_eq!(why(slow, &[900_000], 1), Why::UpLimit);
    let floor = KpaConfig {
        activation_scale: 4,
        ..normal.clone()
    };
    assert_eq!(why(floor, &[1], 1), Why::Activation);
    let delayed = KpaConfig {
        scale_down_delay: Duration::from_secs(5),
        ..normal
    };
    assert_eq!(why(delayed, &[700_000, 0], 10), Why::Delayed);
}

#[test]
fn the_last_instance_waits_for_the_grace_and_demand_begins_it_anew() {
    let mut scale = ToZero::new(Kpa::new(KpaConfig::default()).unwrap());
    assert_eq!(
        scale.decide(at(0), 0).unwrap().replicas,
        1,
        "the initial scale"
    );
    scale.observe(at(1), milli(1)).unwrap();
    let mut gone = Vec::new();
    for second in 1..300 {
        if second == 70 {
            scale.observe(at(70), milli(500)).unwrap();
        }
        if scale.decide(at(second), 1).unwrap().replicas == 0 {
            gone.push(second);
        }
    }
    // The window is silent from 61 and again from 130; each time 30 s more.
    assert_eq!(gone, (160..300).collect::<Vec<_>>());
    assert_eq!(scale.decide(Timestamp::MAX, 0).unwrap().replicas, 0);
}
