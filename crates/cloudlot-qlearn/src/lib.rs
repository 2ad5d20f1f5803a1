//! Tabular Q-learning that can be trusted with a running system.

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
