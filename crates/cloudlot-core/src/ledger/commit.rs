//! Carrying out a plan: every step is tried on the state itself, and all are taken back if one is not possible.

use super::entry::{Change, Entry};
use super::grant::Grant;
use super::machine::Ledger;
use super::plan::{Booking, Guard, Plan, Step};
use super::rules;
use super::state::Undo;
use super::why::{CommitError, Why};
use crate::{RequestKey, ReservationId, Revision, Timestamp};
use std::collections::BTreeMap;

/// Steps that were carried out and can be taken back.
struct Trial {
    revision: Revision,
    time: Timestamp,
    entries: Vec<Entry>,
    undo: Vec<Undo>,
    grants: Vec<Grant>,
    /// When each reservation that was touched ended before.
    ends: Vec<(ReservationId, Option<Timestamp>)>,
    keys_granted: BTreeMap<RequestKey, (u64, Grant)>,
}

impl Ledger {
    /// What committing a plan would change, entry by entry. The plan is tried and taken back: apart from what had
    /// ended by `now`, the ledger is as before.
    ///
    /// # Errors
    /// As [`Ledger::commit`].
    pub fn check(&mut self, plan: &Plan, now: Timestamp) -> Result<Vec<Entry>, CommitError> {
        let mut trial = self.attempt(plan, now)?;
        let entries = std::mem::take(&mut trial.entries);
        self.take_back(trial);
        Ok(entries)
    }

    /// Carries a plan out, all of it or nothing, and says what each [`Step::Reserve`] got, in their order.
    ///
    /// First ends what ends at or before `now`, whatever becomes of the plan.
    ///
    /// # Errors
    /// [`CommitError`]: the plan is for another ledger, what it was decided on has changed, or a step is not possible.
    pub fn commit(&mut self, plan: &Plan, now: Timestamp) -> Result<Vec<Grant>, CommitError> {
        let trial = self.attempt(plan, now)?;
        for (id, before) in &trial.ends {
            self.watch(*id, *before);
        }
        for entry in trial.entries {
            // One by one: a plan may end what it has just reserved, and give the place of what it ended again.
            self.remember(&entry);
            self.journal.push(entry.at, entry.change);
        }
        Ok(trial.grants)
    }

    fn attempt(&mut self, plan: &Plan, now: Timestamp) -> Result<Trial, CommitError> {
        if plan.ledger != self.identity {
            return Err(CommitError::OtherLedger);
        }
        self.tick(now);
        if let Some(stale) = plan.guards.iter().find(|guard| !self.still_holds(guard)) {
            return Err(CommitError::Stale {
                row: stale.row.clone(),
            });
        }
        let mut trial = Trial {
            revision: self.state.revision,
            time: self.state.now,
            entries: Vec::with_capacity(plan.steps.len()),
            undo: Vec::with_capacity(plan.steps.len()),
            grants: Vec::new(),
            ends: Vec::with_capacity(plan.steps.len()),
            keys_granted: BTreeMap::new(),
        };
        for (index, step) in plan.steps.iter().enumerate() {
            if let Err(why) = self.try_step(step, &mut trial) {
                self.take_back(trial);
                return Err(CommitError::Step { index, why });
            }
        }
        Ok(trial)
    }

    fn still_holds(&self, guard: &Guard) -> bool {
        self.state.version(&guard.row) == Some(guard.version)
    }

    fn try_step(&mut self, step: &Step, trial: &mut Trial) -> Result<(), Why> {
        let (id, change) = match step {
            Step::Reserve(booking) => return self.try_booking(booking, trial),
            Step::Resize { reservation, holds } => (
                *reservation,
                rules::resize(&self.state, *reservation, holds)?,
            ),
            Step::Evict { reservation, at } => (
                *reservation,
                rules::evict(&self.state, *reservation, *at, self.now())?,
            ),
            Step::Advance { reservation, from } => (
                *reservation,
                rules::advance(&self.state, *reservation, *from, self.now())?,
            ),
        };
        trial.ends.push((id, self.ends(id)));
        self.try_change(change, trial);
        Ok(())
    }

    fn try_booking(&mut self, booking: &Booking, trial: &mut Trial) -> Result<(), Why> {
        if let Some(grant) = self.repeated(booking.key, booking.digest)? {
            trial.grants.push(grant);
            return Ok(());
        }
        if let Some(key) = booking.key
            && let Some((digest, grant)) = trial.keys_granted.get(&key)
        {
            if *digest != booking.digest {
                return Err(Why::KeyReused(key));
            }
            trial.grants.push(*grant);
            return Ok(());
        }
        let mut reservation = rules::book(&self.state, &booking.ask(), self.now())?;
        let place = self
            .state
            .reservations
            .next()
            .ok_or(Why::TooMany("reservation"))?;
        if reservation.owner == rules::UNKNOWN_OWNER {
            let owner = self.state.owners.next().ok_or(Why::TooMany("owner"))?;
            let path = booking.owner.clone();
            self.try_change(Change::OwnerAdded { owner, path }, trial);
            reservation.owner = owner;
        }
        let id = ReservationId::new(place.0, place.1);
        let grant = Grant::of(id, &reservation);
        trial.grants.push(grant);
        if let Some(key) = booking.key {
            trial.keys_granted.insert(key, (booking.digest, grant));
        }
        trial.ends.push((id, None));
        let digest = booking.digest;
        self.try_change(
            Change::Reserved {
                id,
                reservation,
                digest,
            },
            trial,
        );
        Ok(())
    }

    fn try_change(&mut self, change: Change, trial: &mut Trial) {
        let entry = Entry {
            revision: self.state.revision.next(),
            at: self.now(),
            change,
        };
        trial.undo.extend(self.state.undo_for(&entry.change));
        self.evolve(&entry);
        trial.entries.push(entry);
    }

    fn take_back(&mut self, trial: Trial) {
        for undo in trial.undo.into_iter().rev() {
            self.state.undo(undo);
        }
        self.state.revision = trial.revision;
        self.state.now = trial.time;
    }
}
