//! The guard as its users see it: what is done is legal, calm, paid for, and told truly.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod drift;
mod legal;
mod limits;
mod modes;
mod probability;

use cloudlot_qlearn::{Agent, Config, Dense, Explore, Learner, StateId, Transition, Values};

/// The sizes of the five actions of most tests.
const SIZES: [i64; 5] = [5, 1, 0, -1, -5];

/// An agent whose table of `states` by five has some values, and `visits` of each action.
fn agent(states: u32, visits: u32, explore: Explore, seed: u64) -> Agent {
    let mut table = Dense::new(states as usize, SIZES.len(), 0.0).unwrap();
    for state in (0..states).map(StateId) {
        for action in (0..5).map(cloudlot_qlearn::ActionId) {
            let value = f64::from((state.0 * 7 + u32::from(action.0) * 3) % 5);
            table.add(state, action, value);
            for _ in 0..visits {
                table.visit(state, action);
            }
        }
    }
    let config = Config {
        explore,
        ..Config::default()
    };
    Agent::new(Learner::new(table, config).unwrap(), seed, 0)
}

/// The transition type of these tests.
type Step = Transition<StateId>;
