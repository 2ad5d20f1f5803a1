//! Monitoring: series, percentiles, rates, collectors, the usage report and its dashboard.
//!
//! Nothing here reads a clock or draws a picture. Time is an argument; what comes out is plain
//! data that a program prints, a page draws, or an exporter encodes.

mod percentile;
mod quantile;
mod series;

pub use percentile::{Percentile, PercentileError};
pub use quantile::{Sketch, SketchError};
pub use series::{PushError, Series};
