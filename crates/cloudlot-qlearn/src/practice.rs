//! What an agent does between one real step and the next.

use rand::Rng;
use serde::{Deserialize, Serialize};

use crate::{Learner, Planner, Replay, StateId, Transition, Values};

/// More learning from what was already seen.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(
    rename_all = "snake_case",
    bound(
        serialize = "S: Copy + Serialize",
        deserialize = "S: Copy + Ord + Deserialize<'de>"
    )
)]
pub enum Practice<S = StateId> {
    /// From a counted model.
    Planner(Box<Planner<S>>),
    /// From past transitions.
    Replay(Replay<S>),
}

impl<S: Copy + Ord> Practice<S> {
    /// Takes in a transition that the learner has just learned from, then learns more; says how many
    /// backups were made.
    pub fn practise<V, R>(
        &mut self,
        learner: &mut Learner<V>,
        step: &Transition<S>,
        rng: &mut R,
    ) -> u32
    where
        V: Values<State = S>,
        R: Rng + ?Sized,
    {
        match self {
            Self::Planner(planner) => planner.practise(learner, step, rng),
            Self::Replay(replay) => replay.practise(learner, step, rng),
        }
    }

    /// The planner, if there is one whose hopes an agent explores by.
    pub(crate) fn hopeful(&self) -> Option<&Planner<S>> {
        match self {
            Self::Planner(planner) if planner.config().tries > 0 => Some(planner),
            _ => None,
        }
    }
}

impl<S> From<Planner<S>> for Practice<S> {
    fn from(planner: Planner<S>) -> Self {
        Self::Planner(Box::new(planner))
    }
}

impl<S> From<Replay<S>> for Practice<S> {
    fn from(replay: Replay<S>) -> Self {
        Self::Replay(replay)
    }
}
