//! Following a journal from a checkpoint, with every entry checked before it is followed.

use super::admin::{can_limit, is_too_deep};
use super::entry::{Change, Entry};
use super::keys::Keys;
use super::machine::{Ledger, LedgerConfig};
use super::rules;
use super::state::{State, place_of};
use crate::{ReservationId, Timestamp};

/// A ledger at one revision, to replay from.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    state: State,
    keys: Keys,
    config: LedgerConfig,
    now: Timestamp,
}

/// An entry does not follow from what was before.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("entry {index} does not follow: {why}")]
pub struct ReplayError {
    /// Which entry, from 0.
    pub index: usize,
    /// What is wrong with it.
    pub why: &'static str,
}

impl Ledger {
    /// The ledger as it is now, to [`Ledger::replay`] from.
    #[must_use]
    pub fn checkpoint(&self) -> Checkpoint {
        Checkpoint {
            state: self.state.clone(),
            keys: self.keys.clone(),
            config: self.config,
            now: self.now(),
        }
    }

    /// The ledger that a checkpoint and the entries after it make.
    ///
    /// # Errors
    /// [`ReplayError`] with the index of the first entry that does not follow from those before.
    pub fn replay(from: Checkpoint, entries: &[Entry]) -> Result<Self, ReplayError> {
        let mut ledger = Self::of(from.state, from.keys, from.config).at(from.now);
        ledger.apply(entries)?;
        Ok(ledger)
    }
}

/// The reservation that a change is about.
pub(crate) fn reservation_of(change: &Change) -> Option<ReservationId> {
    match change {
        Change::Reserved { id, .. }
        | Change::Confirmed { id }
        | Change::Extended { id, .. }
        | Change::Resized { id, .. }
        | Change::Evicting { id, .. }
        | Change::Advanced { id, .. }
        | Change::Ended { id, .. } => Some(*id),
        _ => None,
    }
}

/// Whether an entry follows from a state.
pub(crate) fn follows(state: &State, entry: &Entry) -> Result<(), &'static str> {
    if entry.revision != state.revision.next() {
        return Err("a revision is missing or comes again");
    }
    if entry.at < state.now {
        return Err("the time runs backwards");
    }
    match &entry.change {
        Change::KindAdded { kind, name } => {
            let fresh = state.kinds.find(name).is_none() && kind.index() == state.kinds.len();
            given(fresh, "the kind does not get the next number")
        }
        Change::OwnerAdded { owner, path } => {
            let fresh = state.owners.find(path).is_none() && state.owners.next() == Some(*owner);
            given(fresh, "the owner does not get the next number")
        }
        Change::LimitSet { owner, limit } => {
            let path = state.owner(*owner).ok_or("the owner is unknown")?;
            let counted = limit
                .as_ref()
                .is_none_or(|limit| can_limit(state, path, limit).is_ok());
            given(counted, "what the owner holds cannot be counted")?;
            let kinds = limit.iter().flat_map(|limit| limit.iter());
            let mut known = kinds.map(|quantity| state.kinds.find(quantity.kind()).is_some());
            given(known.all(|known| known), "the limit names an unknown kind")
        }
        Change::ResourceAdded { id, resource } => {
            let fresh = state.members.next() == Some((id.slot(), id.generation()))
                && state.find(resource.name()).is_none();
            given(fresh, "the resource does not get the next place")?;
            let parent = resource
                .parent()
                .is_none_or(|parent| state.find(parent).is_some());
            given(parent, "the parent is not there")?;
            given(!is_too_deep(state, resource), "the resource lies too deep")?;
            given(
                state.kinds.amounts(resource.limits()).is_ok(),
                "a kind has no number",
            )
        }
        Change::ResourceChanged { id, resource } => {
            let same = |old: &crate::Resource| {
                (old.name(), old.parent()) == (resource.name(), resource.parent())
            };
            given(
                state.resource(*id).is_some_and(same),
                "the resource is not there",
            )?;
            given(
                state.kinds.amounts(resource.limits()).is_ok(),
                "a kind has no number",
            )
        }
        Change::StateSet { id, .. } => {
            given(state.resource(*id).is_some(), "the resource is not there")
        }
        Change::ResourceRemoved { id } => {
            let idle = state.hold_count(*id) == 0 && state.children(*id).is_empty();
            given(
                state.resource(*id).is_some() && idle,
                "the resource is not there, or in use",
            )
        }
        Change::Reserved {
            id, reservation, ..
        } => {
            given(
                state.reservations.next() == Some(place_of(*id)),
                "the reservation does not get the next place",
            )?;
            let owner = state
                .owner(reservation.owner())
                .ok_or("the owner is unknown")?;
            let counted = rules::can_count(state, reservation, owner);
            given(counted.is_ok(), "the amounts cannot be counted")
        }
        Change::Resized { id, holds } => {
            let mut grown = state.live(*id).ok_or("the reservation is gone")?.clone();
            let old = std::mem::replace(&mut grown.holds, holds.clone());
            let owner = state.owner(grown.owner()).ok_or("the owner is unknown")?;
            let counted = rules::can_count_more(state, &grown, Some(&old), owner);
            given(counted.is_ok(), "the amounts cannot be counted")
        }
        Change::Confirmed { id } | Change::Extended { id, .. } => {
            let held = state
                .live(*id)
                .is_some_and(|reservation| !reservation.is_confirmed());
            given(held, "the reservation is gone, or confirmed already")
        }
        Change::Evicting { id, span } => {
            let old = state.live(*id).ok_or("the reservation is gone")?.span();
            let shorter = span.from == old.from && span.until <= old.until && !span.is_empty();
            given(shorter, "grace does not lengthen a time")
        }
        Change::Advanced { id, span } => {
            let old = state.live(*id).ok_or("the reservation is gone")?;
            let booked = old.booked().is_some() && span.until == old.span().until;
            let earlier = booked && (entry.at..=old.span().from).contains(&span.from);
            given(
                earlier || *span == old.span(),
                "only a booking starts earlier",
            )?;
            let more = rules::before_its_start(old, *span);
            let owner = state.owner(old.owner()).ok_or("the owner is unknown")?;
            let counted = more.span().is_empty() || rules::can_count(state, &more, owner).is_ok();
            given(counted, "the amounts cannot be counted")
        }
        Change::Ended { id, .. } => given(state.live(*id).is_some(), "the reservation is gone"),
    }
}

fn given(holds: bool, why: &'static str) -> Result<(), &'static str> {
    if holds { Ok(()) } else { Err(why) }
}
