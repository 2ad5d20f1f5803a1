//! The opponents, and how they are calibrated.

use std::num::NonZeroU32;
use std::time::Duration;

use cloudlot_policy::scale::{
    Band, Predictive, PredictiveConfig, Stabilised, TargetTracking, Threshold, ThresholdConfig,
    TrackingConfig,
};
use cloudlot_serverless::scale::kpa::{Kpa, KpaConfig, ToZero};
use cloudlot_serverless::scale::{ByLoad, Fixed};

use super::loads::{LOADS, Load, TICK};

pub(crate) type ByThreshold = ByLoad<Threshold>;

/// What of a threshold is calibrated.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Thresholds {
    pub(crate) up: f64,
    pub(crate) down: f64,
    pub(crate) up_after: u64,
    pub(crate) down_after: u64,
    pub(crate) up_by: u32,
    pub(crate) down_by: u32,
}

/// As the original gives them.
pub(crate) const GIVEN: Thresholds = Thresholds {
    up: 0.8,
    down: 0.3,
    up_after: 0,
    down_after: 60,
    up_by: 1,
    down_by: 1,
};

/// What [`calibrate`] finds for each load: a threshold, and the size of a fixed pool.
pub(crate) const fn calibrated(load: &Load) -> (Thresholds, u32) {
    let cheapest = Thresholds {
        up: 0.6,
        down: 0.4,
        up_after: 0,
        down_after: 30,
        up_by: 1,
        down_by: 4,
    };
    match load.name.as_bytes()[1] {
        b't' => (cheapest, 9),
        b'i' => (
            Thresholds {
                down_after: 60,
                up_by: 2,
                ..cheapest
            },
            12,
        ),
        b'u' => (
            Thresholds {
                up: 0.4,
                down: 0.2,
                down_after: 200,
                up_by: 16,
                down_by: 1,
                ..cheapest
            },
            19,
        ),
        _ => (
            Thresholds {
                up: 0.4,
                down: 0.2,
                down_after: 10,
                up_by: 16,
                down_by: 1,
                ..cheapest
            },
            22,
        ),
    }
}

pub(crate) fn threshold(of: Thresholds) -> ByThreshold {
    let config = ThresholdConfig {
        utilisation: Band {
            up: of.up,
            down: of.down,
        },
        up_after: Duration::from_secs(of.up_after),
        down_after: Duration::from_secs(of.down_after),
        up_by: of.up_by,
        down_by: of.down_by,
        ..ThresholdConfig::default()
    };
    ByLoad::new(Threshold::new(config).unwrap(), NonZeroU32::MIN, 256)
}

pub(crate) fn hpa(utilisation: f64, window: u64, keep: u64) -> ByLoad<Stabilised<TargetTracking>> {
    let config = TrackingConfig {
        utilisation,
        window: Duration::from_secs(window),
        ..TrackingConfig::default()
    };
    let rule = TargetTracking::new(config).unwrap();
    ByLoad::new(
        Stabilised::new(rule, Duration::from_secs(keep)),
        NonZeroU32::MIN,
        256,
    )
}

pub(crate) fn kpa(target_percent: u32) -> ToZero {
    let config = KpaConfig {
        container_concurrency: 1,
        target_percent,
        ..KpaConfig::default()
    };
    ToZero::new(Kpa::new(config).unwrap())
}

pub(crate) fn predictive(utilisation: f64) -> ByLoad<Predictive> {
    let config = PredictiveConfig {
        utilisation,
        lead: TICK,
        interval: TICK,
        memory: 60,
        ..PredictiveConfig::default()
    };
    ByLoad::new(Predictive::new(config).unwrap(), NonZeroU32::MIN, 64)
}

/// What costs least on the training seeds, of a grid.
#[test]
#[ignore = "a grid of settings on four loads; prints what is written down above"]
fn calibrate() {
    for load in LOADS {
        let mut best = Vec::new();
        for of in grid() {
            let cost = load.scaled(100, threshold(of)).0.total();
            best.push((cost, of));
        }
        best.sort_by_key(|&(cost, _)| cost);
        best.truncate(8);
        for (cost, of) in &mut best {
            *cost += (101..104)
                .map(|seed| load.scaled(seed, threshold(*of)).0.total())
                .sum();
        }
        best.sort_by_key(|&(cost, _)| cost);
        println!(
            "{}: {:.1} {:?}",
            load.name,
            best[0].0.as_secs_f64() / 4.0,
            best[0].1
        );
        let pool = |size| -> Duration {
            (100..104)
                .map(|seed| load.scaled(seed, Fixed(size)).0.total())
                .sum()
        };
        let size = (4..=32).min_by_key(|&size| pool(size)).unwrap();
        println!(
            "{}: {:.1} pool {size}",
            load.name,
            pool(size).as_secs_f64() / 4.0
        );
    }
}

fn grid() -> Vec<Thresholds> {
    let mut grid = Vec::new();
    for (up, down) in [
        (0.4, 0.2),
        (0.4, 0.3),
        (0.6, 0.3),
        (0.8, 0.3),
        (0.8, 0.5),
        (0.6, 0.4),
    ] {
        for down_after in [10, 30, 60, 200] {
            for up_by in [1, 2, 4, 8, 16] {
                for down_by in [1, 4] {
                    grid.push(Thresholds {
                        up,
                        down,
                        up_after: 0,
                        down_after,
                        up_by,
                        down_by,
                    });
                }
            }
        }
    }
    grid
}
