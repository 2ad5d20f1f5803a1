//! Tabular Q-learning that can be trusted with a running system.

mod agent;
mod codec;
mod discretise;
mod environment;
mod explore;
mod learner;
mod qcast;
mod rule;
mod safety;
mod schedule;
mod space;
mod step_size;
mod stream;
mod tiles;
mod transition;
mod values;

pub use agent::{Agent, Episode};
pub use codec::{Codec, CodecError, Mixed, MixedError};
pub use discretise::{
    Axis, AxisError, BINS_MAX, Discretiser, DiscretiserError, Interval, NAME_MAX, Reading,
    ReadingError,
};
pub use environment::{Environment, Outcome, Start};
pub use explore::{Decision, Explore, Reason, Ties};
pub use learner::{Config, ConfigError, Half, Learner, Refused, Update};
pub use qcast::{
    AdaptiveStep, ErrorSignal, Measured, Qcast, QcastConfig, QcastError, QcastMemory, QcastStep,
    Scaled, Shape, Statistics, Term, Threshold, boosted,
};
pub use rule::{Rule, Target, Trace};
pub use safety::{
    Baseline, Bucket, Budget, Changes, Cooldown, Drift, DriftGauge, DriftLimit, Guard, Mode, Pace,
    ReasonCounts, SafeAgent, SafeDecision, SafetyConfig, SafetyError, Shield, Shielding,
    Unshielded,
};
pub use schedule::Schedule;
pub use space::{ACTIONS_MAX, ActionId, Mask, StateId};
pub use step_size::StepSize;
pub use stream::{Stream, below, stream, unit};
pub use tiles::{Dimension, PointError, TILINGS_MAX, TileCoder, Tiles, TilingError};
pub use transition::{End, Transition};
pub use values::{Dense, Linear, Plain, ShapeError, Sparse, Values};
