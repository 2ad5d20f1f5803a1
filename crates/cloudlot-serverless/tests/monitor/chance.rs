//! Numbers out of a seed.

use cloudlot_core::Seeds;
use cloudlot_serverless::monitor::Samples;
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};
use std::time::Duration;

pub(crate) const MINUTE: Duration = Duration::from_secs(60);
pub(crate) const HOUR: Duration = Duration::from_secs(3600);

pub(crate) struct Chance(Xoshiro256PlusPlus);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Xoshiro256PlusPlus::seed_from_u64(
            Seeds::new(seed).stream("monitor"),
        ))
    }

    /// In [0, 1).
    pub(crate) fn unit(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// About normal with mean zero and variance one: the sum of twelve.
    pub(crate) fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.unit()).sum::<f64>() - 6.0
    }

    /// A Poisson number: arrivals of rate `mean` until time one.
    pub(crate) fn poisson(&mut self, mean: f64) -> f64 {
        let (mut time, mut count) = (0.0, 0.0);
        loop {
            time -= (1.0 - self.unit()).ln() / mean.max(1e-12);
            if time > 1.0 {
                return count;
            }
            count += 1.0;
        }
    }
}

pub(crate) fn samples(interval: Duration, values: impl IntoIterator<Item = f64>) -> Samples {
    let values = values.into_iter().map(|value| value.max(0.0)).collect();
    Samples::new(interval, values).unwrap()
}
