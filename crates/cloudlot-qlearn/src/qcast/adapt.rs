//! Rates that really adapt: a step size that follows the errors, and exploration that follows what is
//! not known.

use serde::{Deserialize, Serialize};

/// A step size that is low while errors are noise, and rises when they agree.
///
/// Its signal is the moving average of the errors over the moving average of their sizes: near zero
/// when they cancel, one when all point the same way. Errors are taken before the update.
///
/// Source: Trigg and Leach, "Exponential Smoothing with an Adaptive Response Rate" (1967).
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdaptiveStep {
    /// What the newest error weighs in both averages, in (0, 1].
    pub weight: f64,
    /// The step size at a signal of zero, in (0, `most`].
    pub least: f64,
    /// The step size at a signal of one, at most 1.
    pub most: f64,
}

/// The moving averages of an [`AdaptiveStep`].
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErrorSignal {
    mean: f64,
    size: f64,
}

impl AdaptiveStep {
    pub(super) fn is_legal(&self) -> bool {
        let ordered = 0.0 < self.least && self.least <= self.most && self.most <= 1.0;
        ordered && self.weight > 0.0 && self.weight <= 1.0
    }

    /// The step size at a signal.
    ///
    /// ```
    /// # use cloudlot_qlearn::qcast::AdaptiveStep;
    /// let adaptive = AdaptiveStep { weight: 0.1, least: 0.1, most: 0.5 };
    /// assert_eq!([0.0, 0.5, 1.0].map(|signal| adaptive.at(signal)), [0.1, 0.2, 0.5]);
    /// ```
    ///
    /// The signal counts squared: independent errors leave about `√(weight / 2)` of it, which is not
    /// to be taken for agreement.
    #[must_use]
    pub fn at(&self, signal: f64) -> f64 {
        self.least + (self.most - self.least) * signal * signal
    }
}

impl ErrorSignal {
    /// How much the errors agree, in [0, 1]; one before the first.
    #[must_use]
    pub fn agreement(&self) -> f64 {
        if self.size > 0.0 {
            (self.mean.abs() / self.size).min(1.0)
        } else {
            1.0
        }
    }

    pub(super) fn watch(&mut self, adaptive: &AdaptiveStep, td_error: f64) {
        self.mean += adaptive.weight * (td_error - self.mean);
        self.size += adaptive.weight * (td_error.abs() - self.size);
    }
}

/// ε, larger by up to `1 + boost` times where the least tried action is hardly known:
/// `ε · (1 + boost / √(1 + visits))`, at most 1.
///
/// It is the visits that tell what is not known. The spread of the values does not: it stays.
///
/// ```
/// # use cloudlot_qlearn::qcast::boosted;
/// assert_eq!(boosted(0.1, 1.0, 0), 0.2);
/// assert!(boosted(0.01, 1.0, 10_000) < 0.01 * 1.011);
/// assert_eq!(boosted(0.8, 1.0, 0), 1.0);
/// ```
#[must_use]
pub fn boosted(epsilon: f64, boost: f64, visits: u32) -> f64 {
    (epsilon * (1.0 + boost / (1.0 + f64::from(visits)).sqrt())).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{stream, unit};

    const ADAPTIVE: AdaptiveStep = AdaptiveStep {
        weight: 0.05,
        least: 0.01,
        most: 0.5,
    };

    #[test]
    fn noise_lowers_the_step_and_drift_raises_it() {
        let (mut signal, mut rng) = (ErrorSignal::default(), stream(1, 0));
        assert_eq!(ADAPTIVE.at(signal.agreement()), 0.5);
        let mut steps = Vec::new();
        for drift in [0.0, 2.0, 0.0, -2.0] {
            for _ in 0..400 {
                signal.watch(&ADAPTIVE, drift + unit(&mut rng) - 0.5);
            }
            steps.push(ADAPTIVE.at(signal.agreement()));
        }
        assert!(steps[0] < 0.1 && steps[2] < 0.1, "{steps:?}");
        assert!(steps[1] > 0.45 && steps[3] > 0.45, "{steps:?}");
    }
}
