//! The policy to be judged.

use ndarray::{Array2, ArrayView2};

use super::{Header, Log};
use crate::{ActionId, Mask, StateId};

/// How likely a policy is to do each action in each state.
///
/// Where a step's mask forbids some of its actions, it does the others in proportion, as an agent
/// behind that mask would.
///
/// ```
/// # use cloudlot_qlearn::offline::{Target, TargetError};
/// # use ndarray::array;
/// let target = Target::new(array![[0.25, 0.75], [1.0, 0.0]])?;
/// assert_eq!(Target::new(array![[0.5, 0.6]]), Err(TargetError::Sum { state: 0, sum: 1.1 }));
/// # Ok::<(), TargetError>(())
/// ```
#[derive(Clone, PartialEq, Debug)]
pub struct Target {
    rows: Array2<f64>,
}

/// Why there is no such policy.
#[derive(Clone, Copy, PartialEq, Debug, thiserror::Error)]
pub enum TargetError {
    /// No probability.
    #[error("state {state}, action {action}: probability {probability}, not in [0, 1]")]
    Probability {
        /// The state.
        state: usize,
        /// The action.
        action: usize,
        /// What was given.
        probability: f64,
    },
    /// The probabilities of a state do not add up.
    #[error("state {state}: probabilities add up to {sum}, not to 1")]
    Sum {
        /// The state.
        state: usize,
        /// What they add up to.
        sum: f64,
    },
    /// No action is given for a state.
    #[error("{actions} actions, not 1 to 64")]
    Actions {
        /// How many there are.
        actions: usize,
    },
    /// There is no such action.
    #[error("state {state}: action {} of {actions}", .action.0)]
    Action {
        /// The state.
        state: usize,
        /// What was given.
        action: ActionId,
        /// How many there are.
        actions: usize,
    },
}

impl Target {
    /// How far from 1 the probabilities of a state may add up.
    pub const TOLERANCE: f64 = 1e-9;

    /// The policy with one row of probabilities a state, taken as they are.
    ///
    /// # Errors
    /// A number outside [0, 1], a row that does not add up to 1 within [`Target::TOLERANCE`], or no
    /// action or more than 64.
    pub fn new(rows: Array2<f64>) -> Result<Self, TargetError> {
        check_actions(rows.ncols())?;
        for (state, row) in rows.outer_iter().enumerate() {
            for (action, probability) in row.iter().copied().enumerate() {
                if !(0.0..=1.0).contains(&probability) {
                    return Err(TargetError::Probability {
                        state,
                        action,
                        probability,
                    });
                }
            }
            let sum = row.sum();
            if (sum - 1.0).abs() > Self::TOLERANCE {
                return Err(TargetError::Sum { state, sum });
            }
        }
        Ok(Self {
            rows: rows.as_standard_layout().into_owned(),
        })
    }

    /// The policy that does one action a state.
    ///
    /// # Errors
    /// An action of `actions` or more, or no action or more than 64.
    pub fn greedy(choices: &[ActionId], actions: usize) -> Result<Self, TargetError> {
        check_actions(actions)?;
        let mut rows = Array2::zeros((choices.len(), actions));
        for (state, action) in choices.iter().copied().enumerate() {
            *rows
                .get_mut((state, action.index()))
                .ok_or(TargetError::Action {
                    state,
                    action,
                    actions,
                })? = 1.0;
        }
        Ok(Self { rows })
    }

    /// All probabilities, one row a state.
    #[must_use]
    pub fn rows(&self) -> ArrayView2<'_, f64> {
        self.rows.view()
    }

    /// How likely each action is in `state` where `mask` allows only some, handed to `each` with the
    /// action; actions that are never done are left out. False, and nothing handed out, where every
    /// action of the policy is forbidden.
    pub(super) fn each(
        &self,
        state: StateId,
        mask: Mask,
        mut each: impl FnMut(ActionId, f64),
    ) -> bool {
        let Some(scale) = self.scale(state, mask) else {
            return false;
        };
        for action in mask.iter().take_while(|a| a.index() < self.rows.ncols()) {
            let probability = self.rows[(state.index(), action.index())];
            if probability > 0.0 {
                each(action, probability / scale);
            }
        }
        true
    }

    /// How likely `action` is in `state` behind `mask`; nothing where all of the policy is forbidden.
    pub(super) fn probability(&self, state: StateId, mask: Mask, action: ActionId) -> Option<f64> {
        let scale = self.scale(state, mask)?;
        Some(self.rows[(state.index(), action.index())] / scale)
    }

    /// Whether the policy is one for the states and actions of `log`.
    pub(super) fn fits(&self, log: &Log) -> bool {
        shape(log.header()) == self.rows.dim()
    }

    /// What the allowed probabilities add up to; exactly 1 where none of them is forbidden, so that
    /// a row stays as it was given.
    fn scale(&self, state: StateId, mask: Mask) -> Option<f64> {
        let row = self.rows.row(state.index());
        let (mut allowed, mut whole) = (0.0, true);
        for (action, probability) in (0..).map(ActionId).zip(row.iter().copied()) {
            if mask.allows(action) {
                allowed += probability;
            } else if probability > 0.0 {
                whole = false;
            }
        }
        if whole {
            Some(1.0)
        } else {
            (allowed > 0.0).then_some(allowed)
        }
    }
}

/// States and actions as the shape of a table.
pub(super) const fn shape(header: &Header) -> (usize, usize) {
    (header.states() as usize, header.actions() as usize)
}

const fn check_actions(actions: usize) -> Result<(), TargetError> {
    if actions == 0 || actions > crate::ACTIONS_MAX {
        return Err(TargetError::Actions { actions });
    }
    Ok(())
}
