//! Reports of runs: what is gathered, and the forms in which it is told.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod arbitrary;
mod gather;
mod golden;
mod refusals;
mod writers;
