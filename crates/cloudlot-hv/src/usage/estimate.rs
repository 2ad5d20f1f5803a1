//! Many noisy rates, one estimate: a running mean and variance that start anew when the load changes.
//!
//! Source: exponentially weighted mean and variance with a change-point reset; where the figures
//! come from is said at the profiles that set them.

use std::time::Duration;

/// How samples become an estimate.
#[derive(Clone, PartialEq, Debug)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(deny_unknown_fields)
)]
pub struct EstimateConfig {
    /// Least weight of a new sample in the mean, in (0, 1].
    pub alpha: f64,
    /// The first samples weigh 1/1, 1/2, 1/3, … until that falls to `alpha`: a plain mean.
    pub plain_start: bool,
    /// Weight of a new squared deviation in the variance, in (0, 1].
    pub variance_alpha: f64,
    /// A sample further from the mean than this many cores, …
    pub change_cores: f64,
    /// … than this part of the larger of both, …
    pub change_part: f64,
    /// … and than this many standard deviations speaks of a change.
    pub change_deviations: f64,
    /// After so many such samples in a row the estimate starts anew from the last one.
    pub change_samples: u32,
}

/// A running mean and variance that starts anew when the load changes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Estimate {
    pub(super) mean: f64,
    pub(super) variance: f64,
    /// Mean product of successive deviations.
    product: f64,
    deviation: f64,
    last: f64,
    pub(super) samples: u32,
    strange: u32,
}

/// Assumed noise of a load before any is measured, as a part of it, and the number of samples
/// that this assumption counts for.
const NOISE_PRIOR: f64 = 0.03;
const NOISE_PRIOR_SAMPLES: f64 = 3.0;
/// Correlation assumed before any is measured.
const CORRELATION_PRIOR: f64 = 0.5;

impl Estimate {
    pub(super) fn add(&mut self, value: f64, resolution: f64, config: &EstimateConfig) {
        let last = std::mem::replace(&mut self.last, value);
        if self.samples == 0 {
            self.restart(value, 1, resolution);
            return;
        }
        let deviation = value - self.mean;
        let strange = is_apart(value, self.mean, config)
            && deviation.abs() > config.change_deviations * self.variance.sqrt();
        self.strange = if strange { self.strange + 1 } else { 0 };
        if strange && self.strange >= config.change_samples {
            // The sample before may belong to the new load already.
            if !is_apart(value, last, config) {
                self.restart(f64::midpoint(value, last), 2, resolution);
            } else {
                self.restart(value, 1, resolution);
            }
            return;
        }
        self.samples = self.samples.saturating_add(1);
        let count = f64::from(self.samples);
        let weight = if config.plain_start {
            config.alpha.max(1.0 / count)
        } else {
            config.alpha
        };
        let spread = config
            .variance_alpha
            .max(1.0 / (count + NOISE_PRIOR_SAMPLES - 1.0));
        self.variance += spread * (deviation * deviation - self.variance);
        self.variance = self.variance.max(resolution);
        self.product += spread * (deviation * self.deviation - self.product);
        self.deviation = deviation;
        self.mean += weight * deviation;
    }

    fn restart(&mut self, mean: f64, samples: u32, resolution: f64) {
        let prior = NOISE_PRIOR * mean;
        let variance = resolution + prior * prior;
        *self = Self {
            mean,
            variance,
            product: CORRELATION_PRIOR * variance,
            deviation: 0.0,
            samples,
            strange: 0,
            last: self.last,
        };
    }

    pub(super) fn correlation(&self) -> f64 {
        if self.variance > 0.0 {
            (self.product / self.variance).clamp(0.0, 0.95)
        } else {
            0.0
        }
    }
}

/// Whether two samples are too far apart to be of the same load.
fn is_apart(a: f64, b: f64, config: &EstimateConfig) -> bool {
    let off = (a - b).abs();
    off > config.change_cores && off > config.change_part * a.max(b)
}

/// Variance of a rate whose counter moves in steps of 10 ms: the difference of two uniform
/// rounding errors.
pub(super) fn resolution(elapsed: Option<Duration>) -> f64 {
    let step = elapsed.map_or(0.0, |elapsed| 0.010 / elapsed.as_secs_f64().max(0.010));
    step * step / 6.0
}
