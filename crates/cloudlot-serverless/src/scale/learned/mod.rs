//! Scaling that learns, behind the guard of `cloudlot-qlearn`.
//!
//! What is learned is never a number of instances: it is which of a few bounded multiples of a known rule pays, by a table that a person can
//! read. A rule that was calibrated stands beside, and acts wherever little is known.

mod gaps;
mod headroom;
mod proven;
mod windows;

pub use headroom::{Headroom, HeadroomConfig, HeadroomError, Known};
pub use windows::{Windows, WindowsConfig, WindowsError};
