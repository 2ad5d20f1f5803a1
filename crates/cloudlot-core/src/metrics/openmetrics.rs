//! The usage report and a registry as OpenMetrics text, for a scraper to read.
//!
//! What the text looks like is left to `prometheus-client`; what is told, to this file. Serving it
//! is a program's business; its content type is [`CONTENT_TYPE`].

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet, text};
use prometheus_client::metrics::MetricType;

use super::{KindUsage, Metric, OwnerUsage, Registry, Shape, Sketch, Usage};

/// The content type to serve the text with.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The report and the latest of every series of the registry, as OpenMetrics text.
///
/// Names start with `cloudlot_usage_` and `cloudlot_metric_`, so that the two cannot meet. A
/// histogram has a bucket for each power of two that occurs. Numbers that are not finite
/// are left out. The same input gives the same bytes.
/// ```
/// # use cloudlot_core::{Timestamp, metrics::{KindUsage, Registry, Usage, openmetrics}};
/// let mut usage = Usage::at(Timestamp::ZERO);
/// usage.add_resource("node \"1\"", "cpu", KindUsage::new(100, 100, 50, 50));
/// let text = openmetrics::encode(&usage, &Registry::new());
/// assert!(text.contains("cloudlot_usage_resource_held{resource=\"node \\\"1\\\"\",kind=\"cpu\"} 50\n"));
/// assert!(text.ends_with("# EOF\n"));
/// ```
///
/// Source: `OpenMetrics` 1.0, the text format.
#[must_use]
pub fn encode(usage: &Usage, registry: &Registry) -> String {
    let mut families = Families::default();
    families.amounts(usage);
    families.ratios(usage);
    families.activity(usage);
    families.registry(registry);
    let mut exported = prometheus_client::registry::Registry::default();
    exported.register_collector(Box::new(families));
    let mut out = String::new();
    text::encode(&mut out, &exported).expect("a String takes all that is written");
    out
}

/// What is exported, in its order.
#[derive(Debug, Default)]
struct Families(Vec<Family>);

/// A metric under all its labels.
#[derive(Debug)]
struct Family {
    name: String,
    help: &'static str,
    shape: Shape,
    points: Vec<(Vec<(String, String)>, Value)>,
}

#[derive(Debug)]
enum Value {
    Ratio(f64),
    Amount(u64),
    Events(u64),
    Histogram {
        sum: f64,
        count: u64,
        buckets: Vec<(f64, u64)>,
    },
}

type Amount = (&'static str, &'static str, fn(&KindUsage) -> u64);
type OwnerAmount = (&'static str, &'static str, fn(&OwnerUsage) -> u64);

const AMOUNTS: [Amount; 5] = [
    ("capacity", "What there is", |row| row.capacity),
    ("limit", "What may be promised", |row| row.limit),
    ("held", "What is promised to reservations", |row| row.held),
    ("confirmed", "What is in use", |row| row.confirmed),
    ("free", "What may still be promised", |row| row.free),
];

const OWNER_AMOUNTS: [OwnerAmount; 2] = [
    ("held", "What is promised to reservations", |row| row.held),
    ("confirmed", "What is in use", |row| row.confirmed),
];

impl Families {
    /// Adds a family of the usage report, if it has any point.
    fn usage(
        &mut self,
        name: &str,
        help: &'static str,
        shape: Shape,
        points: impl Iterator<Item = (Vec<(String, String)>, Value)>,
    ) {
        self.add(format!("cloudlot_usage_{name}"), help, shape, points);
    }

    fn add(
        &mut self,
        name: String,
        help: &'static str,
        shape: Shape,
        points: impl Iterator<Item = (Vec<(String, String)>, Value)>,
    ) {
        let points: Vec<_> = points.filter(|(_, value)| value.is_finite()).collect();
        if !points.is_empty() {
            self.0.push(Family {
                name,
                help,
                shape,
                points,
            });
        }
    }

    fn amounts(&mut self, usage: &Usage) {
        for (name, help, amount) in AMOUNTS {
            let points = usage.resources.iter().flat_map(|(resource, kinds)| {
                kinds.iter().map(move |(kind, row)| {
                    let labels = labels([("resource", resource), ("kind", kind)]);
                    (labels, Value::Amount(amount(row)))
                })
            });
            self.usage(&format!("resource_{name}"), help, Shape::Gauge, points);
        }
        for (name, help, amount) in AMOUNTS {
            let points = usage
                .kinds
                .iter()
                .map(|(kind, sum)| (labels([("kind", kind)]), Value::Amount(amount(sum))));
            self.usage(&format!("kind_{name}"), help, Shape::Gauge, points);
        }
        for (name, help, amount) in OWNER_AMOUNTS {
            let points = usage.owners.iter().flat_map(|(owner, kinds)| {
                kinds.iter().map(move |(kind, row)| {
                    let labels = labels([("owner", owner), ("kind", kind)]);
                    (labels, Value::Amount(amount(row)))
                })
            });
            self.usage(&format!("owner_{name}"), help, Shape::Gauge, points);
        }
    }

    fn ratios(&mut self, usage: &Usage) {
        let resources = usage.resources.keys().filter_map(|resource| {
            let ratio = usage.resource_utilisation(resource)?;
            Some((labels([("resource", resource)]), Value::Ratio(ratio)))
        });
        self.usage(
            "resource_utilization_ratio",
            "Held by capacity, of the busiest kind",
            Shape::Gauge,
            resources,
        );
        let kinds = usage.kinds.iter().map(|(kind, sum)| {
            let ratio = sum.utilisation().ratio();
            (labels([("kind", kind)]), Value::Ratio(ratio))
        });
        self.usage(
            "kind_utilization_ratio",
            "Held by capacity",
            Shape::Gauge,
            kinds,
        );
        let owners = usage.owners.keys().filter_map(|owner| {
            let ratio = usage.owner_utilisation(owner)?;
            Some((labels([("owner", owner)]), Value::Ratio(ratio)))
        });
        self.usage(
            "owner_utilization_ratio",
            "Held by capacity, of the kind of the largest share",
            Shape::Gauge,
            owners,
        );
    }

    fn activity(&mut self, usage: &Usage) {
        let (overall, lately) = (&usage.overall, &usage.activity);
        let wait = &lately.wait;
        for (name, help, value) in [
            (
                "utilization_ratio",
                "Mean utilization of the kinds",
                overall.mean,
            ),
            ("efficiency_ratio", "Confirmed by held", overall.efficiency),
            (
                "allocations_per_second",
                "Reservations granted",
                lately.allocation_rate,
            ),
            (
                "finished_per_second",
                "Reservations ended as they should",
                lately.throughput,
            ),
            (
                "contention_ratio",
                "Attempts that found no room",
                lately.contention_rate,
            ),
        ] {
            let point = std::iter::once((Vec::new(), Value::Ratio(value)));
            self.usage(name, help, Shape::Gauge, point);
        }
        let statistics = [
            ("mean", wait.mean),
            ("p50", wait.p50),
            ("p90", wait.p90),
            ("p95", wait.p95),
            ("p99", wait.p99),
            ("max", wait.max),
        ];
        let points = statistics
            .iter()
            .map(|(name, value)| (labels([("statistic", name)]), Value::Ratio(*value)));
        self.usage(
            "wait_seconds",
            "How long requests waited",
            Shape::Gauge,
            points,
        );
        let count = std::iter::once((Vec::new(), Value::Events(wait.count)));
        self.usage("waits", "Requests that were served", Shape::Counter, count);
    }

    fn registry(&mut self, registry: &Registry) {
        for (kind, shape) in registry.kinds() {
            let points = registry.of_kind(kind).filter_map(|(labels, metric)| {
                let labels = labels.iter().map(|(k, v)| (k.to_owned(), v.to_owned()));
                Some((labels.collect(), Value::of(metric)?))
            });
            self.add(
                format!("cloudlot_metric_{kind}"),
                "A metric of the registry",
                shape,
                points,
            );
        }
    }
}

impl Value {
    fn of(metric: &Metric) -> Option<Self> {
        Some(match metric {
            Metric::Gauge(series) => Self::Ratio(series.latest()?),
            Metric::Counter(total) => Self::Events(*total),
            Metric::Histogram(sketch) => Self::histogram(sketch),
        })
    }

    fn histogram(sketch: &Sketch) -> Self {
        // The encoder adds the counts up: where they saturated, they must not overflow there.
        let mut left = sketch.count();
        let mut buckets = sketch.octaves();
        for (_, count) in &mut buckets {
            *count = left.min(*count);
            left -= *count;
        }
        buckets.push((f64::INFINITY, left));
        Self::Histogram {
            sum: sketch.sum(),
            count: sketch.count(),
            buckets,
        }
    }

    fn is_finite(&self) -> bool {
        !matches!(self, Self::Ratio(value) if !value.is_finite())
    }

    fn encode(&self, encoder: &mut MetricEncoder<'_>) -> std::fmt::Result {
        match self {
            Self::Ratio(value) => encoder.encode_gauge(value),
            Self::Amount(amount) => encoder.encode_gauge(amount),
            Self::Events(total) => encoder.encode_counter::<NoLabelSet, _, u64>(total, None),
            Self::Histogram {
                sum,
                count,
                buckets,
            } => encoder.encode_histogram::<NoLabelSet>(*sum, *count, buckets, None),
        }
    }
}

impl Collector for Families {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> std::fmt::Result {
        for family in &self.0 {
            let shape = match family.shape {
                Shape::Gauge => MetricType::Gauge,
                Shape::Counter => MetricType::Counter,
                Shape::Histogram => MetricType::Histogram,
            };
            let mut points = encoder.encode_descriptor(&family.name, family.help, None, shape)?;
            for (labels, value) in &family.points {
                if labels.is_empty() {
                    value.encode(&mut points)?;
                } else {
                    value.encode(&mut points.encode_family(labels)?)?;
                }
            }
        }
        Ok(())
    }
}

fn labels<const N: usize>(labels: [(&str, &str); N]) -> Vec<(String, String)> {
    let owned = labels.map(|(name, value)| (name.to_owned(), value.to_owned()));
    owned.into()
}
