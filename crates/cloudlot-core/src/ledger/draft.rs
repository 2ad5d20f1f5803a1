//! A plan in the making: checks each step against the view and what the plan took already.

use super::company::company;
use super::entry::{Change, Entry};
use super::groups::Group;
use super::holds::Holds;
use super::placement::{self, Placement};
use super::plan::{Booking, Guard, Plan, Refusal, Row, Step};
use super::rules;
use super::state::{State, Undo};
use super::suits::{self, Reads};
use super::view::View;
use super::why::Why;
use crate::{Request, ReservationId, ResourceId, Revision, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// A plan in the making. What it takes shows in the view until it is finished or dropped.
#[derive(Debug)]
pub struct Draft<'a> {
    view: &'a mut View,
    start: Revision,
    time: Timestamp,
    now: Timestamp,
    steps: Vec<Step>,
    undo: Vec<(usize, Undo)>,
    guards: BTreeMap<Row, Revision>,
    /// The last change before this draft of groups that it has changed itself.
    groups: BTreeMap<Group, Revision>,
    refusals: Vec<Refusal>,
}

/// A point of a draft to go back to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mark {
    steps: usize,
    refusals: usize,
}

/// What one check has read.
#[derive(Default)]
struct Readings(BTreeSet<Row>);

impl Reads for Readings {
    fn resource(&mut self, id: ResourceId) {
        self.0.insert(Row::Resource(id));
    }

    fn group(&mut self, group: &Group) {
        self.0.insert(Row::Group(group.clone()));
    }
}

impl<'a> Draft<'a> {
    pub(super) fn new(view: &'a mut View, now: Timestamp) -> Self {
        Self {
            start: view.state.revision,
            time: view.state.now,
            now: now.max(view.state.now),
            view,
            steps: Vec::new(),
            undo: Vec::new(),
            guards: BTreeMap::new(),
            groups: BTreeMap::new(),
            refusals: Vec::new(),
        }
    }

    /// What the view shows, with what the draft has taken so far.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.view.state
    }

    /// The steps so far.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Reserves what a request asks for, with each piece on its place: all of it, or the reason why not.
    ///
    /// # Errors
    /// Why it is not possible; the draft is as before then.
    pub fn reserve(&mut self, request: &Request, placement: &Placement) -> Result<(), Why> {
        self.reserve_from(request, placement, self.now)
    }

    /// Reserves what a request asks for, from a moment on: its own start counts if that is later. It waits to be
    /// confirmed as long as it asked for after that moment.
    ///
    /// So a planner books room that frees later, as by an eviction with grace, and the request is still the one that was
    /// asked: it comes again under its key with its own digest.
    ///
    /// # Errors
    /// Why it is not possible; the draft is as before then.
    pub fn reserve_from(
        &mut self,
        request: &Request,
        placement: &Placement,
        from: Timestamp,
    ) -> Result<(), Why> {
        let state = &self.view.state;
        let mut reads = Readings::default();
        suits::suits(state, request, placement, &mut reads)?;
        let holds = placement::holds(state, request, placement)?;
        if let Some(terms) = request.terms() {
            let sites = placement::sites(state, request, placement);
            company(state, terms, sites, &mut reads)?;
        }
        let mut booking = Booking::of(request, holds);
        if from > self.now {
            booking.from = booking.from.max(Some(from));
            booking.hold_for = booking.hold_for.saturating_add(from.since(self.now));
        }
        let reservation = rules::book(state, &booking.ask(), self.now);
        let mut reservation =
            reservation.map_err(|why| suits::for_good(state, request, placement, why))?;
        let place = state
            .reservations
            .next()
            .ok_or(Why::TooMany("reservation"))?;
        let owner = state.owners.next();
        self.guard(reads);
        if reservation.owner == rules::UNKNOWN_OWNER {
            reservation.owner = owner.ok_or(Why::TooMany("owner"))?;
            let path = booking.owner.clone();
            self.evolve(Change::OwnerAdded {
                owner: reservation.owner,
                path,
            });
        }
        let digest = booking.digest;
        self.evolve(Change::Reserved {
            id: ReservationId::new(place.0, place.1),
            reservation,
            digest,
        });
        self.steps.push(Step::Reserve(booking));
        Ok(())
    }

    /// Lets a reservation hold something else.
    ///
    /// # Errors
    /// Why it is not possible; the draft is as before then.
    pub fn resize(&mut self, reservation: ReservationId, holds: &Holds) -> Result<(), Why> {
        let change = rules::resize(&self.view.state, reservation, holds)?;
        self.evolve(change);
        self.steps.push(Step::Resize {
            reservation,
            holds: holds.clone(),
        });
        Ok(())
    }

    /// Tells a reservation to go, at once or with grace until `at`.
    ///
    /// # Errors
    /// [`Why::Gone`].
    pub fn evict(&mut self, reservation: ReservationId, at: Timestamp) -> Result<(), Why> {
        let change = rules::evict(&self.view.state, reservation, at, self.now)?;
        self.evolve(change);
        self.steps.push(Step::Evict { reservation, at });
        Ok(())
    }

    /// Notes that the plan was decided on something beyond its steps: commit refuses it if that has changed meanwhile.
    pub fn depend(&mut self, row: Row) {
        self.guard(Readings(BTreeSet::from([row])));
    }

    /// Lets a booking that has not begun start at `from`, or now if that has passed.
    ///
    /// # Errors
    /// Why it is not possible; the draft is as before then.
    pub fn advance(&mut self, reservation: ReservationId, from: Timestamp) -> Result<(), Why> {
        let change = rules::advance(&self.view.state, reservation, from, self.now)?;
        self.evolve(change);
        self.steps.push(Step::Advance { reservation, from });
        Ok(())
    }

    /// Notes a request that the plan does not serve.
    pub fn refuse(&mut self, refusal: Refusal) {
        self.refusals.push(refusal);
    }

    /// Where the draft is, to go back to.
    #[must_use]
    pub fn mark(&self) -> Mark {
        Mark {
            steps: self.steps.len(),
            refusals: self.refusals.len(),
        }
    }

    /// Takes back every step and refusal since the mark. What was read stays guarded.
    pub fn rollback(&mut self, to: Mark) {
        while let Some((_, undo)) = self.undo.pop_if(|(step, _)| *step >= to.steps) {
            self.view.state.undo(undo);
        }
        self.steps.truncate(to.steps);
        self.refusals.truncate(to.refusals);
    }

    /// The plan. The view is as before the draft.
    #[must_use]
    pub fn finish(mut self) -> Plan {
        let guard = |(row, version)| Guard { row, version };
        Plan {
            ledger: self.view.identity.clone(),
            steps: self.steps.clone(),
            guards: std::mem::take(&mut self.guards)
                .into_iter()
                .map(guard)
                .collect(),
            refusals: std::mem::take(&mut self.refusals),
        }
    }

    /// Guards what was read, in the version before this draft's own steps.
    fn guard(&mut self, reads: Readings) {
        for row in reads.0 {
            let own = match &row {
                Row::Group(group) => self.groups.get(group).copied(),
                Row::Resource(_) => None,
            };
            if let Some(version) = own.or_else(|| self.view.state.version(&row)) {
                self.guards.entry(row).or_insert(version);
            }
        }
    }

    fn evolve(&mut self, change: Change) {
        let state = &mut self.view.state;
        if let Some(undo) = state.undo_for(&change) {
            for (group, count) in &undo.counts {
                self.groups.entry(group.clone()).or_insert(count.version);
            }
            self.undo.push((self.steps.len(), undo));
        }
        state.apply(&Entry {
            revision: state.revision.next(),
            at: self.now,
            change,
        });
    }
}

impl Drop for Draft<'_> {
    fn drop(&mut self) {
        self.rollback(Mark {
            steps: 0,
            refusals: 0,
        });
        self.view.state.revision = self.start;
        self.view.state.now = self.time;
    }
}
