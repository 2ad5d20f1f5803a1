//! The set of pools: who belongs where, and who uses whom. What is held is the ledger's to know.

use super::sizing::SizingError;
use super::spec::PoolSpec;
use cloudlot_core::ledger::State;
use cloudlot_core::{
    NodeClass, ReservationId, Resource, ResourceId, ResourceState, Revision, Timestamp,
};
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
    seats: BTreeSet<(PoolId, ResourceId)>,
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

/// A resource in a pool.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Member {
    /// Whose it is.
    pub home: PoolId,
    /// Who uses it: its home, or the pool that borrowed it.
    pub user: PoolId,
    /// Its number in its home. The lowest numbers are the core.
    pub number: u64,
    /// When it joined.
    pub since: Timestamp,
    /// Since when nothing has been held on it, as far as is known: never earlier than the truth. `None`: something is.
    pub idle_since: Option<Timestamp>,
    /// Why it takes nothing new, if its pool wants that.
    pub leaving: Option<Leaving>,
    // Whether it was for leaving that its state was set to draining; if it leaves no more, the state is to be set back.
    pub(super) closed: bool,
}

/// Why a member takes nothing new.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Leaving {
    /// The pool is above its most and this one is to go.
    Surplus,
    /// Its home needs it back.
    Reclaimed,
    /// An operator wants it to go.
    Retired,
}

/// How many members of a pool there are of each sort.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Those that belong to it, wherever they are.
    pub owned: u32,
    /// Those of them that another pool uses.
    pub lent: u32,
    /// Those of other pools that it uses.
    pub borrowed: u32,
    /// Those that it uses and that take new work.
    pub serving: u32,
    /// Those that it uses and on which something is held.
    pub busy: u32,
    /// Those that serve it and are protected one by one; see [`super::Sizing::core`].
    pub core: u32,
}

impl Member {
    /// Whether its home has called it back.
    pub(super) fn is_reclaimed(&self) -> bool {
        self.leaving == Some(Leaving::Reclaimed)
    }
}

impl Counts {
    /// Those that count against the pool's most: its own and those that it borrows.
    #[must_use]
    pub const fn all(self) -> u32 {
        self.owned + self.borrowed
    }
}

/// Why a pool or a member is not taken in, or not let go.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum MemberError {
    /// There is no such pool.
    #[error("{0} is not there")]
    NoPool(PoolId),
    /// Another pool has this name.
    #[error("there is a pool named `{0}` already")]
    NameTaken(String),
    /// There are as many pools as can be numbered.
    #[error("there is no number for one more pool")]
    TooMany,
    /// The sizing makes no sense.
    #[error(transparent)]
    Sizing(#[from] SizingError),
    /// The ledger has no such resource.
    #[error("{0} is not there")]
    NoResource(ResourceId),
    /// A resource is in one pool at most.
    #[error("{member} is in {home} already")]
    Elsewhere {
        /// Which.
        member: ResourceId,
        /// Where it is.
        home: PoolId,
    },
    /// It is not a member of any pool.
    #[error("{0} is not a member")]
    NotAMember(ResourceId),
    /// It is of another class than the pool's members, or offers less.
    #[error("{member} is not what members of {pool} are")]
    Misfit {
        /// Which.
        member: ResourceId,
        /// What pool.
        pool: PoolId,
    },
    /// The pool has as many members as it may have.
    #[error("{pool} has its {most} members")]
    Full {
        /// Which.
        pool: PoolId,
        /// How many it may have.
        most: u32,
    },
    /// The pool would be left with too few that serve.
    #[error("{pool} would be left with fewer than {least}")]
    TooFew {
        /// Which.
        pool: PoolId,
        /// How many have to be left.
        least: u32,
    },
    /// Something is held on it, whoever reserved it.
    #[error("{holds} reservations hold something on {member}")]
    InUse {
        /// Which.
        member: ResourceId,
        /// How many reservations.
        holds: u32,
    },
    /// Another pool uses it.
    #[error("{member} is lent to {user}")]
    Lent {
        /// Which.
        member: ResourceId,
        /// Who uses it.
        user: PoolId,
    },
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
    pub fn resize(
        &mut self,
        pool: PoolId,
        sizing: super::sizing::Sizing,
    ) -> Result<(), MemberError> {
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

/// Whether nothing is held on a member.
pub(super) fn is_free(member: ResourceId, state: &State) -> Result<(), MemberError> {
    match holds_on(member, state) {
        0 => Ok(()),
        holds => Err(MemberError::InUse { member, holds }),
    }
}

/// How many reservations hold something on a resource or on its parts; one that holds several of them counts several
/// times.
pub(super) fn holds_on(id: ResourceId, state: &State) -> u32 {
    let parts = state.children(id).iter();
    parts.fold(state.hold_count(id), |sum, part| {
        sum.saturating_add(holds_on(*part, state))
    })
}

pub(super) fn has_state(id: ResourceId, state: &State, is: ResourceState) -> bool {
    let resource = state.resource(id);
    resource.is_some_and(|resource| resource.state() == is)
}

pub(super) fn index(pool: PoolId) -> usize {
    usize::try_from(pool.number()).unwrap_or(usize::MAX)
}

pub(super) fn count<I: IntoIterator>(items: I) -> u32 {
    u32::try_from(items.into_iter().count()).unwrap_or(u32::MAX)
}

/// Whether a resource could stand in for what another pool takes for a member.
pub(super) fn suits(spec: &PoolSpec, resource: Option<&Resource>) -> bool {
    resource.is_some_and(|resource| spec.accepts(resource))
}
