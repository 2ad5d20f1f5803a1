//! What this machine tells about itself, for connections to a hypervisor on it.
//!
//! libvirt knows neither `MemAvailable` nor the cpuset that guests are held in. Each reader takes
//! the folder to look in, and gives `None` for what is not there.

use crate::{CpuSet, HostMemory};
use cloudlot_core::Bytes;
use std::fs;
use std::path::Path;

/// Memory by `proc/meminfo` under `root`.
pub(super) fn memory(root: &Path) -> Option<HostMemory> {
    let text = fs::read_to_string(root.join("proc/meminfo")).ok()?;
    let line = |name: &str| {
        let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
        let kib: u64 = rest.trim().strip_suffix("kB")?.trim().parse().ok()?;
        Some(Bytes::kib(kib))
    };
    Some(HostMemory {
        total: line("MemTotal:")?,
        available: line("MemAvailable:")?,
    })
}

/// The pCPUs that the control groups under `root` leave to guests: those of `machine.slice`, or
/// of the whole machine or container before the first guest has made that slice.
///
/// Source: Linux `Documentation/admin-guide/cgroup-v2.rst` and `cgroup-v1/cpusets.rst`.
pub(super) fn guest_cpus(root: &Path) -> Option<CpuSet> {
    let groups = root.join("sys/fs/cgroup");
    // Unified, then the second hierarchy of hybrid hosts, then version 1.
    let hierarchies = [
        (groups.clone(), "cpuset.cpus.effective"),
        (groups.join("unified"), "cpuset.cpus.effective"),
        (groups.join("cpuset"), "cpuset.effective_cpus"),
    ];
    hierarchies.iter().find_map(|(hierarchy, file)| {
        let read = |group: &str| {
            let text = fs::read_to_string(hierarchy.join(group).join(file)).ok()?;
            let set: CpuSet = text.trim().parse().ok()?;
            (!set.is_empty()).then_some(set)
        };
        ["machine.slice", "machine", ""].into_iter().find_map(read)
    })
}

/// A number that changes with every boot of the machine.
pub(super) fn boot_mark(root: &Path) -> Option<u32> {
    let id = fs::read_to_string(root.join("proc/sys/kernel/random/boot_id")).ok()?;
    u32::from_str_radix(id.get(..8)?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (path, content) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        root
    }

    fn cpus_of(files: &[(&str, &str)]) -> Option<String> {
        guest_cpus(machine(files).path()).map(|set| set.to_string())
    }

    #[test]
    fn memory_is_read_from_meminfo() {
        let text = "MemTotal:       24624816 kB\nMemFree:  1 kB\nMemAvailable:   10 kB\n";
        assert_eq!(
            memory(machine(&[("proc/meminfo", text)]).path()),
            Some(HostMemory {
                total: Bytes::kib(24_624_816),
                available: Bytes::kib(10),
            })
        );
        for broken in [
            "",
            "MemTotal: 1 kB\n",
            "MemTotal: x kB\nMemAvailable: 1 kB\n",
        ] {
            assert_eq!(memory(machine(&[("proc/meminfo", broken)]).path()), None);
        }
    }

    #[test]
    fn the_guests_cpuset_is_found_in_every_layout() {
        let v2 = "sys/fs/cgroup/cpuset.cpus.effective";
        let v2_guests = "sys/fs/cgroup/machine.slice/cpuset.cpus.effective";
        let v1 = "sys/fs/cgroup/cpuset/cpuset.effective_cpus";
        let v1_guests = "sys/fs/cgroup/cpuset/machine.slice/cpuset.effective_cpus";
        let hybrid = "sys/fs/cgroup/unified/cpuset.cpus.effective";
        let found = |files: &[(&str, &str)], cpus: &str| {
            assert_eq!(cpus_of(files).as_deref(), Some(cpus), "{files:?}");
        };
        found(&[(v2, "0-7\n"), (v2_guests, "2-5\n")], "2-5");
        found(&[(v2, "0-7\n")], "0-7");
        found(&[(v1, "0-3\n"), (v1_guests, "0,2\n")], "0,2");
        found(&[(v1, "0-3\n")], "0-3");
        found(&[(hybrid, "0-1\n"), (v1, "0-3\n")], "0-1");
        found(
            &[("sys/fs/cgroup/unified/cgroup.procs", ""), (v1, "1\n")],
            "1",
        );
    }

    #[test]
    fn no_cpuset_is_no_limit() {
        assert_eq!(cpus_of(&[]), None);
        assert_eq!(
            cpus_of(&[("sys/fs/cgroup/cpuset.cpus.effective", "\n")]),
            None
        );
        assert_eq!(
            cpus_of(&[("sys/fs/cgroup/cpuset.cpus.effective", "all")]),
            None
        );
    }

    #[test]
    fn a_boot_has_a_mark() {
        let id = "1f2e3d4c-0000-4000-8000-000000000000\n";
        let root = machine(&[("proc/sys/kernel/random/boot_id", id)]);
        assert_eq!(boot_mark(root.path()), Some(0x1f2e_3d4c));
        assert_eq!(boot_mark(machine(&[]).path()), None);
    }
}
