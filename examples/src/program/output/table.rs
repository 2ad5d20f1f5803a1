//! The table for people: a few lines a cycle.

use super::bars::Style;
use super::names::{domain, place, printable, vcpu};
use super::{End, Show, Start};
use cloudlot_core::Bytes;
use cloudlot_hv::{
    CpuPicture, CycleReport, DomainId, GuestPicture, HostStep, HvError, MemoryPicture, Outcome,
    PcpuPicture, Picture, PlannedStep, RestoreReport,
};
use std::fmt::Write;

/// Shows cycles as tables.
#[derive(Clone, Copy, Debug)]
pub struct Table {
    /// What the output can show.
    pub style: Style,
    /// Whether to show what decisions rest on.
    pub explain: bool,
}

/// Above so many pCPUs, four share a line.
const PCPU_LINES: usize = 16;

impl Show for Table {
    fn start(&self, start: &Start) -> String {
        format!("{}\n", self.style.strong(&start.to_string()))
    }

    fn cycle(&self, report: &CycleReport) -> String {
        let seconds = report.at.as_secs_f64();
        let mut text = format!("cycle {}  {seconds:.1} s  ", report.number);
        match &report.plan.picture {
            _ if report.names.is_empty() => text.push_str("no domains, waiting\n"),
            Picture::Blind => text.push_str("watching, too little is known to act\n"),
            Picture::Cpu(picture) => self.cpu(&mut text, report, picture),
            Picture::Memory(picture) => self.memory(&mut text, report, picture),
        }
        for (planned, outcome) in report.plan.steps.iter().zip(&report.outcomes) {
            text += &self.step(report, planned, outcome);
        }
        for note in &report.plan.notes {
            text += &format!("  note: {}\n", printable(note));
        }
        text
    }

    fn failed(&self, number: u64, error: &HvError) -> String {
        format!("cycle {number}  {}\n", printable(&error.to_string()))
    }

    fn end(&self, end: &End) -> String {
        let mut text = self.style.strong(&end.tally.to_string());
        text.push('\n');
        text += &restored(&end.restored);
        text
    }
}

impl Table {
    fn cpu(&self, text: &mut String, report: &CycleReport, picture: &CpuPicture) {
        let moved = match picture.migrations {
            0 => String::new(),
            1 => "  1 migration".to_owned(),
            count => format!("  {count} migrations"),
        };
        let spread = format!("spread {}", change(picture.spread, picture.spread_after));
        text.push_str(&self.style.strong(&format!("{spread} points")));
        text.push_str(&moved);
        if self.explain && report.plan.steps.is_empty() {
            text.push_str(if picture.triggered {
                "  (out of balance; waiting, or nothing better to be had)"
            } else {
                "  (not out of balance)"
            });
        }
        text.push('\n');
        let cells = picture
            .pcpus
            .iter()
            .map(|pcpu| self.pcpu(report, pcpu))
            .collect::<Vec<String>>();
        let few = cells.len() <= PCPU_LINES || self.explain;
        for line in cells.chunks(if few { 1 } else { 4 }) {
            text.push_str(line.concat().trim_end());
            text.push('\n');
        }
    }

    fn pcpu(&self, report: &CycleReport, pcpu: &PcpuPicture) -> String {
        let bar = self.style.bar(pcpu.load, 20);
        let id = pcpu.id.number();
        let mut cell = format!("  pcpu {id:>3} {bar} {:>4} %", percent(pcpu.load));
        if self.explain {
            let names: Vec<String> = pcpu.vcpus.iter().map(|id| vcpu(report, *id)).collect();
            cell += &format!(" -> {:>4} %  {}", percent(pcpu.load_after), names.join(" "));
        }
        cell
    }

    fn memory(&self, text: &mut String, report: &CycleReport, picture: &MemoryPicture) {
        let host = format!(
            "host {} MiB available, reserve {}, in flight {}: {}",
            mib(picture.available),
            mib(picture.reserve),
            mib(picture.in_flight),
            picture.state
        );
        text.push_str(&self.style.strong(&host));
        if self.explain && report.plan.steps.is_empty() {
            text.push_str("  (every target stands)");
        }
        text.push('\n');
        let names: Vec<String> = picture
            .guests
            .iter()
            .map(|guest| printable(&guest.name))
            .collect();
        let width = names.iter().map(|name| name.chars().count()).max();
        let width = width.unwrap_or(0).clamp(5, 32);
        writeln!(
            text,
            "  {:width$}  actual    used    need  target  held",
            "MiB"
        )
        .expect("a string takes every text");
        for (name, guest) in names.iter().zip(&picture.guests) {
            text.push_str(guest_row(name, width, guest).trim_end());
            text.push('\n');
        }
    }

    fn step(&self, report: &CycleReport, planned: &PlannedStep, outcome: &Outcome) -> String {
        let what = match &planned.step {
            HostStep::Pin { vcpu: id, to } => {
                let from = match &report.plan.picture {
                    Picture::Cpu(picture) => place(picture, *id),
                    _ => None,
                };
                let from = from.map_or_else(|| "?".to_owned(), |id| id.number().to_string());
                format!("pin {}  {from} -> {to}", vcpu(report, *id))
            }
            HostStep::SetMemory { domain: id, target } => {
                let name = domain(report, *id);
                let from = had(report, *id).map_or_else(|| "?".to_owned(), mib);
                format!("memory {name}  {from} -> {} MiB", mib(*target))
            }
            HostStep::SetStatsPeriod { domain: id, period } => {
                format!(
                    "statistics {}  every {} s",
                    domain(report, *id),
                    period.as_secs()
                )
            }
        };
        let fate = match outcome {
            Outcome::Done => String::new(),
            Outcome::NotAsked => " [planned only]".to_owned(),
            Outcome::Skipped => " [skipped]".to_owned(),
            Outcome::Failed(error) => format!(" [failed: {}]", printable(&error.to_string())),
        };
        let why = printable(&planned.why);
        format!("  {what}{fate}  {why}\n")
    }
}

/// What came of restoring, for people; empty if there was nothing to restore.
pub(in crate::program) fn restored(report: &RestoreReport) -> String {
    let mut text = String::new();
    if report.restored > 0 {
        text += &format!("restored {} settings\n", report.restored);
    }
    for left in &report.left {
        text += &format!("not restored: {}\n", printable(left));
    }
    text
}

/// What a guest has, in the planner's eyes.
fn had(report: &CycleReport, id: DomainId) -> Option<Bytes> {
    let Picture::Memory(picture) = &report.plan.picture else {
        return None;
    };
    let guest = picture.guests.iter().find(|guest| guest.id == id);
    guest.map(|guest| guest.actual)
}

fn guest_row(name: &str, width: usize, guest: &GuestPicture) -> String {
    let used = guest.used.map_or_else(|| "?".to_owned(), mib);
    format!(
        "  {name:width$}  {:>6}  {used:>6}  {:>6}  {:>6}  {}",
        mib(guest.actual),
        mib(guest.need),
        mib(guest.target),
        printable(&guest.held)
    )
}

fn change(before: f64, after: f64) -> String {
    let (before, after) = (format!("{before:.1}"), format!("{after:.1}"));
    if before == after {
        before
    } else {
        format!("{before} -> {after}")
    }
}

fn percent(load: f64) -> String {
    format!("{:.0}", load * 100.0)
}

/// Whole MiB, the nearest.
fn mib(bytes: Bytes) -> String {
    format!("{:.0}", bytes.as_mib_f64())
}
