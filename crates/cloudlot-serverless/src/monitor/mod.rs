//! The workload monitor: rates, latencies, patterns, anomalies and forecasts of what functions do.

mod anomaly;
mod forecast;
mod pattern;
mod samples;
mod season;

pub use anomaly::{Anomaly, Detector, DetectorError, Score, Spread};
pub use forecast::{Errors, Forecast, Interval, Method, forecasts};
pub use pattern::{Burst, Pattern, Season, Trend};
pub use samples::{Samples, SamplesError};
pub use season::autocorrelation;
