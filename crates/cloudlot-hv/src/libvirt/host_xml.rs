//! Reads the host's topology from its capabilities XML, or makes do with the node information.
//!
//! Pure. Cores, caches and the like are numbered by their lowest pCPU, so that numbers are unique
//! over the whole host whatever its firmware calls them.

use crate::CpuSet;
use roxmltree::{Document, Node};
use std::collections::BTreeMap;
use virt::connect::NodeInfo;

/// Where a pCPU sits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Seat {
    /// The lowest pCPU of its core.
    pub(super) core: u32,
    /// The lowest pCPU that shares its last-level cache.
    pub(super) cache: u32,
    /// Its NUMA node.
    pub(super) node: u32,
}

/// Seats by pCPU number; empty where the driver tells no topology, or in words we do not know.
pub(super) fn seats(capabilities: &str) -> BTreeMap<u32, Seat> {
    let Ok(document) = Document::parse(capabilities) else {
        return BTreeMap::new();
    };
    let named = |name: &'static str| {
        document
            .descendants()
            .filter(move |node| node.has_tag_name(name))
    };
    let Some(topology) = named("topology").find(|node| under(*node, "host")) else {
        return BTreeMap::new();
    };
    let banks: Vec<Bank> = named("bank").filter_map(Bank::read).collect();
    let mut places: BTreeMap<u32, Place> = BTreeMap::new();
    for cell in topology
        .descendants()
        .filter(|node| node.has_tag_name("cell"))
    {
        let node = number(cell, "id").unwrap_or(0);
        let cpus = cell.descendants().filter(|cpu| cpu.has_tag_name("cpu"));
        places.extend(cpus.filter_map(|cpu| Some((number(cpu, "id")?, Place::read(cpu, node)))));
    }
    places
        .iter()
        .map(|(&id, place)| (id, place.seat(id, &places, &banks)))
        .collect()
}

/// Seats by the counts of the node information, numbered thread by thread, core by core, socket
/// by socket. Real hosts may number otherwise; this is for drivers that tell no more.
pub(super) fn seats_by_counts(info: &NodeInfo) -> BTreeMap<u32, Seat> {
    let threads = info.threads.max(1);
    let socket = info.cores.max(1).saturating_mul(threads);
    let node = info.sockets.max(1).saturating_mul(socket);
    let count = info.nodes.max(1).saturating_mul(node).min(crate::CPU_LIMIT);
    (0..count)
        .map(|id| {
            let seat = Seat {
                core: id - id % threads,
                cache: id - id % socket,
                node: id / node,
            };
            (id, seat)
        })
        .collect()
}

/// A pCPU's entry in the capabilities.
struct Place {
    node: u32,
    /// Socket, die and core, where they are told.
    core: Option<[u32; 3]>,
    siblings: Option<CpuSet>,
}

impl Place {
    fn read(cpu: Node, node: u32) -> Self {
        let part = |name| number(cpu, name);
        Self {
            node,
            core: part("socket_id")
                .zip(part("core_id"))
                .map(|(socket, core)| [socket, part("die_id").unwrap_or(0), core]),
            siblings: cpu.attribute("siblings").and_then(|set| set.parse().ok()),
        }
    }

    fn seat(&self, id: u32, places: &BTreeMap<u32, Place>, banks: &[Bank]) -> Seat {
        let lowest = |same: &dyn Fn(&Place) -> bool| {
            let found = places.iter().find(|(_, place)| same(place));
            found.map_or(id, |(&id, _)| id)
        };
        let core = match (&self.siblings, self.core) {
            (Some(siblings), _) => first(siblings).unwrap_or(id),
            (None, Some(core)) => lowest(&|other| other.core == Some(core)),
            (None, None) => id,
        };
        let bank = banks
            .iter()
            .filter(|bank| bank.cpus.contains(crate::PcpuId::new(id)))
            .max_by_key(|bank| bank.level)
            .and_then(|bank| first(&bank.cpus));
        // Without caches told, a die is the best guess; without dies, the node.
        let die = |place: &Place| place.core.map(|[socket, die, _]| (socket, die));
        let cache = bank
            .unwrap_or_else(|| lowest(&|other| other.node == self.node && die(other) == die(self)));
        Seat {
            core,
            cache,
            node: self.node,
        }
    }
}

/// A cache and the pCPUs that share it.
struct Bank {
    level: u32,
    cpus: CpuSet,
}

impl Bank {
    fn read(bank: Node) -> Option<Self> {
        Some(Self {
            level: number(bank, "level")?,
            cpus: bank.attribute("cpus")?.parse().ok()?,
        })
    }
}

fn first(set: &CpuSet) -> Option<u32> {
    set.iter().next().map(crate::PcpuId::number)
}

fn number(node: Node, attribute: &str) -> Option<u32> {
    node.attribute(attribute)?.parse().ok()
}

fn under(node: Node, parent: &str) -> bool {
    node.parent().is_some_and(|node| node.has_tag_name(parent))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(seats: &BTreeMap<u32, Seat>) -> String {
        let seat = |(id, seat): (&u32, &Seat)| {
            format!(
                "{id}: core {} cache {} node {}",
                seat.core, seat.cache, seat.node
            )
        };
        seats.iter().map(seat).collect::<Vec<_>>().join("\n")
    }

    const TWO_NODES: &str = "<capabilities><host><topology><cells num='2'>
          <cell id='0'><memory unit='KiB'>1</memory><cpus num='4'>
            <cpu id='0' socket_id='0' die_id='0' core_id='0' siblings='0,4'/>
            <cpu id='1' socket_id='0' die_id='0' core_id='1' siblings='1,5'/>
            <cpu id='4' socket_id='0' die_id='0' core_id='0' siblings='0,4'/>
            <cpu id='5' socket_id='0' die_id='0' core_id='1' siblings='1,5'/>
          </cpus></cell>
          <cell id='1'><cpus num='2'>
            <cpu id='2' socket_id='1' die_id='0' core_id='0'/>
            <cpu id='3' socket_id='1' die_id='0' core_id='0'/>
          </cpus></cell>
        </cells></topology>
        <cache>
          <bank id='0' level='2' type='both' cpus='0,4'/>
          <bank id='0' level='3' type='both' cpus='0-1,4-5'/>
        </cache></host>
        <guest><arch><topology><cells><cell id='9'><cpus><cpu id='9'/></cpus></cell></cells></topology></arch></guest>
        </capabilities>";

    #[test]
    fn capabilities_tell_cores_caches_and_nodes() {
        expect_test::expect![[r#"
            0: core 0 cache 0 node 0
            1: core 1 cache 0 node 0
            2: core 2 cache 2 node 1
            3: core 2 cache 2 node 1
            4: core 0 cache 0 node 0
            5: core 1 cache 0 node 0"#]]
        .assert_eq(&shown(&seats(TWO_NODES)));
    }

    #[test]
    fn counts_stand_in_for_a_topology() {
        let info = NodeInfo {
            model: String::new(),
            memory: 0,
            cpus: 8,
            mhz: 0,
            nodes: 2,
            sockets: 1,
            cores: 2,
            threads: 2,
        };
        expect_test::expect![[r#"
            0: core 0 cache 0 node 0
            1: core 0 cache 0 node 0
            2: core 2 cache 0 node 0
            3: core 2 cache 0 node 0
            4: core 4 cache 4 node 1
            5: core 4 cache 4 node 1
            6: core 6 cache 4 node 1
            7: core 6 cache 4 node 1"#]]
        .assert_eq(&shown(&seats_by_counts(&info)));
    }

    #[test]
    fn no_topology_is_no_seats() {
        let none = [
            "",
            "<capabilities/>",
            "<capabilities><host><topology/></host></capabilities>",
            "<capabilities><host><topology><cells><cell id='0'><cpus><cpu id='x'/></cpus></cell></cells></topology></host></capabilities>",
        ];
        for xml in none {
            assert_eq!(seats(xml), BTreeMap::new(), "{xml}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics(text: String, cpu in "[a-z0-9_ ='-]{0,40}", counts: [u32; 4]) {
            let _ = seats(&text);
            let _ = seats(&format!(
                "<capabilities><host><topology><cells><cell {cpu}><cpus><cpu {cpu}/></cpus></cell></cells>\
                 </topology><cache><bank {cpu}/></cache></host></capabilities>"
            ));
            let [nodes, sockets, cores, threads] = counts;
            let info = NodeInfo { model: text, memory: 0, cpus: 0, mhz: 0, nodes, sockets, cores, threads };
            prop_assert!(seats_by_counts(&info).len() <= crate::CPU_LIMIT as usize);
        }
    }
}
