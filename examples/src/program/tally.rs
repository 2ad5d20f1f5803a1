//! What a run's cycles come to.

use cloudlot_core::Bytes;
use cloudlot_hv::{CycleReport, HostStep, Picture};
use serde::Serialize;
use std::fmt;

/// Counts of what was done, and the figures that a run is judged by.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Tally {
    /// Cycles that saw their host.
    pub cycles: u64,
    /// Cycles that did not.
    pub failed: u64,
    /// Masks written.
    pub pins: u64,
    /// vCPUs that a plan moved to another pCPU.
    pub migrations: u64,
    /// Balloon targets set.
    pub memory_steps: u64,
    /// Spread of pCPU loads in points.
    pub spread: Option<Extremes<f64>>,
    /// Memory that the host could still give.
    pub available: Option<Extremes<Bytes>>,
}

/// A figure over a run.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Extremes<T> {
    /// In the first cycle that knew it.
    pub first: T,
    /// In the last.
    pub last: T,
    /// The least.
    pub least: T,
    /// The most.
    pub most: T,
}

impl<T: Copy + PartialOrd> Extremes<T> {
    fn with(so_far: Option<Self>, value: T) -> Option<Self> {
        Some(match so_far {
            None => Self {
                first: value,
                last: value,
                least: value,
                most: value,
            },
            Some(known) => Self {
                first: known.first,
                last: value,
                least: if value < known.least {
                    value
                } else {
                    known.least
                },
                most: if value > known.most {
                    value
                } else {
                    known.most
                },
            },
        })
    }
}

impl Tally {
    /// Takes a cycle in.
    pub fn observe(&mut self, report: &CycleReport) {
        self.cycles += 1;
        let mut pins = 0;
        for step in report.done() {
            match step {
                HostStep::Pin { .. } => pins += 1,
                HostStep::SetMemory { .. } => self.memory_steps += 1,
                HostStep::SetStatsPeriod { .. } => {}
            }
        }
        self.pins += pins;
        match &report.plan.picture {
            Picture::Blind => {}
            Picture::Cpu(picture) => {
                self.spread = Extremes::with(self.spread, picture.spread);
                // Never more than what was carried out.
                let planned = u64::try_from(picture.migrations).unwrap_or(u64::MAX);
                self.migrations += planned.min(pins);
            }
            Picture::Memory(picture) => {
                self.available = Extremes::with(self.available, picture.available);
            }
        }
    }

    /// Takes a cycle in that did not see its host.
    pub fn observe_failure(&mut self) {
        self.failed += 1;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} cycles", self.cycles)?;
        if self.failed > 0 {
            write!(f, ", {} more failed", self.failed)?;
        }
        if let Some(spread) = self.spread {
            write!(
                f,
                ": spread at most {:.1}, at the end {:.1} points, {} pins, {} migrations",
                spread.most, spread.last, self.pins, self.migrations
            )?;
        }
        if let Some(available) = self.available {
            write!(
                f,
                ": host available at least {:.0}, at the end {:.0} MiB, {} balloon targets set",
                available.least.as_mib_f64(),
                available.last.as_mib_f64(),
                self.memory_steps
            )?;
        }
        Ok(())
    }
}
