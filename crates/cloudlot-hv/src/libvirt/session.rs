//! One open connection: what it knows of the host, and how it samples it.
//!
//! Domains are in `domain.rs`, changes to them in `steps.rs`.

use super::changes::Changes;
use super::domain::Known;
use super::errors::{Failure, Kind};
use super::host_xml::{self, Seat};
use super::local;
use super::stats::{self, DomainStats};
use super::sys::{self, Subscription};
use crate::{
    Capabilities, CpuSet, DomainId, DomainSample, HostMemory, HostSample, PcpuId, PcpuSample,
};
use cloudlot_core::{Bytes, Clock, Timestamp};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use virt::connect::Connect;
use virt::domain::Domain;
use virt::sys::{
    VIR_CONNECT_LIST_DOMAINS_ACTIVE, VIR_DOMAIN_STATS_BALLOON, VIR_DOMAIN_STATS_STATE,
    VIR_DOMAIN_STATS_VCPU, virDomainStatsTypes,
};

/// The name of libvirt's mock driver. It tells the same eight pCPUs of every host.
const TEST_DRIVER: &str = "TEST";

/// An open connection with all that was learnt through it.
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
    mocked: bool,
    /// Tells boots of the machine apart; zero where that cannot be known.
    pub(super) boot_mark: u32,
    /// What the driver was found not to have.
    pub(super) lacks: Lacks,
    /// Whether any vCPU was ever seen to wait: where the host does not count it, it is always 0.
    pub(super) delay_counted: bool,
    host: Host,
    pub(super) known: BTreeMap<DomainId, Known>,
    pub(super) notes: Vec<String>,
}

/// Calls that the driver does not have.
#[derive(Default)]
pub(super) struct Lacks {
    bulk_stats: bool,
    memory_stats: bool,
    cpu_stats: bool,
    pub(super) job_info: bool,
    pub(super) pin: bool,
    pub(super) balloon: bool,
}

/// The host's pCPUs, read again when their number or the online ones change.
#[derive(Default)]
struct Host {
    count: u32,
    online: CpuSet,
    seats: BTreeMap<u32, Seat>,
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
                .then(|| local::boot_mark(root()))
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
        let pcpus = self.pcpus()?;
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

    fn refresh_host(&mut self) -> Result<(), Failure> {
        let by_counts = |session: &Self| -> Result<_, Failure> {
            Ok(host_xml::seats_by_counts(&session.connect.node_info()?))
        };
        if self.mocked {
            self.host.seats = by_counts(self)?;
            self.host.count = u32::try_from(self.host.seats.len()).unwrap_or(u32::MAX);
            self.host.online = (0..self.host.count).map(PcpuId::new).collect();
            return Ok(());
        }
        let (count, online) = sys::cpu_map(&self.connect)?;
        if count != self.host.count || online != self.host.online {
            let mut seats = host_xml::seats(&self.connect.capabilities()?);
            if seats.is_empty() {
                seats = by_counts(self)?;
            }
            self.host = Host {
                count,
                online,
                seats,
            };
        }
        Ok(())
    }

    fn pcpus(&mut self) -> Result<Vec<PcpuSample>, Failure> {
        let guests = if self.here {
            local::guest_cpus(root())
        } else {
            None
        };
        let mut pcpus = Vec::new();
        for number in 0..self.host.count {
            let id = PcpuId::new(number);
            let online = self.host.online.contains(id);
            let seat = self.host.seats.get(&number).copied();
            let seat = seat.unwrap_or(Seat {
                core: number,
                cache: number,
                node: 0,
            });
            pcpus.push(PcpuSample {
                id,
                usable: online && guests.as_ref().is_none_or(|guests| guests.contains(id)),
                core: seat.core,
                cache: seat.cache,
                node: seat.node,
                speed: 1.0,
                busy: if online { self.busy(id)? } else { None },
            });
        }
        Ok(pcpus)
    }

    /// The time that a pCPU was neither idle nor waiting for I/O.
    fn busy(&mut self, id: PcpuId) -> Result<Option<Duration>, Failure> {
        if self.lacks.cpu_stats {
            return Ok(None);
        }
        match sys::cpu_stats(&self.connect, id).map_err(Failure::from) {
            Ok(counters) => Ok(busy_time(&counters)),
            Err(failure) => match failure.kind() {
                Kind::Disconnected => Err(failure),
                Kind::Unsupported => {
                    self.lacks.cpu_stats = true;
                    Ok(None)
                }
                // It went offline meanwhile.
                _ => Ok(None),
            },
        }
    }

    fn memory(&mut self) -> Result<Option<HostMemory>, Failure> {
        if self.here
            && let Some(memory) = local::memory(root())
        {
            return Ok(Some(memory));
        }
        if !self.lacks.memory_stats {
            match sys::memory_stats(&self.connect).map_err(Failure::from) {
                Ok(counters) => return Ok(host_memory(&counters)),
                Err(failure) if failure.kind() == Kind::Unsupported => {
                    self.lacks.memory_stats = true;
                }
                Err(failure) => return Err(failure),
            }
        }
        let total = Bytes::kib(self.connect.node_info()?.memory);
        Ok(self.connect.free_memory().ok().map(|free| HostMemory {
            total,
            available: Bytes::new(free).min(total),
        }))
    }
}

/// Where the machine's own files are.
fn root() -> &'static Path {
    Path::new("/")
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

/// `kernel` and `user` hold all that Linux counts beside `idle` and `iowait`; `intr` is BSD's.
fn busy_time(counters: &[(String, u64)]) -> Option<Duration> {
    let counter = |name: &str| {
        let found = counters.iter().find(|(field, _)| field == name);
        found.map(|&(_, nanos)| nanos)
    };
    let busy = counter("kernel")?.saturating_add(counter("user")?);
    Some(Duration::from_nanos(
        busy.saturating_add(counter("intr").unwrap_or(0)),
    ))
}

/// Without `MemAvailable`, half of the page cache is taken to be needed.
fn host_memory(counters: &[(String, u64)]) -> Option<HostMemory> {
    let counter = |name: &str| {
        let found = counters.iter().find(|(field, _)| field == name);
        found.map(|&(_, kib)| Bytes::kib(kib))
    };
    let (total, free) = (counter("total")?, counter("free")?);
    let cache = |name| counter(name).unwrap_or(Bytes::ZERO);
    let cached = cache("buffers").saturating_add(cache("cached"));
    Some(HostMemory {
        total,
        available: free.saturating_add(cached.fraction(1, 2)).min(total),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counters(list: &[(&str, u64)]) -> Vec<(String, u64)> {
        let owned = |&(name, value): &(&str, u64)| (name.to_owned(), value);
        list.iter().map(owned).collect()
    }

    #[test]
    fn idle_and_waiting_time_is_not_busy() {
        let linux = counters(&[("kernel", 2), ("user", 3), ("idle", 50), ("iowait", 7)]);
        assert_eq!(busy_time(&linux), Some(Duration::from_nanos(5)));
        assert_eq!(busy_time(&counters(&[("utilization", 40)])), None);
    }

    #[test]
    fn half_of_the_page_cache_counts_as_available() {
        let told = [
            ("total", 1000),
            ("free", 100),
            ("buffers", 20),
            ("cached", 80),
        ];
        let memory = host_memory(&counters(&told)).unwrap();
        assert_eq!(memory.available, Bytes::kib(150));
        assert_eq!(host_memory(&counters(&[("total", 1000)])), None);
        let absurd = counters(&[("total", 10), ("free", 10), ("cached", 10)]);
        assert_eq!(host_memory(&absurd).unwrap().available, Bytes::kib(10));
    }
}
