//! What the programs say, as text: nothing here writes or reads anything.

mod bars;
mod json;
mod names;
mod table;

pub use bars::Style;
pub use json::Json;
pub use table::Table;
pub(in crate::program) use table::restored;

use super::tally::Tally;
use cloudlot_hv::{CycleReport, HvError, RestoreReport};
use std::time::Duration;

/// What a run is told to do: the first line of its output.
#[derive(Clone, PartialEq, Debug)]
pub struct Start {
    /// The program's name.
    pub program: &'static str,
    /// The profile in force.
    pub profile: &'static str,
    /// The file that overrides some of its parameters.
    pub config: Option<String>,
    /// The algorithm that decides.
    pub algorithm: &'static str,
    /// The host, as it was asked for.
    pub uri: String,
    /// The seed of a simulation.
    pub seed: Option<u64>,
    /// Time between cycles.
    pub interval: Duration,
    /// Whether it acts, tries (`dry-run`) or may only look (`observe`).
    pub mode: &'static str,
}

/// A run's end.
#[derive(Clone, PartialEq, Debug)]
pub struct End {
    /// What the cycles came to.
    pub tally: Tally,
    /// What came of restoring.
    pub restored: RestoreReport,
}

/// A way to show a run. Every text ends with a newline, or is empty.
pub trait Show {
    /// What will be done.
    fn start(&self, start: &Start) -> String;

    /// One cycle.
    fn cycle(&self, report: &CycleReport) -> String;

    /// A cycle that could not see its host; cycles count from 1.
    fn failed(&self, number: u64, error: &HvError) -> String;

    /// What came of it all.
    fn end(&self, end: &End) -> String;
}

/// Shows only how a run starts: between its cycles, the monitor speaks.
#[derive(Clone, Copy, Debug)]
pub struct Quiet;

impl Show for Quiet {
    fn start(&self, start: &Start) -> String {
        format!("{start}\n")
    }

    fn cycle(&self, _: &CycleReport) -> String {
        String::new()
    }

    fn failed(&self, _: u64, _: &HvError) -> String {
        String::new()
    }

    fn end(&self, _: &End) -> String {
        String::new()
    }
}

impl std::fmt::Display for Start {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{}: profile {} on {} every {} s",
            self.program,
            self.profile,
            self.uri,
            self.interval.as_secs_f64()
        )?;
        if let Some(seed) = self.seed {
            write!(f, ", seed {seed}")?;
        }
        if let Some(config) = &self.config {
            write!(f, ", config {config}")?;
        }
        if self.algorithm != "cloudlot" {
            write!(f, ", algorithm {}", self.algorithm)?;
        }
        match self.mode {
            "act" => Ok(()),
            mode => write!(f, ", {mode}: nothing is changed"),
        }
    }
}
