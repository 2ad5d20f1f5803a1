//! The table in rows that come when they are written: for spaces too large to be covered.
//!
//! A space of a million cells is mostly never seen. Reading an unseen state gives the initial
//! value and leaves no mark; the first write gives it a row.

use rustc_hash::FxBuildHasher;
use serde::{Deserialize, Serialize};

use super::Values;
use super::dense::{ShapeError, check_learned, check_shape, check_value};
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
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(try_from = "Rows", into = "Rows")]
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

/// What a file holds: rows in the order of their first write. Values are bits, so that they come
/// back as they were.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rows {
    states: usize,
    actions: usize,
    initial: u64,
    ids: Vec<StateId>,
    values: Vec<u64>,
    visits: Vec<u32>,
}

/// Why what is in a file is no table.
#[derive(Clone, Copy, PartialEq, Debug, thiserror::Error)]
enum RowsError {
    #[error(transparent)]
    Shape(#[from] ShapeError),
    #[error("{rows} rows of {actions} actions with {values} values and {visits} counts")]
    Length {
        rows: usize,
        actions: usize,
        values: usize,
        visits: usize,
    },
    #[error("a row for state {state} of {states}")]
    State { state: u32, states: usize },
    #[error("two rows for state {state}")]
    Twice { state: u32 },
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

impl TryFrom<Rows> for Sparse {
    type Error = RowsError;

    fn try_from(rows: Rows) -> Result<Self, RowsError> {
        let Rows {
            states,
            actions,
            initial,
            ids,
            values,
            visits,
        } = rows;
        let mut table = Self::new(states, actions, f64::from_bits(initial))?;
        let cells = ids.len().checked_mul(actions);
        if cells != Some(values.len()) || cells != Some(visits.len()) {
            let (values, visits) = (values.len(), visits.len());
            return Err(RowsError::Length {
                rows: ids.len(),
                actions,
                values,
                visits,
            });
        }
        let contents = values
            .chunks_exact(actions)
            .zip(visits.chunks_exact(actions));
        for (id, (values, visits)) in ids.into_iter().zip(contents) {
            table.put_row(id, values, visits)?;
        }
        Ok(table)
    }
}

impl Sparse {
    fn put_row(&mut self, id: StateId, values: &[u64], visits: &[u32]) -> Result<(), RowsError> {
        if !self.contains(id) {
            return Err(RowsError::State {
                state: id.0,
                states: self.states,
            });
        }
        let rows = self.ids.len();
        let row = self.make_row(id);
        if row < rows {
            return Err(RowsError::Twice { state: id.0 });
        }
        let (block, at) = self.place(row, 0);
        let block = &mut self.blocks[block];
        for (action, (&bits, &count)) in values.iter().zip(visits).enumerate() {
            let value = f64::from_bits(bits);
            check_learned(id.index(), action, value)?;
            block.values[at + action] = value;
            block.visits[at + action] = count;
        }
        Ok(())
    }
}

impl From<Sparse> for Rows {
    fn from(table: Sparse) -> Self {
        let mut values = Vec::new();
        let mut visits = Vec::new();
        for (_, row, counts) in table.rows() {
            values.extend(row.iter().map(|value| value.to_bits()));
            visits.extend_from_slice(counts);
        }
        Self {
            states: table.states,
            actions: table.actions(),
            initial: table.unseen.values[0].to_bits(),
            ids: table.ids,
            values,
            visits,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// More rows than fit in two blocks, with values that decimals do not have.
    fn learned() -> Sparse {
        let mut table = Sparse::new(1 << 30, 3, 0.1).unwrap();
        for step in 0..600_u32 {
            let (state, action) = (StateId(step.wrapping_mul(2_654_435_761) >> 2), ActionId(1));
            table.visit(state, action);
            table.add(state, action, f64::from(step) / 7.0);
        }
        table
    }

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
    fn a_table_comes_back_from_a_file_as_it_was() {
        let mut table = learned();
        let text = serde_json::to_string(&table).unwrap();
        let mut back: Sparse = serde_json::from_str(&text).unwrap();
        assert_eq!(back, table);
        assert_eq!(serde_json::to_string(&back).unwrap(), text);
        // Cells that a trace remembers mean the same afterwards.
        let cell = |table: &mut Sparse| {
            let mut found = 0;
            table.cells(table.ids()[300], ActionId(1), |cell| found = cell);
            found
        };
        assert_eq!(cell(&mut back), cell(&mut table));
    }

    #[test]
    fn a_damaged_file_is_refused() {
        let good = r#"{"states":9,"actions":2,"initial":0,"ids":[4,8],"values":[0,0,0,0],"visits":[1,0,0,1]}"#;
        assert!(serde_json::from_str::<Sparse>(good).is_ok());
        let nan = f64::NAN.to_bits().to_string();
        let infinite = f64::INFINITY.to_bits().to_string();
        for (from, to) in [
            ("[4,8]", "[4,4]"),
            ("[4,8]", "[4,9]"),
            ("[4,8]", "[4]"),
            ("[1,0,0,1]", "[1,0,0]"),
            ("[0,0,0,0]", "[0,0,0,0,0]"),
            ("[0,0,0,0]", &format!("[0,0,{nan},0]")),
            ("\"initial\":0", &format!("\"initial\":{infinite}")),
            ("\"actions\":2", "\"actions\":0"),
            ("\"actions\":2", "\"actions\":65"),
            ("\"states\":9", "\"states\":0"),
            ("\"states\":9", "\"states\":4294967296"),
            ("\"states\"", "\"state\""),
        ] {
            let bad = good.replace(from, to);
            assert_ne!(bad, good);
            assert!(serde_json::from_str::<Sparse>(&bad).is_err(), "{bad}");
        }
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
