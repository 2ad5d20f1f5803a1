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
