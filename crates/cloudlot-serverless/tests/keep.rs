//! What policies of keeping instances warm answer, and what they come to in small cases.

use std::time::Duration;

use cloudlot_core::{Bytes, Timestamp};
use cloudlot_serverless::keep::frontier::Course;
use cloudlot_serverless::keep::{
    FixedLife, FixedWindow, GapConfig, Gaps, Hybrid, HybridConfig, Oracle, Scaled,
};
use cloudlot_serverless::{
    Arrival, Binding, Function, FunctionId, KeepAlive, Prewarm, Rest, Resting, Settings,
};
use proptest::prelude::*;

const ONLY: FunctionId = FunctionId::new(0);
const EARLY: Settings = Settings {
    binding: Binding::Early,
    ..Settings::DEFAULT
};

fn secs(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn resting(at: u64) -> Resting {
    Resting {
        function: ONLY,
        now: Timestamp::ZERO + secs(at),
        idle: 0,
        busy: 0,
        age: Duration::ZERO,
    }
}

/// Calls that take no time, so far apart; what the policy answers to the last one's end.
fn last_answer(policy: &mut impl KeepAlive, gaps: &[u64]) -> Rest {
    policy.added(ONLY, &Function::new(Bytes::mib(100)));
    let mut at = 0;
    policy.arrived(ONLY, Timestamp::ZERO);
    let mut rest = policy.rest(&resting(0));
    for gap in gaps {
        at += gap;
        policy.arrived(ONLY, Timestamp::ZERO + secs(at));
        rest = policy.rest(&resting(at));
    }
    rest
}

fn hybrid(gaps: &[u64]) -> Rest {
    last_answer(&mut Hybrid::new(HybridConfig::PUBLISHED), gaps)
}

#[test]
fn the_hybrid_histogram_keeps_for_the_whole_range_while_it_knows_nothing() {
    assert_eq!(hybrid(&[]), Rest::keep(secs(4 * 3_600)));
}

#[test]
fn the_hybrid_histogram_starts_again_between_its_percentiles_with_their_margins() {
    // In the thirtieth minute: from 29 min less a tenth until 30 min and a tenth.
    let expected = Rest {
        keep: Duration::ZERO,
        prewarm: Some(Prewarm {
            after: secs(1_566),
            keep: secs(1_980 - 1_566),
        }),
    };
    assert_eq!(hybrid(&[1_790; 5]), expected);
    // Twice in a hundred is above the 99th percentile, once is not.
    let mut gaps = [1_790; 100];
    gaps[50] = 3_590;
    assert_eq!(hybrid(&gaps), expected);
    gaps[60] = 3_590;
    assert_eq!(
        hybrid(&gaps).prewarm.map(|it| it.keep),
        Some(secs(3_960 - 1_566))
    );
}

#[test]
fn the_hybrid_histogram_does_not_release_what_comes_back_within_two_minutes() {
    assert_eq!(hybrid(&[70; 9]), Rest::keep(secs(132)));
}

#[test]
fn the_hybrid_histogram_does_not_trust_one_that_is_spread_evenly() {
    let gaps: Vec<u64> = (0..240).map(|minute| 60 * minute + 5).collect();
    assert_eq!(hybrid(&gaps), Rest::keep(secs(4 * 3_600)));
}

#[test]
fn beyond_the_range_the_forecast_counts() {
    let day = 24 * 3_600;
    let rest = hybrid(&[day; 4]);
    let prewarm = rest.prewarm.expect("a start ahead");
    assert_eq!(rest.keep, Duration::ZERO);
    assert!(prewarm.after.abs_diff(secs(day * 85 / 100)) < secs(1));
    assert!(prewarm.keep.abs_diff(secs(day * 30 / 100)) < secs(1));
}

#[test]
fn a_clock_is_met_ahead_and_a_burst_is_kept_through() {
    let policy = || Gaps::new(GapConfig::DEFAULT);
    let hourly = last_answer(&mut policy(), &[3_600; 40]);
    let prewarm = hourly.prewarm.expect("a start ahead");
    let (from, until) = (hourly.keep + prewarm.after, prewarm.after + prewarm.keep);
    assert!(hourly.keep < secs(60) && from < secs(3_539) && until >= secs(3_660));
    assert!(prewarm.keep < secs(1_400), "{prewarm:?}");
    let often = last_answer(&mut policy(), &[30; 40]);
    assert!(often.prewarm.is_none() && often.keep >= secs(30));
    let none = GapConfig {
        ahead: false,
        ..GapConfig::DEFAULT
    };
    assert_eq!(
        last_answer(&mut Gaps::new(none), &[3_600; 40]).prewarm,
        None
    );
}

#[test]
fn what_is_small_is_kept_longer() {
    let mut policy = Gaps::new(GapConfig {
        ahead: false,
        ..GapConfig::DEFAULT
    });
    for mib in [400, 100, 10, 0] {
        policy.added(ONLY, &Function::new(Bytes::mib(mib)));
    }
    let windows: Vec<Duration> = (0..4)
        .map(|function| {
            let function = FunctionId::new(function);
            let mut at = 0;
            for gap in [100, 2_000, 400, 9_000, 900, 5_000, 30_000] {
                at += gap;
                policy.arrived(function, Timestamp::ZERO + secs(at));
                let _ = policy.rest(&Resting {
                    function,
                    ..resting(at)
                });
            }
            let last = Resting {
                function,
                ..resting(at)
            };
            policy.rest(&last).keep
        })
        .collect();
    assert!(
        windows.is_sorted() && windows[0] < windows[3],
        "{windows:?}"
    );
}

#[test]
fn a_life_is_not_renewed() {
    let mut life = FixedLife(secs(600));
    let aged = |age| Resting {
        age: secs(age),
        ..resting(age)
    };
    assert_eq!(life.rest(&aged(0)).keep, secs(600));
    assert_eq!(life.rest(&aged(450)).keep, secs(150));
    assert_eq!(life.rest(&aged(601)).keep, Duration::ZERO);
}

#[test]
fn a_factor_stays_within_its_bounds() {
    for (factor, expected) in [(0.1, 50), (1.5, 150), (9.0, 300), (f64::NAN, 100)] {
        let mut scaled = Scaled::new(FixedWindow(secs(100)), |_: &Resting| factor, 0.5, 3.0);
        assert_eq!(scaled.rest(&resting(0)).keep, secs(expected));
    }
    let mut ever = Scaled::new(FixedWindow(Duration::MAX), |_: &Resting| 2.0, 1.0, 2.0);
    assert_eq!(ever.rest(&resting(0)).keep, Duration::MAX);
}

/// Calls of two functions by the seconds between them and how long they run.
fn calls(gaps: &[Vec<(u64, u64)>]) -> Vec<Arrival> {
    let mut calls = Vec::new();
    for (function, gaps) in (0..).zip(gaps) {
        let mut at = 0;
        for &(gap, runs) in gaps {
            at += gap;
            calls.push(Arrival {
                at: Timestamp::ZERO + secs(at),
                function: FunctionId::new(function),
                runs: secs(runs),
            });
        }
    }
    calls.sort_by_key(|call| (call.at, call.function));
    calls
}

proptest! {
    #[test]
    fn nobody_who_starts_nothing_ahead_pays_less_than_the_oracle(
        gaps in prop::collection::vec(prop::collection::vec((prop_oneof![0..50_u64, 0..5_000_u64], prop_oneof![0..5_u64, 0..500_u64]), 0..40), 2..=2),
        worth in 1..3_000_u64, window in 0..6_000_u64,
    ) {
        let calls = calls(&gaps);
        let functions = [100, 300].map(|mib| Function::new(Bytes::mib(mib)));
        let course = Course { functions: &functions, arrivals: calls.iter().copied(), start: Duration::ZERO, settings: EARLY };
        // In MiB·s: the mean is 200 MiB. Starts take no time, so that a cold call ends when a warm one does; calls overlap.
        let price = |row: cloudlot_serverless::keep::frontier::Row| {
            row.totals.cold as f64 * worth as f64 * 200.0 + row.totals.idle_mib_s()
        };
        let oracle = price(course.measure("", Oracle::new(secs(worth), calls.iter().copied())));
        let fixed = price(course.measure("", FixedWindow(secs(window))));
        let none = GapConfig { worth: secs(worth), ahead: false, ..GapConfig::DEFAULT };
        let gaps = price(course.measure("", Gaps::new(none)));
        prop_assert!(oracle <= fixed + 1e-6 && oracle <= gaps + 1e-6, "{oracle} {fixed} {gaps}");
    }
}
