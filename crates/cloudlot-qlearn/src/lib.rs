//! Tabular Q-learning that can be trusted with a running system.

mod agent;
mod counts;
mod environment;
mod explore;
mod learner;
mod plan;
mod practice;
mod replay;
mod rule;
mod schedule;
mod space;
mod step_size;
mod stream;
mod transition;
mod values;

pub use agent::{Agent, Episode};
pub use counts::{Counts, CountsError, Limits, Tally};
pub use environment::{Environment, Outcome, Start};
pub use explore::{Decision, Explore, Reason, Ties};
pub use learner::{Config, ConfigError, Half, Learner, Refused, Update};
pub use plan::{Backup, Plan, PlanError, Planner, PlannerConfig};
pub use practice::Practice;
pub use replay::{Replay, ReplayConfig, ReplayError};
pub use rule::{Rule, Target, Trace};
pub use schedule::Schedule;
pub use space::{ACTIONS_MAX, ActionId, Mask, StateId};
pub use step_size::StepSize;
pub use stream::{Stream, below, stream, unit};
pub use transition::{End, Transition};
pub use values::{Dense, ShapeError, Values};
