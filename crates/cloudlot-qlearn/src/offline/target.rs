//! The policy to be judged.

use ndarray::Array2;

use super::{Header, Log};
use crate::exact::Policy;
use crate::explore::best;
use crate::{ACTIONS_MAX, ActionId, Learner, Mask, StateId};

/// What the judged policy does in each state, behind any mask.
///
/// ```
/// # use cloudlot_qlearn::{ActionId, Mask, StateId, offline::{TargetPolicy, TargetPolicyError}};
/// # use ndarray::array;
/// let target = TargetPolicy::stochastic(array![[0.25, 0.25, 0.5]])?;
/// let without_last = Mask::all(2);
/// assert_eq!(target.probability(StateId(0), without_last, ActionId(1)), 0.5);
///
/// let target = TargetPolicy::greedy(array![[1.0, 2.0, 3.0]], 0.5)?;
/// assert_eq!(target.probability(StateId(0), without_last, ActionId(1)), 0.75);
///
/// let wrong = TargetPolicy::stochastic(array![[0.5, 0.6]]);
/// assert_eq!(wrong, Err(TargetPolicyError::Sum { state: 0, sum: 1.1 }));
/// # Ok::<(), TargetPolicyError>(())
/// ```
#[derive(Clone, PartialEq, Debug)]
pub struct TargetPolicy {
    rows: Array2<f64>,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Kind {
    /// Rows are probabilities; behind a mask, those that are left in proportion.
    Stochastic,
    /// Rows are values; with probability `epsilon` any allowed action, else the best of them.
    Greedy { epsilon: f64 },
}

/// Why there is no such policy.
#[derive(Clone, Copy, PartialEq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TargetPolicyError {
    /// No action, or more than a mask can hold.
    #[error("{actions} actions, not 1 to {ACTIONS_MAX}")]
    Actions {
        /// How many there are.
        actions: usize,
    },
    /// No probability.
    #[error("state {state}, action {action}: probability {probability:?}, not in [0, 1]")]
    Probability {
        /// The state.
        state: usize,
        /// The action.
        action: usize,
        /// What was given.
        probability: f64,
    },
    /// The probabilities of a state do not add up.
    #[error("state {state}: probabilities add up to {sum:?}, not to 1")]
    Sum {
        /// The state.
        state: usize,
        /// What they add up to.
        sum: f64,
    },
    /// A value that is not finite.
    #[error("state {state}, action {action}: value {value:?}")]
    Value {
        /// The state.
        state: usize,
        /// The action.
        action: usize,
        /// What was given.
        value: f64,
    },
    /// An ε outside [0, 1].
    #[error("an ε of {0:?}, not in [0, 1]")]
    Epsilon(f64),
}

impl TargetPolicy {
    /// How far from 1 the probabilities of a state may add up.
    pub const TOLERANCE: f64 = 1e-9;

    /// The policy with these probabilities, one row a state, taken as they are. Where a mask forbids some
    /// actions, the others are done in proportion. A row of zeros does nothing: it stands for a state
    /// where nothing is ever done, and no log may have a step there.
    ///
    /// # Errors
    /// A number outside [0, 1], a row that adds up to neither 0 nor, within
    /// [`TargetPolicy::TOLERANCE`], 1, or no action or more than 64.
    pub fn stochastic(rows: Array2<f64>) -> Result<Self, TargetPolicyError> {
        check_actions(rows.ncols())?;
        for ((state, action), probability) in rows.indexed_iter() {
            if !(0.0..=1.0).contains(probability) {
                return Err(TargetPolicyError::Probability {
                    state,
                    action,
                    probability: *probability,
                });
            }
        }
        for (state, row) in rows.outer_iter().enumerate() {
            let sum = row.sum();
            if sum > 0.0 && (sum - 1.0).abs() > Self::TOLERANCE {
                return Err(TargetPolicyError::Sum { state, sum });
            }
        }
        Ok(Self::of(&rows, Kind::Stochastic))
    }

    /// The policy that does the allowed action of the highest value, of equals the lowest, but with
    /// probability `epsilon` any allowed one. One row of values a state.
    ///
    /// # Errors
    /// A value that is not finite, an `epsilon` outside [0, 1], or no action or more than 64.
    pub fn greedy(values: Array2<f64>, epsilon: f64) -> Result<Self, TargetPolicyError> {
        check_actions(values.ncols())?;
        if !(0.0..=1.0).contains(&epsilon) {
            return Err(TargetPolicyError::Epsilon(epsilon));
        }
        for ((state, action), value) in values.indexed_iter() {
            if !value.is_finite() {
                return Err(TargetPolicyError::Value {
                    state,
                    action,
                    value: *value,
                });
            }
        }
        Ok(Self::of(&values, Kind::Greedy { epsilon }))
    }

    /// What `learner` does once it neither explores nor learns any more: [`Learner::best`].
    #[must_use]
    pub fn frozen(learner: &Learner) -> Self {
        let values = learner.values().view();
        // Double Q-learning acts on the mean of its tables.
        let acting = learner.twin().map_or_else(
            || values.to_owned(),
            |twin| &values * 0.5 + &(&twin.view() * 0.5),
        );
        Self::of(&acting, Kind::Greedy { epsilon: 0.0 })
    }

    /// How many states and actions there are.
    #[must_use]
    pub fn shape(&self) -> (usize, usize) {
        self.rows.dim()
    }

    /// How likely `action` is in `state` where only `mask` is allowed; zero where it is forbidden, and for
    /// all actions of a state where the policy does nothing that is allowed.
    ///
    /// # Panics
    /// If there is no such state.
    #[must_use]
    pub fn probability(&self, state: StateId, mask: Mask, action: ActionId) -> f64 {
        let mut probability = 0.0;
        self.each(state, mask, |each, its| {
            if each == action {
                probability = its;
            }
        });
        probability
    }

    fn of(rows: &Array2<f64>, kind: Kind) -> Self {
        Self {
            rows: rows.as_standard_layout().into_owned(),
            kind,
        }
    }

    /// Hands out each allowed action that is ever done in `state`, lowest first, with how likely it
    /// is. False, and nothing handed out, where there is none.
    pub(super) fn each(
        &self,
        state: StateId,
        mask: Mask,
        mut each: impl FnMut(ActionId, f64),
    ) -> bool {
        let row = self.rows.row(state.index());
        let mask = mask.and(Mask::all(row.len()));
        let mut any = false;
        let mut hand = |action, probability| {
            if probability > 0.0 {
                each(action, probability);
                any = true;
            }
        };
        match self.kind {
            Kind::Stochastic => {
                let scale = left(row.iter().copied(), mask);
                for action in mask.iter() {
                    // Nothing is left only where every allowed probability is zero.
                    hand(action, row[action.index()] / scale);
                }
            }
            Kind::Greedy { epsilon } => {
                let Some(values) = row.to_slice().filter(|_| !mask.is_empty()) else {
                    return false;
                };
                let greedy = best(values, mask).action;
                let share = epsilon / f64::from(mask.len());
                for action in mask.iter() {
                    let most = if action == greedy { 1.0 - epsilon } else { 0.0 };
                    hand(action, most + share);
                }
            }
        }
        any
    }

    /// Whether the policy is one for the states and actions of `log`.
    pub(super) fn fits(&self, log: &Log) -> bool {
        shape(log.header()) == self.shape()
    }
}

impl From<&Policy> for TargetPolicy {
    /// A policy of a model; it does nothing where the model is terminal.
    fn from(policy: &Policy) -> Self {
        Self::of(&policy.probabilities().to_owned(), Kind::Stochastic)
    }
}

/// What the allowed ones of `probabilities` add up to; exactly 1 where none of weight is forbidden,
/// so that a row stays as it was given.
fn left(probabilities: impl Iterator<Item = f64>, mask: Mask) -> f64 {
    let (mut allowed, mut whole) = (0.0, true);
    for (action, probability) in (0..).map(ActionId).zip(probabilities) {
        if mask.allows(action) {
            allowed += probability;
        } else if probability > 0.0 {
            whole = false;
        }
    }
    if whole { 1.0 } else { allowed }
}

/// States and actions as the shape of a table.
pub(super) const fn shape(header: &Header) -> (usize, usize) {
    (header.states() as usize, header.actions() as usize)
}

const fn check_actions(actions: usize) -> Result<(), TargetPolicyError> {
    if actions == 0 || actions > ACTIONS_MAX {
        return Err(TargetPolicyError::Actions { actions });
    }
    Ok(())
}
