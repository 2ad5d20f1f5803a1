//! Rules about capabilities.

use super::Capability;
use crate::selector::{Listed, set};
use crate::{Faults, Rule, text};
use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::fmt;

/// A rule about one capability of a resource.
///
/// A capability that is missing fulfils no rule, `NoneOf` included: what nobody has stated is not known.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(deny_unknown_fields)
)]
pub struct CapabilityRule {
    /// The capability's name.
    pub name: String,
    /// What has to hold of its value.
    pub test: CapabilityTest,
}

/// What has to hold of a capability's value.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "snake_case", deny_unknown_fields)
)]
pub enum CapabilityTest {
    /// It is stated.
    Exists,
    /// A number or version at least this.
    AtLeast(Capability),
    /// A number or version at most this.
    AtMost(Capability),
    /// A number or version from the one to the other, both included.
    Range {
        /// The lower end.
        least: Capability,
        /// The upper end.
        most: Capability,
    },
    /// Just this; a set with the same members.
    Equals(Capability),
    /// One of these, or a set with one of these texts in it.
    OneOf(BTreeSet<Capability>),
    /// None of these, and no set with one of these texts in it.
    NoneOf(BTreeSet<Capability>),
    /// A set with all of these in it, or a text that is all of these.
    ContainsAll(BTreeSet<String>),
    /// A set with one of these in it, or a text that is one of these.
    ContainsAny(BTreeSet<String>),
}

/// How a rule came out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    Holds,
    Fails,
    Missing,
    Incomparable,
}

impl Verdict {
    pub(crate) fn holds(self) -> bool {
        self == Self::Holds
    }
}

impl From<bool> for Verdict {
    fn from(holds: bool) -> Self {
        if holds { Self::Holds } else { Self::Fails }
    }
}

impl CapabilityRule {
    fn new(name: impl Into<String>, test: CapabilityTest) -> Self {
        let name = name.into();
        Self { name, test }
    }

    /// The capability is stated, whatever its value.
    pub fn exists(name: impl Into<String>) -> Self {
        Self::new(name, CapabilityTest::Exists)
    }

    /// At least this.
    pub fn at_least(name: impl Into<String>, value: impl Into<Capability>) -> Self {
        Self::new(name, CapabilityTest::AtLeast(value.into()))
    }

    /// At most this.
    pub fn at_most(name: impl Into<String>, value: impl Into<Capability>) -> Self {
        Self::new(name, CapabilityTest::AtMost(value.into()))
    }

    /// From `least` to `most`, both included.
    pub fn range(
        name: impl Into<String>,
        least: impl Into<Capability>,
        most: impl Into<Capability>,
    ) -> Self {
        let (least, most) = (least.into(), most.into());
        Self::new(name, CapabilityTest::Range { least, most })
    }

    /// Just this.
    pub fn equals(name: impl Into<String>, value: impl Into<Capability>) -> Self {
        Self::new(name, CapabilityTest::Equals(value.into()))
    }

    /// One of these.
    pub fn one_of<V: Into<Capability>>(
        name: impl Into<String>,
        values: impl IntoIterator<Item = V>,
    ) -> Self {
        let values = values.into_iter().map(Into::into).collect();
        Self::new(name, CapabilityTest::OneOf(values))
    }

    /// None of these.
    pub fn none_of<V: Into<Capability>>(
        name: impl Into<String>,
        values: impl IntoIterator<Item = V>,
    ) -> Self {
        let values = values.into_iter().map(Into::into).collect();
        Self::new(name, CapabilityTest::NoneOf(values))
    }

    /// All of these.
    pub fn contains_all<V: Into<String>>(
        name: impl Into<String>,
        values: impl IntoIterator<Item = V>,
    ) -> Self {
        Self::new(name, CapabilityTest::ContainsAll(set(values)))
    }

    /// One of these at least.
    pub fn contains_any<V: Into<String>>(
        name: impl Into<String>,
        values: impl IntoIterator<Item = V>,
    ) -> Self {
        Self::new(name, CapabilityTest::ContainsAny(set(values)))
    }

    /// As good as this: at least a number or a version, just a text, all of a set.
    pub fn as_good_as(name: impl Into<String>, value: &Capability) -> Self {
        let test = match value {
            Capability::Number(_) | Capability::Version(_) => {
                CapabilityTest::AtLeast(value.clone())
            }
            Capability::Text(_) => CapabilityTest::Equals(value.clone()),
            Capability::Set(values) => CapabilityTest::ContainsAll(values.clone()),
        };
        Self::new(name, test)
    }

    pub(crate) fn verdict(&self, value: Option<&Capability>) -> Verdict {
        value.map_or(Verdict::Missing, |value| self.test.verdict(value))
    }

    pub(crate) fn values(&self) -> usize {
        match &self.test {
            CapabilityTest::OneOf(values) | CapabilityTest::NoneOf(values) => values.len(),
            CapabilityTest::ContainsAll(values) | CapabilityTest::ContainsAny(values) => {
                values.len()
            }
            _ => 0,
        }
    }

    pub(crate) fn check(&self, faults: &mut Faults, path: impl fmt::Display) {
        text::key(faults, format_args!("{path}.name"), &self.name);
        let path = format!("{path}.{}", self.name);
        match &self.test {
            CapabilityTest::Exists => {}
            CapabilityTest::AtLeast(value) | CapabilityTest::AtMost(value) => {
                ordered(faults, &path, value, value);
            }
            CapabilityTest::Range { least, most } => ordered(faults, &path, least, most),
            CapabilityTest::Equals(value) => value.check(faults, &path),
            CapabilityTest::OneOf(values) | CapabilityTest::NoneOf(values) => {
                if values.is_empty() {
                    faults.add(&path, "", Rule::Empty);
                }
                for value in values {
                    value.check(faults, &path);
                }
            }
            CapabilityTest::ContainsAll(values) | CapabilityTest::ContainsAny(values) => {
                if values.is_empty() {
                    faults.add(&path, "", Rule::Empty);
                }
                for value in values {
                    Capability::Text(value.clone()).check(faults, &path);
                }
            }
        }
    }
}

/// Both ends of a range have an order between them, and it is the right one.
fn ordered(faults: &mut Faults, path: &str, least: &Capability, most: &Capability) {
    match least.compare(most) {
        None => faults.add(path, least, Rule::Incomparable(format!("`{most}`"))),
        Some(Ordering::Greater) => faults.add(path, least, Rule::Above(format!("`{most}`"))),
        Some(_) => {}
    }
}

impl CapabilityTest {
    fn verdict(&self, value: &Capability) -> Verdict {
        let order = |other: &Capability, wanted: fn(Ordering) -> bool| {
            let order = value.compare(other);
            order.map_or(Verdict::Incomparable, |order| wanted(order).into())
        };
        match self {
            Self::Exists => Verdict::Holds,
            Self::AtLeast(least) => order(least, Ordering::is_ge),
            Self::AtMost(most) => order(most, Ordering::is_le),
            Self::Range { least, most } => match order(least, Ordering::is_ge) {
                Verdict::Holds => order(most, Ordering::is_le),
                other => other,
            },
            Self::Equals(wanted) if alike(value, wanted) => (value == wanted).into(),
            Self::Equals(_) => Verdict::Incomparable,
            Self::OneOf(values) => among(value, values),
            Self::NoneOf(values) => match among(value, values) {
                Verdict::Holds => Verdict::Fails,
                Verdict::Fails => Verdict::Holds,
                other => other,
            },
            Self::ContainsAll(wanted) => contains(value, |has| wanted.iter().all(has)),
            Self::ContainsAny(wanted) => contains(value, |has| wanted.iter().any(has)),
        }
    }
}

/// Whether the two could be equal at all: one type, and of numbers one dimension.
fn alike(a: &Capability, b: &Capability) -> bool {
    match (a, b) {
        (Capability::Text(_), Capability::Text(_)) | (Capability::Set(_), Capability::Set(_)) => {
            true
        }
        _ => a.compare(b).is_some(),
    }
}

fn among(value: &Capability, values: &BTreeSet<Capability>) -> Verdict {
    if let Capability::Set(own) = value {
        let is_in =
            |text: &Capability| matches!(text, Capability::Text(text) if own.contains(text));
        if values.iter().any(is_in) {
            return Verdict::Holds;
        }
    }
    if values.contains(value) {
        return Verdict::Holds;
    }
    let in_a_set =
        |other: &Capability| matches!((value, other), (Capability::Set(_), Capability::Text(_)));
    let comparable = values
        .iter()
        .all(|other| alike(value, other) || in_a_set(other));
    if comparable {
        Verdict::Fails
    } else {
        Verdict::Incomparable
    }
}

fn contains(value: &Capability, test: impl Fn(&dyn Fn(&String) -> bool) -> bool) -> Verdict {
    match value {
        Capability::Set(own) => test(&|wanted| own.contains(wanted)).into(),
        Capability::Text(own) => test(&|wanted| own == wanted).into(),
        Capability::Number(_) | Capability::Version(_) => Verdict::Incomparable,
    }
}

impl fmt::Display for CapabilityRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.name;
        match &self.test {
            CapabilityTest::Exists => write!(f, "capability {name} exists"),
            CapabilityTest::AtLeast(least) => write!(f, "capability {name} >= {least}"),
            CapabilityTest::AtMost(most) => write!(f, "capability {name} <= {most}"),
            CapabilityTest::Range { least, most } => {
                write!(f, "capability {name} within {least} to {most}")
            }
            CapabilityTest::Equals(value) => write!(f, "capability {name} = {value}"),
            CapabilityTest::OneOf(values) => write!(f, "capability {name} in {}", Listed(values)),
            CapabilityTest::NoneOf(values) => {
                write!(f, "capability {name} not in {}", Listed(values))
            }
            CapabilityTest::ContainsAll(values) => {
                write!(f, "capability {name} has all of {}", Listed(values))
            }
            CapabilityTest::ContainsAny(values) => {
                write!(f, "capability {name} has one of {}", Listed(values))
            }
        }
    }
}
