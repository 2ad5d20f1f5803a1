//! The algorithms that this crate replaces, as named baselines for tables and tests.
//!
//! They are re-implementations of the rules, not the programs themselves.

mod cpu;
mod memory;

pub use cpu::FormerCpu;
pub use memory::FormerMemory;
