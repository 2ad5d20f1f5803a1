//! Input that means harm, or was simply damaged on its way: nothing panics, every refusal is short and clear, and what is
//! accepted keeps its invariants.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod chance;
mod edges;
#[cfg(feature = "serde")]
mod files;
#[cfg(feature = "serde")]
mod mutations;
mod sequences;
#[cfg(feature = "serde")]
mod types;
