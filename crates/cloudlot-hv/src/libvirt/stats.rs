//! Decodes libvirt's statistics of domains: named values in, counters out.
//!
//! Pure: the values come from `sys.rs`, and what is derived from them is the planners' matter.

use cloudlot_core::Bytes;
use std::collections::BTreeMap;
use std::time::Duration;
use virt::domain::MemoryStat;
use virt::sys;

/// One named value; `None` for what is not a whole number from zero up.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Param {
    /// Its name, such as `vcpu.0.time`.
    pub(super) name: String,
    /// The value.
    pub(super) value: Option<u64>,
}

/// What the statistics of one domain say.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct DomainStats {
    /// `virDomainState`.
    pub(super) state: u32,
    /// Why it is in this state; the meaning depends on it.
    pub(super) reason: u32,
    /// The number of online vCPUs.
    pub(super) online: u32,
    /// Times by vCPU number; numbers may have gaps.
    pub(super) vcpus: BTreeMap<u32, VcpuTimes>,
    /// Memory.
    pub(super) memory: MemoryStats,
}

/// Cumulative times of one vCPU.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct VcpuTimes {
    /// On a pCPU.
    pub(super) time: Option<Duration>,
    /// Ready to run, without a pCPU.
    pub(super) delay: Option<Duration>,
}

/// Memory of one domain.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct MemoryStats {
    /// What the guest has, virtio-mem included.
    pub(super) current: Option<Bytes>,
    /// What it can have at most, memory devices included.
    pub(super) maximum: Option<Bytes>,
    /// What the guest's balloon driver says; `None` if it said nothing, or could not be asked now.
    pub(super) guest: Option<GuestMemory>,
}

/// What a guest's balloon driver reports.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct GuestMemory {
    pub(super) unused: Option<Bytes>,
    pub(super) usable: Option<Bytes>,
    pub(super) caches: Option<Bytes>,
    pub(super) swap_in: Option<Bytes>,
    pub(super) swap_out: Option<Bytes>,
    pub(super) major_faults: Option<u64>,
    /// Unix time in seconds.
    pub(super) updated: Option<u64>,
}

/// Reads a record of bulk statistics. Unknown names are passed over, missing ones stay empty.
pub(super) fn decode(params: &[Param]) -> DomainStats {
    let mut stats = DomainStats::default();
    let mut guest = GuestMemory::default();
    for Param { name, value } in params {
        let Some(value) = *value else { continue };
        let narrow = || u32::try_from(value).unwrap_or(u32::MAX);
        let size = || Some(Bytes::kib(value));
        match name.as_str() {
            "state.state" => stats.state = narrow(),
            "state.reason" => stats.reason = narrow(),
            "vcpu.current" => stats.online = narrow(),
            "balloon.current" => stats.memory.current = size(),
            "balloon.maximum" => stats.memory.maximum = size(),
            "balloon.unused" => guest.unused = size(),
            "balloon.usable" => guest.usable = size(),
            "balloon.disk_caches" => guest.caches = size(),
            "balloon.swap_in" => guest.swap_in = size(),
            "balloon.swap_out" => guest.swap_out = size(),
            "balloon.major_fault" => guest.major_faults = Some(value),
            "balloon.last-update" => guest.updated = Some(value),
            _ => vcpu_time(&mut stats.vcpus, name, value),
        }
    }
    stats.memory.guest = spoken(guest);
    stats
}

/// Reads `vcpu.<number>.time` and `vcpu.<number>.delay`, both in nanoseconds.
fn vcpu_time(vcpus: &mut BTreeMap<u32, VcpuTimes>, name: &str, nanos: u64) {
    let Some((number, field)) = name
        .strip_prefix("vcpu.")
        .and_then(|rest| rest.split_once('.'))
        .and_then(|(number, field)| Some((number.parse().ok()?, field)))
    else {
        return;
    };
    let spent = Some(Duration::from_nanos(nanos));
    match field {
        "time" => vcpus.entry(number).or_default().time = spent,
        "delay" => vcpus.entry(number).or_default().delay = spent,
        _ => {}
    }
}

/// Reads the memory statistics of one domain, for drivers without bulk statistics.
pub(super) fn decode_memory(stats: &[MemoryStat]) -> MemoryStats {
    let mut memory = MemoryStats::default();
    let mut guest = GuestMemory::default();
    for stat in stats {
        let size = Some(Bytes::kib(stat.val));
        match stat.tag {
            sys::VIR_DOMAIN_MEMORY_STAT_ACTUAL_BALLOON => memory.current = size,
            sys::VIR_DOMAIN_MEMORY_STAT_UNUSED => guest.unused = size,
            sys::VIR_DOMAIN_MEMORY_STAT_USABLE => guest.usable = size,
            sys::VIR_DOMAIN_MEMORY_STAT_DISK_CACHES => guest.caches = size,
            sys::VIR_DOMAIN_MEMORY_STAT_SWAP_IN => guest.swap_in = size,
            sys::VIR_DOMAIN_MEMORY_STAT_SWAP_OUT => guest.swap_out = size,
            sys::VIR_DOMAIN_MEMORY_STAT_MAJOR_FAULT => guest.major_faults = Some(stat.val),
            sys::VIR_DOMAIN_MEMORY_STAT_LAST_UPDATE => guest.updated = Some(stat.val),
            _ => {}
        }
    }
    memory.guest = spoken(guest);
    memory
}

/// A driver that never spoke has a last update of zero, or none, and nothing else to say.
fn spoken(mut guest: GuestMemory) -> Option<GuestMemory> {
    guest.updated = guest.updated.filter(|&seconds| seconds > 0);
    (guest != GuestMemory::default()).then_some(guest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn params(text: &str) -> Vec<Param> {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        lines
            .map(|line| {
                let (name, value) = line.split_once('=').expect("a line is name=value");
                Param {
                    name: name.to_owned(),
                    value: value.parse().ok(),
                }
            })
            .collect()
    }

    #[test]
    fn vcpus_are_keyed_by_number_and_not_by_place() {
        let stats = decode(&params(
            "state.state=1
             state.reason=5
             vcpu.current=2
             vcpu.maximum=8
             vcpu.7.state=1
             vcpu.7.time=70000000
             vcpu.7.delay=9
             vcpu.2.time=20000000
             vcpu.2.wait=5
             vcpu.2.halted=no",
        ));
        assert_eq!((stats.state, stats.reason, stats.online), (1, 5, 2));
        let times: Vec<_> = stats.vcpus.into_iter().collect();
        let ms = |ms| Some(Duration::from_millis(ms));
        assert_eq!(
            times,
            [
                (
                    2,
                    VcpuTimes {
                        time: ms(20),
                        delay: None
                    }
                ),
                (
                    7,
                    VcpuTimes {
                        time: ms(70),
                        delay: Some(Duration::from_nanos(9))
                    }
                ),
            ]
        );
    }

    #[test]
    fn a_busy_domain_keeps_its_size_and_loses_its_guest_statistics() {
        let busy = decode(&params("balloon.current=1024\nballoon.maximum=2048")).memory;
        assert_eq!(busy.current, Some(Bytes::mib(1)));
        assert_eq!(busy.maximum, Some(Bytes::mib(2)));
        assert_eq!(busy.guest, None);

        let idle = decode(&params("balloon.unused=5\nballoon.last-update=77")).memory;
        let guest = idle.guest.expect("the guest spoke");
        assert_eq!(guest.unused, Some(Bytes::kib(5)));
        assert_eq!(guest.updated, Some(77));
    }

    #[test]
    fn a_guest_without_a_driver_says_nothing() {
        let silent = decode(&params("balloon.current=1024\nballoon.last-update=0"));
        assert_eq!(silent.memory.guest, None);
    }

    #[test]
    fn names_and_values_that_make_no_sense_are_passed_over() {
        let stats = decode(&params(
            "vcpu..time=1
             vcpu.x.time=1
             vcpu.-1.time=1
             vcpu.4294967296.time=1
             vcpu.1=1
             vcpu.1.time=-5
             balloon.current=-1",
        ));
        assert_eq!(stats, DomainStats::default());
    }

    #[test]
    fn both_ways_of_asking_tell_the_same() {
        let stat = |tag, val| MemoryStat { tag, val };
        let single = decode_memory(&[
            stat(0, 1),
            stat(1, 2),
            stat(2, 3),
            stat(4, 4),
            stat(6, 5),
            stat(8, 6),
            stat(9, 7),
            stat(10, 8),
        ]);
        let bulk = decode(&params(
            "balloon.swap_in=1
             balloon.swap_out=2
             balloon.major_fault=3
             balloon.unused=4
             balloon.current=5
             balloon.usable=6
             balloon.last-update=7
             balloon.disk_caches=8",
        ));
        assert_eq!(single, bulk.memory);
    }

    proptest! {
        #[test]
        fn arbitrary_records_never_panic(
            names in proptest::collection::vec("(vcpu|balloon|state)?\\.?[0-9]{0,11}\\.?[a-z]{0,6}", 0..20),
            value: Option<u64>,
        ) {
            let params: Vec<Param> = names.into_iter().map(|name| Param { name, value }).collect();
            let _ = decode(&params);
        }
    }
}
