//! What `virsh` says about the host and its domains: the other witness beside the programs.

use std::collections::BTreeMap;

use cloudlot_examples::lab::Virsh;

/// Everything that the programs change of one domain.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Settings {
    pub(crate) domain: String,
    /// List of pCPUs by vCPU.
    pub(crate) pins: BTreeMap<u32, String>,
    pub(crate) target_kib: u64,
    pub(crate) period_s: u64,
}

impl Settings {
    pub(crate) fn read(virsh: &Virsh, domain: &str) -> Self {
        let xml = virsh.run(&["dumpxml", domain]).unwrap();
        let target = between(&xml, "<currentMemory unit='KiB'>", "<").expect("a balloon");
        let period = between(&xml, "<stats period='", "'");
        Self {
            domain: domain.to_owned(),
            pins: pins(virsh, domain),
            target_kib: target.parse().unwrap(),
            period_s: period.map_or(0, |period| period.parse().unwrap()),
        }
    }
}

/// What a balloon says, in MiB.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Balloon {
    pub(crate) actual: u64,
    /// `None` before its driver has said anything.
    pub(crate) unused: Option<u64>,
}

impl Balloon {
    pub(crate) fn read(virsh: &Virsh, domain: &str) -> Self {
        let text = virsh.run(&["dommemstat", domain]).unwrap();
        let mib = |name: &str| {
            let words = text.lines().filter_map(|line| line.split_once(' '));
            let kib = words.into_iter().find(|(key, _)| *key == name)?.1;
            Some(kib.trim().parse::<u64>().unwrap() >> 10)
        };
        Self {
            actual: mib("actual").expect("a balloon"),
            unused: mib("unused"),
        }
    }
}

/// The pCPUs of each vCPU of a running domain.
pub(crate) fn pins(virsh: &Virsh, domain: &str) -> BTreeMap<u32, String> {
    let text = virsh.run(&["vcpupin", domain, "--live"]).unwrap();
    let rows = text.lines().filter(|line| !line.trim().is_empty());
    let pair = |row: &str| {
        let (vcpu, cpus) = row.trim().split_once(char::is_whitespace).unwrap();
        (vcpu.parse().unwrap(), cpus.trim().to_owned())
    };
    rows.map(pair).collect()
}

/// The numbers of the pCPUs that are online.
pub(crate) fn online_pcpus(virsh: &Virsh) -> Vec<u32> {
    let text = virsh.run(&["nodecpumap"]).unwrap();
    let map = text.lines().find_map(|line| line.strip_prefix("CPU map:"));
    let flags = map.expect("a CPU map").trim().chars().zip(0..);
    let online: Vec<u32> = flags
        .filter(|&(flag, _)| flag == 'y')
        .map(|(_, number)| number)
        .collect();
    assert!(
        online.len() >= 2,
        "balancing needs two online pCPUs: {text}"
    );
    online
}

pub(crate) fn is_shut_off(virsh: &Virsh, domain: &str) -> bool {
    virsh.run(&["domstate", domain]).unwrap().trim() == "shut off"
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(start)?;
    Some(rest.split_once(end)?.0)
}
