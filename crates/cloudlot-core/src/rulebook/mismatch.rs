//! Why a resource cannot take a request, with the values that say so.

use crate::{KindName, ResourceState, Taint};
use std::fmt;

/// One thing that keeps a request from a resource, however empty it is.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Mismatch {
    /// The resource takes nothing new.
    State(ResourceState),
    /// The resource has a taint that is not tolerated.
    Taint(Taint),
    /// A member has to sit on a node, and this is a part of one.
    Device {
        /// The resource that it is a part of.
        of: String,
    },
    /// A member has to sit on parts of a resource, and this is a whole one.
    Whole,
    /// The resource has nothing of this kind.
    NotOffered {
        /// The kind.
        kind: KindName,
        /// How much is asked for.
        asked: u64,
    },
    /// One member needs more of this kind than the resource has in all.
    AboveLimit {
        /// The kind.
        kind: KindName,
        /// How much is asked for.
        asked: u64,
        /// How much there is in all.
        limit: u64,
    },
    /// A constraint does not hold.
    Constraint {
        /// Its place among the constraints.
        index: usize,
        /// The rule, cut to 64 characters.
        rule: String,
        /// What the resource has instead.
        found: Found,
    },
    /// An affinity or a spread speaks of a level that the resource's topology does not name.
    NoLevel {
        /// The level.
        level: String,
    },
    /// The request has no such part.
    NoPart {
        /// The number that was asked about.
        part: usize,
    },
    /// A check that the program added says no.
    Check {
        /// The check's name.
        name: String,
        /// What it says, cut to 64 characters.
        why: String,
    },
}

/// What a resource has where a rule wants something else.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Found {
    /// Another value.
    Value(String),
    /// A value of another type, or a number of another dimension.
    Incomparable(String),
    /// Nothing.
    Missing,
    /// No single value: none of several rules holds.
    Various,
}

/// A mismatch without its values: what refusals are counted by.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum Reason {
    /// The resource is in this state.
    State(ResourceState),
    /// The resource has a taint of this key.
    Taint(String),
    /// A whole resource is wanted and it is a part, or the other way round.
    Level,
    /// There is nothing of this kind.
    NotOffered(KindName),
    /// There is not enough of this kind, in all of the resource.
    AboveLimit(KindName),
    /// The constraint of this place does not hold.
    Constraint(usize),
    /// The topology does not name this level.
    NoLevel(String),
    /// The request has no such part.
    NoPart,
    /// This check says no.
    Check(String),
    /// There is room, but not in enough places.
    TooFew,
    /// There is room, but in too few domains of this level for members that shun each other.
    Apart(String),
    /// There is not enough of this kind in all resources together.
    InAll(KindName),
}

impl Mismatch {
    /// What it is counted by.
    #[must_use]
    pub fn reason(&self) -> Reason {
        match self {
            Self::State(state) => Reason::State(*state),
            Self::Taint(taint) => Reason::Taint(taint.key.clone()),
            Self::Device { .. } | Self::Whole => Reason::Level,
            Self::NotOffered { kind, .. } => Reason::NotOffered(kind.clone()),
            Self::AboveLimit { kind, .. } => Reason::AboveLimit(kind.clone()),
            Self::Constraint { index, .. } => Reason::Constraint(*index),
            Self::NoLevel { level } => Reason::NoLevel(level.clone()),
            Self::NoPart { .. } => Reason::NoPart,
            Self::Check { name, .. } => Reason::Check(name.clone()),
        }
    }

    /// The place in the request that it is about.
    pub(super) fn path(&self, part: usize) -> String {
        match self {
            Self::State(_) => "resource.state".to_owned(),
            Self::Taint(_) => "tolerations".to_owned(),
            Self::Device { .. } | Self::Whole => format!("parts[{part}].on"),
            Self::NotOffered { kind, .. } | Self::AboveLimit { kind, .. } => {
                format!("parts[{part}].amounts.{kind}")
            }
            Self::Constraint { index, .. } => format!("constraints[{index}]"),
            Self::NoLevel { level } => format!("topology.{level}"),
            Self::NoPart { part } => format!("parts[{part}]"),
            Self::Check { name, .. } => name.clone(),
        }
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::State(state) => write!(f, "the resource is {state}"),
            Self::Taint(taint) => write!(f, "taint {taint} is not tolerated"),
            Self::Device { of } => write!(f, "it is a part of {of}"),
            Self::Whole => f.write_str("it is no part of another resource"),
            Self::NotOffered { kind, asked } => write!(f, "{kind} {asked} is not offered"),
            Self::AboveLimit { kind, asked, limit } => {
                write!(f, "{kind} {asked} is above the limit {limit}")
            }
            Self::Constraint { rule, found, .. } => write!(f, "`{rule}` does not hold: {found}"),
            Self::NoLevel { level } => write!(f, "the topology has no level {level}"),
            Self::NoPart { part } => write!(f, "there is no part {part}"),
            Self::Check { name, why } => write!(f, "{name}: {why}"),
        }
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(value) => write!(f, "it is {value}"),
            Self::Incomparable(value) => write!(f, "it is {value}, which cannot be compared"),
            Self::Missing => f.write_str("it is missing"),
            Self::Various => f.write_str("none does"),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::State(state) => state.fmt(f),
            Self::Taint(key) => write!(f, "tainted {key}"),
            Self::Level => f.write_str("a part where a whole is wanted, or a whole for a part"),
            Self::NotOffered(kind) => write!(f, "without {kind}"),
            Self::AboveLimit(kind) => write!(f, "too little {kind}"),
            Self::Constraint(index) => write!(f, "against constraints[{index}]"),
            Self::NoLevel(level) => write!(f, "without a {level}"),
            Self::NoPart => f.write_str("no such part"),
            Self::Check(name) => write!(f, "refused by {name}"),
            Self::TooFew => f.write_str("fit, but for too few members"),
            Self::Apart(level) => write!(f, "fit, but in too few domains of {level}"),
            Self::InAll(kind) => write!(f, "fit, but with too little {kind} in all"),
        }
    }
}
