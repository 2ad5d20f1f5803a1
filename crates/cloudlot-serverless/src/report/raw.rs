//! A report as it stands in a file, and what has to hold there.

use super::compare::Workload;
use super::price::Price;
use super::run::Run;
use super::timeline::Timeline;
use serde::{Deserialize, Serialize};

/// The version of the schema.
pub(super) const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
pub(super) struct Raw {
    pub(super) version: u32,
    pub(super) workload: Workload,
    pub(super) price: Option<Price>,
    pub(super) runs: Vec<Run>,
}

/// Why what was read is no report.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum ReportError {
    /// Another schema.
    #[error("version {0} is not known, only {VERSION}")]
    Version(u32),
    /// A number that cannot be.
    #[error("{what} of run {run} is {value}, not from 0 to {most}")]
    Number {
        /// Which.
        what: &'static str,
        /// Of which run, from 1; 0 is the workload.
        run: usize,
        /// What it is.
        value: f64,
        /// What is legal.
        most: f64,
    },
    /// Columns that differ in length, buckets without a width, or too many.
    #[error("the time line of run {run} is not whole")]
    Timeline {
        /// Of which run, from 1.
        run: usize,
    },
}

/// No sum of what is legal exceeds a float.
const MOST: f64 = 1e30;

impl Raw {
    pub(super) fn check(&self) -> Result<(), ReportError> {
        if self.version != VERSION {
            return Err(ReportError::Version(self.version));
        }
        number("span_s", 0, self.workload.span_s, MOST)?;
        for (run, number) in self.runs.iter().zip(1..) {
            check(run, number)?;
        }
        Ok(())
    }
}

fn check(run: &Run, place: usize) -> Result<(), ReportError> {
    let most = |what, value| number(what, place, value, MOST);
    most("idle_mib_s", run.idle_mib_s)?;
    most("busy_mib_s", run.busy_mib_s)?;
    most("starting_mib_s", run.starting_mib_s)?;
    most("peak_mib", run.peak_mib)?;
    number("cold_share", place, run.cold_share, 1.0)?;
    for shares in [run.cold_by_function, run.cold_by_app]
        .into_iter()
        .flatten()
    {
        for share in [shares.p50, shares.p75, shares.p90] {
            number("a cold share", place, share, 1.0)?;
        }
    }
    if let Some(delay) = run.delay_s {
        for seconds in [delay.p50, delay.p90, delay.p99, delay.p99_9, delay.max] {
            most("delay_s", seconds)?;
        }
    }
    if let Some(cost) = run.cost {
        for amount in [cost.calls, cost.busy, cost.idle] {
            most("cost", amount)?;
        }
    }
    let line = &run.timeline;
    let lengths = [line.cold.len(), line.idle_mib.len(), line.busy_mib.len()];
    let whole = lengths.iter().all(|length| *length == line.len());
    if !whole || line.bucket_s == 0 || line.len() > Timeline::BUCKETS {
        return Err(ReportError::Timeline { run: place });
    }
    let mut held = line.idle_mib.iter().chain(&line.busy_mib);
    held.try_for_each(|mib| most("timeline", *mib))
}

fn number(what: &'static str, run: usize, value: f64, most: f64) -> Result<(), ReportError> {
    if (0.0..=most).contains(&value) {
        return Ok(());
    }
    Err(ReportError::Number {
        what,
        run,
        value,
        most,
    })
}
