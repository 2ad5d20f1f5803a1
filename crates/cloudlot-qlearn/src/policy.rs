//! What a learner knows at one moment, for others to act on. It never changes.

use rand::Rng;

use crate::explore::{self, Decision};
use crate::learner::look_at;
use crate::values::{Dense, Values};
use crate::{Explore, Mask, Refused};

/// A frozen learner: decides as the learner did when the policy was taken, and learns nothing.
///
/// ```
/// # use cloudlot_qlearn::*;
/// let mut learner = Learner::new(Dense::new(2, 2, 0.0)?, Config::default())?;
/// let all = Mask::all(2);
/// let policy = learner.policy();
/// learner.observe(&Transition::new(StateId(0), ActionId(1), 1.0, StateId(1), all))?;
/// assert_eq!(policy.best(StateId(0), all)?.action, ActionId(0));
/// assert_eq!(learner.policy().best(StateId(0), all)?.action, ActionId(1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Debug)]
pub struct Policy<V: Values = Dense> {
    values: V,
    twin: Option<V>,
    all: Mask,
    explore: Explore,
    rate: f64,
    steps: u64,
}

impl<V: Values> Policy<V> {
    pub(crate) fn new(values: V, twin: Option<V>, explore: Explore, rate: f64, steps: u64) -> Self {
        Self {
            all: Mask::all(values.actions()),
            values,
            twin,
            explore,
            rate,
            steps,
        }
    }

    /// The best action, the lowest of equals: as [`Learner::best`](crate::Learner::best).
    ///
    /// # Errors
    /// If the state is unknown or no known action is allowed.
    pub fn best(&self, state: V::State, mask: Mask) -> Result<Decision, Refused> {
        self.look(state, mask, |row| explore::best(row.values, row.mask))
    }

    /// Chooses an action, exploring: as [`Learner::decide`](crate::Learner::decide).
    ///
    /// # Errors
    /// If the state is unknown or no known action is allowed.
    pub fn decide<R: Rng + ?Sized>(
        &self,
        state: V::State,
        mask: Mask,
        rng: &mut R,
    ) -> Result<Decision, Refused> {
        self.look(state, mask, |row| self.explore.choose(row, self.rate, rng))
    }

    /// Writes how likely [`Policy::decide`] is to give each action.
    ///
    /// # Errors
    /// If the state is unknown, no known action is allowed, or `out` has not one place an action.
    pub fn probabilities(
        &self,
        state: V::State,
        mask: Mask,
        out: &mut [f64],
    ) -> Result<(), Refused> {
        if out.len() != self.values.actions() {
            return Err(Refused::Room(out.len()));
        }
        self.look(state, mask, |row| {
            self.explore.distribution(row, self.rate, out);
        })
    }

    /// The table; of Double Q-learning the first one.
    #[must_use]
    pub const fn values(&self) -> &V {
        &self.values
    }

    /// The second table of Double Q-learning.
    #[must_use]
    pub const fn twin(&self) -> Option<&V> {
        self.twin.as_ref()
    }

    /// How many transitions had been learned from.
    #[must_use]
    pub const fn steps(&self) -> u64 {
        self.steps
    }

    /// The ε or the temperature of that moment.
    #[must_use]
    pub const fn exploration_rate(&self) -> f64 {
        self.rate
    }

    fn look<T>(
        &self,
        state: V::State,
        mask: Mask,
        look: impl FnOnce(explore::Row<'_>) -> T,
    ) -> Result<T, Refused> {
        look_at(
            &self.values,
            self.twin.as_ref(),
            self.all,
            state,
            mask,
            look,
        )
    }
}
