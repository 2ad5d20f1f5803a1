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
    pub(crate) by: u32,
}

/// As the original gives them.
pub(crate) const GIVEN: Thresholds = Thresholds {
    up: 0.8,
    down: 0.3,
    up_after: 0,
    down_after: 60,
    by: 1,
};

pub(crate) fn threshold(of: Thresholds) -> ByThreshold {
    let config = ThresholdConfig {
        utilisation: Band {
            up: of.up,
            down: of.down,
        },
        up_after: Duration::from_secs(of.up_after),
        down_after: Duration::from_secs(of.down_after),
        up_by: of.by,
        down_by: of.by,
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

#[test]
#[ignore = "a look"]
fn look() {
    for load in LOADS {
        let show = |name: String, bill: cloudlot_serverless::scale::Bill| {
            println!(
                "{:8} {name:28} total {:8.1} waited {:8.1} late {:6} idle GiBs {:9.0} cold {}",
                load.name,
                bill.total().as_secs_f64(),
                bill.waited().as_secs_f64(),
                bill.late(),
                bill.idle() as f64 / 2f64.powi(30) / 1e9,
                bill.cold()
            );
        };
        for window in [30, 60, 120, 600] {
            show(
                format!("keep {window}"),
                load.kept(1, Duration::from_secs(window)),
            );
        }
        for pool in [4, 6, 8, 10, 12, 14, 16, 20, 24, 30] {
            show(format!("fixed {pool}"), load.scaled(1, Fixed(pool)).0);
        }
        show("given".into(), load.scaled(1, threshold(GIVEN)).0);
        for target in [30, 50, 70] {
            show(format!("kpa {target}"), load.scaled(1, kpa(target)).0);
        }
        for u in [0.3, 0.5, 0.7] {
            for window in [4, 20] {
                for keep in [10, 60, 300] {
                    show(
                        format!("hpa {u} {window} {keep}"),
                        load.scaled(1, hpa(u, window, keep)).0,
                    );
                }
            }
            show(format!("predictive {u}"), load.scaled(1, predictive(u)).0);
        }
        calibrate(load);
    }
}

fn calibrate(load: Load) {
    let mut best = Vec::new();
    for up in [0.4, 0.6, 0.8] {
        for down in [0.3] {
            if down >= up {
                continue;
            }
            for up_after in [0] {
                for down_after in [10, 30, 60, 200] {
                    for by in [1, 4] {
                        let of = Thresholds {
                            up,
                            down,
                            up_after,
                            down_after,
                            by,
                        };
                        let (bill, _) = load.scaled(1, threshold(of));
                        best.push((
                            bill.total(),
                            format!(
                                "{of:?} waited {} late {} idle {}",
                                bill.waited().as_secs_f64(),
                                bill.late(),
                                bill.idle() >> 60
                            ),
                        ));
                    }
                }
            }
        }
    }
    best.sort();
    for (cost, of) in &best[..5] {
        println!("{} {} {of}", load.name, cost.as_secs_f64());
    }
}
