//! From successive samples to usage: used memory, growth, pressure, and whether a guest's word is
//! still good.
//!
//! What follows for a guest's need is in `need.rs`. A sample that contradicts itself gives a note
//! and a guest without a word, never a panic.

use super::config::{MemoryConfig, Spare, percent};
use super::usage::{Barred, GuestUsage, MemoryUsage, Pressure, Reading};
use crate::{BalloonSample, DomainId, DomainSample, DomainState, HostMemory, HostSample};
use cloudlot_core::{Bytes, Timestamp};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// Keeps the last few readings of each guest, and makes usage of each new sample.
/// ```
/// use cloudlot_core::{Bytes, Clock, ManualClock, Seeds, Timestamp};
/// use cloudlot_hv::Hypervisor;
/// use cloudlot_hv::fake::{FakeHost, scenario};
/// use cloudlot_hv::memory::{MemoryConfig, MemoryWindow};
/// use std::time::Duration;
///
/// let clock = ManualClock::default();
/// let spec = scenario::named("mem-1", Seeds::new(1)).expect("a known name");
/// let mut host = FakeHost::new(spec, Seeds::new(1), clock.clone())?;
/// let mut window = MemoryWindow::new(&MemoryConfig::course());
///
/// clock.sleep_until(Timestamp::ZERO + Duration::from_secs(2));
/// let usage = window.push(&host.sample()?);
/// let used = usage.guests[0].reading.expect("it tells").used;
/// assert!(Bytes::mib(150) <= used && used <= Bytes::mib(200));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct MemoryWindow {
    config: MemoryConfig,
    last: Option<Timestamp>,
    guests: BTreeMap<DomainId, Record>,
}

/// What is remembered of a guest.
#[derive(Clone, Debug)]
struct Record {
    run: u64,
    at: Timestamp,
    balloon: BalloonSample,
    /// Whether `balloon` is a whole sample, not just sizes to start from.
    seen: bool,
    /// Time of the statistics and what was used, oldest first.
    readings: VecDeque<(Timestamp, Bytes)>,
    doubt: Bytes,
    unused: Option<Bytes>,
    pressure: Option<Pressure>,
    /// Turns without new statistics.
    quiet: u32,
    booted: Option<Timestamp>,
    silent: bool,
}

impl MemoryWindow {
    /// A window that has seen nothing.
    #[must_use]
    pub fn new(config: &MemoryConfig) -> Self {
        Self {
            config: config.clone(),
            last: None,
            guests: BTreeMap::new(),
        }
    }

    /// Forgets every sample.
    pub fn clear(&mut self) {
        self.last = None;
        self.guests.clear();
    }

    /// Takes a sample in. The order of its domains does not matter.
    pub fn push(&mut self, sample: &HostSample) -> MemoryUsage {
        let mut notes = Vec::new();
        let since = self.last.map(|last| sample.at.since(last));
        let interval = since
            .filter(|since| !since.is_zero())
            .unwrap_or(self.config.interval);
        let domains: BTreeMap<DomainId, &DomainSample> = sample
            .domains
            .iter()
            .rev()
            .map(|domain| (domain.id, domain))
            .collect();
        if domains.len() < sample.domains.len() {
            notes.push("the sample lists a domain twice: the first counts".to_owned());
        }
        let has_balloon = |id: &DomainId| domains.get(id).is_some_and(|it| it.balloon.is_some());
        self.guests.retain(|id, _| has_balloon(id));
        let guests = domains
            .values()
            .filter_map(|domain| self.guest(domain, sample.at, &mut notes))
            .collect();
        self.last = Some(sample.at);
        MemoryUsage {
            at: sample.at,
            interval,
            host: sample.memory.map(|memory| HostMemory {
                available: memory.available.min(memory.total),
                ..memory
            }),
            guests,
            notes,
        }
    }

    fn guest(
        &mut self,
        domain: &DomainSample,
        at: Timestamp,
        notes: &mut Vec<String>,
    ) -> Option<GuestUsage> {
        let balloon = domain.balloon.as_ref()?;
        let name = &domain.name;
        let earlier = self
            .guests
            .remove(&domain.id)
            .filter(|earlier| earlier.run == domain.run);
        let mut record = match earlier {
            Some(mut record) => {
                if rebooted(&record.balloon, balloon) {
                    notes.push(format!("{name}: its counters began anew, it has booted"));
                    record = Record::new(domain.run, at, balloon);
                    record.booted = Some(at);
                }
                record
            }
            None => {
                let mut record = Record::new(domain.run, at, balloon);
                record.booted = self.last.map(|_| at);
                record
            }
        };
        record.take(balloon, at, &self.config, name, notes);
        let usage = record.usage(domain, balloon, at, &self.config);
        if record.silent != usage.reading.is_none() {
            record.silent = usage.reading.is_none();
            notes.push(if record.silent {
                format!("{name}: it does not tell what it uses, and will not shrink")
            } else {
                format!("{name}: it tells what it uses")
            });
        }
        self.guests.insert(domain.id, record);
        Some(usage)
    }
}

impl Record {
    fn new(run: u64, at: Timestamp, balloon: &BalloonSample) -> Self {
        Self {
            run,
            at,
            balloon: BalloonSample {
                actual: balloon.actual,
                max: balloon.max,
                ..BalloonSample::default()
            },
            seen: false,
            readings: VecDeque::new(),
            doubt: Bytes::ZERO,
            unused: None,
            pressure: None,
            quiet: 0,
            booted: None,
            silent: false,
        }
    }

    /// Takes the present sample in, and its statistics if they are new and make sense.
    fn take(
        &mut self,
        balloon: &BalloonSample,
        at: Timestamp,
        config: &MemoryConfig,
        name: &str,
        notes: &mut Vec<String>,
    ) {
        self.quiet = self.quiet.saturating_add(1);
        let before = self.seen.then_some(&self.balloon);
        if is_news(before, balloon, at.since(self.at)) {
            match spare(balloon, config.spare) {
                Some(spare) if spare <= balloon.actual => self.read(balloon, spare, at, config),
                Some(spare) => notes.push(format!(
                    "{name}: it says that {spare} of {} are to spare",
                    balloon.actual
                )),
                None => {}
            }
        }
        self.balloon = balloon.clone();
        self.at = at;
        self.seen = true;
    }

    fn read(
        &mut self,
        balloon: &BalloonSample,
        spare: Bytes,
        at: Timestamp,
        config: &MemoryConfig,
    ) {
        let age = balloon.age.unwrap_or_default();
        let told = Timestamp::from_nanos(
            at.as_nanos()
                .saturating_sub(u64::try_from(age.as_nanos()).unwrap_or(u64::MAX)),
        );
        let used = balloon.actual.saturating_sub(spare);
        let since = self.readings.back().map(|(last, _)| told.since(*last));
        self.pressure = pressure(&self.balloon, balloon, spare, since, config);
        self.doubt = self.fall_since(told, balloon.actual, at);
        self.unused = balloon.unused;
        self.quiet = 0;
        self.readings.push_back((told, used));
        while self.readings.len() > config.readings as usize {
            self.readings.pop_front();
        }
    }

    /// What the balloon took since the guest wrote its statistics, if it moved evenly between
    /// the two samples around that moment. A fast balloon was done earlier and took less.
    fn fall_since(&self, told: Timestamp, actual: Bytes, at: Timestamp) -> Bytes {
        let fall = self.balloon.actual.saturating_sub(actual);
        let nanos = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let passed = at.since(self.at);
        let age = at.since(told).min(passed);
        fall.fraction(nanos(age), nanos(passed).max(1))
    }

    fn usage(
        &self,
        domain: &DomainSample,
        balloon: &BalloonSample,
        at: Timestamp,
        config: &MemoryConfig,
    ) -> GuestUsage {
        let oldest = balloon.period.unwrap_or_default().saturating_mul(3);
        let good = config.stale_after.max(oldest);
        let reading = self.readings.back().and_then(|&(told, used)| {
            let age = at.since(told);
            let fresh = age <= good && self.quiet < config.stale_turns;
            fresh.then_some(Reading {
                used,
                doubt: self.doubt,
                unused: self.unused,
                age,
            })
        });
        let rules = &domain.rules;
        GuestUsage {
            id: domain.id,
            name: domain.name.clone(),
            run: domain.run,
            barred: barred(domain, balloon),
            shares: rules.shares.max(1),
            minimum: rules.memory_min,
            maximum: balloon.max.min(rules.memory_max.unwrap_or(Bytes::MAX)),
            actual: balloon.actual,
            reading,
            growth: reading.map_or(Bytes::ZERO, |_| slope(&self.readings)),
            pressure: reading.and(self.pressure),
            booted: self.booted,
            period: balloon.period,
        }
    }
}

fn barred(domain: &DomainSample, balloon: &BalloonSample) -> Option<Barred> {
    if !domain.rules.managed {
        Some(Barred::Unmanaged)
    } else if domain.job {
        Some(Barred::Job)
    } else if domain.state != DomainState::Running {
        Some(Barred::NotRunning)
    } else if balloon.actual > balloon.max || balloon.actual == Bytes::ZERO {
        Some(Barred::Nonsense)
    } else {
        None
    }
}

/// What the guest could spare by its own word.
fn spare(balloon: &BalloonSample, which: Spare) -> Option<Bytes> {
    let half_cached = || {
        let caches = balloon.caches.filter(|caches| *caches <= balloon.actual)?;
        Some(balloon.unused?.saturating_add(caches.fraction(1, 2)))
    };
    match which {
        Spare::Unused => balloon.unused,
        Spare::Usable => balloon.usable.or_else(half_cached),
    }
}

/// Whether statistics were written since the last sample. What has no age is news only if it
/// moved before our eyes; where there is no stamp either, other numbers are a move.
fn is_news(before: Option<&BalloonSample>, now: &BalloonSample, passed: Duration) -> bool {
    match (now.stamp, now.age) {
        (Some(_), Some(_)) => before.is_none_or(|before| before.stamp != now.stamp),
        (None, Some(age)) => before.is_none() || age < passed,
        (Some(_), None) => before.is_some_and(|before| before.stamp != now.stamp),
        (None, None) => {
            let words = |of: &BalloonSample| {
                let memory = (of.unused, of.usable, of.caches);
                (memory, of.swap_in, of.swap_out, of.major_faults)
            };
            before.is_some_and(|before| words(before) != words(now))
        }
    }
}

/// Whether the guest started anew in the same run: the hypervisor saw it, its counters ran back,
/// or it fell silent.
fn rebooted(before: &BalloonSample, now: &BalloonSample) -> bool {
    let back = |before: Option<Bytes>, now: Option<Bytes>| matches!((before, now), (Some(before), Some(now)) if now < before);
    let faults = |of: &BalloonSample| of.major_faults.map(Bytes::new);
    let silent = before.stamp.is_some() && now.stamp.is_none();
    now.boots != before.boots
        || silent
        || back(before.swap_in, now.swap_in)
        || back(before.swap_out, now.swap_out)
        || back(faults(before), faults(now))
}

fn pressure(
    before: &BalloonSample,
    now: &BalloonSample,
    spare: Bytes,
    since: Option<Duration>,
    config: &MemoryConfig,
) -> Option<Pressure> {
    let more = |before: Option<u64>, now: Option<u64>| now?.checked_sub(before?);
    let seconds = since.map_or(0.0, |since| since.as_secs_f64());
    let swapped = more(before.swap_in.map(Bytes::get), now.swap_in.map(Bytes::get));
    let faults = more(before.major_faults, now.major_faults).unwrap_or(0) as f64;
    if swapped.is_some_and(|swapped| swapped > 0) {
        Some(Pressure::Swaps)
    } else if faults > config.pressure_faults as f64 * seconds && since.is_some() {
        Some(Pressure::Faults)
    } else if spare < percent(now.actual, config.pressure_spare_percent) {
        Some(Pressure::Short)
    } else {
        None
    }
}

/// By how much use grows a second, by least squares; zero if it falls or there is no telling.
fn slope(readings: &VecDeque<(Timestamp, Bytes)>) -> Bytes {
    let Some((start, _)) = readings.front() else {
        return Bytes::ZERO;
    };
    let points: Vec<(f64, f64)> = readings
        .iter()
        .map(|(at, used)| (at.since(*start).as_secs_f64(), used.get() as f64))
        .collect();
    let count = points.len() as f64;
    let mean = |values: &dyn Fn(&(f64, f64)) -> f64| points.iter().map(values).sum::<f64>() / count;
    let (time, used) = (mean(&|p| p.0), mean(&|p| p.1));
    let rise: f64 = points.iter().map(|p| (p.0 - time) * (p.1 - used)).sum();
    let run: f64 = points.iter().map(|p| (p.0 - time).powi(2)).sum();
    if run > 0.0 {
        Bytes::from_f64(rise / run)
    } else {
        Bytes::ZERO
    }
}
