//! Tabular Q-learning that can be trusted with a running system.

mod codec;
mod discretise;
mod environment;
mod space;
mod stream;
mod tiles;
mod transition;

pub use codec::{Codec, CodecError, Mixed, MixedError};
pub use discretise::{
    Axis, AxisError, BINS_MAX, Discretiser, DiscretiserError, Interval, NAME_MAX, Reading,
    ReadingError,
};
pub use environment::{Environment, Outcome, Start};
pub use space::{ACTIONS_MAX, ActionId, Mask, StateId};
pub use stream::{Stream, below, stream, unit};
pub use tiles::{Dimension, PointError, TILINGS_MAX, TileCoder, Tiles, TilingError};
pub use transition::{End, Transition};
