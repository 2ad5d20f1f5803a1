//! The smaller words of a request: company, wishes, urgency and time.

use crate::{Constraint, Label, Labels, Timestamp};
use std::fmt;

/// What others meet of a reservation as long as it lives.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Terms {
    /// Labels of the work.
    pub labels: Labels,
    /// Whose company it seeks or shuns.
    pub affinities: Vec<Affinity>,
}

/// A rule about the company of other reservations, the request's own pieces included.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Affinity {
    /// The label by which the others are known.
    pub label: Label,
    /// The level of the topology on which they are near: `host`, `rack`, `zone`.
    pub level: String,
    /// Near or not.
    pub mode: Mode,
}

/// What an affinity asks for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "snake_case")
)]
pub enum Mode {
    /// In the same domain as one that has the label.
    Together,
    /// In a domain where none has the label.
    Apart,
}

/// A wish for company: it counts where something with the label is in the same domain.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SoftAffinity {
    /// The label by which the others are known.
    pub label: Label,
    /// The level of the topology on which they are near.
    pub level: String,
    /// How much it counts; negative to keep away.
    pub weight: i32,
}

/// How evenly members stand in the domains of a level: those of the request, and those with a label if it names one.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(deny_unknown_fields)
)]
pub struct Spread {
    /// The level.
    pub level: String,
    /// By how many members the fullest domain may be ahead of the emptiest; at least one.
    pub max_skew: u32,
    /// How many members one domain may have; absent: any number.
    #[cfg_attr(
        feature = "serde",
        serde(default, skip_serializing_if = "Option::is_none")
    )]
    pub most: Option<u32>,
    /// Which members count besides those of the request; absent: none.
    #[cfg_attr(
        feature = "serde",
        serde(default, skip_serializing_if = "Option::is_none")
    )]
    pub among: Option<Label>,
}

impl Spread {
    /// Members of the request alone, so even over the domains of a level.
    pub fn over(level: impl Into<String>, max_skew: u32) -> Self {
        Self {
            level: level.into(),
            max_skew,
            most: None,
            among: None,
        }
    }
}

/// A wish: a rule that counts if it holds, and excludes nothing if it does not.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(deny_unknown_fields)
)]
pub struct Preference {
    /// What had better hold.
    pub rule: Constraint,
    /// How much it counts where it holds; negative to keep away.
    pub weight: i32,
}

/// How urgent a request is: higher comes first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(transparent)
)]
pub struct Priority(pub i32);

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// When a request may be granted and its reservation may live: from the one, up to but not at the other.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(deny_unknown_fields)
)]
pub struct Window {
    /// Not before this; at any time if absent.
    #[cfg_attr(
        feature = "serde",
        serde(default, skip_serializing_if = "Option::is_none")
    )]
    pub from: Option<Timestamp>,
    /// Before this; for ever if absent.
    #[cfg_attr(
        feature = "serde",
        serde(default, skip_serializing_if = "Option::is_none")
    )]
    pub until: Option<Timestamp>,
}

impl Window {
    /// Whether `now` lies within.
    /// ```
    /// # use cloudlot_core::{Timestamp, Window};
    /// let at = Timestamp::from_nanos;
    /// let window = Window { from: Some(at(3)), until: Some(at(5)) };
    /// assert_eq!([2, 3, 4, 5].map(|n| window.contains(at(n))), [false, true, true, false]);
    /// ```
    #[must_use]
    pub fn contains(&self, now: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= now) && self.until.is_none_or(|until| now < until)
    }
}
