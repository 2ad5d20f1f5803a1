//! Tables of values: what each action is worth in each state, and how often it was tried.
//!
//! A learner works through [`Values`] and does not care how the cells lie in memory.

mod dense;
mod linear;
mod sparse;
#[cfg(test)]
mod tests;

pub use dense::{Dense, ShapeError};
pub use linear::Linear;
pub use sparse::Sparse;

use std::fmt::Debug;

use crate::explore::Peak;
use crate::{ActionId, Mask, StepSize, Transition, Update};

/// What plain Q-learning needs to know; the hot path of [`Values::learn_plainly`].
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Plain {
    /// How many actions the table has; none where the plain rule does not hold, so that no step is usual.
    pub actions: usize,
    /// All of them.
    pub all: Mask,
    /// What a value one base interval later is worth.
    pub discount: f64,
    /// How far a value moves.
    pub step_size: StepSize,
}

/// A value and a count of updates for every action in every state.
///
/// A value is the sum of the contents of a few cells: of one cell in a table, of one for each active
/// feature in a linear approximation. The rules with traces work on the cells.
pub trait Values {
    /// How a state is named. Names have an order, so that what is kept by state is in a defined one.
    type State: Copy + Ord + Debug;

    /// How many actions there are, at most [`ACTIONS_MAX`](crate::ACTIONS_MAX).
    fn actions(&self) -> usize;

    /// Whether `state` is one of this table's.
    fn contains(&self, state: Self::State) -> bool;

    /// The values of a state, if they lie side by side; nothing for a state that is not contained.
    ///
    /// An implementation may always give nothing: then [`Values::with_row`] is asked.
    #[inline]
    fn as_row(&self, state: Self::State) -> Option<&[f64]> {
        let _ = state;
        None
    }

    /// Shows the values and the counts of a state, one each for every action.
    ///
    /// # Panics
    /// If the table does not contain `state`; so do the methods below, also for an unknown action.
    fn with_row<T>(&self, state: Self::State, look: impl FnOnce(&[f64], &[u32]) -> T) -> T;

    /// The value of one action.
    fn value(&self, state: Self::State, action: ActionId) -> f64;

    /// Counts one more update of an action, and says how many there were, this one included.
    fn visit(&mut self, state: Self::State, action: ActionId) -> u32;

    /// Moves the value of an action by `delta`.
    fn add(&mut self, state: Self::State, action: ActionId, delta: f64);

    /// Names the cells whose contents add up to the value of an action.
    fn cells(&mut self, state: Self::State, action: ActionId, each: impl FnMut(usize));

    /// What is in a cell.
    fn cell(&self, cell: usize) -> f64;

    /// Moves what is in a cell by `delta`.
    fn add_to_cell(&mut self, cell: usize, delta: f64);

    /// The best value among the allowed actions; minus infinity where none is.
    #[inline]
    fn best(&self, state: Self::State, mask: Mask) -> f64 {
        self.with_row(state, |row, _| Peak::of(row, mask).value)
    }

    /// Learns by the plain rule from a step that is usual in every way: everything known and allowed, one base
    /// interval long, of a believable size. Any other step is left to the general path, and nothing is changed.
    ///
    /// An implementation may leave every step to it.
    #[inline]
    fn learn_plainly(&mut self, plain: &Plain, step: &Transition<Self::State>) -> Option<Update> {
        let _ = (plain, step);
        None
    }
}
