//! Deciding and learning: a table, a rule and a way to explore.
//!
//! [`Learner::decide`] changes nothing. [`Learner::observe`] learns from one whole transition, or
//! refuses it and changes nothing. Chance is an argument; [`Agent`](crate::Agent) keeps a stream.

mod config;
mod double;
mod form;
mod look;
mod memory;
mod one_step;
mod refused;
mod rehearse;
mod traces;
mod window;

pub use config::{Config, ConfigError};
pub use form::LearnerForm;
pub(crate) use form::STEPS_MAX;
pub(crate) use look::look_at;
pub use refused::Refused;

use memory::Memory;
use rand::Rng;

use crate::explore::{self, Decision, Odds};
use crate::values::{Dense, Plain, Values};
use crate::{End, Explore, Mask, Policy, Rule, StepSize, Transition};

/// What learning from a transition did.
///
/// The n-step rules learn from a step when its return is complete: before that all three numbers
/// are zero, and of several steps that are complete at once this is the latest.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Update {
    /// How far the value was from what was seen, before the update.
    pub td_error: f64,
    /// What part of that was taken over.
    pub step_size: f64,
    /// How often this action was updated in this state, this time included.
    pub visits: u32,
}

/// Which of the two tables of Double Q-learning learns.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Half {
    /// The first.
    A,
    /// The second.
    B,
}

/// A table that learns.
///
/// ```
/// # use cloudlot_qlearn::*;
/// let mut learner = Learner::new(Dense::new(2, 2, 0.0)?, Config::default())?;
/// let all = Mask::all(2);
/// let step = Transition::new(StateId(0), ActionId(1), 1.0, StateId(1), all);
/// for _ in 0..100 {
///     learner.observe(&step)?;
/// }
/// let decision = learner.best(StateId(0), all)?;
/// assert_eq!(decision.action, ActionId(1));
/// assert!(decision.gap.is_some_and(|gap| gap > 0.5));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Debug)]
pub struct Learner<V: Values = Dense> {
    config: Config,
    values: V,
    /// The second table of Double Q-learning.
    twin: Option<V>,
    /// What the usual step of the plain rule needs.
    plain: Plain,
    /// Every action that the tables have.
    all: Mask,
    /// What the rule remembers of the steps before.
    memory: Memory<V::State>,
    /// The exploration rate of now: the schedule's value at `steps`.
    rate: f64,
    /// What follows from the rate for ε-greedy; nothing where another choice is made, or one row does not say all.
    odds: Option<Odds>,
    steps: u64,
    episodes: u64,
}

impl<V: Values + Clone> Learner<V> {
    /// A learner that begins with `values`.
    ///
    /// # Errors
    /// Where a number of `config` is outside its range.
    pub fn new(values: V, config: Config) -> Result<Self, ConfigError> {
        config.check()?;
        let twin = (config.rule == Rule::DoubleQ).then(|| values.clone());
        Ok(Self::over(config, values, twin))
    }
}

impl<V: Values> Learner<V> {
    /// A learner without a past; `config` was checked.
    fn over(config: Config, values: V, twin: Option<V>) -> Self {
        let actions = values.actions();
        let all = Mask::all(actions);
        let plain = config.rule == Rule::QLearning && config.explore.is_steady();
        let mut learner = Self {
            plain: Plain {
                actions: if plain { actions } else { 0 },
                all,
                discount: config.discount,
                step_size: config.step_size,
            },
            all,
            rate: 0.0,
            odds: None,
            memory: Memory::of(config.rule),
            values,
            twin,
            config,
            steps: 0,
            episodes: 0,
        };
        learner.set_rate();
        learner
    }

    /// Looks up the exploration rate of now.
    fn set_rate(&mut self) {
        let Config { explore, .. } = self.config;
        self.rate = explore.rate(self.steps);
        self.odds = match explore {
            Explore::EpsilonGreedy { ties, .. } if self.twin.is_none() => {
                Some(Odds::new(self.rate, self.values.actions(), ties))
            }
            _ => None,
        };
    }

    /// Chooses an action, exploring as configured.
    ///
    /// # Errors
    /// If the state is unknown or no known action is allowed.
    // In a loop that uses the action alone, probability and gap cost nothing once this is inlined.
    #[inline(always)]
    pub fn decide<R: Rng + ?Sized>(
        &self,
        state: V::State,
        mask: Mask,
        rng: &mut R,
    ) -> Result<Decision, Refused> {
        match self.decide_shortly(state, mask, rng) {
            Some(decision) => Ok(decision),
            None => self.decide_in_general(state, mask, rng),
        }
    }

    /// Chooses by ε-greedy in a state where everything is allowed; leaves every other choice, and draws nothing then.
    #[inline(always)]
    pub(crate) fn decide_shortly<R: Rng + ?Sized>(
        &self,
        state: V::State,
        mask: Mask,
        rng: &mut R,
    ) -> Option<Decision> {
        if mask != self.all {
            return None;
        }
        let odds = self.odds.as_ref()?;
        Some(odds.choose(self.values.as_row(state)?, rng))
    }

    /// Chooses in any way.
    #[inline(never)]
    pub(crate) fn decide_in_general<R: Rng + ?Sized>(
        &self,
        state: V::State,
        mask: Mask,
        rng: &mut R,
    ) -> Result<Decision, Refused> {
        self.look(state, mask, |row| {
            self.config.explore.choose(row, self.rate, rng)
        })
    }

    /// The best action, the lowest of equals: what a frozen policy does.
    ///
    /// # Errors
    /// If the state is unknown or no known action is allowed.
    pub fn best(&self, state: V::State, mask: Mask) -> Result<Decision, Refused> {
        self.look(state, mask, |row| explore::best(row.values, row.mask))
    }

    /// Writes how likely [`Learner::decide`] is to give each action.
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
            self.config.explore.distribution(row, self.rate, out);
        })
    }

    /// Writes by what [`Learner::decide`] ranks the actions: their values, with UCB1 the bonus
    /// included, infinite where an action was never taken. Minus infinity where one is not allowed.
    ///
    /// ```
    /// # use cloudlot_qlearn::*;
    /// let explore = Explore::Ucb { bonus: 1.0 };
    /// let config = Config { explore, ..Config::default() };
    /// let learner = Learner::new(Dense::new(1, 2, 0.0)?, config)?;
    /// let mut scores = [0.0; 2];
    /// learner.scores(StateId(0), Mask::all(1), &mut scores)?;
    /// assert_eq!(scores, [f64::INFINITY, f64::NEG_INFINITY]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`Learner::probabilities`].
    pub fn scores(&self, state: V::State, mask: Mask, out: &mut [f64]) -> Result<(), Refused> {
        if out.len() != self.values.actions() {
            return Err(Refused::Room(out.len()));
        }
        self.look(state, mask, |row| self.config.explore.scores(row, out))
    }

    /// Learns from a transition, or refuses it and leaves everything as it was.
    ///
    /// Double Q-learning tosses a coin for its two tables; see [`Learner::observe_half`].
    ///
    /// # Errors
    /// For an unknown state or action, an action that was not allowed, a reward that is no number,
    /// and whatever else [`Refused`] names.
    // The usual step in the caller's loop, everything else by a call.
    #[inline(always)]
    pub fn observe(&mut self, step: &Transition<V::State>) -> Result<Update, Refused> {
        if let Some(update) = self.values.learn_plainly(&self.plain, step) {
            self.count(step);
            return Ok(update);
        }
        self.observe_otherwise(step)
    }

    /// Learns from a usual step in the middle of an episode; leaves every other step, and changes nothing then.
    #[inline(always)]
    pub(crate) fn observe_shortly(&mut self, step: &Transition<V::State>) -> Option<Update> {
        if step.end != End::Running {
            return None;
        }
        let update = self.values.learn_plainly(&self.plain, step)?;
        self.steps += 1;
        Some(update)
    }

    /// What it would do now, for others to follow while it goes on learning.
    #[must_use]
    pub fn policy(&self) -> Policy<V>
    where
        V: Clone,
    {
        Policy::new(
            self.values.clone(),
            self.twin.clone(),
            self.config.explore,
            self.rate,
            self.steps,
        )
    }

    /// Ends an episode that was left open, at the end of a log: as if its last step had been
    /// truncated.
    ///
    /// The n-step rules learn from the steps that still wait, and traces are cleared; the other
    /// rules have nothing to do. No step and no episode is counted.
    ///
    /// ```
    /// # use cloudlot_qlearn::*;
    /// let rule = Rule::TreeBackup { steps: 3, target: Target::Greedy };
    /// let config = Config { rule, ..Config::default() };
    /// let mut learner = Learner::new(Dense::new(2, 1, 0.0)?, config)?;
    /// let step = Transition::new(StateId(0), ActionId(0), 1.0, StateId(1), Mask::all(1));
    /// assert_eq!(learner.observe(&step)?, Update::default());
    /// learner.finish()?;
    /// assert!(learner.values().view()[[0, 0]] > 0.9);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If the values would leave the numbers; then nothing was changed.
    pub fn finish(&mut self) -> Result<(), Refused> {
        self.clear_traces();
        self.close_window()
    }

    /// Learns with another step size from now on: for callers that watch the errors.
    ///
    /// # Errors
    /// If it leaves its range; nothing is changed then.
    pub fn set_step_size(&mut self, step_size: StepSize) -> Result<(), ConfigError> {
        if !step_size.is_legal() {
            return Err(ConfigError::StepSize(step_size));
        }
        self.config.step_size = step_size;
        self.plain.step_size = step_size;
        Ok(())
    }

    /// The settings.
    #[must_use]
    pub const fn config(&self) -> &Config {
        &self.config
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

    /// How many transitions were learned from.
    #[must_use]
    pub const fn steps(&self) -> u64 {
        self.steps
    }

    /// How many of them ended an episode.
    #[must_use]
    pub const fn episodes(&self) -> u64 {
        self.episodes
    }

    /// The ε or the temperature of now.
    #[must_use]
    pub const fn exploration_rate(&self) -> f64 {
        self.rate
    }
}
