//! The memory coordinator: what guests use, what they need, and who gives to whom.
//!
//! [`MemoryWindow`] turns samples into [`MemoryUsage`], [`plan_memory`] turns usage and
//! [`GrantHistory`] into a plan, and [`MemoryController`] keeps them for a
//! [`Cycle`](crate::Cycle). All rules are numbers in [`MemoryConfig`].

mod config;
mod controller;
mod history;
mod need;
mod plan;
mod usage;

pub use config::{MemoryConfig, MemoryConfigError, Spare, Surplus};
pub use controller::MemoryController;
pub use history::GrantHistory;
pub use plan::plan_memory;
pub use usage::{Barred, GuestUsage, MemoryUsage, MemoryWindow, Pressure, Reading};
