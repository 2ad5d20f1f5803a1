//! When to stop believing what was learned: errors that grow.

use serde::{Deserialize, Serialize};

use super::SafetyError;

/// What the average error is held against.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DriftLimit {
    /// So many standard deviations of the moving average above the mean of the calibration.
    ///
    /// Source: the EWMA control chart, Roberts (1959).
    Sigmas(f64),
    /// So many times the mean of the calibration.
    Ratio(f64),
}

/// The drift switch: a moving average of |TD error| against its calibration.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Drift {
    /// What the newest error weighs in the moving average, in (0, 1].
    pub weight: f64,
    /// How many errors to pass over first: learning begins with large ones.
    pub warm_up: u32,
    /// How many errors to calibrate on after that; at least 2.
    pub calibration: u32,
    /// What is too much.
    pub limit: DriftLimit,
    /// How far the average may lie above the mean of the calibration in any case, in units of reward.
    pub tolerance: f64,
}

impl Default for Drift {
    /// Eight sigmas of an average over about a hundred errors, calibrated on 500 after 500.
    fn default() -> Self {
        Self {
            weight: 0.02,
            warm_up: 500,
            calibration: 500,
            limit: DriftLimit::Sigmas(8.0),
            tolerance: 1e-6,
        }
    }
}

/// What the drift switch has seen.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DriftGauge {
    /// How many errors it saw, until it is calibrated.
    seen: u64,
    /// The mean of the calibration.
    mean: f64,
    /// The sum of squared distances from it.
    squares: f64,
    /// The moving average.
    average: f64,
    fired: bool,
}

/// The largest error that is told from others: its square stays finite.
const ERROR_MAX: f64 = 1e100;

impl Drift {
    pub(super) fn check(&self) -> Result<(), SafetyError> {
        if !(self.weight > 0.0 && self.weight <= 1.0) {
            return Err(SafetyError::Weight(self.weight));
        }
        if self.calibration < 2 {
            return Err(SafetyError::Calibration(self.calibration));
        }
        let (DriftLimit::Sigmas(limit) | DriftLimit::Ratio(limit)) = self.limit;
        for number in [limit, self.tolerance] {
            if !(number >= 0.0 && number.is_finite()) {
                return Err(SafetyError::Limit(number));
            }
        }
        Ok(())
    }
}

impl DriftGauge {
    /// Whether the switch has fired; it stays so until the guard is reset.
    #[must_use]
    pub const fn has_fired(&self) -> bool {
        self.fired
    }

    /// The moving average of |TD error|; nothing before the calibration has begun.
    #[must_use]
    pub fn average(&self, drift: &Drift) -> Option<f64> {
        (self.seen > u64::from(drift.warm_up)).then_some(self.average)
    }

    /// What the average must not exceed; nothing before the calibration is done.
    #[must_use]
    pub fn limit(&self, drift: &Drift) -> Option<f64> {
        let calibrated = u64::from(drift.warm_up) + u64::from(drift.calibration);
        if self.seen < calibrated {
            return None;
        }
        let limit = match drift.limit {
            DriftLimit::Ratio(ratio) => self.mean * ratio,
            DriftLimit::Sigmas(sigmas) => {
                let variance = self.squares / f64::from(drift.calibration - 1);
                let narrowing = drift.weight / (2.0 - drift.weight);
                self.mean + sigmas * (variance * narrowing).sqrt()
            }
        };
        Some(limit.max(self.mean + drift.tolerance))
    }

    /// Looks at an error. One that is no number fires at once.
    pub(super) fn watch(&mut self, drift: &Drift, td_error: f64) {
        if !td_error.is_finite() || !self.average.is_finite() {
            self.fired = true;
        }
        if self.fired {
            return;
        }
        let error = td_error.abs().min(ERROR_MAX);
        if let Some(limit) = self.limit(drift) {
            self.average += drift.weight * (error - self.average);
            // A limit that is no number, out of a damaged file, is not passed by either.
            self.fired = !matches!(
                self.average.partial_cmp(&limit),
                Some(std::cmp::Ordering::Less | std::cmp::Ordering::Equal)
            );
            return;
        }
        self.seen = self.seen.saturating_add(1);
        if let Some(count) = self.seen.checked_sub(u64::from(drift.warm_up))
            && count > 0
        {
            let before = error - self.mean;
            self.mean += before / crate::schedule::real(count);
            self.squares += before * (error - self.mean);
            self.average = self.mean;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{stream, unit};

    fn calibrated(drift: &Drift) -> DriftGauge {
        let (mut gauge, mut rng) = (DriftGauge::default(), stream(1, 0));
        for _ in 0..1000 {
            gauge.watch(drift, unit(&mut rng) - 0.5);
        }
        gauge
    }

    #[test]
    fn the_reference_is_the_mean_and_the_spread_of_the_calibration() {
        let drift = Drift::default();
        let gauge = calibrated(&drift);
        // |u - 1/2| is uniform on [0, 1/2]: mean 1/4, variance 1/48.
        let expected = 0.25 + 8.0 * (0.02 / 1.98 / 48.0_f64).sqrt();
        assert!((gauge.limit(&drift).unwrap() - expected).abs() < 0.02);
        assert!(!gauge.has_fired());
    }

    #[test]
    fn what_is_no_number_fires() {
        for error in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let mut gauge = DriftGauge::default();
            gauge.watch(&Drift::default(), error);
            assert!(gauge.has_fired());
        }
    }

    #[test]
    fn errors_of_any_size_leave_numbers() {
        let drift = Drift {
            warm_up: 0,
            calibration: 2,
            ..Drift::default()
        };
        let mut gauge = DriftGauge::default();
        for error in [1e150, 0.0, 1e150, 1e-300] {
            gauge.watch(&drift, error);
            assert!(gauge.limit(&drift).is_none_or(f64::is_finite));
        }
    }

    #[test]
    fn a_calibration_without_spread_tolerates_crumbs() {
        let drift = Drift::default();
        let mut gauge = DriftGauge::default();
        for _ in 0..2000 {
            gauge.watch(&drift, 0.0);
        }
        gauge.watch(&drift, 1e-7);
        assert!(!gauge.has_fired());
        gauge.watch(&drift, 1.0);
        assert!(gauge.has_fired(), "and it stays");
        gauge.watch(&drift, 0.0);
        assert!(gauge.has_fired());
    }
}
