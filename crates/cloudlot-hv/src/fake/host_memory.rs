//! The memory of the simulated host: all guests' memory in step, and what is left for the host.

use super::guest_memory::{GuestMemory, MemoryChange, MemoryTruth, TICK, Trouble};
use super::memory_spec::HostMemorySpec;
use super::spec::HostSpec;
use crate::{BalloonSample, DomainId, HostMemory, HvError};
use cloudlot_core::{Bytes, Seeds, Timestamp};
use std::time::Duration;

/// All memory there is.
#[derive(Clone, Debug)]
pub(super) struct Memory {
    host: Option<HostMemorySpec>,
    /// By guest, in the order of the specification.
    guests: Vec<Option<Guest>>,
    next: Timestamp,
}

#[derive(Clone, Debug)]
struct Guest {
    memory: GuestMemory,
    present: bool,
    changes: Vec<(Timestamp, MemoryChange)>,
}

impl Memory {
    /// Guests in the specification's order, all absent.
    pub(super) fn new(spec: &HostSpec, seeds: Seeds) -> Self {
        let guests = spec.guests.iter().map(|guest| {
            let (high, low) = guest.id.0.as_u64_pair();
            let seed = seeds.part(high).part(low).stream("memory");
            Some(Guest {
                memory: GuestMemory::new(guest.memory.clone()?, seed),
                present: false,
                changes: Vec::new(),
            })
        });
        Self {
            host: spec.memory.clone(),
            guests: guests.collect(),
            next: Timestamp::ZERO + TICK,
        }
    }

    /// When the next step is due; `None` if there is nothing to step.
    pub(super) fn next(&self) -> Option<Timestamp> {
        let any = self.guests.iter().any(Option::is_some);
        any.then_some(self.next)
    }

    /// One step of every guest that is there and not held.
    pub(super) fn tick(&mut self, now: Timestamp, trouble: impl Fn(usize) -> Option<Trouble>) {
        self.next = now + TICK;
        for (at, guest) in self.guests.iter_mut().enumerate() {
            if let Some(guest) = guest.as_mut().filter(|guest| guest.present)
                && let Some(trouble) = trouble(at)
            {
                let changes = guest.memory.tick(now, trouble);
                guest
                    .changes
                    .extend(changes.into_iter().map(|change| (now, change)));
            }
        }
    }

    pub(super) fn start(&mut self, at: usize, now: Timestamp) {
        if let Some(guest) = &mut self.guests[at] {
            guest.present = true;
            guest.memory.start(now);
        }
    }

    pub(super) fn stop(&mut self, at: usize) {
        if let Some(guest) = &mut self.guests[at] {
            guest.present = false;
        }
    }

    pub(super) fn reboot(&mut self, at: usize, now: Timestamp) {
        if let Some(guest) = self.guests[at].as_mut().filter(|guest| guest.present) {
            guest.memory.reboot();
            guest.changes.push((now, MemoryChange::Rebooted));
        }
    }

    pub(super) fn truth(&self, at: usize) -> Option<MemoryTruth> {
        Some(self.guests[at].as_ref()?.memory.truth())
    }

    pub(super) fn changes(&self, at: usize) -> &[(Timestamp, MemoryChange)] {
        self.guests[at].as_ref().map_or(&[], |guest| &guest.changes)
    }

    pub(super) fn sample(&self, at: usize, now: Timestamp) -> Option<BalloonSample> {
        self.guests[at].as_ref()?.memory.sample(now)
    }

    /// The host's memory; what guests and host use beyond it is in neither number.
    pub(super) fn host(&self, now: Timestamp) -> Option<HostMemory> {
        let host = self.host.as_ref()?;
        Some(HostMemory {
            total: host.total,
            available: host.total.saturating_sub(self.taken(now)),
        })
    }

    /// What guests and host use together, be it more than there is.
    pub(super) fn taken(&self, now: Timestamp) -> Bytes {
        let present = self.guests.iter().flatten().filter(|guest| guest.present);
        let guests: Bytes = present.map(|guest| guest.memory.actual).sum();
        let host = self.host.as_ref().map(|host| host.used_at(now));
        guests.saturating_add(host.unwrap_or_default())
    }

    pub(super) fn set_target(
        &mut self,
        at: usize,
        domain: DomainId,
        target: Bytes,
    ) -> Result<(), HvError> {
        let sample = self.sample(at, Timestamp::ZERO);
        let max = sample.ok_or_else(|| no_device(domain))?.max;
        if target > max {
            return Err(HvError::Failed(format!(
                "cannot set memory of {domain} to {target}, its maximum is {max}"
            )));
        }
        if let Some(guest) = &mut self.guests[at] {
            guest.memory.target = target;
        }
        Ok(())
    }

    pub(super) fn set_period(
        &mut self,
        at: usize,
        domain: DomainId,
        period: Duration,
        now: Timestamp,
    ) -> Result<(), HvError> {
        self.sample(at, now).ok_or_else(|| no_device(domain))?;
        if period.subsec_nanos() > 0 {
            return Err(HvError::Failed(format!(
                "a statistics period is whole seconds, not {period:?}"
            )));
        }
        if let Some(guest) = &mut self.guests[at] {
            guest.memory.set_period(period, now);
        }
        Ok(())
    }

    /// Target and statistics period of a guest with a balloon.
    pub(super) fn settings(&self, at: usize) -> Option<(Bytes, Duration)> {
        let memory = &self.guests[at].as_ref()?.memory;
        memory.sample(Timestamp::ZERO)?;
        Some((memory.target, memory.period))
    }
}

fn no_device(domain: DomainId) -> HvError {
    HvError::Unsupported(format!("domain {domain} has no balloon device"))
}
