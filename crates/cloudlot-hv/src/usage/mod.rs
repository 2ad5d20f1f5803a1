//! From counters to CPU demand: two samples make a rate, many make an estimate.
//!
//! Decides nothing. A counter that runs backwards, a domain that was started anew and a beat that
//! came too late restart an estimate; they are notes, not faults.
//!
//! How many rates become one estimate is in `estimate.rs`.

mod estimate;

pub use estimate::EstimateConfig;

use crate::{CpuSet, DomainState, HostSample, PcpuId, PcpuSample, VcpuId, VcpuSample};
use cloudlot_core::Timestamp;
use estimate::{Estimate, resolution};
use std::collections::BTreeMap;
use std::time::Duration;

/// A pCPU at least this busy hides demand: what waits for it shows as delay only.
pub const SATURATED: f64 = 0.97;

/// CPU use of a host and its guests over the time between two samples.
#[derive(Clone, PartialEq, Debug)]
pub struct HostUsage {
    /// When the later sample was taken.
    pub at: Timestamp,
    /// The time between both; zero for the first sample.
    pub elapsed: Duration,
    /// By rising id, usable or not.
    pub pcpus: Vec<PcpuUsage>,
    /// By rising id.
    pub vcpus: Vec<VcpuUsage>,
    /// Samples that were set aside, and why.
    pub notes: Vec<String>,
}

/// One pCPU in a [`HostUsage`].
#[derive(Clone, PartialEq, Debug)]
pub struct PcpuUsage {
    /// Its place, speed and whether guests may use it.
    pub sample: PcpuSample,
    /// The part of the time that it was busy; the sum of its vCPUs where the host does not tell.
    pub busy: f64,
    /// Smoothed load of everything but vCPUs (host work, emulator threads, interrupts), in cores.
    pub background: f64,
}

/// One vCPU in a [`HostUsage`].
#[derive(Clone, PartialEq, Debug)]
pub struct VcpuUsage {
    /// Which.
    pub id: VcpuId,
    /// Whether it may be pinned at all: managed, pinnable, running, under no job.
    pub movable: bool,
    /// Its domain's weight in contention.
    pub weight: u32,
    /// Where it may run now.
    pub mask: CpuSet,
    /// Where its owner lets it run at most.
    pub bound: Option<CpuSet>,
    /// Where it was last seen.
    pub on: Option<PcpuId>,
    /// CPU time it got in the last interval, in cores.
    pub used: f64,
    /// The part of the last interval that it waited for a pCPU.
    pub steal: f64,
    /// Estimated demand, in cores: what it would use on a pCPU of its own.
    pub estimate: f64,
    /// Variance of single samples round the estimate, in cores squared.
    pub variance: f64,
    /// Correlation of successive deviations from the estimate, in [0, 0.95].
    pub correlation: f64,
    /// Whole samples since the estimate started; 0: nothing is known yet.
    pub samples: u32,
}

/// Turns samples into usage; remembers one sample and an estimate for each vCPU.
#[derive(Clone, Debug)]
pub struct CpuWindow {
    config: EstimateConfig,
    interval: Duration,
    last: Option<Timestamp>,
    busy: BTreeMap<PcpuId, Duration>,
    background: BTreeMap<PcpuId, f64>,
    tracks: BTreeMap<VcpuId, Track>,
}

/// Smoothing of background load. Source: design figure, between one sample and a minute.
const BACKGROUND_ALPHA: f64 = 0.2;

impl CpuWindow {
    /// A window for samples that come about every `interval`.
    #[must_use]
    pub fn new(config: EstimateConfig, interval: Duration) -> Self {
        Self {
            config,
            interval,
            last: None,
            busy: BTreeMap::new(),
            background: BTreeMap::new(),
            tracks: BTreeMap::new(),
        }
    }

    /// Forgets every sample and estimate.
    pub fn clear(&mut self) {
        *self = Self::new(self.config.clone(), self.interval);
    }

    /// Takes note that a vCPU was just given another mask: its estimate starts anew, and what
    /// comes from now on counts as one whole sample in the new place.
    pub fn pinned(&mut self, vcpu: VcpuId, mask: &CpuSet) {
        if let Some(track) = self.tracks.get_mut(&vcpu) {
            track.mask = mask.clone();
            track.estimate = Estimate::default();
        }
    }

    /// The usage between the last sample and this one.
    pub fn push(&mut self, sample: &HostSample) -> HostUsage {
        let elapsed = self
            .last
            .map_or(Duration::ZERO, |last| sample.at.since(last));
        let mut notes = Vec::new();
        let whole = !elapsed.is_zero() && self.in_beat(elapsed);
        if !whole && self.last.is_some() {
            notes.push(format!(
                "a sample after {:.1} s is out of the beat: set aside",
                elapsed.as_secs_f64()
            ));
        }
        let busy = self.busy_parts(sample, elapsed);
        let mut vcpus = self.advance_tracks(sample, whole.then_some(elapsed), &busy, &mut notes);
        vcpus.sort_by_key(|vcpu| vcpu.id);
        let pcpus = self.pcpu_usage(sample, whole, &busy, &vcpus);
        self.last = Some(sample.at);
        HostUsage {
            at: sample.at,
            elapsed,
            pcpus,
            vcpus,
            notes,
        }
    }

    /// Half a beat to three beats: anything else says little about the present.
    fn in_beat(&self, elapsed: Duration) -> bool {
        elapsed >= self.interval / 2 && elapsed <= self.interval * 3
    }

    /// The busy part of each pCPU that tells it.
    fn busy_parts(&mut self, sample: &HostSample, elapsed: Duration) -> BTreeMap<PcpuId, f64> {
        let mut parts = BTreeMap::new();
        for pcpu in &sample.pcpus {
            let Some(busy) = pcpu.busy else { continue };
            if let Some(delta) = self
                .busy
                .insert(pcpu.id, busy)
                .and_then(|last| busy.checked_sub(last))
                && !elapsed.is_zero()
            {
                parts.insert(pcpu.id, ratio(delta, elapsed).min(1.0));
            }
        }
        parts
    }

    fn advance_tracks(
        &mut self,
        sample: &HostSample,
        elapsed: Option<Duration>,
        busy: &BTreeMap<PcpuId, f64>,
        notes: &mut Vec<String>,
    ) -> Vec<VcpuUsage> {
        let crowds = crowds(sample);
        let mut tracks = BTreeMap::new();
        let mut vcpus = Vec::new();
        for domain in &sample.domains {
            let movable = domain.rules.managed
                && domain.rules.pinnable
                && !domain.job
                && domain.state == DomainState::Running;
            for vcpu in &domain.vcpus {
                let id = VcpuId {
                    domain: domain.id,
                    index: vcpu.index,
                };
                let place = Place {
                    busy: saturation(vcpu, busy),
                    crowd: crowd(vcpu, &crowds),
                };
                let old = self
                    .tracks
                    .remove(&id)
                    .filter(|track| track.run == domain.run);
                let (track, rates) =
                    Track::advance(old, domain.run, vcpu, elapsed, place, &self.config);
                if rates.is_some_and(|rates| rates.backwards) {
                    notes.push(format!(
                        "cpu time of {} vcpu {} ran backwards",
                        domain.name, vcpu.index
                    ));
                }
                vcpus.push(track.usage(
                    id,
                    movable,
                    domain.rules.weight,
                    vcpu,
                    rates.unwrap_or_default(),
                ));
                tracks.insert(id, track);
            }
        }
        self.tracks = tracks;
        vcpus
    }

    fn pcpu_usage(
        &mut self,
        sample: &HostSample,
        whole: bool,
        busy: &BTreeMap<PcpuId, f64>,
        vcpus: &[VcpuUsage],
    ) -> Vec<PcpuUsage> {
        let mut guests: BTreeMap<PcpuId, f64> = BTreeMap::new();
        for vcpu in vcpus {
            let part = vcpu.used / vcpu.mask.len().max(1) as f64;
            vcpu.mask
                .iter()
                .for_each(|id| *guests.entry(id).or_default() += part);
        }
        let usage = |pcpu: &PcpuSample| {
            let by_guests = guests.get(&pcpu.id).copied().unwrap_or(0.0);
            let told = busy.get(&pcpu.id).copied();
            let background = self.background.entry(pcpu.id).or_default();
            if let Some(told) = told.filter(|_| whole) {
                *background += BACKGROUND_ALPHA * ((told - by_guests).max(0.0) - *background);
            }
            PcpuUsage {
                sample: pcpu.clone(),
                busy: told.unwrap_or(by_guests.min(1.0)),
                background: *background,
            }
        };
        let mut pcpus: Vec<PcpuUsage> = sample.pcpus.iter().map(usage).collect();
        pcpus.sort_by_key(|pcpu| pcpu.sample.id);
        pcpus
    }
}

/// How many running vCPUs are pinned to each pCPU alone.
fn crowds(sample: &HostSample) -> BTreeMap<PcpuId, u32> {
    let mut crowds = BTreeMap::new();
    for vcpu in sample.domains.iter().flat_map(|domain| &domain.vcpus) {
        if let Some(id) = vcpu.mask.only() {
            *crowds.entry(id).or_default() += 1;
        }
    }
    crowds
}

fn crowd(vcpu: &VcpuSample, crowds: &BTreeMap<PcpuId, u32>) -> u32 {
    vcpu.mask
        .only()
        .and_then(|id| crowds.get(&id).copied())
        .unwrap_or(1)
}

/// How busy the least busy pCPU is that the vCPU may use.
fn saturation(vcpu: &VcpuSample, busy: &BTreeMap<PcpuId, f64>) -> f64 {
    let parts = vcpu.mask.iter().filter_map(|id| busy.get(&id).copied());
    parts.min_by(f64::total_cmp).unwrap_or(0.0)
}

/// What surrounds a vCPU: decides whether its delay is demand.
#[derive(Clone, Copy)]
struct Place {
    busy: f64,
    crowd: u32,
}

/// Rates of one vCPU over one interval.
#[derive(Clone, Copy, Default)]
struct Rates {
    used: f64,
    steal: f64,
    demand: f64,
    backwards: bool,
}

/// What the window remembers of one vCPU.
#[derive(Clone, Debug)]
struct Track {
    run: u64,
    time: Duration,
    delay: Option<Duration>,
    mask: CpuSet,
    estimate: Estimate,
}

impl Track {
    /// The track after one more sample, and the rates since the last one if it was whole.
    fn advance(
        old: Option<Self>,
        run: u64,
        vcpu: &VcpuSample,
        elapsed: Option<Duration>,
        place: Place,
        config: &EstimateConfig,
    ) -> (Self, Option<Rates>) {
        let mut estimate = old.as_ref().map(|track| track.estimate).unwrap_or_default();
        let rates = old
            .as_ref()
            .zip(elapsed)
            .map(|(old, elapsed)| old.rates(vcpu, elapsed, place));
        let same_mask = old.as_ref().is_some_and(|old| old.mask == vcpu.mask);
        match rates {
            Some(rates) if !rates.backwards && same_mask => {
                estimate.add(rates.demand, resolution(elapsed), config);
            }
            Some(_) => estimate = Estimate::default(),
            None => {}
        }
        let track = Self {
            run,
            time: vcpu.time,
            delay: vcpu.delay,
            mask: vcpu.mask.clone(),
            estimate,
        };
        (track, rates)
    }

    fn rates(&self, vcpu: &VcpuSample, elapsed: Duration, place: Place) -> Rates {
        let Some(time) = vcpu.time.checked_sub(self.time) else {
            return Rates {
                backwards: true,
                ..Rates::default()
            };
        };
        let used = ratio(time, elapsed).min(1.0);
        let delay = self
            .delay
            .zip(vcpu.delay)
            .and_then(|(last, now)| now.checked_sub(last));
        let steal = delay.map_or(0.0, |delay| ratio(delay, elapsed).min(1.0));
        let demand = if place.busy < SATURATED {
            // A loop that sleeps shows delay without wanting more: on a pCPU with room, what it
            // used is what it wanted.
            used
        } else if delay.is_some() {
            (used + steal).min(1.0)
        } else if used >= 0.9 / f64::from(place.crowd) {
            1.0
        } else {
            used
        };
        Rates {
            used,
            steal,
            demand,
            backwards: false,
        }
    }

    fn usage(
        &self,
        id: VcpuId,
        movable: bool,
        weight: u32,
        vcpu: &VcpuSample,
        rates: Rates,
    ) -> VcpuUsage {
        VcpuUsage {
            id,
            movable,
            weight,
            mask: vcpu.mask.clone(),
            bound: vcpu.bound.clone(),
            on: vcpu.mask.only().or(vcpu.on),
            used: rates.used,
            steal: rates.steal,
            estimate: self.estimate.mean,
            variance: self.estimate.variance,
            correlation: self.estimate.correlation(),
            samples: self.estimate.samples,
        }
    }
}

fn ratio(part: Duration, whole: Duration) -> f64 {
    part.as_secs_f64() / whole.as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pins::PinConfig;
    use crate::{DomainId, DomainRules, DomainSample, HostSample, PcpuSample};

    const SECOND: Duration = Duration::from_secs(1);

    /// One pCPU and one guest that used `used` and waited `delay` since it started.
    fn sample(at_ms: u64, busy_ms: u64, used_ms: u64, delay_ms: Option<u64>) -> HostSample {
        let ms = Duration::from_millis;
        let here = CpuSet::single(PcpuId::new(0));
        let vcpu = VcpuSample {
            index: 0,
            time: ms(used_ms),
            delay: delay_ms.map(ms),
            on: Some(PcpuId::new(0)),
            mask: here,
            bound: None,
        };
        let domain = DomainSample {
            id: DomainId(uuid::Uuid::from_u128(1)),
            name: "vm".to_owned(),
            run: 1,
            state: DomainState::Running,
            job: false,
            rules: DomainRules::default(),
            vcpus: vec![vcpu],
            balloon: None,
        };
        let id = PcpuId::new(0);
        let busy = Some(ms(busy_ms));
        HostSample {
            at: Timestamp::ZERO + ms(at_ms),
            pcpus: vec![PcpuSample {
                id,
                usable: true,
                core: 0,
                cache: 0,
                node: 0,
                speed: 1.0,
                busy,
            }],
            memory: None,
            domains: vec![domain],
        }
    }

    fn window() -> CpuWindow {
        CpuWindow::new(PinConfig::course().estimate, SECOND)
    }

    fn estimates(samples: &[HostSample]) -> Vec<(u32, f64)> {
        let mut window = window();
        let estimate = |sample| {
            let vcpu = window.push(sample).vcpus.remove(0);
            (vcpu.samples, (vcpu.estimate * 1000.0).round() / 1000.0)
        };
        samples.iter().map(estimate).collect()
    }

    #[test]
    fn delay_is_demand_only_where_the_pcpu_is_saturated() {
        let roomy = [sample(0, 0, 0, Some(0)), sample(1000, 500, 200, Some(300))];
        let full = [sample(0, 0, 0, Some(0)), sample(1000, 990, 200, Some(300))];
        assert_eq!(estimates(&roomy)[1], (1, 0.2));
        assert_eq!(estimates(&full)[1], (1, 0.5));
    }

    #[test]
    fn without_delay_a_vcpu_that_has_its_whole_share_of_a_full_pcpu_wants_all_of_it() {
        let alone = [sample(0, 0, 0, None), sample(1000, 990, 950, None)];
        let modest = [sample(0, 0, 0, None), sample(1000, 990, 500, None)];
        assert_eq!(estimates(&alone)[1], (1, 1.0));
        assert_eq!(estimates(&modest)[1], (1, 0.5));
    }

    #[test]
    fn a_change_starts_the_estimate_anew_and_agreement_settles_it() {
        let used = [0, 200, 400, 600, 1000, 1400];
        let samples: Vec<HostSample> = (0..)
            .zip(used)
            .map(|(second, used)| sample(second * 1000, 0, used, None))
            .collect();
        assert_eq!(
            estimates(&samples),
            [(0, 0.0), (1, 0.2), (2, 0.2), (3, 0.2), (1, 0.4), (2, 0.4)]
        );
    }

    #[test]
    fn a_jump_does_not_hide_behind_its_own_noise() {
        let mut window = CpuWindow::new(PinConfig::production().estimate, SECOND);
        let mut used = 0;
        let mut last = (0, 0.0, 0.0);
        for second in 0..16 {
            used += if second < 8 { 10 } else { 500 };
            let vcpu = window
                .push(&sample(second * 1000, 0, used, None))
                .vcpus
                .remove(0);
            last = (vcpu.samples, vcpu.estimate, vcpu.variance.sqrt());
        }
        let (samples, estimate, deviation) = last;
        assert_eq!(
            samples, 8,
            "the second sample of the new load starts the estimate anew"
        );
        assert!(
            (estimate - 0.5).abs() < 1e-9 && deviation < 0.02,
            "{estimate} ± {deviation}"
        );
    }

    #[test]
    fn a_counter_that_runs_backwards_is_a_note() {
        let mut window = window();
        window.push(&sample(0, 0, 500, None));
        let usage = window.push(&sample(1000, 0, 400, None));
        assert_eq!((usage.vcpus[0].samples, usage.notes.len()), (0, 1));
    }

    #[test]
    fn a_late_or_hasty_sample_is_set_aside() {
        for at in [100, 3500] {
            let mut window = window();
            window.push(&sample(0, 0, 0, None));
            let usage = window.push(&sample(at, 0, 50, None));
            assert_eq!(
                (usage.vcpus[0].samples, usage.notes.len()),
                (0, 1),
                "after {at} ms"
            );
        }
    }

    #[test]
    fn a_domain_that_was_started_anew_has_no_past() {
        let mut window = window();
        window.push(&sample(0, 0, 500, None));
        let mut again = sample(1000, 0, 10, None);
        again.domains[0].run = 2;
        let usage = window.push(&again);
        assert_eq!((usage.vcpus[0].samples, usage.notes.len()), (0, 0));
    }

    #[test]
    fn a_pinned_vcpu_starts_anew_in_its_place() {
        let mut window = window();
        window.push(&sample(0, 0, 0, None));
        let usage = window.push(&sample(1000, 0, 200, None));
        let there = CpuSet::single(PcpuId::new(1));
        window.pinned(usage.vcpus[0].id, &there);
        let mut next = sample(2000, 0, 600, None);
        next.domains[0].vcpus[0].mask = there;
        let moved = window.push(&next).vcpus.remove(0);
        assert_eq!((moved.samples, moved.estimate), (1, 0.4));
    }

    #[test]
    fn work_outside_guests_is_background() {
        let mut window = window();
        for second in 0..60 {
            window.push(&sample(second * 1000, second * 700, second * 300, None));
        }
        let usage = window.push(&sample(60_000, 42_000, 18_000, None));
        assert!((usage.pcpus[0].background - 0.4).abs() < 1e-3);
    }
}
