//! What is wrong with a request or a resource: all of it at once, each with its path, its value and the rule it breaks.
//!
//! The list is bounded, and so is every value in it, so that hostile input gets a short answer.

use crate::Mismatch;
use std::fmt;

/// How many faults are kept; further ones are counted.
const KEPT: usize = 64;
/// How many characters of a value are shown.
const SHOWN: usize = 64;

/// One thing that is wrong.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fault {
    /// Where it stands: `parts[0].amounts.cpu`.
    pub path: String,
    /// What stands there, cut to 64 characters.
    pub value: String,
    /// The rule that it breaks.
    pub rule: Rule,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.value.is_empty() {
            return write!(f, "{}: {}", self.path, self.rule);
        }
        write!(f, "{}: `{}` {}", self.path, self.value, self.rule)
    }
}

/// The rules that a model can break.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Rule {
    /// Something has to stand here.
    Empty,
    /// The text is longer than this many bytes.
    TooLong(usize),
    /// There are more than this many.
    TooMany(usize),
    /// The characters are not those of the form, which is described.
    Form(&'static str),
    /// It is named twice.
    Twice,
    /// It has to be more than nothing.
    Zero,
    /// It is outside of a range.
    Outside {
        /// The least that is legal.
        least: u64,
        /// The most that is legal.
        most: u64,
    },
    /// It is more than the other value, which is described.
    Above(String),
    /// It excludes the other value, which is described.
    Excludes(&'static str),
    /// Two values that have no order between them, such as bytes and hertz, are compared.
    Incomparable(String),
    /// The resource, whose name is the value, cannot take the request.
    Mismatch(Mismatch),
    /// A rule of a plug-in, or of a text form.
    Other(String),
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("is missing"),
            Self::TooLong(most) => write!(f, "is longer than {most} bytes"),
            Self::TooMany(most) => write!(f, "is more than the {most} that are allowed"),
            Self::Form(form) => write!(f, "is not {form}"),
            Self::Twice => f.write_str("is named twice"),
            Self::Zero => f.write_str("has to be more than nothing"),
            Self::Outside { least, most } => write!(f, "is not within {least} to {most}"),
            Self::Above(other) => write!(f, "is above {other}"),
            Self::Excludes(other) => write!(f, "excludes {other}"),
            Self::Incomparable(other) => write!(f, "cannot be compared with {other}"),
            Self::Mismatch(mismatch) => write!(f, "does not match: {mismatch}"),
            Self::Other(text) => f.write_str(text),
        }
    }
}

/// Everything that is wrong, in the order of the checks; one line each when shown.
///
/// At most 64 are kept; the rest is counted.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Faults {
    list: Vec<Fault>,
    more: usize,
}

impl Faults {
    /// The faults that were kept.
    pub fn iter(&self) -> std::slice::Iter<'_, Fault> {
        self.list.iter()
    }

    /// How many there are, those that were only counted included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.list.len().saturating_add(self.more)
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Adds a fault; the value is cut.
    ///
    /// Path and value are only put into text if the fault is kept.
    pub fn add(&mut self, path: impl fmt::Display, value: impl fmt::Display, rule: Rule) {
        if self.list.len() == KEPT {
            self.more = self.more.saturating_add(1);
            return;
        }
        self.list.push(Fault {
            path: shown(path),
            value: shown(value),
            rule,
        });
    }

    /// Adds all of the other's.
    pub fn merge(&mut self, other: Self) {
        for fault in other.list {
            if self.list.len() == KEPT {
                self.more = self.more.saturating_add(1);
            } else {
                self.list.push(fault);
            }
        }
        self.more = self.more.saturating_add(other.more);
    }

    /// `value` if nothing is wrong.
    ///
    /// # Errors
    /// These faults, if there are any.
    pub fn or<T>(self, value: T) -> Result<T, Self> {
        if self.is_empty() {
            Ok(value)
        } else {
            Err(self)
        }
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, fault) in self.list.iter().enumerate() {
            let separator = if n == 0 { "" } else { "\n" };
            write!(f, "{separator}{fault}")?;
        }
        if self.more > 0 {
            write!(f, "\nand {} more", self.more)?;
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}

/// The value as text, cut after 64 characters without ever holding more of it.
pub(crate) fn shown(value: impl fmt::Display) -> String {
    struct Cut(String, usize);
    impl fmt::Write for Cut {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            for c in text.chars() {
                if self.1 == SHOWN {
                    self.0.push('…');
                    return Err(fmt::Error);
                }
                self.0.extend(c.escape_debug());
                self.1 += 1;
            }
            Ok(())
        }
    }
    let mut cut = Cut(String::new(), 0);
    // The only error is that the text was cut.
    let _ = fmt::Write::write_fmt(&mut cut, format_args!("{value}"));
    cut.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundred_thousand_faults_are_a_short_answer() {
        let mut faults = Faults::default();
        for n in 0..100_000 {
            faults.add(format_args!("labels[{n}]"), "x".repeat(500), Rule::Empty);
        }
        assert_eq!(faults.len(), 100_000);
        let text = faults.to_string();
        assert!(text.len() < 10_000);
        assert!(text.ends_with("and 99936 more"));
    }

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        assert_eq!(shown("a\u{1b}[2Jb\n"), "a\\u{1b}[2Jb\\n");
    }
}
