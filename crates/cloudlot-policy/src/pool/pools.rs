//! The set of pools: who belongs where, and who uses whom. What is held is the ledger's to know.

use super::member::{Member, MemberError, holds_on, is_free};
use super::sizing::Sizing;
use super::spec::PoolSpec;
use cloudlot_core::ledger::State;
use cloudlot_core::{NodeClass, ReservationId, ResourceId, Revision, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

cloudlot_core::id_type! {
    /// A pool of one set.
    pub struct PoolId(u32, "pool-");
}

/// Pools over one ledger.
///
/// It knows which resources are members, whose they are, which pool uses them, and which reservations were made through
/// which pool. Whoever asks it brings the ledger's [`State`]: amounts, holds and administrative states are read there
/// and kept nowhere else.
#[derive(Clone, Debug, Default)]
pub struct Pools {
    pub(super) pools: Vec<Pool>,
    pub(super) defaults: BTreeMap<NodeClass, PoolSpec>,
    pub(super) members: BTreeMap<ResourceId, Member>,
    // The members by the pool that uses them: what `Member::user` says, the other way round.
    pub(super) seats: BTreeSet<(PoolId, ResourceId)>,
    pub(super) leases: BTreeMap<ReservationId, PoolId>,
    /// The ledger's last change that was followed.
    pub(super) seen: Revision,
}

#[derive(Clone, Debug)]
pub(super) struct Pool {
    pub(super) spec: PoolSpec,
    /// The number of the next member; those before it were given.
    pub(super) next: u64,
}

impl Pools {
    /// No pools.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in a pool without members. [`Pools::plan`] then says what it lacks.
    ///
    /// # Errors
    /// [`MemberError::NameTaken`], [`MemberError::Sizing`] or [`MemberError::TooMany`].
    pub fn open(&mut self, spec: PoolSpec) -> Result<PoolId, MemberError> {
        spec.check()?;
        if self.find(&spec.name).is_some() {
            return Err(MemberError::NameTaken(spec.name));
        }
        let id = self.next_pool().ok_or(MemberError::TooMany)?;
        self.pools.push(Pool { spec, next: 0 });
        Ok(id)
    }

    /// The number of the next pool.
    pub(super) fn next_pool(&self) -> Option<PoolId> {
        u32::try_from(self.pools.len()).ok().map(PoolId::new)
    }

    /// Keeps a description at hand: when a request suits no pool and this one's members would serve it, the pool is
    /// opened. One of each class; a later one takes the place of the former.
    ///
    /// # Errors
    /// [`MemberError::Sizing`].
    pub fn set_default(&mut self, spec: PoolSpec) -> Result<(), MemberError> {
        spec.check()?;
        self.defaults.insert(spec.class().clone(), spec);
        Ok(())
    }

    /// Gives a pool another size; [`Pools::plan`] says what follows from it.
    ///
    /// # Errors
    /// [`MemberError::NoPool`] or [`MemberError::Sizing`].
    pub fn resize(&mut self, pool: PoolId, sizing: Sizing) -> Result<(), MemberError> {
        sizing.check()?;
        let at = usize::try_from(pool.number()).ok();
        let entry = at.and_then(|at| self.pools.get_mut(at));
        entry.ok_or(MemberError::NoPool(pool))?.spec.sizing = sizing;
        Ok(())
    }

    /// Makes a resource of the ledger a member of a pool.
    ///
    /// # Errors
    /// [`MemberError::NoPool`], [`MemberError::NoResource`], [`MemberError::Elsewhere`], [`MemberError::Misfit`] or
    /// [`MemberError::Full`].
    pub fn enrol(
        &mut self,
        pool: PoolId,
        member: ResourceId,
        state: &State,
        now: Timestamp,
    ) -> Result<(), MemberError> {
        self.can_enrol(pool, member, state)?;
        let entry = &mut self.pools[index(pool)];
        let number = entry.next;
        entry.next = number.saturating_add(1);
        self.join(pool, member, number, state, now);
        Ok(())
    }

    fn can_enrol(
        &self,
        pool: PoolId,
        member: ResourceId,
        state: &State,
    ) -> Result<(), MemberError> {
        let spec = self.spec(pool).ok_or(MemberError::NoPool(pool))?;
        let resource = state.resource(member);
        let resource = resource.ok_or(MemberError::NoResource(member))?;
        if let Some(Member { home, .. }) = self.members.get(&member) {
            let home = *home;
            return Err(MemberError::Elsewhere { member, home });
        }
        if !spec.accepts(resource) {
            return Err(MemberError::Misfit { member, pool });
        }
        self.has_place(pool)
    }

    /// Whether one more member may belong to a pool or be lent to it.
    pub(super) fn has_place(&self, pool: PoolId) -> Result<(), MemberError> {
        let spec = self.spec(pool).ok_or(MemberError::NoPool(pool))?;
        let most = spec.sizing.most();
        let belongs = |member: &&Member| member.home == pool || member.user == pool;
        if count(self.members.values().filter(belongs)) >= most {
            return Err(MemberError::Full { pool, most });
        }
        Ok(())
    }

    /// Takes a member out of its pool and leaves the resource in the ledger.
    ///
    /// # Errors
    /// [`MemberError::NotAMember`], [`MemberError::InUse`], [`MemberError::Lent`], or [`MemberError::TooFew`] if it serves
    /// and fewer than the least would be left.
    pub fn withdraw(&mut self, member: ResourceId, state: &State) -> Result<(), MemberError> {
        self.can_leave(member, state)?;
        self.forget(member);
        Ok(())
    }

    /// Whether a member may leave its pool.
    pub(super) fn can_leave(&self, member: ResourceId, state: &State) -> Result<(), MemberError> {
        let Member { home, user, .. } = *self.member_or(member)?;
        is_free(member, state)?;
        if user != home {
            return Err(MemberError::Lent { member, user });
        }
        self.can_spare(home, member, state)
    }

    /// Whether enough members are left to serve a pool without this one.
    pub(super) fn can_spare(
        &self,
        pool: PoolId,
        member: ResourceId,
        state: &State,
    ) -> Result<(), MemberError> {
        let spec = self.spec(pool).ok_or(MemberError::NoPool(pool))?;
        let least = spec.sizing.least();
        let others = self.used_by(pool).filter(|other| *other != member);
        if self.serves(member, state) && count(others.filter(|id| self.serves(*id, state))) < least
        {
            return Err(MemberError::TooFew { pool, least });
        }
        Ok(())
    }

    pub(super) fn member_or(&self, member: ResourceId) -> Result<&Member, MemberError> {
        let found = self.members.get(&member);
        found.ok_or(MemberError::NotAMember(member))
    }

    pub(super) fn join(
        &mut self,
        pool: PoolId,
        id: ResourceId,
        number: u64,
        state: &State,
        now: Timestamp,
    ) {
        let member = Member {
            home: pool,
            user: pool,
            number,
            since: now,
            idle_since: (holds_on(id, state) == 0).then_some(now),
            leaving: None,
            closed: false,
        };
        self.members.insert(id, member);
        self.seats.insert((pool, id));
    }

    pub(super) fn forget(&mut self, id: ResourceId) {
        if let Some(member) = self.members.remove(&id) {
            self.seats.remove(&(member.user, id));
        }
    }

    /// Seats a member with a user.
    pub(super) fn seat(&mut self, id: ResourceId, user: PoolId) {
        if let Some(member) = self.members.get_mut(&id) {
            self.seats.remove(&(member.user, id));
            member.user = user;
            self.seats.insert((user, id));
        }
    }
}

pub(super) fn index(pool: PoolId) -> usize {
    usize::try_from(pool.number()).unwrap_or(usize::MAX)
}

pub(super) fn count<I: IntoIterator>(items: I) -> u32 {
    u32::try_from(items.into_iter().count()).unwrap_or(u32::MAX)
}
