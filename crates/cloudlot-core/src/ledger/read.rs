//! What can be asked of a state: the ledger's own, or a view's.

use super::groups::Group;
use super::placement::{self, Placement, holds};
use super::reservation::Reservation;
use super::rules;
use super::state::{Member, Standing, State};
use super::suits;
use super::why::Why;
use crate::{
    Amounts, Kinds, OwnerId, OwnerPath, Request, ReservationId, Resource, ResourceId, Revision,
    Satisfiable, Timestamp, Topology,
};
use std::time::Duration;

/// What a resource is doing, which follows from its holds; what it may do is its administrative state.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Activity {
    /// Nobody holds anything on it.
    Idle,
    /// Somebody holds something, and nobody has confirmed.
    Reserved,
    /// Somebody has confirmed.
    InUse,
}

impl State {
    /// The kinds that are known.
    #[must_use]
    pub const fn kinds(&self) -> &Kinds {
        &self.kinds
    }

    /// The number of the last change.
    #[must_use]
    pub const fn revision(&self) -> Revision {
        self.revision
    }

    /// A resource by its identifier.
    #[must_use]
    pub fn resource(&self, id: ResourceId) -> Option<&Resource> {
        Some(&self.standing(id)?.resource)
    }

    /// A resource by its name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<ResourceId> {
        self.by_name.get(name).copied()
    }

    /// All resources, by place.
    pub fn resources(&self) -> impl Iterator<Item = (ResourceId, &Resource)> {
        self.standings()
            .map(|(id, standing)| (id, &*standing.resource))
    }

    /// How many resources there are.
    #[must_use]
    pub fn resource_count(&self) -> usize {
        self.by_name.len()
    }

    /// The resource that this one is a part of.
    #[must_use]
    pub fn parent(&self, id: ResourceId) -> Option<ResourceId> {
        self.standing(id)?.parent
    }

    /// The parts of a resource, such as its devices.
    #[must_use]
    pub fn children(&self, id: ResourceId) -> &[ResourceId] {
        self.standing(id).map_or(&[], |standing| &standing.children)
    }

    /// Where a resource stands: a part of another stands where that does.
    #[must_use]
    pub fn topology(&self, id: ResourceId) -> Option<&Topology> {
        Some(&self.standing(id)?.topology)
    }

    /// How far a resource meets a request's wishes: the weights of the preferences that it fulfils, and how many of its
    /// taints would rather keep the request away. Nothing of an unknown one.
    #[must_use]
    pub fn wishes(&self, request: &Request, id: ResourceId) -> (i64, i64) {
        let Some(standing) = self.standing(id) else {
            return (0, 0);
        };
        let place = standing.place();
        let disliked = self.rulebook.disliked(request, place);
        let fulfilled = self.rulebook.preference_score(request, place);
        (fulfilled, i64::try_from(disliked).unwrap_or(i64::MAX))
    }

    /// Whether these resources could take a request if they were empty.
    #[must_use]
    pub fn satisfiable(
        &self,
        request: &Request,
        among: impl IntoIterator<Item = ResourceId>,
    ) -> Satisfiable {
        let standings = among.into_iter().filter_map(|id| self.standing(id));
        self.rulebook
            .satisfiable(request, standings.map(Standing::place))
    }

    /// Whether the resource and everything above it take new work.
    #[must_use]
    pub fn takes_new(&self, id: ResourceId) -> bool {
        self.standing(id).is_some_and(|standing| standing.open)
    }

    /// What the resource is doing.
    #[must_use]
    pub fn activity(&self, id: ResourceId) -> Option<Activity> {
        self.standing(id)?;
        let head = self.rows.head(id.index());
        Some(match (head.holds, head.confirmed) {
            (0, _) => Activity::Idle,
            (_, 0) => Activity::Reserved,
            _ => Activity::InUse,
        })
    }

    /// How many reservations hold something on the resource.
    #[must_use]
    pub fn hold_count(&self, id: ResourceId) -> u32 {
        self.standing(id)
            .map_or(0, |_| self.rows.head(id.index()).holds)
    }

    fn row(&self, id: ResourceId, what: impl Fn(usize) -> Amounts) -> Amounts {
        self.standing(id)
            .map_or(Amounts::ZERO, |_| what(id.index()))
    }

    /// What the resource may give in all: its capacity without what is set aside, times its overcommit. Nothing of an
    /// unknown one.
    #[must_use]
    pub fn limit(&self, id: ResourceId) -> Amounts {
        self.row(id, |row| self.rows.limits(row))
    }

    /// What is left for a request that starts now and has no end.
    #[must_use]
    pub fn free(&self, id: ResourceId) -> Amounts {
        self.row(id, |row| self.rows.free(row))
    }

    /// What cannot be given to a request that starts now and has no end: what is held now, and the most that is booked
    /// for later.
    #[must_use]
    pub fn taken(&self, id: ResourceId) -> Amounts {
        self.row(id, |row| self.rows.taken(row))
    }

    /// What is held at one moment.
    #[must_use]
    pub fn taken_at(&self, id: ResourceId, at: Timestamp) -> Amounts {
        self.row(id, |row| self.rows.taken_at(row, at))
    }

    /// What a resource and all its parts may give together: a node with its devices.
    #[must_use]
    pub fn limit_with_parts(&self, id: ResourceId) -> Amounts {
        self.with_parts(id, |id| self.limit(id))
    }

    /// What is left on a resource and all its parts together, for requests that start now and have no end. No single
    /// member may find all of it: it sits on one part, or on as many as it asks for.
    #[must_use]
    pub fn free_with_parts(&self, id: ResourceId) -> Amounts {
        self.with_parts(id, |id| self.free(id))
    }

    fn with_parts(&self, id: ResourceId, what: impl Fn(ResourceId) -> Amounts + Copy) -> Amounts {
        let parts = self.children(id).iter();
        parts.fold(what(id), |sum, part| {
            sum.saturating_add(&self.with_parts(*part, what))
        })
    }

    /// How much is held above the limit, after the capacity shrank or holds were adopted: the excess grows by no
    /// step and blocks whatever takes of its kind.
    #[must_use]
    pub fn overfull(&self, id: ResourceId) -> Amounts {
        self.row(id, |row| self.rows.excess(row))
    }

    /// A reservation by its identifier; `None` once it has ended.
    #[must_use]
    pub fn reservation(&self, id: ReservationId) -> Option<&Reservation> {
        self.live(id)
    }

    /// All live reservations, by place.
    pub fn reservations(&self) -> impl Iterator<Item = (ReservationId, &Reservation)> {
        self.all_live()
    }

    /// How many reservations are live.
    #[must_use]
    pub fn reservation_count(&self) -> usize {
        self.reservations.len()
    }

    /// The reservations that hold something on a resource: looks at every live one.
    pub fn on(&self, resource: ResourceId) -> impl Iterator<Item = (ReservationId, &Reservation)> {
        let here = move |reservation: &Reservation| {
            reservation
                .holds()
                .iter()
                .any(|hold| hold.resource() == resource)
        };
        self.all_live()
            .filter(move |(_, reservation)| here(reservation))
    }

    /// Whether a reservation sits on something that has failed. It keeps what it holds until it is evicted or released,
    /// or the resource returns.
    #[must_use]
    pub fn is_lost(&self, id: ReservationId) -> bool {
        let failed = |id: ResourceId| self.standing(id).is_some_and(|standing| standing.failed);
        self.live(id).is_some_and(|reservation| {
            reservation
                .holds()
                .iter()
                .any(|hold| failed(hold.resource()))
        })
    }

    /// The name behind an owner's number.
    #[must_use]
    pub fn owner(&self, id: OwnerId) -> Option<&OwnerPath> {
        Some(&self.owners.get(id)?.path)
    }

    /// The number of an owner that has held something or has a limit.
    #[must_use]
    pub fn find_owner(&self, path: &OwnerPath) -> Option<OwnerId> {
        self.owners.find(path)
    }

    /// All owners that are known.
    pub fn owners(&self) -> impl Iterator<Item = (OwnerId, &OwnerPath)> {
        self.owners.iter().map(|(id, owner)| (id, &owner.path))
    }

    /// What is left of an owner's own limit, in the kinds that it limits; `None` if it has none.
    #[must_use]
    pub fn owner_free(&self, path: &OwnerPath) -> Option<Amounts> {
        let owner = self.owners.get(self.owners.find(path)?)?;
        let (_, row) = owner.limit.as_ref()?;
        Some(self.rows.free(*row as usize))
    }

    /// What the owner and those below hold above the owner's own limit.
    #[must_use]
    pub fn owner_overfull(&self, path: &OwnerPath) -> Amounts {
        let owner = self.owners.find(path).and_then(|id| self.owners.get(id));
        let row = owner.and_then(|owner| owner.limit.as_ref());
        row.map_or(Amounts::ZERO, |(_, row)| self.rows.excess(*row as usize))
    }

    /// How many members with a label sit in a topology domain.
    #[must_use]
    pub fn members(&self, group: &Group) -> u64 {
        self.groups.get(group).members
    }

    /// The resources and owners' limits of which more is held than allowed.
    pub fn all_overfull(&self) -> impl Iterator<Item = (Overfull, Amounts)> {
        self.members
            .iter()
            .filter_map(|((slot, generation), member)| {
                let excess = self.rows.excess(slot as usize);
                let what = match member {
                    Member::Resource(_) => Overfull::Resource(ResourceId::new(slot, generation)),
                    Member::Limit { owner, .. } => Overfull::Owner(*owner),
                };
                (!excess.is_zero()).then_some((what, excess))
            })
    }

    /// The first moment from `after` on at which a request could have this place for `length`, if nothing else changes.
    ///
    /// Claims without end are taken to stay for ever, also those that are not confirmed; estimates count for nothing.
    /// [`Duration::MAX`] asks for a place without end. `None`: never.
    ///
    /// # Errors
    /// If the place does not suit the request, or is not what it asks for.
    pub fn earliest(
        &self,
        request: &Request,
        placement: &Placement,
        after: Timestamp,
        length: Duration,
    ) -> Result<Option<Timestamp>, Why> {
        suits::suits(self, request, placement, &mut ())?;
        let holds = holds(self, request, placement)?;
        let after = request.window().from.map_or(after, |from| from.max(after));
        let start = rules::earliest(self, request.owner(), &holds, after, length);
        let inside = |start: &Timestamp| {
            request
                .window()
                .until
                .is_none_or(|until| *start + length <= until)
        };
        Ok(start.filter(inside))
    }

    /// The resource on which a request of one piece could start first, and when; the lowest identifier among equals.
    ///
    /// # Errors
    /// If the request has several pieces, or names an unknown kind.
    pub fn earliest_anywhere(
        &self,
        request: &Request,
        after: Timestamp,
        length: Duration,
    ) -> Result<Option<(ResourceId, Timestamp)>, Why> {
        let on = ResourceId::new(u32::MAX, 0);
        placement::single(self, request, on)?
            .ok_or(Why::Placement("the request has several pieces"))?;
        let starts = self
            .standings()
            .filter(|(_, standing)| standing.open)
            .filter_map(|(id, _)| {
                let start = self.earliest(request, &Placement::on(id), after, length);
                Some((id, start.ok()??))
            });
        Ok(starts.min_by_key(|(id, start)| (*start, *id)))
    }
}

/// Something of which more is held than allowed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Overfull {
    /// A resource.
    Resource(ResourceId),
    /// The limit of an owner.
    Owner(OwnerId),
}

#[cfg(test)]
mod tests {
    use crate::ledger::{Ledger, Piece, Placement};
    use crate::{Amounts, Kind, On, Request, Resource, Timestamp, cores, gpus};

    #[test]
    fn a_node_with_its_devices_adds_up_what_each_has() {
        let now = Timestamp::ZERO;
        let mut ledger = Ledger::new();
        let mut add =
            |resource: crate::ResourceBuilder| ledger.add(resource.build().unwrap(), now).unwrap();
        let node = add(Resource::node("n1").capacity([cores(8)]));
        let devices = ["n1:gpu0", "n1:gpu1"]
            .map(|name| add(Resource::node(name).parent("n1").capacity([gpus(1)])));
        let half = Request::new("half")
            .gang(
                1,
                1,
                On::Children { of: 1 },
                [crate::Quantity::new(Kind::GPU, 500)],
            )
            .build()
            .unwrap();
        let piece = Piece {
            part: 0,
            on: devices[1],
            members: 1,
        };
        ledger
            .place(&half, &Placement::Pieces(vec![piece]), now)
            .unwrap();

        let state = ledger.state();
        let amounts = |cpu, gpu| Amounts::of([(Kind::CPU, cpu), (Kind::GPU, gpu)]);
        assert_eq!(state.limit_with_parts(node), amounts(8_000, 2_000));
        assert_eq!(state.free_with_parts(node), amounts(8_000, 1_500));
        assert_eq!(state.limit(node), amounts(8_000, 0));
        assert_eq!(state.free_with_parts(devices[0]), amounts(0, 1_000));
    }
}
