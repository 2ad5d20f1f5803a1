//! The memory of one simulated guest: its programs, its page cache, its balloon, its statistics.
//!
//! Used + cache + unused = actual at every moment. Nobody takes the last pages: programs and
//! balloon leave the kernel its reserve.

use super::chance::Chance;
use super::memory_spec::{MemorySpec, MemoryWork};
use crate::BalloonSample;
use cloudlot_core::{Bytes, Timestamp};
use std::time::Duration;

/// Memory goes in steps of this.
pub(super) const TICK: Duration = Duration::from_millis(100);

/// What the kernel of a guest keeps free whatever happens.
const KERNEL_RESERVE: Bytes = Bytes::mib(16);

/// How long a program waits for memory before its allocation fails.
const PATIENCE: Duration = Duration::from_secs(2);

/// Major page faults in each tick of a guest that starves: a thousand a second.
const FAULTS_PER_TICK: u64 = 100;

/// The truth about a simulated guest's memory, which its statistics tell late.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MemoryTruth {
    /// What it has.
    pub actual: Bytes,
    /// What its balloon was last asked for.
    pub target: Bytes,
    /// What kernel, services and programs use.
    pub used: Bytes,
    /// Page cache.
    pub cache: Bytes,
    /// The rest.
    pub unused: Bytes,
    /// Whether a program wants more memory now.
    pub growing: bool,
    /// Whether a program wanted memory in the last step and did not get all of it.
    pub starved: bool,
}

/// What a guest's programs began or ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MemoryChange {
    /// Growth began.
    GrowthBegan,
    /// Growth came to where it was to stop.
    GrowthEnded,
    /// Growth ended since no memory could be had.
    AllocationFailed,
    /// All that was touched was given back.
    Freed,
    /// The guest was rebooted.
    Rebooted,
}

/// What faults do to a balloon in one step.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Trouble {
    /// The balloon is no faster than this, in MiB a second.
    pub(super) slow_mib_s: Option<f64>,
    /// Statistics stand still.
    pub(super) frozen: bool,
}

#[derive(Clone, Debug)]
pub(super) struct GuestMemory {
    spec: MemorySpec,
    chance: Chance,
    pub(super) actual: Bytes,
    pub(super) target: Bytes,
    pub(super) period: Duration,
    cache: Bytes,
    /// What programs have touched and not freed.
    grown: Bytes,
    /// The work under way, and since when.
    work: usize,
    since: Timestamp,
    /// The present factor of a varying rate, drawn anew when so many ticks are over.
    factor: f64,
    factor_ticks: u32,
    growing: bool,
    starved: bool,
    starved_for: Duration,
    swapped: Bytes,
    major_faults: u64,
    next_stats: Timestamp,
    stats: Option<Stats>,
    boots: u64,
}

/// What the guest told, and when.
#[derive(Clone, Copy, Debug)]
struct Stats {
    at: Timestamp,
    unused: Bytes,
    cache: Bytes,
    swapped: Bytes,
    major_faults: u64,
}

impl GuestMemory {
    pub(super) fn new(spec: MemorySpec, seed: u64) -> Self {
        Self {
            chance: Chance::new(seed),
            actual: spec.start,
            target: spec.start,
            period: spec
                .balloon
                .map_or(Duration::ZERO, |balloon| balloon.period),
            cache: Bytes::ZERO,
            grown: Bytes::ZERO,
            work: 0,
            since: Timestamp::ZERO,
            factor: 1.0,
            factor_ticks: 0,
            growing: false,
            starved: false,
            starved_for: Duration::ZERO,
            swapped: Bytes::ZERO,
            major_faults: 0,
            next_stats: Timestamp::ZERO,
            stats: None,
            boots: 0,
            spec,
        }
    }

    /// A new run: as specified, with the chance that is left from the last one.
    pub(super) fn start(&mut self, now: Timestamp) {
        let mut chance = self.chance.clone();
        let phase = self
            .spec
            .balloon
            .unwrap_or_default()
            .period
            .mul_f64(chance.unit());
        *self = Self {
            chance,
            since: now,
            next_stats: now + phase,
            ..Self::new(self.spec.clone(), 0)
        };
    }

    /// The guest boots again, in the same run.
    pub(super) fn reboot(&mut self) {
        (self.actual, self.target) = (self.spec.max, self.spec.max);
        (self.cache, self.grown) = (Bytes::ZERO, Bytes::ZERO);
        (self.swapped, self.major_faults) = (Bytes::ZERO, 0);
        self.stats = None;
        self.boots += 1;
    }

    pub(super) fn truth(&self) -> MemoryTruth {
        MemoryTruth {
            actual: self.actual,
            target: self.target,
            used: self.used(),
            cache: self.cache,
            unused: self.unused(),
            growing: self.growing,
            starved: self.starved,
        }
    }

    /// Asks for statistics this often from now on, and once at once.
    pub(super) fn set_period(&mut self, period: Duration, now: Timestamp) {
        self.period = period;
        self.next_stats = now;
    }

    /// One step of [`TICK`]; what programs began and ended in it.
    pub(super) fn tick(&mut self, now: Timestamp, trouble: Trouble) -> Vec<MemoryChange> {
        let mut changes = Vec::new();
        self.starved = false;
        while self.proceed(now, &mut changes) {}
        self.move_balloon(trouble);
        let room = self.unused().saturating_sub(KERNEL_RESERVE);
        let cached = per_tick(self.spec.cache.mib_s)
            .min(self.spec.cache.most.saturating_sub(self.cache))
            .min(room);
        self.cache = self.cache.saturating_add(cached);
        self.tell(now, trouble);
        changes
    }

    /// What a hypervisor shows of it; `None` without a device.
    pub(super) fn sample(&self, now: Timestamp) -> Option<BalloonSample> {
        self.spec.balloon?;
        let stats = self.stats;
        Some(BalloonSample {
            actual: self.actual,
            max: self.spec.max,
            unused: stats.map(|stats| stats.unused),
            usable: stats.map(|stats| stats.unused.saturating_add(stats.cache)),
            caches: stats.map(|stats| stats.cache),
            swap_in: stats.map(|stats| stats.swapped),
            swap_out: stats.map(|stats| stats.swapped),
            major_faults: stats.map(|stats| stats.major_faults),
            stamp: stats.map(|stats| stats.at.as_nanos() / 1_000_000_000),
            age: stats.map(|stats| now.since(stats.at)),
            period: Some(self.period),
            boots: self.boots,
        })
    }
}

impl GuestMemory {
    fn used(&self) -> Bytes {
        self.spec.base.saturating_add(self.grown)
    }

    fn unused(&self) -> Bytes {
        self.actual
            .saturating_sub(self.used())
            .saturating_sub(self.cache)
    }

    /// Goes on with the work under way; `true` if it is over, so that the next can begin.
    fn proceed(&mut self, now: Timestamp, changes: &mut Vec<MemoryChange>) -> bool {
        let over = match self.spec.work.get(self.work).copied() {
            None => return false,
            Some(MemoryWork::WaitUntil(at)) => now >= at,
            Some(MemoryWork::Wait(time)) => now.since(self.since) >= time,
            Some(MemoryWork::Free) => {
                self.grown = Bytes::ZERO;
                changes.push(MemoryChange::Freed);
                true
            }
            Some(MemoryWork::Grow { mib_s, vary, most }) => {
                if !self.growing {
                    (self.growing, self.factor_ticks) = (true, 0);
                    self.starved_for = Duration::ZERO;
                    changes.push(MemoryChange::GrowthBegan);
                }
                let end = self.grow(mib_s, vary, most);
                changes.extend(end);
                end.is_some()
            }
        };
        if over {
            self.work += 1;
            self.since = now;
            self.growing = false;
        }
        over
    }

    /// Growth of one tick; how it ended, if it did.
    fn grow(&mut self, mib_s: f64, vary: f64, most: Option<Bytes>) -> Option<MemoryChange> {
        if self.factor_ticks == 0 {
            self.factor = self.chance.between(1.0 - vary, 1.0 + vary);
            self.factor_ticks = 10;
        }
        self.factor_ticks -= 1;
        let left = most.unwrap_or(Bytes::MAX).saturating_sub(self.grown);
        let wanted = per_tick(mib_s * self.factor).min(left);
        let missing = wanted.saturating_sub(self.allocate(wanted));
        self.starved = missing > Bytes::ZERO;
        if self.starved {
            self.starved_for += TICK;
            self.major_faults += FAULTS_PER_TICK;
            if self.spec.swap {
                // What is pushed out is wanted back at once.
                self.swapped = self.swapped.saturating_add(missing);
            }
        } else {
            self.starved_for = Duration::ZERO;
        }
        if most.is_some_and(|most| self.grown >= most) {
            Some(MemoryChange::GrowthEnded)
        } else if self.starved_for >= PATIENCE {
            Some(MemoryChange::AllocationFailed)
        } else {
            None
        }
    }

    /// Takes memory for a program, from the cache too, and tells how much there was.
    fn allocate(&mut self, wanted: Bytes) -> Bytes {
        let got = self.take(wanted);
        self.grown = self.grown.saturating_add(got);
        got
    }

    /// As much as there is of `wanted`, from unused memory and then from the cache.
    fn take(&mut self, wanted: Bytes) -> Bytes {
        let free = self.unused().saturating_sub(KERNEL_RESERVE);
        let from_cache = wanted.saturating_sub(free).min(self.cache);
        self.cache = self.cache.saturating_sub(from_cache);
        free.min(wanted).saturating_add(from_cache)
    }

    /// A step of the balloon towards its target; it takes only what the guest can give.
    fn move_balloon(&mut self, trouble: Trouble) {
        let Some(balloon) = self.spec.balloon.filter(|balloon| balloon.driver) else {
            return;
        };
        let slowest = trouble.slow_mib_s.unwrap_or(f64::INFINITY);
        let step = per_tick(balloon.mib_s.min(slowest));
        if self.target >= self.actual {
            let grant = self.target.saturating_sub(self.actual).min(step);
            self.actual = self.actual.saturating_add(grant);
        } else {
            let wanted = self.actual.saturating_sub(self.target).min(step);
            let given = self.take(wanted);
            self.actual = self.actual.saturating_sub(given);
        }
    }

    /// Writes statistics down when they are due.
    fn tell(&mut self, now: Timestamp, trouble: Trouble) {
        let driven = self.spec.balloon.is_some_and(|balloon| balloon.driver);
        if !driven || self.period.is_zero() || now < self.next_stats {
            return;
        }
        self.next_stats = now.next_multiple(self.next_stats, self.period);
        if !trouble.frozen {
            self.stats = Some(Stats {
                at: now,
                unused: in_pages(self.unused()),
                cache: in_pages(self.cache),
                swapped: in_pages(self.swapped),
                major_faults: self.major_faults,
            });
        }
    }
}

/// Statistics count whole pages of 4 KiB.
fn in_pages(bytes: Bytes) -> Bytes {
    Bytes::kib(bytes.whole_kib() / 4 * 4)
}

/// What a rate in MiB a second comes to in one tick.
fn per_tick(mib_s: f64) -> Bytes {
    Bytes::from_f64(mib_s * TICK.as_secs_f64() * Bytes::mib(1).get() as f64)
}
