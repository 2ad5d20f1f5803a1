//! Up at one threshold, down at another, and nothing in between.
//!
//! Utilisation is decisive: it alone can bring units down, if nothing that is measured besides speaks against it.

use super::evidence::{Check, lasted, unbroken, units};
use super::{Scaler, Trigger};
use cloudlot_core::metrics::Series;
use cloudlot_core::{Faults, Timestamp};
use std::time::Duration;

/// Two thresholds of one metric, with a dead band between them.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Band {
    /// At or above this there are too few units.
    pub up: f64,
    /// At or below this there may be too many.
    pub down: f64,
}

impl Band {
    fn check(self, check: Check, name: &str) -> Check {
        check
            .above_zero(&format!("{name}.up"), self.up)
            .not_negative(&format!("{name}.down"), self.down)
            .below(&format!("{name}.down"), self.down, self.up)
    }
}

/// When a [`Threshold`] acts, and by how much.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct ThresholdConfig {
    /// Load by unit: 1.0 is fully used.
    pub utilisation: Band,
    /// Contentions a minute.
    pub contention: Band,
    /// Time that requests wait, in seconds.
    pub wait: Band,
    /// How long a metric must have been at or above its threshold before units are added.
    pub up_after: Duration,
    /// How long all metrics must have been at or below theirs before units are taken away.
    pub down_after: Duration,
    /// How many units an action adds.
    pub up_by: u32,
    /// How many units an action takes away at most.
    pub down_by: u32,
    /// Samples further apart than this, or older, are no evidence.
    pub fresh: Duration,
}

impl Default for ThresholdConfig {
    /// The thresholds of the original resource management system: 80 and 20 % of utilisation, 5 contentions a minute and
    /// none, 10 s and 1 s of waiting, one unit at a time; a minute before units are added, its window of 5 minutes before
    /// they are taken away.
    fn default() -> Self {
        let band = |up, down| Band { up, down };
        Self {
            utilisation: band(0.8, 0.2),
            contention: band(5.0, 0.0),
            wait: band(10.0, 1.0),
            up_after: Duration::from_secs(60),
            down_after: Duration::from_secs(300),
            up_by: 1,
            down_by: 1,
            fresh: Duration::from_secs(300),
        }
    }
}

/// What a [`Threshold`] looks at.
#[derive(Clone, Copy, Debug)]
pub struct Signals<'a> {
    /// The load, in units, as every [`Scaler`] reads it.
    pub load: &'a Series,
    /// Contentions a minute, where they are counted.
    pub contention: Option<&'a Series>,
    /// Seconds that requests wait, where it is measured.
    pub wait: Option<&'a Series>,
}

impl<'a> Signals<'a> {
    /// The load alone.
    #[must_use]
    pub const fn of(load: &'a Series) -> Self {
        Self {
            load,
            contention: None,
            wait: None,
        }
    }
}

/// A number of units and what speaks for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Advice {
    /// How many units there should be.
    pub target: u32,
    /// Which metric decided.
    pub trigger: Trigger,
}

/// Adds units after a metric was too high for a while, takes them away after all were low for a while.
///
/// As a [`Scaler`] it knows the load alone; [`Threshold::advise`] weighs contention and waiting too. A metric that is
/// measured but has no samples never adds units and never lets any go.
///
/// Utilisation is the load over the current number of units, for old samples too: after an action the history is judged
/// anew, with the units that are there now. No action takes so many away that the load would be at its upper threshold at
/// once.
/// ```
/// use cloudlot_core::{Timestamp, metrics::Series};
/// use cloudlot_policy::scale::{Scaler, Threshold, ThresholdConfig};
/// use std::time::Duration;
///
/// let scaler = Threshold::new(ThresholdConfig::default())?;
/// let mut load = Series::new();
/// for minute in 0..6 {
///     load.push(Timestamp::ZERO + Duration::from_secs(60 * minute), 3.0)?;
/// }
/// let now = Timestamp::ZERO + Duration::from_secs(300);
/// assert_eq!(scaler.target(&load, 3, now), Some(4)); // 100 %
/// assert_eq!(scaler.target(&load, 5, now), Some(5)); // 60 %, between the thresholds
/// assert_eq!(scaler.target(&load, 15, now), Some(14)); // 20 %
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Threshold(ThresholdConfig);

impl Threshold {
    /// A scaler with these thresholds.
    ///
    /// # Errors
    /// Every threshold that is not a finite number (from zero up; the upper ones above zero), every lower one that is not
    /// below its upper one, a step of no units, and a `fresh` of no time.
    pub fn new(config: ThresholdConfig) -> Result<Self, Faults> {
        let check = config.utilisation.check(Check::default(), "utilisation");
        let check = config.contention.check(check, "contention");
        let check = config.wait.check(check, "wait");
        check
            .some("up_by", config.up_by)
            .some("down_by", config.down_by)
            .some_time("fresh", config.fresh)
            .or(Self(config))
    }

    /// How many units there should be and why, or `None` without a load to go by.
    #[must_use]
    pub fn advise(&self, signals: &Signals<'_>, current: u32, now: Timestamp) -> Option<Advice> {
        let config = &self.0;
        let units = f64::from(current);
        let high = |series: &Series, threshold: f64| {
            lasted(series, now, config.up_after, config.fresh, |value| {
                value > 0.0 && value >= threshold
            })
        };
        let low = |series: &Series, threshold: f64| {
            lasted(series, now, config.down_after, config.fresh, |value| {
                value <= threshold
            })
        };
        let others = [
            (signals.contention, config.contention, Trigger::Contention),
            (signals.wait, config.wait, Trigger::Wait),
        ];

        let busy = high(signals.load, config.utilisation.up * units)?;
        let waiting = others
            .iter()
            .find(|(series, band, _)| series.and_then(|series| high(series, band.up)) == Some(true))
            .map(|(_, _, trigger)| *trigger);
        if let Some(trigger) = busy.then_some(Trigger::Utilisation).or(waiting) {
            let target = current.saturating_add(config.up_by);
            return Some(Advice { target, trigger });
        }

        let idle = low(signals.load, config.utilisation.down * units)?;
        let quiet = others.iter().all(|(series, band, _)| {
            series.is_none_or(|series| low(series, band.down) == Some(true))
        });
        let target = if idle && quiet {
            self.fewer(signals.load, current, now)
        } else {
            current
        };
        let trigger = Trigger::Utilisation;
        Some(Advice { target, trigger })
    }

    /// Fewer units by one action, but enough that the load stays below its upper threshold.
    fn fewer(&self, load: &Series, current: u32, now: Timestamp) -> u32 {
        let config = &self.0;
        let samples = unbroken(load, now, config.fresh);
        let recent = samples
            .enumerate()
            .take_while(|(n, (at, _))| *n == 0 || now.since(*at) <= config.down_after);
        let load = recent.map(|(_, (_, load))| load).fold(0.0, f64::max);
        let full = units(load, config.utilisation.up);
        // At exactly the threshold it would be one unit more again.
        let at_threshold = load > 0.0 && f64::from(full) * config.utilisation.up <= load;
        let enough = full.saturating_add(u32::from(at_threshold));
        current
            .saturating_sub(config.down_by)
            .max(enough)
            .min(current)
    }
}

impl Scaler for Threshold {
    fn target(&self, history: &Series, current: u32, now: Timestamp) -> Option<u32> {
        let advice = self.advise(&Signals::of(history), current, now)?;
        Some(advice.target)
    }
}
