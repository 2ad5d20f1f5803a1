//! The scenarios that the vCPU scheduler and the memory coordinator are judged by, by name.
//!
//! Eight guests of one vCPU on four pCPUs, or four guests of 512 MiB. What is left to chance
//! (staggered starts, which half turns heavy, rates of growth) follows from the seeds.

use super::chance::Chance;
use super::load::{DemandStep, Load, Noise};
use super::spec::{GuestSpec, HostSpec, VcpuSpec};
use cloudlot_core::{Seeds, Timestamp};
use std::time::Duration;

/// All names that [`named`] knows, each with what happens.
pub const SCENARIOS: [(&str, &str); 7] = [
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
        _ => return None,
    })
}

const PCPUS: u32 = 4;
const GUESTS: u32 = 8;

/// Every loop sleeps 400 µs; alone on a pCPU it uses 20 %, 38 % and 7 % of it.
const EQUAL: Load = busy_loop(100);
const HEAVY: Load = busy_loop(250);
const LIGHT: Load = busy_loop(30);

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
        let number = guest + 1;
        GuestSpec::new(number.into(), format!("aos_vm_{number}"), vec![vcpu(guest)])
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
