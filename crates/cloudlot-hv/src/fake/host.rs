//! The simulated host as a [`Hypervisor`]: what is seen, what can be changed, and what was.
//!
//! It brings the parts up to the clock before every answer. How CPU is shared is left to `cpu.rs`.

use super::check::SpecError;
use super::cpu::Cpu;
use super::load::{Load, load_at};
use super::spec::{GuestSpec, HostSpec, VcpuSpec};
use crate::{
    Capabilities, CpuSet, DomainId, DomainSample, DomainState, HostSample, HostStep, HvError,
    Hypervisor, Original, PcpuId, PcpuSample, VcpuId, VcpuSample,
};
use cloudlot_core::{Clock, ManualClock, Seeds, Timestamp};
use std::time::Duration;

/// A simulated host; see the [module](super).
#[derive(Clone, Debug)]
pub struct FakeHost {
    spec: HostSpec,
    clock: ManualClock,
    now: Timestamp,
    /// Moments at which the specification changes something, rising; `passed` of them are done.
    schedule: Vec<Timestamp>,
    passed: usize,
    cpu: Cpu,
    /// By guest, in the order of `spec.guests`, which is by rising id.
    lives: Vec<Life>,
    calls: Vec<(Timestamp, HostStep)>,
    refusals: Vec<(Timestamp, HostStep, HvError)>,
    migrations: usize,
}

/// Which of its runs a guest is in.
#[derive(Clone, Debug, Default)]
struct Life {
    run: Option<usize>,
    /// A run that was ended before its time.
    destroyed: Option<usize>,
    /// Slot of its first vCPU; the others follow.
    first_slot: usize,
}

impl FakeHost {
    /// A host whose time is that of `clock`. It begins at the clock's epoch: what the
    /// specification says of the time before now has happened.
    ///
    /// # Errors
    /// If the specification makes no sense.
    pub fn new(mut spec: HostSpec, seeds: Seeds, clock: ManualClock) -> Result<Self, SpecError> {
        spec.check()?;
        spec.pcpus.sort_by_key(|pcpu| pcpu.id);
        spec.guests.sort_by_key(|guest| guest.id);
        for guest in &mut spec.guests {
            guest.vcpus.sort_by_key(|vcpu| vcpu.index);
        }
        let lives = spec.guests.iter().scan(0, |slot, guest| {
            let first_slot = *slot;
            *slot += guest.vcpus.len();
            Some(Life {
                first_slot,
                ..Life::default()
            })
        });
        Ok(Self {
            clock,
            now: Timestamp::ZERO,
            schedule: spec.schedule(),
            passed: 0,
            cpu: Cpu::new(&spec, seeds),
            lives: lives.collect(),
            calls: Vec::new(),
            refusals: Vec::new(),
            migrations: 0,
            spec,
        })
    }

    /// What it was made from, pCPUs, guests and vCPUs in rising order.
    #[must_use]
    pub fn spec(&self) -> &HostSpec {
        &self.spec
    }

    /// Every change that was made through [`Hypervisor::apply`], in order.
    #[must_use]
    pub fn calls(&self) -> &[(Timestamp, HostStep)] {
        &self.calls
    }

    /// Every change that was asked for and refused, in order.
    #[must_use]
    pub fn refusals(&self) -> &[(Timestamp, HostStep, HvError)] {
        &self.refusals
    }

    /// The number of masks written.
    #[must_use]
    pub fn pin_calls(&self) -> usize {
        let pin = |(_, step): &&(Timestamp, HostStep)| matches!(step, HostStep::Pin { .. });
        self.calls.iter().filter(pin).count()
    }

    /// How often a written mask made a vCPU run on another pCPU.
    #[must_use]
    pub fn migrations(&self) -> usize {
        self.migrations
    }

    /// The id of a guest of the specification, active or not.
    #[must_use]
    pub fn id_of(&self, name: &str) -> Option<DomainId> {
        let guest = self.spec.guests.iter().find(|guest| guest.name == name)?;
        Some(guest.id)
    }

    /// What a vCPU would use now if it had its pCPU for itself, in cores, with its noise: the
    /// truth that controllers estimate. `None` if it is not there.
    pub fn demand(&mut self, vcpu: VcpuId) -> Option<f64> {
        self.advance();
        let slot = self.cpu.slot(vcpu)?;
        self.cpu.is_present(slot).then(|| self.cpu.demand(slot))
    }

    /// Ends a guest's present run at once, as when somebody destroys it. `false` if it is not active.
    pub fn destroy(&mut self, domain: DomainId) -> bool {
        self.advance();
        let Some(at) = self.active(domain) else {
            return false;
        };
        self.lives[at].destroyed = self.lives[at].run;
        self.live(at);
        true
    }

    /// Lets everything happen that happens until now.
    fn advance(&mut self) {
        let until = self.clock.now();
        loop {
            let scheduled = self.schedule.get(self.passed).copied();
            let next = scheduled.into_iter().chain(self.cpu.next()).min();
            let Some(next) = next.filter(|at| *at <= until) else {
                break;
            };
            self.now = next;
            if scheduled == Some(next) {
                self.passed += 1;
                self.change_by_schedule();
            }
            self.cpu.beat(next);
        }
        self.now = until.max(self.now);
    }

    fn change_by_schedule(&mut self) {
        for (at, pcpu) in self.spec.pcpus.iter().enumerate() {
            let background = load_at(&pcpu.background, self.now);
            let usable = pcpu.usable(self.now);
            self.cpu.set_pcpu(at, usable, background, self.now);
        }
        (0..self.lives.len()).for_each(|at| self.live(at));
    }

    /// Brings one guest to what it should be doing now.
    fn live(&mut self, at: usize) {
        let guest = &self.spec.guests[at];
        let life = &mut self.lives[at];
        let due = guest.runs.iter().position(|run| run.contains(self.now));
        let run = due.filter(|_| due != life.destroyed);
        let restarted = run != life.run;
        life.run = run;
        let everywhere = || self.spec.pcpus.iter().map(|pcpu| pcpu.id).collect();
        let paused = guest.is_paused(self.now);
        for (slot, vcpu) in (life.first_slot..).zip(&guest.vcpus) {
            let wanted = run.is_some() && vcpu.plugged.contains(self.now);
            if self.cpu.is_present(slot) && (restarted || !wanted) {
                self.cpu.leave(slot, self.now);
            }
            let load = if paused {
                Load::NONE
            } else {
                load_at(&vcpu.demand, self.now)
            };
            self.cpu.set_load(slot, load, self.now);
            if wanted && !self.cpu.is_present(slot) {
                let mask = vcpu.mask.clone().unwrap_or_else(everywhere);
                self.cpu.arrive(slot, mask, self.now);
            }
        }
    }

    /// The place of an active guest.
    fn active(&self, domain: DomainId) -> Option<usize> {
        let found = |guest: &GuestSpec| guest.id.cmp(&domain);
        let at = self.spec.guests.binary_search_by(found).ok()?;
        self.lives[at].run.map(|_| at)
    }

    fn pcpu_sample(&self, at: usize) -> PcpuSample {
        let pcpu = &self.spec.pcpus[at];
        let counts = self.spec.counters.busy;
        PcpuSample {
            id: pcpu.id,
            usable: self.cpu.is_usable(at),
            core: pcpu.core,
            cache: pcpu.cache,
            node: pcpu.node,
            speed: pcpu.speed,
            busy: counts.then(|| self.in_steps(self.cpu.busy(at, self.now))),
        }
    }

    fn domain_sample(&self, at: usize) -> Option<DomainSample> {
        let (guest, life) = (&self.spec.guests[at], &self.lives[at]);
        let run = life.run?;
        let vcpus = (life.first_slot..)
            .zip(&guest.vcpus)
            .filter(|(slot, _)| self.cpu.is_present(*slot))
            .map(|(slot, vcpu)| self.vcpu_sample(slot, vcpu));
        Some(DomainSample {
            id: guest.id,
            name: guest.name.clone(),
            run: run as u64 + 1,
            state: if guest.is_paused(self.now) {
                DomainState::Paused
            } else {
                DomainState::Running
            },
            job: guest.has_job(self.now),
            rules: guest.rules.clone(),
            vcpus: vcpus.collect(),
            balloon: None,
        })
    }

    fn vcpu_sample(&self, slot: usize, vcpu: &VcpuSpec) -> VcpuSample {
        let (time, delay) = self.cpu.counters(slot, self.now);
        VcpuSample {
            index: vcpu.index,
            time: self.in_steps(time),
            delay: self.spec.counters.delay.then_some(delay),
            on: self.cpu.on(slot),
            mask: self.cpu.mask(slot).clone(),
            bound: vcpu.bound.clone(),
        }
    }

    /// Rounded down to the steps of the host's counters.
    fn in_steps(&self, time: Duration) -> Duration {
        let step = self.spec.counters.step.as_nanos();
        let Some(rest) = time.as_nanos().checked_rem(step) else {
            return time;
        };
        time - Duration::from_nanos(u64::try_from(rest).unwrap_or(0))
    }

    fn change(&mut self, step: &HostStep) -> Result<(), HvError> {
        let domain = step.domain();
        let at = self.active(domain).ok_or(HvError::Vanished(domain))?;
        if self.spec.guests[at].has_job(self.now) {
            let reason = "cannot acquire state change lock".to_owned();
            return Err(HvError::Busy { domain, reason });
        }
        match step {
            HostStep::Pin { vcpu, to } => self.pin(at, *vcpu, to),
            HostStep::SetMemory { .. } | HostStep::SetStatsPeriod { .. } => Err(
                HvError::Unsupported(format!("domain {domain} has no balloon device")),
            ),
        }
    }

    fn pin(&mut self, at: usize, vcpu: VcpuId, to: &CpuSet) -> Result<(), HvError> {
        if !self.spec.guests[at].rules.pinnable {
            return Err(HvError::Unsupported(
                "the vcpus of this domain share one thread".to_owned(),
            ));
        }
        let slot = self
            .cpu
            .slot(vcpu)
            .filter(|slot| self.cpu.is_present(*slot))
            .ok_or_else(|| HvError::Failed(format!("there is no vcpu {}", vcpu.index)))?;
        let usable = |id: PcpuId| {
            let known = |pcpu: usize| self.spec.pcpus[pcpu].id == id && self.cpu.is_usable(pcpu);
            (0..self.spec.pcpus.len()).any(known)
        };
        if !to.iter().any(usable) {
            return Err(HvError::CpuRefused {
                cpus: to.iter().collect(),
                reason: "none of them is online for guests".to_owned(),
            });
        }
        if self.cpu.pin(slot, to.clone(), self.now) {
            self.migrations += 1;
        }
        Ok(())
    }
}

impl Hypervisor for FakeHost {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            pin: true,
            memory: true,
            delay: self.spec.counters.delay,
            write: true,
        }
    }

    fn sample(&mut self) -> Result<HostSample, HvError> {
        self.advance();
        Ok(HostSample {
            at: self.now,
            pcpus: (0..self.spec.pcpus.len())
                .map(|at| self.pcpu_sample(at))
                .collect(),
            memory: None,
            domains: (0..self.lives.len())
                .filter_map(|at| self.domain_sample(at))
                .collect(),
        })
    }

    fn originals(&mut self, domain: DomainId) -> Result<Original, HvError> {
        self.advance();
        let gone = HvError::Vanished(domain);
        let at = self.active(domain).ok_or(gone.clone())?;
        let sample = self.domain_sample(at).ok_or(gone)?;
        let masks = sample.vcpus.into_iter().map(|vcpu| (vcpu.index, vcpu.mask));
        Ok(Original {
            domain,
            name: sample.name,
            run: sample.run,
            pins: masks.collect(),
            target: None,
            stats_period: None,
        })
    }

    fn apply(&mut self, step: &HostStep) -> Result<(), HvError> {
        self.advance();
        let result = self.change(step);
        match &result {
            Ok(()) => self.calls.push((self.now, step.clone())),
            Err(error) => {
                let refusal = (self.now, step.clone(), error.clone());
                self.refusals.push(refusal);
            }
        }
        result
    }
}
