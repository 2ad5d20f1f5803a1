//! What must hold of forecasts: in time on a ramp, ready for a season, and no more than noise needs.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use cloudlot_core::Timestamp;
use cloudlot_core::metrics::{Percentile, Series};
use cloudlot_policy::scale::{
    Fit, Predictive, PredictiveConfig, RateConfig, RateOfChange, Scaler, Smoothing, Threshold,
    ThresholdConfig,
};
use proptest::prelude::*;
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

fn at(minute: u32) -> Timestamp {
    Timestamp::ZERO + minute * MINUTE
}

/// One sample a minute.
fn load_of(values: impl IntoIterator<Item = f64>) -> Series {
    let mut series = Series::new();
    for (minute, value) in (0..).zip(values) {
        series.push(at(minute), value).unwrap();
    }
    series
}

fn threshold() -> Threshold {
    Threshold::new(ThresholdConfig::default()).unwrap()
}

proptest! {
    #[test]
    fn on_a_ramp_the_forecast_acts_a_lead_time_before_the_threshold(
        start in 0.0_f64..20.0, slope in 0.01_f64..3.0, lead in 1_u32..6, spare in 0.0_f64..200.0,
    ) {
        // The threshold is met no sooner than the forecast has something to learn from.
        let known = f64::from(2 * lead + 8);
        let units = ((start + slope * (known + spare)) / 0.8).ceil();
        let crossing = (units * 0.8 - start) / slope;
        let units: u32 = (0..).find(|n| f64::from(*n) >= units).unwrap();
        let config = PredictiveConfig { lead: lead * MINUTE, ..PredictiveConfig::default() };
        let predictive = Predictive::new(config).unwrap();
        let config = RateConfig { lead: lead * MINUTE, ..RateConfig::default() };
        let rate = RateOfChange::new(config).unwrap();
        for scaler in [&predictive as &dyn Scaler, &rate] {
            let mut history = Series::new();
            let acted = (0..).find(|minute| {
                history.push(at(*minute), start + slope * f64::from(*minute)).unwrap();
                scaler.target(&history, units, at(*minute)).is_some_and(|target| target > units)
            });
            let acted = f64::from(acted.unwrap());
            prop_assert!(acted + f64::from(lead) <= crossing, "{} and {}", acted, crossing);
            // Nor far too early: no more than a minute for the decision and one for the rounding.
            prop_assert!(acted + f64::from(lead) + 3.0 >= crossing, "{} and {}", acted, crossing);
        }
    }
}

#[test]
fn the_forecast_acts_a_lead_time_before_the_threshold_scaler_does() {
    // An hour of rest, then a ramp, with the noise of a sine of no round period.
    let noise = |minute: f64| 0.2 * (minute * 1.7).sin();
    let load = |minute: u32| {
        let minute = f64::from(minute);
        4.0 + 0.1 * (minute - 60.0).max(0.0) + noise(minute)
    };
    for lead in 1..5 {
        let config = PredictiveConfig {
            lead: lead * MINUTE,
            ..PredictiveConfig::default()
        };
        let acts = |scaler: &dyn Scaler| {
            let mut history = Series::new();
            (0..240).find(|minute| {
                history.push(at(*minute), load(*minute)).unwrap();
                scaler
                    .target(&history, 10, at(*minute))
                    .is_some_and(|target| target > 10)
            })
        };
        let early = acts(&Predictive::new(config).unwrap()).unwrap();
        let late = acts(&threshold()).unwrap();
        assert!(early > 60, "{early}: not at rest");
        assert!(early + lead <= late, "lead {lead}: {early} and {late}");
    }
}

#[test]
fn a_season_is_met_before_it_comes() {
    // 40 units every tenth minute, else 5.
    let load = |minute: u32| if minute.is_multiple_of(10) { 40.0 } else { 5.0 };
    let history = load_of((0..100).map(load));
    let config = PredictiveConfig {
        season: Some(10),
        quantile: Percentile::P50,
        ..PredictiveConfig::default()
    };
    let seasonal = Predictive::new(config).unwrap();
    let target = |minute| seasonal.target(&history, 7, at(minute)).unwrap();
    // Minute 90 is a peak: asked for at 88, with one minute until units are there and one until the next decision.
    assert_eq!(
        (target(87), target(88), target(89), target(90)),
        (7, 50, 50, 7)
    );
}

#[test]
fn noise_is_met_with_little_more_than_its_range_and_a_step_at_once() {
    let forecast = |fit, load: &[f64]| {
        let config = PredictiveConfig {
            fit,
            ..PredictiveConfig::default()
        };
        let now = at(u32::try_from(load.len()).unwrap() - 1);
        Predictive::new(config)
            .unwrap()
            .forecast(&load_of(load.iter().copied()), now)
            .unwrap()
    };
    // 4 and 6 in no order that a trend could follow.
    let noise: Vec<f64> = [4.0, 6.0, 6.0, 4.0, 6.0, 4.0, 4.0].repeat(20);
    let quick = Smoothing {
        level: 1.0,
        trend: 0.5,
        ..Smoothing::default()
    };
    let highest = |fit| {
        let moments = (133..140).map(|last| forecast(fit, &noise[..last]));
        moments.max_by(f64::total_cmp).unwrap()
    };
    let (best, hasty) = (highest(Fit::Best), highest(Fit::Fixed(quick)));
    assert!((6.0..6.7).contains(&best), "{best}");
    assert!(hasty > 7.5, "{hasty}");
    // Steps that last: an hour at 2, then at 10, and so on. The second minute of one knows it.
    let steps = |minutes: u32| -> Vec<f64> {
        (0..minutes)
            .map(|minute| if minute / 60 % 2 == 0 { 2.0 } else { 10.0 })
            .collect()
    };
    let after = forecast(Fit::Best, &steps(302));
    assert!(after > 9.0, "{after}");
}
