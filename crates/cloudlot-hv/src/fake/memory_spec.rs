//! What a guest does with its memory over time, what its balloon is like, what the host has: data.

use cloudlot_core::{Bytes, Timestamp};
use std::time::Duration;

/// The host's memory.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HostMemorySpec {
    /// All there is.
    pub total: Bytes,
    /// What the host itself uses, by rising time; nothing before the first step.
    pub used: Vec<HostUse>,
}

/// What the host itself uses from a moment on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HostUse {
    /// When.
    pub at: Timestamp,
    /// How much.
    pub used: Bytes,
}

/// A guest's memory.
///
/// ```
/// use cloudlot_core::{Bytes, Clock, ManualClock, Seeds, Timestamp};
/// use cloudlot_hv::fake::{FakeHost, GuestSpec, HostSpec, MemorySpec, MemoryWork};
/// use cloudlot_hv::{HostStep, Hypervisor};
/// use std::time::Duration;
///
/// // Grows by 100 MiB at 50 MiB a second, keeps it for 10 s, and frees it.
/// let grow = MemoryWork::Grow { mib_s: 50.0, vary: 0.0, most: Some(Bytes::mib(100)) };
/// let work = vec![grow, MemoryWork::Wait(Duration::from_secs(10)), MemoryWork::Free];
/// let memory = MemorySpec {
///     work,
///     ..MemorySpec::new(Bytes::mib(512), Bytes::gib(1), Bytes::mib(150))
/// };
/// let guest = GuestSpec { memory: Some(memory), ..GuestSpec::new(1, "db", Vec::new()) };
/// let clock = ManualClock::default();
/// let mut host = FakeHost::new(HostSpec::new(1, vec![guest]), Seeds::new(1), clock.clone())?;
///
/// let domain = host.id_of("db").expect("named above");
/// host.apply(&HostStep::SetMemory { domain, target: Bytes::mib(300) })?;
/// clock.sleep_until(Timestamp::ZERO + Duration::from_secs(5));
/// let truth = host.memory(domain).expect("an active guest");
/// assert_eq!((truth.actual, truth.used), (Bytes::mib(300), Bytes::mib(250)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Debug)]
pub struct MemorySpec {
    /// The most it can have.
    pub max: Bytes,
    /// What it has at the start of each run.
    pub start: Bytes,
    /// What its kernel and services use all the time.
    pub base: Bytes,
    /// What its programs do, one after the other, anew in each run.
    pub work: Vec<MemoryWork>,
    /// How its page cache grows.
    pub cache: PageCache,
    /// Whether it has somewhere to swap to: swap counters move while it starves.
    pub swap: bool,
    /// Its balloon device; `None`: its memory cannot be changed.
    pub balloon: Option<BalloonSpec>,
    /// When it is rebooted within a run: programs' memory and cache are lost, and the balloon is
    /// empty, so that the guest has its maximum.
    pub reboots: Vec<Timestamp>,
}

/// One thing that a guest's programs do with memory.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum MemoryWork {
    /// Nothing, until this moment.
    WaitUntil(Timestamp),
    /// Nothing, for so long.
    Wait(Duration),
    /// Touches new memory at this rate until it has `most`, or until no memory could be had for
    /// two seconds: then the allocation fails. Until it fails it waits, and takes what it gets.
    Grow {
        /// MiB a second.
        mib_s: f64,
        /// The rate is drawn anew each second, uniform in `mib_s` × (1 ± this).
        vary: f64,
        /// What it stops at, beyond the base; `None`: only a failing allocation stops it.
        most: Option<Bytes>,
    },
    /// Gives back all that was touched, at once.
    Free,
}

/// How page cache grows in a guest: into what nothing else uses, and it gives way to programs
/// and to the balloon.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct PageCache {
    /// MiB a second.
    pub mib_s: f64,
    /// The most it comes to.
    pub most: Bytes,
}

/// A balloon device.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct BalloonSpec {
    /// Whether the guest has a driver for it: without one, targets are accepted, nothing
    /// happens, and there are no statistics.
    pub driver: bool,
    /// How fast the guest's memory goes towards the target, in MiB a second.
    pub mib_s: f64,
    /// How often the guest is asked for statistics at the start of each run; zero: never.
    pub period: Duration,
}

impl Default for BalloonSpec {
    fn default() -> Self {
        Self {
            driver: true,
            mib_s: 200.0,
            period: Duration::from_secs(1),
        }
    }
}

impl MemorySpec {
    /// A guest that has `start` of at most `max` and uses `base` of it; with a balloon, without
    /// page cache and swap.
    #[must_use]
    pub fn new(start: Bytes, max: Bytes, base: Bytes) -> Self {
        Self {
            max,
            start,
            base,
            work: Vec::new(),
            cache: PageCache::default(),
            swap: false,
            balloon: Some(BalloonSpec::default()),
            reboots: Vec::new(),
        }
    }
}

impl HostMemorySpec {
    /// What the host itself uses at a moment.
    pub(super) fn used_at(&self, now: Timestamp) -> Bytes {
        let begun = self.used.partition_point(|step| step.at <= now);
        begun
            .checked_sub(1)
            .map_or(Bytes::ZERO, |last| self.used[last].used)
    }
}
