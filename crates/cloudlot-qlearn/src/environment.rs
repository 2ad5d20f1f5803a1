//! The port of worlds: what an agent can act in.

use serde::{Deserialize, Serialize};

use crate::{ActionId, End, Mask, StateId};

/// Where an episode begins.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Start<S = StateId> {
    /// The first state.
    pub state: S,
    /// What is allowed there.
    pub mask: Mask,
}

/// What an action led to.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outcome<S = StateId> {
    /// The next state; given at every end.
    pub state: S,
    /// What is allowed there.
    pub mask: Mask,
    /// What the action earned.
    pub reward: f64,
    /// Whether the episode goes on.
    pub end: End,
    /// How long the step took, in units of the base interval.
    pub dt: f64,
}

/// A world that an agent acts in. Its chance is its own, seeded at the first reset.
pub trait Environment {
    /// How it names its states.
    type State: Copy;

    /// Begins an episode. A seed restarts the world's chance; without one it goes on.
    fn reset(&mut self, seed: Option<u64>) -> Start<Self::State>;

    /// Does `action` and says what came of it.
    fn step(&mut self, action: ActionId) -> Outcome<Self::State>;
}
