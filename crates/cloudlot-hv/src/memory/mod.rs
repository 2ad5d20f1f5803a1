//! The memory coordinator: what guests use, what they need, and who gives to whom.
//!
//! [`MemoryWindow`] turns samples into [`MemoryUsage`], [`plan_memory`] turns usage and
//! [`GrantHistory`] into a plan, and [`MemoryController`] keeps them for a
//! [`Cycle`](crate::Cycle). All rules are numbers in [`MemoryConfig`].

mod check;
mod config;
mod controller;
mod desk;
mod division;
mod history;
mod need;
mod plan;
mod usage;
mod window;

pub use check::MemoryConfigError;
pub use config::{MemoryConfig, Spare, Surplus};
pub use controller::MemoryController;
pub use history::GrantHistory;
pub use plan::plan_memory;
pub use usage::{Barred, GuestUsage, MemoryUsage, Pressure, Reading};
pub use window::MemoryWindow;
