//! One object for a program that shows what it does: it observes usage reports, asks the
//! collectors, and draws the dashboard.

use super::{
    CollectReport, Collectors, Dashboard, DashboardConfig, LabelError, MetricKind, MetricLabels,
    Reading, Registry, Usage,
};
use crate::Timestamp;

/// Keeps the series of usage reports and of collectors, and draws a dashboard from them.
///
/// A dashboard is collected before it is drawn, so it is right on the first read.
///
/// # Series of a usage report
/// All are gauges: `utilization` in all (the mean of the kinds), by `kind`, by `resource` and by
/// `owner` (each by its busiest kind); `efficiency`, `allocation_rate`, `contention_rate` and
/// `throughput` in all; `wait_time` by `percentile` (`50`, `95`, `99`). Resources and owners come
/// last, so that they, and not the sums, are refused when a registry is full.
/// ```
/// # use cloudlot_core::{Timestamp, metrics::{Content, KindUsage, Level, Monitor, Usage}};
/// let mut usage = Usage::at(Timestamp::ZERO);
/// usage.add_resource("node-1", "cpu", KindUsage::new(100, 100, 95, 95));
/// let dashboard = Monitor::default().dashboard(&usage);
/// assert_eq!(dashboard.widgets.len(), 8);
/// let gauge = &dashboard.widgets[0].content;
/// assert_eq!(*gauge, Content::Gauge { value: Some(0.95), level: Level::Critical });
/// ```
#[derive(Debug, Default)]
pub struct Monitor {
    /// What else is collected.
    pub collectors: Collectors,
    /// What the dashboard shows.
    pub config: DashboardConfig,
    registry: Registry,
    observed: Option<Timestamp>,
}

impl Monitor {
    /// A monitor that keeps its series in this registry.
    #[must_use]
    pub fn with_registry(registry: Registry) -> Self {
        Self {
            registry,
            ..Self::default()
        }
    }

    /// The series.
    #[must_use]
    pub const fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The series, to record into or to [`forget`](Registry::forget) from.
    pub const fn registry_mut(&mut self) -> &mut Registry {
        &mut self.registry
    }

    /// Takes in a usage report and asks every collector.
    ///
    /// A report that is not newer than the one before changes nothing: to observe twice is
    /// harmless.
    pub fn observe(&mut self, usage: &Usage) -> CollectReport {
        if self.observed.is_some_and(|before| usage.at <= before) {
            return CollectReport::default();
        }
        self.observed = Some(usage.at);
        let (recorded, refused) = record(usage, &mut self.registry);
        let mut report = self.collectors.collect(usage.at, &mut self.registry);
        report.recorded += recorded;
        report.refused += refused;
        report
    }

    /// Observes the usage, then draws the dashboard.
    pub fn dashboard(&mut self, usage: &Usage) -> Dashboard {
        let report = self.observe(usage);
        self.config.draw(usage, &self.registry, report)
    }
}

/// Records the series of a report, and says how many readings were recorded and how many refused.
fn record(usage: &Usage, registry: &mut Registry) -> (usize, usize) {
    let mut counts = (0, 0);
    let mut take = |kind: MetricKind, labels: Result<MetricLabels, LabelError>, value: f64| {
        let taken = labels.is_ok_and(|labels| {
            let reading = Reading::Gauge(value);
            registry.record(usage.at, &kind, &labels, reading).is_ok()
        });
        if taken {
            counts.0 += 1;
        } else {
            counts.1 += 1;
        }
    };
    let (overall, lately) = (&usage.overall, &usage.activity);
    for (kind, value) in [
        (MetricKind::Utilization, overall.mean),
        (MetricKind::Efficiency, overall.efficiency),
        (MetricKind::AllocationRate, lately.allocation_rate),
        (MetricKind::ContentionRate, lately.contention_rate),
        (MetricKind::Throughput, lately.throughput),
    ] {
        take(kind, Ok(MetricLabels::none()), value);
    }
    let wait = &lately.wait;
    for (percentile, seconds) in [("50", wait.p50), ("95", wait.p95), ("99", wait.p99)] {
        let labels = MetricLabels::new([("percentile", percentile)]);
        take(MetricKind::WaitTime, labels, seconds);
    }
    let mut utilization = |label, name: &str, ratio: f64| {
        take(
            MetricKind::Utilization,
            MetricLabels::new([(label, name)]),
            ratio,
        );
    };
    for (kind, sum) in &usage.kinds {
        utilization("kind", kind, sum.utilisation().ratio());
    }
    for resource in usage.resources.keys() {
        let ratio = usage.resource_utilisation(resource);
        utilization("resource", resource, ratio.unwrap_or(0.0));
    }
    for owner in usage.owners.keys() {
        let ratio = usage.owner_utilisation(owner);
        utilization("owner", owner, ratio.unwrap_or(0.0));
    }
    counts
}
