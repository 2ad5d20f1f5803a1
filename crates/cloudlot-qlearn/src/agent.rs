//! A learner with its own stream of chance, acting in a world.

use crate::explore::Decision;
use crate::learner::{Half, Learner, Refused, Update};
use crate::values::{Dense, Values};
use crate::{End, Environment, Mask, Rule, Stream, Transition, stream};

/// A learner and the stream that it draws from: all that its future depends on.
#[derive(Clone, PartialEq, Debug)]
pub struct Agent<V: Values = Dense> {
    /// What it has learned.
    pub learner: Learner<V>,
    /// Where its chance comes from.
    pub stream: Stream,
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
        }
    }

    /// Chooses an action.
    ///
    /// # Errors
    /// As [`Learner::decide`].
    #[inline]
    pub fn decide(&mut self, state: V::State, mask: Mask) -> Result<Decision, Refused> {
        self.learner.decide(state, mask, &mut self.stream)
    }

    /// Learns from a transition.
    ///
    /// # Errors
    /// As [`Learner::observe`].
    #[inline]
    pub fn observe(&mut self, step: &Transition<V::State>) -> Result<Update, Refused> {
        if self.learner.config().rule == Rule::DoubleQ {
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
