//! Random life of pools against a naive model.

use crate::acts::{Act, act, pool};
use crate::naive::{Model, Seat};
use crate::world::*;
use cloudlot_core::ledger::Placement;
use cloudlot_core::{ResourceId, ResourceState, cores};
use cloudlot_policy::pool::{Advice, Demand, Lease, Leaving, PoolId, PoolStep};
use proptest::prelude::*;

impl Model {
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
            Act::Mend { .. } => self.set_state(member, ResourceState::Available),
            _ => unreachable!("no other act is on a member"),
        }
    }

    fn set_state(&mut self, member: ResourceId, state: ResourceState) {
        (self.world.ledger)
            .set_state(member, state, at(self.now))
            .unwrap();
        let seat = self.find(member);
        seat.open = state != ResourceState::Failed;
        seat.draining = false;
    }

    fn reserve_past(&mut self, member: usize, count: u64) {
        let Some(seat) = self.seat(member).cloned() else {
            return;
        };
        let request = job(count).build().unwrap();
        let on = Placement::on(seat.id);
        let answer = self.world.ledger.place(&request, &on, at(self.now));
        let room = seat.open && !seat.draining && self.free(&seat) >= count;
        assert_eq!(answer.is_ok(), room);
        if let Ok(grant) = answer {
            self.world.ledger.confirm(grant.id, at(self.now)).unwrap();
            self.foreign.push((grant.id, seat.id, count));
            self.use_it(seat.id);
        }
    }
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
