//! Random life of pools against a naive model: a list of members, rules written out one by one, and times kept by hand.

use crate::world::*;
use cloudlot_core::ledger::{Placement, audit};
use cloudlot_core::{ReservationId, ResourceId, ResourceState, cores};
use cloudlot_policy::pool::{
    Advice, Demand, Lease, Leaving, Lending, PoolId, PoolSpec, PoolStep, Sizing,
};
use proptest::prelude::*;
use std::collections::BTreeSet;

/// What somebody does. Numbers choose among what there is, round and round.
#[derive(Clone, Debug)]
enum Act {
    Reserve {
        pool: usize,
        cores: u64,
        obtain: bool,
    },
    ReserveAnywhere {
        cores: u64,
    },
    ReservePast {
        member: usize,
        cores: u64,
    },
    Release {
        lease: usize,
    },
    ReleaseThroughAnother {
        lease: usize,
    },
    ReleasePast {
        foreign: usize,
    },
    Tick {
        demands: [Option<(u64, u64)>; 3],
    },
    CleanUp {
        pool: usize,
    },
    Lend {
        member: usize,
        to: usize,
    },
    Return {
        member: usize,
    },
    Drain {
        member: usize,
        why: Leaving,
    },
    Reopen {
        member: usize,
    },
    Remove {
        member: usize,
    },
    Add {
        pool: usize,
    },
    Fail {
        member: usize,
    },
    Mend {
        member: usize,
    },
    Resize {
        pool: usize,
        sizing: Sizing,
    },
    Wait {
        seconds: u64,
    },
}

fn sizing() -> impl Strategy<Value = Sizing> {
    prop_oneof![
        1 => (1..4_u32).prop_map(fixed),
        3 => (0..3_u32, 1..5_u32).prop_map(|(min, more)| dynamic(min, min + more)),
        3 => (0..3_u32, 1..5_u32).prop_map(|(core, more)| elastic(core, core + more)),
    ]
}

fn act() -> impl Strategy<Value = Act> {
    let n = 0..40_usize;
    let why = prop_oneof![
        Just(Leaving::Surplus),
        Just(Leaving::Reclaimed),
        Just(Leaving::Retired)
    ];
    let demand =
        || prop::option::weighted(0.8, (0..48_u64, prop_oneof![3 => Just(0), 1 => 0..20_u64]));
    prop_oneof![
        8 => (0..3_usize, 1..9_u64, any::<bool>()).prop_map(|(pool, cores, obtain)| Act::Reserve { pool, cores, obtain }),
        2 => (1..9_u64).prop_map(|cores| Act::ReserveAnywhere { cores }),
        2 => (n.clone(), 1..5_u64).prop_map(|(member, cores)| Act::ReservePast { member, cores }),
        8 => n.clone().prop_map(|lease| Act::Release { lease }),
        1 => n.clone().prop_map(|lease| Act::ReleaseThroughAnother { lease }),
        2 => n.clone().prop_map(|foreign| Act::ReleasePast { foreign }),
        8 => [demand(), demand(), demand()].prop_map(|demands| Act::Tick { demands }),
        1 => (0..3_usize).prop_map(|pool| Act::CleanUp { pool }),
        4 => (n.clone(), 0..3_usize).prop_map(|(member, to)| Act::Lend { member, to }),
        2 => n.clone().prop_map(|member| Act::Return { member }),
        2 => (n.clone(), why).prop_map(|(member, why)| Act::Drain { member, why }),
        1 => n.clone().prop_map(|member| Act::Reopen { member }),
        2 => n.clone().prop_map(|member| Act::Remove { member }),
        1 => (0..3_usize).prop_map(|pool| Act::Add { pool }),
        1 => n.clone().prop_map(|member| Act::Fail { member }),
        1 => n.prop_map(|member| Act::Mend { member }),
        1 => (0..3_usize, sizing()).prop_map(|(pool, sizing)| Act::Resize { pool, sizing }),
        4 => (1..50_u64).prop_map(|seconds| Act::Wait { seconds }),
    ]
}

/// A member as the model sees it.
#[derive(Clone, Debug)]
struct Seat {
    id: ResourceId,
    home: usize,
    user: usize,
    number: u64,
    leaving: Option<Leaving>,
    open: bool,
    /// When it was last used, or joined.
    used: u64,
}

struct Pool {
    id: PoolId,
    sizing: Sizing,
    lending: Lending,
    next: u64,
}

struct Model {
    world: World,
    pools: Vec<Pool>,
    seats: Vec<Seat>,
    leases: Vec<(Lease, ResourceId, u64)>,
    foreign: Vec<(ReservationId, ResourceId, u64)>,
    now: u64,
}

impl Model {
    fn new(sizings: [(Sizing, Lending); 3]) -> Self {
        let mut world = World::new();
        let mut pools = Vec::new();
        for (n, (sizing, lending)) in sizings.into_iter().enumerate() {
            let spec = PoolSpec {
                lending,
                ..spec(&format!("p{n}"), sizing)
            };
            let id = world.pools.open(spec).unwrap();
            pools.push(Pool {
                id,
                sizing,
                lending,
                next: 0,
            });
        }
        Self {
            world,
            pools,
            seats: Vec::new(),
            leases: Vec::new(),
            foreign: Vec::new(),
            now: 0,
        }
    }

    fn seat(&self, n: usize) -> Option<&Seat> {
        self.seats.get(n % self.seats.len().max(1))
    }

    fn find(&mut self, id: ResourceId) -> &mut Seat {
        self.seats.iter_mut().find(|seat| seat.id == id).unwrap()
    }

    /// What is held on a member, by the model's own lists.
    fn held(&self, id: ResourceId) -> Vec<u64> {
        let leases = self.leases.iter().map(|(_, on, cores)| (on, cores));
        let foreign = self.foreign.iter().map(|(_, on, cores)| (on, cores));
        let both = leases.chain(foreign);
        both.filter(|(on, _)| **on == id)
            .map(|(_, cores)| *cores)
            .collect()
    }

    fn free(&self, seat: &Seat) -> u64 {
        8 - self.held(seat.id).iter().sum::<u64>()
    }

    fn serves(&self, seat: &Seat) -> bool {
        seat.open && seat.leaving.is_none()
    }

    fn serving(&self, pool: usize) -> u32 {
        self.count(|seat| seat.user == pool && self.serves(seat))
    }

    fn all(&self, pool: usize) -> u32 {
        self.count(|seat| seat.user == pool || seat.home == pool)
    }

    fn lent(&self, pool: usize) -> u32 {
        self.count(|seat| seat.home == pool && seat.user != pool)
    }

    fn borrowed(&self, pool: usize) -> u32 {
        self.count(|seat| seat.user == pool && seat.home != pool)
    }

    fn count(&self, which: impl Fn(&Seat) -> bool) -> u32 {
        u32::try_from(self.seats.iter().filter(|seat| which(seat)).count()).unwrap()
    }

    fn least(&self, pool: usize) -> u32 {
        match self.pools[pool].sizing {
            Sizing::Static { size } => size,
            Sizing::Dynamic { min, .. } => min,
            Sizing::Elastic { core, .. } => core,
        }
    }

    fn most(&self, pool: usize) -> u32 {
        match self.pools[pool].sizing {
            Sizing::Static { size } => size,
            Sizing::Dynamic { max, .. } | Sizing::Elastic { max, .. } => max,
        }
    }

    /// Whether so many members with lower numbers serve at home that this one is not of the core.
    fn is_core(&self, seat: &Seat) -> bool {
        let protected = match self.pools[seat.home].sizing {
            Sizing::Static { size } => size,
            Sizing::Dynamic { .. } => 0,
            Sizing::Elastic { core, .. } => core,
        };
        let before = self.count(|other| {
            let at_home = other.home == seat.home && other.user == seat.home;
            at_home && self.serves(other) && other.number < seat.number
        });
        seat.user == seat.home && self.serves(seat) && before < protected
    }

    fn can_spare(&self, pool: usize, seat: &Seat) -> bool {
        !self.serves(seat) || self.serving(pool) > self.least(pool)
    }

    /// Whether a step on a member is possible: `None` if it has been done.
    fn legal(&self, step: &PoolStep) -> Option<bool> {
        let seat = step
            .member()
            .map(|id| self.seats.iter().find(|seat| seat.id == id));
        match (step, seat) {
            (PoolStep::Remove { .. }, Some(None)) => None,
            (_, Some(None)) => Some(false),
            (PoolStep::Add { pool, number }, _) => {
                let pool = self.index(*pool);
                (*number >= self.pools[pool].next).then(|| self.all(pool) < self.most(pool))
            }
            (PoolStep::Reopen { .. }, Some(Some(seat))) => seat.leaving.map(|_| true),
            (PoolStep::Drain { why, .. }, Some(Some(seat))) => {
                let told = seat.leaving == Some(*why) || seat.leaving == Some(Leaving::Retired);
                (!told).then(|| match why {
                    Leaving::Reclaimed => seat.user != seat.home,
                    _ => self.can_spare(seat.user, seat),
                })
            }
            (PoolStep::Remove { .. }, Some(Some(seat))) => Some(
                self.held(seat.id).is_empty()
                    && seat.user == seat.home
                    && self.can_spare(seat.home, seat),
            ),
            (PoolStep::Return { .. }, Some(Some(seat))) => {
                (seat.user != seat.home).then(|| self.held(seat.id).is_empty())
            }
            (PoolStep::Lend { to, .. }, Some(Some(seat))) => {
                let to = self.index(*to);
                let done = seat.user == to && to != seat.home;
                (!done).then(|| self.can_lend(seat, to))
            }
            _ => unreachable!("no other step is tried"),
        }
    }

    fn can_lend(&self, seat: &Seat, to: usize) -> bool {
        self.may_lend(seat, to) && self.all(to) < self.most(to)
    }

    /// Whether a member could be lent to a pool if that had a place for it.
    fn may_lend(&self, seat: &Seat, to: usize) -> bool {
        let home = &self.pools[seat.home];
        let takes_part = |pool: &Pool| !matches!(pool.sizing, Sizing::Static { .. });
        let lends = matches!(home.lending, Lending::Lends | Lending::Both) && takes_part(home);
        let to_pool = &self.pools[to];
        let borrows =
            matches!(to_pool.lending, Lending::Borrows | Lending::Both) && takes_part(to_pool);
        self.held(seat.id).is_empty()
            && seat.user == seat.home
            && to != seat.home
            && lends
            && borrows
            && self.borrowed(seat.home) == 0
            && self.lent(to) == 0
            && self.serves(seat)
            && !self.is_core(seat)
            && self.serving(seat.home) > self.least(seat.home)
    }

    fn index(&self, pool: PoolId) -> usize {
        self.pools.iter().position(|one| one.id == pool).unwrap()
    }

    /// Notes what a step has done. Whether it was right is asked before.
    fn note(&mut self, step: &PoolStep, member: Option<ResourceId>) {
        match step {
            PoolStep::Add { pool, number } => {
                let (home, used, number) = (self.index(*pool), self.now, *number);
                self.pools[home].next = number + 1;
                self.seats.push(Seat {
                    id: member.unwrap(),
                    home,
                    user: home,
                    number,
                    leaving: None,
                    open: true,
                    used,
                });
            }
            PoolStep::Remove { member } => self.seats.retain(|seat| seat.id != *member),
            PoolStep::Drain { member, why } => self.find(*member).leaving = Some(*why),
            PoolStep::Reopen { member } => self.find(*member).leaving = None,
            PoolStep::Lend { member, to } => {
                let to = self.index(*to);
                self.find(*member).user = to;
            }
            PoolStep::Return { member } => {
                let seat = self.find(*member);
                seat.user = seat.home;
                seat.leaving = seat.leaving.filter(|why| *why != Leaving::Reclaimed);
            }
            PoolStep::Open { .. } => unreachable!("there are no defaults"),
        }
    }

    /// Does one step and compares the answer with the model's.
    fn try_one(&mut self, step: PoolStep) {
        let expected = self.legal(&step);
        let report = self.world.carry_out(std::slice::from_ref(&step), self.now);
        let got = match (report.done.len(), report.already.len(), report.failed.len()) {
            (1, 0, 0) => Some(true),
            (0, 0, 1) => Some(false),
            (0, 1, 0) => None,
            _ => unreachable!("one step has one answer"),
        };
        assert_eq!(got, expected, "{step:?}: {:?}", report.failed);
        if got == Some(true) {
            self.note(&step, report.done[0].member);
        }
    }

    /// Does all the steps of a plan, which are all legal one after the other.
    fn do_all(&mut self, steps: &[PoolStep]) {
        for step in steps {
            assert_eq!(self.legal(step), Some(true), "{step:?}");
            let report = self.world.carry_out(std::slice::from_ref(step), self.now);
            assert_eq!(report.failed, []);
            self.note(step, report.done[0].member);
        }
    }

    fn reserve(&mut self, asked: Option<usize>, count: u64, obtain: bool) {
        let request = job(count).build().unwrap();
        let answer = match asked {
            Some(pool) => {
                let pool = self.pools[pool].id;
                self.world.reserve_in(pool, count, self.now)
            }
            None => self.world.reserve(&request, self.now),
        };
        let pools: Vec<usize> = asked.map_or_else(|| vec![0, 1, 2], |pool| vec![pool]);
        let room = |model: &Self| {
            model.seats.iter().any(|seat| {
                pools.contains(&seat.user) && model.serves(seat) && model.free(seat) >= count
            })
        };
        match answer {
            Ok(lease) => {
                assert!(room(self));
                self.took(lease, count);
            }
            Err(miss) => {
                assert!(!room(self), "there is room, and it was not found");
                let helps = pools.iter().any(|pool| self.could_help(*pool));
                assert_eq!(miss.advice == Advice::Help, helps, "{miss:?}");
                assert_eq!(miss.help.is_empty(), !helps);
                if obtain && helps {
                    self.do_all(&miss.help);
                    let again = match asked {
                        Some(pool) => self.world.reserve_in(self.pools[pool].id, count, self.now),
                        None => self.world.reserve(&request, self.now),
                    };
                    self.took(again.expect("help helps"), count);
                }
            }
        }
    }

    /// Whether one step could give a pool an empty member.
    fn could_help(&self, pool: usize) -> bool {
        let returns = |seat: &Seat| {
            seat.home == pool
                && seat.user != pool
                && self.held(seat.id).is_empty()
                && seat.open
                && seat.leaving.is_none_or(|why| why == Leaving::Reclaimed)
        };
        self.all(pool) < self.most(pool)
            || self
                .seats
                .iter()
                .any(|seat| returns(seat) || self.can_lend(seat, pool))
    }

    fn took(&mut self, lease: Lease, count: u64) {
        let on = self.world.place(lease);
        let pool = self.index(lease.pool);
        let seat = self.find(on).clone();
        assert!(self.serves(&seat) && self.free(&seat) >= count);
        assert_eq!(seat.user, pool, "a pool reserves on what it uses");
        self.use_it(on);
        (self.world.ledger)
            .confirm(lease.grant.id, at(self.now))
            .unwrap();
        self.leases.push((lease, on, count));
    }

    fn use_it(&mut self, on: ResourceId) {
        let now = self.now;
        self.find(on).used = now;
    }

    fn tick(&mut self, demands: &[Option<(u64, u64)>; 3]) {
        let demands: Vec<(PoolId, Demand)> = (self.pools.iter().zip(demands))
            .filter_map(|(pool, demand)| {
                let (used, missed) = (*demand)?;
                let demand = Demand::used([cores(used)]).and_missed([cores(missed)]);
                Some((pool.id, demand))
            })
            .collect();
        self.world.pools.observe(&self.world.ledger);
        let steps = self.world.plan(&demands, self.now);
        let before = [0, 1, 2].map(|pool| (self.serving(pool), self.borrowed(pool)));
        for step in &steps {
            self.is_due(step);
        }
        self.do_all(&steps);
        self.world.pools.observe(&self.world.ledger);
        assert_eq!(self.world.plan(&demands, self.now), [], "after {steps:?}");
        for (pool, before) in before.into_iter().enumerate() {
            let target = self.target(pool, &demands);
            self.is_on_target(pool, before, target);
            self.has_no_surplus(pool, target);
        }
        let made = steps.iter().filter_map(|step| match step {
            PoolStep::Add { pool, .. } => Some(self.index(*pool)),
            _ => None,
        });
        for pool in made {
            let spare = |seat: &Seat| {
                let target = self.target(seat.home, &demands);
                let more = target.is_some_and(|target| self.serving(seat.home) > target);
                more && self.may_lend(seat, pool)
            };
            assert!(
                !self.seats.iter().any(spare),
                "borrowed before made: {steps:?}"
            );
        }
    }

    fn target(&self, pool: usize, demands: &[(PoolId, Demand)]) -> Option<u32> {
        let demand = demands.iter().find(|(id, _)| *id == self.pools[pool].id);
        let busy = self.count(|seat| seat.user == pool && !self.held(seat.id).is_empty());
        let sizing = self.pools[pool].sizing;
        demand.map(|(_, demand)| sizing.target(demand, &[cores(8)].into(), busy))
    }

    /// What is too much is in use, of the core, or not yet idle for long enough.
    fn has_no_surplus(&self, pool: usize, target: Option<u32>) {
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
    fn is_due(&self, step: &PoolStep) {
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

    fn is_on_target(&self, pool: usize, before: (u32, u32), target: Option<u32>) {
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

    fn act(&mut self, act: &Act) {
        match *act {
            Act::Reserve {
                pool,
                cores,
                obtain,
            } => self.reserve(Some(pool), cores, obtain),
            Act::ReserveAnywhere { cores } => self.reserve(None, cores, false),
            Act::ReservePast { member, cores } => self.reserve_past(member, cores),
            Act::Release { lease } if !self.leases.is_empty() => {
                let (lease, on, _) = self.leases.remove(lease % self.leases.len());
                self.world.release(lease, self.now);
                self.use_it(on);
            }
            Act::ReleaseThroughAnother { lease } if !self.leases.is_empty() => {
                let (lease, ..) = self.leases[lease % self.leases.len()];
                let other = self.pools[(self.index(lease.pool) + 1) % 3].id;
                let world = &mut self.world;
                let id = lease.grant.id;
                let answer = world
                    .pools
                    .release(&mut world.ledger, other, id, at(self.now));
                answer.unwrap_err();
            }
            Act::ReleasePast { foreign } if !self.foreign.is_empty() => {
                let (id, on, _) = self.foreign.remove(foreign % self.foreign.len());
                let seat = self.find(on).user;
                let pool = self.pools[seat].id;
                let world = &mut self.world;
                let answer = world
                    .pools
                    .release(&mut world.ledger, pool, id, at(self.now));
                answer.unwrap_err();
                world.ledger.release(id, at(self.now)).unwrap();
                // So that the pools know the moment as well as the model does.
                world.pools.observe(&world.ledger);
                self.use_it(on);
            }
            Act::Tick { ref demands } => self.tick(demands),
            Act::CleanUp { pool } => {
                self.world.pools.observe(&self.world.ledger);
                let id = self.pools[pool].id;
                let state = self.world.ledger.state();
                let steps = self.world.pools.clean_up(id, state, at(self.now));
                for step in &steps {
                    self.is_due(step);
                }
                self.do_all(&steps);
            }
            Act::Add { pool } => {
                let pool = &self.pools[pool];
                let (pool, number) = (pool.id, pool.next);
                self.try_one(PoolStep::Add { pool, number });
            }
            Act::Resize { pool, sizing } => {
                // Another size where it does not break what is lent already.
                if self.lent(pool) + self.borrowed(pool) == 0 {
                    self.pools[pool].sizing = sizing;
                    let id = self.pools[pool].id;
                    self.world.pools.resize(id, sizing).unwrap();
                }
            }
            Act::Wait { seconds } => self.now += seconds,
            Act::Lend { member, .. }
            | Act::Return { member }
            | Act::Drain { member, .. }
            | Act::Reopen { member }
            | Act::Remove { member }
            | Act::Fail { member }
            | Act::Mend { member } => {
                if let Some(member) = self.seat(member).map(|seat| seat.id) {
                    self.act_on(act, member);
                }
            }
            Act::Release { .. } | Act::ReleaseThroughAnother { .. } | Act::ReleasePast { .. } => {}
        }
    }

    fn act_on(&mut self, act: &Act, member: ResourceId) {
        match *act {
            Act::Lend { to, .. } => {
                let to = self.pools[to].id;
                self.try_one(PoolStep::Lend { member, to });
            }
            Act::Return { .. } => self.try_one(PoolStep::Return { member }),
            Act::Drain { why, .. } => self.try_one(PoolStep::Drain { member, why }),
            Act::Reopen { .. } => self.try_one(PoolStep::Reopen { member }),
            Act::Remove { .. } => self.try_one(PoolStep::Remove { member }),
            Act::Fail { .. } => self.set_state(member, ResourceState::Failed),
            Act::Mend { .. } => {
                let draining = self.find(member).leaving.is_some();
                let state = match draining {
                    true => ResourceState::Draining,
                    false => ResourceState::Available,
                };
                self.set_state(member, state);
            }
            _ => unreachable!("no other act is on a member"),
        }
    }

    fn set_state(&mut self, member: ResourceId, state: ResourceState) {
        (self.world.ledger)
            .set_state(member, state, at(self.now))
            .unwrap();
        self.find(member).open = state != ResourceState::Failed;
    }

    fn reserve_past(&mut self, member: usize, count: u64) {
        let Some(seat) = self.seat(member).cloned() else {
            return;
        };
        let request = job(count).build().unwrap();
        let on = Placement::on(seat.id);
        let answer = self.world.ledger.place(&request, &on, at(self.now));
        let room = self.serves(&seat) && self.free(&seat) >= count;
        assert_eq!(answer.is_ok(), room);
        if let Ok(grant) = answer {
            self.world.ledger.confirm(grant.id, at(self.now)).unwrap();
            self.foreign.push((grant.id, seat.id, count));
            self.use_it(seat.id);
        }
    }

    /// The pools know what the model knows, and no hold was lost.
    fn compare(&self) {
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

fn pool() -> impl Strategy<Value = (Sizing, Lending)> {
    let lending = prop_oneof![
        4 => Just(Lending::Both),
        1 => Just(Lending::Lends),
        1 => Just(Lending::Borrows),
        1 => Just(Lending::Off),
    ];
    (sizing(), lending)
}

proptest! {
    #[test]
    fn pools_do_what_a_naive_model_does(
        pools in [pool(), pool(), pool()],
        acts in prop::collection::vec(act(), 1..60),
    ) {
        let mut model = Model::new(pools);
        model.tick(&[None; 3]);
        for act in &acts {
            model.act(act);
            model.compare();
        }
    }
}
