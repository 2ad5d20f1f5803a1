//! Values for a continuous space: every tile that a point is in has a say.

use super::{Dense, ShapeError, Values};
use crate::{ACTIONS_MAX, ActionId, StateId, TileCoder, Tiles};

/// A linear approximation over the tiles of a [`TileCoder`].
///
/// The value of an action is the mean of what its tiles hold. An update moves each of them by the same
/// amount, so a step size means what it means in a table: the textbook's `0.5/8` with eight
/// tilings is 0.5 here, and a textbook's weight is what a tile holds, divided by the number of tilings.
/// An action counts as tried as often as its least visited tile.
///
/// Q-learning can diverge here, as bootstrapping, approximation and another policy's experience come together; SARSA and
/// expected SARSA are safe.
/// Source: Sutton and Barto, 2nd edition (2018), sections 9.4, 10.1 and 11.3.
///
/// ```
/// # use cloudlot_qlearn::{ActionId, Dimension, Linear, TileCoder, Values};
/// let coder = TileCoder::new(8, &[Dimension { from: 0.0, to: 1.0, tiles: 4 }])?;
/// let mut values = Linear::new(&coder, 2, 0.0)?;
/// values.add(coder.tiles(&[0.5])?, ActionId(1), 1.0);
/// assert_eq!(values.value(coder.tiles(&[0.5])?, ActionId(1)), 1.0);
/// assert_eq!(values.value(coder.tiles(&[0.6])?, ActionId(1)), 0.625);
/// assert_eq!(values.value(coder.tiles(&[0.9])?, ActionId(1)), 0.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Debug)]
pub struct Linear {
    /// A row for each tile.
    tiles: Dense,
    /// How many tiles a point is in.
    active: u32,
}

impl Linear {
    /// Values for the points of `coder`, never learned from.
    ///
    /// # Errors
    /// Where the shape is impossible or `initial` is not finite.
    pub fn new(coder: &TileCoder, actions: usize, initial: f64) -> Result<Self, ShapeError> {
        let tiles = Dense::new(coder.features() as usize, actions, initial)?;
        Ok(Self {
            tiles,
            active: coder.tilings(),
        })
    }

    /// What each tile holds, and how often it was visited: a row for each tile.
    #[must_use]
    pub const fn tiles(&self) -> &Dense {
        &self.tiles
    }
}

impl Values for Linear {
    type State = Tiles;

    #[inline]
    fn actions(&self) -> usize {
        self.tiles.actions()
    }

    #[inline]
    fn contains(&self, state: Tiles) -> bool {
        state.len() == self.active && state.iter().all(|tile| self.tiles.contains(StateId(tile)))
    }

    #[inline]
    fn with_row<T>(&self, state: Tiles, look: impl FnOnce(&[f64], &[u32]) -> T) -> T {
        let actions = self.actions();
        // Minus zero is what changes no sum, not even one of minus zeros.
        let mut values = [-0.0; ACTIONS_MAX];
        let mut visits = [u32::MAX; ACTIONS_MAX];
        let (values, visits) = (&mut values[..actions], &mut visits[..actions]);
        for tile in state.iter() {
            self.tiles.with_row(StateId(tile), |held, counts| {
                for (value, held) in values.iter_mut().zip(held) {
                    *value += held;
                }
                for (least, count) in visits.iter_mut().zip(counts) {
                    *least = (*least).min(*count);
                }
            });
        }
        for value in &mut *values {
            *value /= f64::from(self.active);
        }
        look(values, visits)
    }

    #[inline]
    fn value(&self, state: Tiles, action: ActionId) -> f64 {
        let held = state
            .iter()
            .map(|tile| self.tiles.value(StateId(tile), action));
        held.fold(-0.0, |sum, held| sum + held) / f64::from(self.active)
    }

    #[inline]
    fn visit(&mut self, state: Tiles, action: ActionId) -> u32 {
        let counts = state
            .iter()
            .map(|tile| self.tiles.visit(StateId(tile), action));
        counts.fold(u32::MAX, u32::min)
    }

    #[inline]
    fn add(&mut self, state: Tiles, action: ActionId, delta: f64) {
        for tile in state.iter() {
            self.tiles.add(StateId(tile), action, delta);
        }
    }

    #[inline]
    fn cells(&mut self, state: Tiles, action: ActionId, mut each: impl FnMut(usize)) {
        for tile in state.iter() {
            self.tiles.cells(StateId(tile), action, &mut each);
        }
    }

    #[inline]
    fn cell(&self, cell: usize) -> f64 {
        self.tiles.cell(cell)
    }

    #[inline]
    fn add_to_cell(&mut self, cell: usize, delta: f64) {
        self.tiles.add_to_cell(cell, delta);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Dimension;

    const ACTIONS: usize = 3;

    fn coder() -> TileCoder {
        let dimension = Dimension {
            from: 0.0,
            to: 1.0,
            tiles: 4,
        };
        TileCoder::new(4, &[dimension; 2]).unwrap()
    }

    proptest! {
        #[test]
        fn a_value_is_the_mean_of_its_cells_and_moves_as_told(
            moves in prop::collection::vec((0.0..1.0, 0.0..1.0, 0_u16..3, -9.0..9.0), 1..40),
        ) {
            let coder = coder();
            let mut values = Linear::new(&coder, ACTIONS, 0.5).unwrap();
            for (x, y, action, delta) in moves {
                let (here, action) = (coder.tiles(&[x, y]).unwrap(), ActionId(action));
                prop_assert!(values.contains(here));
                let before = values.value(here, action);
                values.add(here, action, delta);
                prop_assert!((values.value(here, action) - before - delta).abs() < 1e-12);
                let mut cells = Vec::new();
                values.cells(here, action, |cell| cells.push(cell));
                let mean: f64 = cells.iter().map(|cell| values.cell(*cell) / 4.0).sum();
                prop_assert!((mean - values.value(here, action)).abs() < 1e-12);
                let row = values.with_row(here, |row, _| row.to_vec());
                prop_assert_eq!(row[action.index()], values.value(here, action));
            }
        }

        #[test]
        fn counts_are_those_of_the_least_visited_tile(points in prop::collection::vec((0.0..1.0, 0.0..1.0), 1..40)) {
            let coder = coder();
            let mut values = Linear::new(&coder, ACTIONS, 0.0).unwrap();
            let mut seen: Vec<Tiles> = Vec::new();
            for (x, y) in points {
                let here = coder.tiles(&[x, y]).unwrap();
                seen.push(here);
                let often = |tile| seen.iter().filter(|at| at.iter().any(|t| t == tile)).count();
                let least = here.iter().map(often).min().unwrap();
                prop_assert_eq!(values.visit(here, ActionId(1)) as usize, least);
                let counts = values.with_row(here, |_, counts| counts.to_vec());
                prop_assert_eq!(counts.iter().map(|c| *c as usize).collect::<Vec<_>>(), [0, least, 0]);
            }
        }
    }

    #[test]
    fn tiles_of_another_space_are_not_contained() {
        let values = Linear::new(&coder(), ACTIONS, 0.0).unwrap();
        let dimension = Dimension {
            from: 0.0,
            to: 1.0,
            tiles: 4,
        };
        let fewer = TileCoder::new(2, &[dimension; 2]).unwrap();
        assert!(!values.contains(fewer.tiles(&[0.5, 0.5]).unwrap()));
        let larger = TileCoder::new(4, &[dimension; 3]).unwrap();
        assert!(!values.contains(larger.tiles(&[0.9, 0.9, 0.9]).unwrap()));
    }
}
