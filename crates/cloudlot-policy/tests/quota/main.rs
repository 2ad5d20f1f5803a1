//! Quota trees: admission against a flow oracle, taking back against the definition, and the proof that it ends.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod admission;
mod cohorts;
mod ends;
mod faults;
mod naive;
mod taking;
mod world;
