//! The resource optimiser: how much memory and processor an instance should have, and why.
//!
//! [`Optimiser`] learns from what calls used and advises; carrying advice out is for others. [`StepRule`] is the rule of the reference system,
//! for comparison.

mod advice;
mod config;
mod evidence;
mod optimiser;
mod reason;
mod step;
mod usage;

pub use advice::Advice;
pub use config::{Bump, RightsizeConfig, Rule};
pub use optimiser::Optimiser;
pub use reason::{Reason, Resource};
pub use step::{Allocation, Conflict, Four, Pace, StepError, StepRule};
pub use usage::{Fate, Size, Usage, UsageError};
