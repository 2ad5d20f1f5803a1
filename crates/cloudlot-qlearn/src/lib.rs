//! Tabular Q-learning that can be trusted with a running system.
//!
//! A [`Learner`] owns a table of values and learns what each action is worth in each state. Around it
//! stand what such a table needs near something that runs: masks, planning, a guard with a baseline,
//! checkpoints, judgement from logs before anything acts, and explanations afterwards.
//!
//! # The shape
//!
//! - **Ids inside, types outside.** Tables know [`StateId`], [`ActionId`] and [`Mask`] alone. A [`Codec`],
//!   a [`Discretiser`] or a [`TileCoder`] turns what is measured into those, and refuses what is no number.
//! - **Decide, then observe.** [`Learner::decide`] gives an action with its reason, its probability and the
//!   gap to the second best, and changes nothing. [`Learner::observe`] takes the whole [`Transition`]: the
//!   action that was executed, both masks, the time it took, and an [`End`] of three values, since an
//!   episode that was cut short still has a future.
//! - **A refusal changes nothing.** What cannot be is an error with its number in it, and the learner is
//!   what it was before, to the bit.
//! - **Same input, same bytes.** Chance is an argument, one [`Stream`] for each agent. Debug and release,
//!   one thread or many, stopped and continued or never stopped: the checkpoints are equal.
//!
//! # What is where
//!
//! | for | see |
//! | --- | --- |
//! | tables behind one trait | [`Values`]: [`Dense`], [`Sparse`], [`Linear`] |
//! | learning and exploring | [`Learner`], [`Rule`], [`StepSize`], [`Explore`], [`Schedule`] |
//! | acting in a world | [`Environment`], [`Agent`], [`Actors`] |
//! | more from each sample | [`Planner`] on [`Counts`], [`Replay`] |
//! | acting on a running system | [`safety`]: shield, cool-down, baseline, budget, drift switch |
//! | scaling one number, ready made | [`qcast`] |
//! | learning and judging from logs | [`offline`] |
//! | models that are known, solved exactly | [`exact`] |
//! | saving, and handing to readers | [`Save`], [`Publisher`], [`Policy`] |
//! | telling people why | [`Learner::explain`], [`export`] |
//!
//! Of three policies, [`Policy`] is a frozen learner that decides, [`exact::Policy`] the probabilities of
//! acting in a model, and [`offline::TargetPolicy`] the one that a log is asked about.
//!
//! # When to use it
//!
//! A table is right for up to some thousands of states that are really visited, a handful of actions, and a
//! cost that can be measured after each decision. A controller that decides twice a minute has 2,880
//! samples a day, so samples are scarce and time is not: use masks, a planner, a warm start from a log.
//!
//! A table is wrong where states are many and alike, where actions are continuous, or where the effect of
//! an action comes many decisions later. Above all, calibrate a plain threshold rule first. It is the
//! opponent, and hard to beat: in a comparison with six deep methods it cost least on all six workloads, and
//! learning was ahead on bursts alone. Keep the rule as the baseline of the guard.
//! Source: RLScale-Bench (arXiv 2605.26418).
//!
//! # Learning what is known
//!
//! A queue drains by itself or faster at a price. The model can be solved, so what was learned can be
//! judged exactly:
//!
//! ```
//! use cloudlot_qlearn::exact::{Model, Policy, World, evaluate, value_iteration};
//! use cloudlot_qlearn::{ActionId, Agent, Config, Dense, Learner, Mask, StateId};
//!
//! let (wait, work) = (ActionId(0), ActionId(1));
//! let mut builder = Model::builder(4, 2);
//! for queue in 0..4_u32 {
//!     let (here, cost) = (StateId(queue), f64::from(queue));
//!     let (longer, shorter) = (StateId((queue + 1).min(3)), StateId(queue.saturating_sub(1)));
//!     builder.goes(here, wait, 0.5, longer, -cost).goes(here, wait, 0.5, here, -cost);
//!     builder.goes(here, work, 0.75, shorter, -cost - 0.5).goes(here, work, 0.25, here, -cost - 0.5);
//! }
//! let model = builder.start(StateId(0), 1.0).build()?;
//!
//! let config = Config { discount: 0.9, ..Config::default() };
//! let mut agent = Agent::new(Learner::new(Dense::new(4, 2, 0.0)?, config)?, 7, 0);
//! let mut world = World::new(&model, Some(50));
//! for _ in 0..200 {
//!     agent.run(&mut world, 50)?;
//! }
//!
//! let best = value_iteration(&model, 0.9, 1e-12, 10_000)?;
//! let learned = Policy::greedy(&model, agent.learner.values().view())?;
//! let worth = evaluate(&model, &learned, 0.9)?;
//! assert!((worth[0] - best.values[0]).abs() < 1e-9);
//! assert_eq!(agent.learner.best(StateId(3), Mask::all(2))?.action, work);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # A guarded loop
//!
//! The baseline acts where little is known, changes come at most once a minute, and one decision in twenty
//! may try something. A [`safety::SafeDecision`] makes the transition to learn from:
//!
//! ```
//! use cloudlot_qlearn::safety::{Budget, Cooldown, Pace, SafeAgent, SafetyConfig, Unshielded};
//! use cloudlot_qlearn::{ActionId, Agent, Config, Dense, Learner, Mask, StateId};
//!
//! // States are queue lengths; actions are one more instance, as it is, one fewer.
//! let learner = Learner::new(Dense::new(10, 3, 0.0)?, Config::default())?;
//! let config = SafetyConfig {
//!     sizes: vec![1, 0, -1],
//!     cooldown: Some(Cooldown { window: 60, ..Cooldown::default() }),
//!     visits_min: 8,
//!     budget: Some(Budget { deviations: 1, period: 20, burst: 1, pace: Pace::Decisions }),
//!     ..SafetyConfig::default()
//! };
//! let rule = |queue: StateId, _: Mask| ActionId(if queue.0 > 6 { 0 } else { 1 });
//! let mut safe = SafeAgent::new(Agent::new(learner, 7, 0), config, rule, Unshielded)?;
//!
//! let (mut queue, all) = (StateId(9), Mask::all(3));
//! let mut decision = safe.decide(queue, all, 0)?;
//! for now in (30..3_600).step_by(30) {
//!     // Here the system would be changed by `decision.action`, and looked at half a minute later.
//!     let next = StateId(if decision.action == ActionId(0) { queue.0 / 2 } else { (queue.0 + 1).min(9) });
//!     let following = safe.decide(next, all, now)?;
//!     safe.observe(&decision.transition(queue, -f64::from(next.0), next, following.safe))?;
//!     (queue, decision) = (next, following);
//! }
//! assert_eq!(safe.guard().tally().decisions(), 120);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod actors;
mod agent;
mod checkpoint;
mod codec;
mod counts;
mod discretise;
mod environment;
pub mod exact;
mod explain;
mod explore;
pub mod export;
mod learner;
pub mod offline;
mod plan;
mod policy;
mod practice;
mod publish;
pub mod qcast;
mod replay;
mod rule;
pub mod safety;
mod schedule;
mod space;
mod step_size;
mod stream;
mod tiles;
mod transition;
mod values;

pub use actors::{Actors, ActorsConfig, ActorsError, Round};
pub use agent::{Agent, Episode};
pub use checkpoint::{
    ActorsForm, AgentForm, Checkpoint, CheckpointError, DenseForm, LinearForm, Persist, Save,
    SparseForm,
};
pub use codec::{Codec, CodecError, Mixed, MixedError};
pub use counts::{Counts, CountsError, Limits, Tally};
pub use discretise::{
    Axis, AxisError, BINS_MAX, Discretiser, DiscretiserError, Interval, NAME_MAX, Reading,
    ReadingError,
};
pub use environment::{Environment, Outcome, Start};
pub use explain::{Candidate, Explanation, Standing};
pub use explore::{Decision, Explore, Reason, Ties};
pub use learner::{Config, ConfigError, Half, Learner, LearnerForm, Refused, Update};
pub use plan::{Backup, Plan, PlanError, Planner, PlannerConfig};
pub use policy::Policy;
pub use practice::Practice;
pub use publish::{Publisher, Reader};
pub use replay::{Replay, ReplayConfig, ReplayError};
pub use rule::{Rule, Target, Trace};
pub use schedule::Schedule;
pub use space::{ACTIONS_MAX, ActionId, Mask, StateId};
pub use step_size::StepSize;
pub use stream::{Stream, below, stream, unit};
pub use tiles::{Dimension, PointError, TILINGS_MAX, TileCoder, Tiles, TilesError, TilingError};
pub use transition::{End, Transition};
pub use values::{Dense, Linear, Plain, ShapeError, Sparse, Values};
