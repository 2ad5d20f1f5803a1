//! The demonstration on real guests: a laboratory, its guests, and the programs themselves.
//!
//! The programs are the built binaries, started as anybody would; what they do is read from
//! their JSON lines. What becomes of the host is seen over a read-only connection of our own.

mod child;
mod progress;
mod stage;

use super::report::{Ground, Run};
use super::scenario::{self, EATER, GUEST_MAX, GUEST_START, MEAL, MEAL_PER_SECOND, Machine, Times};
use super::simulate::Algorithm;
use crate::lab::{Guest, GuestSpec, Lab, LabError};
use crate::program::Program;
use cloudlot_hv::HvError;
use progress::Progress;
use stage::{Cue, Stage};
use std::io;

/// Why there is no run on real guests.
#[derive(Debug, thiserror::Error)]
pub(super) enum LiveError {
    /// This machine, or this build, cannot run any.
    #[error("{0}")]
    Impossible(String),
    /// The user asked for an end.
    #[error("interrupted; programs, guests and daemon are gone")]
    Interrupted,
    /// A guest or the laboratory failed after all was up.
    #[error("laboratory: {0}")]
    Lab(#[from] LabError),
    /// The private libvirtd does not answer.
    #[error("private libvirtd: {0}")]
    Host(#[from] HvError),
    /// A program did not do what it is for.
    #[error("{0}")]
    Program(String),
    /// Something of this machine.
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// A run on real guests, and the machine it was on.
pub(super) fn run(times: &Times) -> Result<(Run, Machine), LiveError> {
    let progress = Progress::new();
    // Until here nothing of ours needs putting right, and the laboratory ends with this process:
    // the stage is what listens to signals.
    let pcpus = std::thread::available_parallelism().map_or(1, usize::from);
    let cast = scenario::guests(u32::try_from(pcpus).unwrap_or(u32::MAX));
    let (lab, guests) =
        boot(cast, &progress).map_err(|error| LiveError::Impossible(causes(&error)))?;
    let mut stage = Stage::open(lab, &progress)?;
    let machine = stage.machine(cast)?;
    let first = stage.first_pcpu()?;
    for (guest, plan) in guests.iter().zip(cast) {
        for vcpu in 0..plan.vcpus {
            stage.pin(guest, vcpu, &first)?;
        }
        guest.burn(plan.vcpus)?;
    }
    let cpu = stage.record(Program::VcpuScheduler, times, &[])?;
    for (guest, plan) in guests.iter().zip(cast) {
        guest.burn(0)?;
        for vcpu in 0..plan.vcpus {
            stage.pin(guest, vcpu, "r")?;
        }
    }
    let memory = stage.record(Program::MemoryCoordinator, times, &cues(&guests))?;
    let run = Run {
        algorithm: Algorithm::Cloudlot,
        ground: Ground::RealGuests,
        cpu,
        memory,
    };
    Ok((run, machine))
}

fn boot(cast: &[scenario::Guest], progress: &Progress) -> Result<(Lab, Vec<Guest>), LabError> {
    progress.say("starting a libvirtd of our own");
    let lab = Lab::start()?;
    progress.say(&format!(
        "booting {} guests under emulation (half a minute on an idle machine)",
        cast.len()
    ));
    let guests = lab.boot(cast.iter().map(|guest| GuestSpec {
        vcpus: guest.vcpus,
        memory_max: GUEST_MAX,
        memory: GUEST_START,
        stats_period_s: Some(1),
        ..GuestSpec::new(guest.name)
    }))?;
    progress.say("all guests are up");
    Ok((lab, guests))
}

fn cues(guests: &[Guest]) -> Vec<Cue<'_>> {
    let eater = guests.iter().filter(|guest| guest.spec().name == EATER);
    eater
        .flat_map(|eater| {
            [
                Cue {
                    at: |times| &mut times.eat,
                    act: Box::new(|| eater.eat_steadily(MEAL, MEAL_PER_SECOND)),
                },
                Cue {
                    at: |times| &mut times.free,
                    act: Box::new(|| eater.free()),
                },
            ]
        })
        .collect()
}

fn causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}
