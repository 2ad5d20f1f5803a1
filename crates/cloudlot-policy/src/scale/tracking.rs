//! Target tracking: as many units as bring utilisation to a target.

use super::Scaler;
use super::evidence::{Check, unbroken, units};
use cloudlot_core::metrics::Series;
use cloudlot_core::{Faults, Timestamp};
use std::time::Duration;

/// What a [`TargetTracking`] aims at.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct TrackingConfig {
    /// The load that each unit is to have; 1.0 is fully used.
    pub utilisation: f64,
    /// How far off the utilisation may be before anything is done, as a share of the target.
    pub tolerance: f64,
    /// The load is the mean of the samples of this time.
    pub window: Duration,
    /// Samples further apart than this, or older, are no evidence.
    pub fresh: Duration,
}

impl Default for TrackingConfig {
    /// 80 % within a tenth (the tolerance of Kubernetes), over a minute.
    fn default() -> Self {
        Self {
            utilisation: 0.8,
            tolerance: 0.1,
            window: Duration::from_secs(60),
            fresh: Duration::from_secs(300),
        }
    }
}

/// As many units as bring each to its target: `ceil(current × utilisation / target)`, which is `ceil(load / target)`.
///
/// Within the tolerance everything stays as it is.
///
/// Source: Kubernetes documentation, "Horizontal Pod Autoscaling", algorithm details.
/// ```
/// use cloudlot_core::{Timestamp, metrics::Series};
/// use cloudlot_policy::scale::{Scaler, TargetTracking, TrackingConfig};
/// use std::time::Duration;
///
/// let config = TrackingConfig { utilisation: 0.5, ..TrackingConfig::default() };
/// let scaler = TargetTracking::new(config)?;
/// let at = |second| Timestamp::ZERO + Duration::from_secs(second);
/// let mut load = Series::new();
/// load.push(at(0), 4.0)?;
/// load.push(at(30), 4.0)?;
/// assert_eq!(scaler.target(&load, 4, at(30)), Some(8)); // 100 %, twice the target
/// assert_eq!(scaler.target(&load, 9, at(30)), Some(8)); // 44 %
/// assert_eq!(scaler.target(&load, 8, at(30)), Some(8));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct TargetTracking(TrackingConfig);

impl TargetTracking {
    /// A scaler with this target.
    ///
    /// # Errors
    /// A target that is not a finite number above zero, a tolerance outside of 0 to 1, a window or `fresh` of no time.
    pub fn new(config: TrackingConfig) -> Result<Self, Faults> {
        Check::default()
            .above_zero("utilisation", config.utilisation)
            .share("tolerance", config.tolerance)
            .some_time("window", config.window)
            .some_time("fresh", config.fresh)
            .or(Self(config))
    }
}

impl Scaler for TargetTracking {
    fn target(&self, history: &Series, current: u32, now: Timestamp) -> Option<u32> {
        let config = &self.0;
        let (_, latest) = unbroken(history, now, config.fresh).next()?;
        // A window that is shorter than the time between samples still has the latest.
        let load = history.mean(now, config.window).unwrap_or(latest);
        let aim = f64::from(current) * config.utilisation;
        if current > 0 && (load - aim).abs() <= aim * config.tolerance {
            return Some(current);
        }
        Some(units(load, config.utilisation))
    }
}
