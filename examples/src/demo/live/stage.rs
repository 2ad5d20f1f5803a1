//! A laboratory with an observer in it: plays a program's run second by second and records it.

use super::LiveError;
use super::child::Child;
use super::progress::Progress;
use crate::demo::report::Recording;
use crate::demo::scenario::{self, INTERVAL, Machine, Times};
use crate::demo::trace::Recorder;
use crate::lab::{Guest, Lab, LabError};
use crate::program::Program;
use crate::program::signals::Signals;
use cloudlot_core::{Bytes, Clock, SystemClock, Timestamp};
use cloudlot_hv::libvirt::{Access, Libvirt};
use cloudlot_hv::{HostSample, HvError, Hypervisor};
use std::sync::Arc;
use std::time::Duration;

/// How the laboratory's domains are called before their guests' names.
const PREFIX: &str = "cloudlot-lab-";

/// Something that is done to a guest while a program runs.
pub(super) struct Cue<'a> {
    /// When; what was planned becomes what was.
    pub(super) at: fn(&mut Times) -> &mut Timestamp,
    /// What.
    pub(super) act: Box<dyn Fn() -> Result<(), LabError> + 'a>,
}

/// See the [module](self). Dropping it ends the laboratory.
pub(super) struct Stage<'a> {
    host: Libvirt,
    clock: SystemClock,
    signals: Signals,
    progress: &'a Progress,
    lab: Lab,
}

impl<'a> Stage<'a> {
    pub(super) fn open(lab: Lab, progress: &'a Progress) -> Result<Self, LiveError> {
        let clock = SystemClock::start();
        let waker = clock.clone();
        let signals = Signals::listen(move || waker.interrupt())?;
        let host = Libvirt::open(lab.uri(), Access::ReadOnly, Arc::new(clock.clone()))?;
        Ok(Self {
            host,
            clock,
            signals,
            progress,
            lab,
        })
    }

    /// The machine, with what the host uses beside the guests as it is now.
    pub(super) fn machine(
        &mut self,
        guests: &'static [scenario::Guest],
    ) -> Result<Machine, LiveError> {
        let sample = self.host.sample()?;
        let pcpus = sample.pcpus.iter().filter(|pcpu| pcpu.usable).count();
        let memory = sample
            .memory
            .ok_or_else(|| HvError::Unsupported("the host's memory is not told".to_owned()))?;
        let balloons = sample.domains.iter().filter_map(|it| it.balloon.as_ref());
        let held: Bytes = balloons.map(|balloon| balloon.actual).sum();
        Ok(Machine {
            guests,
            pcpus: u32::try_from(pcpus).unwrap_or(u32::MAX),
            memory: memory.total,
            used: memory
                .total
                .saturating_sub(memory.available)
                .saturating_sub(held),
        })
    }

    /// The number of the first pCPU that guests may use.
    pub(super) fn first_pcpu(&mut self) -> Result<String, LiveError> {
        let sample = self.host.sample()?;
        let first = sample.pcpus.iter().find(|pcpu| pcpu.usable);
        let first =
            first.ok_or_else(|| HvError::Unsupported("no pCPU is for guests".to_owned()))?;
        Ok(first.id.number().to_string())
    }

    /// Pins a vCPU as an administrator would; `r` lets it float.
    pub(super) fn pin(&self, guest: &Guest, vcpu: u32, cpus: &str) -> Result<(), LabError> {
        let (domain, vcpu) = (guest.domain(), vcpu.to_string());
        let arguments = ["vcpupin", &domain, &vcpu, cpus, "--live"];
        self.lab.virsh().run(&arguments).map(|_| ())
    }

    /// Records a run of `program`, from before its start until its end.
    pub(super) fn record(
        &mut self,
        program: Program,
        planned: &Times,
        cues: &[Cue<'_>],
    ) -> Result<Recording, LiveError> {
        let name = program.name();
        self.progress.say(&format!("{name}: observing how it is"));
        let began = self.clock.now();
        let now = |clock: &SystemClock| Timestamp::ZERO + clock.now().since(began);
        let mut times = *planned;
        let mut recorder = Recorder::new(began, PREFIX);
        let mut cues = cues.iter().peekable();
        let mut child: Option<Child> = None;
        loop {
            let sample = self.host.sample()?;
            recorder.observe(&sample);
            if let Some(child) = &mut child {
                child.deeds().for_each(|deed| recorder.note(deed));
                child.must_be_alive()?;
            }
            self.show(&sample, &recorder, now(&self.clock), &times);
            if now(&self.clock) >= times.end {
                break;
            }
            if child.is_none() && now(&self.clock) >= times.start {
                times.start = now(&self.clock);
                child = Some(self.start(program)?);
            }
            let due = |cue: &&Cue<'_>| *(cue.at)(&mut times.clone()) <= now(&self.clock);
            if let Some(cue) = cues.next_if(due) {
                *(cue.at)(&mut times) = now(&self.clock);
                (cue.act)()?;
            }
            let next = self
                .clock
                .now()
                .next_multiple(began, Duration::from_secs(1));
            self.clock.sleep_until(next);
            if self.signals.stop() {
                // Dropping the child lets it put everything back.
                return Err(LiveError::Interrupted);
            }
        }
        if let Some(child) = child {
            let restored = child.end()?;
            self.progress.say(&format!(
                "{name}: ended on request, {restored} settings put back"
            ));
        }
        Ok(Recording {
            trace: recorder.finish(),
            times,
        })
    }

    fn start(&self, program: Program) -> Result<Child, LiveError> {
        let seconds = INTERVAL.as_secs_f64();
        self.progress.say(&format!(
            "{} {seconds} --profile course --connect {}",
            program.name(),
            self.lab.uri()
        ));
        let state = self.lab.folder().join("state");
        Child::start(program, self.lab.uri(), &state, &self.clock)
    }

    fn show(&self, sample: &HostSample, recorder: &Recorder, at: Timestamp, times: &Times) {
        let Some(point) = recorder.trace().points.last() else {
            return;
        };
        let deeds = &recorder.trace().deeds;
        let pins: u64 = deeds.iter().map(|deed| deed.pins).sum();
        let targets: u64 = deeds.iter().map(|deed| deed.targets).sum();
        let usage = point.pcpus.iter().map(|(_, usage)| format!("{usage:.0}"));
        let held: Bytes = point.guests.iter().map(|guest| guest.actual).sum();
        self.progress.tick(&format!(
            "{:3.0} of {:.0} s: {} guests, pCPUs at {} %, {pins} pins; guests have {} MiB, {targets} targets",
            at.as_secs_f64(),
            times.end.as_secs_f64(),
            sample.domains.len(),
            usage.collect::<Vec<_>>().join(" "),
            held.whole_mib(),
        ));
    }
}
