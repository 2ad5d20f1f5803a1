//! The Taxi world written from its rules, a learner that drives in it, and how good it has become:
//! not by sampled returns, but exactly, from the model.

mod args;
mod driver;
mod files;
mod plot;
mod report;
mod rules;
mod show;
mod train;
pub mod world;

pub use show::run;
