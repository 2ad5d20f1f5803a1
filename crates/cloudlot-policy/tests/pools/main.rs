//! Pools: what each strategy does, who lends what to whom, and that nothing is lost on the way.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod acts;
mod lending;
mod members;
mod model;
mod naive;
mod select;
mod strategies;
mod watch;
mod world;
