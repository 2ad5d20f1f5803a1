//! The settings of a planner.

use serde::{Deserialize, Serialize};

use crate::{CountsError, Limits};

/// What a backup looks at.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Backup {
    /// All outcomes, each as often as it was counted.
    #[default]
    Expected,
    /// One outcome that is drawn by its count, learned with the step size of now.
    Sample,
}

/// What is done after each real step.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Plan {
    /// Backups of pairs drawn evenly from those that were seen. Source: Sutton (1990).
    DynaQ {
        /// How many; at least one.
        backups: u32,
        /// What each looks at.
        backup: Backup,
    },
    /// Full backups of the pairs that are furthest from theirs.
    /// Source: Moore and Atkeson (1993).
    Sweeping {
        /// How many at most; at least one.
        backups: u32,
        /// A pair that is no further from its backup than this, in units of value, does not wait.
        threshold: f64,
    },
}

impl Default for Plan {
    /// Sweeping with at most 20 backups, down to differences of 0.0001.
    fn default() -> Self {
        Self::Sweeping {
            backups: 20,
            threshold: 1e-4,
        }
    }
}

/// What a planner does, in numbers.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PlannerConfig {
    /// What is done after each step.
    pub plan: Plan,
    /// How much the model remembers.
    pub limits: Limits,
    /// How often an action is tried in a state before its value is believed; until then an
    /// agent hopes that it is as good as the best that was found anywhere, and goes there if the way
    /// is worth it. With 0 an agent explores by the learner's values alone.
    ///
    /// In Taxi (500 states, 6 actions) the defaults reach the optimum within some 3,700 decisions, and
    /// within some 1,900 with its action mask; the worst of 31 seeds took 4,200 and 2,400. With 0,
    /// most seeds still knew no more than a detour after 60,000. In a world of chance
    /// one try tells little: 5 did better in FrozenLake.
    ///
    /// Without hopes, good planning makes bad explorers: the first way that is better than the
    /// initial value of the unknown is kept. The learner's own values are not touched by hopes, so
    /// the best action is always the best as far as is known. A mask keeps from what is not safe.
    pub tries: u32,
}

impl Default for PlannerConfig {
    /// The default plan and limits, and one try.
    fn default() -> Self {
        Self {
            plan: Plan::default(),
            limits: Limits::default(),
            tries: 1,
        }
    }
}

/// A planner cannot be like this.
#[derive(Clone, Copy, PartialEq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// No backups at all, or a threshold that is below zero or no number.
    #[error("the plan {0:?} leaves its range")]
    Plan(Plan),
    /// A pair waits that was never seen or waits already, or with a priority that cannot be.
    #[error("pair {0} cannot wait for a backup")]
    Waiting(u32),
    /// More hopes than pairs, or some that are no numbers.
    #[error("{0} hopes, which are too many or no numbers")]
    Hopes(usize),
    /// The worth of more states than were seen.
    #[error("the worth of {0} states, which is more than were seen")]
    Told(usize),
    /// The model cannot be.
    #[error(transparent)]
    Counts(#[from] CountsError),
}

impl Plan {
    pub(super) fn check(self) -> Result<(), PlanError> {
        let legal = match self {
            Self::DynaQ { backups, .. } => backups > 0,
            Self::Sweeping { backups, threshold } => {
                backups > 0 && (0.0..f64::INFINITY).contains(&threshold)
            }
        };
        if legal {
            Ok(())
        } else {
            Err(PlanError::Plan(self))
        }
    }
}
