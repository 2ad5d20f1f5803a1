//! Small random trees with owners who hold something.

use cloudlot_core::{
    Amounts, Kind, Kinds, OwnerPath, Priority, Quantity, ReservationId, Timestamp,
};
use cloudlot_policy::accounts::{AccountId, Accounts};
use cloudlot_policy::quota::{Candidate, Quota, QuotaTree};
use std::time::Duration;

pub(crate) const KINDS: [Kind; 2] = [Kind::CPU, Kind::MEMORY];
pub(crate) const NOW: Timestamp = Timestamp::from_nanos(1 << 60);

/// Steele, Lea and Flood's SplitMix64: enough for tests, and the same everywhere.
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
}

/// What one node has of one kind.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Has {
    pub(crate) nominal: u64,
    pub(crate) guarantee: u64,
    pub(crate) limit: Option<u64>,
    pub(crate) borrow: Option<u64>,
    pub(crate) lend: Option<u64>,
}

/// A tree by numbers: node 0 is the root.
#[derive(Clone, Debug)]
pub(crate) struct Spec {
    pub(crate) parent: Vec<usize>,
    pub(crate) has: Vec<[Has; 2]>,
    pub(crate) weight: Vec<u32>,
}

impl Spec {
    pub(crate) fn random(chance: &mut Chance, nodes: u64, most: u64) -> Self {
        let count = 1 + usize::try_from(2 + chance.below(nodes - 1)).unwrap();
        let mut spec = Self {
            parent: vec![0],
            has: vec![[Has::default(); 2]; count],
            weight: vec![1],
        };
        for node in 1..count {
            spec.parent
                .push(usize::try_from(chance.below(node as u64)).unwrap());
            spec.weight
                .push(1 + u32::try_from(chance.below(3)).unwrap());
        }
        // A large pool above is what people share fairly.
        let pool = if chance.one_in(2) { 2 } else { 8 };
        for kind in 0..2 {
            for node in 0..count {
                let nominal = if node == 0 { pool } else { most };
                spec.has[node][kind].nominal = chance.below(nominal + 1);
            }
            for node in 0..count {
                let total = spec.total(node, kind);
                let mut sometimes =
                    |n, from: u64, below| chance.one_in(n).then(|| from + chance.below(below));
                let has = Has {
                    guarantee: sometimes(4, 0, total + 1).unwrap_or(0),
                    limit: sometimes(4, total, 4),
                    borrow: sometimes(4, 0, 4).filter(|_| node > 0),
                    lend: sometimes(4, 0, 4).filter(|_| node > 0),
                    ..spec.has[node][kind]
                };
                spec.has[node][kind] = has;
            }
        }
        spec
    }

    pub(crate) fn nodes(&self) -> usize {
        self.parent.len()
    }

    pub(crate) fn children(&self, node: usize) -> impl Iterator<Item = usize> {
        (1..self.nodes()).filter(move |child| self.parent[*child] == node)
    }

    pub(crate) fn total(&self, node: usize, kind: usize) -> u64 {
        let below: u64 = self
            .children(node)
            .map(|child| self.total(child, kind))
            .sum();
        self.has[node][kind].nominal + below
    }

    /// The node and those above it.
    pub(crate) fn up(&self, node: usize) -> Vec<usize> {
        let mut up = vec![node];
        while up[up.len() - 1] != 0 {
            up.push(self.parent[up[up.len() - 1]]);
        }
        up
    }

    pub(crate) fn depth(&self, node: usize) -> usize {
        self.up(node).len() - 1
    }

    fn path(&self, node: usize) -> String {
        let mut names: Vec<String> = self
            .up(node)
            .iter()
            .map(|node| format!("n{node}"))
            .collect();
        names.pop();
        names.reverse();
        names.join("/")
    }

    pub(crate) fn tree(&self) -> QuotaTree {
        let mut builder = QuotaTree::builder();
        for node in 0..self.nodes() {
            let list = |what: fn(&Has) -> Option<u64>| -> Vec<Quantity> {
                let kinds = KINDS.iter().zip(&self.has[node]);
                let named = |(kind, has): (&Kind, &Has)| Some(Quantity::new(*kind, what(has)?));
                kinds.filter_map(named).collect()
            };
            let quota = Quota::new()
                .nominal(list(|has| Some(has.nominal)))
                .guarantee(list(|has| Some(has.guarantee)))
                .limit(list(|has| has.limit))
                .borrow(list(|has| has.borrow))
                .lend(list(|has| has.lend))
                .weight(self.weight[node]);
            builder = match node {
                0 => builder.root(quota),
                _ => builder.node(self.path(node).parse().unwrap(), quota),
            };
        }
        builder.build(&Kinds::new()).unwrap()
    }
}

/// A tree with owners who hold something.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) spec: Spec,
    pub(crate) tree: QuotaTree,
    pub(crate) accounts: Accounts,
    /// The account of each node; that of the root is an owner without a quota.
    pub(crate) ids: Vec<AccountId>,
    /// The accounts of the nodes themselves.
    pub(crate) own: Vec<AccountId>,
    pub(crate) live: Vec<Candidate>,
    pub(crate) made: u32,
}

impl World {
    pub(crate) fn new(spec: Spec) -> Self {
        let tree = spec.tree();
        let mut accounts = Accounts::default();
        let id = |node: usize| {
            // Half of the nodes hold through somebody below who has no quota.
            let mut path = spec.path(node);
            if node == 0 {
                path = "stray".to_owned();
            } else if node.is_multiple_of(2) {
                path.push_str("/below");
            }
            accounts.account(&path.parse::<OwnerPath>().unwrap())
        };
        let ids = (0..spec.nodes()).map(id).collect();
        let own = |node: usize| match node {
            0 => AccountId::ROOT,
            _ => accounts.find(&spec.path(node).parse().unwrap()).unwrap(),
        };
        let own = (0..spec.nodes()).map(own).collect();
        Self {
            spec,
            tree,
            accounts,
            ids,
            own,
            live: Vec::new(),
            made: 0,
        }
    }

    pub(crate) fn node_of(&self, candidate: &Candidate) -> usize {
        self.ids
            .iter()
            .position(|id| *id == candidate.owner)
            .unwrap()
    }

    pub(crate) fn grant(&mut self, node: usize, amounts: Amounts, priority: i32) {
        self.made += 1;
        self.accounts.charge(self.ids[node], &amounts, NOW);
        self.live.push(Candidate {
            reservation: ReservationId::new(self.made, 0),
            owner: self.ids[node],
            amounts,
            priority: Priority(priority),
            since: Timestamp::ZERO + Duration::from_secs(self.made.into()),
        });
    }

    pub(crate) fn take(&mut self, victims: &[ReservationId]) {
        for victim in victims {
            let place = self
                .live
                .iter()
                .position(|live| live.reservation == *victim);
            let gone = self.live.remove(place.unwrap());
            self.accounts
                .credit(gone.owner, &gone.amounts, NOW)
                .unwrap();
        }
    }

    /// What the holders at each node hold.
    pub(crate) fn direct(&self) -> Vec<[u64; 2]> {
        direct(
            self.spec.nodes(),
            self.live
                .iter()
                .map(|live| (self.node_of(live), &live.amounts)),
        )
    }
}

pub(crate) fn direct<'a>(
    nodes: usize,
    held: impl Iterator<Item = (usize, &'a Amounts)>,
) -> Vec<[u64; 2]> {
    let mut direct = vec![[0; 2]; nodes];
    for (node, amounts) in held {
        for (kind, sum) in KINDS.iter().zip(&mut direct[node]) {
            *sum += amounts.get(*kind);
        }
    }
    direct
}

pub(crate) fn amounts(cpu: u64, memory: u64) -> Amounts {
    Amounts::of([(Kind::CPU, cpu), (Kind::MEMORY, memory)])
}
