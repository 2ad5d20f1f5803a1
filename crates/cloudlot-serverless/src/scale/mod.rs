//! How many instances of a function there should be.
//!
//! A [`Scaler`] looks at a [`Sample`] of the load and says a number; starting and ending instances is for others.
//!
//! | scaler | what it goes by |
//! |---|---|
//! | [`kpa::Kpa`], [`kpa::ToZero`] | Knative's stable and panic windows |
//! | [`ByLoad`] | a rule of [`cloudlot_policy::scale`]: threshold with hysteresis, HPA formula, forecast, rate of change |
//! | [`Fixed`] | nothing |
//! | [`learned::Headroom`] | what paid, beside a rule |
//!
//! [`Railed`] keeps any of them from flapping. [`Driver`] measures, asks and tells the platform; [`Bill`] adds up what it costs.

mod cost;
mod driver;
pub mod kpa;
pub mod learned;
mod rails;
mod rules;
mod scaler;

pub use cost::{Bill, Prices};
pub use driver::Driver;
pub use rails::{Pace, Railed, RailsConfig, Wake};
pub use rules::ByLoad;
pub use scaler::{Fixed, Sample, Scaler};
