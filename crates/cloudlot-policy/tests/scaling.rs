//! What must hold of every scaler: without evidence nothing, within a dead band nothing, bounds and cooldowns whatever the
//! load does, and the forecast in time. The defects of the scaler that this one replaces have a test each.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use cloudlot_core::Timestamp;
use cloudlot_core::metrics::{Percentile, Series};
use cloudlot_policy::scale::{
    Band, Bounded, Bounds, Change, Cooldown, Fit, Highest, Manual, Predictive, PredictiveConfig,
    RateConfig, RateOfChange, Scaler, Signals, Smoothing, Stabilised, TargetTracking, Threshold,
    ThresholdConfig, TrackingConfig, Trigger,
};
use proptest::prelude::*;
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);
/// How long a square wave goes on.
const MINUTES: u32 = 120;

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

fn tracking() -> TargetTracking {
    TargetTracking::new(TrackingConfig::default()).unwrap()
}

fn rate() -> RateOfChange {
    RateOfChange::new(RateConfig::default()).unwrap()
}

fn predictive() -> Predictive {
    Predictive::new(PredictiveConfig::default()).unwrap()
}

/// Every scaler that goes by the load, plain and wrapped.
fn by_load() -> Vec<(&'static str, Box<dyn Scaler>)> {
    let bounds = Bounds::new(1, 100).unwrap();
    let waits = |scaler: Box<dyn Scaler>| Cooldown::new(scaler, MINUTE, 5 * MINUTE);
    let season = PredictiveConfig {
        season: Some(4),
        ..PredictiveConfig::default()
    };
    vec![
        ("threshold", Box::new(threshold())),
        ("tracking", Box::new(tracking())),
        ("rate", Box::new(rate())),
        ("predictive", Box::new(predictive())),
        ("seasonal", Box::new(Predictive::new(season).unwrap())),
        ("cooldown", Box::new(waits(Box::new(tracking())))),
        (
            "stabilised",
            Box::new(Stabilised::new(predictive(), 5 * MINUTE)),
        ),
        (
            "bounded",
            Box::new(Bounded {
                scaler: rate(),
                bounds,
            }),
        ),
        (
            "highest",
            Box::new(Highest::of([
                Box::new(threshold()) as Box<dyn Scaler>,
                Box::new(rate()),
            ])),
        ),
    ]
}

/// Follows the scaler minute by minute, carrying out at once what it asks for.
fn follow(scaler: &mut dyn Scaler, load: &[f64], start: u32) -> Vec<Change> {
    let (mut history, mut units, mut changes) = (Series::new(), start, Vec::new());
    for (minute, value) in (0..).zip(load) {
        history.push(at(minute), *value).unwrap();
        let target = scaler.target(&history, units, at(minute)).unwrap_or(units);
        if target != units {
            let change = Change {
                at: at(minute),
                from: units,
                to: target,
            };
            scaler.observe(&change);
            changes.push(change);
            units = target;
        }
    }
    changes
}

/// Loads of the kinds that scalers meet: noise, steps, spikes, nothing, and numbers beyond reason.
fn loads() -> impl Strategy<Value = Vec<f64>> {
    let value = prop_oneof![
        4 => 0.0..20.0,
        2 => Just(0.0),
        1 => Just(1e6),
        1 => prop_oneof![Just(f64::MAX), Just(-1.0), Just(f64::MIN), Just(f64::MIN_POSITIVE)],
    ];
    let steps = prop::collection::vec((0.0..50.0, 1_usize..12), 1..6);
    let steps = steps.prop_map(|steps| {
        let flat = steps
            .into_iter()
            .map(|(value, minutes)| vec![value; minutes]);
        flat.collect::<Vec<_>>().concat()
    });
    prop_oneof![prop::collection::vec(value, 0..60), steps]
}

#[test]
fn without_metrics_nothing_is_done() {
    for (name, scaler) in by_load() {
        for current in [0, 1, 50, 500] {
            assert_eq!(
                scaler.target(&Series::new(), current, at(9)),
                None,
                "{name}"
            );
        }
    }
}

#[test]
fn one_sample_is_no_evidence() {
    for (name, scaler) in by_load() {
        for value in [0.0, 5.0, 1e9] {
            let one = load_of([value]);
            assert_eq!(scaler.target(&one, 3, at(0)), None, "{name}");
        }
    }
}

#[test]
fn what_is_no_number_is_no_evidence() {
    let mut series = Series::new();
    for minute in 0..30 {
        for nonsense in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert!(series.push(at(minute), nonsense).is_err());
        }
    }
    for (name, scaler) in by_load() {
        assert_eq!(scaler.target(&series, 3, at(30)), None, "{name}");
    }
}

#[test]
fn old_metrics_are_no_evidence() {
    let load = load_of([0.1; 30]);
    for (name, scaler) in by_load() {
        assert!(scaler.target(&load, 3, at(29)).is_some(), "{name}");
        assert_eq!(scaler.target(&load, 3, at(35)), None, "{name}");
    }
}

#[test]
fn a_configuration_that_is_no_number_is_refused_with_all_its_faults() {
    let band = |up, down| Band { up, down };
    let config = ThresholdConfig {
        utilisation: band(f64::NAN, -1.0),
        contention: band(1.0, 2.0),
        wait: band(f64::INFINITY, 0.0),
        up_by: 0,
        fresh: Duration::ZERO,
        ..ThresholdConfig::default()
    };
    let faults = Threshold::new(config).unwrap_err();
    let paths: Vec<&str> = faults.iter().map(|fault| fault.path.as_str()).collect();
    let all = [
        "utilisation.up",
        "utilisation.down",
        "contention.down",
        "wait.up",
        "up_by",
        "fresh",
    ];
    assert_eq!(paths, all, "{faults}");

    for utilisation in [f64::NAN, 0.0, -0.5, f64::INFINITY] {
        let tracking = TrackingConfig {
            utilisation,
            tolerance: -0.1,
            ..TrackingConfig::default()
        };
        assert_eq!(TargetTracking::new(tracking).unwrap_err().len(), 2);
        let rate = RateConfig {
            up: utilisation,
            down: f64::NAN,
            ..RateConfig::default()
        };
        assert!(RateOfChange::new(rate).unwrap_err().len() >= 2);
        let smoothing = Smoothing {
            level: 1.1,
            damping: f64::NAN,
            ..Smoothing::default()
        };
        let predictive = PredictiveConfig {
            utilisation,
            fit: Fit::Fixed(smoothing),
            interval: Duration::ZERO,
            lead: Duration::MAX,
            memory: 0,
            ..PredictiveConfig::default()
        };
        assert_eq!(Predictive::new(predictive).unwrap_err().len(), 6);
    }
}

// The defects of the scaler that this one replaces.

#[test]
fn the_dead_band_is_an_answer_and_not_an_error() {
    // 21 to 79 % of ten units.
    for load in [2.1, 5.0, 7.9] {
        let history = load_of([load; 20]);
        assert_eq!(threshold().target(&history, 10, at(19)), Some(10), "{load}");
    }
}

#[test]
fn no_metrics_at_all_do_not_scale_down() {
    let (load, contention, wait) = (Series::new(), Series::new(), Series::new());
    let signals = Signals {
        load: &load,
        contention: Some(&contention),
        wait: Some(&wait),
    };
    assert_eq!(threshold().advise(&signals, 5, at(10)), None);
}

#[test]
fn quiet_queues_do_not_scale_down_what_is_used() {
    let (contention, wait) = (load_of([0.0; 20]), load_of([0.5; 20]));
    for percent in [60.0, 70.0, 79.0] {
        let load = load_of([percent / 10.0; 20]);
        let signals = Signals {
            load: &load,
            contention: Some(&contention),
            wait: Some(&wait),
        };
        let advice = threshold().advise(&signals, 10, at(19)).unwrap();
        assert_eq!(advice.target, 10, "at {percent} %");
    }
}

#[test]
fn a_manual_number_out_of_bounds_is_refused() {
    let bounds = Bounds::new(2, 10).unwrap();
    for units in [0, 1, 11, u32::MAX] {
        assert!(Manual::new(units, bounds).is_err(), "{units}");
    }
    let manual = Manual::new(2, bounds).unwrap();
    assert_eq!(manual.target(&Series::new(), 7, at(0)), Some(2));
}

// The threshold scaler.

#[test]
fn every_metric_can_add_units_but_only_all_together_take_them_away() {
    let (low, high) = (load_of([1.0; 20]), load_of([9.0; 20]));
    let (none, many) = (load_of([0.0; 20]), load_of([6.0; 20]));
    let (short, long) = (load_of([0.5; 20]), load_of([30.0; 20]));
    let unknown = Series::new();
    let advise = |load, contention, wait| {
        let signals = Signals {
            load,
            contention: Some(contention),
            wait: Some(wait),
        };
        let advice = threshold().advise(&signals, 10, at(19)).unwrap();
        (advice.target, advice.trigger)
    };
    assert_eq!(advise(&high, &none, &short), (11, Trigger::Utilisation));
    assert_eq!(advise(&low, &many, &short), (11, Trigger::Contention));
    assert_eq!(advise(&low, &none, &long), (11, Trigger::Wait));
    assert_eq!(advise(&low, &none, &short), (9, Trigger::Utilisation));
    // What is measured without a result holds units back.
    assert_eq!(advise(&low, &unknown, &short).0, 10);
    assert_eq!(advise(&low, &none, &unknown).0, 10);
}

#[test]
fn a_breach_must_last_in_its_own_direction() {
    // Up after one minute, down after five.
    let mut load = vec![5.0, 5.0, 9.0];
    let ask = |load: &[f64]| {
        let now = at(u32::try_from(load.len()).unwrap() - 1);
        threshold()
            .target(&load_of(load.iter().copied()), 10, now)
            .unwrap()
    };
    assert_eq!(ask(&load), 10);
    load.push(9.0);
    assert_eq!(ask(&load), 11);
    load.extend([1.0; 5]);
    assert_eq!(ask(&load), 10);
    load.push(1.0);
    assert_eq!(ask(&load), 9);
    load.push(5.0);
    assert_eq!(ask(&load), 10);
}

#[test]
fn going_down_never_brings_the_load_to_the_upper_threshold() {
    let config = ThresholdConfig {
        down_by: 100,
        ..ThresholdConfig::default()
    };
    let hasty = Threshold::new(config).unwrap();
    // 20 % of 20 units is 4.0, which is exactly 80 % of 5.
    let load = load_of([4.0; 20]);
    assert_eq!(hasty.target(&load, 20, at(19)), Some(6));
    assert_eq!(hasty.target(&load, 6, at(19)), Some(6));
    assert_eq!(hasty.target(&load_of([0.0; 20]), 20, at(19)), Some(0));
}

proptest! {
    #[test]
    fn within_the_dead_band_nothing_is_done(
        current in 1_u32..1_000,
        shares in prop::collection::vec(0.2001_f64..0.7999, 2..40),
    ) {
        let now = at(u32::try_from(shares.len()).unwrap() - 1);
        let load = load_of(shares.iter().map(|share| share * f64::from(current)));
        prop_assert_eq!(threshold().target(&load, current, now), Some(current));
    }

    #[test]
    fn within_the_tolerance_nothing_is_done(current in 1_u32..1_000, off in -0.0999_f64..0.0999) {
        let load = load_of([f64::from(current) * 0.8 * (1.0 + off); 5]);
        prop_assert_eq!(tracking().target(&load, current, at(4)), Some(current));
    }

    #[test]
    fn outside_the_tolerance_tracking_is_the_formula(current in 1_u32..1_000, load in 0.0_f64..2_000.0) {
        let history = load_of([load; 5]);
        let ratio = load / f64::from(current) / 0.8;
        // The smallest number of units that the formula allows, by trying; rounding may go either way.
        let enough = |units: u32, slack: f64| f64::from(units) * 0.8 >= load * (1.0 - slack);
        let target = tracking().target(&history, current, at(4)).unwrap();
        if (ratio - 1.0).abs() > 0.1001 {
            prop_assert!(enough(target, 1e-5));
            prop_assert!(target == 0 || !enough(target - 1, -1e-5));
        }
    }

    // All of them, on anything.

    #[test]
    fn a_bounded_scaler_stays_within_its_bounds(
        loads in loads(), least in 0_u32..20, span in 0_u32..50, start in 0_u32..200,
    ) {
        let bounds = Bounds::new(least, least + span).unwrap();
        for (name, scaler) in by_load() {
            let mut bounded = Bounded { scaler, bounds };
            for change in follow(&mut bounded, &loads, start) {
                prop_assert!(bounds.contains(change.to), "{}: {:?}", name, change);
            }
        }
    }

}

proptest! {
    // Many questions a case.
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_square_wave_gives_at_most_one_action_a_cooldown(
        half in 1_u32..20, low in 0.0_f64..5.0, high in 5.0_f64..50.0,
        up in 1_u32..20, down in 1_u32..20,
    ) {
        let wave: Vec<f64> = (0..MINUTES).map(|minute| if minute / half % 2 == 0 { low } else { high }).collect();
        for (name, scaler) in by_load() {
            let mut calm = Cooldown::new(scaler, up * MINUTE, down * MINUTE);
            let changes = follow(&mut calm, &wave, 5);
            for pair in changes.windows(2) {
                let wait = if pair[1].to > pair[1].from { up } else { down };
                let passed = pair[1].at.since(pair[0].at);
                prop_assert!(passed >= wait * MINUTE, "{}: {:?}", name, pair);
            }
            // Counted: at most one in each stretch of the shorter cooldown.
            let most = MINUTES.div_ceil(up.min(down));
            prop_assert!(u32::try_from(changes.len()).unwrap() <= most, "{}", name);
        }
    }

    #[test]
    fn the_same_question_has_the_same_answer_and_later_samples_do_not_matter(
        loads in loads(), current in 0_u32..50,
    ) {
        let history = load_of(loads.iter().copied());
        let again = load_of(loads.iter().copied());
        let ask = |scaler: &dyn Scaler, history: &Series, minute| {
            scaler.target(history, current, at(minute))
        };
        let minutes = u32::try_from(loads.len()).unwrap();
        for ((name, one), (_, other)) in by_load().into_iter().zip(by_load()) {
            let first = ask(&*one, &history, minutes);
            // Questions in between leave nothing behind.
            for minute in 0..minutes {
                let past = load_of(loads[..=usize::try_from(minute).unwrap()].iter().copied());
                prop_assert_eq!(ask(&*one, &history, minute), ask(&*other, &past, minute), "{}", name);
            }
            prop_assert_eq!(ask(&*one, &history, minutes), first, "{}", name);
            prop_assert_eq!(ask(&*other, &again, minutes), first, "{}", name);
        }
    }
}

proptest! {
    #[test]
    fn a_stabilised_scaler_goes_no_lower_than_any_answer_of_its_window(
        loads in loads(), current in 0_u32..50, window in 1_u32..12,
    ) {
        prop_assume!(!loads.is_empty());
        let history = load_of(loads.iter().copied());
        let last = u32::try_from(loads.len()).unwrap() - 1;
        let plain = tracking();
        let stable = Stabilised::new(tracking(), window * MINUTE).target(&history, current, at(last));
        let answers = |minute| plain.target(&history, current, at(minute));
        let expected = answers(last).map(|now| {
            let first = last.saturating_sub(window - 1);
            let highest = (first..=last).map(|minute| answers(minute).unwrap_or(current)).max();
            if now >= current { now } else { highest.unwrap().min(current) }
        });
        prop_assert_eq!(stable, expected);
    }

    // In time.

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
fn while_one_scaler_knows_nothing_units_may_come_but_not_go() {
    let bounds = Bounds::new(0, 100).unwrap();
    let of = |units| Box::new(Manual::new(units, bounds).unwrap()) as Box<dyn Scaler>;
    let both = Highest::of([of(4), Box::new(tracking())]);
    assert_eq!(both.target(&Series::new(), 9, at(0)), Some(9));
    assert_eq!(both.target(&Series::new(), 2, at(0)), Some(4));
    let load = load_of([1.6; 5]);
    assert_eq!(both.target(&load, 9, at(4)), Some(4));
    assert_eq!(Highest::of([]).target(&load, 9, at(4)), None);
}

#[test]
fn a_change_reaches_the_scalers_inside_of_wrappers() {
    let bounds = Bounds::new(0, 100).unwrap();
    let five = Manual::new(5, bounds).unwrap();
    let inner = Box::new(Cooldown::new(five, MINUTE, MINUTE)) as Box<dyn Scaler>;
    let stable = Stabilised::new(Highest::of([inner]), MINUTE);
    let mut scaler = Bounded {
        scaler: stable,
        bounds,
    };
    assert_eq!(scaler.target(&Series::new(), 3, at(0)), Some(5));
    scaler.observe(&Change {
        at: at(0),
        from: 3,
        to: 5,
    });
    assert_eq!(scaler.target(&Series::new(), 3, at(0)), Some(3));
    assert_eq!(scaler.target(&Series::new(), 3, at(1)), Some(5));
}
