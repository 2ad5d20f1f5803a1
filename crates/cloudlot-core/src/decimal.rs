//! Decimal numbers as people write them, times a unit, exactly.
//!
//! The one place that reads digits: [`Bytes`](crate::Bytes) and quantities use it. What a unit is worth and which way a
//! remainder goes is theirs to say.

/// A decimal number without a sign: its digits, and where the point stands among them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Decimal<'a> {
    whole: &'a str,
    part: &'a str,
    exponent: i64,
}

/// A number rounded down, and whether that lost nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Floor {
    pub(crate) value: u64,
    pub(crate) exact: bool,
}

impl<'a> Decimal<'a> {
    /// Digits with at most one point among, before or after them; at least one digit.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let (whole, part) = text.split_once('.').unwrap_or((text, ""));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if (whole.is_empty() && part.is_empty()) || !digits(whole) || !digits(part) {
            return None;
        }
        Some(Self {
            whole,
            part,
            exponent: 0,
        })
    }

    /// The number times `10^tens`. An exponent saturates far beyond every amount.
    pub(crate) fn shifted(self, tens: i64) -> Self {
        let exponent = self.exponent.saturating_add(tens);
        Self { exponent, ..self }
    }

    /// Whether every digit is a zero.
    pub(crate) fn is_zero(self) -> bool {
        self.digits().all(|digit| digit == 0)
    }

    /// The number times `unit`, rounded down; `None` if that is above 2^64 - 1.
    ///
    /// The time taken grows with the number of digits, never with the exponent.
    pub(crate) fn times(self, unit: u64) -> Option<Floor> {
        if self.is_zero() {
            let (value, exact) = (0, true);
            return Some(Floor { value, exact });
        }
        let before_point = i64::try_from(self.whole.len())
            .unwrap_or(i64::MAX)
            .saturating_add(self.exponent);
        let whole = self.whole_part(before_point)?;
        let whole = whole.checked_mul(u128::from(unit))?;
        let part = self.fraction_times(before_point, unit);
        let sum = whole.checked_add(u128::from(part.value))?;
        Some(Floor {
            value: u64::try_from(sum).ok()?,
            exact: part.exact,
        })
    }

    fn digits(self) -> impl DoubleEndedIterator<Item = u8> {
        let bytes = self.whole.bytes().chain(self.part.bytes());
        bytes.map(|byte| byte - b'0')
    }

    fn len(self) -> i64 {
        i64::try_from(self.whole.len() + self.part.len()).unwrap_or(i64::MAX)
    }

    /// The digits before the point as a number, filled up with zeros.
    fn whole_part(self, before_point: i64) -> Option<u128> {
        let count = usize::try_from(before_point.max(0)).unwrap_or(usize::MAX);
        let mut whole = 0_u128;
        for digit in self.digits().take(count) {
            whole = whole.checked_mul(10)?.checked_add(u128::from(digit))?;
        }
        // The number is not zero, so that this overflows after 39 turns at the latest.
        for _ in self.len()..before_point {
            whole = whole.checked_mul(10)?;
        }
        Some(whole)
    }

    /// What stands behind the point, times `unit`: written multiplication, of which only the carry is kept.
    fn fraction_times(self, before_point: i64, unit: u64) -> Floor {
        let count = usize::try_from(self.len().saturating_sub(before_point)).unwrap_or(0);
        let (mut carry, mut exact) = (0_u128, true);
        let mut step = |digit: u8| {
            let product = u128::from(digit) * u128::from(unit) + carry;
            exact &= product.is_multiple_of(10);
            carry = product / 10;
            carry > 0
        };
        for digit in self.digits().rev().take(count) {
            step(digit);
        }
        // Zeros between the point and the first digit; each takes a digit off the carry.
        for _ in before_point..0 {
            if !step(0) {
                break;
            }
        }
        let value = u64::try_from(carry).expect("a fraction below one of a 64-bit unit");
        Floor { value, exact }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_digits_with_one_point_are_a_number() {
        for text in ["0", "5.", ".5", "1.5", "007.700"] {
            assert!(Decimal::parse(text).is_some(), "{text}");
        }
        for text in [
            "", ".", "..", "1.2.3", "1e3", "+1", "-1", " 1", "1 ", "\u{661}",
        ] {
            assert!(Decimal::parse(text).is_none(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_product_is_the_quotient_of_two_whole_numbers(
            whole in 0..1_000_000_u64, part in 0..1_000_000_u64, tens in -12..6_i64, unit in prop_oneof![0..50_u64, any::<u64>()],
        ) {
            let text = format!("{whole}.{part:06}");
            let times = Decimal::parse(&text).and_then(|number| number.shifted(tens).times(unit));
            // Below 10^12 × 2^64, which has 104 bits.
            let digits = u128::from(whole * 1_000_000 + part) * u128::from(unit);
            let power = 10_u128.pow(u32::try_from(6 - tens).unwrap());
            let value = u64::try_from(digits / power).ok();
            let exact = digits % power == 0;
            prop_assert_eq!(times, value.map(|value| Floor { value, exact }));
        }
    }
}
