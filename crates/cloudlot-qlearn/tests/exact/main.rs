//! Exact solutions against references, naive solutions and each other.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod blackjack;
mod data;
mod properties;
mod refusals;
mod world;
