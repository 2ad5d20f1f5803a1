//! Tabular Q-learning that can be trusted with a running system.

mod environment;
pub mod offline;
mod space;
mod stream;
mod transition;

pub use environment::{Environment, Outcome, Start};
pub use space::{ACTIONS_MAX, ActionId, Mask, StateId};
pub use stream::{Stream, below, stream, unit};
pub use transition::{End, Transition};
