//! Hosts and clusters to plan for, made from a seed: the inputs that the benches share.

pub mod cluster;

use cloudlot_core::{Bytes, Timestamp};
use cloudlot_hv::{
    BalloonSample, CpuSet, DomainId, DomainRules, DomainSample, DomainState, HostMemory,
    HostSample, PcpuId, PcpuSample, VcpuSample,
};
use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use std::time::Duration;
use uuid::Uuid;

/// Time between the samples of a series.
pub const INTERVAL: Duration = Duration::from_secs(5);

/// A host of `domains` guests with four vCPUs each, every vCPU pinned at random to one of
/// `pcpus`, with a demand of its own; a series of `count` samples, one an [`INTERVAL`].
///
/// Guests have 2 to 8 GiB, use part of it and say so through their balloons.
#[must_use]
pub fn series(domains: u32, pcpus: u32, count: u32, seed: u64) -> Vec<HostSample> {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    let guests: Vec<Guest> = (0..domains).map(|_| Guest::new(pcpus, &mut rng)).collect();
    (0..count)
        .map(|turn| sample(&guests, pcpus, turn))
        .collect()
}

struct Guest {
    id: DomainId,
    /// Home and demand in thousandths of a core.
    vcpus: Vec<(PcpuId, u32)>,
    max: Bytes,
    used: Bytes,
    growth: Bytes,
}

impl Guest {
    fn new(pcpus: u32, rng: &mut Xoshiro256PlusPlus) -> Self {
        let vcpu = |_| {
            (
                PcpuId::new(rng.random_range(0..pcpus)),
                rng.random_range(1..60),
            )
        };
        let vcpus = (0..4).map(vcpu).collect();
        let max = Bytes::gib(rng.random_range(4..9));
        let used = max.fraction(rng.random_range(10..90), 100);
        let growth = Bytes::mib(rng.random_range(0..40));
        Self {
            id: DomainId(Uuid::from_u128(rng.random())),
            vcpus,
            max,
            used,
            growth,
        }
    }

    fn sample(&self, turn: u32) -> DomainSample {
        let elapsed = INTERVAL * turn;
        let vcpu = |(index, &(home, demand)): (u32, &(PcpuId, u32))| VcpuSample {
            index,
            time: elapsed * demand / 1000,
            delay: Some(Duration::ZERO),
            on: Some(home),
            mask: CpuSet::single(home),
            bound: None,
        };
        let used = self
            .used
            .saturating_add(self.growth.fraction(turn.into(), 1));
        let usable = self.max.saturating_sub(used);
        DomainSample {
            id: self.id,
            name: format!("guest-{}", self.id),
            run: 1,
            state: DomainState::Running,
            job: false,
            rules: DomainRules::default(),
            vcpus: (0..).zip(&self.vcpus).map(vcpu).collect(),
            balloon: Some(BalloonSample {
                actual: self.max,
                max: self.max,
                unused: Some(usable),
                usable: Some(usable),
                stamp: Some(elapsed.as_secs()),
                age: Some(Duration::ZERO),
                period: Some(INTERVAL),
                ..BalloonSample::default()
            }),
        }
    }
}

fn sample(guests: &[Guest], pcpus: u32, turn: u32) -> HostSample {
    let elapsed = INTERVAL * (turn + 1);
    let pcpu = |id: u32| PcpuSample {
        id: PcpuId::new(id),
        usable: true,
        core: id / 2,
        cache: id / 16,
        node: id / 64,
        speed: 1.0,
        busy: Some(elapsed / 2),
    };
    let mut domains: Vec<DomainSample> =
        guests.iter().map(|guest| guest.sample(turn + 1)).collect();
    domains.sort_by_key(|domain| domain.id);
    let total: Bytes = guests.iter().map(|guest| guest.max).sum();
    HostSample {
        at: Timestamp::ZERO + elapsed,
        pcpus: (0..pcpus).map(pcpu).collect(),
        memory: Some(HostMemory {
            total: total.saturating_add(Bytes::gib(64)),
            available: Bytes::gib(32),
        }),
        domains,
    }
}

/// Reads every counter of a sample once: the least that any planner must do.
#[must_use]
pub fn read_once(sample: &HostSample) -> u64 {
    let vcpu = |vcpu: &VcpuSample| {
        let on = vcpu.on.map_or(0, PcpuId::number);
        let delay = vcpu.delay.unwrap_or_default();
        (vcpu.time + delay).subsec_nanos() ^ on
    };
    let vcpus = sample
        .domains
        .iter()
        .flat_map(|domain| &domain.vcpus)
        .map(vcpu);
    let balloons = sample
        .domains
        .iter()
        .filter_map(|domain| domain.balloon.as_ref());
    let memory =
        balloons.map(|balloon| balloon.actual.get() ^ balloon.usable.unwrap_or_default().get());
    vcpus
        .map(u64::from)
        .chain(memory)
        .fold(0, |sum, value| sum ^ value)
}
