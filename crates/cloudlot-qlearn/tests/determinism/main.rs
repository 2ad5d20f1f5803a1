//! The same bytes: after a stop, on any number of threads, in any build; and no others believed.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod actors;
mod golden;
mod hostile;
mod mutations;
mod policy;
mod resume;
mod settings;
mod world;
