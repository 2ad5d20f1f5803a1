//! Where readings come from: collectors, kept from one another's failures.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::{MetricKind, MetricLabels, Reading, Registry};
use crate::Timestamp;

/// A source of readings. A driver's collector may do I/O; `now` is when its readings count.
pub trait Collector {
    /// The name by which a failure is reported.
    fn name(&self) -> &str;

    /// Puts the readings of `now` into `out`.
    ///
    /// # Errors
    /// If there are none, or not all. What `out` holds by then is dropped: readings of a
    /// collector count together or not at all.
    fn collect(&mut self, now: Timestamp, out: &mut Samples) -> Result<(), CollectError>;
}

/// Why a collector has no readings.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct CollectError(pub String);

/// The readings of one collector at one time.
#[derive(Debug, Default)]
pub struct Samples {
    samples: Vec<(MetricKind, MetricLabels, Reading)>,
    dropped: usize,
}

impl Samples {
    /// The most readings of one collector at one time. With more it failed.
    pub const MOST: usize = 10_000;

    /// Adds one reading.
    pub fn push(&mut self, kind: MetricKind, labels: MetricLabels, reading: Reading) {
        if self.samples.len() < Self::MOST {
            self.samples.push((kind, labels, reading));
        } else {
            self.dropped = self.dropped.saturating_add(1);
        }
    }

    /// How many readings there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.samples.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }
}

/// Collectors that are asked together, each kept from the failures of the others.
///
/// An error or a panic in one is reported, its readings of that time are dropped, and the rest
/// goes on; the next time it is asked again. Where panics abort the program there is nothing to
/// catch, and a collector that does not return holds up all: one that waits for others brings
/// its own deadline.
/// ```
/// # use cloudlot_core::{Timestamp, metrics::*};
/// struct Queue(u32);
///
/// impl Collector for Queue {
///     fn name(&self) -> &str {
///         "queue"
///     }
///
///     fn collect(&mut self, _now: Timestamp, out: &mut Samples) -> Result<(), CollectError> {
///         let depth = MetricKind::custom("queue_depth").map_err(|e| CollectError(e.to_string()))?;
///         out.push(depth, MetricLabels::none(), Reading::Gauge(self.0.into()));
///         Ok(())
///     }
/// }
///
/// let mut collectors = Collectors::default();
/// collectors.add(Queue(3));
/// let mut registry = Registry::new();
/// let report = collectors.collect(Timestamp::ZERO, &mut registry);
/// assert_eq!((report.recorded, report.failures.len()), (1, 0));
/// ```
#[derive(Default)]
pub struct Collectors(Vec<(String, Box<dyn Collector + Send>)>);

impl Collectors {
    /// Adds a collector; they are asked in the order of their adding.
    pub fn add(&mut self, collector: impl Collector + Send + 'static) {
        let name = collector.name().to_owned();
        self.0.push((name, Box::new(collector)));
    }

    /// Removes the collectors of this name, and says how many.
    pub fn remove(&mut self, name: &str) -> usize {
        let before = self.0.len();
        self.0.retain(|(known, _)| known != name);
        before - self.0.len()
    }

    /// The names of the collectors, in their order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| &**name)
    }

    /// Asks every collector once and records what they say at `now`.
    pub fn collect(&mut self, now: Timestamp, registry: &mut Registry) -> CollectReport {
        let mut report = CollectReport::default();
        for (name, collector) in &mut self.0 {
            match ask(&mut **collector, now) {
                Ok(samples) => report.record(now, samples, registry),
                Err(cause) => report.failures.push(Failure {
                    collector: name.clone(),
                    cause,
                }),
            }
        }
        report
    }
}

impl std::fmt::Debug for Collectors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.names()).finish()
    }
}

/// What came of asking all collectors once.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct CollectReport {
    /// Readings recorded.
    pub recorded: usize,
    /// Readings that the registry refused: not a number, a series too many.
    pub refused: usize,
    /// The collectors that failed, in their order.
    pub failures: Vec<Failure>,
}

/// A collector that failed.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Failure {
    /// Its name.
    pub collector: String,
    /// What happened.
    pub cause: FailureCause,
}

/// How a collector failed.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "snake_case")
)]
pub enum FailureCause {
    /// It said so.
    #[error("{0}")]
    Error(String),
    /// It panicked, with this message.
    #[error("panicked: {0}")]
    Panic(String),
    /// It had more readings than [`Samples::MOST`].
    #[error("{0} readings, more than {most}", most = Samples::MOST)]
    TooMany(usize),
}

impl CollectReport {
    fn record(&mut self, now: Timestamp, samples: Samples, registry: &mut Registry) {
        for (kind, labels, reading) in samples.samples {
            match registry.record(now, &kind, &labels, reading) {
                Ok(()) => self.recorded += 1,
                Err(_) => self.refused += 1,
            }
        }
    }
}

fn ask(collector: &mut dyn Collector, now: Timestamp) -> Result<Samples, FailureCause> {
    // The readings of a collector that panics are dropped, so nothing half-written is seen but
    // inside the collector itself, and that is its own to bear.
    let asked = catch_unwind(AssertUnwindSafe(|| {
        let mut samples = Samples::default();
        collector.collect(now, &mut samples).map(|()| samples)
    }));
    match asked {
        Ok(Ok(samples)) if samples.dropped > 0 => {
            let readings = samples.len().saturating_add(samples.dropped);
            Err(FailureCause::TooMany(readings))
        }
        Ok(Ok(samples)) => Ok(samples),
        Ok(Err(CollectError(message))) => Err(FailureCause::Error(message)),
        Err(panic) => Err(FailureCause::Panic(message_of(panic))),
    }
}

fn message_of(panic: Box<dyn Any + Send>) -> String {
    if let Some(message) = panic.downcast_ref::<&str>() {
        return (*message).to_owned();
    }
    match panic.downcast::<String>() {
        Ok(message) => *message,
        Err(other) => {
            // Dropping a value of an unknown type could panic once more.
            std::mem::forget(other);
            "without a message".to_owned()
        }
    }
}
