//! The ledger: decides through the rules, changes its state by entries, and remembers them.

#[cfg(debug_assertions)]
use super::audit;
use super::company::company;
use super::deadlines::Deadlines;
use super::entry::{Change, End, Entry};
use super::grant::Grant;
use super::holds::Holds;
use super::journal::Journal;
use super::keys::Keys;
use super::placement::{self, Placement};
use super::plan::{Booking, Identity};
use super::replay::ReplayError;
use super::reservation::{Reservation, Stage};
use super::rules::{self, Ask};
use super::state::State;
use super::suits;
use super::why::Why;
use crate::{OwnerPath, Request, RequestKey, ReservationId, ResourceId, Rulebook, Timestamp};

/// How much a ledger remembers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LedgerConfig {
    /// How many entries the journal keeps for those who follow: a view that is further behind copies everything anew.
    pub journal: usize,
    /// How many keys of ended reservations are remembered, so that a late repetition gets its old answer.
    pub ended_keys: usize,
}

impl Default for LedgerConfig {
    /// 8,192 entries, which stay in a processor's cache, and 65,536 keys.
    fn default() -> Self {
        Self {
            journal: 1 << 13,
            ended_keys: 1 << 16,
        }
    }
}

/// The truth about resources and who holds them. See the [module](crate::ledger).
///
/// A clone is another ledger: views and plans of this one are not its own.
#[derive(Debug)]
pub struct Ledger {
    pub(super) state: State,
    pub(super) identity: Identity,
    pub(super) journal: Journal,
    pub(super) config: LedgerConfig,
    pub(super) keys: Keys,
    pub(super) deadlines: Deadlines,
    pub(super) now: Timestamp,
    backwards: u64,
}

impl Clone for Ledger {
    fn clone(&self) -> Self {
        Self {
            state: self.state.clone(),
            // From here on the two go separate ways.
            identity: Identity::default(),
            journal: self.journal.clone(),
            config: self.config,
            keys: self.keys.clone(),
            deadlines: self.deadlines.clone(),
            now: self.now,
            backwards: self.backwards,
        }
    }
}

impl Default for Ledger {
    fn default() -> Self {
        Self::new()
    }
}

impl Ledger {
    /// A ledger without resources.
    #[must_use]
    pub fn new() -> Self {
        Self::with(LedgerConfig::default())
    }

    /// A ledger without resources that remembers so much.
    #[must_use]
    pub fn with(config: LedgerConfig) -> Self {
        Self::of(State::default(), Keys::new(config.ended_keys), config)
    }

    /// A ledger that goes on from a state.
    pub(super) fn of(state: State, keys: Keys, config: LedgerConfig) -> Self {
        let mut deadlines = Deadlines::default();
        for (id, reservation) in state.all_live() {
            if let Some(end) = reservation.ends() {
                deadlines.set(end, id);
            }
        }
        Self {
            identity: Identity::default(),
            journal: Journal::new(config.journal, state.revision),
            now: state.now,
            config,
            keys,
            deadlines,
            state,
            backwards: 0,
        }
    }

    /// A ledger without resources that asks these rules, its own and those that a program added.
    #[must_use]
    pub fn with_rules(config: LedgerConfig, rulebook: Rulebook) -> Self {
        let state = State {
            rulebook,
            ..State::default()
        };
        Self::of(state, Keys::new(config.ended_keys), config)
    }

    /// The same ledger, told this time.
    pub(super) fn at(mut self, now: Timestamp) -> Self {
        self.now = now;
        self
    }

    /// What is true now.
    #[must_use]
    pub const fn state(&self) -> &State {
        &self.state
    }

    /// The last changes.
    #[must_use]
    pub const fn journal(&self) -> &Journal {
        &self.journal
    }

    /// The latest time that the ledger was told.
    #[must_use]
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// How often a caller's time was earlier than one before.
    #[must_use]
    pub const fn backwards(&self) -> u64 {
        self.backwards
    }

    /// How many request keys are remembered, of live and of ended reservations.
    #[must_use]
    pub fn key_count(&self) -> usize {
        self.keys.len()
    }

    /// When the next reservation ends by itself: call [`Ledger::expire`] then. `None`: never.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.deadlines.next()
    }

    /// Ends what ends at or before `now`, and says how many that were.
    pub fn expire(&mut self, now: Timestamp) -> usize {
        let before = self.state.reservation_count();
        self.tick(now);
        before - self.state.reservation_count()
    }

    /// Reserves what a request of one piece asks for on a resource.
    ///
    /// # Errors
    /// Why it is not possible; nothing is changed then, but what had ended by `now`.
    #[inline]
    pub fn reserve(
        &mut self,
        request: &Request,
        on: ResourceId,
        now: Timestamp,
    ) -> Result<Grant, Why> {
        self.tick(now);
        if let Some(grant) = self.repeated(request.key(), request.digest())? {
            return Ok(grant);
        }
        let hold = placement::single(&self.state, request, on)?;
        let hold = hold.ok_or(Why::Placement(
            "the request has several pieces: say where each goes",
        ))?;
        suits::suits_one(&self.state, request, 0, on, &mut ())?;
        if let Some(terms) = request.terms() {
            company(&self.state, terms, [(on, 1)], &mut ())?;
        }
        let holds = Holds::one(hold);
        self.book(request, &holds)
            .map_err(|why| suits::for_good(&self.state, request, &Placement::on(on), why))
    }

    /// Reserves what a request asks for, with each piece on its place: all or nothing.
    ///
    /// # Errors
    /// Why it is not possible; nothing is changed then, but what had ended by `now`.
    pub fn place(
        &mut self,
        request: &Request,
        placement: &Placement,
        now: Timestamp,
    ) -> Result<Grant, Why> {
        self.tick(now);
        if let Some(grant) = self.repeated(request.key(), request.digest())? {
            return Ok(grant);
        }
        suits::suits(&self.state, request, placement, &mut ())?;
        let holds = placement::holds(&self.state, request, placement)?;
        if let Some(terms) = request.terms() {
            let sites = placement::sites(&self.state, request, placement);
            company(&self.state, terms, sites, &mut ())?;
        }
        self.book(request, &holds)
            .map_err(|why| suits::for_good(&self.state, request, placement, why))
    }

    #[inline]
    fn book(&mut self, request: &Request, holds: &Holds) -> Result<Grant, Why> {
        let ask = Ask::of(request, holds);
        let reservation = rules::book(&self.state, &ask, self.now)?;
        self.enter(reservation, &ask)
    }

    /// Takes over what is held already, by work that outlived a restart: as confirmed work since `since`, or as a
    /// hold. Neither limits nor states are asked; what is above a limit is reported by [`State::overfull`].
    ///
    /// # Errors
    /// [`Why::UnknownResource`], [`Why::Overflow`], [`Why::TooMany`], [`Why::TooLate`] or [`Why::KeyReused`].
    pub fn adopt(
        &mut self,
        booking: &Booking,
        since: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Grant, Why> {
        self.tick(now);
        if let Some(grant) = self.repeated(booking.key, booking.digest)? {
            return Ok(grant);
        }
        let ask = booking.ask();
        let mut reservation = rules::draw_up(&self.state, &ask, self.now)?;
        rules::can_count(&self.state, &reservation, &booking.owner)?;
        if let Some(since) = since {
            reservation.set_stage(Stage::Confirmed { since });
        }
        self.enter(reservation, &ask)
    }

    /// Takes a reservation into use.
    ///
    /// # Errors
    /// [`Why::Gone`] at or after its end, [`Why::Confirmed`], [`Why::Evicting`] or [`Why::Lost`].
    #[inline]
    pub fn confirm(&mut self, id: ReservationId, now: Timestamp) -> Result<(), Why> {
        self.tick(now);
        let change = rules::confirm(&self.state, id)?;
        self.alter(id, change);
        Ok(())
    }

    /// Gives a reservation back, held or confirmed.
    ///
    /// # Errors
    /// [`Why::Gone`].
    #[inline]
    pub fn release(&mut self, id: ReservationId, now: Timestamp) -> Result<(), Why> {
        self.tick(now);
        rules::there(&self.state, id)?;
        self.alter(
            id,
            Change::Ended {
                id,
                end: End::Released,
            },
        );
        Ok(())
    }

    /// Gives a part of a reservation back. What is given back whole ends.
    ///
    /// # Errors
    /// [`Why::Gone`], or [`Why::NotHeld`] if it does not hold that.
    pub fn release_part(
        &mut self,
        id: ReservationId,
        part: &Holds,
        now: Timestamp,
    ) -> Result<(), Why> {
        self.tick(now);
        let change = rules::release_part(&self.state, id, part)?;
        self.alter(id, change);
        Ok(())
    }

    /// Holds something else from now on: shrinks, grows or moves.
    ///
    /// Amounts, limits and states are asked; the rules of the request are not, since a ledger does not keep them. A planner
    /// that moves a reservation asks the [`Rulebook`] first.
    ///
    /// # Errors
    /// [`Why::Gone`], [`Why::Evicting`], or why there is no room for what grows.
    pub fn resize(&mut self, id: ReservationId, holds: &Holds, now: Timestamp) -> Result<(), Why> {
        self.tick(now);
        let change = rules::resize(&self.state, id, holds)?;
        self.alter(id, change);
        Ok(())
    }

    /// Sets the end of a hold that is not confirmed yet.
    ///
    /// # Errors
    /// [`Why::Gone`], [`Why::Confirmed`], [`Why::Evicting`], or [`Why::TooLate`] if `until` has passed.
    pub fn extend(
        &mut self,
        id: ReservationId,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<(), Why> {
        self.tick(now);
        let change = rules::extend(&self.state, id, until, self.now)?;
        self.alter(id, change);
        Ok(())
    }

    /// Tells a reservation to go: at once if `at` is not in the future, else it ends then.
    ///
    /// # Errors
    /// [`Why::Gone`].
    pub fn evict(&mut self, id: ReservationId, at: Timestamp, now: Timestamp) -> Result<(), Why> {
        self.tick(now);
        let change = rules::evict(&self.state, id, at, self.now)?;
        self.alter(id, change);
        Ok(())
    }

    /// Lets a booking that has not begun start at `from`, or now if that has passed; one that starts no later stays as it
    /// is.
    ///
    /// # Errors
    /// [`Why::Gone`], [`Why::Evicting`], or why there is no room until it would have started.
    pub fn advance(
        &mut self,
        id: ReservationId,
        from: Timestamp,
        now: Timestamp,
    ) -> Result<(), Why> {
        self.tick(now);
        let change = rules::advance(&self.state, id, from, self.now)?;
        self.alter(id, change);
        Ok(())
    }

    /// Follows entries: those that [`Ledger::check`] gave, if nothing has changed since, or those of another ledger that
    /// this one is a copy of.
    ///
    /// # Errors
    /// [`ReplayError`] with the index of the first entry that does not follow from those before, which have been followed.
    pub fn apply(&mut self, entries: &[Entry]) -> Result<(), ReplayError> {
        for (index, entry) in entries.iter().enumerate() {
            super::replay::follows(&self.state, entry).map_err(|why| ReplayError { index, why })?;
            self.now = self.now.max(entry.at);
            let id = super::replay::reservation_of(&entry.change);
            let before = id.and_then(|id| self.ends(id));
            self.evolve(entry);
            if let Some(id) = id {
                self.watch(id, before);
            }
            self.remember(entry);
            self.journal.push(entry.at, entry.change.clone());
        }
        Ok(())
    }

    /// Ends what is due at `now`.
    #[inline]
    pub(super) fn tick(&mut self, now: Timestamp) {
        if now < self.now {
            self.backwards += 1;
        } else {
            self.now = now;
        }
        while let Some(id) = self.deadlines.due(self.now) {
            let evicting = self
                .state
                .live(id)
                .is_some_and(|reservation| reservation.evicting);
            let end = if evicting { End::Evicted } else { End::Expired };
            self.alter(id, Change::Ended { id, end });
        }
    }

    pub(super) fn repeated(
        &self,
        key: Option<RequestKey>,
        digest: u64,
    ) -> Result<Option<Grant>, Why> {
        let Some(key) = key else { return Ok(None) };
        match self.keys.get(key) {
            Some(answer) if answer.digest == digest => Ok(Some(answer.grant())),
            Some(_) => Err(Why::KeyReused(key)),
            None => Ok(None),
        }
    }

    #[inline]
    fn enter(&mut self, mut reservation: Reservation, ask: &Ask<'_>) -> Result<Grant, Why> {
        let place = self
            .state
            .reservations
            .next()
            .ok_or(Why::TooMany("reservation"))?;
        if reservation.owner == rules::UNKNOWN_OWNER {
            reservation.owner = self.meet(ask.owner)?;
        }
        let id = ReservationId::new(place.0, place.1);
        let grant = Grant::of(id, &reservation);
        if let Some(end) = reservation.ends() {
            self.deadlines.set(end, id);
        }
        if let Some(key) = ask.key {
            self.keys.granted(key, ask.digest, grant);
        }
        let digest = ask.digest;
        self.record(Change::Reserved {
            id,
            reservation,
            digest,
        });
        Ok(grant)
    }

    /// The number of an owner, given now if need be.
    pub(super) fn meet(&mut self, path: &OwnerPath) -> Result<crate::OwnerId, Why> {
        if let Some(owner) = self.state.owners.find(path) {
            return Ok(owner);
        }
        let owner = self.state.owners.next().ok_or(Why::TooMany("owner"))?;
        self.record(Change::OwnerAdded {
            owner,
            path: path.clone(),
        });
        Ok(owner)
    }

    /// Changes one reservation, and keeps deadlines and keys true.
    #[inline]
    fn alter(&mut self, id: ReservationId, change: Change) {
        let before = self.ends(id);
        if let Change::Ended { id, .. } = change {
            self.keys.ended(id);
        }
        self.record(change);
        self.watch(id, before);
    }

    #[inline]
    pub(super) fn record(&mut self, change: Change) {
        #[cfg(debug_assertions)]
        let rows = audit::rows_of(&self.state, &change);
        let entry = self.journal.push(self.now, change);
        self.state.apply(entry);
        #[cfg(debug_assertions)]
        assert!(
            audit::are_sound(&self.state, &rows),
            "rows stay consistent: {entry:?}"
        );
    }

    /// Follows an entry that is not in the journal yet; where debug assertions are on, the rows that it touches are
    /// checked.
    pub(super) fn evolve(&mut self, entry: &Entry) {
        #[cfg(debug_assertions)]
        let rows = audit::rows_of(&self.state, &entry.change);
        self.state.apply(entry);
        #[cfg(debug_assertions)]
        assert!(
            audit::are_sound(&self.state, &rows),
            "rows stay consistent: {entry:?}"
        );
    }

    #[inline]
    pub(super) fn ends(&self, id: ReservationId) -> Option<Timestamp> {
        self.state.live(id).and_then(Reservation::ends)
    }

    /// Keeps the deadlines true after a reservation changed that had this one before.
    #[inline]
    pub(super) fn watch(&mut self, id: ReservationId, before: Option<Timestamp>) {
        let after = self.ends(id);
        if before == after {
            return;
        }
        if let Some(after) = after {
            self.deadlines.set(after, id);
        }
        if before.is_some() {
            self.deadlines.drop_one(|id| self.state.live(id));
        }
    }

    /// Keeps the keys true after an entry.
    pub(super) fn remember(&mut self, entry: &Entry) {
        match &entry.change {
            Change::Reserved {
                id,
                reservation,
                digest,
            } => {
                if let Some(key) = reservation.key() {
                    self.keys.granted(key, *digest, Grant::of(*id, reservation));
                }
            }
            Change::Ended { id, .. } => self.keys.ended(*id),
            _ => {}
        }
    }
}
