//! Runs of one workload side by side.

use super::price::Price;
use super::raw::{Raw, ReportError, VERSION};
use super::run::Run;
use crate::Profile;
use crate::trace::Counts;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What was run.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Workload {
    /// How it is called.
    pub name: String,
    /// How many functions it has.
    pub functions: u64,
    /// Of how many apps.
    pub apps: u64,
    /// How many calls.
    pub calls: u64,
    /// How long it lasts.
    pub span_s: f64,
}

impl Workload {
    /// The whole of a trace.
    #[must_use]
    pub fn of(name: &str, counts: &Counts) -> Self {
        let span_s = f64::from(counts.slots()) * counts.slot().as_secs_f64();
        Self::new(name, counts.functions(), counts.calls(), span_s)
    }

    /// So many calls of some functions in so many seconds.
    #[must_use]
    pub fn new(name: &str, functions: &[Profile], calls: u64, span_s: f64) -> Self {
        let apps: BTreeSet<_> = functions.iter().map(|it| (&it.owner, &it.app)).collect();
        Self {
            name: name.to_owned(),
            functions: functions.len() as u64,
            apps: apps.len() as u64,
            calls,
            span_s,
        }
    }
}

/// Runs of one workload, the first of which the others are compared with.
///
/// Its text is a table; see [`draw`](Self::draw), [`write_csv`](Self::write_csv) and the schema in the [module](super) for the other forms.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(try_from = "Raw", into = "Raw")]
pub struct Report {
    workload: Workload,
    price: Option<Price>,
    runs: Vec<Run>,
}

/// One number of a run beside those of the others. Of all, less is better.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Measure {
    /// Calls that were cold.
    Cold,
    /// The cold share of the app that is worse than three of four.
    ColdByApp,
    /// Instances that were started.
    Starts,
    /// Memory held while waiting for calls, over time.
    Idle,
    /// The most memory at once.
    Peak,
    /// How long 99 of 100 calls waited at most.
    Delay,
    /// How long 999 of 1,000 did.
    LongDelay,
    /// Calls that got no good answer.
    Failed,
    /// All that is paid for.
    Cost,
}

impl Measure {
    /// What it is in a run; nothing where nobody knows.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "for display and comparison")]
    pub fn of(self, run: &Run) -> Option<f64> {
        match self {
            Self::Cold => Some(run.cold as f64),
            Self::ColdByApp => run.cold_by_app.map(|shares| shares.p75),
            Self::Starts => Some(run.starts as f64),
            Self::Idle => Some(run.idle_mib_s),
            Self::Peak => Some(run.peak_mib),
            Self::Delay => run.delay_s.map(|delay| delay.p99),
            Self::LongDelay => run.delay_s.map(|delay| delay.p99_9),
            Self::Failed => Some(run.failed() as f64),
            Self::Cost => run.cost.map(|cost| cost.total()),
        }
    }
}

/// A run's number in a comparison.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Cell {
    /// The number; nothing where nobody knows.
    pub value: Option<f64>,
    /// How many times that of the first run; nothing if that is zero.
    pub ratio: Option<f64>,
    /// Whether no run has less and some run has more.
    pub best: bool,
}

impl Report {
    /// No run yet.
    #[must_use]
    pub const fn new(workload: Workload) -> Self {
        Self {
            workload,
            price: None,
            runs: Vec::new(),
        }
    }

    /// Runs cost something.
    #[must_use]
    pub fn priced(mut self, price: Price) -> Self {
        self.price = Some(price);
        for run in &mut self.runs {
            run.cost = Some(price.of(run));
        }
        self
    }

    /// Adds a run.
    pub fn push(&mut self, mut run: Run) {
        run.cost = self.price.map(|price| price.of(&run));
        self.runs.push(run);
    }

    /// What was run.
    #[must_use]
    pub const fn workload(&self) -> &Workload {
        &self.workload
    }

    /// The price, if there is one.
    #[must_use]
    pub const fn price(&self) -> Option<Price> {
        self.price
    }

    /// The runs in the order in which they were added.
    #[must_use]
    pub fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// One measure of all runs, in their order.
    #[must_use]
    pub fn compare(&self, measure: Measure) -> Vec<Cell> {
        let values: Vec<Option<f64>> = self.runs.iter().map(|run| measure.of(run)).collect();
        let first = values.first().copied().flatten();
        let known = || values.iter().copied().flatten();
        let least = known().min_by(f64::total_cmp);
        let most = known().max_by(f64::total_cmp);
        let ratio = |value: f64| {
            first
                .filter(|first| *first > 0.0)
                .map(|first| value / first)
        };
        let cell = |value: Option<f64>| Cell {
            value,
            ratio: value.and_then(ratio),
            best: value.is_some() && value == least && least < most,
        };
        values.into_iter().map(cell).collect()
    }

    /// For each run whether it lies on the frontier: no other has as few cold calls and as little idle memory, and less of one.
    #[must_use]
    pub fn frontier(&self) -> Vec<bool> {
        let beats = |one: &Run, other: &Run| {
            let no_worse = one.cold <= other.cold && one.idle_mib_s <= other.idle_mib_s;
            no_worse && (one.cold < other.cold || one.idle_mib_s < other.idle_mib_s)
        };
        let free = |run: &Run| !self.runs.iter().any(|other| beats(other, run));
        self.runs.iter().map(free).collect()
    }
}

impl From<Report> for Raw {
    fn from(report: Report) -> Self {
        Self {
            version: VERSION,
            workload: report.workload,
            price: report.price,
            runs: report.runs,
        }
    }
}

impl TryFrom<Raw> for Report {
    type Error = ReportError;

    fn try_from(raw: Raw) -> Result<Self, ReportError> {
        raw.check()?;
        Ok(Self {
            workload: raw.workload,
            price: raw.price,
            runs: raw.runs,
        })
    }
}
