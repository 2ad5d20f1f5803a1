//! Training, and looking now and then at how good the driver is.
//!
//! A checkpoint is the agent's alone, so everything that the future depends on is in the agent: the
//! world's chance of each episode is drawn from the agent's stream, and training stops at the end
//! of an episode. Whoever loads a checkpoint goes on as if nothing had happened.

use super::world::{self, STEPS_MAX};
use cloudlot_qlearn::exact::{Model, Policy, World, evaluate_within, optimum_within};
use cloudlot_qlearn::export::Curve;
use cloudlot_qlearn::{
    ActionId, Agent, Environment, Learner, Outcome, Refused, Start, StateId, below,
};
use serde::Serialize;

/// What exact evaluation may lose to rounding.
const ROUNDING: f64 = 1e-9;

/// The curve of returns has at most so many points.
const POINTS_MAX: u32 = 1_000;

/// When training ends: at the first end of an episode at which either holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Budget {
    /// How many steps were learned from, in all.
    pub(super) steps: u64,
    /// How many episodes ended, in all.
    pub(super) episodes: u64,
}

impl Budget {
    fn is_spent(self, learner: &Learner) -> bool {
        learner.steps() >= self.steps || learner.episodes() >= self.episodes
    }
}

/// How good the driver was at one moment.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize)]
pub(super) struct Look {
    /// After how many steps.
    pub(super) steps: u64,
    /// After how many episodes.
    pub(super) episodes: u64,
    /// The exact value of the greedy policy.
    pub(super) value: f64,
}

/// What came of training.
pub(super) struct Training {
    /// The driver from time to time, the last time at the end.
    pub(super) looks: Vec<Look>,
    /// What the episodes earned, with all that was tried.
    pub(super) returns: Curve,
    /// Training was ended before its budget was spent.
    pub(super) cut_short: bool,
}

/// The place where drivers are trained and judged.
pub(super) struct School {
    pub(super) model: Model,
    /// What the best driver earns in an episode, on average over all starts.
    pub(super) optimum: f64,
    world: World,
}

/// The world, beginning each episode with the chance that it is given.
struct Ride<'a> {
    world: &'a mut World,
    seed: u64,
}

impl Environment for Ride<'_> {
    type State = StateId;

    fn reset(&mut self, _: Option<u64>) -> Start {
        self.world.reset(Some(self.seed))
    }

    fn step(&mut self, action: ActionId) -> Outcome {
        self.world.step(action)
    }
}

impl School {
    pub(super) fn new(masked: bool) -> Self {
        let model = world::model(masked);
        Self {
            optimum: optimum_within(&model, STEPS_MAX).expect("every model has an optimum"),
            world: World::new(&model, Some(STEPS_MAX)),
            model,
        }
    }

    /// The exact return of the greedy policy within the limit, on average over all starts.
    pub(super) fn value(&self, learner: &Learner) -> Result<f64, Refused> {
        let best = |state| match self.model.is_terminal(state) {
            true => Ok(ActionId::default()),
            false => Ok(learner.best(state, self.model.mask(state))?.action),
        };
        let actions: Vec<ActionId> = self.model.state_ids().map(best).collect::<Result<_, _>>()?;
        let greedy = Policy::deterministic(&self.model, &actions).expect("the best is legal");
        Ok(evaluate_within(&self.model, &greedy, STEPS_MAX).expect("it is this model's policy"))
    }

    /// Whether so much is the optimum.
    pub(super) fn is_best(&self, value: f64) -> bool {
        value >= self.optimum - ROUNDING
    }

    /// The first of the looks from which on the driver was always the best.
    pub(super) fn best_since<'a>(&self, looks: &'a [Look]) -> Option<&'a Look> {
        let since = looks.iter().rposition(|look| !self.is_best(look.value));
        looks.get(since.map_or(0, |worse| worse + 1))
    }

    /// Drives until the budget is spent, or `tell` says that it is enough. Looks are further
    /// and further apart.
    pub(super) fn train(
        &mut self,
        agent: &mut Agent,
        budget: Budget,
        mut tell: impl FnMut(&Learner, &Look) -> bool,
    ) -> Result<Training, Refused> {
        let mut now = self.look(&agent.learner)?;
        let mut training = Training {
            looks: vec![now],
            returns: Curve::new(POINTS_MAX),
            cut_short: false,
        };
        while !budget.is_spent(&agent.learner) && !training.cut_short {
            training.returns.push(self.drive(agent)?);
            let due = now.steps + (now.steps / 16).max(u64::from(STEPS_MAX));
            if agent.learner.steps() >= due {
                now = self.look(&agent.learner)?;
                training.looks.push(now);
            }
            training.cut_short = !tell(&agent.learner, &now);
        }
        if now.steps < agent.learner.steps() {
            training.looks.push(self.look(&agent.learner)?);
        }
        training.cut_short &= !budget.is_spent(&agent.learner);
        Ok(training)
    }

    /// One episode; gives what it earned.
    pub(super) fn drive(&mut self, agent: &mut Agent) -> Result<f64, Refused> {
        let seed = u64::from(below(&mut agent.stream, u32::MAX));
        let world = &mut self.world;
        let episode = agent.run(&mut Ride { world, seed }, STEPS_MAX.into())?;
        Ok(episode.total)
    }

    fn look(&self, learner: &Learner) -> Result<Look, Refused> {
        Ok(Look {
            steps: learner.steps(),
            episodes: learner.episodes(),
            value: self.value(learner)?,
        })
    }
}
