//! How many instances of a function there should be.
//!
//! A [`Scaler`] looks at a [`Sample`] of the load and says a number; starting and ending instances is for others.
//!
//! | scaler | what it goes by |
//! |---|---|
//! | [`kpa::Kpa`], [`kpa::ToZero`] | Knative's stable and panic windows |
//! | [`ByLoad`] | a rule of [`cloudlot_policy::scale`]: threshold with hysteresis, HPA formula, forecast, rate of change |
//! | [`Fixed`] | nothing |
//!
//! [`Railed`] keeps any of them from flapping.

pub mod kpa;
mod rails;
mod rules;
mod scaler;

pub use rails::{Pace, Railed, RailsConfig, Wake};
pub use rules::ByLoad;
pub use scaler::{Fixed, Sample, Scaler};
