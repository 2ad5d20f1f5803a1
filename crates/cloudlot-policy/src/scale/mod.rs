//! How many units there should be, and how to get there.
//!
//! A [`Scaler`] looks at the load and says a number; it does nothing, and asking does not change it. What it says goes
//! through wrappers, then to [`plan_fleet`], which picks the members that come and go, then to [`carry_out`], which tells a
//! ledger. [`Actions`] keeps what was done and why.
//!
//! | Scaler | what it goes by |
//! |---|---|
//! | [`Threshold`] | utilisation, contention and waiting, each at a threshold for a while |
//! | [`TargetTracking`] | the load of each unit against a target: the formula of Kubernetes |
//! | [`RateOfChange`] | the slope: is the threshold nearer than new units are? |
//! | [`Predictive`] | a forecast one lead time ahead, with a margin learnt from past forecasts |
//! | [`Scheduled`], [`Manual`] | the time of day or week; a person's word |
//! | [`Highest`] | the most that several ask for |
//!
//! | Wrapper | what it adds |
//! |---|---|
//! | [`Bounded`] | least and most |
//! | [`Cooldown`] | a wait after each action |
//! | [`Stabilised`] | a look back before units go |
//!
//! [`units_for`] turns a shortage of amounts into the units that cover it, for those who know what is short.
//!
//! A usual stack, innermost first:
//! ```
//! use cloudlot_core::{Timestamp, metrics::Series};
//! use cloudlot_policy::scale::{
//!     Bounded, Bounds, Change, Cooldown, Predictive, PredictiveConfig, Scaler, Stabilised,
//! };
//! use std::time::Duration;
//!
//! let minutes = |n: u64| Duration::from_secs(60 * n);
//! let forecast = Predictive::new(PredictiveConfig::default())?;
//! let calm = Cooldown::new(Stabilised::new(forecast, minutes(5)), minutes(0), minutes(5));
//! let mut scaler = Bounded { scaler: calm, bounds: Bounds::new(1, 20)? };
//!
//! let mut load = Series::new();
//! let mut units = 2;
//! for minute in 0..30 {
//!     let now = Timestamp::ZERO + minutes(minute);
//!     load.push(now, 1.0 + 0.5 * minute as f64)?;
//!     if let Some(target) = scaler.target(&load, units, now) && target != units {
//!         let change = Change { at: now, from: units, to: target };
//!         scaler.observe(&change); // and let `plan_fleet` and `carry_out` do it
//!         units = target;
//!     }
//! }
//! assert_eq!(units, 20); // 15.5 now and 16.5 in two minutes, which is 21 units at 80 %
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod actions;
mod bounds;
mod carry;
mod damp;
mod deficit;
mod evidence;
mod fleet;
mod highest;
mod predict;
mod rate;
mod scaler;
mod schedule;
mod smooth;
mod threshold;
mod tracking;

pub use actions::{Action, ActionId, Actions, Status, Trigger};
pub use bounds::{Bounded, Bounds};
pub use carry::{StepError, carry_out};
pub use damp::{Cooldown, Stabilised};
pub use deficit::{Ask, units_for};
pub use fleet::{FleetPlan, FleetStep, Member, plan_fleet};
pub use highest::Highest;
pub use predict::{Fit, Predictive, PredictiveConfig};
pub use rate::{RateConfig, RateOfChange};
pub use scaler::{Change, Scaler};
pub use schedule::{Manual, Scaled, Scheduled};
pub use smooth::{HoltWinters, Smoothing};
pub use threshold::{Advice, Band, Signals, Threshold, ThresholdConfig};
pub use tracking::{TargetTracking, TrackingConfig};
