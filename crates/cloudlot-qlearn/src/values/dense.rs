//! The table in one piece: a row of values for each state, and a row of counts beside it.

use std::hint::select_unpredictable;

use ndarray::{Array2, ArrayView2};

use super::{Plain, Values};
use crate::{ACTIONS_MAX, ActionId, End, Mask, StateId, Transition, Update};

/// A table with a cell for every state and action, row after row.
///
/// `ndarray` arrays come in by [`Dense::from_arrays`], and [`Dense::view`] shows the table as one. In
/// between the rows lie in plain slices: asking an array of two axes whether it lies in one piece
/// costs as much as an update.
///
/// ```
/// # use cloudlot_qlearn::{ActionId, Dense, StateId, Values};
/// let mut table = Dense::new(500, 6, 0.0)?;
/// table.add(StateId(7), ActionId(2), 1.5);
/// assert_eq!(table.view()[[7, 2]], 1.5);
/// # Ok::<(), cloudlot_qlearn::ShapeError>(())
/// ```
#[derive(Clone, PartialEq, Debug)]
pub struct Dense {
    values: Box<[f64]>,
    visits: Box<[u32]>,
    states: usize,
    /// So narrow that no place of a cell can overflow, and the compiler sees it.
    actions: u8,
}

/// A table cannot have this shape or content.
#[derive(Clone, Copy, PartialEq, Debug, thiserror::Error)]
pub enum ShapeError {
    /// Too few or too many actions.
    #[error("{0} actions; a table has 1 to {ACTIONS_MAX}")]
    Actions(usize),
    /// Too few or too many states.
    #[error("{0} states; a table has 1 to 2^32 - 1, as memory allows")]
    States(usize),
    /// Values and counts have different shapes.
    #[error("values are {values:?} but counts are {visits:?}")]
    Counts {
        /// States and actions of the values.
        values: (usize, usize),
        /// States and actions of the counts.
        visits: (usize, usize),
    },
    /// The rows of values in a file are not those of the shape it claims.
    #[error("{found:?} values where {shape:?} are claimed")]
    Values {
        /// States, and actions of the first row that differs.
        found: (usize, usize),
        /// States and actions that were claimed.
        shape: (usize, usize),
    },
    /// The rows of counts in a file are not those of the shape it claims.
    #[error("{found:?} counts where {shape:?} are claimed")]
    Visits {
        /// States, and actions of the first row that differs.
        found: (usize, usize),
        /// States and actions that were claimed.
        shape: (usize, usize),
    },
    /// A row in a file for a state that is unknown, or has one.
    #[error("a row for state {state} of {states}, unknown or there already")]
    Row {
        /// Whose row it claims to be.
        state: usize,
        /// How many states there are.
        states: usize,
    },
    /// Tiles in a file that no tile coder numbers so.
    #[error("{tiles} tiles on {tilings} grids")]
    Tiles {
        /// How many there are on all grids.
        tiles: usize,
        /// How many grids there are.
        tilings: u32,
    },
    /// A value that is no number, or beyond belief.
    #[error("the value of action {action} in state {state} is {value}")]
    Value {
        /// Its row.
        state: usize,
        /// Its column.
        action: usize,
        /// What stands there.
        value: f64,
    },
}

impl Dense {
    /// A table that was never learned from.
    ///
    /// # Errors
    /// Where the shape is impossible or `initial` is not finite.
    pub fn new(states: usize, actions: usize, initial: f64) -> Result<Self, ShapeError> {
        check_shape(states, actions)?;
        check_value(0, 0, initial)?;
        Ok(Self {
            values: vec![initial; states * actions].into(),
            visits: vec![0; states * actions].into(),
            states,
            actions: narrow(actions)?,
        })
    }

    /// A table that begins with what is known: a warm start.
    ///
    /// # Errors
    /// Where the shapes differ or are impossible, or a value is not finite.
    pub fn from_arrays(values: Array2<f64>, visits: Array2<u32>) -> Result<Self, ShapeError> {
        check_shape(values.nrows(), values.ncols())?;
        if values.dim() != visits.dim() {
            return Err(ShapeError::Counts {
                values: values.dim(),
                visits: visits.dim(),
            });
        }
        for ((state, action), &value) in values.indexed_iter() {
            check_value(state, action, value)?;
        }
        let (states, actions) = values.dim();
        Ok(Self {
            values: values.into_iter().collect(),
            visits: visits.into_iter().collect(),
            states,
            actions: narrow(actions)?,
        })
    }

    /// A table that has learned: values may have grown past what a reward can be.
    pub(crate) fn learned(
        (states, actions): (usize, usize),
        values: Vec<f64>,
        visits: Vec<u32>,
    ) -> Result<Self, ShapeError> {
        check_shape(states, actions)?;
        for (cell, &value) in values.iter().enumerate() {
            check_learned(cell / actions, cell % actions, value)?;
        }
        Ok(Self {
            values: values.into(),
            visits: visits.into(),
            states,
            actions: narrow(actions)?,
        })
    }

    /// How many states there are.
    #[must_use]
    pub const fn states(&self) -> usize {
        self.states
    }

    /// All values, a row for each state.
    #[must_use]
    pub fn view(&self) -> ArrayView2<'_, f64> {
        ArrayView2::from_shape((self.states, self.actions()), &self.values)
            .expect("a row for each state")
    }

    /// All counts of updates, a row for each state.
    #[must_use]
    pub fn visits(&self) -> ArrayView2<'_, u32> {
        ArrayView2::from_shape((self.states, self.actions()), &self.visits)
            .expect("a row for each state")
    }

    #[inline]
    fn row(&self, state: StateId) -> &[f64] {
        let first = state.index() * self.actions();
        &self.values[first..first + self.actions()]
    }

    #[inline]
    fn cell_of(&self, state: StateId, action: ActionId) -> usize {
        state.index() * self.actions() + action.index()
    }
}

pub(super) fn check_shape(states: usize, actions: usize) -> Result<(), ShapeError> {
    if actions == 0 || actions > ACTIONS_MAX {
        return Err(ShapeError::Actions(actions));
    }
    if states == 0 || u32::try_from(states).is_err() || states.checked_mul(actions * 8).is_none() {
        return Err(ShapeError::States(states));
    }
    Ok(())
}

fn narrow(actions: usize) -> Result<u8, ShapeError> {
    u8::try_from(actions).map_err(|_| ShapeError::Actions(actions))
}

pub(super) fn check_value(state: usize, action: usize, value: f64) -> Result<(), ShapeError> {
    if value.abs() <= Transition::<StateId>::REWARD_MAX {
        Ok(())
    } else {
        Err(ShapeError::Value {
            state,
            action,
            value,
        })
    }
}

/// Learning stops at changes of 10³⁰⁰, so no value ever comes near this; sums of a few stay finite below it.
const LEARNED_MAX: f64 = 1e305;

pub(super) fn check_learned(state: usize, action: usize, value: f64) -> Result<(), ShapeError> {
    if value.abs() <= LEARNED_MAX {
        Ok(())
    } else {
        Err(ShapeError::Value {
            state,
            action,
            value,
        })
    }
}

impl Values for Dense {
    type State = StateId;

    #[inline]
    fn actions(&self) -> usize {
        usize::from(self.actions)
    }

    #[inline]
    fn contains(&self, state: StateId) -> bool {
        state.index() < self.states
    }

    #[inline]
    fn as_row(&self, state: StateId) -> Option<&[f64]> {
        let first = state.index() * self.actions();
        self.values.get(first..first + self.actions())
    }

    #[inline]
    fn with_row<T>(&self, state: StateId, look: impl FnOnce(&[f64], &[u32]) -> T) -> T {
        let first = state.index() * self.actions();
        look(self.row(state), &self.visits[first..first + self.actions()])
    }

    #[inline]
    fn value(&self, state: StateId, action: ActionId) -> f64 {
        self.values[self.cell_of(state, action)]
    }

    #[inline]
    fn visit(&mut self, state: StateId, action: ActionId) -> u32 {
        let cell = self.cell_of(state, action);
        let visits = &mut self.visits[cell];
        *visits = visits.saturating_add(1);
        *visits
    }

    #[inline]
    fn add(&mut self, state: StateId, action: ActionId, delta: f64) {
        self.add_to_cell(self.cell_of(state, action), delta);
    }

    #[inline]
    fn cells(&mut self, state: StateId, action: ActionId, mut each: impl FnMut(usize)) {
        each(self.cell_of(state, action));
    }

    #[inline]
    fn cell(&self, cell: usize) -> f64 {
        self.values[cell]
    }

    #[inline]
    fn add_to_cell(&mut self, cell: usize, delta: f64) {
        self.values[cell] += delta;
    }

    #[inline]
    fn best(&self, state: StateId, mask: Mask) -> f64 {
        let row = self.row(state);
        if mask == Mask::all(row.len()) {
            return highest(row);
        }
        mask.iter().fold(f64::NEG_INFINITY, |best, action| {
            best.max(row[action.index()])
        })
    }

    #[inline(always)]
    fn learn_plainly(&mut self, plain: &Plain, step: &Transition) -> Option<Update> {
        let usual = step.executed.index() < plain.actions
            && step.mask == plain.all
            && step.next_mask == plain.all
            && step.is_unit()
            && step.is_probable();
        if !usual {
            return None;
        }
        let first = step.next.index() * self.actions();
        let row = self.values.get(first..first + self.actions())?;
        // By a branch, not by a factor of zero: what lies past the end may be anything.
        let after = if step.end == End::Terminated {
            0.0
        } else {
            highest(row) * plain.discount
        };
        // A known action and a cell within the table make a known state.
        let cell = self.cell_of(step.state, step.executed);
        let value = self.values.get_mut(cell)?;
        let counter = self.visits.get_mut(cell)?;
        let td_error = step.reward + after - *value;
        if !step.is_believed_with(td_error) {
            return None;
        }
        let visits = counter.checked_add(1)?;
        *counter = visits;
        let step_size = plain.step_size.at(visits, plain.discount);
        *value += step_size * td_error;
        Some(Update {
            td_error,
            step_size,
            visits,
        })
    }
}

/// The highest of a row. Rows of four to eight take one path without a loop: the first four and the
/// last four are compared side by side, overlapping where they must.
#[inline(always)]
fn highest(row: &[f64]) -> f64 {
    if !(4..=8).contains(&row.len()) {
        return highest_elsewhere(row);
    }
    let (Some(head), Some(tail)) = (row.first_chunk::<4>(), row.last_chunk::<4>()) else {
        return highest_elsewhere(row);
    };
    // Pair by pair, as the processor compares them; up to six have three of them.
    let pair = |a: [f64; 2], b: [f64; 2]| [higher(a[0], b[0]), higher(a[1], b[1])];
    let ends = pair([head[0], head[1]], [tail[2], tail[3]]);
    let mut inner = [head[2], head[3]];
    if row.len() > 6 {
        inner = pair(inner, [tail[0], tail[1]]);
    }
    let [even, odd] = pair(ends, inner);
    higher(even, odd)
}

/// Cold only so that the path above stays in one piece.
#[cold]
#[inline(never)]
fn highest_elsewhere(row: &[f64]) -> f64 {
    highest_of_any(row)
}

#[inline(never)]
fn highest_of_any(row: &[f64]) -> f64 {
    let mut best = [f64::NEG_INFINITY; 4];
    for part in row.chunks(4) {
        for (best, &value) in best.iter_mut().zip(part) {
            *best = higher(value, *best);
        }
    }
    best.into_iter().fold(f64::NEG_INFINITY, higher)
}

/// The higher of two numbers; which one it is cannot be foretold, so no branch.
#[inline]
fn higher(a: f64, b: f64) -> f64 {
    select_unpredictable(a > b, a, b)
}
