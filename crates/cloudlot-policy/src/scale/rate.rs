//! Rate of change: act when the time to the threshold is shorter than it takes to provide units.

use super::Scaler;
use super::evidence::{Check, LEAST_SAMPLES, unbroken, units};
use cloudlot_core::metrics::Series;
use cloudlot_core::{Faults, Timestamp};
use std::time::Duration;

/// What a [`RateOfChange`] goes by.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct RateConfig {
    /// The load of each unit that is to be met by more units; 1.0 is fully used.
    pub up: f64,
    /// The load of each unit below which units may go, if it does not grow.
    pub down: f64,
    /// How long it takes until a unit that was asked for is there.
    pub lead: Duration,
    /// How often the scaler is asked: what it does not ask for now is there one interval later.
    pub interval: Duration,
    /// The slope is that of the samples of this time.
    pub window: Duration,
    /// Samples further apart than this, or older, are no evidence.
    pub fresh: Duration,
}

impl Default for RateConfig {
    /// 80 and 50 %, units that take a minute, asked once a minute, the slope of 5 minutes.
    fn default() -> Self {
        Self {
            up: 0.8,
            down: 0.5,
            lead: Duration::from_secs(60),
            interval: Duration::from_secs(60),
            window: Duration::from_secs(300),
            fresh: Duration::from_secs(300),
        }
    }
}

/// Adds units when the load will reach the threshold before units could be there.
///
/// The load is smoothed by the least-squares line through the window. The line is followed for one lead time and one
/// interval; if that is beyond the threshold, there are as many units at once as will be below it.
/// Units go when the line is below the lower threshold, now and then.
/// ```
/// use cloudlot_core::{Timestamp, metrics::Series};
/// use cloudlot_policy::scale::{RateConfig, RateOfChange, Scaler};
/// use std::time::Duration;
///
/// let scaler = RateOfChange::new(RateConfig::default())?;
/// let at = |minute: u64| Timestamp::ZERO + Duration::from_secs(60 * minute);
/// let mut load = Series::new();
/// for minute in 0..5 {
///     load.push(at(minute), 4.0 + minute as f64)?;
/// }
/// // 8 now, 10 in two minutes: the 80 % of 12 units, 9.6, come too soon.
/// assert_eq!(scaler.target(&load, 12, at(4)), Some(13));
/// assert_eq!(scaler.target(&load, 13, at(4)), Some(13));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct RateOfChange(RateConfig);

impl RateOfChange {
    /// A scaler with these thresholds.
    ///
    /// # Errors
    /// A threshold that is not finite, an upper one that is not above zero, a lower one that is below zero or not below the
    /// upper one; an interval, a window or `fresh` of no time.
    pub fn new(config: RateConfig) -> Result<Self, Faults> {
        Check::default()
            .above_zero("up", config.up)
            .not_negative("down", config.down)
            .below("down", config.down, config.up)
            .some_time("interval", config.interval)
            .some_time("window", config.window)
            .some_time("fresh", config.fresh)
            .or(Self(config))
    }
}

impl Scaler for RateOfChange {
    fn target(&self, history: &Series, current: u32, now: Timestamp) -> Option<u32> {
        let config = &self.0;
        unbroken(history, now, config.fresh).next()?;
        let line = Line::through(history, now, config.window)?;
        let ahead = config.lead.saturating_add(config.interval).as_secs_f64();
        let (level, then) = (line.level, line.level + line.slope * ahead);
        let highest = level.max(then);
        if !highest.is_finite() {
            return None;
        }
        let have = f64::from(current);
        if highest > have * config.up {
            return Some(units(highest, config.up).max(current));
        }
        if highest < have * config.down {
            return Some(units(highest, config.up).min(current));
        }
        Some(current)
    }
}

/// The least-squares line through a window, at its end.
struct Line {
    /// At `now`.
    level: f64,
    /// A second.
    slope: f64,
}

impl Line {
    fn through(history: &Series, now: Timestamp, window: Duration) -> Option<Self> {
        let slope = history.slope(now, window)?;
        let mean = history.mean(now, window)?;
        let ages = history
            .window(now, window)
            .map(|(at, _)| now.since(at).as_secs_f64());
        let count = ages.clone().count();
        if count < LEAST_SAMPLES {
            return None;
        }
        let age = ages.sum::<f64>() / f64::from(u32::try_from(count).ok()?);
        Some(Self {
            level: mean + slope * age,
            slope,
        })
    }
}
