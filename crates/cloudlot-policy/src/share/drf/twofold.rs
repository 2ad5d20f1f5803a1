//! A number as the sum of two floats: 106 bits of it, so that sums over many tenants keep what whole units need.
//!
//! Source: T. J. Dekker, "A floating-point technique for extending the available precision", 1971; D. E. Knuth,
//! "The Art of Computer Programming", vol. 2, section 4.2.2.

use std::cmp::Ordering;
use std::ops::{Add, Div, Mul, Sub};

/// `hi + lo`, where `hi` is the float next to the sum.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub(super) struct Twofold {
    pub(super) hi: f64,
    pub(super) lo: f64,
}

impl Twofold {
    pub(super) const ZERO: Self = Self { hi: 0.0, lo: 0.0 };

    pub(super) const fn new(hi: f64, lo: f64) -> Self {
        Self { hi, lo }
    }

    /// The largest whole number that is not above it, and what remains; nothing if it is negative.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "both parts are whole; a cast from float saturates, and so does what follows"
    )]
    pub(super) fn split(self) -> (u64, f64) {
        let whole = self.hi.floor();
        let rest = (self.hi - whole) + self.lo;
        let carry = rest.floor();
        let sum = (whole as i128).saturating_add(carry as i128);
        match u64::try_from(sum.max(0)) {
            Ok(sum) => (sum, (rest - carry).max(0.0)),
            Err(_) => (u64::MAX, 0.0),
        }
    }

    /// The larger of the two.
    pub(super) fn max(self, other: Self) -> Self {
        if self.total_cmp(other) == Ordering::Less {
            other
        } else {
            self
        }
    }

    pub(super) fn clamp(self, least: Self, most: Self) -> Self {
        let raised = self.max(least);
        if raised.total_cmp(most) == Ordering::Greater {
            most
        } else {
            raised
        }
    }

    pub(super) fn total_cmp(self, other: Self) -> Ordering {
        (self.hi.total_cmp(&other.hi)).then(self.lo.total_cmp(&other.lo))
    }
}

impl From<u64> for Twofold {
    /// Exact.
    fn from(value: u64) -> Self {
        let high = (value >> 32) as f64 * 4_294_967_296.0;
        let low = (value & 0xffff_ffff) as f64;
        quick_sum(high, low)
    }
}

impl Add for Twofold {
    type Output = Self;

    #[inline]
    fn add(self, other: Self) -> Self {
        let high = sum(self.hi, other.hi);
        let low = sum(self.lo, other.lo);
        let high = quick_sum(high.hi, high.lo + low.hi);
        quick_sum(high.hi, high.lo + low.lo)
    }
}

impl Sub for Twofold {
    type Output = Self;

    #[inline]
    fn sub(self, other: Self) -> Self {
        self + Self::new(-other.hi, -other.lo)
    }
}

impl Mul for Twofold {
    type Output = Self;

    #[inline]
    fn mul(self, other: Self) -> Self {
        let high = product(self.hi, other.hi);
        quick_sum(high.hi, high.lo + (self.hi * other.lo + self.lo * other.hi))
    }
}

impl Div for Twofold {
    type Output = Self;

    fn div(self, other: Self) -> Self {
        let first = self.hi / other.hi;
        let rest = self - other * Self::new(first, 0.0);
        let second = rest.hi / other.hi;
        let rest = rest - other * Self::new(second, 0.0);
        let third = rest.hi / other.hi;
        quick_sum(first, second) + Self::new(third, 0.0)
    }
}

/// The sum of two floats, exact.
#[inline]
fn sum(a: f64, b: f64) -> Twofold {
    let hi = a + b;
    let of_b = hi - a;
    let lo = (a - (hi - of_b)) + (b - of_b);
    Twofold { hi, lo }
}

/// The sum of two floats of which the first is larger, exact.
#[inline]
fn quick_sum(a: f64, b: f64) -> Twofold {
    let hi = a + b;
    let lo = b - (hi - a);
    Twofold { hi, lo }
}

/// The product of two floats, exact as long as neither passes 2^900.
#[inline]
fn product(a: f64, b: f64) -> Twofold {
    let hi = a * b;
    let (of_a, of_b) = (halves(a), halves(b));
    let lo = ((of_a.hi * of_b.hi - hi) + of_a.hi * of_b.lo + of_a.lo * of_b.hi) + of_a.lo * of_b.lo;
    Twofold { hi, lo }
}

/// A float as the sum of two with 26 bits each.
#[inline]
fn halves(a: f64) -> Twofold {
    let turned = 134_217_729.0 * a;
    let hi = turned - (turned - a);
    Twofold { hi, lo: a - hi }
}

#[cfg(test)]
mod tests {
    use super::*;
    use num_rational::BigRational;
    use num_traits::{FromPrimitive, Signed};
    use proptest::prelude::*;

    fn exact(value: Twofold) -> BigRational {
        let part = |part: f64| BigRational::from_float(part).unwrap();
        part(value.hi) + part(value.lo)
    }

    fn whole(value: u64) -> BigRational {
        BigRational::from_u64(value).unwrap()
    }

    fn near(value: Twofold, truth: &BigRational) -> bool {
        // 2^-98: three bits fewer than each operation loses at most.
        let bound = BigRational::from_float((-98_f64).exp2()).unwrap();
        (exact(value) - truth).abs() <= truth.abs() * bound
    }

    fn number() -> impl Strategy<Value = u64> {
        (any::<u64>(), 0..64_u32).prop_map(|(value, shift)| value >> shift)
    }

    proptest! {
        #[test]
        fn whole_numbers_and_their_sums_are_exact(a in number(), b in number()) {
            prop_assert_eq!(exact(a.into()), whole(a));
            let (x, y) = (Twofold::from(a), Twofold::from(b));
            prop_assert_eq!(exact(x + y), whole(a) + whole(b));
            prop_assert_eq!(exact(x - y), whole(a) - whole(b));
        }

        #[test]
        fn products_and_quotients_have_98_bits(a in number(), b in 1..=u64::MAX, c in 1..=u64::MAX) {
            let (x, y, z) = (Twofold::from(a), Twofold::from(b), Twofold::from(c));
            prop_assert!(near(x * y, &(whole(a) * whole(b))));
            prop_assert!(near(x / y, &(whole(a) / whole(b))));
            let truth = whole(a) * whole(b) / whole(c);
            prop_assert!(near(x * y / z, &truth));
            prop_assert!(near(x * y / z + y / z, &(truth + whole(b) / whole(c))));
        }

        #[test]
        fn splitting_gives_the_floor_and_the_rest(a in number(), b in 1..=u64::MAX) {
            let (floor, rest) = (Twofold::from(a) / Twofold::from(b)).split();
            prop_assert!(floor == a / b || (floor == a / b + 1 && a % b > b - 9 && rest < 1e-9));
            let value = a.saturating_add(1 << 20);
            prop_assert_eq!(Twofold::from(value).split(), (value, 0.0));
            let below = Twofold::from(value) - Twofold::new(0.25, 0.0);
            prop_assert_eq!(below.split(), (value - 1, 0.75));
        }
    }

    #[test]
    fn what_is_negative_splits_into_nothing() {
        assert_eq!(Twofold::new(-3.5, 0.0).split().0, 0);
        assert_eq!(Twofold::new(1e30, 0.0).split(), (u64::MAX, 0.0));
    }
}
