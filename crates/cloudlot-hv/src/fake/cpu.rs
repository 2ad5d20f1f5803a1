//! The simulated CPU: between two events every vCPU runs at a constant rate, its fair share.
//!
//! Work is done only where something changes, and only on the pCPUs it changes, so that looking
//! often or seldom gives the same counters. Placing floating vCPUs is left to `wander.rs`.

use super::chance::Chance;
use super::load::{Load, Noise, SECOND, nanos};
use super::spec::HostSpec;
use super::wander;
use crate::{CpuSet, PcpuId, VcpuId};
use cloudlot_core::{Seeds, Timestamp};
use cloudlot_policy::share::{Claim, max_min};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

/// All pCPUs, and the vCPUs that run on them.
#[derive(Clone, Debug)]
pub(super) struct Cpu {
    pcpus: Vec<Pcpu>,
    vcpus: Vec<Vcpu>,
    noise: Noise,
    beats: BinaryHeap<Reverse<(Timestamp, usize, Beat)>>,
}

/// What happens to a vCPU by itself.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Beat {
    /// Its noise is drawn anew.
    Noise,
    /// It looks round for a better pCPU.
    Look,
}

#[derive(Clone, Debug)]
struct Pcpu {
    id: PcpuId,
    speed: f64,
    usable: bool,
    /// Cores that the host itself wants here.
    background: f64,
    /// Slots of the vCPUs here, rising.
    members: Vec<usize>,
    /// Nanoseconds a second that are wanted here, and that are used.
    wanted: u64,
    rate: u64,
    busy: u64,
    /// Counters of this pCPU and of its members are true for this moment.
    settled: Timestamp,
}

#[derive(Clone, Debug)]
struct Vcpu {
    id: VcpuId,
    weight: u32,
    mask: CpuSet,
    /// Plugged into a guest that is active.
    present: bool,
    on: Option<usize>,
    load: Load,
    /// The present factor of noise.
    factor: f64,
    /// Nanoseconds a second that it gets, and that it waits.
    share: u64,
    waits: u64,
    time: u64,
    delay: u64,
    noise: Chance,
    wander: Chance,
    /// Whether a look is on the list of beats.
    looks: bool,
}

impl Cpu {
    /// vCPUs in the specification's order, all absent.
    pub(super) fn new(spec: &HostSpec, seeds: Seeds) -> Self {
        let pcpus = spec
            .pcpus
            .iter()
            .map(|pcpu| Pcpu {
                id: pcpu.id,
                speed: pcpu.speed,
                usable: false,
                background: 0.0,
                members: Vec::new(),
                wanted: 0,
                rate: 0,
                busy: 0,
                settled: Timestamp::ZERO,
            })
            .collect();
        let mut cpu = Self {
            pcpus,
            vcpus: Vec::new(),
            noise: spec.noise,
            beats: BinaryHeap::new(),
        };
        for guest in &spec.guests {
            for vcpu in &guest.vcpus {
                let id = VcpuId {
                    domain: guest.id,
                    index: vcpu.index,
                };
                cpu.add(id, guest.rules.weight, seeds);
            }
        }
        cpu
    }

    fn add(&mut self, id: VcpuId, weight: u32, seeds: Seeds) {
        let (high, low) = id.domain.0.as_u64_pair();
        let own = seeds.part(high).part(low).part(id.index.into());
        let mut noise = Chance::new(own.stream("noise"));
        let factor = self.noise.factor(&mut noise);
        if self.noise != Noise::None {
            let phase = Duration::from_secs_f64(noise.unit());
            let first = (Timestamp::ZERO + phase, self.vcpus.len(), Beat::Noise);
            self.beats.push(Reverse(first));
        }
        self.vcpus.push(Vcpu {
            id,
            weight,
            mask: CpuSet::empty(),
            present: false,
            on: None,
            load: Load::NONE,
            factor,
            share: 0,
            waits: 0,
            time: 0,
            delay: 0,
            noise,
            wander: Chance::new(own.stream("wander")),
            looks: false,
        });
    }

    /// When something next happens by itself.
    pub(super) fn next(&self) -> Option<Timestamp> {
        self.beats.peek().map(|Reverse((at, ..))| *at)
    }

    /// Everything that happens by itself at this moment.
    pub(super) fn beat(&mut self, now: Timestamp) {
        while self.next().is_some_and(|at| at <= now) {
            let Some(Reverse((_, slot, beat))) = self.beats.pop() else {
                return;
            };
            match beat {
                Beat::Noise => {
                    let vcpu = &mut self.vcpus[slot];
                    vcpu.factor = self.noise.factor(&mut vcpu.noise);
                    self.change(slot, now);
                    let next = now + Duration::from_secs(1);
                    self.beats.push(Reverse((next, slot, Beat::Noise)));
                }
                Beat::Look => {
                    self.vcpus[slot].looks = false;
                    self.place(slot, now);
                }
            }
        }
    }

    /// What the host itself does with a pCPU from now on.
    pub(super) fn set_pcpu(&mut self, at: usize, usable: bool, background: Load, now: Timestamp) {
        self.settle(at, now);
        let pcpu = &mut self.pcpus[at];
        let switched = pcpu.usable != usable;
        pcpu.usable = usable;
        pcpu.background = background.cores(pcpu.speed);
        self.share_out(at);
        if switched {
            (0..self.vcpus.len()).for_each(|slot| self.seat(slot, now));
        }
    }

    /// A vCPU comes, with counters at zero.
    pub(super) fn arrive(&mut self, slot: usize, mask: CpuSet, now: Timestamp) {
        let vcpu = &mut self.vcpus[slot];
        (vcpu.present, vcpu.mask) = (true, mask);
        (vcpu.time, vcpu.delay) = (0, 0);
        self.place(slot, now);
    }

    /// A vCPU goes.
    pub(super) fn leave(&mut self, slot: usize, now: Timestamp) {
        self.vcpus[slot].present = false;
        self.run_on(slot, None, now);
    }

    pub(super) fn set_load(&mut self, slot: usize, load: Load, now: Timestamp) {
        if self.vcpus[slot].load != load {
            self.vcpus[slot].load = load;
            self.change(slot, now);
        }
    }

    /// Narrows or widens where a vCPU may run; `true` if it runs elsewhere for that.
    pub(super) fn pin(&mut self, slot: usize, mask: CpuSet, now: Timestamp) -> bool {
        let before = self.vcpus[slot].on;
        self.vcpus[slot].mask = mask;
        self.seat(slot, now);
        self.vcpus[slot].on != before
    }

    pub(super) fn slot(&self, id: VcpuId) -> Option<usize> {
        self.vcpus.binary_search_by_key(&id, |vcpu| vcpu.id).ok()
    }

    pub(super) fn is_present(&self, slot: usize) -> bool {
        self.vcpus[slot].present
    }

    pub(super) fn mask(&self, slot: usize) -> &CpuSet {
        &self.vcpus[slot].mask
    }

    pub(super) fn on(&self, slot: usize) -> Option<PcpuId> {
        self.vcpus[slot].on.map(|at| self.pcpus[at].id)
    }

    /// Cores that a vCPU would use now if it had its pCPU for itself.
    pub(super) fn demand(&self, slot: usize) -> f64 {
        let vcpu = &self.vcpus[slot];
        let speed = vcpu.on.map_or(1.0, |at| self.pcpus[at].speed);
        vcpu.want(speed)
    }

    /// CPU time and run-queue delay of a vCPU since it came.
    pub(super) fn counters(&self, slot: usize, now: Timestamp) -> (Duration, Duration) {
        let vcpu = &self.vcpus[slot];
        let since = vcpu.on.map_or(now, |at| self.pcpus[at].settled);
        let time = vcpu.time + amount(vcpu.share, since, now);
        let delay = vcpu.delay + amount(vcpu.waits, since, now);
        (Duration::from_nanos(time), Duration::from_nanos(delay))
    }

    /// Time that a pCPU was not idle.
    pub(super) fn busy(&self, at: usize, now: Timestamp) -> Duration {
        let pcpu = &self.pcpus[at];
        Duration::from_nanos(pcpu.busy + amount(pcpu.rate, pcpu.settled, now))
    }

    pub(super) fn is_usable(&self, at: usize) -> bool {
        self.pcpus[at].usable
    }

    /// Looks for the best pCPU, and arranges the next look if there is a choice.
    fn place(&mut self, slot: usize, now: Timestamp) {
        if !self.vcpus[slot].present {
            return;
        }
        let allowed = self.allowed(slot);
        let mut chance = self.vcpus[slot].wander.clone();
        let here = self.vcpus[slot].on;
        let waits = self.vcpus[slot].waits > 0;
        let load = |at: usize| self.load_without(slot, at);
        let chosen = wander::look_round(&allowed, here, waits, load, &mut chance);
        let vcpu = &mut self.vcpus[slot];
        if allowed.len() > 1 && !vcpu.looks {
            vcpu.looks = true;
            let next = wander::next_look(now, &mut chance);
            self.beats.push(Reverse((next, slot, Beat::Look)));
        }
        vcpu.wander = chance;
        self.run_on(slot, chosen, now);
    }

    /// Places a vCPU that is where it may not be, or that may now look round.
    fn seat(&mut self, slot: usize, now: Timestamp) {
        let allowed = self.allowed(slot);
        let well = self.vcpus[slot].on.is_some_and(|at| allowed.contains(&at));
        if !well || (allowed.len() > 1 && !self.vcpus[slot].looks) {
            self.place(slot, now);
        }
    }

    /// Where a vCPU can run: a mask without any usable pCPU is broken by the host, as Linux does.
    fn allowed(&self, slot: usize) -> Vec<usize> {
        let usable = |at: &usize| self.pcpus[*at].usable;
        let mask = &self.vcpus[slot].mask;
        let inside: Vec<usize> = (0..self.pcpus.len())
            .filter(usable)
            .filter(|&at| mask.contains(self.pcpus[at].id))
            .collect();
        if inside.is_empty() {
            (0..self.pcpus.len()).filter(usable).collect()
        } else {
            inside
        }
    }

    /// What others want on a pCPU, in nanoseconds a second.
    fn load_without(&self, slot: usize, at: usize) -> u64 {
        let (vcpu, pcpu) = (&self.vcpus[slot], &self.pcpus[at]);
        if vcpu.on == Some(at) {
            pcpu.wanted.saturating_sub(nanos(vcpu.want(pcpu.speed)))
        } else {
            pcpu.wanted
        }
    }

    fn run_on(&mut self, slot: usize, to: Option<usize>, now: Timestamp) {
        let from = self.vcpus[slot].on;
        if from == to {
            return;
        }
        for at in from.into_iter().chain(to) {
            self.settle(at, now);
        }
        if let Some(from) = from {
            self.pcpus[from].members.retain(|&member| member != slot);
        }
        if let Some(to) = to {
            let members = &mut self.pcpus[to].members;
            let place = members.partition_point(|&member| member < slot);
            members.insert(place, slot);
        }
        let vcpu = &mut self.vcpus[slot];
        (vcpu.on, vcpu.share, vcpu.waits) = (to, 0, 0);
        for at in from.into_iter().chain(to) {
            self.share_out(at);
        }
    }

    /// A vCPU wants another amount from now on.
    fn change(&mut self, slot: usize, now: Timestamp) {
        if let Some(at) = self.vcpus[slot].on {
            self.settle(at, now);
            self.share_out(at);
        }
    }

    /// Brings the counters of a pCPU and its members up to now, at the rates that held till now.
    fn settle(&mut self, at: usize, now: Timestamp) {
        let pcpu = &mut self.pcpus[at];
        let since = pcpu.settled;
        pcpu.settled = now;
        pcpu.busy += amount(pcpu.rate, since, now);
        for &slot in &pcpu.members {
            let vcpu = &mut self.vcpus[slot];
            vcpu.time += amount(vcpu.share, since, now);
            vcpu.delay += amount(vcpu.waits, since, now);
        }
    }

    /// Divides a settled pCPU anew.
    fn share_out(&mut self, at: usize) {
        let pcpu = &self.pcpus[at];
        let claims: Vec<Claim> = pcpu
            .members
            .iter()
            .map(|&slot| (self.vcpus[slot].weight, self.vcpus[slot].want(pcpu.speed)))
            .chain([(1, pcpu.background)])
            .map(|(weight, cores)| Claim {
                weight: weight.into(),
                most: nanos(cores),
            })
            .collect();
        let shares = max_min(SECOND, &claims);
        for ((&slot, claim), &share) in pcpu.members.iter().zip(&claims).zip(&shares) {
            let vcpu = &mut self.vcpus[slot];
            vcpu.share = share;
            vcpu.waits = vcpu.load.delay(claim.most, share);
        }
        let pcpu = &mut self.pcpus[at];
        pcpu.wanted = claims.iter().map(|claim| claim.most).sum();
        pcpu.rate = shares.iter().sum();
    }
}

impl Vcpu {
    fn want(&self, speed: f64) -> f64 {
        (self.load.cores(speed) * self.factor).min(1.0)
    }
}

/// What a rate in nanoseconds a second comes to, rounded down.
fn amount(rate: u64, since: Timestamp, now: Timestamp) -> u64 {
    let nanos = u128::from(rate) * now.since(since).as_nanos() / u128::from(SECOND);
    u64::try_from(nanos).unwrap_or(u64::MAX)
}
