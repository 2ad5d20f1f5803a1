//! The naive model: everything is counted from the list of claims, at every moment at which something begins.
//!
//! It knows nothing of tables, timelines or counters. What is legal stands in `legal`, what commands do in `acts`.

use cloudlot_core::ledger::Grant;
use cloudlot_core::{ReservationId, ResourceId, ResourceState, Timestamp};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// The kinds of the small world; the last two are unknown until somebody names them.
pub(crate) const KINDS: [&str; 4] = ["cpu", "memory", "lic/a", "lic/b"];

/// So much of each kind; wide enough that sums never overflow.
pub(crate) type Bag = [u128; 4];

pub(crate) const NOTHING: Bag = [0; 4];

pub(crate) fn plus(a: &Bag, b: &Bag) -> Bag {
    std::array::from_fn(|kind| a[kind] + b[kind])
}

pub(crate) fn minus(a: &Bag, b: &Bag) -> Bag {
    std::array::from_fn(|kind| a[kind].saturating_sub(b[kind]))
}

pub(crate) fn times(a: &Bag, n: u64) -> Bag {
    a.map(|amount| amount * u128::from(n))
}

/// Amounts on one resource, and how many members of a group they are for.
pub(crate) type Load = (Bag, u64);

pub(crate) type Loads = BTreeMap<ResourceId, Load>;

pub(crate) fn total(loads: &Loads) -> Bag {
    loads
        .values()
        .fold(NOTHING, |sum, (bag, _)| plus(&sum, bag))
}

/// A label of work.
pub(crate) type Tag = (&'static str, &'static str);

/// A label in a domain of a level; both empty for everywhere.
pub(crate) type Spot = (Tag, String, String);

#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Thing {
    pub(crate) name: String,
    pub(crate) parent: Option<ResourceId>,
    pub(crate) state: ResourceState,
    pub(crate) limit: Bag,
    pub(crate) zone: Option<&'static str>,
    pub(crate) ssd: bool,
    pub(crate) tainted: bool,
}

#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Claim {
    pub(crate) owner: &'static str,
    pub(crate) loads: Loads,
    pub(crate) confirmed: Option<u64>,
    pub(crate) hold_until: u64,
    pub(crate) made: u64,
    pub(crate) from: u64,
    pub(crate) until: u64,
    /// Whether it begins later than it was made, or has an end.
    pub(crate) timed: bool,
    pub(crate) evicting: bool,
    pub(crate) tags: Vec<Tag>,
    /// What it must not share a domain of a level with.
    pub(crate) apart: Vec<(Tag, &'static str)>,
    pub(crate) key: Option<u128>,
}

impl Claim {
    /// When it ends by itself; `u64::MAX`: never.
    pub(crate) fn ends(&self) -> u64 {
        match self.confirmed {
            Some(_) => self.until,
            None => self.until.min(self.hold_until),
        }
    }

    fn is_there(&self, at: u64) -> bool {
        !self.timed || (self.from <= at && (at < self.until || self.until == u64::MAX))
    }
}

/// Something that has a limit.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Row {
    On(ResourceId),
    Of(&'static str),
}

/// A stretch of time; `None`: whenever.
pub(crate) type Stretch = Option<(u64, u64)>;

#[derive(Clone, Default)]
pub(crate) struct Model {
    pub(crate) now: u64,
    pub(crate) backwards: u64,
    pub(crate) known: BTreeSet<usize>,
    pub(crate) things: BTreeMap<ResourceId, Thing>,
    pub(crate) limits: BTreeMap<&'static str, [Option<u128>; 4]>,
    pub(crate) owners: BTreeSet<&'static str>,
    pub(crate) claims: BTreeMap<ReservationId, Claim>,
    pub(crate) keys: BTreeMap<u128, (u64, Grant)>,
    pub(crate) ended: VecDeque<u128>,
    pub(crate) keep_keys: usize,
    /// Keys that ended in a plan that is being carried out: they count as ended when it is done.
    pub(crate) leaving: Option<Vec<u128>>,
    /// How often anything was done; and when each resource and label was last touched.
    pub(crate) turn: u64,
    pub(crate) touched: BTreeMap<ResourceId, u64>,
    pub(crate) touched_tags: BTreeMap<Tag, u64>,
}

/// Whether `outer` is `inner` or above it.
pub(crate) fn covers(outer: &str, inner: &str) -> bool {
    let (outer, inner): (Vec<&str>, Vec<&str>) =
        (outer.split('/').collect(), inner.split('/').collect());
    inner.starts_with(&outer)
}

pub(crate) fn stamp(at: u64) -> Timestamp {
    Timestamp::from_nanos(at)
}

impl Model {
    /// What a claim takes of a row.
    pub(crate) fn share(&self, claim: &Claim, row: Row) -> Bag {
        match row {
            Row::On(id) => claim.loads.get(&id).map_or(NOTHING, |(bag, _)| *bag),
            Row::Of(owner) => self.counted(owner, claim.owner, &total(&claim.loads)),
        }
    }

    /// The part of an amount that an owner's limit counts.
    pub(crate) fn counted(&self, limited: &str, owner: &str, bag: &Bag) -> Bag {
        let Some(limit) = self.limits.get(limited).filter(|_| covers(limited, owner)) else {
            return NOTHING;
        };
        std::array::from_fn(|kind| limit[kind].map_or(0, |_| bag[kind]))
    }

    pub(crate) fn limit(&self, row: Row) -> Bag {
        match row {
            Row::On(id) => self.things.get(&id).map_or(NOTHING, |thing| thing.limit),
            Row::Of(owner) => self.limits[owner].map(Option::unwrap_or_default),
        }
    }

    /// The most that is taken of each kind at any moment of a stretch.
    pub(crate) fn most(&self, row: Row, stretch: Stretch) -> Bag {
        let shares: Vec<(&Claim, Bag)> = self
            .claims
            .values()
            .map(|claim| (claim, self.share(claim, row)))
            .collect();
        let inside = |at: &u64| stretch.is_none_or(|(from, until)| from <= *at && *at < until);
        let begins = shares.iter().map(|(claim, _)| claim.from).filter(inside);
        let moments = begins.chain([stretch.map_or(0, |(from, _)| from)]);
        moments.fold(NOTHING, |most, at| {
            let there = shares.iter().filter(|(claim, _)| claim.is_there(at));
            let sum = there.fold(NOTHING, |sum, (_, bag)| plus(&sum, bag));
            std::array::from_fn(|kind| most[kind].max(sum[kind]))
        })
    }

    /// What is taken at one moment.
    pub(crate) fn taken_at(&self, id: ResourceId, at: u64) -> Bag {
        let there = self.claims.values().filter(|claim| claim.is_there(at));
        there.fold(NOTHING, |sum, claim| {
            plus(&sum, &self.share(claim, Row::On(id)))
        })
    }

    /// What an amount lacks of a row in a stretch.
    pub(crate) fn lacks(&self, row: Row, bag: &Bag, stretch: Stretch) -> Bag {
        let (limit, most) = (self.limit(row), self.most(row, stretch));
        std::array::from_fn(|kind| match (bag[kind], row) {
            (0, _) => 0,
            (_, Row::Of(owner)) if self.limits[owner][kind].is_none() => 0,
            (wanted, _) => wanted.saturating_sub(limit[kind].saturating_sub(most[kind])),
        })
    }

    /// The limits that count an owner's claims.
    pub(crate) fn limits_of(&self, owner: &str) -> Vec<&'static str> {
        self.limits
            .keys()
            .filter(|limited| covers(limited, owner))
            .copied()
            .collect()
    }

    fn above(&self, id: ResourceId) -> Vec<&Thing> {
        let mut list = Vec::new();
        let mut next = Some(id);
        while let Some(thing) = next.and_then(|id| self.things.get(&id)) {
            list.push(thing);
            next = thing.parent;
        }
        list
    }

    pub(crate) fn is_open(&self, id: ResourceId) -> bool {
        self.above(id)
            .iter()
            .all(|thing| thing.state == ResourceState::Available)
    }

    pub(crate) fn has_failed(&self, id: ResourceId) -> bool {
        self.above(id)
            .iter()
            .any(|thing| thing.state == ResourceState::Failed)
    }

    pub(crate) fn is_lost(&self, claim: &Claim) -> bool {
        claim.loads.keys().any(|id| self.has_failed(*id))
    }

    pub(crate) fn children(&self, id: ResourceId) -> usize {
        self.things
            .values()
            .filter(|thing| thing.parent == Some(id))
            .count()
    }

    /// The levels and domains that a resource stands in.
    pub(crate) fn domains(&self, id: ResourceId) -> Vec<(&'static str, String)> {
        let above = self.above(id);
        let Some(root) = above.last() else {
            return Vec::new();
        };
        match root.zone {
            Some(zone) => vec![
                ("zone", zone.to_owned()),
                ("host", format!("{zone}/{}", root.name)),
            ],
            None => vec![("host", root.name.clone())],
        }
    }

    /// How many members with this label there are in a domain; empty names for everywhere.
    pub(crate) fn members(&self, spot: &Spot) -> u64 {
        let (tag, level, domain) = spot;
        let inside = |id: ResourceId| {
            let domains = self.domains(id);
            level.is_empty()
                || domains
                    .iter()
                    .any(|(own, path)| own == level && path == domain)
        };
        let bearers = self
            .claims
            .values()
            .filter(|claim| claim.tags.contains(tag));
        let loads = bearers
            .flat_map(|claim| &claim.loads)
            .filter(|(id, _)| inside(**id));
        loads.map(|(_, (_, count))| count).sum()
    }

    /// Whether somebody in this domain must be apart from this label.
    pub(crate) fn is_shunned(&self, spot: &Spot) -> bool {
        let (tag, level, domain) = spot;
        let mut claims = self.claims.values();
        claims.any(|claim| {
            let shuns = claim
                .apart
                .iter()
                .any(|(shunned, on)| shunned == tag && on == level);
            let here = |id: &ResourceId| {
                self.domains(*id)
                    .iter()
                    .any(|(own, path)| own == level && path == domain)
            };
            shuns
                && claim
                    .loads
                    .iter()
                    .any(|(id, (_, count))| *count > 0 && here(id))
        })
    }

    pub(crate) fn next_deadline(&self) -> Option<u64> {
        let ends = self.claims.values().map(Claim::ends);
        ends.filter(|end| *end < u64::MAX).min()
    }
}
