//! The former memory coordinator: fixed steps up and down, by what guests left unused twice.
//!
//! Re-implemented from its published behaviour, faults included, to be compared with: it knows no
//! rates, does not count grants in flight, and gives back only after some guest ever grew.

use crate::{
    Controller, CycleReport, DomainId, GuestPicture, HostPlan, HostSample, HostState, HostStep,
    MemoryPicture, Picture, PlannedStep,
};
use cloudlot_core::Bytes;
use std::collections::BTreeMap;

/// A guest whose unused memory fell by this much more than it was granted is needy; …
const FALL: Bytes = Bytes::mib(20);
/// … so is one with less than this unused.
const SHORT: Bytes = Bytes::mib(95);
/// What a needy guest gets, …
const GRANT: Bytes = Bytes::mib(150);
/// … up to this, …
const MOST: Bytes = Bytes::mib(2048);
/// … while the host has more than this.
const HOST_KEEPS: Bytes = Bytes::gib(1);
/// A guest with more than this unused gives …
const IDLE: Bytes = Bytes::mib(125);
/// … what is beyond this, …
const KEEPS: Bytes = Bytes::mib(120);
/// … but at most this.
const GIFT: Bytes = Bytes::mib(120);

/// +150 MiB for guests whose unused memory falls, −120 MiB for the others.
///
/// Source: the solution that the memory scenarios were first run with; heritage of this crate.
/// ```
/// use cloudlot_hv::former::FormerMemory;
/// use cloudlot_hv::{Controller, HostSample};
///
/// let nothing = HostSample {
///     at: cloudlot_core::Timestamp::ZERO,
///     pcpus: Vec::new(),
///     memory: None,
///     domains: Vec::new(),
/// };
/// assert!(FormerMemory::new().plan(&nothing).steps.is_empty());
/// ```
#[derive(Clone, Debug, Default)]
pub struct FormerMemory {
    /// What each guest should have unused at the next turn, if its use does not change.
    expected: BTreeMap<DomainId, Bytes>,
    changed: bool,
}

impl FormerMemory {
    /// One that has seen nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The guest's new target, and why; `None` if it stays as it is.
    fn judge(&mut self, guest: &Guest<'_>, host: Bytes) -> Option<(Bytes, String)> {
        let (name, unused) = (guest.name, guest.unused);
        let expected = self.expected.get(&guest.id).copied().unwrap_or(unused);
        let needy = expected.saturating_sub(unused) >= FALL || unused < SHORT;
        self.changed |= needy;
        let mut expected = unused;
        let decided = if needy && host > HOST_KEEPS {
            let target = guest.actual.saturating_add(GRANT);
            let target = target.min(MOST).min(guest.max).max(guest.actual);
            let grant = target.saturating_sub(guest.actual);
            expected = unused.saturating_add(grant);
            Some((
                target,
                format!("{name}: {unused} unused, needy: gets {grant}"),
            ))
        } else if !needy && self.changed && unused > IDLE {
            let gift = unused.saturating_sub(KEEPS).min(GIFT);
            let target = guest.actual.saturating_sub(gift);
            expected = unused.saturating_sub(gift);
            Some((
                target,
                format!("{name}: {unused} unused, a donor: gives {gift}"),
            ))
        } else {
            None
        };
        self.expected.insert(guest.id, expected);
        decided.filter(|(target, _)| *target != guest.actual)
    }
}

struct Guest<'a> {
    id: DomainId,
    name: &'a str,
    actual: Bytes,
    max: Bytes,
    unused: Bytes,
}

/// Guests that it may change and that tell what they leave unused.
fn guests(sample: &HostSample) -> impl Iterator<Item = Guest<'_>> {
    sample.domains.iter().filter_map(|domain| {
        let balloon = domain.balloon.as_ref().filter(|_| domain.rules.managed)?;
        Some(Guest {
            id: domain.id,
            name: &domain.name,
            actual: balloon.actual,
            max: balloon.max,
            unused: balloon.unused?,
        })
    })
}

impl Controller for FormerMemory {
    fn plan(&mut self, sample: &HostSample) -> HostPlan {
        let mut plan = HostPlan {
            steps: Vec::new(),
            picture: Picture::Blind,
            notes: Vec::new(),
        };
        let Some(host) = sample.memory else {
            return plan;
        };
        let mut pictures = Vec::new();
        for guest in guests(sample) {
            let decided = self.judge(&guest, host.available);
            pictures.push(GuestPicture {
                id: guest.id,
                name: guest.name.to_owned(),
                actual: guest.actual,
                used: Some(guest.actual.saturating_sub(guest.unused)),
                need: guest.actual,
                target: decided.as_ref().map_or(guest.actual, |(target, _)| *target),
                held: String::new(),
            });
            plan.steps.extend(decided.map(|(target, why)| PlannedStep {
                step: HostStep::SetMemory {
                    domain: guest.id,
                    target,
                },
                why,
            }));
        }
        plan.picture = Picture::Memory(MemoryPicture {
            available: host.available,
            reserve: HOST_KEEPS,
            in_flight: Bytes::ZERO,
            state: if host.available > HOST_KEEPS {
                HostState::High
            } else {
                HostState::Soft
            },
            guests: pictures,
        });
        plan
    }

    fn observe(&mut self, _report: &CycleReport) {}

    fn forget_samples(&mut self) {
        self.expected.clear();
    }
}
