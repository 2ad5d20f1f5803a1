//! The demonstration on a simulated host, in virtual time.

use super::scenario::{self, INTERVAL, Machine, Times};
use super::trace::{Deed, Recorder, Trace};
use cloudlot_core::{Clock, ManualClock, Seeds, Timestamp};
use cloudlot_hv::fake::{FakeHost, HostSpec, SpecError};
use cloudlot_hv::former::{FormerCpu, FormerMemory};
use cloudlot_hv::memory::{MemoryConfig, MemoryConfigError, MemoryController};
use cloudlot_hv::pins::{PinConfig, PinConfigError, PinController};
use cloudlot_hv::{Controller, Cycle, CycleReport, HostStep, HvError, Hypervisor, Mode, Picture};
use std::time::Duration;

/// Which algorithm decides.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Algorithm {
    /// Ours, with the parameters of the profile `course`.
    Cloudlot,
    /// What it replaces.
    Former,
}

/// Why a simulation did not take place.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum SimulationError {
    /// The host makes no sense.
    #[error("the simulated host: {0}")]
    Spec(#[from] SpecError),
    /// The parameters of the vCPU planner make no sense.
    #[error("the profile: {0}")]
    Pins(#[from] PinConfigError),
    /// The parameters of the memory planner make no sense.
    #[error("the profile: {0}")]
    Memory(#[from] MemoryConfigError),
    /// The host does not answer.
    #[error("the simulated host: {0}")]
    Host(#[from] HvError),
}

/// The first half: busy vCPUs.
///
/// # Errors
/// None that a [`Machine`] with at least one pCPU and enough memory could cause.
pub fn cpu(
    algorithm: Algorithm,
    machine: &Machine,
    times: &Times,
    seeds: Seeds,
) -> Result<Trace, SimulationError> {
    let controller: Box<dyn Controller> = match algorithm {
        Algorithm::Cloudlot => Box::new(PinController::new(PinConfig::course(), INTERVAL)?),
        Algorithm::Former => Box::new(FormerCpu::default()),
    };
    record(scenario::cpu(machine), controller, times, seeds)
}

/// The second half: a guest that eats memory.
///
/// # Errors
/// As [`cpu`].
pub fn memory(
    algorithm: Algorithm,
    machine: &Machine,
    times: &Times,
    seeds: Seeds,
) -> Result<Trace, SimulationError> {
    let controller: Box<dyn Controller> = match algorithm {
        Algorithm::Cloudlot => {
            let config = MemoryConfig::course().every(INTERVAL);
            Box::new(MemoryController::new(config)?)
        }
        Algorithm::Former => Box::new(FormerMemory::new()),
    };
    record(scenario::memory(machine, times), controller, times, seeds)
}

/// Observes a host once a second while a controller works on it.
fn record(
    spec: HostSpec,
    controller: Box<dyn Controller>,
    times: &Times,
    seeds: Seeds,
) -> Result<Trace, SimulationError> {
    let clock = ManualClock::default();
    let host = FakeHost::new(spec, seeds, clock.clone())?;
    let mut cycle = Cycle::new(host, controller, Vec::new(), Mode::Act, Vec::new());
    let mut recorder = Recorder::new(Timestamp::ZERO, "");
    let mut next_turn = times.start;
    loop {
        let now = clock.now();
        recorder.observe(&cycle.host().sample()?);
        if now >= times.end {
            return Ok(recorder.finish());
        }
        if now >= next_turn {
            recorder.note(deed(&cycle.turn()?));
            next_turn = next_turn + INTERVAL;
        }
        clock.sleep_until(now + Duration::from_secs(1));
    }
}

fn deed(report: &CycleReport) -> Deed {
    let count = |wanted: fn(&HostStep) -> bool| {
        let steps = report.done().filter(|step| wanted(step));
        steps.fold(0, |count, _| count + 1)
    };
    let pins = count(|step| matches!(step, HostStep::Pin { .. }));
    let migrations = match &report.plan.picture {
        Picture::Cpu(picture) => u64::try_from(picture.migrations).unwrap_or(u64::MAX),
        _ => 0,
    };
    Deed {
        at: report.at,
        pins,
        migrations: migrations.min(pins),
        targets: count(|step| matches!(step, HostStep::SetMemory { .. })),
    }
}
