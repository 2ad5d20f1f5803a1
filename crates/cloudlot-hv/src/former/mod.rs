//! The algorithms that came before ours, re-implemented for comparison.

mod memory;

pub use memory::FormerMemory;
