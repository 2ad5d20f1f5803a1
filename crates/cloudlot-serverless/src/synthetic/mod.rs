//! Workloads out of a seed: arrival processes, mixes of them, and a whole day like those of a large platform.
//!
//! [`Process`] says when a function is called; [`Mix`] has many functions, each with a process of its own, and gives their calls in
//! order of time. [`azure_day`] makes a day in the form of the Azure trace, fitted to what was published of that platform.
//!
//! The same seed gives the same calls on every machine: the generator is fixed and exp, ln, cos come from `libm`.

mod azure_day;
mod mix;
mod process;

pub use azure_day::azure_day;
pub use mix::{Arrivals, Mix, MixError, Runs, Source};
pub use process::{Process, ProcessError};
