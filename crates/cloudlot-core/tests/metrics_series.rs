//! Series against a plain `Vec` of all samples.

use std::time::Duration;

use cloudlot_core::Timestamp;
use cloudlot_core::metrics::{Percentile, Series};
use proptest::prelude::*;

fn at(second: u32) -> Timestamp {
    Timestamp::ZERO + Duration::from_secs(second.into())
}

/// A push after a gap, or at a time that is gone.
fn pushes() -> impl Strategy<Value = Vec<(i64, f64)>> {
    let value = prop_oneof![
        6 => -100.0..100.0_f64,
        2 => (-3_i8..3).prop_map(f64::from),
        1 => Just(f64::NAN),
        1 => Just(f64::INFINITY),
    ];
    prop::collection::vec((-2_i64..6, value), 0..60)
}

/// Pushes to a series of at most eight samples and to a plain `Vec` of all.
fn pushed(pushes: &[(i64, f64)]) -> (Series, Vec<(u64, f64)>, u64) {
    let (mut series, mut model) = (Series::with_history(8), Vec::new());
    let mut refused = 0;
    let mut latest = 10;
    for &(gap, value) in pushes {
        let nanos = u64::try_from(latest + gap).expect("at most two back from ten");
        let legal = value.is_finite() && (model.is_empty() || gap >= 0);
        let outcome = series.push(Timestamp::from_nanos(nanos), value);
        assert_eq!(outcome.is_ok(), legal);
        if legal {
            model.push((nanos, value));
            latest += gap;
        } else {
            refused += 1;
        }
    }
    let kept = model.len().saturating_sub(8);
    (series, model.split_off(kept), refused)
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * (1.0 + a.abs().max(b.abs()))
}

/// The value that holds at each nanosecond, added up.
fn mean_by_nanoseconds(model: &[(u64, f64)], now: u64, window: u64) -> Option<f64> {
    let known: Vec<_> = model.iter().filter(|(at, _)| *at <= now).collect();
    let holding = |nano: u64| {
        known
            .iter()
            .rev()
            .find(|(at, _)| *at <= nano)
            .map(|(_, v)| *v)
    };
    let held: Vec<f64> = (now.saturating_sub(window)..now)
        .filter_map(holding)
        .collect();
    if held.is_empty() {
        return known.last().map(|(_, v)| *v);
    }
    Some(held.iter().sum::<f64>() / held.len() as f64)
}

proptest! {
    #[test]
    fn a_series_answers_as_a_plain_vec(
        pushes in pushes(),
        now in 0_u64..200,
        window in 0_u64..250,
        p in 0.0..=100.0_f64,
    ) {
        let (series, model, refused) = pushed(&pushes);
        prop_assert_eq!((series.len(), series.refused()), (model.len(), refused));
        prop_assert_eq!(series.latest(), model.last().map(|(_, v)| *v));
        let inside = |at: u64| at <= now && (window > now || at > now - window);
        let seen: Vec<(u64, f64)> = model.iter().copied().filter(|(at, _)| inside(*at)).collect();
        let mut sorted: Vec<f64> = seen.iter().map(|(_, v)| *v).collect();
        sorted.sort_by(f64::total_cmp);
        let count = sorted.len();

        let (time, length) = (Timestamp::from_nanos(now), Duration::from_nanos(window));
        let mean = series.mean(time, length);
        prop_assert_eq!(mean.is_some(), count > 0);
        if let Some(mean) = mean {
            prop_assert!(close(mean, sorted.iter().sum::<f64>() / count as f64));
        }
        let percentile = series.percentile(time, length, Percentile::new(p).unwrap());
        // The smallest value that is at least as large as p in 100 of them.
        let enough = |v: &&f64| {
            let no_larger = sorted.iter().filter(|x| *x <= v).count();
            no_larger as f64 >= p * count as f64 / 100.0
        };
        prop_assert_eq!(percentile, sorted.iter().find(enough).copied());
        prop_assert_eq!(series.min(time, length), sorted.first().copied());
        prop_assert_eq!(series.max(time, length), sorted.last().copied());
    }

    #[test]
    fn time_weighs_as_counting_nanoseconds_does(
        pushes in pushes(),
        now in 0_u64..200,
        window in 0_u64..250,
    ) {
        let (series, model, _) = pushed(&pushes);
        let (time, length) = (Timestamp::from_nanos(now), Duration::from_nanos(window));
        let mean = series.time_weighted_mean(time, length);
        let expected = mean_by_nanoseconds(&model, now, window);
        prop_assert_eq!(mean.is_some(), expected.is_some());
        if let (Some(mean), Some(expected)) = (mean, expected) {
            prop_assert!(close(mean, expected), "{mean} {expected}");
        }
    }

    #[test]
    fn the_slope_of_a_line_is_its_slope(
        slope in -100.0..100.0_f64,
        start in -100.0..100.0_f64,
        times in prop::collection::btree_set(0_u32..1000, 2..50),
    ) {
        let mut series = Series::new();
        for time in &times {
            series.push(at(*time), start + slope * f64::from(*time)).unwrap();
        }
        let found = series.slope(at(1000), Duration::MAX).unwrap();
        prop_assert!((found - slope).abs() < 1e-6, "{found} {slope}");
    }

    #[test]
    fn nothing_it_answers_is_nan(
        bits in prop::collection::vec((any::<u64>(), any::<u64>()), 0..20),
        now: u64,
        window: u64,
        half_life: u64,
    ) {
        let mut series = Series::with_history(5);
        for (nanos, bits) in bits {
            let _refused = series.push(Timestamp::from_nanos(nanos), f64::from_bits(bits));
        }
        let (now, window) = (Timestamp::from_nanos(now), Duration::from_nanos(window));
        let answers = [
            series.latest(),
            series.mean(now, window),
            series.time_weighted_mean(now, window),
            series.ewma(now, window, Duration::from_nanos(half_life)),
            series.percentile(now, window, Percentile::P95),
            series.slope(now, window),
            series.slope(Timestamp::MAX, Duration::MAX),
            series.mean(Timestamp::MAX, Duration::MAX),
            series.time_weighted_mean(Timestamp::MAX, Duration::MAX),
            series.ewma(Timestamp::MAX, Duration::MAX, Duration::from_nanos(half_life)),
        ];
        for answer in answers.into_iter().flatten() {
            prop_assert!(answer.is_finite());
        }
    }
}
