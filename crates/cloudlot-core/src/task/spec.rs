//! What a host has, and the rules it goes by.

use crate::Bytes;
use crate::task::cpu::Cpu;
use std::cmp::Ordering;
use std::time::Duration;

/// What a host has, and the rules it goes by.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HostSpec {
    /// The capacity of each CPU, in MI/s.
    pub cpus: Vec<u64>,
    /// The memory for tasks.
    pub memory: Bytes,
    /// How much CPU power may be promised to entities, in thousandths of what there is; the
    /// product is rounded down.
    pub over_provision: u32,
    /// How CPUs are chosen for a task.
    pub placement: Placement,
    /// What is done for tasks that wait.
    pub ageing: Ageing,
}

impl HostSpec {
    /// A host that promises what it has, fills the least loaded CPUs and ages by the defaults.
    #[must_use]
    pub fn new(cpus: impl Into<Vec<u64>>, memory: Bytes) -> Self {
        Self {
            cpus: cpus.into(),
            memory,
            over_provision: 1_000,
            placement: Placement::LeastLoaded,
            ageing: Ageing::default(),
        }
    }
}

/// When a task has waited too long, and what is kept for it.
/// ```
/// # use cloudlot_core::task::{EntityId, Host, HostSpec, Task, TaskId, TaskState, Work};
/// # use cloudlot_core::{Bytes, Timestamp};
/// # use std::time::Duration;
/// let spec = HostSpec { over_provision: 10_000_000, ..HostSpec::new([1_000], Bytes::ZERO) };
/// let mut host = Host::new(spec)?;
/// let entity = EntityId::new(1);
/// host.provision(entity, 10_000_000, Timestamp::ZERO)?;
/// let task = |number, work| Task::new(TaskId::new(number), entity, Work::mi(work));
/// host.submit(task(0, 500), Timestamp::ZERO)?;
/// // Every second one comes that weighs a thousand times as much and stays for a minute or more.
/// for second in 0..20 {
///     let great = Task { weight: 1_000, ..task(1 + second, 60_000) };
///     host.submit(great, Timestamp::ZERO + Duration::from_secs(second))?;
/// }
/// // Aged after 10 s: 500 MI at the 250 MI/s that are kept for it take 2 s at most.
/// let finished = host.advance(Timestamp::ZERO + Duration::from_secs(12));
/// assert_eq!(finished[0].task, TaskId::new(0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ageing {
    /// For how long a task may get less than it demands, or be overtaken in the queue.
    pub patience: Duration,
    /// The part of each CPU that no guarantee may take and that goes to aged tasks first, in
    /// thousandths, rounded up; more than 1,000 is as 1,000.
    pub kept: u32,
}

impl Default for Ageing {
    /// Ten seconds, a quarter of each CPU: ten times what a task asks to run for, and a lane that
    /// leaves most of a CPU to guarantees and fair shares.
    fn default() -> Self {
        Self {
            patience: Duration::from_secs(10),
            kept: 250,
        }
    }
}

/// How CPUs are chosen for a task, among those with room for its guaranteed minimum.
/// ```
/// # use cloudlot_core::task::{EntityId, Host, HostSpec, Placement, Task, TaskId, Work};
/// # use cloudlot_core::{Bytes, Timestamp};
/// // Seven tasks on eight CPUs of 5,000 MI/s: CPUs, MI, ceiling.
/// let mix = [
///     (2, 8_000, 8_000), (1, 4_000, 4_000), (2, 9_000, 10_000), (2, 9_000, 10_000),
///     (1, 2_000, 2_000), (1, 6_000, 5_000), (1, 4_000, 5_000),
/// ];
/// for (placement, used) in [(Placement::RoundRobin, 0.85), (Placement::LeastLoaded, 0.9)] {
///     let spec = HostSpec::new([5_000; 8], Bytes::mib(31_298));
///     let mut host = Host::new(HostSpec { over_provision: 1_500, placement, ..spec })?;
///     for (number, (cpus, work, ceiling)) in (1..).zip(mix) {
///         let entity = EntityId::new(number);
///         host.provision(entity, ceiling, Timestamp::ZERO)?;
///         let task = Task::new(TaskId::new(number), entity, Work::mi(work));
///         host.submit(Task { cpus, ..task }, Timestamp::ZERO)?;
///     }
///     assert_eq!(host.utilisation().ratio(), used);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Placement {
    /// The next ones in turn, whatever their load.
    RoundRobin,
    /// Those with the least asked of them for their capacity, the first of equals.
    LeastLoaded,
}

impl Placement {
    /// The places of `count` CPUs with room for `least` each, in order, and the next turn.
    pub(super) fn choose(
        self,
        cpus: &[Cpu],
        count: usize,
        least: u64,
        turn: usize,
    ) -> Option<(Vec<usize>, usize)> {
        let fits = |place: &usize| cpus[*place].room() >= least;
        let mut places: Vec<usize> = match self {
            Self::RoundRobin => {
                let in_turn = (0..cpus.len()).map(|step| (turn + step) % cpus.len());
                in_turn.filter(fits).take(count).collect()
            }
            Self::LeastLoaded => {
                let mut all: Vec<usize> = (0..cpus.len()).filter(fits).collect();
                all.sort_by(|&a, &b| by_load(&cpus[a], &cpus[b]));
                all.truncate(count);
                all
            }
        };
        if places.len() < count {
            return None;
        }
        let next = places.last().map_or(turn, |last| (last + 1) % cpus.len());
        places.sort_unstable();
        Some((places, next))
    }
}

/// Compares what is asked for each unit of capacity.
fn by_load(a: &Cpu, b: &Cpu) -> Ordering {
    let across = |load: u128, capacity: u64| load.saturating_mul(capacity.into());
    across(a.asked(), b.capacity()).cmp(&across(b.asked(), a.capacity()))
}

/// Why a specification makes no host.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SpecError {
    /// There is nothing to run on.
    #[error("a host without a CPU")]
    NoCpu,
    /// A CPU that does nothing.
    #[error("the CPU at place {place} has no capacity")]
    NoCapacity {
        /// Its place in the specification.
        place: usize,
    },
    /// The sum of the capacities, or the number of CPUs, is too large to count.
    #[error("more CPU power than can be counted")]
    TooLarge,
}
