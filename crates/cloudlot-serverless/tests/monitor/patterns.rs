use super::chance::{Chance, HOUR, MINUTE, samples};
use cloudlot_serverless::monitor::{Pattern, Samples, SamplesError, autocorrelation};
use proptest::prelude::*;
use std::f64::consts::TAU;
use std::time::Duration;

const DAY: Duration = Duration::from_secs(86_400);

proptest! {
    #[test]
    fn autocorrelation_is_its_formula(values in prop::collection::vec(0.0_f64..1e3, 8..60), lag in 0_usize..20) {
        let n = values.len();
        let r = autocorrelation(&values, lag);
        if n < lag + 6 {
            prop_assert_eq!(r, None);
            return Ok(());
        }
        // By sums, not by differences from the mean.
        let pairs: Vec<(f64, f64)> = (lag..n).map(|t| (values[t - lag], values[t])).collect();
        let m = pairs.len() as f64;
        let sum = |of: &dyn Fn(&(f64, f64)) -> f64| pairs.iter().map(of).sum::<f64>();
        let (x, y) = (sum(&|p| p.0), sum(&|p| p.1));
        let (xx, yy, xy) = (sum(&|p| p.0 * p.0), sum(&|p| p.1 * p.1), sum(&|p| p.0 * p.1));
        let naive = (m * xy - x * y) / ((m * xx - x * x) * (m * yy - y * y)).sqrt();
        prop_assert!((r.unwrap() - naive).abs() < 1e-6, "{:?} {}", r, naive);
    }

    #[test]
    fn any_shape_that_repeats_is_found_at_its_own_lag(seed in 0_u64..10_000, lag in 2_usize..60, rounds in 4_usize..12) {
        let mut chance = Chance::new(seed);
        let shape: Vec<f64> = (0..lag).map(|_| 200.0 * chance.unit()).collect();
        // Of shapes that differ much from themselves within a round; others have a shorter season or none.
        let found = |values: Vec<f64>| Pattern::of(&samples(MINUTE, values)).season.map(|it| it.lag);
        let exact: Vec<f64> = shape.repeat(rounds);
        prop_assume!(exact.len() >= 24);
        prop_assume!((1..lag).all(|k| autocorrelation(&exact, k).is_none_or(|r| r < 0.9)));
        prop_assume!(autocorrelation(&exact, lag).is_some());
        let shortest = found(exact);
        // What no bound can tell from noise is left out: the bound is what is under test elsewhere.
        prop_assert!(shortest.is_none_or(|it| it == lag), "{:?} for {}", shortest, lag);
        if lag * rounds >= 100 {
            prop_assert_eq!(shortest, Some(lag));
        }
    }

    #[test]
    fn a_line_alone_is_a_trend_and_what_rounding_leaves_of_it_no_season(start in 0.0_f64..1e9, slope in prop_oneof![Just(0.0), 0.001_f64..1e3], length in 8_usize..300) {
        let pattern = Pattern::of(&samples(MINUTE, (0..length).map(|t| start + slope * t as f64)));
        prop_assert_eq!(pattern.season, None);
        match pattern.trend {
            // Beside a large start a small slope is rounding.
            None => prop_assert!(slope * length as f64 <= 1e-8 * start || 3.29 > (length as f64 - 1.0).sqrt(), "{:?}", pattern),
            Some(trend) => prop_assert!((trend.slope - slope).abs() <= 1e-6 * slope.max(start * 1e-9) && trend.r > 0.999, "{:?}", pattern),
        }
    }

    #[test]
    fn a_line_under_a_season_keeps_its_slope(slope in 0.05_f64..3.0, lag in 2_usize..30, rounds in 6_usize..10, seed in 0_u64..999) {
        let mut chance = Chance::new(seed);
        let shape: Vec<f64> = (0..lag).map(|_| 10.0 * chance.unit()).collect();
        prop_assume!(lag * rounds >= 20);
        let value = |t: usize| 5.0 + slope * t as f64 + shape[t % lag];
        let pattern = Pattern::of(&samples(HOUR, (0..lag * rounds).map(value)));
        let trend = pattern.trend.unwrap();
        let near = if pattern.season.map(|it| it.lag) == Some(lag) { 1e-9 } else { 1.0 };
        prop_assert!((trend.slope - slope).abs() < near, "{:?} for {}", pattern, slope);
    }
}

/// Calls an hour: quiet nights, a peak at noon, and weekends with a third of it.
fn rate(hour: f64, weekends: bool) -> f64 {
    let day = 40.0 * (1.0 - (TAU * hour / 24.0).cos()) + 5.0;
    let weekday = (hour / 24.0).floor() % 7.0;
    if weekends && weekday >= 5.0 {
        day / 3.0
    } else {
        day
    }
}

#[test]
fn hours_and_minutes_of_the_same_days_have_the_same_season() {
    for seed in 0..10 {
        let mut chance = Chance::new(seed);
        let hours: Vec<f64> = (0..24 * 14)
            .map(|h| chance.poisson(rate(f64::from(h), false)))
            .collect();
        let ten: Vec<f64> = (0..144 * 5)
            .map(|m| chance.poisson(rate(f64::from(m) / 6.0, false) / 6.0))
            .collect();
        let hourly = Pattern::of(&samples(HOUR, hours)).season.unwrap();
        assert_eq!((hourly.lag, hourly.period), (24, DAY), "seed {seed}");
        let minutes = Pattern::of(&samples(10 * MINUTE, ten)).season.unwrap();
        assert!(minutes.lag.abs_diff(144) <= 2, "seed {seed}: {minutes:?}");
    }
    // Without noise the minutes of three days tell the day to the minute.
    let minutes = (0..1440 * 3).map(|m| rate(f64::from(m) / 60.0, false));
    let season = Pattern::of(&samples(MINUTE, minutes)).season.unwrap();
    assert_eq!((season.lag, season.period), (1440, DAY));
}

#[test]
fn a_day_is_not_24_samples_of_minutes() {
    // The reference system read 24 samples of any length as a day, and the correlation at the lag before.
    let mut chance = Chance::new(1);
    let minutes: Vec<f64> = (0..480)
        .map(|m| chance.poisson(rate(f64::from(m) / 60.0, false) / 10.0))
        .collect();
    let pattern = Pattern::of(&samples(MINUTE, minutes));
    assert_eq!(pattern.season, None, "a third of a day shows no season");
    let spikes: Vec<f64> = (0..240)
        .map(|n| if n % 24 == 0 { 50.0 } else { 1.0 })
        .collect();
    assert!(autocorrelation(&spikes, 23).unwrap() < 0.0);
    assert!(autocorrelation(&spikes, 24).unwrap() > 0.99);
    let season = Pattern::of(&samples(MINUTE, spikes)).season.unwrap();
    assert_eq!((season.lag, season.period), (24, 24 * MINUTE));
}

#[test]
fn weeks_are_found_under_days() {
    for seed in 0..10 {
        let mut chance = Chance::new(seed);
        let hours: Vec<f64> = (0..168 * 4)
            .map(|h| chance.poisson(rate(f64::from(h), true)))
            .collect();
        let season = Pattern::of(&samples(HOUR, hours)).season.unwrap();
        assert_eq!((season.lag, season.period), (168, 7 * DAY), "seed {seed}");
    }
}

#[test]
fn timers_are_found_at_their_period() {
    for (seed, lag) in (0..).zip([2_usize, 5, 7, 15, 37, 60, 90]) {
        let mut chance = Chance::new(seed);
        let calls = |t: usize| if t.is_multiple_of(lag) { 12.0 } else { 0.0 };
        let values: Vec<f64> = (0..480).map(|t| calls(t) + chance.poisson(1.0)).collect();
        let season = Pattern::of(&samples(MINUTE, values)).season;
        assert_eq!(season.map(|it| it.lag), Some(lag));
    }
}

/// How many of so many series show a season, a trend, a burst.
fn found(count: u64, series: impl Fn(&mut Chance) -> Vec<f64>) -> [u64; 3] {
    let mut found = [0; 3];
    for seed in 0..count {
        let pattern = Pattern::of(&samples(MINUTE, series(&mut Chance::new(seed))));
        let is = [
            pattern.season.is_some(),
            pattern.trend.is_some(),
            pattern.burst.is_some(),
        ];
        for (sum, is) in found.iter_mut().zip(is) {
            *sum += u64::from(is);
        }
    }
    found
}

#[test]
fn noise_shows_nothing_whatever_its_length() {
    for (length, count) in [(8, 2000), (20, 2000), (48, 1000), (200, 400), (600, 60)] {
        let calls = found(count, |chance| {
            (0..length).map(|_| chance.poisson(3.0)).collect()
        });
        let rare = found(count, |chance| {
            (0..length).map(|_| chance.poisson(0.05)).collect()
        });
        let even = found(count, |chance| {
            (0..length).map(|_| 100.0 + chance.normal()).collect()
        });
        println!(
            "{length} samples, of {count}: calls {calls:?}, rare calls {rare:?}, normal {even:?}"
        );
        for [season, trend, burst] in [calls, rare, even] {
            let percent = count / 100;
            assert!(season <= percent, "seasons in noise: {season} of {count}");
            assert!(trend <= percent, "trends in noise: {trend} of {count}");
            assert!(burst <= percent, "bursts in noise: {burst} of {count}");
        }
    }
}

#[test]
fn what_only_rises_steps_or_wanders_has_no_season() {
    let shapes: [fn(f64) -> f64; 4] = [
        |t| 5.0 * t,
        |t| 0.01 * t * t,
        |t| if t < 150.0 { 10.0 } else { 80.0 },
        |t| 100.0 * (t / 80.0).exp(),
    ];
    for (number, shape) in shapes.into_iter().enumerate() {
        for noise in [0.0, 1.0, 10.0] {
            let [season, trend, _] = found(40, |chance| {
                (0..300)
                    .map(|t| shape(f64::from(t)) + noise * (6.0 + chance.normal()))
                    .collect()
            });
            assert_eq!((season, trend), (0, 40), "shape {number}, noise {noise}");
        }
    }
    let [season, ..] = found(200, |chance| {
        let mut level = 500.0;
        (0..300)
            .map(|_| {
                level += 5.0 * chance.normal();
                level
            })
            .collect()
    });
    println!("random walks that seem to repeat: {season} of 200");
    assert!(season <= 20, "{season}");
}

#[test]
fn bursts_are_what_seasons_and_trends_do_not_explain() {
    let [.., burst] = found(50, |chance| {
        let mut busy = false;
        let mut calls = || {
            busy = chance.unit() < if busy { 0.8 } else { 0.02 };
            chance.poisson(if busy { 40.0 } else { 1.0 })
        };
        (0..480).map(|_| calls()).collect()
    });
    assert!(burst >= 45, "{burst}");
    let [season, _, burst] = found(50, |chance| {
        (0..480)
            .map(|t| chance.poisson(if t % 60 == 0 { 30.0 } else { 2.0 }))
            .collect()
    });
    assert_eq!((season, burst), (50, 0), "a timer is a season and no burst");
    let [.., trend, burst] = found(50, |chance| {
        (0..480)
            .map(|t| chance.poisson(1.0 + f64::from(t) / 20.0))
            .collect()
    });
    assert_eq!((trend, burst), (50, 0), "growth is a trend and no burst");
}

#[test]
fn what_is_no_sample_is_refused() {
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let refusal = Samples::new(MINUTE, vec![1.0, value]);
        assert!(matches!(
            refusal,
            Err(SamplesError::NotFinite { place: 1, .. })
        ));
    }
    for value in [-1e-300, 1.1e15, f64::MAX] {
        let refusal = Samples::new(MINUTE, vec![value]);
        assert!(matches!(refusal, Err(SamplesError::Range { place: 0, .. })));
    }
    assert_eq!(
        Samples::new(Duration::ZERO, vec![]),
        Err(SamplesError::NoInterval)
    );
}

#[test]
fn little_or_nothing_shows_nothing() {
    for values in [
        vec![],
        vec![1.0],
        vec![7.0; 500],
        vec![0.0; 500],
        vec![0.1; 500],
        vec![Samples::MOST; 500],
    ] {
        let pattern = Pattern::of(&samples(MINUTE, values));
        assert_eq!(pattern, Pattern::default());
    }
    let lone = (0..500).map(|t| if t == 250 { 1.0 } else { 0.0 });
    let pattern = Pattern::of(&samples(MINUTE, lone));
    assert_eq!((pattern.season, pattern.trend), (None, None));
}
