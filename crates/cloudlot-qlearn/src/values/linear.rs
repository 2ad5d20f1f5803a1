//! Values for a continuous space: every tile that a point is in has a say.

use super::{Dense, ShapeError, Values};
use crate::{ACTIONS_MAX, ActionId, StateId, TILINGS_MAX, TileCoder, Tiles};

/// A linear approximation over the tiles of a [`TileCoder`].
///
/// The value of an action is the sum of the weights of its tiles. An update shares its move among
/// them evenly, so a step size means what it means in a table: the textbook's `0.5/8` with eight
/// tilings is 0.5 here. An action counts as tried as often as its least visited tile.
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
    weights: Dense,
    /// How many tiles a point is in.
    active: u32,
}

impl Linear {
    /// Values for the points of `coder`, never learned from.
    ///
    /// # Errors
    /// Where the shape is impossible or `initial` is not finite.
    pub fn new(coder: &TileCoder, actions: usize, initial: f64) -> Result<Self, ShapeError> {
        let share = initial / f64::from(coder.tilings());
        let weights = Dense::new(coder.features() as usize, actions, share)?;
        Ok(Self {
            weights,
            active: coder.tilings(),
        })
    }

    /// Weights that were learned for the tiles of `tilings` grids.
    ///
    /// # Errors
    /// Where no tile coder has so many.
    pub(crate) fn learned(weights: Dense, tilings: u32) -> Result<Self, ShapeError> {
        let tiles = weights.states();
        let grids = tilings as usize;
        if !tilings.is_power_of_two() || grids > TILINGS_MAX || !tiles.is_multiple_of(grids) {
            return Err(ShapeError::Tiles { tiles, tilings });
        }
        Ok(Self {
            weights,
            active: tilings,
        })
    }

    /// How many tiles a point is in.
    #[must_use]
    pub const fn tilings(&self) -> u32 {
        self.active
    }

    /// The weight of each tile, and how often it was visited: a row for each tile.
    #[must_use]
    pub const fn weights(&self) -> &Dense {
        &self.weights
    }
}

impl Values for Linear {
    type State = Tiles;

    #[inline]
    fn actions(&self) -> usize {
        self.weights.actions()
    }

    #[inline]
    fn contains(&self, state: Tiles) -> bool {
        state.len() == self.active
            && state
                .iter()
                .all(|tile| self.weights.contains(StateId(tile)))
    }

    #[inline]
    fn with_row<T>(&self, state: Tiles, look: impl FnOnce(&[f64], &[u32]) -> T) -> T {
        let actions = self.actions();
        // Minus zero is what changes no sum, not even one of minus zeros.
        let mut values = [-0.0; ACTIONS_MAX];
        let mut visits = [u32::MAX; ACTIONS_MAX];
        let (values, visits) = (&mut values[..actions], &mut visits[..actions]);
        for tile in state.iter() {
            self.weights.with_row(StateId(tile), |weights, counts| {
                for (value, weight) in values.iter_mut().zip(weights) {
                    *value += weight;
                }
                for (least, count) in visits.iter_mut().zip(counts) {
                    *least = (*least).min(*count);
                }
            });
        }
        look(values, visits)
    }

    #[inline]
    fn value(&self, state: Tiles, action: ActionId) -> f64 {
        let weights = state
            .iter()
            .map(|tile| self.weights.value(StateId(tile), action));
        weights.fold(-0.0, |sum, weight| sum + weight)
    }

    #[inline]
    fn visit(&mut self, state: Tiles, action: ActionId) -> u32 {
        let counts = state
            .iter()
            .map(|tile| self.weights.visit(StateId(tile), action));
        counts.fold(u32::MAX, u32::min)
    }

    #[inline]
    fn add(&mut self, state: Tiles, action: ActionId, delta: f64) {
        let share = delta / f64::from(self.active);
        for tile in state.iter() {
            self.weights.add(StateId(tile), action, share);
        }
    }

    #[inline]
    fn cells(&mut self, state: Tiles, action: ActionId, mut each: impl FnMut(usize)) {
        for tile in state.iter() {
            self.weights.cells(StateId(tile), action, &mut each);
        }
    }

    #[inline]
    fn cell(&self, cell: usize) -> f64 {
        self.weights.cell(cell)
    }

    #[inline]
    fn add_to_cell(&mut self, cell: usize, delta: f64) {
        self.weights.add_to_cell(cell, delta);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        Config, Dimension, Learner, Mask, Rule, StepSize, Trace, Transition, below, stream, unit,
    };

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
        fn a_value_is_the_sum_of_its_cells_and_moves_as_told(
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
                let sum: f64 = cells.iter().map(|cell| values.cell(*cell)).sum();
                prop_assert!((sum - values.value(here, action)).abs() < 1e-12);
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

    /// With λ = 0 a trace lives for one step, so all its kinds are SARSA; n-step SARSA of one step is, too.
    #[test]
    fn a_step_size_means_the_same_to_every_rule() {
        let config = |rule| Config {
            rule,
            discount: 0.9,
            step_size: StepSize::Constant(0.3),
            ..Config::default()
        };
        let learned = |rule| {
            let values = Linear::new(&coder(), ACTIONS, 0.5).unwrap();
            let mut learner = Learner::new(values, config(rule)).unwrap();
            let mut chance = stream(3, 3);
            let mut at = coder().tiles(&[0.5, 0.5]).unwrap();
            let mut action = ActionId(0);
            for _ in 0..500 {
                let next = coder()
                    .tiles(&[unit(&mut chance), unit(&mut chance)])
                    .unwrap();
                let next_action = ActionId(u16::try_from(below(&mut chance, 3)).unwrap());
                let step = Transition::new(at, action, unit(&mut chance), next, Mask::all(ACTIONS));
                learner
                    .observe(&Transition {
                        next_action: Some(next_action),
                        ..step
                    })
                    .unwrap();
                (at, action) = (next, next_action);
            }
            learner.values().clone()
        };
        let sarsa = learned(Rule::Sarsa);
        let traces = [Trace::Accumulating, Trace::Replacing, Trace::Dutch];
        let fading = traces.map(|trace| Rule::SarsaLambda { lambda: 0.0, trace });
        for rule in fading.into_iter().chain([Rule::NStepSarsa { steps: 1 }]) {
            let other = learned(rule);
            let mut pairs = sarsa
                .weights()
                .view()
                .into_iter()
                .zip(other.weights().view());
            assert!(pairs.all(|(a, b)| (a - b).abs() < 1e-12), "{rule:?}");
            assert_eq!(sarsa.weights().visits(), other.weights().visits());
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
