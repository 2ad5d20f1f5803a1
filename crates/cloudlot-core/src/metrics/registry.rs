//! All series of a program by kind and labels, in bounded number.

use std::collections::BTreeMap;

use super::{MetricKind, MetricLabels, PushError, Reading, Series, Shape, Sketch, SketchError};
use crate::Timestamp;

/// The metrics of a program, by kind and labels.
///
/// # Bounds
/// There are at most so many series (1,000 unless told otherwise), each with bounded memory. A
/// reading that would begin one more is refused and counted: labels that come from outside, such
/// as owners, cannot fill the memory. Known series go on.
/// ```
/// # use cloudlot_core::{Timestamp, metrics::{MetricLabels, MetricKind, Reading, Registry}};
/// let mut registry = Registry::new();
/// let node = MetricLabels::new([("resource", "node-1")]).unwrap();
/// registry.record(Timestamp::ZERO, &MetricKind::Utilization, &node, Reading::Gauge(0.5))?;
/// assert_eq!(registry.series(&MetricKind::Utilization, &node).unwrap().latest(), Some(0.5));
/// // A utilization is a gauge from now on.
/// assert!(registry.record(Timestamp::ZERO, &MetricKind::Utilization, &node, Reading::Count(1)).is_err());
/// # Ok::<(), cloudlot_core::metrics::RecordError>(())
/// ```
#[derive(Clone, PartialEq, Debug)]
pub struct Registry {
    families: BTreeMap<MetricKind, Family>,
    series: usize,
    limit: usize,
    history: usize,
    refused: u64,
}

/// All series of one kind; they have one shape.
#[derive(Clone, PartialEq, Debug)]
struct Family {
    shape: Shape,
    metrics: BTreeMap<MetricLabels, Metric>,
}

/// One metric under one set of labels.
#[derive(Clone, PartialEq, Debug)]
pub enum Metric {
    /// A value over time.
    Gauge(Series),
    /// The events so far; saturates.
    Counter(u64),
    /// The observations so far.
    Histogram(Sketch),
}

/// Why a reading was refused.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum RecordError {
    /// There are as many series as there may be.
    #[error("a new series of `{kind}` would be more than {limit}")]
    TooManySeries {
        /// The kind of the reading.
        kind: MetricKind,
        /// How many series there may be.
        limit: usize,
    },
    /// The kind was first read as something else.
    #[error("`{kind}` is a {known}, not a {read}")]
    Shape {
        /// The kind of the reading.
        kind: MetricKind,
        /// What it is.
        known: Shape,
        /// What the reading takes it for.
        read: Shape,
    },
    /// The value of a gauge does not fit its series.
    #[error(transparent)]
    Gauge(#[from] PushError),
    /// An observation is no amount.
    #[error(transparent)]
    Observation(#[from] SketchError),
}

impl Default for Registry {
    fn default() -> Self {
        Self::new()
    }
}

impl Registry {
    /// The series that a registry holds unless told otherwise.
    pub const DEFAULT_SERIES: usize = 1000;

    /// At most 1,000 series, each gauge with its last 1,000 samples.
    #[must_use]
    pub fn new() -> Self {
        Self::with_limits(Self::DEFAULT_SERIES, Series::DEFAULT_HISTORY)
    }

    /// At most `series` series, each gauge with its last `history` samples.
    #[must_use]
    pub fn with_limits(series: usize, history: usize) -> Self {
        Self {
            families: BTreeMap::new(),
            series: 0,
            limit: series,
            history,
            refused: 0,
        }
    }

    /// Takes in one reading.
    ///
    /// # Errors
    /// If it would begin a series too many, takes the kind for another shape, or has a value that
    /// its metric refuses. It then only counts among the [`refused`](Self::refused), and begins
    /// nothing.
    pub fn record(
        &mut self,
        now: Timestamp,
        kind: &MetricKind,
        labels: &MetricLabels,
        reading: Reading,
    ) -> Result<(), RecordError> {
        let outcome = self.take(now, kind, labels, reading);
        if outcome.is_err() {
            self.refused = self.refused.saturating_add(1);
        }
        outcome
    }

    fn take(
        &mut self,
        now: Timestamp,
        kind: &MetricKind,
        labels: &MetricLabels,
        reading: Reading,
    ) -> Result<(), RecordError> {
        let read = reading.shape();
        let family = self.families.get_mut(kind);
        if let Some(known) = family
            .as_ref()
            .map(|f| f.shape)
            .filter(|known| *known != read)
        {
            let kind = kind.clone();
            return Err(RecordError::Shape { kind, known, read });
        }
        if let Some(metric) = family.and_then(|family| family.metrics.get_mut(labels)) {
            return metric.take(now, reading);
        }
        if self.series >= self.limit {
            let (kind, limit) = (kind.clone(), self.limit);
            return Err(RecordError::TooManySeries { kind, limit });
        }
        let mut metric = Metric::of(read, self.history);
        metric.take(now, reading)?;
        let family = self.families.entry(kind.clone()).or_insert(Family {
            shape: read,
            metrics: BTreeMap::new(),
        });
        family.metrics.insert(labels.clone(), metric);
        self.series += 1;
        Ok(())
    }

    /// The metric of this kind under exactly these labels.
    #[must_use]
    pub fn metric(&self, kind: &MetricKind, labels: &MetricLabels) -> Option<&Metric> {
        self.families.get(kind)?.metrics.get(labels)
    }

    /// The samples of a gauge.
    #[must_use]
    pub fn series(&self, kind: &MetricKind, labels: &MetricLabels) -> Option<&Series> {
        match self.metric(kind, labels)? {
            Metric::Gauge(series) => Some(series),
            _ => None,
        }
    }

    /// All series of a kind, by their labels.
    pub fn of_kind(&self, kind: &MetricKind) -> impl Iterator<Item = (&MetricLabels, &Metric)> {
        let family = self.families.get(kind);
        family.into_iter().flat_map(|family| &family.metrics)
    }

    /// The kinds that were read, with their shapes.
    pub fn kinds(&self) -> impl Iterator<Item = (&MetricKind, Shape)> {
        self.families
            .iter()
            .map(|(kind, family)| (kind, family.shape))
    }

    /// How many series there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.series
    }

    /// Whether nothing was read yet.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.series == 0
    }

    /// How many readings were refused; saturates.
    #[must_use]
    pub const fn refused(&self) -> u64 {
        self.refused
    }

    /// Forgets every series that has this label with this value (a node or an owner that left), and
    /// says how many.
    pub fn forget(&mut self, label: &str, value: &str) -> usize {
        let before = self.series;
        for family in self.families.values_mut() {
            family
                .metrics
                .retain(|labels, _| labels.value(label) != Some(value));
        }
        self.families.retain(|_, family| !family.metrics.is_empty());
        self.series = self.families.values().map(|f| f.metrics.len()).sum();
        before - self.series
    }
}

impl Metric {
    fn of(shape: Shape, history: usize) -> Self {
        match shape {
            Shape::Gauge => Self::Gauge(Series::with_history(history)),
            Shape::Counter => Self::Counter(0),
            Shape::Histogram => Self::Histogram(Sketch::new()),
        }
    }

    fn take(&mut self, now: Timestamp, reading: Reading) -> Result<(), RecordError> {
        match (self, reading) {
            (Self::Gauge(series), Reading::Gauge(value)) => series.push(now, value)?,
            (Self::Counter(total), Reading::Count(more)) => *total = total.saturating_add(more),
            (Self::Histogram(sketch), Reading::Observation(value)) => sketch.record(value)?,
            _ => unreachable!("the shapes of metric and reading were compared"),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(n: u32) -> MetricLabels {
        MetricLabels::new([("owner", &*n.to_string())]).unwrap()
    }

    const NOW: Timestamp = Timestamp::ZERO;
    const KIND: MetricKind = MetricKind::Utilization;

    #[test]
    fn labels_from_outside_cannot_fill_the_memory() {
        let mut registry = Registry::with_limits(3, 10);
        for n in 0..3 {
            registry
                .record(NOW, &KIND, &owner(n), Reading::Gauge(1.0))
                .unwrap();
        }
        for n in 3..100 {
            let refusal = registry.record(NOW, &KIND, &owner(n), Reading::Gauge(1.0));
            assert_eq!(
                refusal,
                Err(RecordError::TooManySeries {
                    kind: KIND,
                    limit: 3
                })
            );
        }
        assert_eq!((registry.len(), registry.refused()), (3, 97));
        registry
            .record(NOW, &KIND, &owner(2), Reading::Gauge(2.0))
            .unwrap();
        assert_eq!(registry.forget("owner", "1"), 1);
        registry
            .record(NOW, &KIND, &owner(50), Reading::Gauge(1.0))
            .unwrap();
    }

    #[test]
    fn a_kind_has_one_shape_over_all_labels() {
        let mut registry = Registry::new();
        registry
            .record(NOW, &KIND, &owner(1), Reading::Count(1))
            .unwrap();
        for reading in [Reading::Gauge(1.0), Reading::Observation(1.0)] {
            let refusal = registry.record(NOW, &KIND, &owner(2), reading);
            assert!(matches!(refusal, Err(RecordError::Shape { .. })));
        }
        assert_eq!((registry.len(), registry.refused()), (1, 2));
    }

    #[test]
    fn a_refused_first_reading_begins_nothing() {
        let mut registry = Registry::new();
        for reading in [Reading::Gauge(f64::NAN), Reading::Observation(-1.0)] {
            assert!(registry.record(NOW, &KIND, &owner(1), reading).is_err());
        }
        assert!(registry.is_empty() && registry.kinds().next().is_none());
        registry
            .record(NOW, &KIND, &owner(1), Reading::Count(1))
            .unwrap();
    }

    #[test]
    fn a_counter_stops_at_its_end() {
        let mut registry = Registry::new();
        for _ in 0..2 {
            registry
                .record(NOW, &KIND, &owner(1), Reading::Count(u64::MAX))
                .unwrap();
        }
        let metric = registry.metric(&KIND, &owner(1));
        assert_eq!(metric, Some(&Metric::Counter(u64::MAX)));
    }
}
