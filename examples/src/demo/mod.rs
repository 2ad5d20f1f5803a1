//! The demonstration: both programs at work on guests, real or simulated, and what came of it.

mod args;
pub mod figures;
#[cfg(feature = "libvirt")]
mod live;
pub mod plot;
pub mod report;
pub mod scenario;
mod show;
pub mod simulate;
pub mod trace;

pub use show::run;
