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
    // A function of its own, so that nothing else is kept in registers.
    #[inline(never)]
    fn run_off_policy<E>(&mut self, world: &mut E, steps_max: u64) -> Result<Episode, Refused>
    where
        E: Environment<State = V::State>,
    {
        // The stream of chance stays in registers while it is a local of which nobody has the address.
        let mut stream = self.stream.clone();
        let episode = live(&mut self.learner, &mut stream, world, steps_max);
        self.stream = stream;
        episode
    }

    /// An episode of an agent that practises, tosses coins, or learns from the action that follows.
    #[inline(never)]
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

/// The learner decides, the world answers, the learner learns.
#[inline(always)]
fn live<V: Values, E: Environment<State = V::State>>(
    learner: &mut Learner<V>,
    stream: &mut Stream,
    world: &mut E,
    steps_max: u64,
) -> Result<Episode, Refused> {
    let Start {
        mut state,
        mut mask,
    } = world.reset(None);
    let mut episode = Episode::default();
    while episode.steps < steps_max {
        let decision = match learner.decide_shortly(state, mask, stream) {
            Some(decision) => decision,
            None => {
                let (decision, after) = decide_otherwise(learner, state, mask, stream.clone());
                *stream = after;
                decision?
            }
        };
        let outcome = world.step(decision.action);
        episode.count(&outcome, steps_max);
        let step = told(state, mask, &decision, &outcome, episode.end);
        if episode.end != End::Running {
            observe_otherwise(learner, step)?;
            break;
        }
        if learner.observe_shortly(&step).is_none() {
            observe_otherwise(learner, step)?;
        }
        (state, mask) = (outcome.state, outcome.mask);
    }
    Ok(episode)
}

/// Takes the stream and gives it back, so that it can stay in registers where this is not called.
#[cold]
#[inline(never)]
fn decide_otherwise<V: Values>(
    learner: &Learner<V>,
    state: V::State,
    mask: Mask,
    mut stream: Stream,
) -> (Result<Decision, Refused>, Stream) {
    let decision = learner.decide_in_general(state, mask, &mut stream);
    (decision, stream)
}

/// By value, so that a step lies in memory only if it gets here.
#[cold]
#[inline(never)]
fn observe_otherwise<V: Values>(
    learner: &mut Learner<V>,
    step: Transition<V::State>,
) -> Result<Update, Refused> {
    learner.observe_otherwise(&step)
}

impl Episode {
    /// Adds a step; the last one that is left cuts the episode short.
    #[inline]
    fn count<S>(&mut self, outcome: &Outcome<S>, steps_max: u64) {
        self.steps += 1;
        self.total += outcome.reward;
        if outcome.end != End::Running || self.steps == steps_max {
            self.end = match outcome.end {
                End::Running => End::Truncated,
                end => end,
            };
        }
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
