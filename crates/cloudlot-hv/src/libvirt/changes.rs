//! What domain events told since the last sample, shared with libvirt's event thread.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use uuid::Uuid;

/// Events by domain.
#[derive(Debug, Default)]
pub(super) struct Changes(Mutex<Noted>);

#[derive(Debug, Default)]
struct Noted {
    changed: BTreeSet<Uuid>,
    boots: BTreeMap<Uuid, u64>,
}

impl Changes {
    /// The domain started, stopped, or its definition or metadata changed.
    pub(super) fn changed(&self, domain: Uuid) {
        self.noted().changed.insert(domain);
    }

    /// The guest rebooted within its run.
    pub(super) fn rebooted(&self, domain: Uuid) {
        let mut noted = self.noted();
        *noted.boots.entry(domain).or_default() += 1;
        noted.changed.insert(domain);
    }

    /// The domains that changed since the last call.
    pub(super) fn take(&self) -> BTreeSet<Uuid> {
        std::mem::take(&mut self.noted().changed)
    }

    /// How often the guest was seen to reboot.
    pub(super) fn boots(&self, domain: Uuid) -> u64 {
        self.noted().boots.get(&domain).copied().unwrap_or(0)
    }

    /// Forgets the reboots of domains that `live` does not hold for.
    pub(super) fn retain(&self, live: impl Fn(Uuid) -> bool) {
        self.noted().boots.retain(|domain, _| live(*domain));
    }

    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
