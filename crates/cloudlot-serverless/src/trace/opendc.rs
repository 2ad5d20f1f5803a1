//! The serverless traces of OpenDC: one file a function, one row a sample with a time of its own.
//!
//! Needed columns: `Timestamp [ms]`, `Invocations`, `Avg Exec time per Invocation` (milliseconds), `Provisioned Memory [mb]`. Others
//! (processor and memory use) are passed over, and so are lines that begin with `#`. The times of a file ascend. The earliest sample of
//! all files becomes time zero, since some traces count from 1970.
//!
//! Source: the trace reader of OpenDC, `ServerlessTraceReader`, <https://github.com/atlarge-research/opendc>.

use super::counts::{MOST_CALLS, MOST_FUNCTIONS};
use super::error::{TraceError, TraceFault};
use super::series::as_index;
use super::table::{Table, count};
use super::total::Total;
use crate::{Arrival, FunctionId, Profile};
use cloudlot_core::{Bytes, Timestamp};
use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};
use std::io::BufRead;
use std::time::Duration;

/// Functions and samples of their calls, read file by file.
#[derive(Clone, PartialEq, Default, Debug)]
pub struct Samples {
    functions: Vec<Profile>,
    names: BTreeSet<String>,
    samples: Vec<Vec<Sample>>,
}

/// So many calls in the time from one sample to the next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Sample {
    /// In milliseconds, as the file says it.
    at: u64,
    calls: u32,
    runs: Duration,
}

impl Samples {
    /// No function yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a function from its file. Its memory is the most that was provisioned; it runs as long as its mean call, rounded down.
    ///
    /// # Errors
    /// The first fault of the file: a bad number, a missing column, a row that is cut short, a time that does not ascend, a name that
    /// is there already. Nothing is added then.
    /// ```
    /// use cloudlot_serverless::trace::opendc::Samples;
    /// use std::time::Duration;
    ///
    /// let file = "Timestamp [ms],Invocations, Avg Exec time per Invocation,Provisioned Memory [mb]\n\
    ///             0,2,100,128\n\
    ///             60000,1,50,128\n";
    /// let mut trace = Samples::new();
    /// trace.add("resize", file.as_bytes())?;
    /// let minute = Duration::from_secs(60);
    /// let at: Vec<_> = trace.arrivals(minute).map(|call| call.at.as_secs_f64()).collect();
    /// assert_eq!(at, [0.0, 30.0, 60.0]);
    /// # Ok::<(), cloudlot_serverless::trace::TraceError>(())
    /// ```
    pub fn add(&mut self, name: &str, source: impl BufRead) -> Result<FunctionId, TraceError> {
        let mut table = Table::open_with_comments(source, name)?;
        let columns = Columns::of(&table)?;
        let id = u32::try_from(self.functions.len()).unwrap_or(u32::MAX);
        if id >= MOST_FUNCTIONS {
            let limit = MOST_FUNCTIONS;
            return Err(table.fault(TraceFault::TooMany { limit }));
        }
        if self.names.contains(name) {
            let name = name.to_owned();
            return Err(table.fault(TraceFault::Twice { name, first: 1 }));
        }
        let (mut samples, mut total, mut memory) = (Vec::new(), Total::default(), Bytes::ZERO);
        let mut last: Option<u64> = None;
        while table.advance()? {
            let (sample, provisioned) = columns.sample(&table)?;
            if let Some(before) = last.replace(sample.at).filter(|last| *last >= sample.at) {
                let time = sample.at;
                return Err(table.fault(TraceFault::Order { time, before }));
            }
            memory = memory.max(provisioned);
            if sample.calls > 0 {
                total.add_many(sample.runs, sample.calls);
            }
            samples.push(sample);
        }
        samples.shrink_to_fit();
        let profile = total.profile(name.to_owned(), name.to_owned(), memory);
        self.functions.push(profile);
        self.names.insert(name.to_owned());
        self.samples.push(samples);
        Ok(FunctionId::new(id))
    }

    /// What is known of each function; [`FunctionId`] counts them from zero.
    #[must_use]
    pub fn functions(&self) -> &[Profile] {
        &self.functions
    }

    /// All calls.
    #[must_use]
    pub fn calls(&self) -> u64 {
        let samples = self.samples.iter().flatten();
        samples.map(|sample| u64::from(sample.calls)).sum()
    }

    /// Every call in order of time, calls of the same time in the order of the functions.
    ///
    /// The calls of a sample are spread over `interval`, or until the function's next sample if that is sooner: the `k`-th of `n`, from
    /// zero, begins `k × interval / n` after the sample, in whole milliseconds, rounded down. An interval of zero has them all begin at
    /// once, as the simulator of OpenDC does. Each runs as long as its sample says.
    #[must_use]
    pub fn arrivals(&self, interval: Duration) -> Arrivals<'_> {
        let earliest = self.samples.iter().filter_map(|it| it.first());
        let earliest = earliest.map(|sample| sample.at).min().unwrap_or(0);
        let interval = u64::try_from(interval.as_millis()).unwrap_or(u64::MAX);
        let mut arrivals = Arrivals {
            trace: self,
            earliest,
            interval: interval.min(u64::from(u32::MAX)),
            places: vec![(0, 0); self.samples.len()],
            next: BinaryHeap::with_capacity(self.samples.len()),
        };
        for row in (0..).take(self.samples.len()) {
            arrivals.enqueue(row);
        }
        arrivals
    }
}

/// The calls of a trace in order of time; see [`Samples::arrivals`].
#[derive(Clone, Debug)]
pub struct Arrivals<'a> {
    trace: &'a Samples,
    earliest: u64,
    interval: u64,
    /// For each function its sample and the call of it that come next.
    places: Vec<(usize, u32)>,
    /// The next call of each function: when, in milliseconds, and whose.
    next: BinaryHeap<Reverse<(u64, u32)>>,
}

impl Arrivals<'_> {
    /// Puts the next call of a function in the queue, if it has one.
    fn enqueue(&mut self, row: u32) {
        let samples = &self.trace.samples[as_index(row)];
        let (place, call) = &mut self.places[as_index(row)];
        while let Some(sample) = samples.get(*place) {
            if *call < sample.calls {
                let until = samples.get(*place + 1).map_or(u64::MAX, |next| next.at);
                let interval = self.interval.min(until - sample.at);
                let shift = u64::from(*call) * interval / u64::from(sample.calls);
                let at = sample.at.saturating_add(shift);
                self.next.push(Reverse((at, row)));
                return;
            }
            (*place, *call) = (*place + 1, 0);
        }
    }
}

impl Iterator for Arrivals<'_> {
    type Item = Arrival;

    fn next(&mut self) -> Option<Arrival> {
        let Reverse((at, row)) = self.next.pop()?;
        let (place, call) = &mut self.places[as_index(row)];
        let runs = self.trace.samples[as_index(row)][*place].runs;
        *call += 1;
        self.enqueue(row);
        let nanos = (at - self.earliest).saturating_mul(1_000_000);
        Some(Arrival {
            at: Timestamp::from_nanos(nanos),
            function: FunctionId::new(row),
            runs,
        })
    }
}

/// Where the columns stand.
struct Columns {
    time: usize,
    calls: usize,
    runs: usize,
    memory: usize,
}

impl Columns {
    fn of<R: BufRead>(table: &Table<R>) -> Result<Self, TraceError> {
        Ok(Self {
            time: table.column("Timestamp [ms]")?,
            calls: table.column("Invocations")?,
            runs: table.column("Avg Exec time per Invocation")?,
            memory: table.column("Provisioned Memory [mb]")?,
        })
    }

    fn sample<R: BufRead>(&self, table: &Table<R>) -> Result<(Sample, Bytes), TraceError> {
        let bad = |column, needs| table.bad(column, table.field(column), needs);
        let at: Option<u64> = table.field(self.time).parse().ok();
        let at = at.ok_or_else(|| bad(self.time, "whole milliseconds"))?;
        let calls = count(table.field(self.calls), MOST_CALLS);
        let calls = calls.ok_or_else(|| bad(self.calls, "a whole number from 0 to 100000000"))?;
        let runs = table.duration(self.runs, 1_000.0)?;
        let memory = Bytes::from_f64(table.mib(self.memory)? * 1_048_576.0);
        Ok((Sample { at, calls, runs }, memory))
    }
}
