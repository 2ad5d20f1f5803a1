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
