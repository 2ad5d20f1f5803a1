//! Labels: what people write on resources and requests so that rules can speak of them.

use crate::text;
use crate::{Faults, Rule};
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// How many labels, tags or metadata entries one thing may have.
pub(crate) const LABELS: usize = 256;

/// One key and its value: `app=web`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label {
    /// A word, with a DNS name and `/` before it or not.
    pub key: String,
    /// A word, or nothing.
    pub value: String,
}

impl Label {
    /// A label from `key=value`.
    pub(crate) fn checked(faults: &mut Faults, path: impl fmt::Display, text: &str) -> Self {
        let (key, value) = text.split_once('=').unwrap_or((text, ""));
        if key.len() == text.len() {
            let form = "a key and a value with `=` between them";
            faults.add(path, text, Rule::Form(form));
        } else {
            text::key(faults, format_args!("{path}.key"), key);
            text::word_or_empty(faults, format_args!("{path}.value"), value);
        }
        Self {
            key: key.to_owned(),
            value: value.to_owned(),
        }
    }
}

impl FromStr for Label {
    type Err = Faults;

    /// `key=value`.
    fn from_str(text: &str) -> Result<Self, Faults> {
        let mut faults = Faults::default();
        let label = Self::checked(&mut faults, "label", text);
        faults.or(label)
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.key, self.value)
    }
}

impl fmt::Debug for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Labels by key, each key once.
///
/// The characters are those of Kubernetes; a value and the name in a key may have 255 bytes instead of 63, since the
/// tags of clouds are that long. At most 256 labels.
/// ```
/// # use cloudlot_core::Labels;
/// let labels = Labels::of([("zone", "a"), ("example.com/team", "blue")])?;
/// assert_eq!(labels.get("zone"), Some("a"));
/// let faults = Labels::of([("zone", "a b"), ("-x", "")]).unwrap_err();
/// assert_eq!(faults.len(), 2); // all at once
/// # Ok::<(), cloudlot_core::Faults>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Labels(BTreeMap<String, String>);

/// No labels.
pub(crate) static NONE: Labels = Labels(BTreeMap::new());

impl Labels {
    /// These labels.
    ///
    /// # Errors
    /// Every fault of every label; a key that stands twice is one.
    pub fn of<K: Into<String>, V: Into<String>>(
        labels: impl IntoIterator<Item = (K, V)>,
    ) -> Result<Self, Faults> {
        let mut faults = Faults::default();
        let list = labels.into_iter().map(|(k, v)| (k.into(), v.into()));
        let labels = Self::checked(&mut faults, "labels", list.collect());
        faults.or(labels)
    }

    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// Whether this key has this value.
    #[must_use]
    pub fn has(&self, label: &Label) -> bool {
        self.get(&label.key) == Some(&label.value)
    }

    /// Keys and values, sorted by key.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn checked(faults: &mut Faults, path: &str, list: Vec<(String, String)>) -> Self {
        Self(unique(faults, path, list, |faults, key, value| {
            text::key(faults, format_args!("{path}.{key}"), key);
            text::word_or_empty(faults, format_args!("{path}.{key}"), value);
        }))
    }
}

impl fmt::Debug for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A map from a list, with a fault for every key that stands twice and whatever `check` finds.
pub(crate) fn unique<V>(
    faults: &mut Faults,
    path: &str,
    list: Vec<(String, V)>,
    check: impl Fn(&mut Faults, &str, &V),
) -> BTreeMap<String, V> {
    let mut map = BTreeMap::new();
    if !text::at_most(faults, path, list.len(), LABELS) {
        return map;
    }
    for (key, value) in list {
        check(faults, &key, &value);
        if map.contains_key(&key) {
            faults.add(format_args!("{path}.{key}"), &key, Rule::Twice);
        }
        map.insert(key, value);
    }
    map
}
