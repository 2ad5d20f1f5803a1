//! Versions: dotted numbers that compare as numbers.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

const NUMBERS: usize = 8;
const BYTES: usize = 128;

/// A version such as `1.10.2` or `2.0-rc.1`.
///
/// Numbers compare as numbers, and one that is absent counts as zero. What follows a `-` marks an early version, which
/// comes before the plain one; its dotted parts compare as Semantic Versioning says: numbers as numbers, before words.
/// A leading `v` and what follows a `+` are dropped. Printed as it was written; `{:#}` leaves out zeros at the end.
///
/// Source: Semantic Versioning 2.0.0, section 11, with 1 to 8 numbers instead of three.
/// ```
/// # use cloudlot_core::Version;
/// let version = |text: &str| text.parse::<Version>();
/// assert!(version("1.10")? > version("1.9")?);
/// assert_eq!(version("v1.0")?, version("1.0.0+build.5")?);
/// assert!(version("2.0-rc.1")? < version("2.0")?);
/// # Ok::<(), cloudlot_core::ParseVersionError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Version {
    numbers: Vec<u64>,
    early: Vec<Word>,
}

/// Numbers come before texts: the order of the variants.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
enum Word {
    Number(u64),
    Text(String),
}

/// The text is not a version.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "`{0}` is not a version: 1 to 8 numbers with dots between them, then `-` and dotted words or not"
)]
pub struct ParseVersionError(String);

impl Version {
    fn significant(&self) -> &[u64] {
        let end = self.numbers.iter().rposition(|n| *n != 0);
        &self.numbers[..end.map_or(0, |end| end + 1)]
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Version {}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        let early = || match (self.early.is_empty(), other.early.is_empty()) {
            (false, false) => self.early.cmp(&other.early),
            (mine, others) => mine.cmp(&others),
        };
        self.significant().cmp(other.significant()).then_with(early)
    }
}

impl Hash for Version {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.significant().hash(state);
        self.early.hash(state);
    }
}

impl FromStr for Version {
    type Err = ParseVersionError;

    fn from_str(text: &str) -> Result<Self, ParseVersionError> {
        let parse = || {
            let plain = text.strip_prefix('v').unwrap_or(text);
            let (plain, build) = plain.split_once('+').unwrap_or((plain, "0"));
            let (numbers, early) = match plain.split_once('-') {
                Some((numbers, early)) => (numbers, words(early)?),
                None => (plain, Vec::new()),
            };
            words(build)?;
            let numbers: Option<Vec<u64>> = numbers.split('.').map(number).collect();
            let numbers = numbers.filter(|numbers| numbers.len() <= NUMBERS)?;
            Some(Self { numbers, early })
        };
        (text.len() <= BYTES)
            .then(parse)
            .flatten()
            .ok_or_else(|| ParseVersionError(crate::fault::shown(text)))
    }
}

fn number(text: &str) -> Option<u64> {
    let digits = text.bytes().all(|c| c.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}

fn words(text: &str) -> Option<Vec<Word>> {
    let legal = |word: &str| {
        let inner = |c: u8| c.is_ascii_alphanumeric() || c == b'-';
        !word.is_empty() && word.bytes().all(inner)
    };
    let word = |word: &str| {
        let text = || Word::Text(word.to_owned());
        legal(word).then(|| number(word).map_or_else(text, Word::Number))
    };
    text.split('.').map(word).collect()
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers = match f.alternate() {
            true => self.significant(),
            false => &self.numbers,
        };
        for (n, number) in numbers.iter().enumerate() {
            write!(f, "{}{number}", if n == 0 { "" } else { "." })?;
        }
        for (n, word) in self.early.iter().enumerate() {
            f.write_str(if n == 0 { "-" } else { "." })?;
            match word {
                Word::Number(number) => number.fmt(f)?,
                Word::Text(text) => f.write_str(text)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn version(text: &str) -> Version {
        text.parse().unwrap()
    }

    #[test]
    fn versions_stand_in_the_order_of_the_standard() {
        let order = [
            "0",
            "0.9-alpha",
            "0.9",
            "1.0.0-alpha",
            "1.0.0-alpha.1",
            "1.0.0-alpha.beta",
            "1.0.0-beta.2",
            "1.0.0-beta.11",
            "1.0.0-rc.1",
            "1",
            "1.9",
            "1.10",
            "2.0.0.0.1",
        ];
        for pair in order.windows(2) {
            assert!(version(pair[0]) < version(pair[1]), "{pair:?}");
        }
    }

    #[test]
    fn what_is_no_version_is_refused() {
        let long = "1.".repeat(8) + "1";
        let texts = [
            "",
            "v",
            "1.",
            ".1",
            "1..2",
            "-1",
            "1.-",
            "1-",
            "1-a..b",
            "1+",
            "+1",
            "1.x",
            "1 ",
            "1-ä",
            "99999999999999999999",
            &long,
        ];
        for text in texts {
            assert!(text.parse::<Version>().is_err(), "`{text}` was taken");
        }
    }

    proptest! {
        #[test]
        fn numbers_compare_as_numbers(
            a in proptest::collection::vec(0..12_u64, 1..5),
            b in proptest::collection::vec(0..12_u64, 1..5),
        ) {
            let text = |list: &[u64]| list.iter().map(u64::to_string).collect::<Vec<_>>().join(".");
            let padded = |list: &[u64]| {
                let mut list = list.to_vec();
                list.resize(8, 0);
                list
            };
            let order = version(&text(&a)).cmp(&version(&text(&b)));
            prop_assert_eq!(order, padded(&a).cmp(&padded(&b)));
        }

        #[test]
        fn a_version_survives_its_text(text in "v?[0-9]{1,3}(\\.[0-9]{1,3}){0,4}(-[a-z0-9]{1,3}(\\.[a-z0-9-]{1,3}){0,2})?") {
            let own = version(&text);
            prop_assert_eq!(version(&own.to_string()), own.clone());
            prop_assert_eq!(version(&own.to_string()).to_string(), own.to_string());
        }

        #[test]
        fn no_text_breaks_the_reader(text in "\\PC{0,40}") {
            let _ = text.parse::<Version>();
        }
    }
}
