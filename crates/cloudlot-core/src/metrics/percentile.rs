//! The word for "the p-th percentile", checked once, and the one rule for its rank.

/// A percentile: a number from 0 to 100.
///
/// Exact and streaming percentiles share one rule, the nearest rank: of `n` values in ascending
/// order the percentile is the value at place `ceil(p × n / 100)`, counted from 1, and the first
/// for `p = 0`. So it is always a value that occurred, for one value as for many; 0 gives the
/// smallest, 100 the largest.
///
/// Source: NIST/SEMATECH e-Handbook of Statistical Methods, percentiles; the nearest-rank method.
/// ```
/// # use cloudlot_core::metrics::Percentile;
/// assert_eq!(Percentile::new(95.0), Ok(Percentile::P95));
/// assert!(Percentile::new(100.1).is_err());
/// assert!(Percentile::new(f64::NAN).is_err());
/// ```
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Percentile(f64);

/// A number that is no percentile.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
#[error("a percentile lies between 0 and 100, not at {0}")]
pub struct PercentileError(pub f64);

impl Percentile {
    /// The smallest value.
    pub const MIN: Self = Self(0.0);
    /// The median.
    pub const P50: Self = Self(50.0);
    /// Nine of ten values are no larger.
    pub const P90: Self = Self(90.0);
    /// 19 of 20 values are no larger.
    pub const P95: Self = Self(95.0);
    /// 99 of 100 values are no larger.
    pub const P99: Self = Self(99.0);
    /// The largest value.
    pub const MAX: Self = Self(100.0);

    /// The `p`-th percentile.
    ///
    /// # Errors
    /// If `p` is below 0, above 100 or NaN.
    pub fn new(p: f64) -> Result<Self, PercentileError> {
        // The sum turns a negative zero into zero.
        if (0.0..=100.0).contains(&p) {
            Ok(Self(p + 0.0))
        } else {
            Err(PercentileError(p))
        }
    }

    /// The number, from 0 to 100.
    #[must_use]
    pub const fn get(self) -> f64 {
        self.0
    }

    /// The place, from 1, of this percentile among `count` values in ascending order; `None` of
    /// no values.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the product is at least zero, and what rounds beyond the count is clamped"
    )]
    pub(super) fn rank(self, count: u64) -> Option<u64> {
        // Multiplying first keeps whole results whole: 7 × 100 / 100 is 7, 0.07 × 100 is more.
        let place = (self.0 * count as f64 / 100.0).ceil() as u64;
        (count > 0).then(|| place.clamp(1, count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_outside_is_refused() {
        for p in [-0.1, 100.000_001, f64::NAN, f64::INFINITY, f64::MIN] {
            assert!(Percentile::new(p).is_err(), "{p}");
        }
        assert_eq!(Percentile::new(-0.0).unwrap().get().to_bits(), 0);
    }

    #[test]
    fn the_rank_exists_at_the_edges() {
        assert_eq!(Percentile::P50.rank(0), None);
        for p in [Percentile::MIN, Percentile::P50, Percentile::MAX] {
            assert_eq!(p.rank(1), Some(1));
        }
        assert_eq!(Percentile::MAX.rank(u64::MAX), Some(u64::MAX));
    }

    #[test]
    fn whole_percentiles_have_the_rank_of_whole_numbers() {
        for p in 0..=100_u32 {
            for n in 1..=500 {
                let rank = Percentile::new(f64::from(p)).unwrap().rank(n);
                let whole = (u64::from(p) * n).div_ceil(100).max(1);
                assert_eq!(rank, Some(whole), "{p} of {n}");
            }
        }
    }
}
