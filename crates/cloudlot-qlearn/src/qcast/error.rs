//! Why a controller cannot be, or a measurement is refused.

use super::AdaptiveStep;
use crate::safety::SafetyError;
use crate::{ConfigError, DiscretiserError, ReadingError, Refused, ReplayError, ShapeError};

/// Why a controller cannot be, or a measurement is refused; nothing was changed.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QcastError {
    /// No range, too many actions, or none that holds.
    #[error(
        "{actions} actions between {min} and {max}; there is no range, or no action that holds"
    )]
    Scaled {
        /// The fewest.
        min: u64,
        /// The most.
        max: u64,
        /// How many actions there are.
        actions: usize,
    },
    /// A term with a weight outside [0, 1], or a target or a scale that cannot be.
    #[error("the term of {0} leaves its range")]
    Term(String),
    /// Thresholds out of order or not finite.
    #[error("the baseline grows above {up} and shrinks below {down}")]
    Threshold {
        /// The upper one.
        up: f64,
        /// The lower one.
        down: f64,
    },
    /// A cost of churn or a boost that is negative or not finite.
    #[error("{0} is not a number of zero or more")]
    Number(f64),
    /// No time between decisions.
    #[error("an interval of zero")]
    Interval,
    /// A rule that learns from the next action, which is not decided yet when a step is learned.
    #[error("the rule {0:?} needs the next action")]
    Rule(crate::Rule),
    /// An adaptive step size outside its range.
    #[error("the adaptive step size {0:?} leaves its range")]
    AdaptiveStep(AdaptiveStep),
    /// Nothing of this name was measured.
    #[error("{0} was not measured")]
    Missing(String),
    /// A measure in another unit, not a number, or below zero.
    #[error(transparent)]
    Reading(#[from] ReadingError),
    /// The axes make no state together.
    #[error(transparent)]
    Axes(#[from] DiscretiserError),
    /// The table cannot be.
    #[error(transparent)]
    Table(#[from] ShapeError),
    /// The agent's table is not of this preset's states and actions.
    #[error("a table of {states} states and {actions} actions does not fit")]
    Fit {
        /// The states of the table.
        states: usize,
        /// Its actions.
        actions: usize,
    },
    /// The replay cannot be.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// A decision that waits for its measurement, and that no controller of these settings has made.
    #[error("the decision that waits is none of these settings")]
    Pending,
    /// The learner cannot be.
    #[error(transparent)]
    Learner(#[from] ConfigError),
    /// The guard cannot be.
    #[error(transparent)]
    Safety(#[from] SafetyError),
    /// The learner refuses.
    #[error(transparent)]
    Refused(#[from] Refused),
}
