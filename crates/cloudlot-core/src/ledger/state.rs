//! What is true: the state that entries evolve, of the ledger itself and of every copy.
//!
//! Nothing here decides. [`State::apply`] follows an entry that was decided on, and `undo` takes the last ones back.

use super::entry::{Change, Entry};
use super::groups::{Group, Groups, Sign, domains};
use super::holds::Hold;
use super::owners::Owners;
use super::reservation::Reservation;
use super::rows::{Claim, Rows};
use super::slab::{Place, Slab};
use crate::{
    Amounts, Mode, Kinds, OwnerId, Quantities, ReservationId, Resource, ResourceId, ResourceState, Revision, Stage, Timestamp,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a row of the table stands for.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Member {
    Resource(Standing),
    /// The limit of an owner, for the kinds in the mask.
    Limit { owner: OwnerId, mask: u32 },
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
    /// The change that last described it.
    pub(crate) version: Revision,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct State {
    pub(crate) kinds: Kinds,
    pub(crate) rows: Rows,
    pub(crate) members: Slab<Member>,
    pub(crate) by_name: BTreeMap<String, ResourceId>,
    pub(crate) owners: Owners,
    pub(crate) reservations: Slab<Reservation>,
    pub(crate) groups: Groups,
    pub(crate) revision: Revision,
    pub(crate) now: Timestamp,
}

/// How to take one step of a plan back.
#[derive(Clone, Debug)]
pub(crate) enum Undo {
    OwnerAdded,
    Reserved(ReservationId),
    /// The reservation as it was.
    Changed(ReservationId, Box<Reservation>),
    /// The reservation that ended.
    Ended(ReservationId, Box<Reservation>),
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

    fn standing_mut(&mut self, id: ResourceId) -> &mut Standing {
        match self.members.get_mut(row_place(id)) {
            Some(Member::Resource(standing)) => standing,
            _ => unreachable!("an entry names a resource that is there"),
        }
    }

    pub(crate) fn resources(&self) -> impl Iterator<Item = (ResourceId, &Standing)> {
        self.members.iter().filter_map(|((slot, generation), member)| match member {
            Member::Resource(standing) => Some((ResourceId::new(slot, generation), standing)),
            Member::Limit { .. } => None,
        })
    }

    #[inline]
    pub(crate) fn reservation(&self, id: ReservationId) -> Option<&Reservation> {
        self.reservations.get(place_of(id))
    }

    pub(crate) fn reservations(&self) -> impl Iterator<Item = (ReservationId, &Reservation)> {
        let named = |((slot, generation), reservation)| (ReservationId::new(slot, generation), reservation);
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

    /// Follows an entry. The caller knows that it fits this state.
    pub(crate) fn apply(&mut self, entry: &Entry) {
        self.revision = entry.revision;
        self.now = entry.at;
        match &entry.change {
            Change::KindAdded { name, .. } => {
                self.kinds.register(name).expect("a kind was checked before it is added");
            }
            Change::OwnerAdded { path, .. } => self.owners.add(path.clone()),
            Change::LimitSet { owner, limit } => self.set_limit(*owner, limit.as_ref()),
            Change::ResourceAdded { id, resource } => self.add_resource(*id, resource),
            Change::ResourceChanged { id, resource } => self.describe(*id, resource.clone()),
            Change::StateSet { id, state } => {
                let resource = self.standing_mut(*id).resource.with_state(state.clone());
                self.describe(*id, Arc::new(resource));
            }
            Change::ResourceRemoved { id } => self.remove_resource(*id),
            Change::Reserved { id, reservation, .. } => self.reserve(*id, reservation.clone()),
            Change::Confirmed { id } => self.confirm(*id, entry.at),
            Change::Extended { id, until } => self.edit(*id).stage = Stage::Held { until: *until },
            Change::Resized { id, holds } => {
                self.change(*id, |reservation| reservation.holds = holds.clone());
            }
            Change::Evicting { id, span } => self.change(*id, |reservation| {
                reservation.span = *span;
                reservation.timed = true;
                reservation.evicting = true;
            }),
            Change::Ended { id, .. } => {
                self.end(*id);
            }
        }
    }

    /// What would take this change back, if it is one that plans make.
    pub(crate) fn undo_for(&self, change: &Change) -> Option<Undo> {
        let was = |id: &ReservationId| self.reservation(*id).cloned().map(Box::new);
        match change {
            Change::OwnerAdded { .. } => Some(Undo::OwnerAdded),
            Change::Reserved { id, .. } => Some(Undo::Reserved(*id)),
            Change::Resized { id, .. } | Change::Evicting { id, .. } => Some(Undo::Changed(*id, was(id)?)),
            Change::Ended { id, .. } => Some(Undo::Ended(*id, was(id)?)),
            _ => None,
        }
    }

    /// Takes the last change back that is not taken back yet; revision and time are the caller's.
    pub(crate) fn undo(&mut self, undo: Undo) {
        match undo {
            Undo::OwnerAdded => self.owners.unadd(),
            Undo::Reserved(id) => {
                let reservation = self.edit(id).clone();
                self.charge(&reservation, Sign::Minus);
                self.reservations.unput(place_of(id));
            }
            Undo::Changed(id, was) => self.change(id, |reservation| *reservation = *was),
            Undo::Ended(id, was) => {
                self.charge(&was, Sign::Plus);
                self.reservations.untake(place_of(id), *was);
            }
        }
    }

    fn reserve(&mut self, id: ReservationId, reservation: Reservation) {
        self.charge(&reservation, Sign::Plus);
        let put = self.reservations.put(place_of(id), reservation);
        debug_assert!(put, "a reservation goes to a free place");
    }

    fn end(&mut self, id: ReservationId) {
        let gone = self.reservations.take(place_of(id));
        let gone = gone.expect("an entry names a reservation that is there");
        self.charge(&gone, Sign::Minus);
    }

    fn edit(&mut self, id: ReservationId) -> &mut Reservation {
        let reservation = self.reservations.get_mut(place_of(id));
        reservation.expect("an entry names a reservation that is there")
    }

    fn confirm(&mut self, id: ReservationId, now: Timestamp) {
        let reservation = self.edit(id);
        reservation.stage = Stage::Confirmed { since: now };
        let holds = reservation.holds.clone();
        for hold in holds.as_slice() {
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

    /// Counts a reservation in, or out, on every row it touches.
    fn charge(&mut self, reservation: &Reservation, sign: Sign) {
        for hold in reservation.holds.as_slice() {
            self.charge_row(hold.resource().index(), reservation, hold, sign);
        }
        self.charge_limits(reservation, sign);
        if reservation.terms.is_some() {
            self.charge_groups(reservation, sign);
        }
    }

    #[inline]
    fn charge_row(&mut self, row: usize, reservation: &Reservation, hold: &Hold, sign: Sign) {
        let claim = reservation.claim(hold.mask(), hold.values());
        let confirmed = u32::from(reservation.is_confirmed());
        let head = self.rows.head_mut(row);
        match sign {
            Sign::Plus => {
                head.holds += 1;
                head.confirmed += confirmed;
                self.rows.take(row, claim);
            }
            Sign::Minus => {
                head.holds -= 1;
                head.confirmed -= confirmed;
                self.rows.give(row, claim);
            }
        }
    }

    fn charge_limits(&mut self, reservation: &Reservation, sign: Sign) {
        if self.owners.get(reservation.owner).is_none_or(|owner| owner.rows.is_empty()) {
            return;
        }
        let limits: Vec<(usize, OwnerId, u32)> = self.limit_rows(reservation.owner).collect();
        let total = reservation.holds.total();
        for (row, _, mask) in limits {
            self.charge_limit(row, mask, reservation, &total, sign);
        }
    }

    fn charge_limit(&mut self, row: usize, mask: u32, reservation: &Reservation, total: &Amounts, sign: Sign) {
        let part = limited(total, mask);
        let claim = Claim {
            mask: part.mask(),
            values: part.values(),
            span: reservation.booked(),
        };
        let head = self.rows.head_mut(row);
        match sign {
            Sign::Plus => {
                head.holds += 1;
                self.rows.take(row, claim);
            }
            Sign::Minus => {
                head.holds -= 1;
                self.rows.give(row, claim);
            }
        }
    }

    fn charge_groups(&mut self, reservation: &Reservation, sign: Sign) {
        let Some(terms) = reservation.terms.clone() else {
            return;
        };
        for hold in reservation.holds.iter() {
            let resource = self.standing_mut(hold.resource()).resource.clone();
            for label in terms.labels().labels() {
                self.groups
                    .count_label(&label, resource.topology(), hold.count(), sign, self.revision);
            }
            for affinity in terms.affinities().iter().filter(|affinity| affinity.mode == Mode::Apart) {
                let groups = domains(&affinity.label, resource.topology());
                let averse: Vec<Group> = groups.filter(|group| group.level == affinity.level).collect();
                for group in averse {
                    self.groups.count_averse(group, hold.count(), sign, self.revision);
                }
            }
        }
    }

    fn add_resource(&mut self, id: ResourceId, resource: &Arc<Resource>) {
        let parent = resource.parent().and_then(|name| self.by_name.get(name).copied());
        let standing = Standing {
            resource: resource.clone(),
            parent,
            children: Vec::new(),
            open: false,
            failed: false,
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
        let limits = self.kinds.amounts(&resource.limits());
        let limits = limits.expect("kinds are added before the resource that names them");
        self.move_groups(id, &resource);
        let version = self.revision;
        let standing = self.standing_mut(id);
        standing.resource = resource;
        standing.version = version;
        self.rows.set_limits(id.index(), &limits);
        self.inherit(id);
    }

    /// When a resource moves to another place, the members that sit on it move with it.
    fn move_groups(&mut self, id: ResourceId, resource: &Arc<Resource>) {
        if self.standing_mut(id).resource.topology() == resource.topology() {
            return;
        }
        let here: Vec<Reservation> = self
            .reservations()
            .filter(|(_, reservation)| reservation.terms.is_some())
            .filter(|(_, reservation)| reservation.holds.iter().any(|hold| hold.resource() == id))
            .map(|(_, reservation)| reservation.clone())
            .collect();
        for reservation in &here {
            self.charge_groups(reservation, Sign::Minus);
        }
        self.standing_mut(id).resource = resource.clone();
        for reservation in &here {
            self.charge_groups(reservation, Sign::Plus);
        }
    }

    /// What a resource gets from those above it, and hands to those below.
    fn inherit(&mut self, id: ResourceId) {
        let above = self.standing_mut(id).parent;
        let above = above.and_then(|parent| self.standing(parent));
        let (open, failed) = above.map_or((true, false), |parent| (parent.open, parent.failed));
        let standing = self.standing_mut(id);
        standing.open = open && standing.resource.state().takes_new();
        standing.failed = failed || *standing.resource.state() == ResourceState::Failed;
        for child in standing.children.clone() {
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
        if let Some(parent) = gone.parent {
            self.standing_mut(parent).children.retain(|child| *child != id);
        }
    }

    fn set_limit(&mut self, owner: OwnerId, limit: Option<&Arc<Quantities>>) {
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

    fn add_limit_row(&mut self, owner: OwnerId, limit: &Quantities) -> u32 {
        let amounts = self.kinds.amounts(limit);
        let amounts = amounts.expect("kinds are added before the limit that names them");
        let place = self.members.next().expect("there was room when the limit was checked");
        let mask = limit.iter().filter_map(|quantity| self.kinds.find(quantity.kind()));
        let mask = mask.fold(0, |mask, kind| mask | 1 << kind.index());
        self.members.put(place, Member::Limit { owner, mask });
        self.rows.set_limits(place.0 as usize, &amounts);
        place.0
    }

    /// Counts all reservations of an owner and those below in, or out, on the owner's own limit.
    fn charge_owner(&mut self, owner: OwnerId, sign: Sign) {
        let Some((_, row)) = self.owners.get(owner).and_then(|owner| owner.limit.clone()) else {
            return;
        };
        let Some((_, Member::Limit { mask, .. })) = self.members.at(row) else {
            return;
        };
        let mask = *mask;
        let theirs: Vec<Reservation> = self
            .reservations()
            .filter(|(_, reservation)| self.owners.covers(owner, reservation.owner))
            .map(|(_, reservation)| reservation.clone())
            .collect();
        for reservation in theirs {
            self.charge_limit(row as usize, mask, &reservation, &reservation.holds.total(), sign);
        }
    }

    /// Whether two states hold the same truth, whatever way they came to it.
    pub(crate) fn same(&self, other: &Self) -> bool {
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

/// The part of an amount that a limit counts, packed.
pub(crate) fn limited(total: &Amounts, mask: u32) -> Hold {
    let counted = total.iter().filter(|(kind, _)| mask & (1 << kind.index()) != 0);
    // The resource is never read: a limit is a row of its own.
    Hold::new(ResourceId::new(u32::MAX, 0), &counted.collect())
}
