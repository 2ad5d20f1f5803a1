//! The host itself, as one connection tells it: pCPUs and memory.

use super::busy::{BusyTime, Counted};
use super::errors::{Failure, Kind};
use super::host_xml::{self, Seat};
use super::session::Session;
use super::{local, sys};
use crate::{CpuSet, HostMemory, PcpuId, PcpuSample};
use cloudlot_core::{Bytes, Timestamp};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

/// The host's pCPUs, read again when their number or the online ones change.
#[derive(Default)]
pub(super) struct Host {
    pub(super) count: u32,
    online: CpuSet,
    seats: BTreeMap<u32, Seat>,
    busy: BTreeMap<PcpuId, BusyTime>,
}

impl Session {
    /// Reads the topology anew if pCPUs came, went, or changed between online and offline.
    pub(super) fn refresh_host(&mut self) -> Result<(), Failure> {
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
                busy: std::mem::take(&mut self.host.busy),
            };
        }
        Ok(())
    }

    /// The pCPUs by rising number, as they are at `at`.
    pub(super) fn pcpus(&mut self, at: Timestamp) -> Result<Vec<PcpuSample>, Failure> {
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
                busy: if online { self.busy(id, at)? } else { None },
            });
        }
        Ok(pcpus)
    }

    /// The time that a pCPU was neither idle nor waiting for I/O.
    fn busy(&mut self, id: PcpuId, at: Timestamp) -> Result<Option<Duration>, Failure> {
        if self.lacks.cpu_stats {
            return Ok(None);
        }
        match sys::cpu_stats(&self.connect, id).map_err(Failure::from) {
            Ok(counters) => Ok(Counted::of(&counters).map(|counted| {
                let last = self.host.busy.get(&id);
                let busy = last.map_or_else(
                    || BusyTime::start(counted, at),
                    |last| last.advance(counted, at),
                );
                self.host.busy.insert(id, busy);
                busy.sum()
            })),
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

    /// The host's memory: best by its own `MemAvailable`, then by what the daemon counts.
    pub(super) fn memory(&mut self) -> Result<Option<HostMemory>, Failure> {
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
pub(super) fn root() -> &'static Path {
    Path::new("/")
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
