//! Amounts in base units, as integers: memory in bytes, with the units people write.
//!
//! There is no `+` or `-` on amounts: callers say what happens at the edges.

use crate::decimal::Decimal;
use std::fmt;
use std::str::FromStr;

/// An amount of memory or storage in bytes.
///
/// # Comparisons and arithmetic
/// Bytes compare as numbers. Sums and differences are `checked_` or `saturating_`.
/// ```
/// # use cloudlot_core::Bytes;
/// assert_eq!(Bytes::mib(1), Bytes::new(1_048_576));
/// assert_eq!(Bytes::mib(1).checked_sub(Bytes::mib(2)), None);
/// assert_eq!(Bytes::mib(1).saturating_sub(Bytes::mib(2)), Bytes::ZERO);
/// ```
///
/// # Display and parsing
/// Printed in the largest binary unit that leaves a whole number, else with one decimal;
/// `{:#}` prints plain bytes. Parsed from a decimal number with an optional unit: `B`, `KiB`, `MiB`, `GiB`, `TiB`,
/// or decimal `kB`, `MB`, `GB`, `TB`. Digits below one byte are refused.
/// ```
/// # use cloudlot_core::Bytes;
/// assert_eq!("512MiB".parse(), Ok(Bytes::mib(512)));
/// assert_eq!("0.5 GiB".parse(), Ok(Bytes::mib(512)));
/// assert_eq!(Bytes::mib(1536).to_string(), "1536 MiB");
/// assert!("-1".parse::<Bytes>().is_err());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(transparent))]
pub struct Bytes(u64);

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
const TIB: u64 = 1 << 40;

impl Bytes {
    /// No bytes.
    pub const ZERO: Self = Self(0);
    /// The largest amount.
    pub const MAX: Self = Self(u64::MAX);

    /// This many bytes.
    #[must_use]
    pub const fn new(bytes: u64) -> Self {
        Self(bytes)
    }

    /// Multiples of 1,024 bytes; saturates.
    #[must_use]
    pub const fn kib(kib: u64) -> Self {
        Self(kib.saturating_mul(KIB))
    }

    /// Multiples of 1,048,576 bytes; saturates.
    #[must_use]
    pub const fn mib(mib: u64) -> Self {
        Self(mib.saturating_mul(MIB))
    }

    /// Multiples of 1,073,741,824 bytes; saturates.
    #[must_use]
    pub const fn gib(gib: u64) -> Self {
        Self(gib.saturating_mul(GIB))
    }

    /// The number of bytes.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// Whole KiB, rounded down.
    #[must_use]
    pub const fn whole_kib(self) -> u64 {
        self.0 / KIB
    }

    /// Whole MiB, rounded down.
    #[must_use]
    pub const fn whole_mib(self) -> u64 {
        self.0 / MIB
    }

    /// MiB with a fraction, for display and rates.
    #[must_use]
    pub fn as_mib_f64(self) -> f64 {
        self.0 as f64 / MIB as f64
    }

    /// The nearest amount to a number of bytes from a calculation; zero for negatives and NaN,
    /// [`Bytes::MAX`] beyond it.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a float cast saturates, and NaN gives 0: what is promised"
    )]
    pub fn from_f64(bytes: f64) -> Self {
        Self(bytes.round() as u64)
    }

    /// `self + other`, or `None` beyond [`Bytes::MAX`].
    #[must_use]
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(sum) => Some(Self(sum)),
            None => None,
        }
    }

    /// `self - other`, or `None` below zero.
    #[must_use]
    pub const fn checked_sub(self, other: Self) -> Option<Self> {
        match self.0.checked_sub(other.0) {
            Some(rest) => Some(Self(rest)),
            None => None,
        }
    }

    /// `self + other`, at most [`Bytes::MAX`].
    #[must_use]
    pub const fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// `self - other`, at least zero.
    #[must_use]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// `floor(self × numerator / denominator)`, at most [`Bytes::MAX`].
    ///
    /// # Panics
    /// If `denominator` is zero.
    /// ```
    /// # use cloudlot_core::Bytes;
    /// assert_eq!(Bytes::new(10).fraction(25, 100), Bytes::new(2));
    /// ```
    #[must_use]
    pub fn fraction(self, numerator: u64, denominator: u64) -> Self {
        let product = u128::from(self.0) * u128::from(numerator) / u128::from(denominator);
        Self(u64::try_from(product).unwrap_or(u64::MAX))
    }

    /// How far apart two amounts are.
    #[must_use]
    pub const fn abs_diff(self, other: Self) -> Self {
        Self(self.0.abs_diff(other.0))
    }
}

impl std::iter::Sum for Bytes {
    /// Saturates at [`Bytes::MAX`].
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Self::saturating_add)
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if f.alternate() {
            return write!(f, "{}", self.0);
        }
        let units = [(TIB, "TiB"), (GIB, "GiB"), (MIB, "MiB"), (KIB, "KiB")];
        if let Some((unit, name)) = units
            .iter()
            .find(|(unit, _)| self.0 > 0 && self.0.is_multiple_of(*unit))
        {
            return write!(f, "{} {name}", self.0 / unit);
        }
        match units.iter().find(|(unit, _)| self.0 >= *unit) {
            Some((unit, name)) => write!(f, "{:.1} {name}", self.0 as f64 / *unit as f64),
            None => write!(f, "{} B", self.0),
        }
    }
}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why a text is not an amount of bytes.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ParseBytesError {
    /// No number stands in front.
    #[error("`{0}` does not start with a number such as 512 or 1.5")]
    Number(String),
    /// The unit is none of the known ones.
    #[error("`{0}` is not a unit; known are B, KiB, MiB, GiB, TiB, kB, MB, GB, TB")]
    Unit(String),
    /// The amount is not a whole number of bytes, or more than 2^64 - 1.
    #[error("`{0}` is not a whole number of bytes below 2^64")]
    Range(String),
}

impl FromStr for Bytes {
    type Err = ParseBytesError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let end = text
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(text.len());
        let (number, unit) = text.split_at(end);
        let unit = match unit.trim() {
            "" | "B" => 1,
            "KiB" | "Ki" => KIB,
            "MiB" | "Mi" => MIB,
            "GiB" | "Gi" => GIB,
            "TiB" | "Ti" => TIB,
            "kB" => 1_000,
            "MB" => 1_000_000,
            "GB" => 1_000_000_000,
            "TB" => 1_000_000_000_000,
            other if number.is_empty() => return Err(ParseBytesError::Number(other.to_owned())),
            other => return Err(ParseBytesError::Unit(other.to_owned())),
        };
        let number =
            Decimal::parse(number).ok_or_else(|| ParseBytesError::Number(text.to_owned()))?;
        match number.times(unit) {
            Some(floor) if floor.exact => Ok(Self(floor.value)),
            _ => Err(ParseBytesError::Range(text.to_owned())),
        }
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for Bytes {
    /// From a number of bytes, or from text with a unit.
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Bytes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of bytes, or text such as \"512MiB\"")
            }

            fn visit_u64<E: serde::de::Error>(self, bytes: u64) -> Result<Bytes, E> {
                Ok(Bytes(bytes))
            }

            fn visit_i64<E: serde::de::Error>(self, bytes: i64) -> Result<Bytes, E> {
                u64::try_from(bytes)
                    .map(Bytes)
                    .map_err(|_| E::custom("bytes below zero"))
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Bytes, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_cannot_be_bytes_is_refused() {
        for text in [
            "",
            "MiB",
            "-1",
            "1.5",
            "1.2.3",
            ".",
            "1 XiB",
            "1e3",
            "NaN",
            "0.0001KiB",
            "18446744073709551616",
            "99999999999999999999999999999999999999999999TiB",
        ] {
            assert!(text.parse::<Bytes>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_calculation_never_panics() {
        assert_eq!(Bytes::from_f64(f64::NAN), Bytes::ZERO);
        assert_eq!(Bytes::from_f64(-1.0), Bytes::ZERO);
        assert_eq!(Bytes::from_f64(f64::INFINITY), Bytes::MAX);
        assert_eq!(Bytes::MAX.fraction(3, 2), Bytes::MAX);
    }

    #[cfg(feature = "serde")]
    #[test]
    fn serde_takes_numbers_and_text() {
        assert_eq!(serde_json::from_str::<Bytes>("5").unwrap(), Bytes::new(5));
        assert_eq!(
            serde_json::from_str::<Bytes>("\"1 KiB\"").unwrap(),
            Bytes::new(1024)
        );
        assert!(serde_json::from_str::<Bytes>("-5").is_err());
        assert!(serde_json::from_str::<Bytes>("1.5").is_err());
    }

    proptest! {
        #[test]
        fn plain_bytes_survive_printing_and_parsing(bytes: u64) {
            prop_assert_eq!(format!("{:#}", Bytes(bytes)).parse(), Ok(Bytes(bytes)));
        }

        #[test]
        fn whole_units_survive_printing_and_parsing(mib in 0_u64..1 << 40) {
            prop_assert_eq!(Bytes::mib(mib).to_string().parse(), Ok(Bytes::mib(mib)));
        }

        #[test]
        fn arbitrary_text_never_panics(text: String) {
            let _ = text.parse::<Bytes>();
        }
    }
}
