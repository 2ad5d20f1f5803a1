//! The bound: Q-learning on a plain array, without checks, counts or reasons.

use cloudlot_qlearn::{below, unit};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::taxi::{ACTIONS, STATES, Taxi};

pub(crate) const ALPHA: f64 = 0.1;
pub(crate) const GAMMA: f64 = 0.99;

#[inline]
pub(crate) fn row_max(row: &[f64]) -> f64 {
    row.iter().fold(
        f64::NEG_INFINITY,
        |best, &q| if q > best { q } else { best },
    )
}

#[inline]
pub(crate) fn update(
    table: &mut [f64],
    actions: usize,
    (state, action, reward, next, terminated): (u32, u16, f64, u32, bool),
) {
    let first = next as usize * actions;
    let after = if terminated {
        0.0
    } else {
        GAMMA * row_max(&table[first..first + actions])
    };
    let cell = &mut table[state as usize * actions + usize::from(action)];
    *cell += ALPHA * (reward + after - *cell);
}

/// The loop: world, ε-greedy choice with the lowest of equals, update.
pub(crate) struct Loop {
    pub(crate) taxi: Taxi,
    pub(crate) table: Vec<f64>,
    pub(crate) rng: Xoshiro256PlusPlus,
    pub(crate) epsilon: f64,
    pub(crate) state: u32,
}

impl Loop {
    pub(crate) fn new(taxi: &Taxi, rng: Xoshiro256PlusPlus, epsilon: f64) -> Self {
        let mut taxi = taxi.clone();
        let state = taxi.begin();
        Self {
            taxi,
            table: vec![0.0; STATES * ACTIONS],
            rng,
            epsilon,
            state,
        }
    }

    pub(crate) fn run(&mut self, steps: u64) -> u64 {
        for _ in 0..steps {
            let action = if unit(&mut self.rng) < self.epsilon {
                below(&mut self.rng, 6) as usize
            } else {
                let first = self.state as usize * ACTIONS;
                let row = &self.table[first..first + ACTIONS];
                let (mut best, mut value) = (0, row[0]);
                for (action, &q) in row.iter().enumerate().skip(1) {
                    if q > value {
                        (best, value) = (action, q);
                    }
                }
                best
            };
            let (next, reward, terminated, late) = self.taxi.go(action);
            let done = u16::try_from(action).unwrap_or(0);
            update(
                &mut self.table,
                ACTIONS,
                (self.state, done, reward, next, terminated),
            );
            self.state = if terminated || late {
                self.taxi.begin()
            } else {
                next
            };
        }
        steps
    }
}
