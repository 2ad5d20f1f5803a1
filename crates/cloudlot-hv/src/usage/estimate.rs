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
    /// A strange sample that waits for the next one to tell what it is.
    held: Option<f64>,
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
        self.samples = self.samples.saturating_add(1);
        let strange = (value - self.mean).abs() > self.change_limit(value, config);
        self.strange = if strange { self.strange + 1 } else { 0 };
        if strange && self.strange >= config.change_samples {
            // The sample before may belong to the new load already.
            if is_apart(value, last, config) {
                self.restart(value, 1, resolution);
            } else {
                self.restart(f64::midpoint(value, last), 2, resolution);
            }
            return;
        }
        // A strange sample is a spike or the first of a new load: the next one tells, so until
        // then it moves nothing.
        if let Some(held) = self.held.take() {
            self.blend(held, resolution, config);
        }
        if strange {
            self.held = Some(value);
        } else {
            self.blend(value, resolution, config);
        }
    }

    /// Lets a sample of the same load count.
    fn blend(&mut self, value: f64, resolution: f64, config: &EstimateConfig) {
        let count = f64::from(self.samples);
        let weight = if config.plain_start {
            config.alpha.max(1.0 / count)
        } else {
            config.alpha
        };
        let spread = config
            .variance_alpha
            .max(1.0 / (count + NOISE_PRIOR_SAMPLES - 1.0));
        let deviation = value - self.mean;
        // A spike must not pass for noise in full, or a new load would not stand out any more.
        let limit = self.change_limit(value, config);
        let noise = deviation.clamp(-limit, limit);
        self.variance += spread * (noise * noise - self.variance);
        self.variance = self.variance.max(resolution);
        self.product += spread * (noise * self.deviation - self.product);
        self.deviation = noise;
        self.mean += weight * deviation;
    }

    /// How far from the mean a sample may be that belongs to the same load.
    fn change_limit(&self, value: f64, config: &EstimateConfig) -> f64 {
        let noise = config.change_deviations * self.variance.sqrt();
        let part = config.change_part * value.max(self.mean);
        config.change_cores.max(part).max(noise)
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
            held: None,
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
