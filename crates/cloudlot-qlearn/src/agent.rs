//! A learner with its own stream of chance, acting in a world.

use crate::explore::{Decision, Row};
use crate::learner::{Half, Learner, Refused, Update};
use crate::values::{Dense, Values};
use crate::{End, Environment, Mask, Outcome, Practice, Rule, Start, Stream, Transition, stream};

/// A learner, the stream that it draws from, and what it practises: all that its future depends on.
///
/// ```
/// # use cloudlot_qlearn::*;
/// let learner = Learner::new(Dense::new(500, 6, 0.0)?, Config::default())?;
/// let planner = Planner::new(PlannerConfig::default(), 6)?;
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

    /// Chooses an action; a planner has a say in what is explored, see
    /// [`PlannerConfig::tries`](crate::PlannerConfig::tries).
    ///
    /// # Errors
    /// As [`Learner::decide`].
    #[inline(always)]
    pub fn decide(&mut self, state: V::State, mask: Mask) -> Result<Decision, Refused> {
        if self.practice.is_some() {
            return self.decide_in_hope(state, mask);
        }
        self.learner.decide(state, mask, &mut self.stream)
    }

    #[inline(never)]
    fn decide_in_hope(&mut self, state: V::State, mask: Mask) -> Result<Decision, Refused> {
        let Self {
            learner,
            stream,
            practice,
        } = self;
        match practice.as_ref().and_then(Practice::hopeful) {
            None => learner.decide(state, mask, stream),
            Some(planner) => {
                let fill = |row: &Row<'_>, out: &mut [f64]| planner.fill_hopes(state, row, out);
                learner.decide_by(state, mask, fill, stream)
            }
        }
    }

    /// Learns from a transition, then practises.
    ///
    /// # Errors
    /// As [`Learner::observe`]; nothing is changed then, and nothing drawn.
    #[inline]
    pub fn observe(&mut self, step: &Transition<V::State>) -> Result<Update, Refused> {
        let update = self.learn(step)?;
        if self.practice.is_some() {
            self.practise(step);
        }
        Ok(update)
    }

    /// Out of the way of those who do not.
    #[inline(never)]
    fn practise(&mut self, step: &Transition<V::State>) {
        if let Some(practice) = &mut self.practice {
            practice.practise(&mut self.learner, step, &mut self.stream);
        }
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
        let usual = self.practice.is_none()
            && !matches!(self.learner.config().rule, rule if rule.needs_next_action() || rule == Rule::DoubleQ);
        if usual {
            self.run_off_policy(world, steps_max)
        } else {
            self.run_in_general(world, steps_max)
        }
    }

    /// An episode whose steps stand alone: the learner decides, the world answers, the learner learns.
    fn run_off_policy<E>(&mut self, world: &mut E, steps_max: u64) -> Result<Episode, Refused>
    where
        E: Environment<State = V::State>,
    {
        let Self {
            learner, stream, ..
        } = self;
        let Start {
            mut state,
            mut mask,
        } = world.reset(None);
        let mut episode = Episode::default();
        while episode.end == End::Running && episode.steps < steps_max {
            let decision = learner.decide(state, mask, stream)?;
            let outcome = world.step(decision.action);
            episode.count(&outcome, steps_max);
            learner.observe(&told(state, mask, &decision, &outcome, episode.end))?;
            (state, mask) = (outcome.state, outcome.mask);
        }
        Ok(episode)
    }

    /// An episode of an agent that practises, tosses coins, or learns from the action that follows.
    fn run_in_general<E>(&mut self, world: &mut E, steps_max: u64) -> Result<Episode, Refused>
    where
        E: Environment<State = V::State>,
    {
        let on_policy = self.learner.config().rule.needs_next_action();
        let Start {
            mut state,
            mut mask,
        } = world.reset(None);
        let mut episode = Episode::default();
        let mut announced = None;
        while episode.end == End::Running && episode.steps < steps_max {
            let decision = match announced {
                Some(decision) => decision,
                None => self.decide(state, mask)?,
            };
            let outcome = world.step(decision.action);
            episode.count(&outcome, steps_max);
            // SARSA and its kin learn from the action that follows, so it is chosen first; for the
            // others it is chosen with what this step taught.
            if on_policy && episode.end != End::Terminated {
                announced = Some(self.decide(outcome.state, outcome.mask)?);
            }
            self.observe(&Transition {
                next_action: announced.map(|next| next.action),
                ..told(state, mask, &decision, &outcome, episode.end)
            })?;
            (state, mask) = (outcome.state, outcome.mask);
        }
        Ok(episode)
    }
}

impl Episode {
    /// Adds a step; the last one that is left cuts the episode short.
    #[inline]
    fn count<S>(&mut self, outcome: &Outcome<S>, steps_max: u64) {
        self.steps += 1;
        self.total += outcome.reward;
        self.end = match outcome.end {
            End::Running if self.steps == steps_max => End::Truncated,
            end => end,
        };
    }
}

/// A step that was done as it was decided.
#[inline]
fn told<S: Copy>(
    state: S,
    mask: Mask,
    decision: &Decision,
    outcome: &Outcome<S>,
    end: End,
) -> Transition<S> {
    Transition {
        state,
        mask,
        proposed: decision.action,
        executed: decision.action,
        probability: decision.probability,
        reward: outcome.reward,
        next: outcome.state,
        next_mask: outcome.mask,
        next_action: None,
        end,
        dt: outcome.dt,
    }
}
