//! Random commands: which one, for whom, how much, and where; legal ones mostly.

use crate::acts::Paper;
use crate::ask::{Ask, Group, Put, Wants};
use crate::chance::Chance;
use crate::model::{Bag, Claim, Loads, Model, NOTHING, Tag, Thing};
use cloudlot_core::{ReservationId, ResourceId, ResourceState};

/// What a command does. All else follows from a seed and from what is there, so that a list of commands stays
/// meaningful when some are left out.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Op {
    Add,
    Update,
    SetState,
    Remove,
    SetLimit,
    LiftLimit,
    Reserve,
    Place,
    Confirm,
    Release,
    ReleasePart,
    Resize,
    Extend,
    Evict,
    Advance,
    Expire,
    Adopt,
    Draft,
    Commit,
    Sync,
    Restore,
}

/// A command: what, and the seed of everything else.
pub(crate) type Command = (Op, u64);

/// A small world, and what happens in it how often.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) name: &'static str,
    pub(crate) nodes: usize,
    /// Capacities and amounts, up to these.
    pub(crate) capacity: u64,
    pub(crate) amount: u64,
    /// Whether resources have parts.
    pub(crate) parts: bool,
    /// Whether resources stand in zones, and work bears labels.
    pub(crate) labels: bool,
    pub(crate) owners: &'static [&'static str],
    /// How many keys there are; 0: none are used.
    pub(crate) keys: u64,
    pub(crate) journal: usize,
    pub(crate) ended_keys: usize,
    /// Whether numbers near 2^64 occur.
    pub(crate) edges: bool,
    pub(crate) weights: &'static [(Op, u64)],
}

pub(crate) const TAGS: [Tag; 3] = [("app", "a"), ("app", "b"), ("tier", "x")];
const ZONES: [&str; 2] = ["za", "zb"];
const STATES: [ResourceState; 4] = [
    ResourceState::Available,
    ResourceState::Draining,
    ResourceState::Maintenance,
    ResourceState::Failed,
];

impl Shape {
    fn amount(&self, chance: &mut Chance, most: u64) -> u128 {
        let max = u64::MAX;
        let amount = match chance.below(4) {
            0 | 1 if self.edges => *chance
                .pick(&[&max, &(max - 1), &(max / 2), &(max / 2 + 1)])
                .unwrap(),
            _ => chance.range(1, most),
        };
        amount.into()
    }

    fn bag(&self, chance: &mut Chance, most: u64) -> Bag {
        let mut bag = NOTHING;
        bag[usize::from(chance.one_in(3))] = self.amount(chance, most);
        if chance.one_in(6) {
            bag[usize::try_from(chance.below(4)).unwrap()] = self.amount(chance, most);
        }
        bag
    }

    /// What a resource offers: of the first two kinds always something.
    fn capacity(&self, chance: &mut Chance) -> Bag {
        let mut bag = self.bag(chance, self.capacity);
        for amount in &mut bag[..2] {
            *amount = self.amount(chance, self.capacity).max(2);
        }
        if chance.one_in(2) {
            bag[2] = self.amount(chance, self.capacity);
        }
        bag
    }

    pub(crate) fn owner(&self, chance: &mut Chance) -> &'static str {
        chance.pick(self.owners).unwrap()
    }

    /// A resource that is new.
    pub(crate) fn thing(&self, chance: &mut Chance, model: &Model, name: String) -> Thing {
        let nodes = nodes(model);
        let parent = chance
            .pick(&nodes)
            .filter(|_| self.parts && chance.one_in(2));
        Thing {
            name,
            parent,
            state: ResourceState::Available,
            limit: self.capacity(chance),
            zone: chance
                .pick(&ZONES)
                .filter(|_| self.labels && parent.is_none() && !chance.one_in(5)),
            ssd: chance.one_in(2),
            tainted: chance.one_in(8),
        }
    }

    /// The same resource with something else about it.
    pub(crate) fn changed(&self, chance: &mut Chance, thing: &Thing) -> Thing {
        let mut thing = thing.clone();
        match chance.below(6) {
            0 if chance.one_in(3) => thing.limit = NOTHING,
            0..=2 => thing.limit = self.capacity(chance),
            3 => thing.limit[0] = self.amount(chance, self.capacity),
            4 if self.labels && thing.parent.is_none() => thing.zone = chance.pick(&ZONES),
            _ => (thing.ssd, thing.tainted) = (chance.one_in(2), chance.one_in(8)),
        }
        thing
    }

    pub(crate) fn state(&self, chance: &mut Chance) -> ResourceState {
        if chance.one_in(4) {
            chance.pick(&STATES).unwrap()
        } else {
            ResourceState::Available
        }
    }

    pub(crate) fn limits(&self, chance: &mut Chance) -> [Option<u128>; 4] {
        let mut limit = [None; 4];
        for _ in 0..chance.range(0, 2) {
            let kind = chance.pick(&[0, 0, 1, 2, 3]).unwrap();
            limit[kind] = Some(if chance.one_in(6) {
                0
            } else {
                self.amount(chance, 2 * self.capacity)
            });
        }
        limit
    }

    pub(crate) fn ask(&self, chance: &mut Chance, model: &Model) -> Ask {
        let now = model.now;
        let tag = |chance: &mut Chance| chance.pick(&TAGS).unwrap();
        let level = |chance: &mut Chance| chance.pick(&["zone", "host", "host"]).unwrap();
        let company = |chance: &mut Chance, n: u64| match self.labels && chance.one_in(n) {
            true => vec![(tag(chance), level(chance))],
            false => Vec::new(),
        };
        let mut tags = Vec::new();
        if self.labels && chance.one_in(2) {
            tags = crate::legal::tags_of(&[tag(chance), tag(chance)]);
        }
        let from = chance
            .one_in(4)
            .then(|| (now + chance.below(20)).saturating_sub(2));
        let until = chance
            .one_in(3)
            .then(|| (now + chance.range(1, 30)).saturating_sub(2));
        let until = until.filter(|until| from.is_none_or(|from| from < *until));
        Ask {
            owner: self.owner(chance),
            wants: self.wants(chance),
            key: (self.keys > 0 && chance.one_in(2)).then(|| chance.below(self.keys).into()),
            tags,
            near: company(chance, 6),
            apart: company(chance, 4),
            ssd: chance.one_in(15),
            zone: chance
                .pick(&ZONES)
                .filter(|_| self.labels && chance.one_in(6)),
            tolerant: !chance.one_in(6),
            // A window without a start is not to be had with an end: it starts at once then.
            from: from.or(until.map(|_| 0)),
            until,
            hold_for: if chance.one_in(12) {
                u64::MAX
            } else {
                chance.range(1, 30)
            },
        }
    }

    fn wants(&self, chance: &mut Chance) -> Wants {
        let group = |chance: &mut Chance, count: u32| {
            let min = if chance.one_in(3) { 1 } else { count };
            let children =
                (self.parts && chance.one_in(2)).then(|| if chance.one_in(4) { 2 } else { 1 });
            Group {
                each: self.bag(chance, self.amount),
                count,
                min,
                children,
            }
        };
        match chance.below(8) {
            0 if !self.edges => {
                let least = self.bag(chance, self.amount);
                let more = self.bag(chance, self.amount);
                Wants::Between(least, crate::model::plus(&least, &more))
            }
            1 | 2 if !self.edges => {
                let count = u32::try_from(chance.range(1, 3)).unwrap();
                let first = group(chance, count);
                let second = chance.one_in(3).then(|| group(chance, 1));
                Wants::Groups([first].into_iter().chain(second).collect())
            }
            _ => {
                let mut one = group(chance, 1);
                one.children = one.children.filter(|_| chance.one_in(4));
                Wants::Groups(vec![one])
            }
        }
    }

    /// Where it could go: usually as it was asked for.
    pub(crate) fn put(&self, chance: &mut Chance, model: &Model, ask: &Ask) -> Put {
        match &ask.wants {
            Wants::Groups(groups) => {
                let pieces = groups
                    .iter()
                    .enumerate()
                    .flat_map(|(part, group)| pieces(chance, model, part, group));
                let mut pieces: Vec<_> = pieces.collect();
                if chance.one_in(20)
                    && let Some(piece) = pieces.first_mut()
                {
                    *piece = (piece.0 + 1, some(chance, model), piece.2 + 1);
                }
                Put::Pieces(pieces)
            }
            Wants::Between(least, most) => {
                let known = |bag: &Bag| -> Bag {
                    std::array::from_fn(|kind| {
                        if model.known.contains(&kind) {
                            bag[kind]
                        } else {
                            0
                        }
                    })
                };
                let whole = known(if chance.one_in(3) { most } else { least });
                let first: Bag = whole.map(|amount| amount / 2);
                let second = crate::model::minus(&whole, &first);
                let second = if chance.one_in(12) { first } else { second };
                Put::Shares(vec![
                    (node(chance, model), first),
                    (node(chance, model), second),
                ])
            }
        }
    }

    /// Loads for a reservation to hold instead of its own: less, more, or elsewhere.
    pub(crate) fn loads(&self, chance: &mut Chance, model: &Model, claim: Option<&Claim>) -> Loads {
        let mut loads = claim.map(|claim| claim.loads.clone()).unwrap_or_default();
        let known = |mut bag: Bag| {
            (0..4)
                .filter(|kind| !model.known.contains(kind))
                .for_each(|kind| bag[kind] = 0);
            bag
        };
        match chance.below(4) {
            0 => {
                let to = some(chance, model);
                let moved = loads
                    .pop_first()
                    .map_or((known(self.bag(chance, self.amount)), 1), |(_, load)| load);
                loads.insert(to, moved);
            }
            1 => {
                loads.insert(
                    some(chance, model),
                    (known(self.bag(chance, self.amount)), 1),
                );
            }
            _ => {
                for (bag, _) in loads.values_mut() {
                    let kind = usize::try_from(chance.below(2)).unwrap();
                    bag[kind] = self.amount(chance, self.amount) - 1;
                }
            }
        }
        loads.retain(|_, (bag, _)| *bag != NOTHING);
        loads
    }
}

impl Ask {
    pub(crate) fn paper(&self, digest: u64) -> Paper {
        Paper {
            owner: self.owner,
            tags: self.tags.clone(),
            apart: self.apart.clone(),
            key: self.key,
            digest,
            from: self.from,
            until: self.until,
            hold_for: self.hold_for,
        }
    }
}

fn nodes(model: &Model) -> Vec<ResourceId> {
    let nodes = model
        .things
        .iter()
        .filter(|(_, thing)| thing.parent.is_none());
    nodes.map(|(id, _)| *id).collect()
}

fn node(chance: &mut Chance, model: &Model) -> ResourceId {
    match chance.pick(&nodes(model)) {
        Some(id) if !chance.one_in(25) => id,
        _ => some(chance, model),
    }
}

/// Any resource, rarely one that is not there.
pub(crate) fn some(chance: &mut Chance, model: &Model) -> ResourceId {
    let ids: Vec<ResourceId> = model.things.keys().copied().collect();
    match chance.pick(&ids) {
        Some(id) if !chance.one_in(30) => id,
        _ => ResourceId::new(
            chance.below(6).try_into().unwrap(),
            chance.below(3).try_into().unwrap(),
        ),
    }
}

fn pieces(
    chance: &mut Chance,
    model: &Model,
    part: usize,
    group: &Group,
) -> Vec<(usize, ResourceId, u32)> {
    let members = if chance.one_in(3) {
        group.min
    } else {
        group.count
    };
    let mut pieces = Vec::new();
    for _ in 0..members {
        let Some(of) = group.children else {
            pieces.push((part, node(chance, model), 1));
            continue;
        };
        let parent = node(chance, model);
        let children = model
            .things
            .iter()
            .filter(|(_, thing)| thing.parent == Some(parent));
        let mut children: Vec<ResourceId> = children.map(|(id, _)| *id).collect();
        for _ in 0..of {
            if children.is_empty() {
                pieces.push((part, some(chance, model), 1));
            } else {
                let place = usize::try_from(chance.below(children.len() as u64)).unwrap();
                pieces.push((part, children.swap_remove(place), 1));
            }
        }
    }
    pieces
}

/// A live reservation mostly, else one that ended or never was.
pub(crate) fn target(chance: &mut Chance, model: &Model) -> ReservationId {
    let ids: Vec<ReservationId> = model
        .claims
        .keys()
        .filter(|id| id.slot() < u32::MAX / 2)
        .copied()
        .collect();
    match chance.pick(&ids) {
        Some(id) if !chance.one_in(12) => id,
        Some(id) => ReservationId::new(id.slot(), id.generation().wrapping_sub(1)),
        None => ReservationId::new(0, 99),
    }
}

/// A reservation that has not begun mostly, else any.
pub(crate) fn booked(chance: &mut Chance, model: &Model) -> ReservationId {
    let later = |(_, claim): &(&ReservationId, &Claim)| claim.from > model.now;
    let ids: Vec<ReservationId> = model
        .claims
        .iter()
        .filter(later)
        .map(|(id, _)| *id)
        .collect();
    match chance.pick(&ids) {
        Some(id) if id.slot() < u32::MAX / 2 && !chance.one_in(6) => id,
        _ => target(chance, model),
    }
}

/// When the next command comes: mostly at once, often when something ends, sometimes in the past.
pub(crate) fn moment(chance: &mut Chance, model: &Model) -> u64 {
    match chance.below(16) {
        0 => model.now.saturating_sub(chance.range(1, 4)),
        1 | 2 => model.now + chance.range(1, 2),
        4 => model.next_deadline().unwrap_or(model.now),
        5 if chance.one_in(8) => model.now + chance.range(10, 40),
        _ => model.now,
    }
}
