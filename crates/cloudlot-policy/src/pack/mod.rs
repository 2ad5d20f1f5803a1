//! Assigning items to bins so that the bins' loads are even and few items move.
mod goal;
mod problem;

pub mod bound;
pub mod greedy;

pub use goal::{Assignment, Goal};
pub use problem::{Balance, BalanceError, Item};
pub mod local;
