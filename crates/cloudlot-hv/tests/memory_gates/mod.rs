//! The gates of the course contract for memory: watches a run on a [`FakeHost`] and keeps the
//! worst of it. What is good enough, is left to the tests.

use cloudlot_core::{Bytes, Timestamp};
use cloudlot_hv::fake::{FakeHost, MemoryChange};
use cloudlot_hv::{CycleReport, DomainId, HostStep, Hypervisor, MemoryPicture, Picture};
use std::collections::BTreeMap;
use std::time::Duration;

/// What the host must keep by the rules of the profile.
const RESERVE: Bytes = Bytes::mib(220);
/// A donor stands above its floor when it has more than this beyond its need.
const DEAD_BAND: Bytes = Bytes::mib(32);
/// The fastest growth of one guest in the scenarios: 28 MiB/s + 30 %.
const FASTEST_MIB_S: f64 = 36.4;
/// A guest may be short for so long after memory was used up.
const AFTERMATH: Duration = Duration::from_secs(10);
/// What a guest that grows is given too much counts from here on.
const WARM_UP: Duration = Duration::from_secs(10);

/// What a run came to: the worst of it, amounts in MiB.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Figures {
    /// Least unused memory of a guest that does not grow.
    pub(crate) resting_unused: f64,
    /// The same of a guest that grows and is below its maximum, unless memory is used up.
    pub(crate) growing_unused: f64,
    /// Least that the host kept, with all grants taken.
    pub(crate) host_free: f64,
    /// Most unused memory of a guest that has been growing for 10 s.
    pub(crate) peak_unused: f64,
    /// Largest step down, relative to what is allowed: 50 MiB, or a quarter of the size.
    pub(crate) down_step: f64,
    /// Most changes of direction between two changes of a guest's demand.
    pub(crate) reversals: usize,
    /// Most that the host's free memory fell while a donor had something to give, beyond the
    /// grants of one turn.
    pub(crate) host_paid: f64,
    /// How far apart the sizes are when the first allocation fails, in percent of the largest.
    pub(crate) size_spread: f64,
    /// Most that a guest has unused at the end.
    pub(crate) left_over: f64,
    /// Smallest and largest size of a guest.
    pub(crate) smallest: f64,
    /// Smallest and largest size of a guest.
    pub(crate) largest: f64,
    /// Calls to the hypervisor.
    pub(crate) calls: usize,
}

impl Figures {
    const NONE: Self = Self {
        resting_unused: f64::INFINITY,
        growing_unused: f64::INFINITY,
        host_free: f64::INFINITY,
        peak_unused: 0.0,
        down_step: 0.0,
        reversals: 0,
        host_paid: 0.0,
        size_spread: 0.0,
        left_over: 0.0,
        smallest: f64::INFINITY,
        largest: 0.0,
        calls: 0,
    };

    /// The worse of both, figure by figure.
    pub(crate) fn worst(self, other: Self) -> Self {
        Self {
            resting_unused: self.resting_unused.min(other.resting_unused),
            growing_unused: self.growing_unused.min(other.growing_unused),
            host_free: self.host_free.min(other.host_free),
            peak_unused: self.peak_unused.max(other.peak_unused),
            down_step: self.down_step.max(other.down_step),
            reversals: self.reversals.max(other.reversals),
            host_paid: self.host_paid.max(other.host_paid),
            size_spread: self.size_spread.max(other.size_spread),
            left_over: self.left_over.max(other.left_over),
            smallest: self.smallest.min(other.smallest),
            largest: self.largest.max(other.largest),
            calls: self.calls.max(other.calls),
        }
    }

    pub(crate) fn header() -> String {
        let heads = [
            "resting",
            "growing",
            "host",
            "peak",
            "down",
            "reversals",
            "paid",
            "spread",
            "left",
            "calls",
        ];
        let heads = heads.map(|head| format!("{head:>9}"));
        format!("{:14}{}\n", "", heads.concat())
    }

    pub(crate) fn line(&self, scenario: &str, who: &str) -> String {
        let amounts = [
            self.resting_unused,
            self.growing_unused,
            self.host_free,
            self.peak_unused,
            self.down_step * 100.0,
            self.reversals as f64,
            self.host_paid,
            self.size_spread,
            self.left_over,
            self.calls as f64,
        ];
        let amounts = amounts.map(|amount| format!("{amount:>9.0}"));
        format!("{scenario:7}{who:7}{}\n", amounts.concat())
    }
}

/// Watches one run.
pub(crate) struct Gates {
    guests: Vec<DomainId>,
    interval: Duration,
    figures: Figures,
    /// When memory was last used up: the host could not grant another interval of growth, and
    /// nobody had anything to give.
    used_up: Option<Timestamp>,
    /// What the host had when a donor first had something to give.
    before_donors: Option<Bytes>,
    granted: Bytes,
    calls: usize,
    directions: BTreeMap<DomainId, Direction>,
    failed: bool,
}

/// Where a guest's target goes.
#[derive(Clone, Copy, Default)]
struct Direction {
    target: Bytes,
    up: Option<bool>,
    /// Changes of its demand so far, and reversals since the last of them.
    changes: usize,
    reversals: usize,
}

fn mib(bytes: Bytes) -> f64 {
    bytes.as_mib_f64()
}

impl Gates {
    /// Starts to watch; turns come every `interval`.
    pub(crate) fn new(host: &mut FakeHost, interval: Duration) -> Self {
        let guests: Vec<DomainId> = host.spec().guests.iter().map(|guest| guest.id).collect();
        let directions = guests.iter().map(|id| {
            let target = host.memory(*id).unwrap().target;
            let direction = Direction {
                target,
                ..Direction::default()
            };
            (*id, direction)
        });
        Self {
            directions: directions.collect(),
            guests,
            interval,
            figures: Figures::NONE,
            used_up: None,
            before_donors: None,
            granted: Bytes::ZERO,
            calls: 0,
            failed: false,
        }
    }

    /// Takes in what a turn did.
    pub(crate) fn turn(&mut self, host: &mut FakeHost, report: &CycleReport) {
        let calls = host.calls()[self.calls..].to_vec();
        self.calls += calls.len();
        self.granted = Bytes::ZERO;
        for (_, step) in &calls {
            if let HostStep::SetMemory { domain, target } = step {
                self.call(host, *domain, *target);
            }
        }
        let Picture::Memory(picture) = &report.plan.picture else {
            return;
        };
        let donors = picture.guests.iter().any(|guest| {
            let floor = guest.need.saturating_add(DEAD_BAND);
            guest.held.is_empty() && guest.actual > floor
        });
        self.pay(picture, donors);
        let growing = self.guests.iter().filter(|id| grows(host, **id).is_some());
        let taken = FASTEST_MIB_S * self.interval.as_secs_f64() * growing.count() as f64;
        let room = free(host, &self.guests).saturating_sub(RESERVE);
        if !donors && mib(room) < taken {
            self.used_up = Some(report.at);
        }
    }

    fn call(&mut self, host: &mut FakeHost, id: DomainId, target: Bytes) {
        let actual = host.memory(id).unwrap().actual;
        self.granted = self.granted.saturating_add(target.saturating_sub(actual));
        let allowed = f64::max(50.0, 0.25 * mib(actual));
        let down = mib(actual.saturating_sub(target));
        self.figures.down_step = self.figures.down_step.max(down / allowed);

        let changes = host.memory_changes(id);
        let mut moments: Vec<Timestamp> = changes.iter().map(|(at, _)| *at).collect();
        moments.dedup();
        let direction = self.directions.get_mut(&id).unwrap();
        if moments.len() > direction.changes {
            (direction.changes, direction.reversals) = (moments.len(), 0);
        }
        let up = target > direction.target;
        if direction.up.is_some_and(|last| last != up) {
            direction.reversals += 1;
        }
        (direction.up, direction.target) = (Some(up), target);
        self.figures.reversals = self.figures.reversals.max(direction.reversals);
    }

    /// While donors have something to give, the host pays for one turn's grants at most.
    fn pay(&mut self, picture: &MemoryPicture, donors: bool) {
        if !donors {
            self.before_donors = None;
            return;
        }
        let before = *self.before_donors.get_or_insert(picture.available);
        let now = picture.available.saturating_add(self.granted);
        let paid = mib(before.saturating_sub(now));
        self.figures.host_paid = self.figures.host_paid.max(paid);
    }

    /// Takes in a moment of the run.
    pub(crate) fn tick(&mut self, host: &mut FakeHost, now: Timestamp) {
        let free = mib(free(host, &self.guests));
        self.figures.host_free = self.figures.host_free.min(free);
        for id in self.guests.clone() {
            self.guest(host, id, now);
        }
    }

    fn guest(&mut self, host: &mut FakeHost, id: DomainId, now: Timestamp) {
        let truth = host.memory(id).unwrap();
        let (unused, size) = (mib(truth.unused), mib(truth.actual));
        let used_up = self.used_up.is_some_and(|at| now.since(at) <= AFTERMATH);
        let spread = spread(host, &self.guests);
        let figures = &mut self.figures;
        figures.smallest = figures.smallest.min(size);
        figures.largest = figures.largest.max(size);
        match grows(host, id) {
            None => figures.resting_unused = figures.resting_unused.min(unused),
            Some(since) => {
                if size < 2048.0 && !used_up {
                    figures.growing_unused = figures.growing_unused.min(unused);
                }
                if now.since(since) >= WARM_UP {
                    figures.peak_unused = figures.peak_unused.max(unused);
                }
            }
        }
        let failed = host.memory_changes(id).iter();
        let mut failed = failed.filter(|(_, change)| *change == MemoryChange::AllocationFailed);
        if !self.failed && failed.next().is_some() {
            self.failed = true;
            self.figures.size_spread = spread;
        }
    }

    /// What the run came to.
    pub(crate) fn end(mut self, host: &mut FakeHost) -> Figures {
        for id in &self.guests {
            let unused = mib(host.memory(*id).unwrap().unused);
            self.figures.left_over = self.figures.left_over.max(unused);
        }
        self.figures.calls = self.calls;
        self.figures
    }
}

/// Since when a guest grows, if it does.
fn grows(host: &mut FakeHost, id: DomainId) -> Option<Timestamp> {
    let (at, change) = *host.memory_changes(id).last()?;
    (change == MemoryChange::GrowthBegan).then_some(at)
}

/// What the host has free once every grant is taken.
fn free(host: &mut FakeHost, guests: &[DomainId]) -> Bytes {
    let in_flight = guests.iter().map(|id| {
        let truth = host.memory(*id).unwrap();
        truth.target.saturating_sub(truth.actual)
    });
    let in_flight: Bytes = in_flight.sum();
    let available = host.sample().unwrap().memory.unwrap().available;
    available.saturating_sub(in_flight)
}

fn spread(host: &mut FakeHost, guests: &[DomainId]) -> f64 {
    let mut sizes = guests
        .iter()
        .map(|id| mib(host.memory(*id).unwrap().actual));
    let first = sizes.next().unwrap();
    let (low, high) = sizes.fold((first, first), |(low, high), size| {
        (low.min(size), high.max(size))
    });
    (high - low) / high * 100.0
}
