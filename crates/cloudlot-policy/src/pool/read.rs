//! What can be read of a set of pools.

use super::member::{Counts, Member, has_state, holds_on};
use super::pools::{PoolId, Pools, count, index};
use super::spec::PoolSpec;
use cloudlot_core::ledger::State;
use cloudlot_core::{ReservationId, ResourceId, ResourceState};
use std::collections::BTreeSet;

impl Pools {
    /// All pools, in the order in which they were opened.
    pub fn ids(&self) -> impl DoubleEndedIterator<Item = PoolId> + use<> {
        (0..self.next_pool().map_or(u32::MAX, PoolId::number)).map(PoolId::new)
    }

    /// A pool by its name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<PoolId> {
        self.ids()
            .find(|id| self.pools[index(*id)].spec.name == name)
    }

    /// The description of a pool.
    #[must_use]
    pub fn spec(&self, pool: PoolId) -> Option<&PoolSpec> {
        self.pools.get(index(pool)).map(|pool| &pool.spec)
    }

    /// A member, by its resource.
    #[must_use]
    pub fn member(&self, id: ResourceId) -> Option<&Member> {
        self.members.get(&id)
    }

    /// All members of all pools, by resource.
    pub fn members(&self) -> impl Iterator<Item = (ResourceId, &Member)> {
        self.members.iter().map(|(id, member)| (*id, member))
    }

    /// The members that a pool uses, its own and borrowed ones, by resource.
    pub fn used_by(&self, pool: PoolId) -> impl Iterator<Item = ResourceId> {
        let first = ResourceId::new(0, 0);
        let last = ResourceId::new(u32::MAX, u32::MAX);
        let seats = self.seats.range((pool, first)..=(pool, last));
        seats.map(|(_, id)| *id)
    }

    /// The reservations that were made through a pool and had not ended when the ledger was last observed.
    pub fn made_through(&self, pool: PoolId) -> impl Iterator<Item = ReservationId> {
        let through = move |(_, made): &(_, &PoolId)| **made == pool;
        self.leases.iter().filter(through).map(|(id, _)| *id)
    }

    /// Whether a member takes new work.
    #[must_use]
    pub fn serves(&self, member: ResourceId, state: &State) -> bool {
        let Some(known) = self.member(member) else {
            return false;
        };
        let reopens = known.closed && has_state(member, state, ResourceState::Draining);
        known.leaving.is_none() && (state.takes_new(member) || reopens)
    }

    /// The members that serve their home and are protected one by one: those with the lowest numbers. If one fails or
    /// leaves, the next number steps in.
    #[must_use]
    pub fn core(&self, pool: PoolId, state: &State) -> BTreeSet<ResourceId> {
        let protected = self.spec(pool).map_or(0, |spec| spec.sizing.core());
        let at_home = self.used_by(pool).filter_map(|id| {
            let member = self.member(id)?;
            (member.home == pool && self.serves(id, state)).then_some((member.number, id))
        });
        let by_number: BTreeSet<_> = at_home.collect();
        let protected = usize::try_from(protected).unwrap_or(usize::MAX);
        let core = by_number.into_iter().take(protected);
        core.map(|(_, id)| id).collect()
    }

    /// How many members of each sort a pool has; nothing of one that is not there.
    #[must_use]
    pub fn counts(&self, pool: PoolId, state: &State) -> Counts {
        let belonging = self.members.values().filter(|member| member.home == pool);
        let mut counts = Counts {
            core: count(self.core(pool, state)),
            ..Counts::default()
        };
        for member in belonging {
            counts.owned += 1;
            counts.lent += u32::from(member.user != pool);
        }
        for id in self.used_by(pool) {
            let foreign = self.member(id).is_some_and(|member| member.home != pool);
            counts.borrowed += u32::from(foreign);
            counts.serving += u32::from(self.serves(id, state));
            counts.busy += u32::from(holds_on(id, state) > 0);
        }
        counts
    }
}
