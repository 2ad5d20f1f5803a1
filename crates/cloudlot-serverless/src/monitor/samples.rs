//! Numbers at even intervals, checked once: what patterns, anomalies and forecasts are read from.

use std::time::Duration;

/// Amounts at even intervals, oldest first: calls in each minute, as a rule.
///
/// All are finite, from zero up and at most [`Samples::MOST`], so that no sum of their squares overflows.
/// ```
/// use cloudlot_serverless::monitor::Samples;
/// use std::time::Duration;
///
/// let hours = Samples::new(Duration::from_secs(3600), vec![1.0, 2.0, 3.0])?;
/// assert_eq!(hours.lag(Duration::from_secs(86_400)), Some(24));
/// // Half an hour is no whole number of hours.
/// assert_eq!(hours.lag(Duration::from_secs(1800)), None);
/// assert!(Samples::new(Duration::from_secs(60), vec![f64::NAN]).is_err());
/// # Ok::<(), cloudlot_serverless::monitor::SamplesError>(())
/// ```
#[derive(Clone, PartialEq, Debug)]
pub struct Samples {
    interval: Duration,
    values: Vec<f64>,
}

/// Why numbers are no samples.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum SamplesError {
    /// Between one and the next no time passes.
    #[error("the interval is zero")]
    NoInterval,
    /// One is NaN or infinite.
    #[error("sample {place} is {value}, not a finite number")]
    NotFinite {
        /// Which, counted from zero.
        place: usize,
        /// The number.
        value: f64,
    },
    /// One is out of range.
    #[error("sample {place} is {value}, not between 0 and {}", Samples::MOST)]
    Range {
        /// Which, counted from zero.
        place: usize,
        /// The number.
        value: f64,
    },
}

impl Samples {
    /// The largest sample.
    pub const MOST: f64 = 1e15;

    /// These values, one after each interval.
    ///
    /// # Errors
    /// If the interval is zero, or a value is NaN, infinite, negative or above [`Samples::MOST`].
    pub fn new(interval: Duration, values: Vec<f64>) -> Result<Self, SamplesError> {
        if interval.is_zero() {
            return Err(SamplesError::NoInterval);
        }
        for (place, &value) in values.iter().enumerate() {
            if !value.is_finite() {
                return Err(SamplesError::NotFinite { place, value });
            }
            if !(0.0..=Self::MOST).contains(&value) {
                return Err(SamplesError::Range { place, value });
            }
        }
        Ok(Self { interval, values })
    }

    /// From one sample to the next.
    #[must_use]
    pub const fn interval(&self) -> Duration {
        self.interval
    }

    /// All of them, oldest first.
    #[must_use]
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// How many samples a period has; nothing if that is no whole number or less than two.
    #[must_use]
    pub fn lag(&self, period: Duration) -> Option<usize> {
        let (period, interval) = (period.as_nanos(), self.interval.as_nanos());
        let whole = period.is_multiple_of(interval);
        let lag = usize::try_from(period / interval).ok()?;
        (whole && lag >= 2).then_some(lag)
    }

    /// How long so many samples take; saturates.
    #[must_use]
    pub fn period(&self, lag: usize) -> Duration {
        let lag = u32::try_from(lag).unwrap_or(u32::MAX);
        self.interval.saturating_mul(lag)
    }
}
