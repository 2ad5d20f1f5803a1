//! A small linear table whose states share cells, so that a step moves other values, too.

use cloudlot_qlearn::{ActionId, StateId, Values};

/// How many features a state has.
pub(crate) const FEATURES: usize = 3;

/// Features 2s, 2s + 1 and 2s + 2 of state s: the last is the first of the next state.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Shared {
    pub(crate) weights: Vec<f64>,
    visits: Vec<u32>,
    actions: usize,
}

impl Shared {
    pub(crate) fn new(states: usize, actions: usize) -> Self {
        Self {
            weights: vec![0.0; (2 * states + 1) * actions],
            visits: vec![0; states * actions],
            actions,
        }
    }

    /// The cells of an action in a state.
    pub(crate) fn active(&self, state: StateId, action: ActionId) -> [usize; FEATURES] {
        [0, 1, 2].map(|more| (2 * state.index() + more) * self.actions + action.index())
    }
}

impl Values for Shared {
    type State = StateId;

    fn actions(&self) -> usize {
        self.actions
    }

    fn contains(&self, state: StateId) -> bool {
        (state.index() + 1) * self.actions <= self.visits.len()
    }

    fn with_row<T>(&self, state: StateId, look: impl FnOnce(&[f64], &[u32]) -> T) -> T {
        let row: Vec<f64> = (0..self.actions)
            .map(|action| self.value(state, ActionId(u16::try_from(action).unwrap())))
            .collect();
        let begin = state.index() * self.actions;
        look(&row, &self.visits[begin..begin + self.actions])
    }

    fn value(&self, state: StateId, action: ActionId) -> f64 {
        let cells = self.active(state, action);
        cells.iter().map(|cell| self.weights[*cell]).sum()
    }

    fn visit(&mut self, state: StateId, action: ActionId) -> u32 {
        let count = &mut self.visits[state.index() * self.actions + action.index()];
        *count += 1;
        *count
    }

    fn add(&mut self, state: StateId, action: ActionId, delta: f64) {
        for cell in self.active(state, action) {
            self.weights[cell] += delta / 3.0;
        }
    }

    fn cells(&mut self, state: StateId, action: ActionId, each: impl FnMut(usize)) {
        self.active(state, action).into_iter().for_each(each);
    }

    fn cell(&self, cell: usize) -> f64 {
        self.weights[cell]
    }

    fn add_to_cell(&mut self, cell: usize, delta: f64) {
        self.weights[cell] += delta;
    }
}
