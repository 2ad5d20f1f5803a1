//! The workload monitor against naive computations, series of known patterns, and a real day.

mod anomalies;
mod chance;
mod forecasting;
mod patterns;
