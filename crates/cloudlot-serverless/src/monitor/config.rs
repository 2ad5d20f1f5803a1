//! What a monitor keeps and looks at.

use std::time::Duration;

use super::anomaly::Detector;
use super::objective::Objective;
use super::row::Row;

/// What a monitor keeps and looks at.
#[derive(Clone, PartialEq, Debug)]
pub struct MonitorConfig {
    /// The sliding windows of rates, at most [`MonitorConfig::MOST_WINDOWS`].
    pub windows: Vec<Duration>,
    /// What calls are promised.
    pub objective: Objective,
    /// The short intervals: for what happens within hours.
    pub fine: Scale,
    /// The long intervals: for days and weeks.
    pub coarse: Scale,
    /// How long after the end of an interval its calls are taken to be answered. Until then it is in no series.
    pub settle: Duration,
    /// What counts as an anomaly.
    pub detector: Detector,
    /// How many intervals ahead is forecast.
    pub horizons: Vec<usize>,
    /// How many functions there may be: calls of those with higher numbers are only counted. A pointer is kept for each number below the
    /// highest that was seen.
    pub functions: u32,
}

/// Intervals, and how many of them are kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Scale {
    /// How long one is.
    pub interval: Duration,
    /// How many are kept, at most [`MonitorConfig::MOST_INTERVALS`].
    pub kept: usize,
}

/// Why there is no such monitor.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ConfigError {
    /// No time passes in a window or an interval.
    #[error("{0} is zero")]
    NoTime(&'static str),
    /// More than is bearable.
    #[error("{count} {what} are more than {most}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many.
        count: usize,
        /// How many there may be.
        most: usize,
    },
}

impl Default for MonitorConfig {
    /// Rates of a minute and an hour, 99 % within a second, eight hours of minutes and four weeks of hours, a minute to settle, forecasts 1, 6 and 24
    /// intervals ahead, 65,536 functions.
    fn default() -> Self {
        let (minute, hour) = (Duration::from_secs(60), Duration::from_secs(3600));
        Self {
            windows: vec![minute, hour],
            objective: Objective::default(),
            fine: Scale {
                interval: minute,
                kept: 480,
            },
            coarse: Scale {
                interval: hour,
                kept: 672,
            },
            settle: minute,
            detector: Detector::default(),
            horizons: vec![1, 6, 24],
            functions: 1 << 16,
        }
    }
}

/// What a bucket of a sketch takes at most, in bytes: nodes of a tree that are less than half full.
const BUCKET: usize = 48;

impl MonitorConfig {
    /// The most windows.
    pub const MOST_WINDOWS: usize = 16;
    /// The most intervals of one length. Looking for a season takes time in their square.
    pub const MOST_INTERVALS: usize = 10_080;
    /// The most horizons.
    pub const MOST_HORIZONS: usize = 16;

    /// The most bytes that a function takes.
    ///
    /// Half a kilobyte for each of three rates a window, eight bytes an interval, and two sketches. A sketch has a bucket for each of 64
    /// steps of every power of two in which there is a value: 213 for a decade, about 7 kB, and never more than 2,048.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let sketches = 2 * cloudlot_core::metrics::Sketch::MAX_BUCKETS * BUCKET;
        let intervals = 8 * (self.fine.kept + self.coarse.kept);
        size_of::<Row>() + self.windows.len() * Row::WINDOW + intervals + sketches
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let times = self.windows.iter().map(|window| ("a window", *window));
        let intervals = [
            ("a fine interval", self.fine.interval),
            ("a coarse interval", self.coarse.interval),
        ];
        if let Some((what, _)) = times.chain(intervals).find(|(_, time)| time.is_zero()) {
            return Err(ConfigError::NoTime(what));
        }
        let counts = [
            ("windows", self.windows.len(), Self::MOST_WINDOWS),
            ("fine intervals", self.fine.kept, Self::MOST_INTERVALS),
            ("coarse intervals", self.coarse.kept, Self::MOST_INTERVALS),
            ("horizons", self.horizons.len(), Self::MOST_HORIZONS),
        ];
        match counts.into_iter().find(|(_, count, most)| count > most) {
            Some((what, count, most)) => Err(ConfigError::TooMany { what, count, most }),
            None => Ok(()),
        }
    }
}
