//! How long requests wait.

use std::time::Duration;

use super::{Percentile, Series, Sketch, SketchError};
use crate::Timestamp;

/// How long requests waited, in seconds: the recent ones exactly, all of them as a sketch.
/// ```
/// # use cloudlot_core::{Timestamp, metrics::WaitTimes};
/// # use std::time::Duration;
/// let mut waits = WaitTimes::new();
/// waits.record(Timestamp::ZERO, Duration::from_millis(250));
/// assert_eq!(waits.summary().p99, 0.25);
/// ```
#[derive(Clone, PartialEq, Debug, Default)]
pub struct WaitTimes {
    recent: Series,
    all: Sketch,
}

impl WaitTimes {
    /// Nobody waited yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A request that was served at `at` had waited this long. A report out of order enters the
    /// sketch alone; the series counts it as refused.
    pub fn record(&mut self, at: Timestamp, waited: Duration) {
        let seconds = waited.as_secs_f64();
        let _out_of_order = self.recent.push(at, seconds);
        let entered: Result<(), SketchError> = self.all.record(seconds);
        debug_assert!(
            entered.is_ok(),
            "a duration is a finite number from zero up"
        );
    }

    /// The last waits, in seconds, by the time they ended.
    #[must_use]
    pub const fn recent(&self) -> &Series {
        &self.recent
    }

    /// All waits, in seconds.
    #[must_use]
    pub const fn all(&self) -> &Sketch {
        &self.all
    }

    /// All waits in a few numbers.
    #[must_use]
    pub fn summary(&self) -> WaitSummary {
        WaitSummary::of(&self.all)
    }
}

/// Waits in a few numbers, in seconds; zeros when nobody waited.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct WaitSummary {
    /// How many requests waited and were served, those served at once among them.
    pub count: u64,
    /// The mean.
    pub mean: f64,
    /// The median.
    pub p50: f64,
    /// 90 of 100 waited no longer.
    pub p90: f64,
    /// 95 of 100 waited no longer.
    pub p95: f64,
    /// 99 of 100 waited no longer.
    pub p99: f64,
    /// The longest.
    pub max: f64,
}

impl WaitSummary {
    /// From a sketch of seconds, with its [bound](Sketch::relative_error).
    #[must_use]
    pub fn of(waits: &Sketch) -> Self {
        let at = |p| waits.percentile(p).unwrap_or(0.0);
        Self {
            count: waits.count(),
            mean: waits.mean().unwrap_or(0.0),
            p50: at(Percentile::P50),
            p90: at(Percentile::P90),
            p95: at(Percentile::P95),
            p99: at(Percentile::P99),
            max: at(Percentile::MAX),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_out_of_order_still_counts() {
        let mut waits = WaitTimes::new();
        waits.record(Timestamp::from_nanos(9), Duration::from_secs(1));
        waits.record(Timestamp::from_nanos(8), Duration::MAX);
        assert_eq!((waits.recent().len(), waits.recent().refused()), (1, 1));
        assert_eq!(waits.summary().count, 2);
        assert_eq!(waits.summary().max, Duration::MAX.as_secs_f64());
    }

    #[test]
    fn nobody_waited_for_zero_seconds() {
        assert_eq!(WaitTimes::new().summary(), WaitSummary::default());
    }
}
