//! Tabular Q-learning that can be trusted with a running system.

mod agent;
mod codec;
mod discretise;
mod environment;
pub mod exact;
mod explore;
mod learner;
pub mod offline;
mod rule;
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
pub use rule::{Rule, Target, Trace};
pub use schedule::Schedule;
pub use space::{ACTIONS_MAX, ActionId, Mask, StateId};
pub use step_size::StepSize;
pub use stream::{Stream, below, stream, unit};
pub use tiles::{Dimension, PointError, TILINGS_MAX, TileCoder, Tiles, TilesError, TilingError};
pub use transition::{End, Transition};
pub use values::{Dense, Linear, Plain, ShapeError, Sparse, Values};
