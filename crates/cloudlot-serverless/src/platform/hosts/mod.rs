//! Hosts: where instances live, and what they hold there.
//!
//! A ledger has the say: a start reserves what its function's instances hold on one host, an instance that is ready confirms it, one
//! that is gone gives it back. What choices look at is a copy of the ledger's sums; `audit` compares the two. A platform without hosts
//! has no ledger and no limit.
//!
//! Which host takes a start is in [`crate::choose`], who makes room in `pool`.

mod audit;
mod home;
mod leave;
mod place;
mod rebalance;

pub use audit::Discord;
pub use rebalance::Rebalance;

pub(super) use home::Home;
pub(super) use leave::Blame;

use std::collections::VecDeque;

use cloudlot_core::ledger::{Ledger, LedgerConfig};
use cloudlot_core::{
    Bytes, Quantity, Request, Resource, ResourceId, ResourceState, Timestamp, bytes, id_type,
    millicores,
};

use super::pool::{Frees, Full};
use crate::choose::{Choose, HostChoice, HostLoad, Luck, Size};

id_type! {
    /// A host, counted from zero in the order in which hosts were added.
    pub struct HostId(u32, "host-");
}

/// What a host has for instances.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Host {
    /// Its memory.
    pub memory: Bytes,
    /// Its processors, in thousandths. On a host without, functions that ask for them find no room.
    pub millicores: u64,
}

impl Host {
    /// A host of which only memory counts.
    #[must_use]
    pub const fn new(memory: Bytes) -> Self {
        Self {
            memory,
            millicores: 0,
        }
    }
}

/// How hosts are used. Without hosts none of it matters.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Hosting {
    /// Which host takes a start.
    pub choice: HostChoice,
    /// When an instance that is stopped holds nothing any more.
    pub frees: Frees,
    /// What becomes of a call for which nothing can be started, though idle instances made room.
    pub full: Full,
    /// When idle instances move to other hosts.
    pub rebalance: Rebalance,
    /// The root of all chance in choices.
    pub seed: u64,
}

impl Hosting {
    /// The least loaded host; memory is free when an instance is gone; calls wait; nothing moves unless an event asks for it.
    pub const DEFAULT: Self = Self {
        choice: HostChoice::LeastLoaded,
        frees: Frees::WhenGone,
        full: Full::Wait,
        rebalance: Rebalance::DEFAULT,
        seed: 0,
    };
}

impl Default for Hosting {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// All hosts, and who is where.
#[derive(Clone, Debug)]
pub(super) struct Hosts {
    /// None until there is a host.
    ledger: Option<Ledger>,
    /// By host.
    pub(super) loads: Vec<HostLoad>,
    resources: Vec<ResourceId>,
    /// By the place of an instance.
    homes: Vec<Home>,
    /// By function: what a start reserves, and its size; made at the first one.
    requests: Vec<Option<(Size, Request)>>,
    /// By function: where its instances got ready, the last first; only if choices look at it.
    prepared: Vec<Vec<u32>>,
    /// Functions with calls that wait for room.
    pub(super) short: VecDeque<u32>,
    /// Whether some came free, or could, since they were served.
    pub(super) news: bool,
    /// Idle instances that stop when others are ready.
    moves: rebalance::Moves,
    luck: Luck,
    pub(super) chooser: Option<Box<dyn Choose>>,
    candidates: Vec<place::Ranked>,
}

impl Hosts {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            ledger: None,
            loads: Vec::new(),
            resources: Vec::new(),
            homes: Vec::new(),
            requests: Vec::new(),
            prepared: Vec::new(),
            short: VecDeque::new(),
            news: false,
            moves: rebalance::Moves::default(),
            luck: Luck::new(seed),
            chooser: None,
            candidates: Vec::new(),
        }
    }

    /// Whether there are none: then there is no limit.
    pub(super) const fn is_empty(&self) -> bool {
        self.loads.is_empty()
    }

    pub(super) const fn ledger(&self) -> Option<&Ledger> {
        self.ledger.as_ref()
    }

    pub(super) fn add(&mut self, host: Host, now: Timestamp) -> HostId {
        let number = u32::try_from(self.loads.len()).expect("fewer than 2^32 hosts");
        let id = HostId::new(number);
        let limit = Size {
            memory: host.memory.get(),
            millicores: host.millicores,
        };
        let resource = Resource::node(id.to_string())
            .capacity(quantities(limit))
            .build()
            .expect("any two amounts are a capacity");
        let ledger = self.ledger.get_or_insert_with(|| {
            // Nobody follows it unless asked to; requests have no keys.
            Ledger::with(LedgerConfig {
                journal: 256,
                ended_keys: 0,
            })
        });
        let resource = ledger
            .add(resource, now)
            .expect("names of hosts are their numbers");
        self.resources.push(resource);
        self.loads.push(HostLoad::new(limit));
        self.news = true;
        id
    }

    /// Whether the host is known.
    pub(super) fn knows(&self, host: HostId) -> bool {
        (host.number() as usize) < self.loads.len()
    }

    /// Opens or closes a host to starts.
    fn set_state(&mut self, host: HostId, state: ResourceState, now: Timestamp) {
        let index = host.number() as usize;
        let ledger = self.ledger.as_mut().expect("a host lies in the ledger");
        let id = self.resources[index];
        ledger
            .set_state(id, state, now)
            .expect("no host is removed");
        self.loads[index].open = state.takes_new();
        self.news |= state.takes_new();
    }
}

fn quantities(size: Size) -> impl Iterator<Item = Quantity> {
    let amounts = [bytes(size.memory), millicores(size.millicores)];
    amounts.into_iter().filter(|amount| amount.amount() > 0)
}
