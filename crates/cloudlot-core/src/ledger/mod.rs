//! The reservation ledger.

mod holds;
mod rows;
mod slab;
mod timeline;

pub use holds::{Hold, Holds};
pub use timeline::Span;
