//! What the rule refuses, and that a refusal changes nothing.

use crate::{at, milli};
use cloudlot_core::Timestamp;
use cloudlot_serverless::scale::kpa::{
    Concurrency, ConcurrencyError, Kpa, KpaConfig, KpaConfigError, KpaError,
};
use std::time::Duration;

#[test]
fn no_concurrency_is_negative_huge_or_not_a_number() {
    for wrong in [f64::NAN, -0.001, -1.0, f64::NEG_INFINITY] {
        let refused = Concurrency::from_requests(wrong);
        assert!(
            matches!(refused, Err(ConcurrencyError::NotANumber(_))),
            "{wrong}"
        );
    }
    for huge in [1_000_000_000.001, 1e300, f64::INFINITY] {
        assert_eq!(
            Concurrency::from_requests(huge),
            Err(ConcurrencyError::TooHigh(huge))
        );
    }
    assert!(Concurrency::from_milli(1_000_000_000_001).is_err());
    assert!(Concurrency::from_milli(u64::MAX).is_err());
    assert_eq!(
        Concurrency::from_requests(1e9).unwrap().milli(),
        1_000_000_000_000
    );
    assert_eq!(Concurrency::from_requests(-0.0), Ok(Concurrency::ZERO));
    assert_eq!(Concurrency::from_requests(0.0005).unwrap().milli(), 1);
}

#[test]
fn time_does_not_run_backwards() {
    let mut kpa = Kpa::new(KpaConfig::default()).unwrap();
    kpa.observe(at(10), milli(90_000)).unwrap();
    let before = kpa.clone();
    let early = Timestamp::from_nanos(at(10).as_nanos() - 1);
    let backwards = KpaError::Backwards {
        now: early,
        latest: at(10),
    };
    assert_eq!(kpa.observe(early, milli(1)), Err(backwards));
    assert_eq!(kpa.decide(early, 1), Err(backwards));
    assert_eq!(
        backwards.to_string(),
        "9999999999 ns is before 10000000000 ns"
    );
    assert_eq!(kpa, before);
    kpa.decide(at(12), 1).unwrap();
    assert!(
        kpa.observe(at(11), milli(1)).is_err(),
        "a tick counts as well"
    );
}

#[test]
fn one_second_holds_no_more_than_a_concurrency() {
    let mut kpa = Kpa::new(KpaConfig::default()).unwrap();
    kpa.observe(at(1), milli(1_000_000_000_000)).unwrap();
    let before = kpa.clone();
    assert!(matches!(
        kpa.observe(at(1), milli(1)),
        Err(KpaError::Concurrency(_))
    ));
    assert_eq!(kpa, before);
    kpa.observe(at(2), milli(1)).unwrap();
}

#[test]
fn too_many_ready_instances_are_refused_and_the_most_still_count() {
    let mut kpa = Kpa::new(KpaConfig {
        max_scale_up_rate: 1e6,
        ..KpaConfig::default()
    })
    .unwrap();
    assert_eq!(
        kpa.decide(at(1), 1_000_001),
        Err(KpaError::Ready(1_000_001))
    );
    let desired = kpa.decide(at(1), 1_000_000).unwrap();
    assert_eq!((desired.down, desired.up), (500_000, 2_147_483_647));
}

#[test]
fn the_largest_of_everything_neither_panics_nor_overflows() {
    let config = KpaConfig {
        stable_window: Duration::from_secs(3_600),
        container_concurrency: 1,
        target_percent: 1,
        max_scale_up_rate: 1e6,
        ..KpaConfig::default()
    };
    let mut kpa = Kpa::new(config).unwrap();
    let end = Timestamp::MAX.as_nanos() / 1_000_000_000;
    for second in end - 3_700..=end {
        kpa.observe(at(second), milli(1_000_000_000_000)).unwrap();
    }
    let desired = kpa.decide(Timestamp::MAX, 1_000_000).unwrap();
    assert_eq!(desired.replicas, 2_147_483_647);
    assert_eq!(desired.stable_average, 1e9);
    assert_eq!(desired.excess_burst, 1_000_000 - 211 - 1_000_000_000);
}

#[test]
fn settings_out_of_range_are_refused_by_name() {
    let refuses = |change: fn(&mut KpaConfig), word: &str| {
        let mut config = KpaConfig::default();
        change(&mut config);
        let error: KpaConfigError = Kpa::new(config).unwrap_err();
        assert!(error.to_string().contains(word), "{error}");
    };
    refuses(|c| c.stable_window = Duration::ZERO, "stable window");
    refuses(
        |c| c.stable_window = Duration::from_millis(1_500),
        "stable window",
    );
    refuses(
        |c| c.stable_window = Duration::from_secs(3_601),
        "stable window",
    );
    refuses(|c| c.panic_window_percent = 0, "panic_window_percent");
    refuses(|c| c.panic_window_percent = 101, "panic_window_percent");
    refuses(
        |c| c.panic_threshold_percent = 109,
        "panic_threshold_percent",
    );
    refuses(
        |c| c.panic_threshold_percent = 1_001,
        "panic_threshold_percent",
    );
    refuses(|c| c.container_concurrency = 0, "container_concurrency");
    refuses(|c| c.target_percent = 0, "target_percent");
    refuses(|c| c.target_percent = 101, "target_percent");
    refuses(|c| c.max_scale_up_rate = 1.0, "max_scale_up_rate");
    refuses(|c| c.max_scale_up_rate = f64::NAN, "max_scale_up_rate");
    refuses(|c| c.max_scale_up_rate = f64::INFINITY, "max_scale_up_rate");
    refuses(|c| c.max_scale_down_rate = -2.0, "max_scale_down_rate");
    refuses(|c| c.max_scale_down_rate = f64::NAN, "max_scale_down_rate");
    refuses(
        |c| c.target_burst_capacity = 1_000_001,
        "target_burst_capacity",
    );
    refuses(|c| c.activation_scale = 0, "activation_scale");
    refuses(|c| c.initial_scale = 1_000_001, "initial_scale");
    refuses(
        |c| c.scale_down_delay = Duration::from_secs(3_601),
        "scale_down_delay",
    );
    refuses(
        |c| c.scale_to_zero_grace = Duration::MAX,
        "scale_to_zero_grace",
    );
}
