//! What is asked for in the small world, in the model's words, and the same as a request and a placement.

use crate::model::{Bag, KINDS, Load, Loads, NOTHING, Tag, plus, stamp, times};
use cloudlot_core::ledger::{Hold, Holds, Piece, Placement};
use cloudlot_core::{
    Amounts, Kinds, On, Quantity, Request, RequestKey, Resource, ResourceId, Selector, Toleration,
};
use std::time::Duration;

#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Group {
    pub(crate) each: Bag,
    pub(crate) count: u32,
    pub(crate) min: u32,
    /// On so many children of one parent, instead of on a node.
    pub(crate) children: Option<u32>,
}

#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Wants {
    Groups(Vec<Group>),
    Between(Bag, Bag),
}

#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Ask {
    pub(crate) owner: &'static str,
    pub(crate) wants: Wants,
    pub(crate) key: Option<u128>,
    pub(crate) tags: Vec<Tag>,
    pub(crate) near: Vec<(Tag, &'static str)>,
    pub(crate) apart: Vec<(Tag, &'static str)>,
    pub(crate) ssd: bool,
    pub(crate) zone: Option<&'static str>,
    pub(crate) tolerant: bool,
    pub(crate) from: Option<u64>,
    pub(crate) until: Option<u64>,
    pub(crate) hold_for: u64,
}

/// Where it goes.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Put {
    Pieces(Vec<(usize, ResourceId, u32)>),
    Shares(Vec<(ResourceId, Bag)>),
}

pub(crate) fn quantities(bag: &Bag) -> Vec<Quantity> {
    let named = KINDS.iter().zip(bag).filter(|(_, amount)| **amount > 0);
    named
        .map(|(name, amount)| quantity(name, *amount))
        .collect()
}

pub(crate) fn quantity(name: &str, amount: u128) -> Quantity {
    cloudlot_core::named(name, u64::try_from(amount).unwrap()).unwrap()
}

/// The ledger's amounts; kinds that it does not know are left out.
pub(crate) fn amounts(kinds: &Kinds, bag: &Bag) -> Amounts {
    let known = |quantity: Quantity| Some((kinds.find(quantity.kind())?, quantity.amount()));
    quantities(bag).into_iter().filter_map(known).collect()
}

/// The model's amounts.
pub(crate) fn bag(kinds: &Kinds, amounts: &Amounts) -> Bag {
    KINDS.map(|name| {
        let kind = kinds.find(&name.parse().unwrap());
        kind.map_or(0, |kind| u128::from(amounts.get(kind)))
    })
}

pub(crate) fn holds(kinds: &Kinds, loads: &Loads) -> Option<Holds> {
    Holds::sum(loads.iter().map(|(id, (bag, count))| {
        Hold::of(*id, &amounts(kinds, bag), u32::try_from(*count).unwrap())
    }))
}

pub(crate) fn loads(kinds: &Kinds, holds: &Holds) -> Loads {
    let load = |hold: &Hold| {
        (
            hold.resource(),
            (bag(kinds, &hold.amounts()), u64::from(hold.count())),
        )
    };
    holds.iter().map(load).collect()
}

impl Ask {
    /// The request; `None` if it is none, as when its sums pass 64 bits.
    pub(crate) fn request(&self) -> Option<Request> {
        let mut request = Request::new("r")
            .owner(self.owner)
            .hold_for(Duration::from_nanos(self.hold_for));
        match &self.wants {
            Wants::Groups(groups) => {
                for group in groups {
                    let on = group.children.map_or(On::Node, |of| On::Children { of });
                    request = request.gang(group.count, group.min, on, quantities(&group.each));
                }
            }
            Wants::Between(least, most) => {
                request = request.elastic(quantities(least), quantities(most))
            }
        }
        for (key, value) in &self.tags {
            request = request.label(*key, *value);
        }
        for ((key, value), level) in &self.near {
            request = request.affinity(format!("{key}={value}"), *level);
        }
        for ((key, value), level) in &self.apart {
            request = request.anti_affinity(format!("{key}={value}"), *level);
        }
        if self.ssd {
            request = request.require(Selector::any_of("disk", ["ssd"]));
        }
        if let Some(zone) = self.zone {
            request = request.require(cloudlot_core::Constraint::Domain {
                level: "zone".to_owned(),
                domain: zone.to_owned(),
            });
        }
        if self.tolerant {
            request = request.tolerate(Toleration::everything());
        }
        request = match (self.from, self.until) {
            (Some(from), Some(until)) => request.window(stamp(from), stamp(until)),
            (Some(from), None) => request.not_before(stamp(from)),
            _ => request,
        };
        Some(request.build().ok()?.with_key(self.key.map(RequestKey)))
    }

    /// What a placement would hold, added up without a look at whether it may.
    pub(crate) fn loads(&self, put: &Put) -> Loads {
        let mut loads = Loads::new();
        let mut add = |id: ResourceId, (bag, count): Load| {
            let load = loads.entry(id).or_insert((NOTHING, 0));
            *load = (plus(&load.0, &bag), load.1 + count);
        };
        match (&self.wants, put) {
            (Wants::Groups(groups), Put::Pieces(pieces)) => {
                for (part, on, members) in pieces.iter().filter(|(.., members)| *members > 0) {
                    let each = groups.get(*part).map_or(NOTHING, |group| group.each);
                    add(*on, (times(&each, (*members).into()), (*members).into()));
                }
            }
            (Wants::Between(..), Put::Shares(shares)) => {
                for (on, share) in shares.iter().filter(|(_, share)| *share != NOTHING) {
                    add(*on, (*share, 1));
                }
            }
            _ => {}
        }
        loads
    }
}

impl Put {
    pub(crate) fn placement(&self, kinds: &Kinds) -> Placement {
        match self {
            Self::Pieces(pieces) => {
                let piece = |(part, on, members): &(usize, ResourceId, u32)| Piece {
                    part: *part,
                    on: *on,
                    members: *members,
                };
                Placement::Pieces(pieces.iter().map(piece).collect())
            }
            Self::Shares(shares) => Placement::Shares(
                shares
                    .iter()
                    .map(|(on, bag)| (*on, amounts(kinds, bag)))
                    .collect(),
            ),
        }
    }

    pub(crate) fn resources(&self) -> Vec<ResourceId> {
        match self {
            Self::Pieces(pieces) => pieces.iter().map(|(_, on, _)| *on).collect(),
            Self::Shares(shares) => shares.iter().map(|(on, _)| *on).collect(),
        }
    }
}

/// A resource of the small world.
pub(crate) fn resource(thing: &crate::model::Thing, parent: Option<&str>) -> Resource {
    let mut built = Resource::node(thing.name.as_str())
        .capacity(quantities(&thing.limit))
        .state(thing.state);
    if let Some(parent) = parent {
        built = built.parent(parent);
    } else if let Some(zone) = thing.zone {
        built = built.topology([("zone", zone)]);
    }
    if thing.ssd {
        built = built.label("disk", "ssd");
    }
    if thing.tainted {
        built = built.taint(cloudlot_core::Taint::new(
            "odd",
            "",
            cloudlot_core::Effect::NoSchedule,
        ));
    }
    built.build().unwrap()
}
