//! The model of resources and requests, from outside: against naive evaluators, the defects of the systems that went
//! before, hostile input, and files.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod digest;
#[cfg(feature = "serde")]
mod files;
mod heritage;
mod hostile;
mod rules;
mod satisfiable;
mod worlds;
