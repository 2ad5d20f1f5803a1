//! When an imbalance is real: it must stand out from the noise of its own measurement.

use super::board::{deviation, mean};

/// A spread of loads and how uncertain single samples make it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Noisy {
    pub(super) value: f64,
    pub(super) deviation: f64,
}

/// The population standard deviation of loads, and its own standard deviation.
///
/// Source: first-order propagation; the derivative of the deviation by one load is
/// `(load - mean) / (m × deviation)`. Where the deviation is zero it cannot fall, and its slope
/// along any one load is at most `1/√m`.
pub(super) fn spread(loads: &[f64], variances: &[f64]) -> Noisy {
    let (mean, value) = (mean(loads), deviation(loads));
    let count = loads.len().max(1) as f64;
    let slope = |load: &f64| {
        if value > 0.0 {
            (load - mean) / (count * value)
        } else {
            1.0 / count
        }
    };
    let variance: f64 = loads
        .iter()
        .zip(variances)
        .map(|(load, var)| slope(load).powi(2) * var)
        .sum();
    Noisy {
        value,
        deviation: variance.sqrt(),
    }
}
