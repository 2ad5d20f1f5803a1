//! What a resource can do, as typed values, and the rules that requests have about them.

mod measure;
mod rule;
mod version;

pub use measure::{Dimension, Measure, ParseMeasureError};
pub(crate) use rule::Verdict;
pub use rule::{CapabilityRule, CapabilityTest};
pub use version::{ParseVersionError, Version};

use crate::selector::{Listed, set};
use crate::{Faults, Rule, text};
use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::fmt;

/// A typed value of a capability.
///
/// ```
/// # use cloudlot_core::{Capability, Measure, Version};
/// # use std::cmp::Ordering;
/// let small = Capability::from("512MiB".parse::<Measure>()?);
/// let large = Capability::from("0.5GB".parse::<Measure>()?);
/// assert_eq!(small.compare(&large), Some(Ordering::Greater)); // by bytes, whatever the unit
/// assert_eq!(small.compare(&Capability::from("2GHz".parse::<Measure>()?)), None); // another dimension
/// let version = |text: &str| text.parse::<Version>().map(Capability::from);
/// assert_eq!(version("1.10")?.compare(&version("1.9")?), Some(Ordering::Greater));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "snake_case")
)]
pub enum Capability {
    /// A number with a unit: `2.4 GHz`, `128 GiB`, or a plain `32`.
    Number(Measure),
    /// A word or a sentence: `x86_64`.
    Text(String),
    /// Several words: `avx2`, `sse4`.
    Set(BTreeSet<String>),
    /// A version: `1.10.2`.
    Version(Version),
}

const TEXT_BYTES: usize = 255;

impl Capability {
    /// The order of two numbers of one dimension, or of two versions; `None` of anything else.
    #[must_use]
    pub fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Number(a), Self::Number(b)) => a.compare(b),
            (Self::Version(a), Self::Version(b)) => Some(a.cmp(b)),
            _ => None,
        }
    }

    pub(crate) fn check(&self, faults: &mut Faults, path: impl fmt::Display) {
        match self {
            Self::Number(_) | Self::Version(_) => {}
            Self::Text(text) => text_checked(faults, path, text),
            Self::Set(values) => {
                if text::at_most(faults, &path, values.len(), crate::selector::VALUES) {
                    for value in values {
                        text_checked(faults, &path, value);
                    }
                }
            }
        }
    }
}

fn text_checked(faults: &mut Faults, path: impl fmt::Display, text: &str) {
    if text.is_empty() {
        faults.add(path, "", Rule::Empty);
    } else if text.len() > TEXT_BYTES {
        faults.add(path, text, Rule::TooLong(TEXT_BYTES));
    } else if text.chars().any(char::is_control) {
        faults.add(path, text, Rule::Form("without control characters"));
    }
}

impl From<&str> for Capability {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<u32> for Capability {
    fn from(count: u32) -> Self {
        Self::Number(Measure::count(count.into()))
    }
}

impl From<Measure> for Capability {
    fn from(number: Measure) -> Self {
        Self::Number(number)
    }
}

impl From<Version> for Capability {
    fn from(version: Version) -> Self {
        Self::Version(version)
    }
}

impl<const N: usize> From<[&str; N]> for Capability {
    fn from(values: [&str; N]) -> Self {
        Self::Set(set(values))
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => text.fmt(f),
            Self::Set(values) => Listed(values).fmt(f),
            Self::Version(version) => version.fmt(f),
        }
    }
}
