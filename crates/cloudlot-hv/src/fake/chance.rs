//! Seeded chance for the simulation: a few plain draws that give the same bits on every machine.

use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

/// One stream of chance, for one purpose.
#[derive(Clone, Debug)]
pub(super) struct Chance(Xoshiro256PlusPlus);

impl Chance {
    pub(super) fn new(seed: u64) -> Self {
        Self(Xoshiro256PlusPlus::seed_from_u64(seed))
    }

    /// Uniform in [0, 1).
    pub(super) fn unit(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Uniform in [`low`, `high`).
    pub(super) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// One of `0..n`, by a bias far below what a simulation could notice; 0 if there is none.
    pub(super) fn below(&mut self, n: usize) -> usize {
        let drawn = (u128::from(self.0.next_u64()) * n as u128) >> 64;
        usize::try_from(drawn).unwrap_or(0)
    }

    /// Normal with mean 0 and deviation 1, as the sum of twelve uniform draws (bounded by ±6):
    /// only additions, so that no machine's `ln` or `cos` can change a run.
    pub(super) fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.unit()).sum::<f64>() - 6.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_have_the_promised_range_and_moments() {
        let mut chance = Chance::new(1);
        let drawn: Vec<f64> = (0..20_000).map(|_| chance.normal()).collect();
        let mean = drawn.iter().sum::<f64>() / 20_000.0;
        let variance = drawn.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 20_000.0;
        assert!(mean.abs() < 0.03, "{mean}");
        assert!((variance - 1.0).abs() < 0.05, "{variance}");
        assert!((0..1000).all(|_| (2.0..3.0).contains(&chance.between(2.0, 3.0))));
        assert!((0..1000).all(|_| chance.below(3) < 3));
        assert!((0..3).all(|n| (0..100).any(|_| chance.below(3) == n)));
        assert_eq!(chance.below(0), 0);
    }
}
