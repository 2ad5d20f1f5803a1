//! What may be done to pools, one step at a time, and when it may be.

use super::member::{Leaving, Member, MemberError, is_free};
use super::pools::{PoolId, Pools};
use super::spec::{Growth, PoolSpec};
use cloudlot_core::ResourceId;
use cloudlot_core::ledger::State;

/// One step. It says what is to be, so that doing it twice is harmless.
#[derive(Clone, PartialEq, Debug)]
pub enum PoolStep {
    /// Let there be this pool, under this number.
    Open {
        /// Its number.
        pool: PoolId,
        /// What it is.
        spec: Box<PoolSpec>,
    },
    /// Let a pool have a member of this number, and the ledger its resource.
    Add {
        /// Which pool.
        pool: PoolId,
        /// The member's number in the pool.
        number: u64,
    },
    /// Let a member take nothing new; what is held on it stays.
    Drain {
        /// Which.
        member: ResourceId,
        /// Why.
        why: Leaving,
    },
    /// Let a member that was to leave take new work again.
    Reopen {
        /// Which.
        member: ResourceId,
    },
    /// Let a member be neither in its pool nor in the ledger.
    Remove {
        /// Which.
        member: ResourceId,
    },
    /// Let another pool use a member.
    Lend {
        /// Which.
        member: ResourceId,
        /// Who is to use it.
        to: PoolId,
    },
    /// Let a member's home use it.
    Return {
        /// Which.
        member: ResourceId,
    },
}

impl PoolStep {
    /// The member that it is about, if there is one already.
    #[must_use]
    pub const fn member(&self) -> Option<ResourceId> {
        match self {
            Self::Open { .. } | Self::Add { .. } => None,
            Self::Drain { member, .. }
            | Self::Reopen { member }
            | Self::Remove { member }
            | Self::Lend { member, .. }
            | Self::Return { member } => Some(*member),
        }
    }
}

/// Why a step is not possible.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum StepError {
    /// What holds for members and pools at any time.
    #[error(transparent)]
    Member(#[from] MemberError),
    /// Its number is not the next one, or other pools have been opened since.
    #[error("{0} is not the next pool")]
    Order(PoolId),
    /// Members of this pool are enrolled, not made.
    #[error("members of {0} are not made")]
    Enrolled(PoolId),
    /// One of the two pools takes no part in lending in this direction.
    #[error("{home} does not lend, or {to} does not borrow")]
    Lending {
        /// The pool that would lend.
        home: PoolId,
        /// The pool that would borrow.
        to: PoolId,
    },
    /// A pool that borrows does not lend, and one that lends does not borrow: so no chain of loans arises.
    #[error("{0} would lend and borrow at once")]
    Chain(PoolId),
    /// The core of a pool is not lent.
    #[error("{0} is of the core of its pool")]
    Core(ResourceId),
    /// It takes nothing new, so that it would be of no use.
    #[error("{0} takes nothing new")]
    Closed(ResourceId),
    /// Only a member that is lent can be reclaimed.
    #[error("{0} is not lent")]
    NotLent(ResourceId),
    /// It has parts, which have to go first.
    #[error("{member} still has {parts} parts")]
    Parts {
        /// Which.
        member: ResourceId,
        /// How many.
        parts: usize,
    },
}

/// What a step that is possible comes to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Due {
    /// It is to be done.
    Now,
    /// It has been done.
    Already,
}

impl Pools {
    /// Whether a step is possible. Plans are made by it, and those who carry them out ask again.
    pub(super) fn check(&self, step: &PoolStep, state: &State) -> Result<Due, StepError> {
        match step {
            PoolStep::Open { pool, spec } => self.can_open(*pool, spec),
            PoolStep::Add { pool, number } => self.can_add(*pool, *number),
            PoolStep::Drain { member, why } => self.can_drain(*member, *why, state),
            PoolStep::Reopen { member } => self.can_reopen(*member),
            PoolStep::Remove { member } => self.can_remove(*member, state),
            PoolStep::Lend { member, to } => self.can_lend(*member, *to, state),
            PoolStep::Return { member } => self.can_return(*member, state),
        }
    }

    fn can_open(&self, pool: PoolId, spec: &PoolSpec) -> Result<Due, StepError> {
        if self.spec(pool) == Some(spec) {
            return Ok(Due::Already);
        }
        spec.check().map_err(MemberError::from)?;
        if self.find(&spec.name).is_some() {
            return Err(MemberError::NameTaken(spec.name.clone()).into());
        }
        if self.next_pool() != Some(pool) {
            return Err(StepError::Order(pool));
        }
        Ok(Due::Now)
    }

    fn can_add(&self, pool: PoolId, number: u64) -> Result<Due, StepError> {
        let entry = self.pools.get(super::pools::index(pool));
        let entry = entry.ok_or(MemberError::NoPool(pool))?;
        if number < entry.next {
            return Ok(Due::Already);
        }
        if entry.spec.growth == Growth::Enrolled {
            return Err(StepError::Enrolled(pool));
        }
        self.has_place(pool)?;
        Ok(Due::Now)
    }

    fn can_drain(&self, id: ResourceId, why: Leaving, state: &State) -> Result<Due, StepError> {
        let member = self.member_or(id)?;
        // Who is told to go for good is not called back as well.
        if member.leaving == Some(why) || member.leaving == Some(Leaving::Retired) {
            return Ok(Due::Already);
        }
        match why {
            Leaving::Reclaimed if member.user == member.home => Err(StepError::NotLent(id)),
            // A loan is the home's to end, whatever it leaves the borrower.
            Leaving::Reclaimed => Ok(Due::Now),
            Leaving::Surplus | Leaving::Retired => {
                self.can_spare(member.user, id, state)?;
                Ok(Due::Now)
            }
        }
    }

    fn can_reopen(&self, id: ResourceId) -> Result<Due, StepError> {
        let leaving = self.member_or(id)?.leaving;
        Ok(leaving.map_or(Due::Already, |_| Due::Now))
    }

    fn can_remove(&self, id: ResourceId, state: &State) -> Result<Due, StepError> {
        if self.member(id).is_none() {
            return Ok(Due::Already);
        }
        self.can_leave(id, state)?;
        match state.children(id).len() {
            0 => Ok(Due::Now),
            parts => Err(StepError::Parts { member: id, parts }),
        }
    }

    fn can_lend(&self, id: ResourceId, to: PoolId, state: &State) -> Result<Due, StepError> {
        let member = self.member_or(id)?;
        let (home, user) = (member.home, member.user);
        if user == to && to != home {
            return Ok(Due::Already);
        }
        is_free(id, state)?;
        if user != home {
            return Err(MemberError::Lent { member: id, user }.into());
        }
        let borrower = self.spec(to).ok_or(MemberError::NoPool(to))?;
        if to == home || !self.is_lender(home) || !borrower.borrows() {
            return Err(StepError::Lending { home, to });
        }
        if self.borrows_now(home) {
            return Err(StepError::Chain(home));
        }
        if self.lends_now(to) {
            return Err(StepError::Chain(to));
        }
        if !self.serves(id, state) {
            return Err(StepError::Closed(id));
        }
        let resource = state.resource(id);
        if !resource.is_some_and(|resource| borrower.accepts(resource)) {
            let (member, pool) = (id, to);
            return Err(MemberError::Misfit { member, pool }.into());
        }
        if self.core(home, state).contains(&id) {
            return Err(StepError::Core(id));
        }
        self.can_spare(home, id, state)?;
        self.has_place(to)?;
        Ok(Due::Now)
    }

    fn can_return(&self, id: ResourceId, state: &State) -> Result<Due, StepError> {
        let member = self.member_or(id)?;
        if member.user == member.home {
            return Ok(Due::Already);
        }
        is_free(id, state)?;
        Ok(Due::Now)
    }

    fn is_lender(&self, pool: PoolId) -> bool {
        self.spec(pool).is_some_and(PoolSpec::lends)
    }

    /// Whether a pool uses a member of another.
    pub(super) fn borrows_now(&self, pool: PoolId) -> bool {
        let mut used = self.used_by(pool).filter_map(|id| self.member(id));
        used.any(|member| member.home != pool)
    }

    /// Whether another pool uses a member of this one.
    pub(super) fn lends_now(&self, pool: PoolId) -> bool {
        let mut members = self.members.values();
        members.any(|member| member.home == pool && member.user != pool)
    }

    /// Notes that a step on a member was done.
    pub(super) fn settle(&mut self, step: &PoolStep) {
        match step {
            PoolStep::Drain { member, why } => {
                if let Some(member) = self.members.get_mut(member) {
                    member.leaving = Some(*why);
                }
            }
            PoolStep::Reopen { member } => self.stay(*member),
            PoolStep::Remove { member } => self.forget(*member),
            PoolStep::Lend { member, to } => self.seat(*member, *to),
            PoolStep::Return { member } => {
                let home = self.member(*member).map(|member| member.home);
                if let Some(home) = home {
                    self.seat(*member, home);
                }
                if self.member(*member).is_some_and(Member::is_reclaimed) {
                    self.stay(*member);
                }
            }
            // These need more than the step says.
            PoolStep::Open { .. } | PoolStep::Add { .. } => {}
        }
    }

    fn stay(&mut self, member: ResourceId) {
        if let Some(member) = self.members.get_mut(&member) {
            member.leaving = None;
        }
    }
}
