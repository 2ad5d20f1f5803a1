//! What is believed of a policy's action values: the guess that the doubly robust estimator corrects.

use ndarray::{Array2, Array3, ArrayView2, Axis};

use crate::{ActionId, StateId};

/// A guess of what each action of each state earns under a policy.
///
/// Any guess leaves the doubly robust estimator without bias, as long as it does not come from the
/// judged episodes; a good one makes it narrow.
#[derive(Clone, PartialEq, Debug)]
pub struct ActionValues {
    /// By steps to go, then state, then action; one layer that holds at any time, or one for each number of
    /// steps to go from one up.
    layers: Array3<f64>,
    timed: bool,
}

/// Why there is no such guess.
#[derive(Clone, Copy, PartialEq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ActionValuesError {
    /// A value that is not finite.
    #[error("layer {layer}, state {state}, action {action}: value {value:?}")]
    Value {
        /// Steps to go, less one.
        layer: usize,
        /// The state.
        state: usize,
        /// The action.
        action: usize,
        /// What was given.
        value: f64,
    },
    /// No layer at all.
    #[error("no steps to go")]
    Empty,
}

impl ActionValues {
    /// Values that hold at any time, one row a state: of episodes that go on until they terminate.
    ///
    /// # Errors
    /// A value that is not finite.
    pub fn stationary(values: Array2<f64>) -> Result<Self, ActionValuesError> {
        Self::checked(values.insert_axis(Axis(0)), false)
    }

    /// Values of episodes that are cut after as many steps as there are layers: the first layer for one
    /// step to go, the last for the first step of an episode.
    ///
    /// # Errors
    /// No layer, or a value that is not finite.
    pub fn by_steps_to_go(layers: Array3<f64>) -> Result<Self, ActionValuesError> {
        if layers.is_empty() {
            return Err(ActionValuesError::Empty);
        }
        Self::checked(layers, true)
    }

    fn checked(layers: Array3<f64>, timed: bool) -> Result<Self, ActionValuesError> {
        let layers = layers.as_standard_layout().into_owned();
        for ((layer, state, action), value) in layers.indexed_iter() {
            if !value.is_finite() {
                return Err(ActionValuesError::Value {
                    layer,
                    state,
                    action,
                    value: *value,
                });
            }
        }
        Ok(Self { layers, timed })
    }

    /// The longest episode the values are for, in steps; none where they hold at any time.
    #[must_use]
    pub fn horizon(&self) -> Option<usize> {
        self.timed.then(|| self.layers.len_of(Axis(0)))
    }

    /// One row a state, as seen at step `step` of an episode, counted from zero.
    ///
    /// # Panics
    /// A step at or past the horizon.
    #[must_use]
    pub fn at(&self, step: usize) -> ArrayView2<'_, f64> {
        let layer = self.horizon().map_or(0, |horizon| horizon - 1 - step);
        self.layers.index_axis(Axis(0), layer)
    }

    pub(super) fn value(&self, step: usize, state: StateId, action: ActionId) -> f64 {
        let layer = self.horizon().map_or(0, |horizon| horizon - 1 - step);
        self.layers[(layer, state.index(), action.index())]
    }

    /// How many states and actions there are.
    pub(super) fn shape(&self) -> (usize, usize) {
        let (_, states, actions) = self.layers.dim();
        (states, actions)
    }
}
