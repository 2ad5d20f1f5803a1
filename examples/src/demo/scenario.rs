//! What the demonstration shows: the same guests, load and times on real and on simulated hosts.
//!
//! First all vCPUs are busy and start out on pCPU 0; then they are idle,
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
    /// How many vCPUs it has, each as busy as it can be.
    pub vcpus: u32,
}

/// All guests that there can be: those that are always there, then those that larger machines
/// need to be busy everywhere.
const GUESTS: [Guest; 15] = [
    guest("ada", 1),
    guest("bob", 1),
    guest("cyd", 1),
    guest("dan", 1),
    guest("eve", 2),
    guest("fay", 1),
    guest("gus", 1),
    guest("hal", 1),
    guest("ida", 1),
    guest("jon", 1),
    guest("kim", 1),
    guest("leo", 1),
    guest("mia", 1),
    guest("ned", 1),
    guest("ola", 1),
];

/// The least guests that are shown.
const FEWEST: usize = 5;

/// The guests for a machine with so many pCPUs: five with six vCPUs, more where that leaves pCPUs
/// idle, and at most 15 with 16.
#[must_use]
pub fn guests(pcpus: u32) -> &'static [Guest] {
    let enough = |count: &usize| GUESTS[..*count].iter().map(|it| it.vcpus).sum::<u32>() >= pcpus;
    let count = (FEWEST..GUESTS.len()).find(enough);
    &GUESTS[..count.unwrap_or(GUESTS.len())]
}

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
const GUEST_BASE: Bytes = Bytes::mib(75);

/// Time between cycles of the programs, as the course has it.
pub const INTERVAL: Duration = Duration::from_secs(2);

/// Time before a program starts: what is shown as "before".
pub const LEAD: Duration = Duration::from_secs(5);

/// A guest that does nothing still ticks.
const IDLE: Load = Load::Open { cores: 0.01 };

/// As much as there is.
const BUSY: Load = Load::Open { cores: 1.0 };

const fn guest(name: &'static str, vcpus: u32) -> Guest {
    Guest { name, vcpus }
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
    /// The guests on it.
    pub guests: &'static [Guest],
    /// pCPUs that guests may use.
    pub pcpus: u32,
    /// All memory.
    pub memory: Bytes,
    /// What the host itself uses.
    pub used: Bytes,
}

impl Machine {
    /// Where there is no real one to be like.
    #[must_use]
    pub fn example() -> Self {
        let pcpus = 4;
        Self {
            guests: guests(pcpus),
            pcpus,
            memory: Bytes::gib(4),
            used: Bytes::mib(600),
        }
    }
}

/// All vCPUs busy and on pCPU 0.
#[must_use]
pub fn cpu(machine: &Machine) -> HostSpec {
    let guest = |(number, guest): (u64, &Guest)| {
        let busy = |index| {
            let demand = DemandStep {
                at: Timestamp::ZERO,
                load: BUSY,
            };
            VcpuSpec::new(index, vec![demand]).pinned_to(0)
        };
        GuestSpec::new(number, guest.name, (0..guest.vcpus).map(busy).collect())
    };
    HostSpec {
        noise: Noise::Normal { sd: 0.02 },
        ..HostSpec::new(
            machine.pcpus,
            (1..).zip(machine.guests).map(guest).collect(),
        )
    }
}

/// All vCPUs idle; the eater eats, and frees.
#[must_use]
pub fn memory(machine: &Machine, times: &Times) -> HostSpec {
    let guest = |(number, guest): (u64, &Guest)| {
        let idle = |index| VcpuSpec {
            index,
            ..VcpuSpec::steady(IDLE)
        };
        GuestSpec {
            memory: Some(MemorySpec {
                work: work(guest, times),
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
        ..HostSpec::new(
            machine.pcpus,
            (1..).zip(machine.guests).map(guest).collect(),
        )
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machines_of_all_sizes_are_busy_everywhere_up_to_16_pcpus() {
        let vcpus = |pcpus| guests(pcpus).iter().map(|guest| guest.vcpus).sum::<u32>();
        for pcpus in 1..=6 {
            assert_eq!((guests(pcpus).len(), vcpus(pcpus)), (5, 6), "{pcpus}");
        }
        for pcpus in 7..=16 {
            assert_eq!(vcpus(pcpus), pcpus);
        }
        assert_eq!(vcpus(17), 16);
        assert_eq!(vcpus(u32::MAX), 16);
    }

    #[test]
    fn times_are_in_order_for_every_length() {
        for seconds in [20, 21, 60, 3600] {
            let times = Times::new(Duration::from_secs(seconds));
            assert!(times.start < times.eat && times.eat < times.free && times.free < times.end);
            assert_eq!(times.end.since(times.start), Duration::from_secs(seconds));
        }
    }
}
