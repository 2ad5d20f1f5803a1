//! From what happens to samples, from samples to targets.

use std::time::Duration;

use cloudlot_core::Timestamp;

use super::kpa::Concurrency;
use super::{Sample, Scaler};
use crate::sim::Controller;
use crate::{Call, Event, FunctionId, Life, Move, Record, Sink, View};

/// Measures functions, asks a scaler for each of them at every tick, and sets the targets that follow.
///
/// A function without a scaler is left alone. What a scaler says is told to the platform where it differs from what it was told before.
#[derive(Clone, Debug)]
pub struct Driver<S> {
    every: Duration,
    patience: Duration,
    /// By function.
    rows: Vec<Option<Row<S>>>,
    before: Timestamp,
}

/// A function that is scaled.
#[derive(Clone, Debug)]
struct Row<S> {
    scaler: S,
    gauge: Gauge,
    target: Option<u32>,
}

/// What is known of a function now and since the last tick.
#[derive(Clone, Copy, Default, Debug)]
struct Gauge {
    in_flight: u32,
    /// Calls in flight times nanoseconds since the last tick.
    area: u128,
    since: Timestamp,
    arrivals: u64,
    starting: u32,
    busy: u32,
    idle: u32,
    /// Idle instances times nanoseconds since the last tick.
    idle_area: u128,
    idle_since: Timestamp,
    waited: Duration,
    late: u64,
}

impl<S> Driver<S> {
    /// Asks scalers every so often; above zero. A call that waited for more than `patience` counts as late.
    #[must_use]
    pub const fn new(every: Duration, patience: Duration) -> Self {
        Self {
            every,
            patience,
            rows: Vec::new(),
            before: Timestamp::ZERO,
        }
    }

    /// Lets this scaler see to a function from now on. Calls and instances that it has already are not counted, so this
    /// comes before the first.
    pub fn scale(&mut self, function: FunctionId, scaler: S) {
        let place = function.number() as usize;
        if self.rows.len() <= place {
            self.rows.resize_with(place + 1, || None);
        }
        self.rows[place] = Some(Row {
            scaler,
            gauge: Gauge::default(),
            target: None,
        });
    }

    /// The scaler of a function.
    #[must_use]
    pub fn scaler(&self, function: FunctionId) -> Option<&S> {
        let row = self.rows.get(function.number() as usize)?.as_ref()?;
        Some(&row.scaler)
    }

    /// The scalers that are there, in the order of their functions, given back.
    pub fn into_scalers(self) -> impl Iterator<Item = S> {
        self.rows.into_iter().flatten().map(|row| row.scaler)
    }

    fn gauge(&mut self, function: FunctionId) -> Option<&mut Gauge> {
        let row = self.rows.get_mut(function.number() as usize)?.as_mut()?;
        Some(&mut row.gauge)
    }
}

impl Gauge {
    /// Counts the time up to now.
    fn advance(&mut self, now: Timestamp) {
        self.area += u128::from(self.in_flight) * passed(self.since, now);
        self.since = now;
    }

    /// Counts the time of idle instances up to now.
    fn advance_idle(&mut self, now: Timestamp) {
        self.idle_area += u128::from(self.idle) * passed(self.idle_since, now);
        self.idle_since = now;
    }

    /// What this state of an instance counts as.
    const fn count(&mut self, life: Life) -> Option<&mut u32> {
        match life {
            Life::Starting => Some(&mut self.starting),
            Life::Busy => Some(&mut self.busy),
            Life::Idle => Some(&mut self.idle),
            _ => None,
        }
    }

    /// The sample of the time since the last tick, and a new beginning.
    fn take(&mut self, (from, at): (Timestamp, Timestamp)) -> Sample {
        self.advance(at);
        self.advance_idle(at);
        // Rounded down to the thousandth.
        let milli = self.area * 1_000 / passed(from, at).max(1);
        let milli = u64::try_from(milli).unwrap_or(u64::MAX);
        let sample = Sample {
            concurrency: Concurrency::from_milli(milli).unwrap_or(Concurrency::MAX),
            arrivals: self.arrivals,
            in_flight: self.in_flight,
            ready: self.busy + self.idle,
            starting: self.starting,
            waited: self.waited,
            late: self.late,
            idle: Duration::from_nanos(u64::try_from(self.idle_area).unwrap_or(u64::MAX)),
            ..Sample::quiet(from, at)
        };
        (self.area, self.idle_area) = (0, 0);
        (self.arrivals, self.waited, self.late) = (0, Duration::ZERO, 0);
        sample
    }
}

/// Nanoseconds from one time to the other.
fn passed(from: Timestamp, to: Timestamp) -> u128 {
    to.since(from).as_nanos()
}

impl<S> Sink for Driver<S> {
    fn call(&mut self, record: &Record) {
        let patience = self.patience;
        if let Some(gauge) = self.gauge(record.function) {
            gauge.advance(record.ended);
            gauge.in_flight = gauge.in_flight.saturating_sub(1);
            let delay = record.delay();
            gauge.waited += delay;
            gauge.late += u64::from(delay > patience);
        }
    }

    fn moved(&mut self, step: &Move) {
        if let Some(gauge) = self.gauge(step.function) {
            gauge.advance_idle(step.at);
            if let Some(count) = gauge.count(step.from) {
                *count = count.saturating_sub(1);
            }
            if let Some(count) = gauge.count(step.to) {
                *count += 1;
            }
        }
    }
}

impl<S: Scaler> Controller for Driver<S> {
    fn every(&self) -> Duration {
        self.every
    }

    fn arrived(&mut self, call: &Call, now: Timestamp) {
        if let Some(gauge) = self.gauge(call.function) {
            gauge.advance(now);
            gauge.in_flight += 1;
            gauge.arrivals += 1;
        }
    }

    fn tick(&mut self, now: Timestamp, view: View<'_>, out: &mut Vec<Event>) {
        let window = (self.before, now);
        self.before = now;
        for (number, row) in (0..).zip(&mut self.rows) {
            let Some(row) = row else { continue };
            let function = FunctionId::new(number);
            let sample = Sample {
                queued: view.queued(function),
                target: row.target,
                ..row.gauge.take(window)
            };
            let Some(instances) = row.scaler.desired(&sample) else {
                continue;
            };
            // A call that breaks through a target of zero makes it one.
            let broken = instances == 0 && sample.ready + sample.starting > 0;
            if broken || row.target != Some(instances) {
                row.target = Some(instances);
                out.push(Event::Target {
                    function,
                    instances,
                });
            }
        }
    }
}
