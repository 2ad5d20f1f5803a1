//! The scenarios that the vCPU scheduler and the memory coordinator are judged by, by name.
//!
//! Eight guests of one vCPU on four pCPUs, or four guests of 512 MiB. What is left to chance
//! (staggered starts, which half turns heavy, rates of growth) follows from the seeds.

use super::chance::Chance;
use super::load::{DemandStep, Load, Noise};
use super::memory_spec::{HostMemorySpec, MemorySpec, MemoryWork};
use super::spec::{GuestSpec, HostSpec, VcpuSpec};
use cloudlot_core::{Bytes, Seeds, Timestamp};
use std::time::Duration;

/// All names that [`named`] knows, each with what happens.
pub const SCENARIOS: [(&str, &str); 11] = [
    ("cpu-1", "eight equal vCPUs, all on pCPU 0"),
    (
        "cpu-2",
        "eight equal vCPUs, four on pCPU 0 and four on pCPU 1",
    ),
    (
        "cpu-3",
        "eight equal vCPUs, two on each pCPU: nothing to do",
    ),
    ("cpu-4", "eight equal vCPUs that float"),
    ("cpu-5", "eight floating vCPUs, every second one heavy"),
    ("cpu-6", "eight idle vCPUs, two on each pCPU: nothing to do"),
    (
        "cpu-7",
        "eight light floating vCPUs, of which a random half turns heavy",
    ),
    (
        "mem-1",
        "one guest grows to its maximum and frees all; three idle",
    ),
    (
        "mem-2",
        "four guests grow alike until nobody can give more, then free all",
    ),
    (
        "mem-3",
        "four guests grow; two stop early and free, two go on to their maximum",
    ),
    (
        "mem-4",
        "two guests grow; one stops after 512 MiB and frees, one goes on to its maximum; two idle",
    ),
];

/// The scenario of this name, ready for [`FakeHost::new`](super::FakeHost::new).
/// ```
/// use cloudlot_core::Seeds;
/// use cloudlot_hv::fake::scenario;
///
/// let spec = scenario::named("cpu-5", Seeds::new(1)).expect("a known name");
/// assert_eq!((spec.pcpus.len(), spec.guests.len()), (4, 8));
/// assert!(scenario::named("cpu-8", Seeds::new(1)).is_none());
/// ```
#[must_use]
pub fn named(name: &str, seeds: Seeds) -> Option<HostSpec> {
    let seeds = Seeds::new(seeds.stream(name));
    Some(match name {
        "cpu-1" => equal(|_| Some(0), seeds),
        "cpu-2" => equal(|guest| Some(guest / 4), seeds),
        "cpu-3" => equal(|guest| Some(guest % PCPUS), seeds),
        "cpu-4" => equal(|_| None, seeds),
        "cpu-5" => every_second_heavy(seeds),
        "cpu-6" => idle(),
        "cpu-7" => half_turns_heavy(seeds),
        "mem-1" => memory_host([Grows::ToTheEnd, Grows::Not, Grows::Not, Grows::Not], seeds),
        "mem-2" => memory_host([Grows::ToTheEnd; 4], seeds),
        "mem-3" => memory_host(
            [Grows::Some, Grows::Some, Grows::ToTheEnd, Grows::ToTheEnd],
            seeds,
        ),
        "mem-4" => memory_host(
            [Grows::Some, Grows::ToTheEnd, Grows::Not, Grows::Not],
            seeds,
        ),
        _ => return None,
    })
}

const PCPUS: u32 = 4;
const GUESTS: u32 = 8;

/// Every loop sleeps 400 µs; alone on a pCPU it uses 20 %, 46 % and 9 % of it.
///
/// The loops ran 100,000, 250,000 and 30,000 steps; how long a step took follows from the
/// published plateaus, 40 % a pCPU for two equal guests and 55 % for a heavy and a light one.
const EQUAL: Load = busy_loop(100);
const HEAVY: Load = busy_loop(337);
const LIGHT: Load = busy_loop(40);

/// A guest that does nothing still ticks.
const IDLE: Load = Load::Open { cores: 0.01 };

/// When loads start, at the earliest.
const START_S: f64 = 5.0;

/// When a half turns heavy in `cpu-7`, at the earliest.
const SWITCH_S: f64 = 13.5;

/// By how much guests are late, at most: scripts reach them one by one.
const STAGGER_S: f64 = 0.5;

const fn busy_loop(run_us: u32) -> Load {
    Load::Loop {
        run_us,
        sleep_us: 400,
    }
}

fn equal(start: impl Fn(u32) -> Option<u32>, seeds: Seeds) -> HostSpec {
    let mut chance = Chance::new(seeds.stream("stagger"));
    cpu_host(|guest| {
        let vcpu = VcpuSpec::new(
            0,
            vec![idle_first(), staggered(START_S, EQUAL, &mut chance)],
        );
        match start(guest) {
            Some(pcpu) => vcpu.pinned_to(pcpu),
            None => vcpu,
        }
    })
}

fn every_second_heavy(seeds: Seeds) -> HostSpec {
    let mut chance = Chance::new(seeds.stream("stagger"));
    cpu_host(|guest| {
        let load = if guest % 2 == 0 { HEAVY } else { LIGHT };
        VcpuSpec::new(0, vec![idle_first(), staggered(START_S, load, &mut chance)])
    })
}

fn idle() -> HostSpec {
    HostSpec {
        // 0 to 2 % of a pCPU.
        noise: Noise::Uniform { spread: 1.0 },
        ..cpu_host(|guest| VcpuSpec::new(0, vec![idle_first()]).pinned_to(guest % PCPUS))
    }
}

fn half_turns_heavy(seeds: Seeds) -> HostSpec {
    let mut chance = Chance::new(seeds.stream("stagger"));
    let heavy = random_half(&mut Chance::new(seeds.stream("heavy half")));
    cpu_host(|guest| {
        let mut demand = vec![idle_first(), staggered(START_S, LIGHT, &mut chance)];
        if heavy.contains(&guest) {
            demand.push(staggered(SWITCH_S, HEAVY, &mut chance));
        }
        VcpuSpec::new(0, demand)
    })
}

fn cpu_host(mut vcpu: impl FnMut(u32) -> VcpuSpec) -> HostSpec {
    let guest = |guest: u32| {
        let number = u64::from(guest) + 1;
        GuestSpec::new(number, name_of(number), vec![vcpu(guest)])
    };
    HostSpec {
        noise: Noise::Normal { sd: 0.02 },
        ..HostSpec::new(PCPUS, (0..GUESTS).map(guest).collect())
    }
}

fn random_half(chance: &mut Chance) -> Vec<u32> {
    let mut guests: Vec<u32> = (0..GUESTS).collect();
    while guests.len() > GUESTS as usize / 2 {
        guests.remove(chance.below(guests.len()));
    }
    guests
}

fn idle_first() -> DemandStep {
    DemandStep {
        at: Timestamp::ZERO,
        load: IDLE,
    }
}

fn staggered(earliest: f64, load: Load, chance: &mut Chance) -> DemandStep {
    let late = chance.between(0.0, STAGGER_S);
    DemandStep {
        at: Timestamp::ZERO + Duration::from_secs_f64(earliest + late),
        load,
    }
}

/// When growth begins, at the earliest.
const GROWTH_START_S: f64 = 10.0;

/// What a guest has at the start, and the most it can have.
const GUEST_START: Bytes = Bytes::mib(512);
const GUEST_MAX: Bytes = Bytes::mib(2048);

/// What an early stop is at, beyond the base.
const EARLY_STOP: Bytes = Bytes::mib(512);

/// What an idle guest uses, in MiB: a small distribution without a desktop.
const BASE_MIB: (f64, f64) = (150.0, 200.0);

/// A program that touches a page every 100 µs or so grows at 17 to 28 MiB a second; all growing
/// guests run the same program, and each varies by 30 % for itself.
const GROWTH_MIB_S: (f64, f64) = (17.0, 28.0);
const GROWTH_VARIES: f64 = 0.3;

/// What a guest of a memory scenario does.
#[derive(Clone, Copy)]
enum Grows {
    Not,
    /// By [`EARLY_STOP`], and frees.
    Some,
    /// Until its allocation fails, and frees.
    ToTheEnd,
}

fn memory_host(guests: [Grows; 4], seeds: Seeds) -> HostSpec {
    let mut chance = Chance::new(seeds.stream("memory"));
    let mib_s = chance.between(GROWTH_MIB_S.0, GROWTH_MIB_S.1);
    let grow = |most| MemoryWork::Grow {
        mib_s,
        vary: GROWTH_VARIES,
        most,
    };
    let guest = |(number, grows): (u64, Grows)| {
        let base = chance.between(BASE_MIB.0, BASE_MIB.1) * Bytes::mib(1).get() as f64;
        let start = staggered(GROWTH_START_S, IDLE, &mut chance).at;
        let work = match grows {
            Grows::Not => Vec::new(),
            Grows::Some => vec![grow(Some(EARLY_STOP)), MemoryWork::Free],
            Grows::ToTheEnd => vec![grow(None), MemoryWork::Free],
        };
        let wait = (!work.is_empty()).then_some(MemoryWork::WaitUntil(start));
        GuestSpec {
            memory: Some(MemorySpec {
                work: wait.into_iter().chain(work).collect(),
                ..MemorySpec::new(GUEST_START, GUEST_MAX, Bytes::from_f64(base))
            }),
            ..GuestSpec::new(number, name_of(number), vec![VcpuSpec::steady(IDLE)])
        }
    };
    HostSpec {
        memory: Some(HostMemorySpec {
            total: Bytes::mib(6144),
            used: Vec::new(),
        }),
        ..HostSpec::new(PCPUS, (1..).zip(guests).map(guest).collect())
    }
}

fn name_of(number: u64) -> String {
    format!("aos_vm_{number}")
}
