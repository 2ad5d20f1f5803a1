//! Carrying steps out on a ledger, and reserving and releasing through pools. Here, and only here, anything is done.

use super::member::has_state;
use super::miss::{Miss, Standing};
use super::pools::{Pool, PoolId, Pools};
use super::select::Piece;
use super::spec::{Factories, PoolSpec};
use super::step::{Due, PoolStep, StepError};
use cloudlot_core::ledger::{AdminError, Grant, Ledger, Why};
use cloudlot_core::{Faults, Request, ReservationId, ResourceId, ResourceState, Timestamp};

/// What became of steps, each in its turn.
#[derive(Debug, Default)]
pub struct PoolReport {
    /// Those that were done.
    pub done: Vec<Done>,
    /// Those that had been done before.
    pub already: Vec<PoolStep>,
    /// Those that were not possible, and why. The others were done all the same.
    pub failed: Vec<(PoolStep, DoError)>,
    /// Members that somebody else had removed from the ledger.
    pub vanished: Vec<ResourceId>,
}

/// A step that was done.
#[derive(Clone, PartialEq, Debug)]
pub struct Done {
    /// The step.
    pub step: PoolStep,
    /// The member that it was done to, or that it made.
    pub member: Option<ResourceId>,
}

/// Why a step was not done.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum DoError {
    /// It is not possible.
    #[error(transparent)]
    Step(#[from] StepError),
    /// Nobody makes members for this pool.
    #[error("there is no factory for {0}")]
    NoFactory(PoolId),
    /// What the factory made is wrong in itself.
    #[error("the factory's description is wrong")]
    Faulty(#[source] Faults),
    /// What the factory made is not what the pool counts with.
    #[error("the factory of {0} makes something else than its members")]
    Misfit(PoolId),
    /// The ledger does not do it.
    #[error(transparent)]
    Ledger(#[from] AdminError),
}

/// A reservation that was made through a pool.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Lease {
    /// Through which pool; it is given back through the same.
    pub pool: PoolId,
    /// What the ledger granted.
    pub grant: Grant,
}

/// Why a reservation is not given back.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum ReleaseError {
    /// It was made through another pool, through none, or has ended.
    #[error("{id} was not made through {pool}, or has ended")]
    NotThrough {
        /// Which.
        id: ReservationId,
        /// Through which it was to be given back.
        pool: PoolId,
    },
    /// The ledger does not do it.
    #[error(transparent)]
    Ledger(#[from] Why),
}

impl Pools {
    /// Does the steps in their order. One that is not possible does not keep the others from being done.
    ///
    /// Each is checked against the ledger as it is now: a plan that is out of date fails in part and does no harm.
    pub fn carry_out(
        &mut self,
        ledger: &mut Ledger,
        steps: &[PoolStep],
        factories: &mut Factories,
        now: Timestamp,
    ) -> PoolReport {
        ledger.expire(now);
        let mut report = PoolReport {
            vanished: self.observe(ledger),
            ..PoolReport::default()
        };
        for step in steps {
            match self.check(step, ledger.state()) {
                Ok(Due::Already) => report.already.push(step.clone()),
                Ok(Due::Now) => match self.carry_out_one(ledger, step, factories, now) {
                    Ok(member) => report.done.push(Done {
                        step: step.clone(),
                        member,
                    }),
                    Err(why) => report.failed.push((step.clone(), why)),
                },
                Err(why) => report.failed.push((step.clone(), why.into())),
            }
        }
        self.observe(ledger);
        report
    }

    fn carry_out_one(
        &mut self,
        ledger: &mut Ledger,
        step: &PoolStep,
        factories: &mut Factories,
        now: Timestamp,
    ) -> Result<Option<ResourceId>, DoError> {
        match step {
            PoolStep::Open { spec, .. } => {
                let spec = PoolSpec::clone(spec);
                self.pools.push(Pool { spec, next: 0 });
            }
            PoolStep::Add { pool, number } => {
                return self.make(ledger, *pool, *number, factories, now).map(Some);
            }
            PoolStep::Remove { member } => ledger.remove(*member, now)?,
            PoolStep::Drain { member, .. } => self.close(ledger, *member, now)?,
            PoolStep::Reopen { .. } | PoolStep::Lend { .. } | PoolStep::Return { .. } => {}
        }
        self.settle(step);
        if let Some(member) = step.member() {
            self.set_back(ledger, member, now)?;
        }
        Ok(step.member())
    }

    fn make(
        &mut self,
        ledger: &mut Ledger,
        pool: PoolId,
        number: u64,
        factories: &mut Factories,
        now: Timestamp,
    ) -> Result<ResourceId, DoError> {
        let entry = &mut self.pools[super::pools::index(pool)];
        let made = factories.make(pool, entry.spec.class(), number);
        let made = made.ok_or(DoError::NoFactory(pool))?;
        // A number that comes to no member is not tried again: the next one may do better.
        entry.next = number.saturating_add(1);
        let resource = made.build().map_err(DoError::Faulty)?;
        if !entry.spec.accepts(&resource) {
            return Err(DoError::Misfit(pool));
        }
        let id = ledger.add(resource, now)?;
        self.join(pool, id, number, ledger.state(), now);
        Ok(id)
    }

    /// Lets a member take nothing new.
    fn close(
        &mut self,
        ledger: &mut Ledger,
        id: ResourceId,
        now: Timestamp,
    ) -> Result<(), AdminError> {
        if has_state(id, ledger.state(), ResourceState::Available) {
            ledger.set_state(id, ResourceState::Draining, now)?;
            if let Some(member) = self.members.get_mut(&id) {
                member.closed = true;
            }
        }
        Ok(())
    }

    /// Opens a member that the pool itself had closed and that leaves no more. What an operator said in the meantime
    /// stays.
    fn set_back(
        &mut self,
        ledger: &mut Ledger,
        id: ResourceId,
        now: Timestamp,
    ) -> Result<(), AdminError> {
        let Some(member) = self.members.get_mut(&id) else {
            return Ok(());
        };
        if member.closed && member.leaving.is_none() {
            member.closed = false;
            if has_state(id, ledger.state(), ResourceState::Draining) {
                ledger.set_state(id, ResourceState::Available, now)?;
            }
        }
        Ok(())
    }

    /// Reserves what a request of one piece asks for, in the pool that suits it best: see [`Pools::find_room`]. Where
    /// the ledger refuses what seemed to have room, the next member is asked, and then the next pool.
    ///
    /// A request that comes again under its key gets the lease that it got, as long as that lives.
    ///
    /// # Errors
    /// [`Miss`]: whether to wait, and what would help.
    pub fn reserve(
        &mut self,
        ledger: &mut Ledger,
        request: &Request,
        now: Timestamp,
    ) -> Result<Lease, Miss> {
        self.reserve_among(ledger, request, None, now)
    }

    /// As [`Pools::reserve`], in one pool only.
    ///
    /// # Errors
    /// [`Miss`].
    pub fn reserve_in(
        &mut self,
        ledger: &mut Ledger,
        pool: PoolId,
        request: &Request,
        now: Timestamp,
    ) -> Result<Lease, Miss> {
        self.reserve_among(ledger, request, Some(pool), now)
    }

    /// As [`Pools::reserve`]; and if that misses and steps would help, does them and tries once more.
    ///
    /// So a default pool is opened when it is first needed. The report says what was done.
    pub fn obtain(
        &mut self,
        ledger: &mut Ledger,
        request: &Request,
        factories: &mut Factories,
        now: Timestamp,
    ) -> (Result<Lease, Miss>, PoolReport) {
        match self.reserve(ledger, request, now) {
            Err(miss) if !miss.help.is_empty() => {
                let report = self.carry_out(ledger, &miss.help, factories, now);
                (self.reserve(ledger, request, now), report)
            }
            answer => (answer, PoolReport::default()),
        }
    }

    fn reserve_among(
        &mut self,
        ledger: &mut Ledger,
        request: &Request,
        only: Option<PoolId>,
        now: Timestamp,
    ) -> Result<Lease, Miss> {
        ledger.expire(now);
        self.observe(ledger);
        if let Some(answer) = self.repeated(ledger, request, only, now) {
            return answer;
        }
        let mut considered = match self.find_among(request, ledger.state(), only) {
            Ok(choice) => choice.considered,
            Err(miss) => return Err(miss),
        };
        let piece = Piece::of(request).expect("what found room has one piece");
        for one in &mut considered {
            if !matches!(one.standing, Standing::Room { .. }) {
                continue;
            }
            match self.reserve_one(ledger, request, &piece, one.pool, now) {
                Ok(lease) => return Ok(lease),
                Err(Some(why)) => one.standing = Standing::Refused(why),
                Err(None) => {}
            }
        }
        Err(self.miss(&piece, ledger.state(), considered, only.is_none()))
    }

    /// Asks the members of a pool, one after the other; the first one's reason if all refuse.
    fn reserve_one(
        &mut self,
        ledger: &mut Ledger,
        request: &Request,
        piece: &Piece<'_>,
        pool: PoolId,
        now: Timestamp,
    ) -> Result<Lease, Option<Why>> {
        let mut first = None;
        for member in self.candidates(pool, piece, ledger.state()) {
            match ledger.reserve(request, member, now) {
                Ok(grant) => {
                    self.leases.insert(grant.id, pool);
                    self.observe(ledger);
                    return Ok(Lease { pool, grant });
                }
                Err(why) => _ = first.get_or_insert(why),
            }
        }
        Err(first)
    }

    /// The answer to a request whose key the ledger knows.
    fn repeated(
        &self,
        ledger: &mut Ledger,
        request: &Request,
        only: Option<PoolId>,
        now: Timestamp,
    ) -> Option<Result<Lease, Miss>> {
        request.key()?;
        // A resource that cannot be there: the ledger looks at the key first, and grants nothing else.
        let nowhere = ResourceId::new(u32::MAX, u32::MAX);
        match ledger.reserve(request, nowhere, now) {
            Ok(grant) => match self.leases.get(&grant.id) {
                Some(pool) if only.is_none_or(|only| only == *pool) => {
                    Some(Ok(Lease { pool: *pool, grant }))
                }
                // It was granted elsewhere, or has ended: it is not this pool's to hand out.
                _ => Some(Err(Miss::never(Some(Box::new(Why::Gone(grant.id)))))),
            },
            Err(why @ Why::KeyReused(_)) => Some(Err(Miss::never(Some(Box::new(why))))),
            Err(_) => None,
        }
    }

    /// Gives back a reservation that was made through this pool, and no other.
    ///
    /// # Errors
    /// [`ReleaseError::NotThrough`]; nothing is changed then, but what had ended by `now`.
    pub fn release(
        &mut self,
        ledger: &mut Ledger,
        pool: PoolId,
        id: ReservationId,
        now: Timestamp,
    ) -> Result<(), ReleaseError> {
        ledger.expire(now);
        self.observe(ledger);
        if self.leases.get(&id) != Some(&pool) {
            return Err(ReleaseError::NotThrough { id, pool });
        }
        ledger.release(id, now)?;
        self.observe(ledger);
        Ok(())
    }
}
