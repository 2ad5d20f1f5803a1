//! Taxi as arrays: the same world for every contender.

use cloudlot_qlearn::{ActionId, End, Environment, Mask, Outcome, Start, StateId, below};
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::SeedableRng;
use serde_json::Value;

const TABLES: &str = include_str!("../../crates/cloudlot-qlearn/tests/data/taxi.json");

pub(crate) const STATES: usize = 500;
pub(crate) const ACTIONS: usize = 6;

/// What an action leads to; every outcome of Taxi is certain.
#[derive(Clone, Copy)]
pub(crate) struct Cell {
    pub(crate) reward: f64,
    pub(crate) next: u32,
    pub(crate) terminated: bool,
}

#[derive(Clone)]
pub(crate) struct Taxi {
    pub(crate) cells: Vec<Cell>,
    starts: Vec<u32>,
    rng: Xoshiro256PlusPlus,
    state: u32,
    steps: u32,
}

impl Taxi {
    pub(crate) fn load() -> Self {
        let tables: Value = serde_json::from_str(TABLES).expect("the reference is JSON");
        let rows = tables["P"].as_array().expect("P is a table");
        let cells = rows
            .iter()
            .flat_map(|row| row.as_array().expect("a row for each state"))
            .map(|outcomes| {
                let outcome = &outcomes[0];
                Cell {
                    reward: outcome[2].as_f64().expect("a reward"),
                    next: u32::try_from(outcome[1].as_u64().expect("a state")).expect("a state"),
                    terminated: outcome[3].as_bool().expect("an end"),
                }
            })
            .collect();
        let starts = tables["initial_state_distribution"]
            .as_object()
            .expect("starts")
            .keys()
            .map(|state| state.parse().expect("a state"))
            .collect();
        Self {
            cells,
            starts,
            rng: Xoshiro256PlusPlus::seed_from_u64(1),
            state: 0,
            steps: 0,
        }
    }

    #[inline]
    pub(crate) fn begin(&mut self) -> u32 {
        let count = u32::try_from(self.starts.len()).unwrap_or(1);
        self.state = self.starts[below(&mut self.rng, count) as usize];
        self.steps = 0;
        self.state
    }

    /// Where the action leads, what it earns, whether it ended and whether time is up.
    #[inline]
    pub(crate) fn go(&mut self, action: usize) -> (u32, f64, bool, bool) {
        let cell = self.cells[self.state as usize * ACTIONS + action];
        self.state = cell.next;
        self.steps += 1;
        (cell.next, cell.reward, cell.terminated, self.steps == 200)
    }
}

impl Environment for Taxi {
    type State = StateId;

    fn reset(&mut self, seed: Option<u64>) -> Start {
        if let Some(seed) = seed {
            self.rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        }
        Start {
            state: StateId(self.begin()),
            mask: Mask::all(ACTIONS),
        }
    }

    #[inline]
    fn step(&mut self, action: ActionId) -> Outcome {
        let (next, reward, terminated, late) = self.go(action.index());
        Outcome {
            state: StateId(next),
            mask: Mask::all(ACTIONS),
            reward,
            end: match (terminated, late) {
                (true, _) => End::Terminated,
                (false, true) => End::Truncated,
                (false, false) => End::Running,
            },
            dt: 1.0,
        }
    }
}
