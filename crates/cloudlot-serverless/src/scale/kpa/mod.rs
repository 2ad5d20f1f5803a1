//! The stable and panic rule of Knative's pod autoscaler (KPA).
//!
//! [`Kpa`] is the rule: every second it is told the concurrency, every tick (2 s, as a rule) it says how many instances it
//! wants and why. [`ToZero`] stands around it: the initial scale before anything is known, and a grace before the last
//! instance goes. Both are state machines: time is an argument, and the same calls give the same answers.
//!
//! # Arithmetic
//! A concurrency is a whole number of thousandths of a request, so sums are exact. What follows is IEEE double, in this order:
//! `target = concurrency · (percent / 100)`; `average = sum / (1000 · seconds)`; `ceil(average / target)`;
//! `ceil(rate · ready)`; `floor(ready / rate)`; `over = wanted / ready >= percent / 100`;
//! `floor(ready · concurrency − burst − average)`. Every operation rounds correctly, so another program that keeps the order
//! has the same counts.
//!
//! Source: the rule of Knative Serving's autoscaler, as published.

mod concurrency;
mod config;
mod rule;
mod to_zero;
mod window;

pub use concurrency::{Concurrency, ConcurrencyError};
pub use config::{KpaConfig, KpaConfigError};
pub use rule::{Desired, Kpa, KpaError, Why};
pub use to_zero::ToZero;
pub use window::Window;
