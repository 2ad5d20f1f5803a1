//! Chance: one portable generator, and the draws that the workloads need.

use cloudlot_core::Seeds;
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

/// A stream of draws.
///
/// Source of the generator: Blackman and Vigna, "Scrambled Linear Pseudorandom Number Generators" (2021).
#[derive(Clone, Debug)]
pub(crate) struct Chance(Xoshiro256PlusPlus);

impl Chance {
    /// The stream for one purpose.
    pub(crate) fn new(seeds: Seeds, purpose: &str) -> Self {
        Self(Xoshiro256PlusPlus::seed_from_u64(seeds.stream(purpose)))
    }

    /// A number in [0, 1), in steps of 2⁻⁵³.
    pub(crate) fn unit(&mut self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "53 bits fit a double exactly")]
        let bits = (self.0.next_u64() >> 11) as f64;
        bits * (1.0 / 9_007_199_254_740_992.0)
    }

    /// A whole number in [0, `count`); zero for an empty range. No number is preferred by more than 2⁻³².
    pub(crate) fn below(&mut self, count: u32) -> u32 {
        let wide = (self.0.next_u64() >> 32) * u64::from(count);
        u32::try_from(wide >> 32).unwrap_or(u32::MAX)
    }

    /// An exponential number of mean one.
    pub(crate) fn exponential(&mut self) -> f64 {
        -libm::log(1.0 - self.unit())
    }

    /// A normal number of mean zero and variance one.
    ///
    /// Source: Box and Muller (1958); the second of the pair is thrown away.
    pub(crate) fn normal(&mut self) -> f64 {
        let radius = libm::sqrt(2.0 * self.exponential());
        radius * libm::cos(std::f64::consts::TAU * self.unit())
    }

    /// The numbers below `count` in a random order.
    ///
    /// Source: Fisher and Yates, in Durstenfeld's form (1964).
    pub(crate) fn order(&mut self, count: u32) -> Vec<u32> {
        let mut order: Vec<u32> = (0..count).collect();
        for (last, place) in (1..count).rev().zip((1..order.len()).rev()) {
            let other = usize::try_from(self.below(last + 1)).unwrap_or(0);
            order.swap(place, other);
        }
        order
    }

    /// One number in each of `count` equal parts of [0, 1), in a random order: a sample whose shares are those of the
    /// distribution within one part.
    pub(crate) fn strata(&mut self, count: u32) -> Vec<f64> {
        let order = self.order(count);
        let parts = f64::from(count);
        let within = |part: u32| (f64::from(part) + self.unit()) / parts;
        order.into_iter().map(within).collect()
    }
}

/// The number below which a standard normal falls with probability `p`, within 5e-9 relative; `p` is taken into (0, 1).
///
/// Source: Acklam's rational approximation (2003), relative error below 1.15e-9.
pub(crate) fn normal_quantile(p: f64) -> f64 {
    const A: [f64; 6] = [
        -3.969_683_028_665_376e1,
        2.209_460_984_245_205e2,
        -2.759_285_104_469_687e2,
        1.383_577_518_672_69e2,
        -3.066_479_806_614_716e1,
        2.506_628_277_459_239,
    ];
    const B: [f64; 6] = [
        -5.447_609_879_822_406e1,
        1.615_858_368_580_409e2,
        -1.556_989_798_598_866e2,
        6.680_131_188_771_972e1,
        -1.328_068_155_288_572e1,
        1.0,
    ];
    const C: [f64; 6] = [
        -7.784_894_002_430_293e-3,
        -3.223_964_580_411_365e-1,
        -2.400_758_277_161_838,
        -2.549_732_539_343_734,
        4.374_664_141_464_968,
        2.938_163_982_698_783,
    ];
    const D: [f64; 5] = [
        7.784_695_709_041_462e-3,
        3.224_671_290_700_398e-1,
        2.445_134_137_142_996,
        3.754_408_661_907_416,
        1.0,
    ];
    let polynomial = |of: &[f64], x: f64| of.iter().fold(0.0, |sum, part| sum * x + part);
    let p = p.clamp(1e-12, 1.0 - 1e-12);
    let tail = |p: f64| {
        let q = libm::sqrt(-2.0 * libm::log(p));
        polynomial(&C, q) / polynomial(&D, q)
    };
    if p < 0.024_25 {
        tail(p)
    } else if p > 1.0 - 0.024_25 {
        -tail(1.0 - p)
    } else {
        let q = p - 0.5;
        polynomial(&A, q * q) * q / polynomial(&B, q * q)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_of_the_normal_are_those_of_the_tables() {
        for (p, z) in [
            (0.5, 0.0),
            (0.9, 1.281_551_565_5),
            (0.975, 1.959_963_984_5),
            (0.01, -2.326_347_874_0),
            (0.999, 3.090_232_306_2),
        ] {
            assert!(
                (normal_quantile(p) - z).abs() < 1e-7,
                "{p}: {}",
                normal_quantile(p)
            );
        }
    }

    #[test]
    fn draws_have_their_moments() {
        let mut chance = Chance::new(Seeds::new(1), "moments");
        let normal: Vec<f64> = (0..100_000).map(|_| chance.normal()).collect();
        let mean = normal.iter().sum::<f64>() / 1e5;
        let variance = normal.iter().map(|x| x * x).sum::<f64>() / 1e5;
        assert!(
            mean.abs() < 0.015 && (variance - 1.0).abs() < 0.02,
            "{mean} {variance}"
        );
        let exponential = (0..100_000).map(|_| chance.exponential()).sum::<f64>() / 1e5;
        assert!((exponential - 1.0).abs() < 0.015, "{exponential}");
    }

    #[test]
    fn an_order_has_every_number_once_and_strata_every_part() {
        let mut chance = Chance::new(Seeds::new(2), "order");
        for count in [0, 1, 2, 97] {
            let mut order = chance.order(count);
            order.sort_unstable();
            assert!(order.into_iter().eq(0..count));
        }
        let mut strata = chance.strata(10);
        strata.sort_by(f64::total_cmp);
        for (part, number) in (0..).zip(strata) {
            let part = f64::from(part) / 10.0;
            assert!((part..part + 0.1).contains(&number), "{part}: {number}");
        }
    }
}
