//! The workload monitor: rates, latencies, patterns, anomalies and forecasts of what functions do.
//!
//! [`Monitor`] is told and keeps bounded memory; [`Samples`] with [`Pattern`], [`Detector`] and [`forecasts`] can be used without
//! it, on any series. Nothing here acts on what it finds.

mod anomaly;
mod config;
mod export;
mod figures;
mod forecast;
mod objective;
mod pattern;
mod row;
mod samples;
mod season;
mod summary;
mod tally;
mod watch;

pub use anomaly::{Anomaly, Detector, DetectorError, Score, Spread};
pub use config::{ConfigError, MonitorConfig, Scale};
pub use export::ExportError;
pub use figures::{Endings, Figures, InstanceTime, Lately};
pub use forecast::{Errors, Forecast, Interval, Method, forecasts};
pub use objective::{Objective, ObjectiveError, Performance};
pub use pattern::{Burst, Pattern, Season, Trend};
pub use samples::{Samples, SamplesError};
pub use season::autocorrelation;
pub use summary::Summary;
pub use watch::{Analysis, Monitor, Report};
