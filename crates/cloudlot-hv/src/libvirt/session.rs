//! One open connection: what was learnt through it, and how it takes a sample.
//!
//! The host is in `host.rs`, domains in `domain.rs`, changes to them in `steps.rs`.

use super::changes::Changes;
use super::domain::Known;
use super::errors::{Failure, Kind};
use super::host::{self, Host};
use super::local;
use super::stats::{self, DomainStats};
use super::sys::{self, Subscription};
use crate::{Capabilities, DomainId, DomainSample, HostSample};
use cloudlot_core::{Bytes, Clock, Timestamp};
use std::collections::BTreeMap;
use std::sync::Arc;
use virt::connect::Connect;
use virt::domain::Domain;
use virt::sys::{
    VIR_CONNECT_LIST_DOMAINS_ACTIVE, VIR_DOMAIN_STATS_BALLOON, VIR_DOMAIN_STATS_STATE,
    VIR_DOMAIN_STATS_VCPU, virDomainStatsTypes,
};

/// The name of libvirt's mock driver. It tells the same eight pCPUs of every host.
const TEST_DRIVER: &str = "TEST";

/// An open connection with all that was learnt through it.
///
/// `virt` panics when a connection or a domain cannot be given back. libvirt refuses that only for
/// pointers that are no such object, not for a dead connection (`virConnectClose`, `virDomainFree`
/// in its `libvirt.c` and `libvirt-domain.c`), so that dropping a session never panics.
pub(super) struct Session {
    pub(super) connect: Connect,
    _events: Subscription,
    pub(super) changes: Arc<Changes>,
    /// Whether changes are allowed.
    pub(super) writable: bool,
    /// Whether the daemon shares this machine's clock.
    pub(super) local: bool,
    /// Whether the guests run on this machine: local, and not mocked.
    pub(super) here: bool,
    pub(super) mocked: bool,
    /// Tells boots of the machine apart; zero where that cannot be known.
    pub(super) boot_mark: u32,
    /// What the driver was found not to have.
    pub(super) lacks: Lacks,
    /// Whether any vCPU was ever seen to wait: where the host does not count it, it is always 0.
    pub(super) delay_counted: bool,
    pub(super) host: Host,
    pub(super) known: BTreeMap<DomainId, Known>,
    pub(super) notes: Vec<String>,
}

/// Calls that the driver does not have.
#[derive(Default)]
pub(super) struct Lacks {
    bulk_stats: bool,
    pub(super) memory_stats: bool,
    pub(super) cpu_stats: bool,
    pub(super) job_info: bool,
    pub(super) pin: bool,
    pub(super) balloon: bool,
}

impl Session {
    /// Reads the host's topology, and listens to events from now on.
    pub(super) fn start(
        connect: Connect,
        writable: bool,
        local: bool,
        changes: Arc<Changes>,
    ) -> Result<Self, Failure> {
        let mocked = connect.driver_type()? == TEST_DRIVER;
        let here = local && !mocked;
        let mut session = Self {
            _events: Subscription::new(&connect, &changes),
            connect,
            changes,
            writable,
            local,
            here,
            mocked,
            boot_mark: here
                .then(|| local::boot_mark(host::root()))
                .flatten()
                .unwrap_or(0),
            lacks: Lacks::default(),
            delay_counted: false,
            host: Host::default(),
            known: BTreeMap::new(),
            notes: Vec::new(),
        };
        session.refresh_host()?;
        Ok(session)
    }

    /// Whether the connection still works, without asking the daemon.
    pub(super) fn is_alive(&self) -> bool {
        self.connect.is_alive().unwrap_or(false)
    }

    /// What can be seen and changed through this connection.
    pub(super) fn capabilities(&self) -> Capabilities {
        Capabilities {
            pin: !self.lacks.pin,
            memory: !self.lacks.balloon,
            delay: self.delay_counted,
            write: self.writable,
        }
    }

    /// The number of pCPUs that the host has, offline ones included.
    pub(super) fn cpu_count(&self) -> u32 {
        self.host.count
    }

    /// The host and its active domains.
    pub(super) fn sample(&mut self, clock: &dyn Clock) -> Result<HostSample, Failure> {
        let before = clock.now();
        let mut statistics = self.times()?;
        let at = before + clock.now().since(before) / 2;
        self.refresh_host()?;
        let pcpus = self.pcpus(at)?;
        self.add_memory(&mut statistics)?;
        Ok(HostSample {
            at,
            pcpus,
            memory: self.memory()?,
            domains: self.domains(statistics, at)?,
        })
    }

    fn domains(
        &mut self,
        statistics: Vec<(Domain, DomainStats)>,
        at: Timestamp,
    ) -> Result<Vec<DomainSample>, Failure> {
        self.let_facts_go_stale(at);
        let delays = statistics
            .iter()
            .flat_map(|(_, stats)| stats.vcpus.values());
        self.delay_counted |= delays
            .filter_map(|times| times.delay)
            .any(|delay| !delay.is_zero());
        let mut samples: Vec<DomainSample> = Vec::new();
        for (domain, stats) in statistics {
            match self.domain(domain, &stats, at) {
                Ok(sample) => samples.extend(sample),
                Err(failure) => match failure.kind() {
                    // Unfit: shut off meanwhile.
                    Kind::Gone | Kind::Unfit => {}
                    Kind::Disconnected => return Err(failure),
                    _ => self.notes.push(format!(
                        "a domain is left out of the sample: {}",
                        failure.message
                    )),
                },
            }
        }
        samples.sort_by_key(|sample| sample.id);
        let present = |id| {
            samples
                .binary_search_by_key(&id, |sample| sample.id)
                .is_ok()
        };
        self.known.retain(|id, _| present(*id));
        self.changes.retain(|uuid| present(DomainId(uuid)));
        Ok(samples)
    }

    /// State and vCPU times of all active domains: in bulk, or else one by one and with memory.
    fn times(&mut self) -> Result<Vec<(Domain, DomainStats)>, Failure> {
        if !self.lacks.bulk_stats {
            // All that is asked of the monitors comes in a call of its own, after this one: they
            // answer late when guests are busy, and times are worth little if it is not known when
            // they were read.
            let groups = VIR_DOMAIN_STATS_STATE | VIR_DOMAIN_STATS_VCPU;
            match self.bulk(groups) {
                Err(failure) if failure.kind() == Kind::Unsupported => {
                    self.lacks.bulk_stats = true;
                }
                result => return result,
            }
        }
        let mut all = Vec::new();
        for domain in self
            .connect
            .list_all_domains(VIR_CONNECT_LIST_DOMAINS_ACTIVE)?
        {
            match one_by_one(&domain) {
                Ok(stats) => all.push((domain, stats)),
                Err(failure) if matches!(failure.kind(), Kind::Gone | Kind::Unfit) => {}
                Err(failure) => return Err(failure),
            }
        }
        Ok(all)
    }

    fn add_memory(&self, statistics: &mut [(Domain, DomainStats)]) -> Result<(), Failure> {
        if self.lacks.bulk_stats {
            return Ok(());
        }
        let mut memory = BTreeMap::new();
        for (domain, stats) in self.bulk(VIR_DOMAIN_STATS_BALLOON)? {
            memory.insert(domain.uuid()?, stats.memory);
        }
        for (domain, stats) in statistics {
            stats.memory = memory.remove(&domain.uuid()?).unwrap_or_default();
        }
        Ok(())
    }

    fn bulk(&self, groups: virDomainStatsTypes) -> Result<Vec<(Domain, DomainStats)>, Failure> {
        let records = sys::active_stats(&self.connect, groups)?;
        let decoded = |(domain, params): (Domain, Vec<_>)| (domain, stats::decode(&params));
        Ok(records.into_iter().map(decoded).collect())
    }
}

fn one_by_one(domain: &Domain) -> Result<DomainStats, Failure> {
    let info = domain.info()?;
    let mut memory = match domain.memory_stats(0).map_err(Failure::from) {
        Ok(stats) => stats::decode_memory(&stats),
        Err(failure) if failure.kind() == Kind::Disconnected => return Err(failure),
        Err(_) => stats::MemoryStats::default(),
    };
    memory.current = memory.current.or(Some(Bytes::kib(info.memory)));
    memory.maximum = Some(Bytes::kib(info.max_mem));
    Ok(DomainStats {
        state: info.state.to_raw(),
        reason: 0,
        online: info.nr_virt_cpu,
        vcpus: BTreeMap::new(),
        memory,
    })
}
