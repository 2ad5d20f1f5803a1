//! The table in rows that come when they are written: for spaces too large to be covered.
//!
//! A space of a million cells is mostly never seen. Reading an unseen state gives the initial
//! value and leaves no mark; the first write gives it a row.

use rustc_hash::FxBuildHasher;

use super::Values;
use super::dense::{ShapeError, check_shape, check_value};
use crate::{ActionId, StateId};

/// Rows are kept in blocks, so that growing never moves one.
const BLOCK_ROWS: usize = 256;

/// The row of each state that has one.
#[expect(
    clippy::disallowed_types,
    reason = "asked for one id at a time and never iterated: `ids` has the order"
)]
type Index = std::collections::HashMap<u32, u32, FxBuildHasher>;

/// A table with rows for those states alone that were written to.
///
/// An update takes half as long again as in [`Dense`](crate::Dense) where both fit the caches, less
/// in a space of 10⁶ states of which few are visited, and several times as long where all of them are.
///
/// ```
/// # use cloudlot_qlearn::{ActionId, Sparse, StateId, Values};
/// let mut table = Sparse::new(4_000_000_000, 5, 1.0)?;
/// table.add(StateId(3_999_999_999), ActionId(2), 0.5);
/// assert_eq!(table.value(StateId(3_999_999_999), ActionId(2)), 1.5);
/// assert_eq!(table.value(StateId(7), ActionId(2)), 1.0);
/// assert_eq!(table.ids(), [StateId(3_999_999_999)]);
/// # Ok::<(), cloudlot_qlearn::ShapeError>(())
/// ```
#[derive(Clone, PartialEq, Debug)]
pub struct Sparse {
    states: usize,
    /// What a state without a row shows.
    unseen: Block,
    index: Index,
    /// The state of each row.
    ids: Vec<StateId>,
    blocks: Vec<Block>,
}

/// Some rows in one piece.
#[derive(Clone, PartialEq, Debug)]
struct Block {
    values: Box<[f64]>,
    visits: Box<[u32]>,
}

impl Sparse {
    /// A table that was never learned from; it takes no room for its states.
    ///
    /// # Errors
    /// Where the shape is impossible or `initial` is not finite.
    pub fn new(states: usize, actions: usize, initial: f64) -> Result<Self, ShapeError> {
        check_shape(states, actions)?;
        check_value(0, 0, initial)?;
        Ok(Self {
            states,
            unseen: Block::new(1, &vec![initial; actions]),
            index: Index::default(),
            ids: Vec::new(),
            blocks: Vec::new(),
        })
    }

    /// How many states there are, seen or not.
    #[must_use]
    pub const fn states(&self) -> usize {
        self.states
    }

    /// The states that have a row, in the order of their first write.
    #[must_use]
    pub fn ids(&self) -> &[StateId] {
        &self.ids
    }

    /// Every row with its state, values and counts, in the order of their first write.
    pub fn rows(&self) -> impl Iterator<Item = (StateId, &[f64], &[u32])> {
        (0..).zip(&self.ids).map(|(row, id)| {
            let (values, visits) = self.at(row);
            (*id, values, visits)
        })
    }

    /// What a state shows that was never written to.
    pub(crate) fn initial(&self) -> f64 {
        self.unseen.values[0]
    }

    /// A row as it was learned, the next in order: values may have grown past what a reward can be, but are finite.
    ///
    /// # Errors
    /// Where the state is unknown or has a row, the row has not one place for each action, or a value
    /// is not finite.
    pub(crate) fn push_row(
        &mut self,
        id: StateId,
        values: &[f64],
        visits: &[u32],
    ) -> Result<(), ShapeError> {
        let actions = self.actions();
        let (state, states) = (id.index(), self.states);
        if values.len() != actions {
            return Err(ShapeError::Values {
                found: (1, values.len()),
                shape: (states, actions),
            });
        }
        if visits.len() != actions {
            return Err(ShapeError::Visits {
                found: (1, visits.len()),
                shape: (states, actions),
            });
        }
        if !self.contains(id) || self.row_of(id).is_some() {
            return Err(ShapeError::Row { state, states });
        }
        if let Some(action) = values.iter().position(|value| !value.is_finite()) {
            return Err(ShapeError::Value {
                state,
                action,
                value: values[action],
            });
        }
        let row = self.make_row(id);
        let (block, at) = self.place(row, 0);
        let block = &mut self.blocks[block];
        block.values[at..at + actions].copy_from_slice(values);
        block.visits[at..at + actions].copy_from_slice(visits);
        Ok(())
    }

    #[inline]
    fn at(&self, row: usize) -> (&[f64], &[u32]) {
        let (block, at) = self.place(row, 0);
        let cells = at..at + self.actions();
        let block = &self.blocks[block];
        (&block.values[cells.clone()], &block.visits[cells])
    }

    /// The block of a row, and where in it a column stands.
    #[inline]
    fn place(&self, row: usize, column: usize) -> (usize, usize) {
        (row / BLOCK_ROWS, row % BLOCK_ROWS * self.actions() + column)
    }

    #[inline]
    fn row_of(&self, state: StateId) -> Option<usize> {
        assert!(
            self.contains(state),
            "no state {} among {}",
            state.0,
            self.states
        );
        self.index.get(&state.0).map(|row| *row as usize)
    }

    /// The row of a state, made where it has none.
    fn make_row(&mut self, state: StateId) -> usize {
        if let Some(row) = self.row_of(state) {
            return row;
        }
        let row = self.ids.len();
        if row.is_multiple_of(BLOCK_ROWS) {
            self.blocks
                .push(Block::new(BLOCK_ROWS, &self.unseen.values));
        }
        let number = u32::try_from(row).expect("there are no more rows than states");
        self.index.insert(state.0, number);
        self.ids.push(state);
        row
    }

    /// The block of a cell, and where in it that cell stands.
    #[inline]
    fn place_of_cell(&self, cell: usize) -> (usize, usize) {
        self.place(cell / self.actions(), cell % self.actions())
    }

    fn check_column(&self, action: ActionId) {
        assert!(
            action.index() < self.actions(),
            "no action {} among {}",
            action.0,
            self.actions()
        );
    }
}

impl Block {
    fn new(rows: usize, row: &[f64]) -> Self {
        Self {
            values: row.repeat(rows).into(),
            visits: vec![0; rows * row.len()].into(),
        }
    }
}

impl Values for Sparse {
    type State = StateId;

    #[inline]
    fn actions(&self) -> usize {
        self.unseen.values.len()
    }

    #[inline]
    fn contains(&self, state: StateId) -> bool {
        state.index() < self.states
    }

    #[inline]
    fn with_row<T>(&self, state: StateId, look: impl FnOnce(&[f64], &[u32]) -> T) -> T {
        match self.row_of(state) {
            Some(row) => {
                let (values, visits) = self.at(row);
                look(values, visits)
            }
            None => look(&self.unseen.values, &self.unseen.visits),
        }
    }

    #[inline]
    fn value(&self, state: StateId, action: ActionId) -> f64 {
        self.with_row(state, |values, _| values[action.index()])
    }

    #[inline]
    fn visit(&mut self, state: StateId, action: ActionId) -> u32 {
        self.check_column(action);
        let row = self.make_row(state);
        let (block, at) = self.place(row, action.index());
        let count = &mut self.blocks[block].visits[at];
        *count = count.saturating_add(1);
        *count
    }

    #[inline]
    fn add(&mut self, state: StateId, action: ActionId, delta: f64) {
        self.check_column(action);
        let row = self.make_row(state);
        let (block, at) = self.place(row, action.index());
        self.blocks[block].values[at] += delta;
    }

    #[inline]
    fn cells(&mut self, state: StateId, action: ActionId, mut each: impl FnMut(usize)) {
        self.check_column(action);
        each(self.make_row(state) * self.actions() + action.index());
    }

    #[inline]
    fn cell(&self, cell: usize) -> f64 {
        let (block, at) = self.place_of_cell(cell);
        self.blocks[block].values[at]
    }

    #[inline]
    fn add_to_cell(&mut self, cell: usize, delta: f64) {
        let (block, at) = self.place_of_cell(cell);
        self.blocks[block].values[at] += delta;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looking_leaves_no_mark() {
        let table = Sparse::new(100, 3, 2.5).unwrap();
        let fresh = table.clone();
        let seen = table.with_row(StateId(99), |values, visits| {
            (values.to_vec(), visits.to_vec())
        });
        assert_eq!(seen, (vec![2.5; 3], vec![0; 3]));
        assert_eq!(table.value(StateId(5), ActionId(2)), 2.5);
        assert_eq!(table, fresh);
        assert!(table.ids().is_empty());
    }

    #[test]
    fn rows_stand_in_the_order_of_their_first_write() {
        let mut table = Sparse::new(100, 2, 0.0).unwrap();
        for state in [40, 7, 40, 99, 7, 0] {
            table.add(StateId(state), ActionId(0), 1.0);
        }
        assert_eq!(table.ids(), [40, 7, 99, 0].map(StateId));
        let firsts: Vec<f64> = table.rows().map(|(_, values, _)| values[0]).collect();
        assert_eq!(firsts, [2.0, 2.0, 1.0, 1.0]);
    }

    #[test]
    fn an_impossible_shape_is_refused() {
        assert_eq!(Sparse::new(0, 1, 0.0), Err(ShapeError::States(0)));
        assert_eq!(Sparse::new(1, 0, 0.0), Err(ShapeError::Actions(0)));
        assert_eq!(Sparse::new(1, 65, 0.0), Err(ShapeError::Actions(65)));
        assert!(matches!(
            Sparse::new(1, 1, f64::NAN),
            Err(ShapeError::Value { .. })
        ));
    }
}
