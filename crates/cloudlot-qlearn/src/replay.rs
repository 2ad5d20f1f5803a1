//! Replay: learning again from transitions that were seen before.
//!
//! The fresh transition is always learned first, by the learner itself; then it goes into the ring, and a
//! batch is drawn from all that are there. Source: Lin (1992).

use rand::Rng;
use serde::{Deserialize, Serialize};

use crate::stream::below;
use crate::{Learner, StateId, Transition, Values};

/// How much is kept, and how much of it is learned again after each step.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReplayConfig {
    /// How many transitions are kept, at least one; the oldest makes room.
    pub capacity: u32,
    /// How many are drawn after each step, each evenly from all.
    pub batch: u32,
}

impl Default for ReplayConfig {
    /// The last 10,000 transitions, 32 after each step.
    fn default() -> Self {
        Self {
            capacity: 10_000,
            batch: 32,
        }
    }
}

/// A ring cannot be like this.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// No room at all.
    #[error("a replay of no transitions")]
    Capacity,
    /// More transitions than there is room for, or the oldest is not among them.
    #[error("{len} transitions in a replay of {capacity}, the oldest at {oldest}")]
    Ring {
        /// How many there are.
        len: usize,
        /// How many there may be.
        capacity: u32,
        /// Where the oldest is said to be.
        oldest: u32,
    },
}

/// The last transitions, and when to learn from them again.
///
/// ```
/// # use cloudlot_qlearn::*;
/// let mut replay = Replay::new(ReplayConfig { capacity: 2, batch: 4 })?;
/// for reward in [1.0, 2.0, 3.0] {
///     replay.push(Transition::new(StateId(0), ActionId(0), reward, StateId(0), Mask::all(1)));
/// }
/// assert!(replay.iter().map(|step| step.reward).eq([2.0, 3.0]));
/// # Ok::<(), ReplayError>(())
/// ```
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(
    try_from = "Ring<S>",
    into = "Ring<S>",
    bound(
        serialize = "S: Copy + Serialize",
        deserialize = "S: Copy + Deserialize<'de>"
    )
)]
pub struct Replay<S = StateId>(Ring<S>);

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ring<S> {
    config: ReplayConfig,
    steps: Vec<Transition<S>>,
    /// Where the oldest is once the ring is full, and with it the place of the next one; until then 0.
    oldest: u32,
}

impl<S: Copy> Replay<S> {
    /// A ring with nothing in it.
    ///
    /// # Errors
    /// Where there is no room.
    pub fn new(config: ReplayConfig) -> Result<Self, ReplayError> {
        Self::try_from(Ring {
            config,
            steps: Vec::new(),
            oldest: 0,
        })
    }

    /// Keeps a transition, in the place of the oldest if the ring is full.
    pub fn push(&mut self, step: Transition<S>) {
        let ring = &mut self.0;
        if ring.steps.len() < ring.config.capacity as usize {
            ring.steps.push(step);
            return;
        }
        ring.steps[ring.oldest as usize] = step;
        ring.oldest = (ring.oldest + 1) % ring.config.capacity;
    }

    /// A transition, drawn evenly; nothing from an empty ring.
    pub fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> Option<&Transition<S>> {
        let len = u32::try_from(self.0.steps.len()).unwrap_or(u32::MAX);
        self.0.steps.get(below(rng, len) as usize)
    }

    /// Keeps a transition that the learner has just learned from, then learns a batch again; says
    /// from how many.
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
        self.push(*step);
        let mut done = 0;
        for _ in 0..self.0.config.batch {
            let learned = self
                .draw(rng)
                .is_some_and(|past| learner.rehearse(past, rng).is_ok());
            done += u32::from(learned);
        }
        done
    }

    /// The transitions, the oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Transition<S>> {
        let (late, early) = self.0.steps.split_at(self.0.oldest as usize);
        early.iter().chain(late)
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.steps.len()
    }

    /// Whether nothing was kept yet.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.steps.is_empty()
    }

    /// How much is kept and learned again.
    #[must_use]
    pub const fn config(&self) -> ReplayConfig {
        self.0.config
    }
}

impl<S> TryFrom<Ring<S>> for Replay<S> {
    type Error = ReplayError;

    fn try_from(ring: Ring<S>) -> Result<Self, ReplayError> {
        let (len, capacity) = (ring.steps.len(), ring.config.capacity);
        if capacity == 0 {
            return Err(ReplayError::Capacity);
        }
        let full = len == capacity as usize;
        if len > capacity as usize || (ring.oldest > 0 && !full) || ring.oldest >= capacity {
            return Err(ReplayError::Ring {
                len,
                capacity,
                oldest: ring.oldest,
            });
        }
        Ok(Self(ring))
    }
}

impl<S> From<Replay<S>> for Ring<S> {
    fn from(replay: Replay<S>) -> Self {
        replay.0
    }
}
