//! The settings of the guard, checked once.

use serde::{Deserialize, Serialize};

use super::{Budget, Cooldown, Drift};
use crate::ACTIONS_MAX;

/// Who acts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// The baseline acts; the learner watches, and learns from what was done.
    Observe,
    /// The baseline acts; what the learner would have done stands beside it.
    Recommend,
    /// The learner acts, through every stage of the guard.
    #[default]
    Control,
}

/// Where a shield stands.
///
/// Source: Alshiekh et al., "Safe Reinforcement Learning via Shielding" (2018).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shielding {
    /// Before the learner: it is offered safe actions only.
    #[default]
    Preemptive,
    /// After the learner: an unsafe proposal is replaced by the nearest safe action.
    PostPosed,
}

/// What the guard asks of a learner.
///
/// All limits are off by default, but for the mask.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SafetyConfig {
    /// Who acts.
    pub mode: Mode,
    /// Where the shield stands.
    pub shielding: Shielding,
    /// The signed size of every action, as `+5` or `-1`; zero holds. Empty: every action holds.
    pub sizes: Vec<i64>,
    /// How often and how far things may change.
    pub cooldown: Option<Cooldown>,
    /// An action with fewer updates than this is not trusted: the baseline acts instead.
    pub visits_min: u32,
    /// How often something else than the best trusted action may be tried.
    pub budget: Option<Budget>,
    /// When to stop believing what was learned.
    pub drift: Option<Drift>,
}

/// A setting of the guard outside its range.
#[derive(Clone, Copy, PartialEq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SafetyError {
    /// Neither none nor one for each action.
    #[error("{sizes} sizes for {actions} actions")]
    Sizes {
        /// How many are given.
        sizes: usize,
        /// How many the table has.
        actions: usize,
    },
    /// Nothing would ever be allowed, or more is to be remembered than is sensible.
    #[error("{0} changes in a window; it takes 1 to {max}", max = Cooldown::CHANGES_MAX)]
    Changes(u32),
    /// A budget over no time at all.
    #[error("the budget is for a period of zero")]
    Period,
    /// The weight of the newest error is not in (0, 1].
    #[error("the drift switch weighs the newest error by {0}")]
    Weight(f64),
    /// A calibration too short to know a spread.
    #[error("the drift switch calibrates on {0} errors; it takes at least 2")]
    Calibration(u32),
    /// A limit or a tolerance that is negative or not finite.
    #[error("the drift switch has a limit of {0}")]
    Limit(f64),
}

impl SafetyConfig {
    /// Whether every number is in its range, for a table of `actions` actions.
    ///
    /// # Errors
    /// Names the first that is not.
    pub fn check(&self, actions: usize) -> Result<(), SafetyError> {
        let sizes = self.sizes.len();
        if sizes != 0 && (sizes != actions || sizes > ACTIONS_MAX) {
            return Err(SafetyError::Sizes { sizes, actions });
        }
        self.cooldown.iter().try_for_each(Cooldown::check)?;
        self.budget.iter().try_for_each(Budget::check)?;
        self.drift.iter().try_for_each(Drift::check)
    }
}
