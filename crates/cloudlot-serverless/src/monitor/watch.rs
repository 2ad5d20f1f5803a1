//! The monitor itself: told what happens, asked what it means.

use std::fmt;

use cloudlot_core::Timestamp;

use super::anomaly::{Anomaly, Detector};
use super::config::{ConfigError, MonitorConfig};
use super::figures::Figures;
use super::forecast::{Forecast, forecasts};
use super::pattern::Pattern;
use super::row::Row;
use super::samples::Samples;
use super::summary::Summary;
use crate::{FunctionId, Move, Outcome, Record, Sink};

/// Watches what a platform tells, function by function.
///
/// It is a [`Sink`]. Being told costs a few counters, two buckets and no scan; questions do the work. It keeps
/// [`MonitorConfig::bytes`] a function at most, and nothing of a function that did nothing.
/// ```
/// use cloudlot_core::{Bytes, Timestamp};
/// use cloudlot_serverless::monitor::{Monitor, MonitorConfig};
/// use cloudlot_serverless::sim::{FixedStart, Simulation};
/// use cloudlot_serverless::{Arrival, FixedWindow, Function, Platform, Settings};
/// use std::time::Duration;
///
/// let mut platform = Platform::new(Settings::DEFAULT, FixedWindow(Duration::from_secs(60)));
/// let report = platform.add(Function::new(Bytes::mib(128)));
/// // Every ten minutes, for eight hours: too seldom to be kept warm.
/// let calls = (0..48).map(|n| Arrival {
///     at: Timestamp::ZERO + Duration::from_secs(600 * n + 30),
///     function: report,
///     runs: Duration::from_millis(200),
/// });
/// let mut monitor = Monitor::new(MonitorConfig::default(), Timestamp::ZERO)?;
/// Simulation::new(FixedStart(Duration::from_secs(2))).run(&mut platform, calls, &mut monitor);
///
/// let now = Timestamp::ZERO + Duration::from_secs(8 * 3600 + 60);
/// let told = monitor.report(report, now).expect("it was called");
/// assert_eq!((told.figures.calls, told.figures.cold), (48, Some(1.0)));
/// // All were late: they waited two seconds, and one was promised.
/// assert_eq!(told.figures.compliance, Some(0.0));
/// let season = told.fine.pattern.season.expect("it is a timer");
/// assert_eq!(season.period, Duration::from_secs(600));
/// // So the next minute has a call, and the forecast was never off.
/// let next = &told.fine.forecasts[0];
/// assert_eq!((next.value, next.errors.mae), (1.0, 0.0));
/// # Ok::<(), cloudlot_serverless::monitor::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Monitor {
    config: MonitorConfig,
    since: Timestamp,
    rows: Vec<Option<Box<Row>>>,
    unknown: u64,
}

/// Everything that can be said of a function.
#[derive(Clone, PartialEq, Debug)]
pub struct Report {
    /// Which.
    pub function: FunctionId,
    /// Until when.
    pub at: Timestamp,
    /// What it did.
    pub figures: Figures,
    /// Its calls in short intervals.
    pub fine: Analysis,
    /// Its calls in long intervals.
    pub coarse: Analysis,
}

/// What a series means.
#[derive(Clone, PartialEq, Debug)]
pub struct Analysis {
    /// The series.
    pub samples: Samples,
    /// In a few numbers; nothing of nothing.
    pub summary: Option<Summary>,
    /// What it is like.
    pub pattern: Pattern,
    /// What does not fit, oldest first.
    pub anomalies: Vec<Anomaly>,
    /// What comes next.
    pub forecasts: Vec<Forecast>,
}

impl Analysis {
    /// Of this series: its pattern, and with the season of that, anomalies and forecasts.
    #[must_use]
    pub fn of(samples: Samples, detector: &Detector, horizons: &[usize]) -> Self {
        let pattern = Pattern::of(&samples);
        let lag = pattern.season.map(|season| season.lag);
        Self {
            summary: Summary::of(&samples),
            anomalies: detector.scan(&samples, lag),
            forecasts: forecasts(&samples, lag, horizons),
            pattern,
            samples,
        }
    }
}

impl Monitor {
    /// A monitor that watches from `since` on.
    ///
    /// # Errors
    /// If a window or an interval is zero, or there are too many of something.
    pub fn new(config: MonitorConfig, since: Timestamp) -> Result<Self, ConfigError> {
        config.check()?;
        Ok(Self {
            config,
            since,
            rows: Vec::new(),
            unknown: 0,
        })
    }

    /// What a function did until now; nothing if it did nothing.
    #[must_use]
    pub fn figures(&self, function: FunctionId, now: Timestamp) -> Option<Figures> {
        Some(self.row(function)?.figures(&self.config, now))
    }

    /// Everything that can be said of a function now; nothing if it did nothing.
    ///
    /// Intervals that ended a [`settle`](MonitorConfig::settle) ago are looked at. This takes milliseconds: it is not for every call.
    #[must_use]
    pub fn report(&self, function: FunctionId, now: Timestamp) -> Option<Report> {
        let row = self.row(function)?;
        let settle = u64::try_from(self.config.settle.as_nanos()).unwrap_or(u64::MAX);
        let until = Timestamp::from_nanos(now.as_nanos().saturating_sub(settle));
        let analysis =
            |samples| Analysis::of(samples, &self.config.detector, &self.config.horizons);
        Some(Report {
            function,
            at: now,
            figures: row.figures(&self.config, now),
            fine: analysis(row.fine.samples(until)),
            coarse: analysis(row.coarse.samples(until)),
        })
    }

    /// The functions that did something, by number.
    pub fn functions(&self) -> impl Iterator<Item = FunctionId> + '_ {
        let numbered = (0..).zip(&self.rows);
        numbered.filter_map(|(number, row)| row.as_ref().map(|_| FunctionId::new(number)))
    }

    /// Calls of functions that nobody knows, or whose number is too high to be watched.
    #[must_use]
    pub const fn unknown(&self) -> u64 {
        self.unknown
    }

    /// What is kept in all, in bytes, without what is in the sketches.
    #[must_use]
    pub fn size(&self) -> usize {
        let rows = self.rows.iter().flatten().map(|row| row.size());
        rows.sum::<usize>() + self.rows.capacity() * size_of::<Option<Box<Row>>>()
    }

    fn row(&self, function: FunctionId) -> Option<&Row> {
        let place = usize::try_from(function.number()).ok()?;
        self.rows.get(place)?.as_deref()
    }

    fn row_mut(&mut self, function: FunctionId) -> Option<&mut Row> {
        if function.number() >= self.config.functions {
            return None;
        }
        let place = usize::try_from(function.number()).ok()?;
        if self.rows.len() <= place {
            self.rows.resize(place + 1, None);
        }
        let row = &mut self.rows[place];
        Some(row.get_or_insert_with(|| Box::new(Row::new(&self.config, self.since))))
    }
}

impl Sink for Monitor {
    fn call(&mut self, record: &Record) {
        let good = self.config.objective.holds(record);
        let known = record.outcome != Outcome::Unknown;
        match self.row_mut(record.function).filter(|_| known) {
            Some(row) => row.call(record, good),
            None => self.unknown += 1,
        }
    }

    fn moved(&mut self, step: &Move) {
        if let Some(row) = self.row_mut(step.function) {
            row.moved(step);
        }
    }
}

impl fmt::Display for Report {
    /// Some lines for a log, the latest anomaly among them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} at {:?}", self.function, self.at)?;
        writeln!(f, "{}", self.figures)?;
        for it in [&self.fine, &self.coarse] {
            writeln!(
                f,
                "{} × {:?}: {}",
                it.samples.len(),
                it.samples.interval(),
                it.pattern
            )?;
            if let Some(last) = it.anomalies.last() {
                let (z, count) = (last.score.z, it.anomalies.len());
                writeln!(
                    f,
                    "{count} anomalies, the last {} at {} (z {z:.1})",
                    last.value, last.place
                )?;
            }
            for forecast in &it.forecasts {
                writeln!(f, "{forecast}")?;
            }
        }
        Ok(())
    }
}
