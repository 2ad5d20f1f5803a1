//! Learned scaling against calibrated rules, on loads of known kind and on real arrivals.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod loads;
mod real;
mod rules;
mod statistics;
mod trained;
