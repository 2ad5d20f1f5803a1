//! What a cold start is made of: parts, each with a distribution of its own in each class of runtimes.
//!
//! A [`StartModel`] has a [`Delay`] for each [`Part`]; [`RuntimeClass`] has models with figures that were measured or published.
//! [`StartCosts`] adds up what starts cost by part. Who starts what, and what goes wrong, is for [`sim::World`](crate::sim::World).

mod class;
mod costs;
mod delay;
mod model;
mod part;

pub use class::RuntimeClass;
pub use costs::{Cost, StartCosts};
pub use delay::{Delay, DelayError};
pub use model::{StartError, StartModel};
pub use part::{Part, Parts};
