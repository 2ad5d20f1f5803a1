//! What a dashboard shows, as data: widgets of five kinds, drawn from a usage report and the
//! series of a registry.

use std::time::Duration;

use super::{CollectReport, Metric, MetricKind, MetricLabels, Registry, Usage};
use crate::Timestamp;

/// A dashboard as it stands: a page needs nothing else to draw it.
#[derive(Clone, PartialEq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Dashboard {
    /// The time of the usage it shows.
    pub at: Timestamp,
    /// After how many seconds to ask again.
    pub refresh_seconds: u64,
    /// The widgets, in their order on the page.
    pub widgets: Vec<Widget>,
    /// How the collection for it went.
    pub collected: CollectReport,
}

/// One part of a dashboard.
#[derive(Clone, PartialEq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Widget {
    /// The name by which a page knows it.
    pub id: String,
    /// The heading.
    pub title: String,
    /// What it shows.
    pub content: Content,
}

/// What a widget shows. Ratios are fractions of 1.
#[derive(Clone, PartialEq, Debug)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(tag = "widget", rename_all = "snake_case")
)]
pub enum Content {
    /// One number now.
    Gauge {
        /// The number; `None` where it was never read.
        value: Option<f64>,
        /// How bad it is.
        level: Level,
    },
    /// Numbers over time.
    Chart {
        /// The lines, by name.
        lines: Vec<Line>,
    },
    /// The resources and their kinds.
    Table {
        /// Resource by resource, kind by kind.
        rows: Vec<Row>,
    },
    /// What is above a threshold.
    Alert {
        /// The threshold.
        above: f64,
        /// The kinds above it; none is good.
        raised: Vec<Alert>,
    },
    /// One word for everything.
    Status {
        /// The word, by the busiest kind.
        level: Level,
        /// The utilisation of that kind.
        busiest: f64,
    },
}

/// A line of a chart.
#[derive(Clone, PartialEq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Line {
    /// The value of the label that the chart is by; empty for the line in all.
    pub name: String,
    /// The points, oldest first.
    pub points: Vec<(Timestamp, f64)>,
}

/// A row of the table.
#[derive(Clone, PartialEq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Row {
    /// The resource.
    pub resource: String,
    /// The kind.
    pub kind: String,
    /// What there is, in base units.
    pub capacity: u64,
    /// What is held.
    pub held: u64,
    /// What may still be promised.
    pub free: u64,
    /// What is held of the capacity.
    pub utilization: f64,
    /// How bad that is.
    pub level: Level,
}

/// A kind above the threshold.
#[derive(Clone, PartialEq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Alert {
    /// The kind.
    pub kind: String,
    /// Its utilisation.
    pub value: f64,
}

/// How bad it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "snake_case")
)]
pub enum Level {
    /// There is nothing to judge by.
    Unknown,
    /// Below both thresholds.
    Normal,
    /// At the warning threshold or above.
    Warning,
    /// At the critical threshold or above.
    Critical,
}

/// Where warning and critical begin, as fractions of 1.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Thresholds {
    /// From here on it is a warning.
    pub warn: f64,
    /// From here on it is critical.
    pub critical: f64,
}

impl Default for Thresholds {
    /// 0.7 and 0.9, as in the resource management system that this one follows.
    fn default() -> Self {
        Self {
            warn: 0.7,
            critical: 0.9,
        }
    }
}

impl Thresholds {
    /// The level of a number.
    /// ```
    /// # use cloudlot_core::metrics::{Level, Thresholds};
    /// let thresholds = Thresholds::default();
    /// assert_eq!(thresholds.level(0.69), Level::Normal);
    /// assert_eq!(thresholds.level(0.7), Level::Warning);
    /// assert_eq!(thresholds.level(0.9), Level::Critical);
    /// ```
    #[must_use]
    pub fn level(self, value: f64) -> Level {
        if value >= self.critical {
            Level::Critical
        } else if value >= self.warn {
            Level::Warning
        } else {
            Level::Normal
        }
    }
}

/// What a dashboard is to show.
#[derive(Clone, PartialEq, Debug)]
pub struct DashboardConfig {
    /// The widgets, in their order.
    pub widgets: Vec<WidgetConfig>,
    /// Where warning and critical begin.
    pub thresholds: Thresholds,
    /// How often a page asks again; whole seconds, rounded up.
    pub refresh: Duration,
}

/// One widget to show.
#[derive(Clone, PartialEq, Debug)]
pub struct WidgetConfig {
    /// The name by which a page knows it.
    pub id: String,
    /// The heading.
    pub title: String,
    /// What to show.
    pub show: Show,
}

/// What a widget is to show.
#[derive(Clone, PartialEq, Debug)]
pub enum Show {
    /// The latest value in all, of a metric that is a gauge.
    Gauge(MetricKind),
    /// The lines of a metric that is a gauge.
    Chart {
        /// The metric.
        metric: MetricKind,
        /// A line for each value of this one label; without, the line in all.
        by: Option<String>,
        /// How far back.
        window: Duration,
    },
    /// The resources.
    Table,
    /// The kinds whose utilisation is above this.
    Alert {
        /// The threshold, itself not above.
        above: f64,
    },
    /// One word for everything.
    Status,
}

impl Default for DashboardConfig {
    /// Eight widgets over the last hour, alert above 0.9, levels at 0.7 and 0.9, every 60 s: what
    /// the resource management system that this one follows has shown.
    fn default() -> Self {
        let chart = |metric, by: Option<&str>| Show::Chart {
            metric,
            by: by.map(str::to_owned),
            window: Duration::from_secs(3600),
        };
        let widgets = [
            (
                "overall",
                "Utilisation in all",
                Show::Gauge(MetricKind::Utilization),
            ),
            (
                "by_kind",
                "Utilisation by kind",
                chart(MetricKind::Utilization, Some("kind")),
            ),
            (
                "allocation_rate",
                "Allocations per second",
                chart(MetricKind::AllocationRate, None),
            ),
            (
                "contention_rate",
                "Attempts without room",
                chart(MetricKind::ContentionRate, None),
            ),
            (
                "wait_time",
                "Wait in seconds, by percentile",
                chart(MetricKind::WaitTime, Some("percentile")),
            ),
            ("resources", "Resources", Show::Table),
            (
                "high_utilization",
                "Kinds above 90 %",
                Show::Alert { above: 0.9 },
            ),
            ("status", "Status", Show::Status),
        ];
        Self {
            widgets: widgets
                .map(|(id, title, show)| WidgetConfig {
                    id: id.to_owned(),
                    title: title.to_owned(),
                    show,
                })
                .into(),
            thresholds: Thresholds::default(),
            refresh: Duration::from_secs(60),
        }
    }
}

impl DashboardConfig {
    /// The dashboard of this usage and these series. [`Monitor`](super::Monitor) collects first.
    #[must_use]
    pub fn draw(&self, usage: &Usage, registry: &Registry, collected: CollectReport) -> Dashboard {
        let widgets = self.widgets.iter().map(|widget| Widget {
            id: widget.id.clone(),
            title: widget.title.clone(),
            content: self.content(&widget.show, usage, registry),
        });
        let part = u64::from(self.refresh.subsec_nanos() > 0);
        Dashboard {
            at: usage.at,
            refresh_seconds: self.refresh.as_secs().saturating_add(part),
            widgets: widgets.collect(),
            collected,
        }
    }

    fn content(&self, show: &Show, usage: &Usage, registry: &Registry) -> Content {
        match show {
            Show::Gauge(metric) => self.gauge(metric, registry),
            Show::Chart { metric, by, window } => Content::Chart {
                lines: lines(registry, metric, by.as_deref(), usage.at, *window),
            },
            Show::Table => Content::Table {
                rows: self.rows(usage),
            },
            Show::Alert { above } => Content::Alert {
                above: *above,
                raised: raised(usage, *above),
            },
            Show::Status => Content::Status {
                level: self.status(usage),
                busiest: usage.overall.busiest,
            },
        }
    }

    fn gauge(&self, metric: &MetricKind, registry: &Registry) -> Content {
        let series = registry.series(metric, &MetricLabels::none());
        let value = series.and_then(super::Series::latest);
        let level = value.map_or(Level::Unknown, |value| self.thresholds.level(value));
        Content::Gauge { value, level }
    }

    fn rows(&self, usage: &Usage) -> Vec<Row> {
        let rows = usage.resources.iter().flat_map(|(resource, kinds)| {
            kinds.iter().map(|(kind, amounts)| {
                let utilization = amounts.utilisation().ratio();
                Row {
                    resource: resource.clone(),
                    kind: kind.clone(),
                    capacity: amounts.capacity,
                    held: amounts.held,
                    free: amounts.free,
                    utilization,
                    level: self.thresholds.level(utilization),
                }
            })
        });
        rows.collect()
    }

    fn status(&self, usage: &Usage) -> Level {
        if usage.kinds.is_empty() {
            return Level::Unknown;
        }
        self.thresholds.level(usage.overall.busiest)
    }
}

fn raised(usage: &Usage, above: f64) -> Vec<Alert> {
    let ratios = usage.kinds.iter().map(|(kind, sum)| Alert {
        kind: kind.clone(),
        value: sum.utilisation().ratio(),
    });
    ratios.filter(|alert| alert.value > above).collect()
}

fn lines(
    registry: &Registry,
    metric: &MetricKind,
    by: Option<&str>,
    now: Timestamp,
    window: Duration,
) -> Vec<Line> {
    let series = registry.of_kind(metric).filter_map(|(labels, metric)| {
        let name = line_name(labels, by)?;
        let Metric::Gauge(series) = metric else {
            return None;
        };
        let points = series.window(now, window).collect();
        Some(Line { name, points })
    });
    series.collect()
}

/// The name of the line under these labels: they are the one label and nothing else, or none.
fn line_name(labels: &MetricLabels, by: Option<&str>) -> Option<String> {
    let mut all = labels.iter();
    let name = match by {
        None => String::new(),
        Some(by) => all.next().filter(|(name, _)| *name == by)?.1.to_owned(),
    };
    all.next().is_none().then_some(name)
}
