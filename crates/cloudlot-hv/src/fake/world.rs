//! The simulated world behind a `FakeHost`: it moves through time, from one event to the next.
//!
//! What happens when is in the specification and in the parts (CPU, memory); the order of things
//! that happen at one moment is here: the specification first, then vCPUs, then memory.

use super::cpu::Cpu;
use super::faults::Faults;
use super::host_memory::Memory;
use super::load::{Load, load_at};
use super::spec::{HostSpec, VcpuSpec};
use crate::{
    CpuSet, DomainId, DomainSample, DomainState, HostSample, HvError, PcpuId, PcpuSample, VcpuId,
    VcpuSample,
};
use cloudlot_core::{Seeds, Timestamp};
use std::time::Duration;

/// All that is simulated, as it stands at `now`.
#[derive(Clone, Debug)]
pub(super) struct World {
    pub(super) spec: HostSpec,
    pub(super) now: Timestamp,
    pub(super) cpu: Cpu,
    pub(super) memory: Memory,
    pub(super) faults: Faults,
    /// Moments at which the specification changes something, rising; `passed` of them are done.
    schedule: Vec<Timestamp>,
    passed: usize,
    /// By guest, in the order of `spec.guests`, which is by rising id.
    lives: Vec<Life>,
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

impl World {
    /// The world at the clock's epoch, with nothing happened yet; `spec` has been checked.
    pub(super) fn new(mut spec: HostSpec, seeds: Seeds) -> Self {
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
        Self {
            now: Timestamp::ZERO,
            cpu: Cpu::new(&spec, seeds),
            memory: Memory::new(&spec, seeds),
            faults: Faults::new(spec.faults.clone(), seeds.stream("faults")),
            schedule: spec.schedule(),
            passed: 0,
            lives: lives.collect(),
            spec,
        }
    }

    /// Lets everything happen that happens until then.
    pub(super) fn advance(&mut self, until: Timestamp) {
        loop {
            let scheduled = self.schedule.get(self.passed).copied();
            let by_itself = self.cpu.next().into_iter().chain(self.memory.next());
            let next = scheduled.into_iter().chain(by_itself).min();
            let Some(next) = next.filter(|at| *at <= until) else {
                break;
            };
            self.now = next;
            if scheduled == Some(next) {
                self.passed += 1;
                self.change_by_schedule();
            }
            self.cpu.beat(next);
            if self.memory.next() == Some(next) {
                let (guests, faults) = (&self.spec.guests, &self.faults);
                self.memory.tick(next, |at| {
                    let guest = &guests[at];
                    (!guest.is_paused(next)).then(|| faults.trouble(guest.id, next))
                });
            }
        }
        self.now = until.max(self.now);
    }

    /// Ends a guest's present run; `false` if it is not active.
    pub(super) fn destroy(&mut self, domain: DomainId) -> bool {
        let Some(at) = self.active(domain) else {
            return false;
        };
        self.lives[at].destroyed = self.lives[at].run;
        self.live(at);
        true
    }

    /// The place of an active guest.
    pub(super) fn active(&self, domain: DomainId) -> Option<usize> {
        self.place_of(domain)
            .filter(|at| self.lives[*at].run.is_some())
    }

    /// The place of a guest, active or not.
    pub(super) fn place_of(&self, domain: DomainId) -> Option<usize> {
        let guests = &self.spec.guests;
        guests.binary_search_by_key(&domain, |guest| guest.id).ok()
    }

    /// What a hypervisor shows of it.
    pub(super) fn sample(&self) -> HostSample {
        let pcpus = 0..self.spec.pcpus.len();
        let guests = 0..self.lives.len();
        HostSample {
            at: self.now,
            pcpus: pcpus.map(|at| self.pcpu_sample(at)).collect(),
            memory: self.memory.host(self.now),
            domains: guests.filter_map(|at| self.domain_sample(at)).collect(),
        }
    }

    /// What a hypervisor shows of one guest; `None` if it is not active.
    pub(super) fn domain_sample(&self, at: usize) -> Option<DomainSample> {
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
            balloon: self.memory.sample(at, self.now),
        })
    }

    /// Narrows or widens where a vCPU may run; `true` if it runs elsewhere for that.
    pub(super) fn pin(&mut self, at: usize, vcpu: VcpuId, to: &CpuSet) -> Result<bool, HvError> {
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
        Ok(self.cpu.pin(slot, to.clone(), self.now))
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
        let anew = run != life.run;
        life.run = run;
        if anew {
            self.memory.stop(at);
        }
        if anew && run.is_some() {
            self.memory.start(at, self.now);
        } else if guest.reboots_at(self.now) {
            self.memory.reboot(at, self.now);
        }
        self.live_vcpus(at, anew);
    }

    /// Plugs, unplugs and loads the vCPUs of one guest; in a new run all are plugged anew.
    fn live_vcpus(&mut self, at: usize, anew: bool) {
        let (guest, life) = (&self.spec.guests[at], &self.lives[at]);
        let everywhere = || self.spec.pcpus.iter().map(|pcpu| pcpu.id).collect();
        let paused = guest.is_paused(self.now);
        for (slot, vcpu) in (life.first_slot..).zip(&guest.vcpus) {
            let wanted = life.run.is_some() && vcpu.plugged.contains(self.now);
            if self.cpu.is_present(slot) && (anew || !wanted) {
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
}
