//! Monitoring: series, percentiles, rates, collectors, the usage report and its dashboard.
//!
//! Nothing here reads a clock or draws a picture. Time is an argument; what comes out is plain
//! data that a program prints, a page draws, or an exporter encodes.

mod activity;
mod collector;
mod dashboard;
mod metric;
mod monitor;
#[cfg(feature = "openmetrics")]
pub mod openmetrics;
mod percentile;
mod quantile;
mod rate;
mod registry;
mod series;
mod table;
mod usage;
mod wait;

pub use activity::{Activity, ActivityMeter};
pub use collector::{
    CollectError, CollectReport, Collector, Collectors, Failure, FailureCause, Samples,
};
pub use dashboard::{
    Alert, Content, Dashboard, DashboardConfig, Level, Line, Row, Show, Thresholds, Widget,
    WidgetConfig,
};
pub use metric::{LabelError, MetricKind, MetricLabels, MetricName, NameError, Reading, Shape};
pub use monitor::Monitor;
pub use percentile::{Percentile, PercentileError};
pub use quantile::{Sketch, SketchError};
pub use rate::{Contention, Rate, efficiency};
pub use registry::{Metric, RecordError, Registry};
pub use series::{PushError, Series};
pub use usage::{KindUsage, Overall, OwnerUsage, Usage, Utilisation};
pub use wait::{WaitSummary, WaitTimes};
