//! The table in one piece: a row of values for each state, and a row of counts beside it.

use ndarray::{Array2, ArrayView2};

use super::Values;
use crate::{ACTIONS_MAX, ActionId, Mask, StateId, Transition};

/// A table with a cell for every state and action, owned by two `ndarray` arrays in row-major order.
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
    values: Array2<f64>,
    visits: Array2<u32>,
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
            values: Array2::from_elem((states, actions), initial),
            visits: Array2::zeros((states, actions)),
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
        Ok(Self {
            values: values.as_standard_layout().into_owned(),
            visits: visits.as_standard_layout().into_owned(),
        })
    }

    /// A table that has learned: values may have grown past what a reward can be, but are finite.
    pub(crate) fn learned(values: Array2<f64>, visits: Array2<u32>) -> Result<Self, ShapeError> {
        check_shape(values.nrows(), values.ncols())?;
        match values.indexed_iter().find(|(_, value)| !value.is_finite()) {
            Some(((state, action), &value)) => Err(ShapeError::Value {
                state,
                action,
                value,
            }),
            None => Ok(Self { values, visits }),
        }
    }

    /// How many states there are.
    #[must_use]
    pub fn states(&self) -> usize {
        self.values.nrows()
    }

    /// All values, a row for each state.
    #[must_use]
    pub fn view(&self) -> ArrayView2<'_, f64> {
        self.values.view()
    }

    /// All counts of updates, a row for each state.
    #[must_use]
    pub fn visits(&self) -> ArrayView2<'_, u32> {
        self.visits.view()
    }

    #[inline]
    fn row(&self, state: StateId) -> &[f64] {
        self.values
            .row(state.index())
            .to_slice()
            .expect("rows lie in one piece")
    }
}

fn check_shape(states: usize, actions: usize) -> Result<(), ShapeError> {
    if actions == 0 || actions > ACTIONS_MAX {
        return Err(ShapeError::Actions(actions));
    }
    if states == 0 || u32::try_from(states).is_err() || states.checked_mul(actions * 8).is_none() {
        return Err(ShapeError::States(states));
    }
    Ok(())
}

fn check_value(state: usize, action: usize, value: f64) -> Result<(), ShapeError> {
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

impl Values for Dense {
    type State = StateId;

    #[inline]
    fn actions(&self) -> usize {
        self.values.ncols()
    }

    #[inline]
    fn contains(&self, state: StateId) -> bool {
        state.index() < self.values.nrows()
    }

    #[inline]
    fn with_row<T>(&self, state: StateId, look: impl FnOnce(&[f64], &[u32]) -> T) -> T {
        let visits = self.visits.row(state.index());
        look(
            self.row(state),
            visits.to_slice().expect("rows lie in one piece"),
        )
    }

    #[inline]
    fn value(&self, state: StateId, action: ActionId) -> f64 {
        self.values[[state.index(), action.index()]]
    }

    #[inline]
    fn visit(&mut self, state: StateId, action: ActionId) -> u32 {
        let count = &mut self.visits[[state.index(), action.index()]];
        *count = count.saturating_add(1);
        *count
    }

    #[inline]
    fn add(&mut self, state: StateId, action: ActionId, delta: f64) {
        self.values[[state.index(), action.index()]] += delta;
    }

    #[inline]
    fn cells(&mut self, state: StateId, action: ActionId, mut each: impl FnMut(usize)) {
        each(state.index() * self.actions() + action.index());
    }

    #[inline]
    fn cell(&self, cell: usize) -> f64 {
        let actions = self.actions();
        self.values[[cell / actions, cell % actions]]
    }

    #[inline]
    fn add_to_cell(&mut self, cell: usize, delta: f64) {
        let actions = self.actions();
        self.values[[cell / actions, cell % actions]] += delta;
    }

    #[inline]
    fn best(&self, state: StateId, mask: Mask) -> f64 {
        let row = self.row(state);
        if mask.len() as usize == row.len() {
            return row.iter().fold(
                f64::NEG_INFINITY,
                |best, &value| {
                    if value > best { value } else { best }
                },
            );
        }
        mask.iter().fold(f64::NEG_INFINITY, |best, action| {
            best.max(row[action.index()])
        })
    }
}
