//! Exact numbers with units, which compare in the base unit of their dimension.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// What a number is a number of.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum Dimension {
    /// Things, or thousandths of them: no unit.
    Count,
    /// Amounts of data; the base unit is the byte.
    Data,
    /// Processor cores.
    Cores,
    /// Frequency; the base unit is the hertz.
    Frequency,
    /// Data in time; the base unit is the bit per second.
    Rate,
    /// Time; the base unit is the second.
    Time,
    /// Power; the base unit is the watt.
    Power,
    /// Hundredths.
    Percent,
}

impl Dimension {
    /// The number by which digests know it; it never changes.
    pub(crate) fn number(self) -> u64 {
        match self {
            Self::Count => 0,
            Self::Data => 1,
            Self::Cores => 2,
            Self::Frequency => 3,
            Self::Rate => 4,
            Self::Time => 5,
            Self::Power => 6,
            Self::Percent => 7,
        }
    }
}

/// An exact number with a unit.
///
/// # Display and parsing
/// Parsed from a decimal number, with at most nine digits after the point of the base unit, and a unit: `B`, `kB` to `PB`, `KiB` to `PiB`;
/// `cores`; `Hz` to `THz`; `bit/s` to `Tbit/s`; `ns`, `us`, `ms`, `s`, `min`, `h`, `d`; `mW`, `W`, `kW`; `%`; or none.
/// Printed in the largest unit that leaves a whole number.
/// ```
/// # use cloudlot_core::Measure;
/// let clock: Measure = "2.4GHz".parse()?;
/// assert_eq!(clock, "2400 MHz".parse()?);
/// assert_eq!(clock.to_string(), "2400 MHz");
/// assert!("2.4 parsec".parse::<Measure>().is_err());
/// # Ok::<(), cloudlot_core::ParseMeasureError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Measure {
    dimension: Dimension,
    // Thousand-millionths of the base unit.
    nanos: i128,
}

const NANO: i128 = 1_000_000_000;

/// Units by dimension, the smallest first, as thousand-millionths of the base unit.
const UNITS: [(&str, Dimension, i128); 41] = {
    use Dimension::{Cores, Count, Data, Frequency, Percent, Power, Rate, Time};
    [
        ("", Count, NANO),
        ("B", Data, NANO),
        ("kB", Data, 1_000 * NANO),
        ("KiB", Data, NANO << 10),
        ("MB", Data, 1_000_000 * NANO),
        ("MiB", Data, NANO << 20),
        ("GB", Data, NANO * NANO),
        ("GiB", Data, NANO << 30),
        ("TB", Data, 1_000 * NANO * NANO),
        ("TiB", Data, NANO << 40),
        ("PB", Data, 1_000_000 * NANO * NANO),
        ("PiB", Data, NANO << 50),
        ("millicores", Cores, NANO / 1_000),
        ("cores", Cores, NANO),
        ("core", Cores, NANO),
        ("mHz", Frequency, NANO / 1_000),
        ("Hz", Frequency, NANO),
        ("kHz", Frequency, 1_000 * NANO),
        ("MHz", Frequency, 1_000_000 * NANO),
        ("GHz", Frequency, NANO * NANO),
        ("THz", Frequency, 1_000 * NANO * NANO),
        ("bit/s", Rate, NANO),
        ("B/s", Rate, 8 * NANO),
        ("kbit/s", Rate, 1_000 * NANO),
        ("kB/s", Rate, 8_000 * NANO),
        ("Mbit/s", Rate, 1_000_000 * NANO),
        ("MB/s", Rate, 8_000_000 * NANO),
        ("Gbit/s", Rate, NANO * NANO),
        ("GB/s", Rate, 8 * NANO * NANO),
        ("Tbit/s", Rate, 1_000 * NANO * NANO),
        ("ns", Time, 1),
        ("us", Time, 1_000),
        ("ms", Time, 1_000_000),
        ("s", Time, NANO),
        ("min", Time, 60 * NANO),
        ("h", Time, 3_600 * NANO),
        ("d", Time, 86_400 * NANO),
        ("mW", Power, NANO / 1_000),
        ("W", Power, NANO),
        ("kW", Power, 1_000 * NANO),
        ("%", Percent, NANO),
    ]
};

/// The text is not a number with a unit.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ParseMeasureError {
    /// It does not start with a decimal number.
    #[error("`{0}` does not start with a decimal number")]
    Number(String),
    /// Its unit is not known.
    #[error(
        "`{0}` has no unit that is known: B, kB, KiB, cores, Hz, bit/s, s, W, % and their multiples"
    )]
    Unit(String),
    /// It has more digits than can be kept.
    #[error(
        "`{0}` is not a whole number of thousand-millionths of its base unit, or beyond 10^20 of them"
    )]
    Digits(String),
}

impl Measure {
    /// A plain number.
    #[must_use]
    pub fn count(count: i64) -> Self {
        Self {
            dimension: Dimension::Count,
            nanos: i128::from(count) * NANO,
        }
    }

    /// A duration.
    #[must_use]
    pub fn time(duration: std::time::Duration) -> Self {
        // At most 2^64 seconds, far below the end of 128 bits.
        let nanos = i128::from(duration.as_secs()) * NANO + i128::from(duration.subsec_nanos());
        Self {
            dimension: Dimension::Time,
            nanos,
        }
    }

    /// What it is a number of.
    #[must_use]
    pub fn dimension(&self) -> Dimension {
        self.dimension
    }

    /// The number in thousand-millionths of the base unit.
    #[must_use]
    pub fn nanos(&self) -> i128 {
        self.nanos
    }

    /// The order of the two, if they are of one dimension.
    #[must_use]
    pub fn compare(&self, other: &Self) -> Option<Ordering> {
        (self.dimension == other.dimension).then(|| self.nanos.cmp(&other.nanos))
    }
}

/// The largest number that is kept, so that every unit's multiple can be printed.
const MOST: i128 = 100_000_000_000_000_000_000 * NANO;
const BYTES: usize = 64;

impl FromStr for Measure {
    type Err = ParseMeasureError;

    fn from_str(text: &str) -> Result<Self, ParseMeasureError> {
        let shown = || crate::fault::shown(text);
        let legal = |c: char| c.is_ascii_digit() || matches!(c, '-' | '.');
        if text.len() > BYTES {
            return Err(ParseMeasureError::Digits(shown()));
        }
        let end = text.find(|c| !legal(c)).unwrap_or(text.len());
        let (number, unit) = (&text[..end], text[end..].trim_start_matches(' '));
        let (digits, places) = decimal(number).ok_or_else(|| ParseMeasureError::Number(shown()))?;
        let (_, dimension, factor) = UNITS
            .iter()
            .find(|(name, ..)| *name == unit)
            .ok_or_else(|| ParseMeasureError::Unit(shown()))?;
        let exact = || {
            let scaled = digits?.checked_mul(*factor)?;
            let tenths = 10_i128.checked_pow(places)?;
            let whole = scaled % tenths == 0 && (scaled / tenths).abs() <= MOST;
            whole.then_some(scaled / tenths)
        };
        let nanos = exact().ok_or_else(|| ParseMeasureError::Digits(shown()))?;
        Ok(Self {
            dimension: *dimension,
            nanos,
        })
    }
}

/// The digits as one number, `None` if there are too many, and how many stand after the point.
fn decimal(text: &str) -> Option<(Option<i128>, u32)> {
    let plain = text.strip_prefix('-').unwrap_or(text);
    let (whole, part) = plain.split_once('.').unwrap_or((plain, ""));
    let digits = |text: &str| text.bytes().all(|c| c.is_ascii_digit());
    let dangling = plain.ends_with('.') || whole.is_empty();
    if dangling || !digits(whole) || !digits(part) {
        return None;
    }
    let sign = if plain.len() == text.len() { 1 } else { -1 };
    let part = part.trim_end_matches('0');
    let number = format!("{whole}{part}").parse::<i128>().ok();
    let places = u32::try_from(part.len()).ok()?;
    Some((number.map(|number| sign * number), places))
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let own = || UNITS.iter().filter(|unit| unit.1 == self.dimension);
        let whole = own().rfind(|unit| self.nanos % unit.2 == 0 && unit.2 >= NANO);
        if let Some((name, _, factor)) = whole.filter(|_| self.nanos != 0) {
            let space = if name.is_empty() { "" } else { " " };
            return write!(f, "{}{space}{name}", self.nanos / factor);
        }
        let base = own().find(|unit| unit.2 == NANO);
        let name = base.map_or("", |(name, ..)| *name);
        let sign = if self.nanos < 0 { "-" } else { "" };
        let (whole, part) = (self.nanos.abs() / NANO, self.nanos.abs() % NANO);
        let part = format!("{part:09}");
        let part = part.trim_end_matches('0');
        let point = if part.is_empty() { "" } else { "." };
        let space = if name.is_empty() { "" } else { " " };
        write!(f, "{sign}{whole}{point}{part}{space}{name}")
    }
}

impl fmt::Debug for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn unit() -> impl Strategy<Value = (&'static str, Dimension, i128)> {
        (0..UNITS.len()).prop_map(|n| UNITS[n])
    }

    #[test]
    fn what_is_no_number_with_a_unit_is_refused() {
        let long = "9".repeat(40);
        let texts = [
            "",
            "-",
            ".",
            "1.",
            ".5",
            "--1",
            "1-",
            "1.2.3",
            "1e3",
            "+1",
            "0x1",
            "1 parsec",
            "1 gib",
            "1\tB",
            "B",
            "1 B B",
            "0.0000000001 s",
            "1.5 ns",
            "999999999999999999999",
            &long,
        ];
        for text in texts {
            assert!(text.parse::<Measure>().is_err(), "`{text}` was taken");
        }
    }

    proptest! {
        #[test]
        fn a_number_is_worth_its_unit(thousandths in -9_999_999..9_999_999_i64, unit in unit()) {
            let (name, dimension, factor) = unit;
            let sign = if thousandths < 0 { "-" } else { "" };
            let (whole, part) = (thousandths.abs() / 1_000, thousandths.abs() % 1_000);
            let text = format!("{sign}{whole}.{part:03} {name}");
            let exact = i128::from(thousandths) * factor;
            match text.parse::<Measure>() {
                Ok(measure) => {
                    prop_assert_eq!(measure.nanos() * 1_000, exact);
                    prop_assert_eq!(measure.dimension(), dimension);
                }
                Err(_) => prop_assert!(exact % 1_000 != 0),
            }
        }

        #[test]
        fn a_measure_survives_its_text(nanos in -MOST..=MOST, shift in 0..70_u32, unit in unit()) {
            let measure = Measure { dimension: unit.1, nanos: nanos >> shift };
            prop_assert_eq!(measure.to_string().parse(), Ok(measure));
            let round = Measure { nanos: measure.nanos / unit.2 * unit.2, ..measure };
            prop_assert_eq!(round.to_string().parse(), Ok(round));
        }

        #[test]
        fn no_text_breaks_the_reader(text in "[-0-9. ]{0,50}\\PC{0,20}") {
            let _ = text.parse::<Measure>();
        }
    }
}
