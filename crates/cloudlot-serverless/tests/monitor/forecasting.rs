use super::chance::{Chance, HOUR, samples};
use cloudlot_serverless::monitor::{Forecast, Method, Samples, forecasts};
use proptest::prelude::*;

fn all(
    values: impl IntoIterator<Item = f64>,
    season: Option<usize>,
    horizons: &[usize],
) -> Vec<Forecast> {
    forecasts(&samples(HOUR, values), season, horizons)
}

proptest! {
    #[test]
    fn known_series_are_forecast_exactly(
        start in 0.0_f64..100.0, slope in 0.0_f64..5.0, wave in prop::collection::vec(0.0_f64..50.0, 2..8), rounds in 6_usize..9,
    ) {
        let lag = wave.len();
        let length = (lag * rounds).max(24);
        for (slope, wave, season) in [(0.0, None, None), (slope, None, None), (0.0, Some(&wave), Some(lag)), (slope, Some(&wave), Some(lag))] {
            let value = |t: usize| start + slope * t as f64 + wave.map_or(0.0, |wave| wave[t % lag]);
            let found = all((0..length).map(value), season, &[1, 6, 9]);
            prop_assert_eq!(found.len(), 3);
            for it in found {
                let off = it.value - value(length + it.steps - 1);
                prop_assert!(off.abs() < 1e-6, "{:?} {}", it, off);
                prop_assert!(it.errors.mae < 1e-6 && it.errors.mae <= it.baseline.mae);
            }
        }
    }

    #[test]
    fn the_errors_of_the_baseline_are_those_of_a_naive_replay(
        values in prop::collection::vec(0.0_f64..100.0, 20..60), lag in 2_usize..6, steps in 1_usize..6,
    ) {
        let found = all(values.clone(), Some(lag), &[steps]);
        prop_assume!(!found.is_empty());
        let start = (2 * lag).max(8);
        // What was at the same place of the last round that was known.
        let off: Vec<f64> = (start + steps - 1..values.len()).map(|target| {
            let mut from = target;
            while from + steps > target { from -= lag; }
            (values[target] - values[from]).abs()
        }).collect();
        let mae = off.iter().sum::<f64>() / off.len() as f64;
        let scale = (lag..values.len()).map(|t| (values[t] - values[t - lag]).abs()).sum::<f64>() / (values.len() - lag) as f64;
        let baseline = found[0].baseline;
        prop_assert_eq!(baseline.tested, off.len());
        prop_assert!((baseline.mae - mae).abs() < 1e-9);
        prop_assert!((baseline.mase.unwrap() - mae / scale).abs() < 1e-9);
        prop_assert!(found[0].errors.mae <= baseline.mae);
    }
}

#[test]
fn of_every_kind_of_series_the_fitting_method_is_taken() {
    let mut chance = Chance::new(1);
    let noise: Vec<f64> = (0..400).map(|_| chance.poisson(20.0)).collect();
    let found = all(noise, None, &[1])[0];
    assert!(
        matches!(found.method, Method::Mean(60) | Method::Smooth { .. }),
        "{found}"
    );
    assert!(found.errors.mae < 0.8 * found.baseline.mae && found.errors.mase.unwrap() < 0.8);
    let mut level = 1000.0;
    let walk: Vec<f64> = (0..400)
        .map(|_| {
            level += 10.0 * chance.normal();
            level
        })
        .collect();
    let found = all(walk, None, &[1])[0];
    assert!(found.errors.mase.unwrap() < 1.05, "{found}");
    let days: Vec<f64> = (0..24 * 14)
        .map(|h| chance.poisson(if h % 24 < 8 { 2.0 } else { 60.0 }))
        .collect();
    for found in all(days, Some(24), &[1, 6, 24]) {
        assert!(
            matches!(
                found.method,
                Method::Repeat(24)
                    | Method::Smooth {
                        season: Some(24),
                        ..
                    }
            ),
            "{found}"
        );
        assert!(found.errors.mae < found.baseline.mae, "{found}");
    }
}

#[test]
fn nine_of_ten_outcomes_lie_within_the_interval() {
    let (mut held, mut tested, mut told) = (0, 0, 0.0);
    for seed in 0..200 {
        let mut chance = Chance::new(seed);
        let mut values: Vec<f64> = (0..101).map(|_| chance.poisson(30.0)).collect();
        let came = values.pop().unwrap();
        let interval = all(values, None, &[1])[0].interval.unwrap();
        tested += 1;
        held += i32::from((interval.low..=interval.high).contains(&came));
        told += interval.coverage.unwrap();
    }
    let (share, told) = (
        f64::from(held) / f64::from(tested),
        told / f64::from(tested),
    );
    println!(
        "intervals of 90 % held {:.1} %, by their own count {:.1} %",
        100.0 * share,
        100.0 * told
    );
    assert!(
        (0.85..=0.96).contains(&share) && (0.87..=0.96).contains(&told),
        "{share} {told}"
    );
}

#[test]
fn a_forecast_knows_nothing_of_what_came_after() {
    let mut chance = Chance::new(7);
    let values: Vec<f64> = (0..60).map(|_| chance.poisson(9.0)).collect();
    let before = all(values[..50].to_vec(), None, &[3]);
    let mut changed = values.clone();
    changed[50..].fill(1e6);
    assert_eq!(before, all(changed[..50].to_vec(), None, &[3]));
    // A late step shows in the error of every method, so it cannot have been known.
    let mut step = vec![10.0; 60];
    step[59] = 1000.0;
    let found = all(step, None, &[1])[0];
    assert!(found.errors.mae > 990.0 / 60.0, "{found}");
}

#[test]
fn too_little_has_no_forecast_and_nothing_is_below_zero() {
    assert!(all([], None, &[1]).is_empty());
    assert!(all(vec![1.0; 11], None, &[1]).is_empty());
    assert_eq!(all(vec![1.0; 12], None, &[1, 2, 0, usize::MAX]).len(), 1);
    let falls = all(
        (0..40_u32).map(|t| 100.0 - 2.5 * f64::from(t)),
        None,
        &[1, 6, 24],
    );
    assert_eq!(falls.len(), 3);
    assert!(
        falls
            .iter()
            .all(|it| it.value >= 0.0 && it.interval.unwrap().low >= 0.0)
    );
    // A season that does not fit is none.
    let plain = all((0..40).map(f64::from), None, &[1]);
    for season in [0, 1, 21, usize::MAX] {
        assert_eq!(all((0..40).map(f64::from), Some(season), &[1]), plain);
    }
    let huge = all(vec![Samples::MOST; 50], Some(5), &[1, 6, 24]);
    assert!(
        huge.iter()
            .all(|it| it.value.is_finite() && it.errors.mae.is_finite())
    );
}
