//! One JSON object a line, for programs. The keys are a promise: they are described in the
//! README beside the programs, do not follow renames inside, and only grow.

use super::names::place;
use super::{End, Show, Start};
use crate::program::tally::Extremes;
use cloudlot_core::Bytes;
use cloudlot_hv::{
    CpuPicture, CpuSet, CycleReport, DomainId, HostState, HostStep, HvError, MemoryPicture,
    Outcome, PcpuId, Picture, PlannedStep, VcpuId,
};
use serde::Serialize;

/// Shows a run as JSON lines.
#[derive(Clone, Copy, Debug)]
pub struct Json;

impl Show for Json {
    fn start(&self, start: &Start) -> String {
        line(&Line::Start {
            program: start.program,
            profile: start.profile,
            config: start.config.as_deref(),
            algorithm: start.algorithm,
            uri: &start.uri,
            seed: start.seed,
            interval_s: start.interval.as_secs_f64(),
            mode: start.mode,
        })
    }

    fn cycle(&self, report: &CycleReport) -> String {
        let (cpu, memory) = match &report.plan.picture {
            Picture::Blind => (None, None),
            Picture::Cpu(picture) => (Some(Cpu::of(report, picture)), None),
            Picture::Memory(picture) => (None, Some(Memory::of(picture))),
        };
        let steps = report.plan.steps.iter().zip(&report.outcomes);
        line(&Line::Cycle {
            cycle: report.number,
            at_s: Some(report.at.as_secs_f64()),
            error: None,
            domains: report.names.len(),
            cpu,
            memory,
            steps: steps
                .map(|(planned, outcome)| Step::of(report, planned, outcome))
                .collect(),
            notes: &report.plan.notes,
        })
    }

    fn failed(&self, number: u64, error: &HvError) -> String {
        line(&Line::Cycle {
            cycle: number,
            at_s: None,
            error: Some(error.to_string()),
            domains: 0,
            cpu: None,
            memory: None,
            steps: Vec::new(),
            notes: &[],
        })
    }

    fn end(&self, end: &End) -> String {
        let tally = &end.tally;
        line(&Line::End {
            cycles: tally.cycles,
            failed_cycles: tally.failed,
            pins: tally.pins,
            migrations: tally.migrations,
            memory_steps: tally.memory_steps,
            spread: tally.spread,
            available_bytes: tally.available,
            restored: end.restored.restored,
            left: &end.restored.left,
        })
    }
}

#[derive(Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
enum Line<'a> {
    Start {
        program: &'a str,
        profile: &'a str,
        config: Option<&'a str>,
        algorithm: &'a str,
        uri: &'a str,
        seed: Option<u64>,
        interval_s: f64,
        mode: &'a str,
    },
    Cycle {
        cycle: u64,
        at_s: Option<f64>,
        error: Option<String>,
        domains: usize,
        cpu: Option<Cpu<'a>>,
        memory: Option<Memory<'a>>,
        steps: Vec<Step<'a>>,
        notes: &'a [String],
    },
    End {
        cycles: u64,
        failed_cycles: u64,
        pins: u64,
        migrations: u64,
        memory_steps: u64,
        spread: Option<Extremes<f64>>,
        available_bytes: Option<Extremes<Bytes>>,
        restored: usize,
        left: &'a [String],
    },
}

#[derive(Serialize)]
struct Cpu<'a> {
    spread: f64,
    spread_after: f64,
    triggered: bool,
    migrations: usize,
    pcpus: Vec<Pcpu<'a>>,
}

#[derive(Serialize)]
struct Pcpu<'a> {
    id: PcpuId,
    load: f64,
    load_after: f64,
    vcpus: Vec<Vcpu<'a>>,
}

#[derive(Serialize)]
struct Vcpu<'a> {
    domain: DomainId,
    name: &'a str,
    vcpu: u32,
}

#[derive(Serialize)]
struct Memory<'a> {
    available_bytes: Bytes,
    reserve_bytes: Bytes,
    in_flight_bytes: Bytes,
    state: HostState,
    guests: Vec<Guest<'a>>,
}

#[derive(Serialize)]
struct Guest<'a> {
    domain: DomainId,
    name: &'a str,
    actual_bytes: Bytes,
    used_bytes: Option<Bytes>,
    need_bytes: Bytes,
    target_bytes: Bytes,
    held: Option<&'a str>,
}

#[derive(Serialize)]
struct Step<'a> {
    step: &'static str,
    domain: DomainId,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    vcpu: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from_pcpu: Option<PcpuId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to_cpus: Option<&'a CpuSet>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target_bytes: Option<Bytes>,
    #[serde(skip_serializing_if = "Option::is_none")]
    period_s: Option<u64>,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    why: &'a str,
}

impl<'a> Cpu<'a> {
    fn of(report: &'a CycleReport, picture: &CpuPicture) -> Self {
        let vcpu = |id: &VcpuId| Vcpu {
            domain: id.domain,
            name: name(report, id.domain),
            vcpu: id.index,
        };
        let pcpus = picture.pcpus.iter().map(|pcpu| Pcpu {
            id: pcpu.id,
            load: pcpu.load,
            load_after: pcpu.load_after,
            vcpus: pcpu.vcpus.iter().map(vcpu).collect(),
        });
        Self {
            spread: picture.spread,
            spread_after: picture.spread_after,
            triggered: picture.triggered,
            migrations: picture.migrations,
            pcpus: pcpus.collect(),
        }
    }
}

impl<'a> Memory<'a> {
    fn of(picture: &'a MemoryPicture) -> Self {
        let guests = picture.guests.iter().map(|guest| Guest {
            domain: guest.id,
            name: &guest.name,
            actual_bytes: guest.actual,
            used_bytes: guest.used,
            need_bytes: guest.need,
            target_bytes: guest.target,
            held: Some(guest.held.as_str()).filter(|held| !held.is_empty()),
        });
        Self {
            available_bytes: picture.available,
            reserve_bytes: picture.reserve,
            in_flight_bytes: picture.in_flight,
            state: picture.state,
            guests: guests.collect(),
        }
    }
}

impl<'a> Step<'a> {
    fn of(report: &'a CycleReport, planned: &'a PlannedStep, outcome: &Outcome) -> Self {
        let domain = planned.step.domain();
        let (outcome, error) = match outcome {
            Outcome::Done => ("done", None),
            Outcome::NotAsked => ("planned", None),
            Outcome::Skipped => ("skipped", None),
            Outcome::Failed(error) => ("failed", Some(error.to_string())),
        };
        let mut step = Self {
            step: "",
            domain,
            name: name(report, domain),
            vcpu: None,
            from_pcpu: None,
            to_cpus: None,
            target_bytes: None,
            period_s: None,
            outcome,
            error,
            why: &planned.why,
        };
        match &planned.step {
            HostStep::Pin { vcpu, to } => {
                step.step = "pin";
                step.vcpu = Some(vcpu.index);
                step.to_cpus = Some(to);
                if let Picture::Cpu(picture) = &report.plan.picture {
                    step.from_pcpu = place(picture, *vcpu);
                }
            }
            HostStep::SetMemory { target, .. } => {
                step.step = "set-memory";
                step.target_bytes = Some(*target);
            }
            HostStep::SetStatsPeriod { period, .. } => {
                step.step = "set-stats-period";
                step.period_s = Some(period.as_secs());
            }
        }
        step
    }
}

fn name(report: &CycleReport, domain: DomainId) -> &str {
    report.names.get(&domain).map_or("", String::as_str)
}

fn line(value: &Line<'_>) -> String {
    let mut text = serde_json::to_string(value).expect("numbers, texts and lists become JSON");
    text.push('\n');
    text
}
