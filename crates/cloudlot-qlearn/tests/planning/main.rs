//! Learning more from each sample: counted models, planners and replay.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod counting;
mod lake;
mod log;
mod practice;
mod ring;
mod sweeping;
mod taxi;
mod world;
