//! What the demonstration shows: the same guests, load and times on real and on simulated hosts.
//!
//! Five guests, six vCPUs. First all vCPUs are busy and start out on pCPU 0; then they are idle,
//! and one guest eats memory and frees it again.

use cloudlot_core::{Bytes, Timestamp};
use cloudlot_hv::fake::{
    DemandStep, GuestSpec, HostMemorySpec, HostSpec, HostUse, Load, MemorySpec, MemoryWork, Noise,
    VcpuSpec,
};
use std::time::Duration;

/// A guest of the demonstration.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Guest {
    /// Its name.
    pub name: &'static str,
    /// How many vCPUs it has.
    pub vcpus: u32,
    /// How busy each of them is, in percent of a pCPU. Two heavy and four light vCPUs divide
    /// evenly over two pCPUs, over four, and over eight.
    pub percent: u32,
}

/// All of them, by name.
pub const GUESTS: [Guest; 5] = [
    guest("ada", 1, 40),
    guest("bob", 1, 40),
    guest("cyd", 1, 20),
    guest("dan", 1, 20),
    guest("eve", 2, 20),
];

/// The guest that eats memory.
pub const EATER: &str = GUESTS[0].name;

/// What it eats.
pub const MEAL: Bytes = Bytes::mib(300);

/// How fast: a program that touches page after page grows at about this rate.
pub const MEAL_PER_SECOND: Bytes = Bytes::mib(24);

/// What each guest has at the start.
pub const GUEST_START: Bytes = Bytes::mib(400);

/// The most it can have.
pub const GUEST_MAX: Bytes = Bytes::mib(768);

/// What a guest of the laboratory needs for itself: kernel, drivers, busybox.
const GUEST_BASE: Bytes = Bytes::mib(60);

/// Time between cycles of the programs, as the course has it.
pub const INTERVAL: Duration = Duration::from_secs(2);

/// Time before a program starts: what is shown as "before".
pub const LEAD: Duration = Duration::from_secs(5);

/// A guest that does nothing still ticks.
const IDLE: Load = Load::Open { cores: 0.01 };

const fn guest(name: &'static str, vcpus: u32, percent: u32) -> Guest {
    Guest {
        name,
        vcpus,
        percent,
    }
}

/// When what happens; times from the beginning of a recording.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Times {
    /// The program starts.
    pub start: Timestamp,
    /// The eater begins to eat.
    pub eat: Timestamp,
    /// It frees all.
    pub free: Timestamp,
    /// The program ends.
    pub end: Timestamp,
}

impl Times {
    /// The times for programs that run for `length`.
    #[must_use]
    pub fn new(length: Duration) -> Self {
        let start = Timestamp::ZERO + LEAD;
        Self {
            start,
            eat: start + length / 6,
            free: start + length * 11 / 20,
            end: start + length,
        }
    }
}

/// A host as far as it matters here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Machine {
    /// pCPUs that guests may use.
    pub pcpus: u32,
    /// All memory.
    pub memory: Bytes,
    /// What the host itself uses.
    pub used: Bytes,
}

impl Machine {
    /// Where there is no real one to be like.
    pub const EXAMPLE: Self = Self {
        pcpus: 4,
        memory: Bytes::gib(4),
        used: Bytes::mib(600),
    };
}

/// All vCPUs busy and on pCPU 0.
#[must_use]
pub fn cpu(machine: &Machine) -> HostSpec {
    let guest = |(number, guest): (u64, Guest)| {
        let busy = |index| {
            let load = Load::Open {
                cores: f64::from(guest.percent) / 100.0,
            };
            let demand = DemandStep {
                at: Timestamp::ZERO,
                load,
            };
            VcpuSpec::new(index, vec![demand]).pinned_to(0)
        };
        GuestSpec::new(number, guest.name, (0..guest.vcpus).map(busy).collect())
    };
    HostSpec {
        noise: Noise::Normal { sd: 0.02 },
        ..HostSpec::new(machine.pcpus, (1..).zip(GUESTS).map(guest).collect())
    }
}

/// All vCPUs idle; the eater eats, and frees.
#[must_use]
pub fn memory(machine: &Machine, times: &Times) -> HostSpec {
    let guest = |(number, guest): (u64, Guest)| {
        let idle = |index| VcpuSpec {
            index,
            ..VcpuSpec::steady(IDLE)
        };
        GuestSpec {
            memory: Some(MemorySpec {
                work: work(&guest, times),
                ..MemorySpec::new(GUEST_START, GUEST_MAX, GUEST_BASE)
            }),
            ..GuestSpec::new(number, guest.name, (0..guest.vcpus).map(idle).collect())
        }
    };
    HostSpec {
        memory: Some(HostMemorySpec {
            total: machine.memory,
            used: vec![HostUse {
                at: Timestamp::ZERO,
                used: machine.used,
            }],
        }),
        ..HostSpec::new(machine.pcpus, (1..).zip(GUESTS).map(guest).collect())
    }
}

fn work(guest: &Guest, times: &Times) -> Vec<MemoryWork> {
    if guest.name != EATER {
        return Vec::new();
    }
    vec![
        MemoryWork::WaitUntil(times.eat),
        MemoryWork::Grow {
            mib_s: MEAL_PER_SECOND.as_mib_f64(),
            vary: 0.1,
            most: Some(MEAL),
        },
        MemoryWork::WaitUntil(times.free),
        MemoryWork::Free,
    ]
}
