//! What can be asked of a durable ledger: as of a [`Ledger`], with the answers pending.

use super::writes::key_of;
use super::{DurableLedger, Pending, Refused};
use crate::LedgerStore;
use cloudlot_core::ledger::{
    AdminError, Booking, CommitError, Grant, Holds, Ledger, Placement, Plan, RecordName, Step, Why,
};
use cloudlot_core::{
    OwnerPath, Quantity, Request, RequestKey, ReservationId, Resource, ResourceId, ResourceState,
    Timestamp,
};
use std::convert::Infallible;
use std::error::Error;

/// Every method first ends what ends at or before `now`, also when it refuses. [`Refused::Stopped`] may come of each.
impl<S: LedgerStore> DurableLedger<S> {
    /// As [`Ledger::add`].
    ///
    /// # Errors
    /// As [`Ledger::add`].
    pub fn add(
        &mut self,
        resource: Resource,
        now: Timestamp,
    ) -> Result<Pending<ResourceId>, Refused<AdminError>> {
        key_of(&RecordName::Resource(resource.name().to_owned())).map_err(Refused::Name)?;
        self.decide(|ledger| ledger.add(resource, now))
    }

    /// As [`Ledger::update`].
    ///
    /// # Errors
    /// As [`Ledger::update`].
    pub fn update(
        &mut self,
        id: ResourceId,
        resource: Resource,
        now: Timestamp,
    ) -> Result<Pending<()>, Refused<AdminError>> {
        self.decide(|ledger| ledger.update(id, resource, now))
    }

    /// As [`Ledger::set_state`].
    ///
    /// # Errors
    /// As [`Ledger::set_state`].
    pub fn set_state(
        &mut self,
        id: ResourceId,
        state: ResourceState,
        now: Timestamp,
    ) -> Result<Pending<()>, Refused<AdminError>> {
        self.decide(|ledger| ledger.set_state(id, state, now))
    }

    /// As [`Ledger::remove`].
    ///
    /// # Errors
    /// As [`Ledger::remove`].
    pub fn remove(
        &mut self,
        id: ResourceId,
        now: Timestamp,
    ) -> Result<Pending<()>, Refused<AdminError>> {
        self.decide(|ledger| ledger.remove(id, now))
    }

    /// As [`Ledger::set_limit`].
    ///
    /// # Errors
    /// As [`Ledger::set_limit`], and [`Refused::Name`] of a path of more than some 490 bytes.
    pub fn set_limit(
        &mut self,
        owner: &OwnerPath,
        limit: impl IntoIterator<Item = Quantity>,
        now: Timestamp,
    ) -> Result<Pending<()>, Refused<AdminError>> {
        key_of(&RecordName::Limit(owner.clone())).map_err(Refused::Name)?;
        self.decide(|ledger| ledger.set_limit(owner, limit, now))
    }

    /// As [`Ledger::lift_limit`].
    ///
    /// # Errors
    /// [`Refused::Stopped`].
    pub fn lift_limit(
        &mut self,
        owner: &OwnerPath,
        now: Timestamp,
    ) -> Result<Pending<()>, Refused<Infallible>> {
        self.decide(|ledger| {
            ledger.lift_limit(owner, now);
            Ok(())
        })
    }

    /// As [`Ledger::reserve`].
    ///
    /// # Errors
    /// As [`Ledger::reserve`], and [`Refused::NoKey`].
    pub fn reserve(
        &mut self,
        request: &Request,
        on: ResourceId,
        now: Timestamp,
    ) -> Result<Pending<Grant>, Refused<Why>> {
        keyed(request.key())?;
        self.decide(|ledger| ledger.reserve(request, on, now))
    }

    /// As [`Ledger::place`].
    ///
    /// # Errors
    /// As [`Ledger::place`], and [`Refused::NoKey`].
    pub fn place(
        &mut self,
        request: &Request,
        placement: &Placement,
        now: Timestamp,
    ) -> Result<Pending<Grant>, Refused<Why>> {
        keyed(request.key())?;
        self.decide(|ledger| ledger.place(request, placement, now))
    }

    /// As [`Ledger::adopt`].
    ///
    /// # Errors
    /// As [`Ledger::adopt`], and [`Refused::NoKey`].
    pub fn adopt(
        &mut self,
        booking: &Booking,
        since: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Pending<Grant>, Refused<Why>> {
        keyed(booking.key)?;
        self.decide(|ledger| ledger.adopt(booking, since, now))
    }

    /// As [`Ledger::confirm`].
    ///
    /// # Errors
    /// As [`Ledger::confirm`].
    pub fn confirm(
        &mut self,
        id: ReservationId,
        now: Timestamp,
    ) -> Result<Pending<()>, Refused<Why>> {
        self.decide(|ledger| ledger.confirm(id, now))
    }

    /// As [`Ledger::release`].
    ///
    /// # Errors
    /// As [`Ledger::release`].
    pub fn release(
        &mut self,
        id: ReservationId,
        now: Timestamp,
    ) -> Result<Pending<()>, Refused<Why>> {
        self.decide(|ledger| ledger.release(id, now))
    }

    /// As [`Ledger::release_part`].
    ///
    /// # Errors
    /// As [`Ledger::release_part`].
    pub fn release_part(
        &mut self,
        id: ReservationId,
        part: &Holds,
        now: Timestamp,
    ) -> Result<Pending<()>, Refused<Why>> {
        self.decide(|ledger| ledger.release_part(id, part, now))
    }

    /// As [`Ledger::resize`].
    ///
    /// # Errors
    /// As [`Ledger::resize`].
    pub fn resize(
        &mut self,
        id: ReservationId,
        holds: &Holds,
        now: Timestamp,
    ) -> Result<Pending<()>, Refused<Why>> {
        self.decide(|ledger| ledger.resize(id, holds, now))
    }

    /// As [`Ledger::extend`].
    ///
    /// # Errors
    /// As [`Ledger::extend`].
    pub fn extend(
        &mut self,
        id: ReservationId,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<Pending<()>, Refused<Why>> {
        self.decide(|ledger| ledger.extend(id, until, now))
    }

    /// As [`Ledger::evict`].
    ///
    /// # Errors
    /// As [`Ledger::evict`].
    pub fn evict(
        &mut self,
        id: ReservationId,
        at: Timestamp,
        now: Timestamp,
    ) -> Result<Pending<()>, Refused<Why>> {
        self.decide(|ledger| ledger.evict(id, at, now))
    }

    /// As [`Ledger::expire`].
    ///
    /// # Errors
    /// [`Refused::Stopped`].
    pub fn expire(&mut self, now: Timestamp) -> Result<Pending<usize>, Refused<Infallible>> {
        self.decide(|ledger| Ok(ledger.expire(now)))
    }

    /// As [`Ledger::commit`]. A plan that is larger than a transaction of the store is staged and decided by one record:
    /// all of it is durable at once.
    ///
    /// # Errors
    /// As [`Ledger::commit`], and [`Refused::NoKey`].
    pub fn commit(
        &mut self,
        plan: &Plan,
        now: Timestamp,
    ) -> Result<Pending<Vec<Grant>>, Refused<CommitError>> {
        for step in &plan.steps {
            if let Step::Reserve(booking) = step {
                keyed(booking.key)?;
            }
        }
        self.decide(|ledger| ledger.commit(plan, now))
    }

    /// Decides provisionally, and queues what changed.
    fn decide<T, E: Error + 'static>(
        &mut self,
        decide: impl FnOnce(&mut Ledger) -> Result<T, E>,
    ) -> Result<Pending<T>, Refused<E>> {
        self.poll();
        if let Some(stop) = &self.stop {
            return Err(Refused::Stopped(stop.clone()));
        }
        let decided = decide(&mut self.ledger);
        self.take_down();
        // An answer that changes nothing rests on everything that was decided before.
        let number = self.fates.basis();
        Ok(Pending {
            number,
            value: decided?,
        })
    }
}

fn keyed<E: Error + 'static>(key: Option<RequestKey>) -> Result<(), Refused<E>> {
    key.map(drop).ok_or(Refused::NoKey)
}
