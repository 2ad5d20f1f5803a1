//! The simulated host as a [`Hypervisor`]: what is seen, what can be changed, and what was.
//!
//! It brings its world up to the clock before every answer; what happens there is left to
//! `world.rs`.

use super::check::SpecError;
use super::faults::Fault;
use super::guest_memory::{MemoryChange, MemoryTruth};
use super::spec::HostSpec;
use super::world::World;
use crate::{Capabilities, DomainId, HostSample, HostStep, HvError, Hypervisor, Original, VcpuId};
use cloudlot_core::{Bytes, Clock, ManualClock, Seeds, Timestamp};

/// A simulated host; see the [module](super).
#[derive(Clone, Debug)]
pub struct FakeHost {
    world: World,
    clock: ManualClock,
    calls: Vec<(Timestamp, HostStep)>,
    refusals: Vec<(Timestamp, HostStep, HvError)>,
    migrations: usize,
}

impl FakeHost {
    /// A host whose time is that of `clock`. It begins at the clock's epoch: what the
    /// specification says of the time before now has happened.
    ///
    /// # Errors
    /// If the specification makes no sense.
    pub fn new(spec: HostSpec, seeds: Seeds, clock: ManualClock) -> Result<Self, SpecError> {
        spec.check()?;
        Ok(Self {
            world: World::new(spec, seeds),
            clock,
            calls: Vec::new(),
            refusals: Vec::new(),
            migrations: 0,
        })
    }

    /// What it was made from, pCPUs, guests and vCPUs in rising order.
    #[must_use]
    pub fn spec(&self) -> &HostSpec {
        &self.world.spec
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
        let guests = &self.world.spec.guests;
        let guest = guests.iter().find(|guest| guest.name == name)?;
        Some(guest.id)
    }

    /// What a vCPU would use now if it had its pCPU for itself, in cores, with its noise: the
    /// truth that controllers estimate. `None` if it is not there.
    pub fn demand(&mut self, vcpu: VcpuId) -> Option<f64> {
        self.advance();
        let cpu = &self.world.cpu;
        let slot = cpu.slot(vcpu)?;
        cpu.is_present(slot).then(|| cpu.demand(slot))
    }

    /// The truth about a guest's memory now; `None` if it is not active or has none.
    pub fn memory(&mut self, domain: DomainId) -> Option<MemoryTruth> {
        self.advance();
        self.world.memory.truth(self.world.active(domain)?)
    }

    /// What a guest's programs began and ended with memory until now, by rising time.
    pub fn memory_changes(&mut self, domain: DomainId) -> &[(Timestamp, MemoryChange)] {
        self.advance();
        self.world
            .place_of(domain)
            .map_or(&[], |at| self.world.memory.changes(at))
    }

    /// What guests and host use together now, be it more than the host has.
    pub fn memory_taken(&mut self) -> Bytes {
        self.advance();
        self.world.memory.taken(self.world.now)
    }

    /// Lets something go wrong that the specification does not know of. What is in the past
    /// already has gone well.
    pub fn inject(&mut self, fault: Fault) {
        self.advance();
        self.world.faults.add(fault);
    }

    /// Ends a guest's present run at once, as when somebody destroys it. `false` if it is not active.
    pub fn destroy(&mut self, domain: DomainId) -> bool {
        self.advance();
        self.world.destroy(domain)
    }

    fn advance(&mut self) {
        self.world.advance(self.clock.now());
    }

    fn change(&mut self, step: &HostStep) -> Result<(), HvError> {
        let (world, domain) = (&mut self.world, step.domain());
        let now = world.now;
        world.faults.connection(now)?;
        if world.faults.is_read_only(now) {
            return Err(HvError::Denied("the connection is read-only".to_owned()));
        }
        if world.faults.vanishes(domain, now) {
            world.destroy(domain);
        }
        let at = world.active(domain).ok_or(HvError::Vanished(domain))?;
        if world.spec.guests[at].has_job(now) {
            let reason = "cannot acquire state change lock".to_owned();
            return Err(HvError::Busy { domain, reason });
        }
        world.faults.refusal(step, now)?;
        match step {
            HostStep::Pin { vcpu, to } => {
                let moved = world.pin(at, *vcpu, to)?;
                self.migrations += usize::from(moved);
                Ok(())
            }
            HostStep::SetMemory { target, .. } => world.memory.set_target(at, domain, *target),
            HostStep::SetStatsPeriod { period, .. } => {
                world.memory.set_period(at, domain, *period, world.now)
            }
        }
    }
}

impl Hypervisor for FakeHost {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            pin: true,
            memory: true,
            delay: self.world.spec.counters.delay,
            write: !self.world.faults.is_read_only(self.clock.now()),
        }
    }

    fn sample(&mut self) -> Result<HostSample, HvError> {
        self.advance();
        self.world.faults.connection(self.world.now)?;
        Ok(self.world.sample())
    }

    fn originals(&mut self, domain: DomainId) -> Result<Original, HvError> {
        self.advance();
        self.world.faults.connection(self.world.now)?;
        let (world, gone) = (&self.world, HvError::Vanished(domain));
        let at = world.active(domain).ok_or(gone.clone())?;
        let sample = world.domain_sample(at).ok_or(gone)?;
        let (target, stats_period) = world.memory.settings(at).unzip();
        let masks = sample.vcpus.into_iter().map(|vcpu| (vcpu.index, vcpu.mask));
        Ok(Original {
            domain,
            name: sample.name,
            run: sample.run,
            pins: masks.collect(),
            target,
            stats_period,
        })
    }

    fn apply(&mut self, step: &HostStep) -> Result<(), HvError> {
        self.advance();
        let result = self.change(step);
        match &result {
            Ok(()) => self.calls.push((self.world.now, step.clone())),
            Err(error) => {
                let refusal = (self.world.now, step.clone(), error.clone());
                self.refusals.push(refusal);
            }
        }
        result
    }
}
