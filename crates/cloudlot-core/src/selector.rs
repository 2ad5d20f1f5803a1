//! Rules about the labels of a resource, as in Kubernetes.

use crate::{Faults, Labels, Rule, text};
use std::collections::BTreeSet;
use std::fmt;

/// The most values that one rule may list.
pub(crate) const VALUES: usize = 4_096;

/// A rule about one label of a resource.
///
/// ```
/// # use cloudlot_core::{Labels, Selector};
/// let labels = Labels::of([("zone", "a"), ("generation", "7")])?;
/// assert!(Selector::any_of("zone", ["a", "b"]).holds(&labels));
/// assert!(Selector::none_of("disk", ["tape"]).holds(&labels)); // a label that is absent has none of the values
/// assert!(Selector::above("generation", 6).holds(&labels));
/// assert!(!Selector::above("zone", 6).holds(&labels)); // not a number
/// # Ok::<(), cloudlot_core::Faults>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(deny_unknown_fields)
)]
pub struct Selector {
    /// The label's key.
    pub key: String,
    /// What has to hold of its value.
    pub test: LabelTest,
}

/// What has to hold of a label's value.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "snake_case")
)]
pub enum LabelTest {
    /// It is one of these.
    In(BTreeSet<String>),
    /// It is none of these; holds where the label is absent.
    NotIn(BTreeSet<String>),
    /// The label is there.
    Exists,
    /// The label is absent.
    DoesNotExist,
    /// It is a whole number above this.
    Gt(i64),
    /// It is a whole number below this.
    Lt(i64),
}

impl Selector {
    fn new(key: impl Into<String>, test: LabelTest) -> Self {
        let key = key.into();
        Self { key, test }
    }

    /// The label has one of these values.
    pub fn any_of<V: Into<String>>(
        key: impl Into<String>,
        values: impl IntoIterator<Item = V>,
    ) -> Self {
        Self::new(key, LabelTest::In(set(values)))
    }

    /// The label has none of these values, or is absent.
    pub fn none_of<V: Into<String>>(
        key: impl Into<String>,
        values: impl IntoIterator<Item = V>,
    ) -> Self {
        Self::new(key, LabelTest::NotIn(set(values)))
    }

    /// The label is there.
    pub fn exists(key: impl Into<String>) -> Self {
        Self::new(key, LabelTest::Exists)
    }

    /// The label is absent.
    pub fn absent(key: impl Into<String>) -> Self {
        Self::new(key, LabelTest::DoesNotExist)
    }

    /// The label is a whole number above this.
    pub fn above(key: impl Into<String>, number: i64) -> Self {
        Self::new(key, LabelTest::Gt(number))
    }

    /// The label is a whole number below this.
    pub fn below(key: impl Into<String>, number: i64) -> Self {
        Self::new(key, LabelTest::Lt(number))
    }

    /// Whether it holds of these labels.
    #[must_use]
    pub fn holds(&self, labels: &Labels) -> bool {
        let value = labels.get(&self.key);
        let number = || value.and_then(|value| value.parse::<i64>().ok());
        match &self.test {
            LabelTest::In(values) => value.is_some_and(|value| values.contains(value)),
            LabelTest::NotIn(values) => value.is_none_or(|value| !values.contains(value)),
            LabelTest::Exists => value.is_some(),
            LabelTest::DoesNotExist => value.is_none(),
            LabelTest::Gt(least) => number().is_some_and(|number| number > *least),
            LabelTest::Lt(most) => number().is_some_and(|number| number < *most),
        }
    }

    pub(crate) fn check(&self, faults: &mut Faults, path: impl fmt::Display) {
        text::key(faults, format_args!("{path}.key"), &self.key);
        let (LabelTest::In(values) | LabelTest::NotIn(values)) = &self.test else {
            return;
        };
        if values.is_empty() {
            faults.add(format_args!("{path}.values"), "", Rule::Empty);
        }
        for value in values {
            text::word_or_empty(faults, format_args!("{path}.values"), value);
        }
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = &self.key;
        match &self.test {
            LabelTest::In(values) => write!(f, "label {key} in {}", Listed(values)),
            LabelTest::NotIn(values) => write!(f, "label {key} not in {}", Listed(values)),
            LabelTest::Exists => write!(f, "label {key} exists"),
            LabelTest::DoesNotExist => write!(f, "label {key} does not exist"),
            LabelTest::Gt(least) => write!(f, "label {key} > {least}"),
            LabelTest::Lt(most) => write!(f, "label {key} < {most}"),
        }
    }
}

/// The values of a set with commas between them, in parentheses.
pub(crate) struct Listed<'a, T>(pub(crate) &'a BTreeSet<T>);

impl<T: fmt::Display> fmt::Display for Listed<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, value) in self.0.iter().enumerate() {
            write!(f, "{}{value}", if n == 0 { "(" } else { ", " })?;
        }
        f.write_str(if self.0.is_empty() { "()" } else { ")" })
    }
}

pub(crate) fn set<V: Into<String>>(values: impl IntoIterator<Item = V>) -> BTreeSet<String> {
    values.into_iter().map(Into::into).collect()
}
