//! The control of a small service, against the exact optimum and the rules that operators use.
//!
//! What counts is the long-run average cost of an interval: it is what an operator pays, and a
//! service is not worth less tomorrow. The learners discount all the same, as they always do.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod anchors;
mod learner;
mod online;
mod pattern;
mod rules;
mod service;
mod spread;
mod table;
mod trained;
