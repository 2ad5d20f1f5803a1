//! A ledger with pools over it, and a second counting of everything that pools promise.

use cloudlot_core::ledger::{Ledger, audit};
use cloudlot_core::{
    Request, RequestBuilder, Resource, ResourceBuilder, ResourceId, Timestamp, cores,
};
use cloudlot_policy::pool::{
    Counts, Demand, Factories, Lease, Miss, PoolId, PoolReport, PoolSpec, PoolStep, Pools, Sizing,
};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How long members are idle before they go, in seconds.
pub(crate) const IDLE: u64 = 60;
pub(crate) const IDLE_TIMEOUT: Duration = Duration::from_secs(IDLE);

pub(crate) fn at(seconds: u64) -> Timestamp {
    Timestamp::ZERO + Duration::from_secs(seconds)
}

pub(crate) const fn fixed(size: u32) -> Sizing {
    Sizing::Static { size }
}

/// At most this many, three quarters full.
pub(crate) const fn dynamic(min: u32, max: u32) -> Sizing {
    Sizing::Dynamic {
        min,
        max,
        target_utilisation: 750,
        idle_timeout: IDLE_TIMEOUT,
    }
}

pub(crate) const fn elastic(core: u32, max: u32) -> Sizing {
    Sizing::Elastic {
        core,
        max,
        idle_timeout: IDLE_TIMEOUT,
    }
}

/// A member: eight cores.
pub(crate) fn node(name: &str) -> ResourceBuilder {
    Resource::node(name).capacity([cores(8)])
}

pub(crate) fn spec(name: &str, sizing: Sizing) -> PoolSpec {
    PoolSpec::new(name, node("sample").build().unwrap(), sizing)
}

pub(crate) fn job(count: u64) -> RequestBuilder {
    Request::new("job").part([cores(count)])
}

pub(crate) struct World {
    pub(crate) ledger: Ledger,
    pub(crate) pools: Pools,
    pub(crate) factories: Factories,
}

impl World {
    pub(crate) fn new() -> Self {
        Self {
            ledger: Ledger::new(),
            pools: Pools::new(),
            factories: Factories::new().class("compute", |n| node(&format!("made-{n}"))),
        }
    }

    /// A world with this one pool, filled up to its least.
    pub(crate) fn with(sizing: Sizing) -> (Self, PoolId) {
        let mut world = Self::new();
        let pool = world.open(spec("pool", sizing));
        (world, pool)
    }

    pub(crate) fn open(&mut self, spec: PoolSpec) -> PoolId {
        let pool = self.pools.open(spec).unwrap();
        self.tick(&[], 0);
        pool
    }

    pub(crate) fn plan(&self, demands: &[(PoolId, Demand)], seconds: u64) -> Vec<PoolStep> {
        let demands: BTreeMap<PoolId, Demand> = demands.iter().cloned().collect();
        self.pools.plan(self.ledger.state(), &demands, at(seconds))
    }

    /// Plans and does it, and sees to it that nothing is left to do.
    pub(crate) fn tick(&mut self, demands: &[(PoolId, Demand)], seconds: u64) -> Vec<PoolStep> {
        self.pools.observe(&self.ledger);
        let steps = self.plan(demands, seconds);
        let report = self.carry_out(&steps, seconds);
        assert_eq!(report.failed, [], "every step of a fresh plan can be done");
        assert_eq!(report.already, [], "a plan does nothing twice");
        assert_eq!(self.plan(demands, seconds), [], "a plan leaves nothing");
        steps
    }

    pub(crate) fn carry_out(&mut self, steps: &[PoolStep], seconds: u64) -> PoolReport {
        let now = at(seconds);
        (self.pools).carry_out(&mut self.ledger, steps, &mut self.factories, now)
    }

    pub(crate) fn reserve(&mut self, request: &Request, seconds: u64) -> Result<Lease, Miss> {
        self.pools.reserve(&mut self.ledger, request, at(seconds))
    }

    pub(crate) fn reserve_in(
        &mut self,
        pool: PoolId,
        count: u64,
        seconds: u64,
    ) -> Result<Lease, Miss> {
        let request = job(count).build().unwrap();
        (self.pools).reserve_in(&mut self.ledger, pool, &request, at(seconds))
    }

    /// Takes whole members of a pool.
    pub(crate) fn fill(&mut self, pool: PoolId, members: usize, seconds: u64) -> Vec<Lease> {
        let lease = |_| self.reserve_in(pool, 8, seconds).unwrap();
        (0..members).map(lease).collect()
    }

    pub(crate) fn release(&mut self, lease: Lease, seconds: u64) {
        let (pool, id) = (lease.pool, lease.grant.id);
        (self.pools)
            .release(&mut self.ledger, pool, id, at(seconds))
            .unwrap();
    }

    pub(crate) fn counts(&self, pool: PoolId) -> Counts {
        self.pools.counts(pool, self.ledger.state())
    }

    pub(crate) fn owned(&self, pool: PoolId) -> u32 {
        self.counts(pool).owned
    }

    /// The names of the members that a pool uses.
    pub(crate) fn names(&self, pool: PoolId) -> Vec<&str> {
        let members = self.pools.used_by(pool);
        members.map(|id| self.name(id)).collect()
    }

    pub(crate) fn name(&self, id: ResourceId) -> &str {
        self.ledger.state().resource(id).unwrap().name()
    }

    pub(crate) fn find(&self, name: &str) -> ResourceId {
        self.ledger.state().find(name).unwrap()
    }

    /// The member that a lease sits on.
    pub(crate) fn place(&self, lease: Lease) -> ResourceId {
        let reservation = self.ledger.state().reservation(lease.grant.id).unwrap();
        reservation.holds().iter().next().unwrap().resource()
    }

    /// Counts again what pools promise whatever happens.
    pub(crate) fn check(&self) {
        let state = self.ledger.state();
        assert_eq!(audit(state), []);
        let mut seated = BTreeSet::new();
        for pool in self.pools.ids() {
            let counts = self.counts(pool);
            let most = self.pools.spec(pool).unwrap().sizing.most();
            assert!(counts.all() <= most, "{pool} has {counts:?} of {most}");
            assert!(
                counts.lent == 0 || counts.borrowed == 0,
                "no chains: {counts:?}"
            );
            for id in self.pools.used_by(pool) {
                assert!(seated.insert(id), "{id} has one user");
                assert_eq!(self.pools.member(id).unwrap().user, pool);
            }
            for id in self.pools.made_through(pool) {
                let reservation = state.reservation(id).unwrap();
                let on = reservation.holds().iter().next().unwrap().resource();
                let member = self.pools.member(on).unwrap();
                assert_eq!(member.user, pool, "a hold stays with its pool");
            }
        }
        let members: BTreeSet<_> = self.pools.members().map(|(id, _)| id).collect();
        assert_eq!(seated, members, "every member has a user");
        assert!(members.iter().all(|id| state.resource(*id).is_some()));
    }
}
