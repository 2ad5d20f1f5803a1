//! What each strategy does with the same demand, and what sets it apart from the others.

use crate::world::*;
use cloudlot_core::ledger::{Piece, Placement};
use cloudlot_core::{On, Request, Resource, ResourceState, cores, gpus};
use cloudlot_policy::pool::{
    Advice, Demand, Growth, Leaving, OnMiss, PoolStep, Sizing, SizingError, Standing,
};

/// How many members a pool has after six members' worth of demand, and after none for the idle timeout.
fn up_and_down(sizing: Sizing) -> (u32, u32, u32) {
    let (mut world, pool) = World::with(sizing);
    world.tick(&[(pool, Demand::used([cores(48)]))], 1);
    let up = world.owned(pool);
    world.tick(&[(pool, Demand::default())], IDLE);
    let soon = world.owned(pool);
    world.tick(&[(pool, Demand::default())], 1 + IDLE);
    world.check();
    (up, soon, world.owned(pool))
}

#[test]
fn the_same_demand_ends_differently_by_strategy() {
    assert_eq!(up_and_down(fixed(2)), (2, 2, 2));
    assert_eq!(up_and_down(dynamic(1, 10)), (8, 7, 1));
    assert_eq!(up_and_down(elastic(2, 10)), (6, 6, 2));
}

#[test]
fn a_static_pool_keeps_its_size_whatever_is_asked() {
    let (mut world, pool) = World::with(fixed(3));
    let demand = Demand::used([cores(24)]).and_missed([cores(80)]);
    assert_eq!(world.tick(&[(pool, demand)], 1), []);
    assert_eq!(world.tick(&[(pool, Demand::default())], 10 * IDLE), []);
    assert_eq!(world.owned(pool), 3);
}

#[test]
fn a_static_pool_that_misses_queues_or_refuses_as_it_was_told() {
    for (on_miss, advice) in [
        (OnMiss::Queue, Advice::Queue),
        (OnMiss::Refuse, Advice::Refuse),
    ] {
        let mut world = World::new();
        let pool = world.open(cloudlot_policy::pool::PoolSpec {
            on_miss,
            ..spec("pool", fixed(1))
        });
        world.reserve_in(pool, 5, 1).unwrap();
        let miss = world.reserve_in(pool, 5, 1).unwrap_err();
        assert_eq!((miss.advice, miss.help.as_slice()), (advice, &[][..]));
        let full = Standing::Full {
            serving: 1,
            short: [cores(2)].into(),
        };
        assert_eq!(miss.considered[0].standing, full);
        assert_eq!(
            miss.considered[0].to_string(),
            "pool-0: full: 1 members, at best short by cpu 2"
        );
    }
}

#[test]
fn a_dynamic_pool_that_misses_says_that_one_more_member_would_help_until_it_has_its_most() {
    let (mut world, pool) = World::with(dynamic(1, 2));
    world.fill(pool, 1, 1);
    let miss = world.reserve_in(pool, 8, 1).unwrap_err();
    let add = PoolStep::Add { pool, number: 1 };
    assert_eq!((miss.advice, miss.help.clone()), (Advice::Help, vec![add]));
    world.carry_out(&miss.help, 1);
    world.fill(pool, 1, 1);
    let miss = world.reserve_in(pool, 8, 1).unwrap_err();
    assert_eq!((miss.advice, miss.help), (Advice::Queue, vec![]));
}

#[test]
fn without_evidence_a_pool_is_filled_to_its_least_and_keeps_the_rest() {
    let (mut world, pool) = World::with(dynamic(1, 10));
    world.tick(&[(pool, Demand::used([cores(48)]))], 1);
    assert_eq!(world.tick(&[], 10 * IDLE), []);
    assert_eq!(world.owned(pool), 8);
}

#[test]
fn an_elastic_pool_fills_its_core_first_and_loses_burst_first() {
    let (mut world, pool) = World::with(elastic(2, 5));
    world.tick(&[(pool, Demand::used([cores(32)]))], 1);
    let leases = world.fill(pool, 4, 2);
    let order: Vec<&str> = leases
        .iter()
        .map(|lease| world.name(world.place(*lease)))
        .collect();
    assert_eq!(order[..2], ["made-0", "made-1"]);
    // The core has been idle for longer than the burst, and stays.
    for (lease, seconds) in leases.iter().zip([10, 11, 20, 21]) {
        world.release(*lease, seconds);
    }
    let demand = [(pool, Demand::default())];
    let third = world.find("made-2");
    let steps = world.tick(&demand, 20 + IDLE);
    assert_eq!(steps, [PoolStep::Remove { member: third }]);
    world.tick(&demand, 21 + IDLE);
    assert_eq!(world.names(pool), ["made-0", "made-1"]);
    assert_eq!(world.tick(&demand, 100 * IDLE), []);
}

#[test]
fn a_dynamic_pool_loses_whoever_was_idle_longest() {
    let (mut world, pool) = World::with(dynamic(2, 5));
    world.tick(&[(pool, Demand::used([cores(24)]))], 1);
    let leases = world.fill(pool, 4, 2);
    for (lease, seconds) in leases.iter().zip([10, 11, 20, 21]) {
        world.release(*lease, seconds);
    }
    world.tick(&[(pool, Demand::default())], 21 + IDLE);
    assert_eq!(world.names(pool), ["made-2", "made-3"]);
}

#[test]
fn if_one_of_the_core_fails_the_next_number_steps_in_and_one_more_is_made() {
    let (mut world, pool) = World::with(elastic(2, 4));
    world.tick(&[(pool, Demand::used([cores(24)]))], 1);
    let (first, third) = (world.find("made-0"), world.find("made-2"));
    (world.ledger)
        .set_state(first, ResourceState::Failed, at(2))
        .unwrap();
    let core = world.pools.core(pool, world.ledger.state());
    assert!(core.contains(&third) && !core.contains(&first));
    world.tick(&[(pool, Demand::used([cores(24)]))], 3);
    assert_eq!(world.names(pool), ["made-3", "made-1", "made-2"]);
    world.check();
}

#[test]
fn a_failed_member_with_holds_stays_and_counts_against_the_most() {
    let (mut world, pool) = World::with(fixed(2));
    let lease = world.fill(pool, 1, 1)[0];
    let failed = world.place(lease);
    (world.ledger)
        .set_state(failed, ResourceState::Failed, at(2))
        .unwrap();
    assert_eq!(world.tick(&[], 3), []);
    assert_eq!((world.counts(pool).serving, world.owned(pool)), (1, 2));
    world.release(lease, 4);
    assert_eq!(world.tick(&[], 5).len(), 2);
    assert_eq!((world.counts(pool).serving, world.owned(pool)), (2, 2));
}

#[test]
fn a_pool_that_is_made_smaller_drains_what_is_in_use_and_drops_what_is_not() {
    let (mut world, pool) = World::with(fixed(4));
    let leases = world.fill(pool, 3, 1);
    world.pools.resize(pool, fixed(1)).unwrap();
    let steps = world.tick(&[], 2);
    let drained = |step: &&PoolStep| {
        matches!(
            step,
            PoolStep::Drain {
                why: Leaving::Surplus,
                ..
            }
        )
    };
    assert_eq!((steps.len(), steps.iter().filter(drained).count()), (3, 2));
    // Nothing new goes there, and what is held stays.
    assert_eq!(world.ledger.state().reservation_count(), 3);
    assert_eq!(
        world.reserve_in(pool, 1, 2).unwrap_err().advice,
        Advice::Queue
    );
    // Larger again: one of them is kept rather than another made.
    world.pools.resize(pool, fixed(2)).unwrap();
    assert!(matches!(world.tick(&[], 3)[..], [PoolStep::Reopen { .. }]));
    for lease in leases {
        world.release(lease, 4);
    }
    assert!(matches!(world.tick(&[], 5)[..], [PoolStep::Remove { .. }]));
    assert_eq!((world.owned(pool), world.counts(pool).serving), (2, 2));
    world.check();
}

#[test]
fn a_pool_that_is_above_its_most_for_a_failed_member_keeps_those_that_serve() {
    let (mut world, pool) = World::with(dynamic(1, 3));
    let demand = [(pool, Demand::used([cores(18)]))];
    world.tick(&demand, 1);
    let lease = world.fill(pool, 3, 2)[0];
    let failed = world.place(lease);
    (world.ledger)
        .set_state(failed, ResourceState::Failed, at(3))
        .unwrap();
    world.pools.resize(pool, dynamic(1, 2)).unwrap();
    assert_eq!(world.tick(&demand, 4), []);
    assert_eq!((world.counts(pool).serving, world.owned(pool)), (2, 3));
}

#[test]
fn what_an_operator_closed_is_not_opened_by_a_pool() {
    let (mut world, pool) = World::with(fixed(2));
    let second = world.find("made-1");
    (world.ledger)
        .set_state(second, ResourceState::Draining, at(2))
        .unwrap();
    world.pools.resize(pool, fixed(1)).unwrap();
    world.carry_out(
        &[PoolStep::Drain {
            member: second,
            why: Leaving::Surplus,
        }],
        3,
    );
    world.carry_out(&[PoolStep::Reopen { member: second }], 4);
    assert!(!world.ledger.state().takes_new(second));
}

#[test]
fn clean_up_takes_a_pool_to_its_least_and_no_further() {
    for sizing in [dynamic(2, 5), elastic(2, 5)] {
        let (mut world, pool) = World::with(sizing);
        world.tick(&[(pool, Demand::used([cores(32)]))], 1);
        let lease = world.fill(pool, 1, 2)[0];
        let state = world.ledger.state();
        assert_eq!(world.pools.clean_up(pool, state, at(IDLE - 1)), []);
        let steps = world.pools.clean_up(pool, state, at(1 + IDLE));
        world.carry_out(&steps, 1 + IDLE);
        assert_eq!(world.owned(pool), 2);
        assert!(world.ledger.state().reservation(lease.grant.id).is_some());
        let state = world.ledger.state();
        assert_eq!(world.pools.clean_up(pool, state, at(100 * IDLE)), []);
    }
}

#[test]
fn a_member_that_was_used_between_two_looks_was_not_idle() {
    let (mut world, pool) = World::with(dynamic(0, 2));
    world.tick(&[(pool, Demand::used([cores(4)]))], 1);
    let member = world.find("made-0");
    // Past the pools, and over before they look again.
    let grant = (world.ledger)
        .reserve(&job(1).build().unwrap(), member, at(30))
        .unwrap();
    world.ledger.release(grant.id, at(31)).unwrap();
    let demand = [(pool, Demand::default())];
    // They have not looked: nothing counts as idle.
    assert_eq!(world.plan(&demand, 100 * IDLE), []);
    assert_eq!(world.tick(&demand, 31 + IDLE - 1), []);
    assert_eq!(world.tick(&demand, 31 + IDLE).len(), 1);
}

#[test]
fn a_use_of_a_part_is_a_use_of_the_member() {
    let (mut world, pool) = World::with(dynamic(0, 2));
    world.tick(&[(pool, Demand::used([cores(4)]))], 1);
    let part = Resource::node("half").parent("made-0").capacity([gpus(1)]);
    let part = world.ledger.add(part.build().unwrap(), at(2)).unwrap();
    world.pools.observe(&world.ledger);
    let request = Request::new("job").gang(1, 1, On::Children { of: 1 }, [gpus(1)]);
    let piece = Piece {
        part: 0,
        on: part,
        members: 1,
    };
    let placement = Placement::Pieces(vec![piece]);
    let grant = (world.ledger)
        .place(&request.build().unwrap(), &placement, at(30))
        .unwrap();
    world.ledger.release(grant.id, at(31)).unwrap();
    world.pools.observe(&world.ledger);
    world.ledger.remove(part, at(32)).unwrap();
    let demand = [(pool, Demand::default())];
    assert_eq!(world.tick(&demand, 31 + IDLE - 1), []);
    assert_eq!(world.tick(&demand, 31 + IDLE).len(), 1);
}

#[test]
fn the_next_timeout_says_when_to_plan_again() {
    let (mut world, pool) = World::with(dynamic(1, 3));
    world.tick(&[(pool, Demand::used([cores(12)]))], 10);
    let lease = world.fill(pool, 1, 20)[0];
    assert_eq!(world.pools.next_timeout(at(20)), Some(at(10 + IDLE)));
    // That member's time has come, and it is kept: it is no reason to look again.
    assert_eq!(world.pools.next_timeout(at(10 + IDLE)), None);
    world.release(lease, 30);
    assert_eq!(world.pools.next_timeout(at(10 + IDLE)), Some(at(30 + IDLE)));
    let (world, _) = World::with(fixed(2));
    assert_eq!(world.pools.next_timeout(at(0)), None);
}

#[test]
fn a_pool_without_an_upper_bound_does_what_it_should() {
    let (mut world, pool) = World::with(dynamic(0, u32::MAX));
    world.tick(&[(pool, Demand::used([cores(12)]))], 1);
    assert_eq!(world.owned(pool), 2);
    world.tick(&[(pool, Demand::default())], 1 + IDLE);
    assert_eq!(world.owned(pool), 0);
}

#[test]
fn a_pool_of_enrolled_members_asks_for_none() {
    let mut world = World::new();
    let pool = world.open(cloudlot_policy::pool::PoolSpec {
        growth: Growth::Enrolled,
        ..spec("pool", fixed(2))
    });
    assert_eq!(world.tick(&[], 1), []);
    let own = world
        .ledger
        .add(node("own").build().unwrap(), at(1))
        .unwrap();
    (world.pools)
        .enrol(pool, own, world.ledger.state(), at(1))
        .unwrap();
    world.fill(pool, 1, 2);
    assert_eq!(
        world.reserve_in(pool, 8, 2).unwrap_err().advice,
        Advice::Queue
    );
}

#[test]
fn a_pool_that_makes_no_sense_is_not_opened() {
    let mut world = World::new();
    let error = world.pools.open(spec("pool", fixed(0))).unwrap_err();
    assert_eq!(error, SizingError::Empty.into());
    world.open(spec("pool", fixed(1)));
    let error = world.pools.open(spec("pool", fixed(1))).unwrap_err();
    assert_eq!(error.to_string(), "there is a pool named `pool` already");
}
