//! A small cluster, its ledger, and the same in plain numbers.

use cloudlot_core::ledger::{Draft, Ledger, Piece, Placement, View, Why, audit};
use cloudlot_core::{
    Amounts, Kind, Need, Quantities, Quantity, Request, ReservationId, Resource, ResourceId,
    ResourceState, Timestamp,
};
use proptest::prelude::*;
use std::time::Duration;

pub(crate) fn at(seconds: u64) -> Timestamp {
    Timestamp::ZERO + secs(seconds)
}

pub(crate) fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) fn cpu(amount: u64) -> Quantity {
    Quantity::new(Kind::CPU, amount)
}

fn mem(amount: u64) -> Quantity {
    Quantity::new(Kind::MEMORY, amount)
}

/// The first nodes with room, member by member; shares from the first nodes that have some.
pub(crate) fn first_fit(draft: &Draft<'_>, request: &Request) -> Result<Placement, Why> {
    let state = draft.state();
    let amounts = |quantities: &Quantities| {
        state
            .kinds()
            .amounts(quantities)
            .map_err(|_| Why::Placement("a kind is unknown"))
    };
    let open = state.resources().filter(|(id, _)| state.takes_new(*id));
    let mut free: Vec<(ResourceId, Amounts)> = open.map(|(id, _)| (id, state.free(id))).collect();
    let fullest = free
        .iter()
        .max_by_key(|(_, free)| free.get(Kind::CPU))
        .copied();
    let full = |wanted: Amounts| {
        let (resource, free) = fullest.unwrap_or((ResourceId::new(9_999, 0), Amounts::ZERO));
        let short = state.kinds().quantities(&wanted.shortfall(&free));
        Why::Full { resource, short }
    };
    match request.need() {
        Need::Parts(parts) => {
            let mut pieces = Vec::new();
            for (part, wanted) in parts.iter().enumerate() {
                let each = amounts(&wanted.amounts)?;
                for _ in 0..wanted.count {
                    let fits = |(_, free): &&mut (ResourceId, Amounts)| each.fits_in(free);
                    let (on, free) = free.iter_mut().find(fits).ok_or_else(|| full(each))?;
                    *free = free.saturating_sub(&each);
                    pieces.push(Piece {
                        part,
                        on: *on,
                        members: 1,
                    });
                }
            }
            Ok(Placement::Pieces(pieces))
        }
        Need::Elastic { least, .. } => {
            let mut left = amounts(least)?;
            let mut shares = Vec::new();
            for (on, free) in free {
                let share = left.min(&free);
                left = left.saturating_sub(&share);
                shares.push((on, share));
            }
            if left.is_zero() {
                Ok(Placement::Shares(shares))
            } else {
                Err(full(left))
            }
        }
    }
}

/// A ledger with nodes of so much processor time, and nothing else.
pub(crate) fn nodes(amounts: &[u64]) -> (Ledger, Vec<ResourceId>) {
    let mut ledger = Ledger::new();
    let add = |(n, amount): (usize, &u64)| {
        let node = Resource::node(format!("n{n}")).capacity([cpu(*amount)]);
        ledger.add(node.build().unwrap(), at(0)).unwrap()
    };
    let ids = amounts.iter().enumerate().map(add).collect();
    (ledger, ids)
}

pub(crate) fn ask(amount: u64, priority: i32) -> Request {
    Request::new("work")
        .part([cpu(amount)])
        .priority(priority)
        .build()
        .unwrap()
}

/// Reserves and confirms.
pub(crate) fn keep(
    ledger: &mut Ledger,
    request: &Request,
    on: ResourceId,
    now: Timestamp,
) -> ReservationId {
    let id = ledger.reserve(request, on, now).unwrap().id;
    ledger.confirm(id, now).unwrap();
    id
}

/// Asserts that nothing is wrong with a ledger.
pub(crate) fn sound(ledger: &Ledger) {
    assert_eq!(audit(ledger.state()), []);
}

/// Who holds what, in plain numbers.
#[derive(Clone, Debug)]
pub(crate) struct Holder {
    pub(crate) cpu: u64,
    pub(crate) mem: u64,
    /// On each of these, the amounts.
    pub(crate) nodes: Vec<usize>,
    pub(crate) priority: i32,
    pub(crate) since: u64,
    pub(crate) confirmed: bool,
    pub(crate) owner: &'static str,
    pub(crate) tagged: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) cpu: u64,
    pub(crate) mem: u64,
    pub(crate) open: bool,
}

/// A cluster to build.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) nodes: Vec<Node>,
    pub(crate) holders: Vec<Holder>,
    /// What `a` and everybody below may have of the processors.
    pub(crate) limit: Option<u64>,
}

/// A request for equal members.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    pub(crate) cpu: u64,
    pub(crate) mem: u64,
    pub(crate) members: u32,
    pub(crate) owner: &'static str,
    pub(crate) priority: i32,
}

const OWNERS: [&str; 3] = ["a", "a/x", "b"];
/// The moment at which everything is looked at, in seconds.
pub(crate) const NOW: u64 = 10;

pub(crate) fn worlds() -> impl Strategy<Value = World> {
    let node = (2..9_u64, 2..9_u64, prop::bool::weighted(0.85));
    let node = node.prop_map(|(cpu, mem, open)| Node { cpu, mem, open });
    let owner = prop::sample::select(&OWNERS[..]);
    let size = (
        1..4_u64,
        0..3_u64,
        prop::collection::btree_set(0..3_usize, 1..3),
    );
    let holder = (
        size,
        0..3_i32,
        0..NOW,
        any::<bool>(),
        owner,
        prop::bool::weighted(0.3),
    );
    let holder = holder.prop_map(
        |((cpu, mem, nodes), priority, since, confirmed, owner, tagged)| Holder {
            cpu,
            mem,
            nodes: nodes.into_iter().collect(),
            priority,
            since,
            confirmed,
            owner,
            tagged,
        },
    );
    let nodes = prop::collection::vec(node, 1..4);
    let holders = prop::collection::vec(holder, 3..10);
    let limit = prop::option::weighted(0.3, 4..12_u64);
    (nodes, holders, limit).prop_map(|(nodes, mut holders, limit)| {
        holders.retain(|holder| holder.nodes.iter().all(|node| *node < nodes.len()));
        holders.sort_by_key(|holder| holder.since);
        World {
            nodes,
            holders,
            limit,
        }
    })
}

pub(crate) fn wishes() -> impl Strategy<Value = Wish> {
    let owner = prop::sample::select(&OWNERS[..]);
    let members = prop_oneof![3 => Just(1_u32), 2 => 2..4_u32];
    (1..7_u64, 0..4_u64, members, owner, 1..6_i32).prop_map(
        |(cpu, mem, members, owner, priority)| {
            let cpu = if members > 1 { cpu.min(3) } else { cpu };
            Wish {
                cpu,
                mem,
                members,
                owner,
                priority,
            }
        },
    )
}

impl World {
    /// The ledger at `NOW`, and the holders that found room in it.
    pub(crate) fn build(&self) -> (Ledger, Vec<(ReservationId, Holder)>) {
        let mut ledger = Ledger::new();
        let ids: Vec<ResourceId> = self
            .nodes
            .iter()
            .enumerate()
            .map(|(n, node)| {
                let node = Resource::node(format!("n{n}")).capacity([cpu(node.cpu), mem(node.mem)]);
                ledger.add(node.build().unwrap(), at(0)).unwrap()
            })
            .collect();
        if let Some(limit) = self.limit {
            ledger
                .set_limit(&"a".parse().unwrap(), [cpu(limit)], at(0))
                .unwrap();
        }
        let mut there = Vec::new();
        for holder in &self.holders {
            let request = Request::new("old")
                .parts(
                    u32::try_from(holder.nodes.len()).unwrap(),
                    amounts(holder.cpu, holder.mem),
                )
                .owner(holder.owner)
                .priority(holder.priority)
                .label("app", if holder.tagged { "x" } else { "y" })
                .hold_for(secs(1_000))
                .build()
                .unwrap();
            let piece = |node: &usize| Piece {
                part: 0,
                on: ids[*node],
                members: 1,
            };
            let pieces = holder.nodes.iter().map(piece).collect();
            let since = at(holder.since);
            let Ok(grant) = ledger.place(&request, &Placement::Pieces(pieces), since) else {
                continue;
            };
            if holder.confirmed {
                ledger.confirm(grant.id, since).unwrap();
            }
            there.push((grant.id, holder.clone()));
        }
        for (id, node) in ids.iter().zip(&self.nodes) {
            if !node.open {
                ledger
                    .set_state(*id, ResourceState::Draining, at(NOW))
                    .unwrap();
            }
        }
        ledger.expire(at(NOW));
        (ledger, there)
    }

    /// What is free on each node beside some holders: processors, memory.
    pub(crate) fn free<'a>(&self, stay: impl Iterator<Item = &'a Holder>) -> Vec<(u64, u64)> {
        let mut free: Vec<(u64, u64)> =
            self.nodes.iter().map(|node| (node.cpu, node.mem)).collect();
        for holder in stay {
            for node in &holder.nodes {
                free[*node].0 -= holder.cpu;
                free[*node].1 -= holder.mem;
            }
        }
        free
    }

    /// Whether a wish fits beside some holders.
    pub(crate) fn fits<'a>(
        &self,
        wish: &Wish,
        stay: impl Iterator<Item = &'a Holder> + Clone,
    ) -> bool {
        let free = self.free(stay.clone());
        let open = free.iter().zip(&self.nodes).filter(|(_, node)| node.open);
        let members = |(cpu, mem): &(u64, u64)| {
            (cpu / wish.cpu).min(mem.checked_div(wish.mem).unwrap_or(u64::MAX))
        };
        let room: u64 = open.map(|(free, _)| members(free)).sum();
        let of_a = |owner: &str| owner.starts_with('a');
        let theirs = stay.filter(|holder| of_a(holder.owner));
        let held: u64 = theirs
            .map(|holder| holder.cpu * holder.nodes.len() as u64)
            .sum();
        let within = self.limit.is_none_or(|limit| {
            !of_a(wish.owner) || held + wish.cpu * u64::from(wish.members) <= limit
        });
        room >= u64::from(wish.members) && within
    }
}

fn amounts(of_cpu: u64, of_mem: u64) -> Vec<Quantity> {
    let both = [cpu(of_cpu), mem(of_mem)];
    both.into_iter()
        .filter(|quantity| quantity.amount() > 0)
        .collect()
}

impl Wish {
    pub(crate) fn request(&self) -> Request {
        Request::new("new")
            .parts(self.members, amounts(self.cpu, self.mem))
            .owner(self.owner)
            .priority(self.priority)
            .hold_for(secs(60))
            .build()
            .unwrap()
    }
}

/// Whether a view shows what it showed.
pub(crate) fn unchanged(view: &View, ledger: &Ledger) -> bool {
    view.state() == ledger.state()
}
