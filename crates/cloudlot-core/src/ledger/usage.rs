//! What a dashboard draws of a ledger: who has how much of what.
//!
//! Rates and waits are not in a state; whoever asks for grants counts them, with a [`crate::metrics::ActivityMeter`].

use super::reservation::Reservation;
use super::state::State;
use crate::metrics::{KindUsage, Usage};
use crate::{Amounts, ResourceId, Timestamp};
use std::collections::BTreeMap;

impl State {
    /// Who has how much of what at one moment: for each resource, kind and owner, and in all. Bookings for another
    /// time do not count; a kind that a resource neither offers nor gives is left out.
    ///
    /// Looks at every resource and every reservation.
    /// ```
    /// use cloudlot_core::ledger::Ledger;
    /// use cloudlot_core::{Request, Resource, Timestamp, cores};
    ///
    /// let now = Timestamp::ZERO;
    /// let mut ledger = Ledger::new();
    /// let node = ledger.add(Resource::node("compute-node-1").capacity([cores(100)]).build()?, now)?;
    /// let task = Request::new("task-1").owner("task-1").part([cores(50)]).build()?;
    /// let grant = ledger.reserve(&task, node, now)?;
    ///
    /// let usage = ledger.state().usage(now);
    /// assert_eq!(usage.kinds["cpu"].utilisation().ratio(), 0.5);
    /// assert_eq!(usage.kinds["cpu"].in_use().ratio(), 0.0); // held, not confirmed
    /// assert_eq!(usage.owners["task-1"]["cpu"].held, 50_000);
    /// # let _ = grant;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn usage(&self, at: Timestamp) -> Usage {
        let mut usage = Usage::at(at);
        let mut confirmed: BTreeMap<ResourceId, Amounts> = BTreeMap::new();
        for (_, reservation) in self
            .reservations()
            .filter(|(_, reservation)| is_active(reservation, at))
        {
            if reservation.is_confirmed() {
                for hold in reservation.holds().iter() {
                    let sum = confirmed.entry(hold.resource()).or_default();
                    *sum = sum.saturating_add(&hold.amounts());
                }
            }
            self.add_owner(&mut usage, reservation);
        }
        for (id, standing) in self.standings() {
            let capacity = self
                .kinds
                .amounts(standing.resource.capacity())
                .unwrap_or_default();
            let (limit, held) = (self.limit(id), self.taken_at(id, at));
            let confirmed = confirmed.get(&id).copied().unwrap_or_default();
            for (kind, _) in capacity.max(&held).iter() {
                let row = KindUsage::new(
                    capacity.get(kind),
                    limit.get(kind),
                    held.get(kind),
                    confirmed.get(kind),
                );
                usage.add_resource(
                    standing.resource.name(),
                    self.kinds.name(kind).as_str(),
                    row,
                );
            }
        }
        usage
    }

    fn add_owner(&self, usage: &mut Usage, reservation: &Reservation) {
        let Some(owner) = self.owner(reservation.owner()) else {
            return;
        };
        for (kind, held) in reservation.holds().total().iter() {
            let confirmed = if reservation.is_confirmed() { held } else { 0 };
            usage.add_owner(
                owner.as_str(),
                self.kinds.name(kind).as_str(),
                held,
                confirmed,
            );
        }
    }
}

fn is_active(reservation: &Reservation, at: Timestamp) -> bool {
    // An open claim counts from the moment it is made, whatever moment is asked for.
    reservation
        .booked()
        .is_none_or(|span| span.from <= at && at < span.until)
}
