//! What a simulated host is made of and what happens on it when: plain data.
//!
//! Times are on the clock of the simulation. Memory is in `memory_spec.rs`, loads in `load.rs`.

use super::faults::Fault;
use super::load::{DemandStep, Load, Noise};
use super::memory_spec::{HostMemorySpec, MemorySpec, MemoryWork};
use crate::{CpuSet, DomainId, DomainRules, PcpuId};
use cloudlot_core::Timestamp;
use std::time::Duration;
use uuid::Uuid;

/// A stretch of time, its end left out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Span {
    /// Its first moment.
    pub from: Timestamp,
    /// The first moment after it.
    pub until: Timestamp,
}

impl Span {
    /// All the time.
    pub const ALWAYS: Self = Self {
        from: Timestamp::ZERO,
        until: Timestamp::MAX,
    };

    /// From a moment on.
    #[must_use]
    pub const fn since(from: Timestamp) -> Self {
        Self {
            from,
            until: Timestamp::MAX,
        }
    }

    /// Whether the moment is in it.
    #[must_use]
    pub fn contains(&self, at: Timestamp) -> bool {
        self.from <= at && at < self.until
    }
}

/// A simulated host.
///
/// Threads of one core and caches are told to planners; they do not slow each other down here.
#[derive(Clone, PartialEq, Debug)]
pub struct HostSpec {
    /// Its pCPUs.
    pub pcpus: Vec<PcpuSpec>,
    /// Its guests.
    pub guests: Vec<GuestSpec>,
    /// Noise on every vCPU's demand.
    pub noise: Noise,
    /// How it counts.
    pub counters: Counters,
    /// Its memory; `None`: it does not tell.
    pub memory: Option<HostMemorySpec>,
    /// What goes wrong, and when.
    pub faults: Vec<Fault>,
}

/// How a host counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Counters {
    /// CPU time of vCPUs and busy time of pCPUs are shown in whole steps of this, rounded down:
    /// 10 ms on a Linux host without finer sources. Zero shows nanoseconds.
    pub step: Duration,
    /// Whether run-queue delay is counted; in nanoseconds.
    pub delay: bool,
    /// Whether busy time of pCPUs is counted.
    pub busy: bool,
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            step: Duration::from_millis(10),
            delay: true,
            busy: true,
        }
    }
}

/// A simulated pCPU.
#[derive(Clone, PartialEq, Debug)]
pub struct PcpuSpec {
    /// Its number.
    pub id: PcpuId,
    /// Its core.
    pub core: u32,
    /// Its last-level cache.
    pub cache: u32,
    /// Its NUMA node.
    pub node: u32,
    /// Its speed relative to the host's fastest, in (0, 1].
    pub speed: f64,
    /// Whether guests may use it at all.
    pub for_guests: bool,
    /// When it is offline.
    pub offline: Vec<Span>,
    /// Load that is not the guests'. It competes like one vCPU of weight 1.
    pub background: Vec<DemandStep>,
}

impl PcpuSpec {
    /// A core of its own, at full speed, always online, without background.
    #[must_use]
    pub fn new(id: u32) -> Self {
        Self {
            id: PcpuId::new(id),
            core: id,
            cache: 0,
            node: 0,
            speed: 1.0,
            for_guests: true,
            offline: Vec::new(),
            background: Vec::new(),
        }
    }

    pub(super) fn usable(&self, now: Timestamp) -> bool {
        self.for_guests && !self.offline.iter().any(|span| span.contains(now))
    }
}

/// A simulated guest.
#[derive(Clone, PartialEq, Debug)]
pub struct GuestSpec {
    /// Its UUID.
    pub id: DomainId,
    /// Its name.
    pub name: String,
    /// What its owner asks for. The weight also counts in the simulated scheduler.
    pub rules: DomainRules,
    /// When it is active; each span is a run of its own, with counters from zero.
    pub runs: Vec<Span>,
    /// When it is held.
    pub paused: Vec<Span>,
    /// When a long job holds it: changes are answered with busy.
    pub jobs: Vec<Span>,
    /// Its vCPUs.
    pub vcpus: Vec<VcpuSpec>,
    /// Its memory; `None`: it takes none of the host's, and has no balloon.
    pub memory: Option<MemorySpec>,
}

impl GuestSpec {
    /// A guest that is always active and runs on these vCPUs; `number` makes its UUID, so that
    /// guests stand in a sample by rising number.
    #[must_use]
    pub fn new(number: u64, name: impl Into<String>, vcpus: Vec<VcpuSpec>) -> Self {
        Self {
            id: DomainId(Uuid::from_u64_pair(0xc10d_107f_a4e0_4000, number)),
            name: name.into(),
            rules: DomainRules::default(),
            runs: vec![Span::ALWAYS],
            paused: Vec::new(),
            jobs: Vec::new(),
            vcpus,
            memory: None,
        }
    }

    pub(super) fn is_paused(&self, now: Timestamp) -> bool {
        self.paused.iter().any(|span| span.contains(now))
    }

    pub(super) fn reboots_at(&self, now: Timestamp) -> bool {
        self.memory
            .as_ref()
            .is_some_and(|memory| memory.reboots.contains(&now))
    }

    pub(super) fn has_job(&self, now: Timestamp) -> bool {
        self.jobs.iter().any(|span| span.contains(now))
    }
}

/// A simulated vCPU.
#[derive(Clone, PartialEq, Debug)]
pub struct VcpuSpec {
    /// Its number in the guest.
    pub index: u32,
    /// Where it may run at the start of each run; `None`: on every pCPU.
    pub mask: Option<CpuSet>,
    /// What its owner lets it run on at most; told to planners, and no bar to the host.
    pub bound: Option<CpuSet>,
    /// When it is plugged in.
    pub plugged: Span,
    /// What it wants, by rising time; nothing before the first step.
    pub demand: Vec<DemandStep>,
}

impl VcpuSpec {
    /// A vCPU that is always there and floats.
    #[must_use]
    pub fn new(index: u32, demand: Vec<DemandStep>) -> Self {
        Self {
            index,
            mask: None,
            bound: None,
            plugged: Span::ALWAYS,
            demand,
        }
    }

    /// A floating vCPU 0 with one load for ever.
    #[must_use]
    pub fn steady(load: Load) -> Self {
        let at = Timestamp::ZERO;
        Self::new(0, vec![DemandStep { at, load }])
    }

    /// The same, starting out on one pCPU only.
    #[must_use]
    pub fn pinned_to(self, pcpu: u32) -> Self {
        Self {
            mask: Some(CpuSet::single(PcpuId::new(pcpu))),
            ..self
        }
    }
}

impl HostSpec {
    /// A host of `pcpus` plain pCPUs without noise.
    #[must_use]
    pub fn new(pcpus: u32, guests: Vec<GuestSpec>) -> Self {
        Self {
            pcpus: (0..pcpus).map(PcpuSpec::new).collect(),
            guests,
            noise: Noise::None,
            counters: Counters::default(),
            memory: None,
            faults: Vec::new(),
        }
    }

    /// When a guest's own wishes for CPU change, and when its memory's work goes on after a
    /// `WaitUntil`, by rising time; its start is not a change.
    ///
    /// When growth ends depends on the run: [`FakeHost::memory_changes`](super::FakeHost::memory_changes)
    /// tells. Empty for a domain that is not in the specification.
    #[must_use]
    pub fn changes(&self, domain: DomainId) -> Vec<Timestamp> {
        let mut changes = Vec::new();
        for guest in self.guests.iter().filter(|guest| guest.id == domain) {
            let demand = guest.vcpus.iter().flat_map(|vcpu| &vcpu.demand);
            changes.extend(demand.map(|step| step.at));
            let work = guest.memory.iter().flat_map(|memory| &memory.work);
            changes.extend(work.filter_map(|work| match work {
                MemoryWork::WaitUntil(at) => Some(*at),
                _ => None,
            }));
        }
        changes.retain(|at| *at > Timestamp::ZERO);
        changes.sort_unstable();
        changes.dedup();
        changes
    }

    /// Every moment at which something changes by this specification alone, by rising time.
    pub(super) fn schedule(&self) -> Vec<Timestamp> {
        let mut times = vec![Timestamp::ZERO];
        let mut span = |span: &Span| times.extend([span.from, span.until]);
        for pcpu in &self.pcpus {
            pcpu.offline.iter().for_each(&mut span);
        }
        for guest in &self.guests {
            let spans = guest.runs.iter().chain(&guest.paused).chain(&guest.jobs);
            spans.for_each(&mut span);
            guest.vcpus.iter().for_each(|vcpu| span(&vcpu.plugged));
        }
        let memory = self.guests.iter().filter_map(|guest| guest.memory.as_ref());
        times.extend(memory.flat_map(|memory| &memory.reboots));
        let vcpus = self.guests.iter().flat_map(|guest| &guest.vcpus);
        let demands = vcpus
            .map(|vcpu| &vcpu.demand)
            .chain(self.pcpus.iter().map(|pcpu| &pcpu.background));
        times.extend(demands.flatten().map(|step| step.at));
        times.retain(|at| *at < Timestamp::MAX);
        times.sort_unstable();
        times.dedup();
        times
    }
}
