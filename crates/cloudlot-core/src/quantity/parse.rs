//! Quantities from text: Kubernetes syntax, and the units that people write.
//!
//! Digits are read in `decimal`, units are known in `unit`; here both meet and a remainder goes up, down or nowhere.

use super::Quantity;
use crate::decimal::{Decimal, Floor};
use crate::unit::{Measure, NoUnit, Unit};
use crate::{KindName, KindsError};
use std::str::FromStr;

/// Where an amount goes that is not a whole number of base units.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Rounding {
    /// To the next above: who asks for something gets at least that.
    Up,
    /// To the next below: what is offered is really there.
    Down,
    /// Nowhere: it is an error.
    Exact,
}

/// Why a text is not an amount of a kind.
///
/// The texts are cut after 40 characters.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ParseQuantityError {
    /// No number stands in front.
    #[error("`{0}` does not start with a number such as 2 or 1.5")]
    Number(String),
    /// The number is below zero.
    #[error("`{0}` is below zero")]
    Negative(String),
    /// The unit is none that is known.
    #[error("`{unit}` is not a unit of {kind}; known are {}", Measure::of(kind).known())]
    Unit {
        /// What stands behind the number.
        unit: String,
        /// What was to be measured.
        kind: KindName,
    },
    /// The unit measures something else.
    #[error("`{unit}` is a unit of {of}, not of {kind}")]
    OtherKind {
        /// What stands behind the number.
        unit: String,
        /// The kinds that it measures.
        of: &'static str,
        /// What was to be measured.
        kind: KindName,
    },
    /// The amount is not a whole number of base units, and rounding was not asked for.
    #[error("`{text}` is not a whole number of {}", Measure::of(kind).base())]
    TooFine {
        /// The whole text.
        text: String,
        /// What was to be measured.
        kind: KindName,
    },
    /// The amount is above 2^64 - 1 base units.
    #[error("`{text}` is more than {} {}", u64::MAX, Measure::of(kind).base())]
    TooLarge {
        /// The whole text.
        text: String,
        /// What was to be measured.
        kind: KindName,
    },
    /// Kind and amount cannot be told apart.
    #[error("`{0}` is not a kind and an amount such as cpu=500m")]
    Form(String),
    /// The kind cannot be one.
    #[error(transparent)]
    Kind(#[from] KindsError),
}

impl Quantity {
    /// An amount of `kind` from text; `rounding` says what becomes of parts of a base unit.
    ///
    /// A text is a number and a unit.
    ///
    /// - What Kubernetes accepts as a quantity means the same here: `2`, `+1.5`, `.5`, `5.`, `500m`, `16Gi`, `1e3`, `1E`
    ///   (10^18). The suffixes are `n u m k M G T P E`, `Ki Mi Gi Ti Pi Ei`, and `e` or `E` with an exponent. Where
    ///   Kubernetes quietly caps or rounds (`8Ei`, `0.1n`), the value here is exact.
    /// - `-0` is zero, as in Kubernetes; every other negative number is refused.
    /// - A bare number means cores, bytes, bits per second, devices, or a count.
    /// - Each kind has words of its own, with at most one space before them:
    ///   cpu `core cores cpu cpus millicore millicores`; memory and storage `B`, `kB` to `EB`, `KiB` to `EiB`;
    ///   network `bps`, `bit/s` and `b/s`, `kbps` to `Ebps` and so on, and bytes as `B/s`, `MB/s`, `MiB/s`;
    ///   gpu `gpu gpus device devices`.
    /// - Case matters, as in `Mbps`: `MB` is a unit of memory, and `Mb` is not a unit here, nor is `KB`, which some take
    ///   for 1,000 and others for 1,024.
    ///
    /// ```
    /// # use cloudlot_core::{Kind, ParseQuantityError, Quantity, Rounding};
    /// let parse = |kind, text| Quantity::parse(kind, text, Rounding::Exact).map(|q| q.amount());
    /// assert_eq!(parse(Kind::CPU, "1.5 cores")?, 1_500);
    /// assert_eq!(parse(Kind::MEMORY, "16Gi")?, 16 << 30);
    /// assert_eq!(parse(Kind::NETWORK, "10Gbps")?, 10_000_000_000);
    /// assert_eq!(parse(Kind::NETWORK, "1 MB/s")?, 8_000_000);
    /// let wrong = parse(Kind::CPU, "4GB").unwrap_err();
    /// assert_eq!(wrong.to_string(), "`GB` is a unit of memory or storage, not of cpu");
    /// # Ok::<(), ParseQuantityError>(())
    /// ```
    ///
    /// # Errors
    /// [`ParseQuantityError`] for what is not an amount of this kind from 0 to 2^64 - 1 base units.
    pub fn parse(
        kind: impl Into<KindName>,
        text: &str,
        rounding: Rounding,
    ) -> Result<Self, ParseQuantityError> {
        let kind = kind.into();
        let amount = amount(&kind, text, rounding)?;
        Ok(Self { kind, amount })
    }

    /// What someone asks for: parts of a base unit become a whole one.
    ///
    /// ```
    /// # use cloudlot_core::{Kind, ParseQuantityError, Quantity, millicores};
    /// assert_eq!(Quantity::parse_request(Kind::CPU, "0.1m")?, millicores(1));
    /// assert_eq!(Quantity::parse_capacity(Kind::CPU, "0.1m")?, millicores(0));
    /// assert!(Quantity::parse_exact(Kind::CPU, "0.1m").is_err());
    /// # Ok::<(), ParseQuantityError>(())
    /// ```
    ///
    /// # Errors
    /// As [`Quantity::parse`].
    pub fn parse_request(
        kind: impl Into<KindName>,
        text: &str,
    ) -> Result<Self, ParseQuantityError> {
        Self::parse(kind, text, Rounding::Up)
    }

    /// What someone offers: parts of a base unit are left out.
    ///
    /// # Errors
    /// As [`Quantity::parse`].
    pub fn parse_capacity(
        kind: impl Into<KindName>,
        text: &str,
    ) -> Result<Self, ParseQuantityError> {
        Self::parse(kind, text, Rounding::Down)
    }

    /// A whole number of base units.
    ///
    /// # Errors
    /// As [`Quantity::parse`], and [`ParseQuantityError::TooFine`] for parts of a base unit.
    pub fn parse_exact(kind: impl Into<KindName>, text: &str) -> Result<Self, ParseQuantityError> {
        Self::parse(kind, text, Rounding::Exact)
    }
}

impl FromStr for Quantity {
    type Err = ParseQuantityError;

    /// `cpu=500m`, or `cpu 500m` as printed; exact. The kind ends at the space before the number, else at the last `=`.
    fn from_str(text: &str) -> Result<Self, ParseQuantityError> {
        let number =
            |text: &str| text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c));
        let printed = text.split_once(' ').filter(|(_, rest)| number(rest));
        let (kind, amount) = printed
            .or_else(|| text.rsplit_once('='))
            .ok_or_else(|| ParseQuantityError::Form(cut(text)))?;
        Self::parse_exact(kind.parse::<KindName>()?, amount)
    }
}

fn amount(kind: &KindName, text: &str, rounding: Rounding) -> Result<u64, ParseQuantityError> {
    let (number, rest) = number(text)?;
    let (number, unit) = match exponent(rest) {
        Some(exponent) => (number.shifted(exponent), unit(kind, "")?),
        None => (number, unit(kind, rest)?),
    };
    let (said, of) = (|| cut(text), || kind.clone());
    let too_large = || ParseQuantityError::TooLarge {
        text: said(),
        kind: of(),
    };
    let floor = number.shifted(unit.tens).times(unit.factor);
    let Floor { value, exact } = floor.ok_or_else(too_large)?;
    match rounding {
        _ if exact => Ok(value),
        Rounding::Up => value.checked_add(1).ok_or_else(too_large),
        Rounding::Down => Ok(value),
        Rounding::Exact => Err(ParseQuantityError::TooFine {
            text: said(),
            kind: of(),
        }),
    }
}

/// The number in front, and what stands behind it.
fn number(text: &str) -> Result<(Decimal<'_>, &str), ParseQuantityError> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let end = unsigned
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(unsigned.len());
    let (digits, rest) = unsigned.split_at(end);
    let number = Decimal::parse(digits).ok_or_else(|| ParseQuantityError::Number(cut(text)))?;
    if text.starts_with('-') && !number.is_zero() {
        return Err(ParseQuantityError::Negative(cut(text)));
    }
    Ok((number, rest))
}

/// The power of ten of `e3`, `E+3` or `e-3`; a lone `E` is a unit.
fn exponent(rest: &str) -> Option<i64> {
    rest.strip_prefix(['e', 'E'])?.parse().ok()
}

/// What the rest of a text is worth, after at most one space.
fn unit(kind: &KindName, rest: &str) -> Result<Unit, ParseQuantityError> {
    let word = rest.strip_prefix(' ').unwrap_or(rest);
    let found = match word {
        "" if !rest.is_empty() => Err(NoUnit::Unknown),
        _ => Measure::of(kind).unit(word),
    };
    found.map_err(|no| {
        let (unit, kind) = (cut(word), kind.clone());
        match no {
            NoUnit::Of(other) => {
                let of = other.kinds();
                ParseQuantityError::OtherKind { unit, of, kind }
            }
            NoUnit::Unknown => ParseQuantityError::Unit { unit, kind },
        }
    })
}

/// So much of a text as a message can bear.
fn cut(text: &str) -> String {
    match text.char_indices().nth(40) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
