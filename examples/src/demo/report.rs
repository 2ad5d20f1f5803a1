//! The figures of all runs side by side: a table for people, an object for programs.

use super::figures::{Change, CpuFigures, MemoryFigures};
use super::scenario::{EATER, Guest, MEAL, Times};
use super::simulate::Algorithm;
use super::trace::Trace;
use cloudlot_core::Bytes;
use serde::Serialize;
use std::fmt::{self, Write};

/// What a run was observed on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ground {
    /// Guests under an emulator.
    RealGuests,
    /// A simulation of them.
    Simulated,
}

/// A trace, and when what happened in it.
#[derive(Clone, PartialEq, Debug)]
pub struct Recording {
    /// What was seen.
    pub trace: Trace,
    /// When what happened.
    pub times: Times,
}

/// Both programs at work.
#[derive(Clone, PartialEq, Debug)]
pub struct Run {
    /// Who decided.
    pub algorithm: Algorithm,
    /// On what.
    pub ground: Ground,
    /// The first half: busy vCPUs.
    pub cpu: Recording,
    /// The second half: a guest that eats memory.
    pub memory: Recording,
}

impl Run {
    /// Who decided on what, for people.
    #[must_use]
    pub fn title(&self) -> [&'static str; 2] {
        let algorithm = match self.algorithm {
            Algorithm::Cloudlot => "CloudLot",
            Algorithm::Former => "former",
        };
        let ground = match self.ground {
            Ground::RealGuests => "real guests",
            Ground::Simulated => "simulated",
        };
        [algorithm, ground]
    }
}

/// The figures of one run.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Figures {
    #[serde(skip)]
    title: [&'static str; 2],
    /// Who decided.
    pub algorithm: &'static str,
    /// On what.
    pub host: Ground,
    /// The first half.
    pub cpu: CpuFigures,
    /// The second half.
    pub memory: MemoryFigures,
}

impl Figures {
    /// The figures of a run; `None` if it is too short to have any.
    #[must_use]
    pub fn of(run: &Run) -> Option<Self> {
        Some(Self {
            title: run.title(),
            algorithm: match run.algorithm {
                Algorithm::Cloudlot => "cloudlot",
                Algorithm::Former => "former",
            },
            host: run.ground,
            cpu: CpuFigures::of(&run.cpu.trace, &run.cpu.times)?,
            memory: MemoryFigures::of(&run.memory.trace, &run.memory.times, EATER)?,
        })
    }
}

/// A table with a column for each run.
#[derive(Clone, Copy, Debug)]
pub struct Table<'a> {
    /// The guests of all runs.
    pub guests: &'a [Guest],
    /// The figures of each run.
    pub figures: &'a [Figures],
}

/// Widths of the names and of each run's figures.
const NAMES: usize = 38;
const COLUMN: usize = 17;

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.line(f, "", |figures| figures.title[0].to_owned())?;
        self.line(f, "", |figures| figures.title[1].to_owned())?;
        self.cpu(f)?;
        self.memory(f)
    }
}

impl Table<'_> {
    fn cpu(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let vcpus: u32 = self.guests.iter().map(|guest| guest.vcpus).sum();
        writeln!(
            f,
            "CPU: {vcpus} busy vCPUs of {} guests, all on pCPU 0",
            self.guests.len()
        )?;
        let line = |f: &mut fmt::Formatter<'_>, name, cell: fn(&CpuFigures) -> String| {
            self.line(f, name, |figures| cell(&figures.cpu))
        };
        line(f, "spread of pCPU usage, points", |cpu| {
            numbers(&cpu.spread, 1)
        })?;
        line(f, "busiest pCPU, %", |cpu| numbers(&cpu.busiest, 0))?;
        line(f, "CPU time that guests get, cores", |cpu| {
            numbers(&cpu.cores, 2)
        })?;
        line(f, "balanced after, s", |cpu| {
            cpu.balanced_after_s.map_or("never".to_owned(), seconds)
        })?;
        line(f, "pins written", |cpu| cpu.pins.to_string())?;
        line(f, "vCPUs moved", |cpu| cpu.migrations.to_string())?;
        line(f, "pins written after balance", |cpu| {
            cpu.late_pins.to_string()
        })
    }

    fn memory(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "Memory: {EATER} eats {} MiB and frees them",
            MEAL.whole_mib()
        )?;
        let line = |f: &mut fmt::Formatter<'_>, name, cell: fn(&MemoryFigures) -> String| {
            self.line(f, name, |figures| cell(&figures.memory))
        };
        line(f, "guests have, MiB", |memory| amounts(&memory.held_bytes))?;
        line(f, "of it unused, MiB", |memory| {
            amounts(&memory.unused_bytes)
        })?;
        line(f, "host can give, MiB", |memory| {
            known(memory.available_bytes.as_ref().map(amounts))
        })?;
        line(f, "host can give at least, MiB", |memory| {
            known(memory.available_least_bytes.map(mib))
        })?;
        line(f, "least unused in any guest, MiB", |memory| {
            known(memory.unused_least_bytes.map(mib))
        })?;
        line(f, "most unused in the eating guest, MiB", |memory| {
            known(memory.eater_unused_most_bytes.map(mib))
        })?;
        line(f, "eaten after, s", |memory| {
            memory.eaten_after_s.map_or("never".to_owned(), seconds)
        })?;
        line(f, "balloon targets set", |memory| {
            memory.targets.to_string()
        })
    }

    fn line(
        &self,
        f: &mut fmt::Formatter<'_>,
        name: &str,
        cell: impl Fn(&Figures) -> String,
    ) -> fmt::Result {
        let mut line = format!("  {name:<NAMES$}");
        for figures in self.figures {
            write!(line, "{:>COLUMN$}", cell(figures))?;
        }
        writeln!(f, "{}", line.trim_end())
    }
}

fn numbers(change: &Change<f64>, digits: usize) -> String {
    let Change { before, after } = change;
    format!("{before:.digits$} -> {after:.digits$}")
}

fn amounts(change: &Change<Bytes>) -> String {
    format!("{} -> {}", mib(change.before), mib(change.after))
}

fn mib(amount: Bytes) -> String {
    format!("{:.0}", amount.as_mib_f64())
}

fn seconds(seconds: f64) -> String {
    format!("{seconds:.0}")
}

fn known(text: Option<String>) -> String {
    text.unwrap_or_else(|| "not known".to_owned())
}
