//! Taints keep work away from a resource; tolerations let it come all the same. As in Kubernetes.

use crate::{Faults, Rule, text};
use std::fmt;

/// What a taint does to work that does not tolerate it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Effect {
    /// Nothing new comes.
    NoSchedule,
    /// Nothing new comes while there is another place.
    PreferNoSchedule,
    /// Nothing new comes, and what is there has to go.
    NoExecute,
}

/// A mark on a resource that keeps work away.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(deny_unknown_fields)
)]
pub struct Taint {
    /// A word, with a DNS name and `/` before it or not.
    pub key: String,
    /// A word, or nothing.
    #[cfg_attr(feature = "serde", serde(default))]
    pub value: String,
    /// What it does.
    pub effect: Effect,
}

impl Taint {
    /// A taint.
    #[must_use]
    pub fn new(key: impl Into<String>, value: impl Into<String>, effect: Effect) -> Self {
        Self {
            key: key.into(),
            value: value.into(),
            effect,
        }
    }

    pub(crate) fn check(&self, faults: &mut Faults, path: impl fmt::Display) {
        text::key(faults, format_args!("{path}.key"), &self.key);
        text::word_or_empty(faults, format_args!("{path}.value"), &self.value);
    }
}

impl fmt::Display for Taint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}:{:?}", self.key, self.value, self.effect)
    }
}

/// Which taints a request puts up with.
///
/// ```
/// # use cloudlot_core::{Effect, Taint, Toleration};
/// let taint = Taint::new("gpu", "yes", Effect::NoSchedule);
/// assert!(Toleration::exists("gpu").tolerates(&taint));
/// assert!(Toleration::equal("gpu", "yes").tolerates(&taint));
/// assert!(!Toleration::equal("gpu", "no").tolerates(&taint));
/// assert!(!Toleration::exists("gpu").effect(Effect::NoExecute).tolerates(&taint));
/// assert!(Toleration::everything().tolerates(&taint));
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(deny_unknown_fields)
)]
pub struct Toleration {
    /// The taint's key; every key if absent.
    #[cfg_attr(
        feature = "serde",
        serde(default, skip_serializing_if = "Option::is_none")
    )]
    pub key: Option<String>,
    /// The taint's value; every value if absent.
    #[cfg_attr(
        feature = "serde",
        serde(default, skip_serializing_if = "Option::is_none")
    )]
    pub value: Option<String>,
    /// The taint's effect; every effect if absent.
    #[cfg_attr(
        feature = "serde",
        serde(default, skip_serializing_if = "Option::is_none")
    )]
    pub effect: Option<Effect>,
}

impl Toleration {
    /// Tolerates every taint.
    #[must_use]
    pub fn everything() -> Self {
        Self {
            key: None,
            value: None,
            effect: None,
        }
    }

    /// Tolerates taints of this key, whatever their value and effect.
    #[must_use]
    pub fn exists(key: impl Into<String>) -> Self {
        Self {
            key: Some(key.into()),
            ..Self::everything()
        }
    }

    /// Tolerates taints of this key and value, whatever their effect.
    #[must_use]
    pub fn equal(key: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            value: Some(value.into()),
            ..Self::exists(key)
        }
    }

    /// The same, for one effect only.
    #[must_use]
    pub fn effect(self, effect: Effect) -> Self {
        Self {
            effect: Some(effect),
            ..self
        }
    }

    /// Whether this taint is put up with.
    #[must_use]
    pub fn tolerates(&self, taint: &Taint) -> bool {
        self.key.as_ref().is_none_or(|key| *key == taint.key)
            && self
                .value
                .as_ref()
                .is_none_or(|value| *value == taint.value)
            && self.effect.is_none_or(|effect| effect == taint.effect)
    }

    pub(crate) fn check(&self, faults: &mut Faults, path: impl fmt::Display) {
        if let Some(key) = &self.key {
            text::key(faults, format_args!("{path}.key"), key);
        }
        if let Some(value) = &self.value {
            text::word_or_empty(faults, format_args!("{path}.value"), value);
            if self.key.is_none() {
                faults.add(format_args!("{path}.key"), "", Rule::Empty);
            }
        }
    }
}
