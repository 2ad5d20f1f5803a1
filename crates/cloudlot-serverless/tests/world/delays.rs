//! Distributions: quantiles that rise, means that are those of the quantiles, and none longer than a day.

use std::time::Duration;

use cloudlot_core::metrics::Percentile;
use cloudlot_serverless::start::Delay;
use proptest::prelude::*;

fn time() -> impl Strategy<Value = Duration> {
    // From a microsecond to minutes, and none at all.
    prop_oneof![
        1 => Just(Duration::ZERO),
        9 => (10.0..36.0_f64).prop_map(|power| Duration::from_secs_f64(power.exp2() * 1e-9)),
    ]
}

fn rising(count: usize) -> impl Strategy<Value = Vec<Duration>> {
    prop::collection::vec(time(), count).prop_map(|mut times| {
        times.sort_unstable();
        times
    })
}

fn delay() -> impl Strategy<Value = Delay> {
    let points = (1..6_usize).prop_flat_map(|count| {
        let percentiles = prop::sample::subsequence((0..=100_u32).collect::<Vec<_>>(), count);
        (percentiles, rising(count))
    });
    let empirical = points.prop_map(|(percentiles, times)| {
        let percentile = |p: u32| Percentile::new(f64::from(p)).expect("up to 100");
        Delay::Empirical(percentiles.into_iter().map(percentile).zip(times).collect())
    });
    prop_oneof![
        time().prop_map(Delay::Fixed),
        rising(2).prop_map(|it| Delay::Uniform {
            from: it[0],
            to: it[1]
        }),
        time().prop_map(|mean| Delay::Exponential { mean }),
        (rising(1), 1.0..50.0).prop_map(|(it, spread)| {
            let median = it[0].max(Duration::from_nanos(1));
            Delay::LogNormal {
                median,
                p99: median.mul_f64(spread),
            }
        }),
        empirical,
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]
    #[test]
    fn longer_shares_take_longer_and_the_mean_is_that_of_all(delay in delay()) {
        prop_assert_eq!(delay.check(), Ok(()));
        let parts = 20_000;
        let mut sum = 0.0;
        let mut before = delay.at(0.0);
        for part in 0..parts {
            let time = delay.at((f64::from(part) + 0.5) / f64::from(parts));
            prop_assert!(time >= before && time <= Delay::LONGEST);
            sum += time.as_secs_f64();
            before = time;
        }
        prop_assert!(delay.at(1.0) >= before);
        let (mean, told) = (sum / f64::from(parts), delay.mean().as_secs_f64());
        // Of a long tail a part is beyond the last of the quantiles.
        prop_assert!((mean - told).abs() <= 0.01 * told + 2e-9, "{} told, {} found", told, mean);
    }
}

#[test]
fn the_figures_that_were_given_come_back() {
    let micros = Duration::from_micros;
    let (median, p99) = (micros(100), micros(8_300));
    let spread = Delay::LogNormal { median, p99 };
    assert_eq!(
        (spread.at(0.5), spread.at(0.99).as_micros()),
        (median, 8_300)
    );
    let points = [(10.0, 5), (50.0, 10), (90.0, 50)];
    let points = points.map(|(p, at)| (Percentile::new(p).expect("a percentile"), micros(at)));
    let measured = Delay::Empirical(points.to_vec());
    let found = [0.0, 0.1, 0.3, 0.5, 0.6, 0.9, 1.0].map(|p| measured.at(p).as_nanos());
    assert_eq!(found, [5_000, 5_000, 7_500, 10_000, 20_000, 50_000, 50_000]);
    let even = Delay::Uniform {
        from: micros(10),
        to: micros(20),
    };
    assert_eq!(
        [0.0, 0.25, 1.0].map(|p| even.at(p).as_nanos()),
        [10_000, 12_500, 20_000]
    );
    let memoryless = Delay::Exponential { mean: micros(10) };
    assert_eq!(memoryless.at(1.0 - (-1.0_f64).exp()), micros(10));
    assert_eq!(memoryless.at(1.0), Delay::LONGEST);
}

#[test]
fn what_is_no_distribution_is_cut_and_not_endless() {
    let day = Delay::LONGEST;
    let median = Duration::ZERO;
    for odd in [
        Delay::Fixed(Duration::MAX),
        Delay::Exponential {
            mean: Duration::MAX,
        },
        Delay::LogNormal { median, p99: day },
        Delay::LogNormal {
            median,
            p99: median,
        },
        Delay::Uniform {
            from: Duration::MAX,
            to: median,
        },
        Delay::Empirical(Vec::new()),
    ] {
        assert!(odd.check().is_err());
        for p in [-1.0, 0.0, 0.5, 1.0, 2.0, f64::NAN] {
            assert!(odd.at(p) <= day, "{odd:?} at {p}");
        }
    }
}
