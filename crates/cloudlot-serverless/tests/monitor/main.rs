//! The workload monitor against naive computations, series of known patterns, and a real day.
#![expect(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

mod anomalies;
mod chance;
mod forecasting;
mod patterns;
mod real;
mod watching;
