//! What a hypervisor tells at one moment: counters as they stand, nothing derived.
//!
//! Rates, demand and need are derived by the controllers from two or more samples.

use crate::{CpuSet, PcpuId};
use cloudlot_core::{Bytes, Timestamp};
use std::fmt;
use std::time::Duration;
use uuid::Uuid;

/// A domain (guest, virtual machine) by its UUID, which survives restarts and renames.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(transparent)
)]
pub struct DomainId(pub Uuid);

impl fmt::Display for DomainId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for DomainId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One virtual CPU of a domain, by the number libvirt gives it. Numbers may have gaps.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct VcpuId {
    /// Whose vCPU it is.
    pub domain: DomainId,
    /// Its number in the domain.
    pub index: u32,
}

/// Everything that planners see of a host at one moment.
#[derive(Clone, PartialEq, Debug)]
pub struct HostSample {
    /// When it was taken, by the monotonic clock of the loop.
    pub at: Timestamp,
    /// The host's pCPUs by rising id, offline ones included.
    pub pcpus: Vec<PcpuSample>,
    /// The host's memory, where the hypervisor tells it.
    pub memory: Option<HostMemory>,
    /// The active domains by rising id.
    pub domains: Vec<DomainSample>,
}

/// One physical CPU.
#[derive(Clone, PartialEq, Debug)]
pub struct PcpuSample {
    /// Its number.
    pub id: PcpuId,
    /// Whether guests may run on it: online, and inside the guests' cpuset.
    pub usable: bool,
    /// Threads with the same number are siblings of one core.
    pub core: u32,
    /// CPUs with the same number share their last-level cache.
    pub cache: u32,
    /// Its NUMA node.
    pub node: u32,
    /// Speed relative to the host's fastest core, in (0, 1].
    pub speed: f64,
    /// Time since boot that it was not idle, guests included; `None` where nobody tells.
    pub busy: Option<Duration>,
}

/// Memory of the host itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HostMemory {
    /// All there is.
    pub total: Bytes,
    /// What can be given away without swapping (Linux: `MemAvailable`).
    pub available: Bytes,
}

/// One active domain.
#[derive(Clone, PartialEq, Debug)]
pub struct DomainSample {
    /// Its UUID.
    pub id: DomainId,
    /// Its name, for people.
    pub name: String,
    /// Changes with every start of the domain, so that counters are not compared across one.
    pub run: u64,
    /// Whether it can use CPU time at all.
    pub state: DomainState,
    /// Whether a long job (migration, snapshot, dump) holds it: it must be left alone.
    pub job: bool,
    /// What its owner asked for.
    pub rules: DomainRules,
    /// Its online vCPUs by rising number.
    pub vcpus: Vec<VcpuSample>,
    /// Its balloon; `None` without a balloon device.
    pub balloon: Option<BalloonSample>,
}

/// What an active domain is doing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "kebab-case")
)]
pub enum DomainState {
    /// It runs, or waits for events.
    Running,
    /// It is held, and uses no CPU time.
    Paused,
    /// Something else: starting, shutting down, crashed.
    Other,
}

/// What the owner of a domain asks for, in metadata or by selection.
#[derive(Clone, PartialEq, Debug)]
pub struct DomainRules {
    /// `false`: its load is counted, but nothing about it is changed.
    pub managed: bool,
    /// `false`: its vCPUs cannot be pinned (single-threaded emulation).
    pub pinnable: bool,
    /// Its weight in contention, 1 and up.
    pub weight: u32,
    /// Its share of scarce memory, 1 and up.
    pub shares: u32,
    /// Never balloon below this; `None`: the planner's default.
    pub memory_min: Option<Bytes>,
    /// Never balloon above this; `None`: the domain's maximum.
    pub memory_max: Option<Bytes>,
}

impl Default for DomainRules {
    fn default() -> Self {
        Self {
            managed: true,
            pinnable: true,
            weight: 1,
            shares: 1,
            memory_min: None,
            memory_max: None,
        }
    }
}

/// One online vCPU.
#[derive(Clone, PartialEq, Debug)]
pub struct VcpuSample {
    /// Its number in the domain.
    pub index: u32,
    /// CPU time used since the domain started.
    pub time: Duration,
    /// Time since the domain started that it was ready to run and had no pCPU; `None` where the
    /// host does not count it.
    pub delay: Option<Duration>,
    /// The pCPU that it was last seen on.
    pub on: Option<PcpuId>,
    /// Where it may run now.
    pub mask: CpuSet,
    /// Where its owner lets it run at most (the persistent definition, or metadata); `None`: anywhere.
    pub bound: Option<CpuSet>,
}

/// A balloon and what the guest's driver reports through it.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct BalloonSample {
    /// The memory that the guest has now, without memory devices beside the balloon's.
    pub actual: Bytes,
    /// The most it can have until it is started anew.
    pub max: Bytes,
    /// Memory in the guest that nothing uses, page cache not counted (Linux: `MemFree`).
    pub unused: Option<Bytes>,
    /// Memory in the guest that could be used without swapping (Linux: `MemAvailable`).
    pub usable: Option<Bytes>,
    /// Page cache in the guest.
    pub caches: Option<Bytes>,
    /// Swapped in since boot.
    pub swap_in: Option<Bytes>,
    /// Swapped out since boot.
    pub swap_out: Option<Bytes>,
    /// Major page faults since boot.
    pub major_faults: Option<u64>,
    /// The guest's word on when it wrote these: a stamp that only counts by whether it changes.
    pub stamp: Option<u64>,
    /// How old they are, where host and sampler share a clock.
    pub age: Option<Duration>,
    /// How often the guest is asked for them; `None` or zero: never.
    pub period: Option<Duration>,
    /// Rises when the guest reboots within the domain's run, by one or more. Its counters then
    /// start anew and its balloon empties, while masks, target and period stay as they were set.
    pub boots: u64,
}
