//! The names of what is measured: kinds of metrics, their labels, and what one reading says.

use std::collections::BTreeMap;
use std::fmt;

/// What a metric measures.
///
/// The six standard kinds have fixed names and meanings; everything else is [`MetricKind::Custom`].
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum MetricKind {
    /// Use by capacity, a ratio; more than 1 where capacity is over-committed.
    Utilization,
    /// Reservations granted per second.
    AllocationRate,
    /// The share of attempts that found no room, from 0 to 1.
    ContentionRate,
    /// How long requests wait, in seconds.
    WaitTime,
    /// Work finished per second.
    Throughput,
    /// Use by reservation, from 0 to 1.
    Efficiency,
    /// Anything else, under a name of its own.
    Custom(MetricName),
}

impl MetricKind {
    /// A metric under a name of its own.
    ///
    /// # Errors
    /// If the name is not one, or is that of a standard kind.
    /// ```
    /// # use cloudlot_core::metrics::MetricKind;
    /// assert_eq!(MetricKind::custom("queue_depth")?.name(), "queue_depth");
    /// assert!(MetricKind::custom("queue depth").is_err());
    /// assert!(MetricKind::custom("wait_time").is_err());
    /// # Ok::<(), cloudlot_core::metrics::NameError>(())
    /// ```
    pub fn custom(name: &str) -> Result<Self, NameError> {
        MetricName::new(name).map(Self::Custom)
    }

    /// The name, as it is exported.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Utilization => "utilization",
            Self::AllocationRate => "allocation_rate",
            Self::ContentionRate => "contention_rate",
            Self::WaitTime => "wait_time",
            Self::Throughput => "throughput",
            Self::Efficiency => "efficiency",
            Self::Custom(name) => &name.0,
        }
    }

    /// The standard kinds, in order.
    pub const STANDARD: [Self; 6] = [
        Self::Utilization,
        Self::AllocationRate,
        Self::ContentionRate,
        Self::WaitTime,
        Self::Throughput,
        Self::Efficiency,
    ];
}

impl fmt::Display for MetricKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The name of a custom metric: made by [`MetricKind::custom`].
///
/// A letter or `_`, then letters, digits and `_`, at most 100 in all, ASCII. Endings that an exporter
/// gives a meaning (`_total`, `_bucket` and their like) are refused, so that no two metrics
/// export the same name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct MetricName(String);

/// Why a text names no metric and no label.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NameError {
    /// Not a letter or `_` followed by letters, digits and `_`, or too long.
    #[error("`{0}` is not a letter followed by at most 99 letters, digits or `_`")]
    Form(String),
    /// A standard kind has this name.
    #[error("`{0}` is the name of a standard metric")]
    Standard(String),
    /// An exporter gives the ending or the name a meaning of its own.
    #[error("`{0}` is reserved for exporters")]
    Reserved(String),
}

const LONGEST_NAME: usize = 100;
const RESERVED_ENDINGS: [&str; 8] = [
    "_total", "_created", "_bucket", "_sum", "_count", "_info", "_gsum", "_gcount",
];

impl MetricName {
    fn new(name: &str) -> Result<Self, NameError> {
        check_form(name)?;
        if MetricKind::STANDARD.iter().any(|kind| kind.name() == name) {
            return Err(NameError::Standard(name.to_owned()));
        }
        if RESERVED_ENDINGS.iter().any(|end| name.ends_with(end)) {
            return Err(NameError::Reserved(name.to_owned()));
        }
        Ok(Self(name.to_owned()))
    }
}

fn check_form(name: &str) -> Result<(), NameError> {
    let mut letters = name.bytes();
    let first = letters
        .next()
        .is_some_and(|c| c.is_ascii_alphabetic() || c == b'_');
    if !first
        || name.len() > LONGEST_NAME
        || !letters.all(|c| c.is_ascii_alphanumeric() || c == b'_')
    {
        // The start of it is enough to find it by.
        return Err(NameError::Form(name.chars().take(LONGEST_NAME).collect()));
    }
    Ok(())
}

/// The labels of a series: names and values, ordered by name.
///
/// Values are any text of at most [`MetricLabels::LONGEST_VALUE`] bytes, unlike those of the
/// [`Labels`](crate::Labels) of resources: they are shown, not matched. There are at most
/// [`MetricLabels::MOST`] labels.
/// ```
/// # use cloudlot_core::metrics::MetricLabels;
/// let labels = MetricLabels::new([("resource", "node 1"), ("kind", "memory")])?;
/// assert_eq!(labels.to_string(), r#"{kind="memory", resource="node 1"}"#);
/// assert!(MetricLabels::new([("not a name", "")]).is_err());
/// # Ok::<(), cloudlot_core::metrics::LabelError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct MetricLabels(BTreeMap<String, String>);

/// Why labels are none.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum LabelError {
    /// A label has no proper name.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A name occurs twice.
    #[error("label `{0}` is given twice")]
    Twice(String),
    /// A value is too long.
    #[error(
        "label `{name}` has a value of {bytes} bytes, more than {}",
        MetricLabels::LONGEST_VALUE
    )]
    Long {
        /// The label.
        name: String,
        /// The length of its value.
        bytes: usize,
    },
    /// There are too many labels.
    #[error("more than {} labels", MetricLabels::MOST)]
    TooMany,
}

impl MetricLabels {
    /// The most labels on one series.
    pub const MOST: usize = 16;
    /// The most bytes in a value.
    pub const LONGEST_VALUE: usize = 1024;

    /// No labels: the metric in all.
    #[must_use]
    pub const fn none() -> Self {
        Self(BTreeMap::new())
    }

    /// These labels.
    ///
    /// # Errors
    /// If a name has not the form of a metric name, is reserved (`le`, `quantile`, or starting with `__`)
    /// or occurs twice, a value is too long, or there are too many.
    pub fn new<'a>(
        labels: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, LabelError> {
        let mut known = BTreeMap::new();
        for (name, value) in labels {
            check_label(name, value)?;
            if known.len() == Self::MOST {
                return Err(LabelError::TooMany);
            }
            if known.insert(name.to_owned(), value.to_owned()).is_some() {
                return Err(LabelError::Twice(name.to_owned()));
            }
        }
        Ok(Self(known))
    }

    /// The value of a label.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Names and values, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }
}

fn check_label(name: &str, value: &str) -> Result<(), LabelError> {
    check_form(name)?;
    if name.starts_with("__") || ["le", "quantile"].contains(&name) {
        return Err(NameError::Reserved(name.to_owned()).into());
    }
    if value.len() > MetricLabels::LONGEST_VALUE {
        let (name, bytes) = (name.to_owned(), value.len());
        return Err(LabelError::Long { name, bytes });
    }
    Ok(())
}

impl fmt::Display for MetricLabels {
    /// As `{name="value", …}`, with quotes and control characters escaped.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (place, (name, value)) in self.0.iter().enumerate() {
            let comma = if place == 0 { "" } else { ", " };
            write!(f, "{comma}{name}={value:?}")?;
        }
        f.write_str("}")
    }
}

/// What one reading says of a metric.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Reading {
    /// The value now: the metric is a gauge.
    Gauge(f64),
    /// So many more events: the metric is a counter.
    Count(u64),
    /// One observation of many, from zero up: the metric is a histogram.
    Observation(f64),
}

/// How a metric adds up over time. All series of a kind have the same.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Shape {
    /// A value that goes up and down.
    Gauge,
    /// A number of events, which only grows.
    Counter,
    /// Observations, of which the percentiles are asked.
    Histogram,
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gauge => "gauge",
            Self::Counter => "counter",
            Self::Histogram => "histogram",
        })
    }
}

impl Reading {
    /// The shape of a metric that is read so.
    #[must_use]
    pub const fn shape(self) -> Shape {
        match self {
            Self::Gauge(_) => Shape::Gauge,
            Self::Count(_) => Shape::Counter,
            Self::Observation(_) => Shape::Histogram,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_names_no_metric_is_refused() {
        let long = "a".repeat(101);
        for name in ["", "1a", "a b", "a-b", "é", "a\n", "a:b", &long] {
            let refusal = MetricKind::custom(name);
            assert!(matches!(refusal, Err(NameError::Form(_))), "{name}");
        }
        for name in ["x_total", "x_bucket", "_sum", "x_info"] {
            let refusal = MetricKind::custom(name);
            assert!(matches!(refusal, Err(NameError::Reserved(_))), "{name}");
        }
        for kind in MetricKind::STANDARD {
            let refusal = MetricKind::custom(kind.name());
            assert!(matches!(refusal, Err(NameError::Standard(_))), "{kind}");
        }
        assert!(MetricKind::custom(&long[1..]).is_ok());
    }

    #[test]
    fn what_is_no_label_is_refused() {
        for name in ["", "le", "quantile", "__name", "a b", "9"] {
            assert!(MetricLabels::new([(name, "x")]).is_err(), "{name}");
        }
        assert_eq!(
            MetricLabels::new([("a", "1"), ("a", "1")]),
            Err(LabelError::Twice("a".into()))
        );
        let long = "v".repeat(1025);
        assert!(matches!(
            MetricLabels::new([("a", &*long)]),
            Err(LabelError::Long { bytes: 1025, .. })
        ));
        let names: Vec<String> = (0..17).map(|n| format!("l{n}")).collect();
        let many = names.iter().map(|name| (&**name, ""));
        assert_eq!(MetricLabels::new(many.clone()), Err(LabelError::TooMany));
        assert!(MetricLabels::new(many.take(16)).is_ok());
    }

    #[test]
    fn labels_print_on_one_line() {
        let labels = MetricLabels::new([("owner", "a\"b\\c\nd")]).unwrap();
        assert_eq!(labels.to_string(), r#"{owner="a\"b\\c\nd"}"#);
    }
}
