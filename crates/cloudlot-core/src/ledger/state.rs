//! What is true: the state that entries evolve, of the ledger itself and of every copy.
//!
//! Nothing here decides. [`State::apply`] follows an entry that was decided on, and `undo` takes the last ones back.

use super::charge::charge_rows;
use super::entry::{Change, Entry};
use super::groups::{Count, Group, Groups, Sign};
use super::owners::Owners;
use super::plan::Row;
use super::reservation::{Reservation, Stage};
use super::rows::{Door, Rows};
use super::slab::{Place, Slab};
use crate::{
    Amounts, Kinds, OwnerId, Place as Site, Quantity, ReservationId, Resource, ResourceId,
    ResourceState, Revision, Rulebook, Timestamp, Topology,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a row of the table stands for.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Member {
    Resource(Standing),
    /// The limit of an owner, for the kinds in the mask.
    Limit {
        owner: OwnerId,
        mask: u32,
    },
}

/// A resource as the ledger sees it.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Standing {
    pub(crate) resource: Arc<Resource>,
    pub(crate) parent: Option<ResourceId>,
    pub(crate) children: Vec<ResourceId>,
    /// Whether it and everything above it take new work.
    pub(crate) open: bool,
    /// Whether it or something above it has failed.
    pub(crate) failed: bool,
    /// Where it stands: a part stands where its parent does.
    pub(crate) topology: Topology,
    /// The change that last described it.
    pub(crate) version: Revision,
}

impl Standing {
    /// The resource as the rules see it.
    pub(crate) fn place(&self) -> Site<'_> {
        Site {
            resource: &self.resource,
            limits: self.resource.limits(),
            topology: &self.topology,
        }
    }
}

/// Resources, owners and reservations at one revision: the ledger's own, or a view's copy.
#[derive(Clone, Debug, Default)]
pub struct State {
    pub(crate) kinds: Kinds,
    pub(crate) rows: Rows,
    pub(crate) members: Slab<Member>,
    pub(crate) by_name: BTreeMap<String, ResourceId>,
    pub(crate) owners: Owners,
    pub(crate) reservations: Slab<Reservation>,
    pub(crate) groups: Groups,
    pub(crate) revision: Revision,
    pub(crate) now: Timestamp,
    pub(crate) rulebook: Rulebook,
}

/// How to take one step of a plan back.
#[derive(Clone, Debug)]
pub(crate) struct Undo {
    act: Act,
    /// The counts that the step touches, as they were.
    pub(crate) counts: Vec<(Group, Count)>,
}

#[derive(Clone, Debug)]
enum Act {
    AddOwner,
    Reserve(ReservationId),
    /// The reservation as it was.
    Change(ReservationId, Box<Reservation>),
    /// The reservation that ended.
    End(ReservationId, Box<Reservation>),
}

pub(crate) const fn place_of(id: ReservationId) -> Place {
    (id.slot(), id.generation())
}

const fn row_place(id: ResourceId) -> Place {
    (id.slot(), id.generation())
}

impl State {
    pub(crate) fn standing(&self, id: ResourceId) -> Option<&Standing> {
        match self.members.get(row_place(id))? {
            Member::Resource(standing) => Some(standing),
            Member::Limit { .. } => None,
        }
    }

    pub(super) fn standing_mut(&mut self, id: ResourceId) -> &mut Standing {
        match self.members.get_mut(row_place(id)) {
            Some(Member::Resource(standing)) => standing,
            _ => unreachable!("an entry names a resource that is there"),
        }
    }

    pub(crate) fn standings(&self) -> impl Iterator<Item = (ResourceId, &Standing)> {
        self.members
            .iter()
            .filter_map(|((slot, generation), member)| match member {
                Member::Resource(standing) => Some((ResourceId::new(slot, generation), standing)),
                Member::Limit { .. } => None,
            })
    }

    #[inline]
    pub(crate) fn live(&self, id: ReservationId) -> Option<&Reservation> {
        self.reservations.get(place_of(id))
    }

    pub(crate) fn all_live(&self) -> impl Iterator<Item = (ReservationId, &Reservation)> {
        let named =
            |((slot, generation), reservation)| (ReservationId::new(slot, generation), reservation);
        self.reservations.iter().map(named)
    }

    /// The rows of limits that an owner's reservations take from, with the kinds that each limits.
    pub(crate) fn limit_rows(&self, owner: OwnerId) -> impl Iterator<Item = (usize, OwnerId, u32)> {
        let rows = self.owners.get(owner).map_or(&[][..], |owner| &owner.rows);
        rows.iter().filter_map(|row| {
            let (_, member) = self.members.at(*row)?;
            match member {
                Member::Limit { owner, mask } => Some((*row as usize, *owner, *mask)),
                Member::Resource(_) => None,
            }
        })
    }

    /// Whether an owner, or one above it, has a limit; one that is not known may have.
    #[inline]
    pub(crate) fn is_limited(&self, owner: OwnerId) -> bool {
        self.owners
            .get(owner)
            .is_none_or(|owner| !owner.rows.is_empty())
    }

    /// Follows an entry. The caller knows that it fits this state.
    #[inline]
    pub(crate) fn apply(&mut self, entry: &Entry) {
        self.revision = entry.revision;
        self.now = entry.at;
        match &entry.change {
            Change::KindAdded { name, .. } => {
                self.kinds
                    .register(name)
                    .expect("a kind was checked before it is added");
            }
            Change::OwnerAdded { path, .. } => self.owners.add(path.clone()),
            Change::LimitSet { owner, limit } => self.set_limit(*owner, limit.as_ref()),
            Change::ResourceAdded { id, resource } => self.add_resource(*id, resource),
            Change::ResourceChanged { id, resource } => self.describe(*id, resource.clone()),
            Change::StateSet { id, state } => {
                let resource = Resource::clone(&self.standing_mut(*id).resource);
                self.describe(*id, Arc::new(resource.with_state(*state)));
            }
            Change::ResourceRemoved { id } => self.remove_resource(*id),
            Change::Reserved {
                id, reservation, ..
            } => self.reserve(*id, reservation),
            Change::Confirmed { id } => self.confirm(*id, entry.at),
            Change::Extended { id, until } => {
                self.edit(*id).set_stage(Stage::Held { until: *until })
            }
            Change::Resized { id, holds } => {
                self.change(*id, |reservation| reservation.holds = holds.clone());
            }
            Change::Evicting { id, span } => self.change(*id, |reservation| {
                reservation.span = *span;
                reservation.timed = true;
                reservation.evicting = true;
            }),
            Change::Advanced { id, span } => {
                self.change(*id, |reservation| reservation.set_span(*span));
            }
            Change::Ended { id, .. } => {
                self.end(*id);
            }
        }
    }

    /// What would take this change back, asked before it is made; `None` if it is none that plans make.
    pub(crate) fn undo_for(&self, change: &Change) -> Option<Undo> {
        let mut groups = Vec::new();
        let mut was = |id: &ReservationId| {
            let reservation = self.live(*id)?;
            self.groups_of(reservation, reservation.holds(), &mut groups);
            Some(Box::new(reservation.clone()))
        };
        let act = match change {
            Change::OwnerAdded { .. } => Act::AddOwner,
            Change::Reserved {
                id, reservation, ..
            } => {
                self.groups_of(reservation, reservation.holds(), &mut groups);
                Act::Reserve(*id)
            }
            Change::Resized { id, holds } => {
                let act = Act::Change(*id, was(id)?);
                self.groups_of(self.live(*id)?, holds, &mut groups);
                act
            }
            Change::Evicting { id, .. } | Change::Advanced { id, .. } => Act::Change(*id, was(id)?),
            Change::Ended { id, .. } => Act::End(*id, was(id)?),
            _ => return None,
        };
        let counted = |group: Group| (self.groups.get(&group), group);
        let counts = groups
            .into_iter()
            .map(counted)
            .map(|(count, group)| (group, count));
        Some(Undo {
            act,
            counts: counts.collect(),
        })
    }

    /// Takes the last change back that is not taken back yet; revision and time are the caller's.
    pub(crate) fn undo(&mut self, undo: Undo) {
        match undo.act {
            Act::AddOwner => self.owners.unadd(),
            Act::Reserve(id) => {
                let reservation = self.edit(id).clone();
                self.charge(&reservation, Sign::Minus);
                self.reservations.unput(place_of(id));
            }
            Act::Change(id, was) => self.change(id, |reservation| *reservation = *was),
            Act::End(id, was) => {
                self.charge(&was, Sign::Plus);
                self.reservations.untake(place_of(id), *was);
            }
        }
        for (group, count) in undo.counts {
            self.groups.restore(group, count);
        }
    }

    /// How many rows a change touches, asked before it is made.
    pub(crate) fn rows_of(&self, change: &Change) -> u64 {
        let own = |reservation: &Reservation| {
            let limits = self
                .owners
                .get(reservation.owner)
                .map_or(0, |owner| owner.rows.len());
            reservation.holds.as_slice().len() + limits
        };
        let rows = match change {
            Change::Reserved { reservation, .. } => own(reservation),
            Change::KindAdded { .. } | Change::OwnerAdded { .. } => 0,
            Change::ResourceAdded { .. }
            | Change::ResourceChanged { .. }
            | Change::StateSet { .. }
            | Change::ResourceRemoved { .. }
            | Change::LimitSet { .. } => 1,
            Change::Confirmed { id }
            | Change::Extended { id, .. }
            | Change::Resized { id, .. }
            | Change::Evicting { id, .. }
            | Change::Advanced { id, .. }
            | Change::Ended { id, .. } => self.live(*id).map_or(0, own),
        };
        rows as u64
    }

    /// The last change of something that a plan can depend on; `None` if it is not there.
    pub(crate) fn version(&self, row: &Row) -> Option<Revision> {
        match row {
            Row::Resource(id) => Some(self.standing(*id)?.version),
            Row::Group(group) => Some(self.groups.get(group).version),
        }
    }

    #[inline]
    fn reserve(&mut self, id: ReservationId, reservation: &Reservation) {
        self.charge(reservation, Sign::Plus);
        let put = self.reservations.put(place_of(id), reservation.clone());
        debug_assert!(put, "a reservation goes to a free place");
    }

    #[inline]
    fn end(&mut self, id: ReservationId) {
        let gone = self.reservations.get(place_of(id));
        let gone = gone.expect("an entry names a reservation that is there");
        if gone.terms.is_none() && !self.is_limited(gone.owner) {
            // The usual case need not move it.
            charge_rows(&mut self.rows, gone, Sign::Minus);
            self.reservations.clear(place_of(id));
            return;
        }
        let gone = self.reservations.take(place_of(id));
        self.charge(&gone.expect("it was there"), Sign::Minus);
    }

    fn edit(&mut self, id: ReservationId) -> &mut Reservation {
        let reservation = self.reservations.get_mut(place_of(id));
        reservation.expect("an entry names a reservation that is there")
    }

    fn confirm(&mut self, id: ReservationId, now: Timestamp) {
        let reservation = self.reservations.get_mut(place_of(id));
        let reservation = reservation.expect("an entry names a reservation that is there");
        reservation.set_stage(Stage::Confirmed { since: now });
        for hold in reservation.holds.as_slice() {
            self.rows.head_mut(hold.resource().index()).confirmed += 1;
        }
    }

    /// Gives back all that a reservation takes, changes it, and takes again.
    fn change(&mut self, id: ReservationId, change: impl FnOnce(&mut Reservation)) {
        let mut reservation = self.edit(id).clone();
        self.charge(&reservation, Sign::Minus);
        change(&mut reservation);
        self.charge(&reservation, Sign::Plus);
        *self.edit(id) = reservation;
    }

    fn add_resource(&mut self, id: ResourceId, resource: &Arc<Resource>) {
        let parent = resource
            .parent()
            .and_then(|name| self.by_name.get(name).copied());
        let standing = Standing {
            resource: resource.clone(),
            parent,
            children: Vec::new(),
            open: false,
            failed: false,
            topology: Topology::default(),
            version: self.revision,
        };
        let put = self.members.put(row_place(id), Member::Resource(standing));
        debug_assert!(put, "a resource goes to a free place");
        if let Some(parent) = parent {
            self.standing_mut(parent).children.push(id);
        }
        self.by_name.insert(resource.name().to_owned(), id);
        self.describe(id, resource.clone());
    }

    fn describe(&mut self, id: ResourceId, resource: Arc<Resource>) {
        let limits = self.kinds.amounts(resource.limits());
        let limits = limits.expect("kinds are added before the resource that names them");
        let moved = self.standing_mut(id).resource.topology() != resource.topology();
        let members = if moved {
            self.members_below(id)
        } else {
            Vec::new()
        };
        for member in &members {
            self.charge_groups(member, Sign::Minus);
        }
        let version = self.revision;
        let standing = self.standing_mut(id);
        standing.resource = resource;
        standing.version = version;
        self.rows.set_limits(id.index(), &limits);
        self.inherit(id);
        for member in &members {
            self.charge_groups(member, Sign::Plus);
        }
    }

    /// Reservations with labels or affinities that sit on a resource or its parts.
    fn members_below(&self, id: ResourceId) -> Vec<Reservation> {
        let mut below = vec![id];
        let mut next = 0;
        while let Some(id) = below.get(next).copied() {
            below.extend_from_slice(self.children(id));
            next += 1;
        }
        let here = |reservation: &&Reservation| {
            reservation.terms.is_some()
                && reservation
                    .holds
                    .iter()
                    .any(|hold| below.contains(&hold.resource()))
        };
        let members = self.all_live().map(|(_, reservation)| reservation);
        members.filter(here).cloned().collect()
    }

    /// What a resource gets from those above it, and hands to those below.
    fn inherit(&mut self, id: ResourceId) {
        let above = self.standing_mut(id).parent;
        let above = above.and_then(|parent| self.standing(parent)).cloned();
        let version = self.revision;
        let standing = self.standing_mut(id);
        let own = standing.resource.state();
        standing.open = above.as_ref().is_none_or(|above| above.open) && own.takes_new();
        standing.failed =
            above.as_ref().is_some_and(|above| above.failed) || own == ResourceState::Failed;
        let topology = match above {
            Some(above) => above.topology,
            None => standing.resource.topology().clone(),
        };
        if standing.topology != topology {
            standing.topology = topology;
            // Plans for a part depend on where it stands.
            standing.version = version;
        }
        let door = Door {
            generation: id.generation(),
            resource: true,
            open: standing.open,
            failed: standing.failed,
            plain: standing.resource.parent().is_none() && standing.resource.taints().is_empty(),
        };
        let children = standing.children.clone();
        self.rows.head_mut(id.index()).door = door;
        for child in children {
            self.inherit(child);
        }
    }

    fn remove_resource(&mut self, id: ResourceId) {
        let gone = self.members.take(row_place(id));
        let Some(Member::Resource(gone)) = gone else {
            unreachable!("an entry names a resource that is there")
        };
        self.by_name.remove(gone.resource.name());
        self.rows.set_limits(id.index(), &Amounts::ZERO);
        self.rows.head_mut(id.index()).door = Door::default();
        if let Some(parent) = gone.parent {
            self.standing_mut(parent)
                .children
                .retain(|child| *child != id);
        }
    }

    fn set_limit(&mut self, owner: OwnerId, limit: Option<&Arc<[Quantity]>>) {
        self.charge_owner(owner, Sign::Minus);
        let old = self.owners.get(owner).and_then(|owner| owner.limit.clone());
        if let Some((_, row)) = old
            && let Some((place, _)) = self.members.at(row)
        {
            self.rows.set_limits(row as usize, &Amounts::ZERO);
            self.members.take(place);
        }
        let new = limit.map(|limit| (limit.clone(), self.add_limit_row(owner, limit)));
        self.owners.set_limit(owner, new);
        self.charge_owner(owner, Sign::Plus);
    }

    fn add_limit_row(&mut self, owner: OwnerId, limit: &[Quantity]) -> u32 {
        let amounts = self.amounts_of(limit);
        let place = self
            .members
            .next()
            .expect("there was room when the limit was checked");
        let mask = limit
            .iter()
            .filter_map(|quantity| self.kinds.find(quantity.kind()));
        let mask = mask.fold(0, |mask, kind| mask | 1 << kind.index());
        self.members.put(place, Member::Limit { owner, mask });
        self.rows.set_limits(place.0 as usize, &amounts);
        place.0
    }

    /// Quantities of kinds that are known here.
    pub(crate) fn amounts_of(&self, quantities: &[Quantity]) -> Amounts {
        let known =
            |quantity: &Quantity| Some((self.kinds.find(quantity.kind())?, quantity.amount()));
        quantities.iter().filter_map(known).collect()
    }
}

impl PartialEq for State {
    /// Whether two states hold the same truth, whatever way they came to it. The time they were told last and the rules
    /// that they ask are no part of it.
    fn eq(&self, other: &Self) -> bool {
        self.kinds == other.kinds
            && self.rows.same(&other.rows)
            && self.members == other.members
            && self.by_name == other.by_name
            && self.owners == other.owners
            && self.reservations == other.reservations
            && self.groups == other.groups
            && self.revision == other.revision
    }
}
