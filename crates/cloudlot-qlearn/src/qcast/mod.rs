//! A ready controller of one number, such as how many instances a service has: states, actions,
//! reward, adaptive rates and the guard as one preset.
//!
//! The effect of a change is measured one interval later: [`Qcast::step`] takes what was measured now,
//! learns from it what the last change was worth, and decides anew. It knows numbers and names only.

mod adapt;
mod config;
mod error;
mod look;
mod reward;
mod save;
mod statistics;

pub use adapt::{AdaptiveStep, ErrorSignal, boosted};
pub use config::{QcastConfig, Scaled, Threshold};
pub use error::QcastError;
pub use reward::{Shape, Term};
pub use save::QcastForm;
pub use statistics::Statistics;

use serde::{Deserialize, Serialize};

use self::look::find;
use crate::safety::{Guard, Mode, SafeAgent, SafeDecision, Unshielded};
use crate::{
    ActionId, Agent, Dense, Discretiser, End, Explore, Learner, Mask, Practice, Reading, Replay,
    StateId, Update, Values,
};

/// A value in a unit, by the name of what was measured.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Measured<'a> {
    /// What was measured.
    pub name: &'a str,
    /// How much, in which unit; not negative.
    pub reading: Reading<'a>,
}

impl<'a> Measured<'a> {
    /// So much of something, in a unit.
    #[must_use]
    pub const fn new(name: &'a str, value: f64, unit: &'a str) -> Self {
        Self {
            name,
            reading: Reading::new(value, unit),
        }
    }
}

/// A decision that was made and whose effect is not measured yet.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
struct Pending {
    state: StateId,
    decision: SafeDecision,
    at: u64,
}

impl Pending {
    /// Whether a learner with this table could learn from it.
    fn fits(&self, table: &Dense) -> bool {
        let known = Mask::all(table.actions());
        let SafeDecision {
            action,
            proposed,
            probability,
            ..
        } = self.decision;
        table.contains(self.state)
            && self.decision.safe.and(known).allows(action)
            && known.allows(proposed)
            && probability > 0.0
            && probability <= 1.0
    }
}

/// All that a controller remembers beside its agent: it can be stored.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QcastMemory {
    guard: Guard,
    pending: Option<Pending>,
    signal: ErrorSignal,
    statistics: Statistics,
}

/// What a step did.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct QcastStep {
    /// By how much to change what is scaled.
    pub change: i64,
    /// What that makes.
    pub target: u64,
    /// The state that was measured.
    pub state: StateId,
    /// The decision, with all that is needed to judge it later.
    pub decision: SafeDecision,
    /// What the last decision earned; nothing at the first.
    pub reward: Option<f64>,
    /// What was learned from it, always from the fresh measurement.
    pub update: Option<Update>,
    /// The ε of this decision.
    pub epsilon: f64,
}

/// A controller of one number.
///
/// ```
/// # use cloudlot_qlearn::qcast::{Measured, Qcast, QcastConfig};
/// let mut qcast = Qcast::new(QcastConfig::default(), 7)?;
/// let measured = [
///     Measured::new("cpu", 0.82, "ratio"),
///     Measured::new("memory", 0.6, "ratio"),
///     Measured::new("response", 140.0, "ms"),
///     Measured::new("errors", 0.002, "ratio"),
///     Measured::new("cold_starts", 0.0, "1"),
///     Measured::new("cost", 0.08, "1"),
///     Measured::new("instances", 8.0, "1"),
/// ];
/// let first = qcast.step(&measured, 0)?;
/// assert!(first.reward.is_none());
/// let second = qcast.step(&measured, 30)?;
/// assert!(second.reward.is_some_and(|reward| reward > 0.0 && reward < 1.0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Debug)]
pub struct Qcast {
    config: QcastConfig,
    space: Discretiser,
    safe: SafeAgent<ActionId>,
    pending: Option<Pending>,
    signal: ErrorSignal,
    statistics: Statistics,
}

/// What was measured, as the learner sees it.
struct Seen {
    state: StateId,
    count: u64,
    mask: Mask,
    reward: f64,
    baseline: ActionId,
}

impl Qcast {
    /// A controller that has learned nothing, with the chance of a seed.
    ///
    /// # Errors
    /// If the settings make no sense.
    pub fn new(config: QcastConfig, seed: u64) -> Result<Self, QcastError> {
        config.check()?;
        let space = Discretiser::new(config.axes.clone())?;
        let actions = config.scaled.changes.len();
        let table = Dense::new(space.states() as usize, actions, config.initial)?;
        let mut agent = Agent::new(Learner::new(table, config.learner)?, seed, 0);
        if let Some(replay) = config.replay {
            agent = agent.with_practice(Replay::new(replay)?);
        }
        let memory = QcastMemory {
            guard: Guard::new(config.guard()),
            ..QcastMemory::default()
        };
        Self::resume(config, agent, memory)
    }

    /// A controller that was stored, or one that begins with an agent that has learned elsewhere.
    ///
    /// # Errors
    /// If the settings make no sense, or the agent's table does not fit them.
    pub fn resume(
        config: QcastConfig,
        agent: Agent,
        memory: QcastMemory,
    ) -> Result<Self, QcastError> {
        config.check()?;
        let space = Discretiser::new(config.axes.clone())?;
        let table = agent.learner.values();
        let (states, actions) = (table.states(), table.actions());
        if states != space.states() as usize || actions != config.scaled.changes.len() {
            return Err(QcastError::Fit { states, actions });
        }
        if memory.pending.is_some_and(|pending| !pending.fits(table)) {
            return Err(QcastError::Pending);
        }
        Ok(Self {
            space,
            safe: SafeAgent::resume(agent, memory.guard, ActionId::default(), Unshielded)?,
            pending: memory.pending,
            signal: memory.signal,
            statistics: memory.statistics,
            config,
        })
    }

    /// Takes what was measured at `now`, learns what the last decision was worth, and decides anew.
    /// `now` is in the unit of the interval.
    ///
    /// # Errors
    /// If something is missing, in another unit, negative or no number. Nothing is changed then: the
    /// last decision still waits for its measurement.
    pub fn step(&mut self, measured: &[Measured<'_>], now: u64) -> Result<QcastStep, QcastError> {
        let seen = self.see(measured)?;
        let learned = self.close(&seen, now, End::Running)?;
        let epsilon = self.epsilon(seen.state, seen.mask);
        let place = (seen.state, seen.mask);
        let decision = self
            .safe
            .decide_beside(seen.baseline, epsilon, place, now)?;
        self.pending = Some(Pending {
            state: seen.state,
            decision,
            at: now,
        });
        let change = self.change(decision.action);
        self.statistics.decided(epsilon);
        Ok(QcastStep {
            change,
            target: seen.count.saturating_add_signed(change),
            state: seen.state,
            decision,
            reward: learned.map(|(reward, _)| reward),
            update: learned.map(|(_, update)| update),
            epsilon,
        })
    }

    /// Learns what the last decision was worth and ends the episode, as for a redeploy: what was
    /// measured still counts, but what is measured next has nothing to do with it.
    ///
    /// # Errors
    /// As [`Qcast::step`].
    pub fn finish(
        &mut self,
        measured: &[Measured<'_>],
        now: u64,
    ) -> Result<Option<Update>, QcastError> {
        let seen = self.see(measured)?;
        let learned = self.close(&seen, now, End::Truncated)?;
        self.pending = None;
        Ok(learned.map(|(_, update)| update))
    }

    /// The state, without learning or deciding anything.
    ///
    /// # Errors
    /// As [`Qcast::step`].
    pub fn state(&self, measured: &[Measured<'_>]) -> Result<StateId, QcastError> {
        let mut readings = Vec::with_capacity(self.space.axes().len());
        for axis in self.space.axes() {
            readings.push(find(measured, axis.name())?);
        }
        Ok(self.space.state(&readings)?)
    }

    /// What a measurement is worth after a change by `change`.
    ///
    /// # Errors
    /// As [`Qcast::step`].
    pub fn reward(&self, measured: &[Measured<'_>], change: i64) -> Result<f64, QcastError> {
        let mut reward = 0.0;
        for term in &self.config.terms {
            reward += term.value(measured)?;
        }
        let churn = self.config.churn * crate::schedule::real(change.unsigned_abs());
        Ok(reward - churn.min(1.0))
    }

    /// The changes that keep `count` within its range, or bring it nearer; to hold is always allowed.
    #[must_use]
    pub fn mask(&self, count: u64) -> Mask {
        let scaled = &self.config.scaled;
        let outside = |count: u64| {
            scaled
                .min
                .saturating_sub(count)
                .max(count.saturating_sub(scaled.max))
        };
        let mut mask = Mask::NONE;
        for (action, &change) in (0..).map(ActionId).zip(&scaled.changes) {
            let target = count.checked_add_signed(change);
            let fits = target.is_some_and(|target| outside(target) == 0);
            let nears = target.is_some_and(|target| outside(target) < outside(count));
            if change == 0 || fits || nears {
                mask = mask.with(action);
            }
        }
        mask
    }

    /// The ε of a state: the schedule's, larger where an allowed action is hardly known.
    #[must_use]
    pub fn epsilon(&self, state: StateId, mask: Mask) -> f64 {
        let learner = &self.safe.agent.learner;
        let rate = learner.exploration_rate();
        if !matches!(learner.config().explore, Explore::EpsilonGreedy { .. }) {
            return rate;
        }
        let least = learner.look(state, mask, |row| {
            let visits = row.mask.iter().map(|action| row.visits[action.index()]);
            visits.min().unwrap_or(0)
        });
        least.map_or(rate, |visits| boosted(rate, self.config.boost, visits))
    }

    /// The settings.
    #[must_use]
    pub const fn config(&self) -> &QcastConfig {
        &self.config
    }

    /// What readings mean which state.
    #[must_use]
    pub const fn space(&self) -> &Discretiser {
        &self.space
    }

    /// Who decides: the agent behind its guard.
    #[must_use]
    pub const fn safe(&self) -> &SafeAgent<ActionId> {
        &self.safe
    }

    /// Hands over between the baseline and the learner.
    pub const fn set_mode(&mut self, mode: Mode) {
        self.safe.set_mode(mode);
    }

    /// How it is going, in a few numbers.
    #[must_use]
    pub const fn statistics(&self) -> &Statistics {
        &self.statistics
    }

    /// How many transitions are kept to be learned again.
    #[must_use]
    pub fn replayed(&self) -> usize {
        match &self.safe.agent.practice {
            Some(Practice::Replay(replay)) => replay.len(),
            Some(Practice::Planner(_)) | None => 0,
        }
    }

    /// All that is remembered beside the agent.
    #[must_use]
    pub fn memory(&self) -> QcastMemory {
        QcastMemory {
            guard: self.safe.guard().clone(),
            pending: self.pending,
            signal: self.signal,
            statistics: self.statistics,
        }
    }
}
