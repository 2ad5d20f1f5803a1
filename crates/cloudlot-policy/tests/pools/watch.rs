//! What must hold after a plan was done, and at any time, by the naive model.

use crate::naive::{Model, Seat};
use cloudlot_core::ledger::audit;
use cloudlot_core::{ReservationId, ResourceId, cores};
use cloudlot_policy::pool::{Demand, Leaving, PoolId, PoolStep};
use std::collections::BTreeSet;

impl Model {
    pub(crate) fn target(&self, pool: usize, demands: &[(PoolId, Demand)]) -> Option<u32> {
        let demand = demands.iter().find(|(id, _)| *id == self.pools[pool].id);
        let busy = self.count(|seat| seat.user == pool && !self.held(seat.id).is_empty());
        let sizing = self.pools[pool].sizing;
        demand.map(|(_, demand)| sizing.target(demand, &[cores(8)].into(), busy))
    }

    /// What is too much is in use, of the core, or not yet idle for long enough.
    pub(crate) fn has_no_surplus(&self, pool: usize, target: Option<u32>) {
        let wanted = target.unwrap_or_else(|| self.most(pool));
        let timeout = self.pools[pool].sizing.idle_timeout().as_secs();
        let could_go = |seat: &Seat| {
            let own = seat.home == pool && !self.is_core(seat) && self.now - seat.used >= timeout;
            let borrowed = seat.home != pool;
            let free = self.serves(seat) && self.held(seat.id).is_empty();
            seat.user == pool && free && (own || borrowed)
        };
        if self.serving(pool) > wanted.max(self.least(pool)) {
            let left = self.seats.iter().find(|seat| could_go(seat));
            assert!(
                left.is_none(),
                "{left:?} of {pool} could go at {}",
                self.now
            );
        }
    }

    /// Nothing goes but what has failed, was told to, is too much, or was idle for long enough.
    pub(crate) fn is_due(&self, step: &PoolStep) {
        let PoolStep::Remove { member } = step else {
            return;
        };
        let seat = self.seats.iter().find(|seat| seat.id == *member).unwrap();
        let timeout = self.pools[seat.home].sizing.idle_timeout().as_secs();
        let failed = !seat.open;
        let above = self.all(seat.home) > self.most(seat.home);
        let idle = self.now - seat.used >= timeout;
        assert!(
            failed || seat.leaving.is_some() || above || idle,
            "{seat:?} at {}",
            self.now
        );
    }

    pub(crate) fn is_on_target(&self, pool: usize, before: (u32, u32), target: Option<u32>) {
        let serving = self.serving(pool);
        let (least, most) = (self.least(pool), self.most(pool));
        let coming = self.count(|seat| {
            seat.home == pool && seat.user != pool && seat.leaving == Some(Leaving::Reclaimed)
        });
        // Too few only if there may be no more, and no loan is left to call back.
        let wanted = target.unwrap_or(least).min(most);
        let full = self.all(pool) >= most;
        let stuck = self.count(|seat| seat.home == pool && seat.user != pool && self.serves(seat));
        assert!(
            serving + coming >= wanted || (full && stuck == 0),
            "{pool}: {serving} of {wanted}"
        );
        // A plan takes no pool below its least, but that a loan is its home's.
        let (served, borrowed) = before;
        assert!(borrowed > 0 || serving >= served.min(least));
        assert!(serving + coming >= least || full);
    }

    /// The pools know what the model knows, and no hold was lost.
    pub(crate) fn compare(&self) {
        let state = self.world.ledger.state();
        assert_eq!(audit(state), []);
        let held: BTreeSet<ReservationId> = state.reservations().map(|(id, _)| id).collect();
        let leases = self.leases.iter().map(|(lease, ..)| lease.grant.id);
        let foreign = self.foreign.iter().map(|(id, ..)| *id);
        assert_eq!(held, leases.chain(foreign).collect());
        let mut known: Vec<(ResourceId, usize, usize, Option<Leaving>)> =
            (self.world.pools.members())
                .map(|(id, one)| (id, self.index(one.home), self.index(one.user), one.leaving))
                .collect();
        let mut seats: Vec<_> = (self.seats.iter())
            .map(|seat| (seat.id, seat.home, seat.user, seat.leaving))
            .collect();
        known.sort_unstable();
        seats.sort_unstable();
        assert_eq!(known, seats);
        for pool in 0..3 {
            let counts = self.world.counts(self.pools[pool].id);
            assert_eq!(counts.serving, self.serving(pool));
            assert!(counts.lent == 0 || counts.borrowed == 0);
        }
    }
}
