//! How long something takes, as a distribution in whole nanoseconds.

use std::time::Duration;

use cloudlot_core::metrics::Percentile;

use crate::chance::{Chance, normal_quantile};

/// A distribution of times. A draw is its quantile at a uniform number, so that of two distributions with the same number the one that
/// is longer everywhere gives the longer time.
/// ```
/// use cloudlot_serverless::start::Delay;
/// use std::time::Duration;
///
/// let pull = Delay::LogNormal { median: Duration::from_millis(100), p99: Duration::from_secs(2) };
/// assert_eq!(pull.check(), Ok(()));
/// assert_eq!(pull.at(0.5), Duration::from_millis(100));
/// let p99 = pull.at(0.99).as_secs_f64();
/// assert!((p99 - 2.0).abs() < 1e-6, "{p99}");
/// ```
#[derive(Clone, PartialEq, Debug)]
pub enum Delay {
    /// Always the same.
    Fixed(Duration),
    /// Anything in a range, equally often.
    Uniform {
        /// The shortest.
        from: Duration,
        /// The longest.
        to: Duration,
    },
    /// Without memory.
    Exponential {
        /// On average.
        mean: Duration,
    },
    /// The logarithm is normal: a long tail.
    LogNormal {
        /// Half take no longer; above zero.
        median: Duration,
        /// 99 of 100 take no longer.
        p99: Duration,
    },
    /// What was measured, with straight lines in between; constant before the first point and after the last.
    Empirical(Vec<(Percentile, Duration)>),
}

/// Why a distribution is none.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum DelayError {
    /// A time is too long to be meant.
    #[error("{0:?} is longer than a day")]
    TooLong(Duration),
    /// Two times that belong together are in the wrong order.
    #[error("{0:?} comes before {1:?} and is longer")]
    Falls(Duration, Duration),
    /// A median of zero has no logarithm.
    #[error("a log-normal time has a median of zero")]
    NoMedian,
    /// Nothing was measured.
    #[error("an empirical time has no points")]
    NoPoints,
    /// Two points of one percentile, or in the wrong order.
    #[error("percentile {0} comes before percentile {1}")]
    Unordered(f64, f64),
}

impl Delay {
    /// No time at all.
    pub const NONE: Self = Self::Fixed(Duration::ZERO);

    /// No draw is longer: a day.
    pub const LONGEST: Duration = Duration::from_secs(86_400);

    /// Says what is wrong with it.
    ///
    /// # Errors
    /// If a time is longer than [`LONGEST`](Self::LONGEST), if times or percentiles are not in order, or if something is missing.
    pub fn check(&self) -> Result<(), DelayError> {
        match self {
            &Self::Fixed(time) | &Self::Exponential { mean: time } => short(time),
            &Self::Uniform { from, to } => rising(from, to),
            Self::LogNormal { median, .. } if median.is_zero() => Err(DelayError::NoMedian),
            &Self::LogNormal { median, p99 } => rising(median, p99),
            Self::Empirical(points) => {
                let &(_, last) = points.last().ok_or(DelayError::NoPoints)?;
                for pair in points.windows(2) {
                    let (before, after) = (pair[0], pair[1]);
                    if before.0.get() >= after.0.get() {
                        return Err(DelayError::Unordered(before.0.get(), after.0.get()));
                    }
                    rising(before.1, after.1)?;
                }
                short(last)
            }
        }
    }

    /// The time that the share `p` does not exceed, to the nearest nanosecond; `p` is taken into [0, 1]. Never longer than
    /// [`LONGEST`](Self::LONGEST).
    #[must_use]
    pub fn at(&self, p: f64) -> Duration {
        let p = p.clamp(0.0, 1.0);
        match self {
            &Self::Fixed(time) => time.min(Self::LONGEST),
            &Self::Uniform { from, to } => between(from, to, p),
            &Self::Exponential { mean } => capped(-nanos(mean) * libm::log(1.0 - p)),
            &Self::LogNormal { median, p99 } => {
                capped(nanos(median) * libm::exp(sigma(median, p99) * normal_quantile(p)))
            }
            Self::Empirical(points) => measured(points, 100.0 * p),
        }
    }

    /// On average, if nothing were cut off at [`LONGEST`](Self::LONGEST).
    #[must_use]
    pub fn mean(&self) -> Duration {
        match self {
            &Self::Fixed(time) | &Self::Exponential { mean: time } => time,
            &Self::Uniform { from, to } => between(from, to, 0.5),
            &Self::LogNormal { median, p99 } => {
                let sigma = sigma(median, p99);
                capped(nanos(median) * libm::exp(sigma * sigma / 2.0))
            }
            Self::Empirical(points) => {
                let ends = points.first().zip(points.last());
                let (first, last) = ends.map_or((0.0, 0.0), |(&(low, first), &(high, last))| {
                    (low.get() * nanos(first), (100.0 - high.get()) * nanos(last))
                });
                let middle = points.windows(2).map(|pair| {
                    let ((low, from), (high, to)) = (pair[0], pair[1]);
                    (high.get() - low.get()) * (nanos(from) + nanos(to)) / 2.0
                });
                capped((first + last + middle.sum::<f64>()) / 100.0)
            }
        }
    }

    /// One time.
    pub(crate) fn draw(&self, chance: &mut Chance) -> Duration {
        let p = chance.unit();
        self.at(p)
    }
}

fn short(time: Duration) -> Result<(), DelayError> {
    if time > Delay::LONGEST {
        return Err(DelayError::TooLong(time));
    }
    Ok(())
}

fn rising(before: Duration, after: Duration) -> Result<(), DelayError> {
    if before > after {
        return Err(DelayError::Falls(before, after));
    }
    short(after)
}

/// Of the logarithm. The divisor is the 99th percentile of the standard normal.
fn sigma(median: Duration, p99: Duration) -> f64 {
    libm::log(nanos(p99) / nanos(median)) / 2.326_347_874_040_841
}

fn between(from: Duration, to: Duration, part: f64) -> Duration {
    let (from, to) = (nanos(from), nanos(to));
    capped(from + (to - from) * part)
}

fn measured(points: &[(Percentile, Duration)], percentile: f64) -> Duration {
    let next = points.partition_point(|point| point.0.get() <= percentile);
    let before = next.checked_sub(1).and_then(|place| points.get(place));
    match (before, points.get(next)) {
        (Some(&(low, from)), Some(&(high, to))) => {
            let part = (percentile - low.get()) / (high.get() - low.get());
            between(from, to, part)
        }
        (Some(&(_, time)), None) | (None, Some(&(_, time))) => time.min(Delay::LONGEST),
        (None, None) => Duration::ZERO,
    }
}

/// So many times longer, capped.
pub(super) fn scaled(time: Duration, factor: f64) -> Duration {
    capped(nanos(time) * factor)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a day has fewer nanoseconds than a double has whole numbers"
)]
fn nanos(time: Duration) -> f64 {
    time.min(Delay::LONGEST).as_nanos() as f64
}

/// A time from zero to the longest, to the nearest nanosecond.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the number is whole and between zero and a day"
)]
pub(super) fn capped(nanos: f64) -> Duration {
    let longest = 86_400e9;
    // Zero times infinity: a mean of zero at its very end, or a distribution that was not checked.
    let whole = if nanos.is_nan() {
        0.0
    } else {
        libm::round(nanos.clamp(0.0, longest))
    };
    Duration::from_nanos(whole as u64)
}
