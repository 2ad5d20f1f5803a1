//! A finite Markov decision process, given in full.

use ndarray::{Array2, ArrayView1};
use serde::{Deserialize, Serialize};

use super::{ModelBuilder, ModelError, ModelFile};
use crate::{ActionId, Mask, StateId};

/// One of the things that an action can lead to.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Branch {
    /// How likely it is, in (0, 1].
    pub probability: f64,
    /// The state it leads to.
    pub next: StateId,
    /// What it earns.
    pub reward: f64,
    /// Whether the episode is over then: nothing comes after, whatever rows `next` has.
    pub terminated: bool,
}

/// A finite Markov decision process: states, actions, chances, rewards, and where episodes begin.
///
/// A model is checked once, when it is built or read: probabilities of each action sum to 1, rewards
/// are finite, every state that is not terminal has an action. An action without branches is not
/// legal in its state. A terminal state has no actions, and to arrive in one is to terminate.
///
/// In text a model is a [`ModelFile`].
/// ```
/// # use cloudlot_qlearn::{ActionId, Mask, StateId, exact::Model};
/// let json = r#"{
///     "P": [[[[0.5, 1, 2.0, true], [0.5, 0, -1.0, false]], []], [[], []]],
///     "initial_state_distribution": {"0": 1.0},
///     "terminal_states": [1]
/// }"#;
/// let model: Model = serde_json::from_str(json)?;
/// assert_eq!((model.states(), model.actions()), (2, 2));
/// assert_eq!(model.mask(StateId(0)), Mask::NONE.with(ActionId(0)));
/// assert_eq!(model.branches(StateId(0), ActionId(0))[1].reward, -1.0);
///
/// let wrong = json.replace("[0.5, 1,", "[0.6, 1,");
/// let refused = serde_json::from_str::<Model>(&wrong).unwrap_err();
/// assert!(refused.to_string().starts_with("action 0 in state 0: probabilities sum to 1.1"));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(try_from = "ModelFile", into = "ModelFile")]
pub struct Model {
    pub(super) actions: usize,
    /// Where the branches of each cell, a state and an action in row-major order, begin; and the end.
    pub(super) first: Vec<usize>,
    pub(super) branches: Vec<Branch>,
    pub(super) masks: Vec<Mask>,
    pub(super) terminal: Vec<bool>,
    pub(super) start: Vec<(StateId, f64)>,
}

impl Model {
    /// The most cells (states times actions) that a model can have: tables of values are dense.
    pub const CELLS_MAX: usize = 1 << 24;

    /// How far from 1 the probabilities of an action may sum, for numbers that came as text.
    pub const SUM_TOLERANCE: f64 = 1e-9;

    /// Begins a model of so many states and actions.
    #[must_use]
    pub fn builder(states: u32, actions: u16) -> ModelBuilder {
        ModelBuilder::new(states, actions)
    }

    /// How many states there are.
    #[must_use]
    pub fn states(&self) -> usize {
        self.masks.len()
    }

    /// How many actions there are.
    #[must_use]
    pub fn actions(&self) -> usize {
        self.actions
    }

    /// The legal actions of a state; none where it is terminal or does not exist.
    #[must_use]
    pub fn mask(&self, state: StateId) -> Mask {
        self.masks.get(state.index()).copied().unwrap_or(Mask::NONE)
    }

    /// Whether nothing comes after this state; false for a state that does not exist.
    #[must_use]
    pub fn is_terminal(&self, state: StateId) -> bool {
        self.terminal.get(state.index()).copied().unwrap_or(false)
    }

    /// What an action can lead to; nothing where it is not legal.
    #[must_use]
    pub fn branches(&self, state: StateId, action: ActionId) -> &[Branch] {
        if self.mask(state).allows(action) {
            self.cell(state.index() * self.actions + action.index())
        } else {
            &[]
        }
    }

    /// Where episodes begin, and how likely, by state.
    #[must_use]
    pub fn start(&self) -> &[(StateId, f64)] {
        &self.start
    }

    /// All states, lowest first.
    pub fn state_ids(&self) -> impl Iterator<Item = StateId> + use<> {
        (0..u32::try_from(self.states()).unwrap_or(u32::MAX)).map(StateId)
    }

    /// The mean of `values` over where episodes begin; a state without a value counts as 0.
    #[must_use]
    pub fn start_value<'a>(&self, values: impl Into<ArrayView1<'a, f64>>) -> f64 {
        let values = values.into();
        let value = |state: StateId| values.get(state.index()).copied().unwrap_or(0.0);
        self.start
            .iter()
            .map(|(state, chance)| chance * value(*state))
            .sum()
    }

    /// What each action is worth if `values` hold afterwards: one backup.
    ///
    /// Actions that are not legal are worth −∞, so that they are never the best; all actions of
    /// terminal states are worth 0. A state without a value counts as 0.
    #[must_use]
    pub fn action_values<'a>(
        &self,
        values: impl Into<ArrayView1<'a, f64>>,
        discount: f64,
    ) -> Array2<f64> {
        let mut q = Array2::from_elem((self.states(), self.actions), f64::NEG_INFINITY);
        let mut padded = values.into().to_vec();
        padded.resize(self.states(), 0.0);
        for (state, mut row) in self.state_ids().zip(q.rows_mut()) {
            if self.is_terminal(state) {
                row.fill(0.0);
            }
            for action in self.mask(state).iter() {
                row[action.index()] = self.backup(state, action, &padded, discount);
            }
        }
        q
    }

    /// The same model with fewer legal actions: a state keeps those that its mask allows as well.
    ///
    /// # Errors
    ///
    /// A number of masks other than that of the states, or a state that would be left without an
    /// action.
    pub fn restricted(&self, masks: &[Mask]) -> Result<Self, ModelError> {
        if masks.len() != self.states() {
            return Err(ModelError::Masks {
                masks: masks.len(),
                states: self.states(),
            });
        }
        let mut file = ModelFile::from(self.clone());
        for (rows, mask) in file.transitions.iter_mut().zip(masks) {
            for (action, row) in (0..).map(ActionId).zip(rows) {
                if !mask.allows(action) {
                    row.clear();
                }
            }
        }
        file.try_into()
    }

    /// The worth of a legal action, `values` having one for each state.
    #[inline]
    pub(super) fn backup(
        &self,
        state: StateId,
        action: ActionId,
        values: &[f64],
        discount: f64,
    ) -> f64 {
        let mut worth = 0.0;
        for branch in self.cell(state.index() * self.actions + action.index()) {
            // A branch past the end, not a product with zero: nothing there may matter.
            let after = if branch.terminated {
                branch.reward
            } else {
                branch.reward + discount * values[branch.next.index()]
            };
            worth += branch.probability * after;
        }
        worth
    }

    fn cell(&self, cell: usize) -> &[Branch] {
        &self.branches[self.first[cell]..self.first[cell + 1]]
    }
}
