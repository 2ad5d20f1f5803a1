//! A learner with its own stream of chance, acting in a world.

use crate::explore::Decision;
use crate::learner::{Half, Learner, Refused, Update};
use crate::values::{Dense, Values};
use crate::{End, Environment, Mask, Practice, Rule, Stream, Transition, stream};

/// A learner, the stream that it draws from, and what it practises: all that its future depends on.
///
/// ```
/// # use cloudlot_qlearn::*;
/// let learner = Learner::new(Dense::new(500, 6, 0.0)?, Config::default())?;
/// let planner = Planner::new(Plan::default(), 6, Limits::default())?;
/// let agent = Agent::new(learner, 7, 0).with_practice(planner);
/// assert!(agent.practice.is_some());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Debug)]
pub struct Agent<V: Values = Dense> {
    /// What it has learned.
    pub learner: Learner<V>,
    /// Where its chance comes from.
    pub stream: Stream,
    /// What it does with what it has seen, after each step.
    pub practice: Option<Practice<V::State>>,
}

/// How an episode went.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Episode {
    /// The sum of the rewards, not discounted.
    pub total: f64,
    /// How many steps it took.
    pub steps: u64,
    /// Whether it ended by itself, was cut short, or was still running when the steps ran out.
    pub end: End,
}

impl<V: Values> Agent<V> {
    /// The agent with the given number among those that share a root seed.
    #[must_use]
    pub fn new(learner: Learner<V>, root: u64, number: u64) -> Self {
        Self {
            learner,
            stream: stream(root, number),
            practice: None,
        }
    }

    /// The same agent, practising after each step.
    #[must_use]
    pub fn with_practice(mut self, practice: impl Into<Practice<V::State>>) -> Self {
        self.practice = Some(practice.into());
        self
    }

    /// Chooses an action.
    ///
    /// # Errors
    /// As [`Learner::decide`].
    #[inline]
    pub fn decide(&mut self, state: V::State, mask: Mask) -> Result<Decision, Refused> {
        self.learner.decide(state, mask, &mut self.stream)
    }

    /// Learns from a transition, then practises.
    ///
    /// # Errors
    /// As [`Learner::observe`]; nothing is changed then, and nothing drawn.
    #[inline]
    pub fn observe(&mut self, step: &Transition<V::State>) -> Result<Update, Refused> {
        let update = self.learn(step)?;
        if let Some(practice) = &mut self.practice {
            practice.practise(&mut self.learner, step, &mut self.stream);
        }
        Ok(update)
    }

    #[inline]
    fn learn(&mut self, step: &Transition<V::State>) -> Result<Update, Refused> {
        if self.learner.config().rule == Rule::DoubleQ {
            self.learner.check(step)?;
            let half = if crate::below(&mut self.stream, 2) == 0 {
                Half::A
            } else {
                Half::B
            };
            return self.learner.observe_half(step, half);
        }
        self.learner.observe(step)
    }

    /// Acts and learns through one episode, for at most `steps_max` steps.
    ///
    /// Steps that run out leave the episode as truncated: the value of the last state counts.
    ///
    /// # Errors
    /// If the world shows a state or a number that the learner refuses.
    pub fn run<E>(&mut self, world: &mut E, steps_max: u64) -> Result<Episode, Refused>
    where
        E: Environment<State = V::State>,
    {
        let on_policy = self.learner.config().rule.needs_next_action();
        let start = world.reset(None);
        let mut episode = Episode::default();
        let (mut state, mut mask) = (start.state, start.mask);
        let mut decision = self.decide(state, mask)?;
        while episode.steps < steps_max {
            let outcome = world.step(decision.action);
            episode.steps += 1;
            episode.total += outcome.reward;
            episode.end = match outcome.end {
                End::Running if episode.steps == steps_max => End::Truncated,
                end => end,
            };
            // SARSA and its kin learn from the action that follows, so it is chosen first; for the
            // others it is chosen with what this step taught.
            let following = if on_policy && episode.end != End::Terminated {
                Some(self.decide(outcome.state, outcome.mask)?)
            } else {
                None
            };
            self.observe(&Transition {
                state,
                mask,
                proposed: decision.action,
                executed: decision.action,
                probability: decision.probability,
                reward: outcome.reward,
                next: outcome.state,
                next_mask: outcome.mask,
                next_action: following.map(|next| next.action),
                end: episode.end,
                dt: outcome.dt,
            })?;
            if episode.end != End::Running {
                break;
            }
            (state, mask) = (outcome.state, outcome.mask);
            decision = match following {
                Some(decided) => decided,
                None => self.decide(state, mask)?,
            };
        }
        Ok(episode)
    }
}
