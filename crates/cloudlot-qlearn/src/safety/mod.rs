//! Safety for a learner that acts on a running system.
//!
//! A decision passes fixed stages: mask, shield, cool-down, baseline where visits are few, budget
//! for exploration, drift switch. Each may replace what came before, and the last that did is the
//! [`Reason`](crate::Reason). What is done is always in the mask, and in what the shield lets pass
//! unless that is nothing. The learner learns from what was done.

mod budget;
mod config;
mod cooldown;
mod drift;
mod guard;
mod rules;
mod stages;
mod tally;

pub use budget::{Bucket, Budget, Pace};
pub use config::{Mode, SafetyConfig, SafetyError, Shielding};
pub use cooldown::{Changes, Cooldown};
pub use drift::{Drift, DriftGauge, DriftLimit};
pub use guard::{Guard, SafeDecision};
pub use rules::{Baseline, Shield, Unshielded};
pub use tally::ReasonCounts;

use self::guard::safe_mask;
use crate::values::{Dense, Values};
use crate::{ActionId, Agent, Mask, Refused, Transition, Update};

/// An agent behind a guard.
///
/// ```
/// # use cloudlot_qlearn::*;
/// # use cloudlot_qlearn::safety::*;
/// let learner = Learner::new(Dense::new(4, 3, 0.0)?, Config::default())?;
/// // Actions: one more, as they are, one fewer. Never fewer in state 3; at most one change a minute.
/// let config = SafetyConfig {
///     sizes: vec![1, 0, -1],
///     cooldown: Some(Cooldown { changes: 1, window: 60, ..Cooldown::default() }),
///     visits_min: 5,
///     ..SafetyConfig::default()
/// };
/// let hold = ActionId(1);
/// let shield = |state: StateId, action: ActionId, _: Mask| state != StateId(3) || action != ActionId(2);
/// let mut safe = SafeAgent::new(Agent::new(learner, 1, 0), config, hold, shield)?;
/// let decision = safe.decide(StateId(3), Mask::all(3), 0)?;
/// assert_ne!(decision.action, ActionId(2));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Debug)]
pub struct SafeAgent<B, H = Unshielded, V: Values = Dense> {
    /// Who learns.
    pub agent: Agent<V>,
    /// What is done where nothing is known.
    pub baseline: B,
    /// What is safe.
    pub shield: H,
    guard: Guard,
}

impl<B, H, V> SafeAgent<B, H, V>
where
    V: Values,
    B: Baseline<V::State>,
    H: Shield<V::State>,
{
    /// An agent behind a guard that remembers nothing yet.
    ///
    /// # Errors
    /// If a setting is outside its range.
    pub fn new(
        agent: Agent<V>,
        config: SafetyConfig,
        baseline: B,
        shield: H,
    ) -> Result<Self, SafetyError> {
        Self::resume(agent, Guard::new(config), baseline, shield)
    }

    /// An agent behind a guard that was stored.
    ///
    /// # Errors
    /// If a setting of the guard is outside its range.
    pub fn resume(
        agent: Agent<V>,
        guard: Guard,
        baseline: B,
        shield: H,
    ) -> Result<Self, SafetyError> {
        guard.config().check(agent.learner.values().actions())?;
        Ok(Self {
            agent,
            baseline,
            shield,
            guard,
        })
    }

    /// Decides at `now`, in the caller's unit of time since any beginning. It takes the decision as done: a
    /// change counts for the cool-down, a deviation for the budget.
    ///
    /// # Errors
    /// If the state is unknown or no known action is allowed; nothing changes then.
    pub fn decide(
        &mut self,
        state: V::State,
        mask: Mask,
        now: u64,
    ) -> Result<SafeDecision, Refused> {
        let rate = self.agent.learner.exploration_rate();
        self.guard.decide(
            &mut self.agent,
            (&self.shield, &self.baseline),
            (state, mask),
            now,
            rate,
        )
    }

    /// As [`SafeAgent::decide`], with a baseline's action and a legal exploration rate from elsewhere.
    pub(crate) fn decide_beside(
        &mut self,
        baseline: ActionId,
        rate: f64,
        (state, mask): (V::State, Mask),
        now: u64,
    ) -> Result<SafeDecision, Refused> {
        self.guard.decide(
            &mut self.agent,
            (&self.shield, &baseline),
            (state, mask),
            now,
            rate,
        )
    }

    /// What the shield lets pass of `mask`, and if that is nothing the last resort: the mask to learn
    /// with.
    pub fn safe(&self, state: V::State, mask: Mask) -> Mask {
        let mask = mask.and(Mask::all(self.agent.learner.values().actions()));
        safe_mask(&self.shield, state, mask, self.baseline.action(state, mask))
    }

    /// Learns from what was done, in every mode, and watches the error. An update that would leave
    /// the numbers fires the drift switch, if there is one.
    ///
    /// # Errors
    /// As [`Learner::observe`](crate::Learner::observe).
    pub fn observe(&mut self, step: &Transition<V::State>) -> Result<Update, Refused> {
        let update = self.agent.observe(step);
        match update {
            Ok(update) => self.guard.watch(update.td_error),
            // Its error may still be a number, which a calibration would take for usual.
            Err(Refused::Diverged(_)) => self.guard.watch(f64::INFINITY),
            Err(_) => {}
        }
        update
    }
}

impl<B, H, V: Values> SafeAgent<B, H, V> {
    /// The guard: its settings, its counts, its drift switch.
    #[must_use]
    pub const fn guard(&self) -> &Guard {
        &self.guard
    }

    /// Hands over from one who acts to another; nothing else changes.
    pub const fn set_mode(&mut self, mode: Mode) {
        self.guard.config.mode = mode;
    }

    /// Puts the drift switch back: it warms up and calibrates anew.
    pub fn reset_drift(&mut self) {
        self.guard.gauge = DriftGauge::default();
    }
}
