//! How much is asked for: parts that come all or not at all, or an amount that may shrink and grow.

use crate::Quantities;

/// How much is asked for.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Need {
    /// All of these, or none.
    Parts(Vec<Part>),
    /// Any amount between the two, which may be split over resources and resized later.
    Elastic {
        /// Below this it is not worth having.
        least: Quantities,
        /// More than this is of no use; for each kind at least as much as the least.
        most: Quantities,
    },
}

impl Need {
    /// The parts; none of an elastic need.
    #[must_use]
    pub fn parts(&self) -> &[Part] {
        match self {
            Self::Parts(parts) => parts,
            Self::Elastic { .. } => &[],
        }
    }
}

/// Equal members of a gang: `count` times the same amounts.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Part {
    /// How much each member takes, whole, on its place.
    pub amounts: Quantities,
    /// How many members.
    pub count: u32,
    /// How many members are enough; at least one, at most `count`.
    pub min: u32,
    /// What a member's place is.
    pub on: On,
}

/// What one member of a part sits on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "snake_case", deny_unknown_fields)
)]
pub enum On {
    /// One resource that is no part of another.
    #[default]
    Node,
    /// So many resources that are parts of one and the same parent; the member takes its amounts on each of them.
    Children {
        /// How many, at least one.
        of: u32,
    },
}
