//! How a controller is going: a few numbers, however long it runs.

use serde::{Deserialize, Serialize};

use crate::Update;

/// Counts and moving averages. The averages reach back over about a hundred decisions.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Statistics {
    /// How many decisions there were.
    pub decisions: u64,
    /// How many of them were measured and learned from.
    pub transitions: u64,
    /// How many episodes were finished.
    pub episodes: u64,
    /// How many pairs of state and action were ever learned from.
    pub cells: u64,
    /// The sum of all rewards.
    pub reward_total: f64,
    /// The moving average of the rewards.
    pub reward: f64,
    /// The moving average of |TD error|, before the updates.
    pub error: f64,
    /// The ε of the last decision.
    pub epsilon: f64,
    /// The step size of the last update.
    pub step_size: f64,
}

/// What the newest number weighs in a moving average.
const WEIGHT: f64 = 0.02;

impl Statistics {
    pub(super) const fn decided(&mut self, epsilon: f64) {
        self.decisions += 1;
        self.epsilon = epsilon;
    }

    pub(super) fn learned(&mut self, reward: f64, update: &Update, ended: bool) {
        let weight = if self.transitions == 0 { 1.0 } else { WEIGHT };
        self.transitions += 1;
        self.episodes += u64::from(ended);
        self.cells += u64::from(update.visits == 1);
        self.reward_total += reward;
        self.reward += weight * (reward - self.reward);
        self.error += weight * (update.td_error.abs() - self.error);
        self.step_size = update.step_size;
    }
}
