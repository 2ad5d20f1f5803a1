//! Who may join, leave and give back. The original let a pool free what was reserved elsewhere, and removed members that
//! were in use.

use crate::world::*;
use cloudlot_core::{RequestKey, Resource, cores, gib, gpus};
use cloudlot_policy::pool::{
    Demand, DoError, Factories, Leaving, MemberError, PoolSpec, PoolStep, ReleaseError, StepError,
};

#[test]
fn what_was_reserved_past_the_pool_is_not_released_through_it() {
    let (mut world, pool) = World::with(fixed(1));
    let member = world.find("made-0");
    let own = world.reserve_in(pool, 2, 1).unwrap();
    let foreign = (world.ledger)
        .reserve(&job(2).build().unwrap(), member, at(1))
        .unwrap();
    let before = world.ledger.state().revision();
    let answer = world
        .pools
        .release(&mut world.ledger, pool, foreign.id, at(2));
    let id = foreign.id;
    assert_eq!(answer, Err(ReleaseError::NotThrough { id, pool }));
    assert_eq!(world.ledger.state().revision(), before);
    world.release(own, 3);
    assert!(world.ledger.state().reservation(foreign.id).is_some());
    world.check();
}

#[test]
fn what_was_reserved_through_another_pool_is_not_released_through_this_one() {
    let (mut world, pool) = World::with(fixed(1));
    let other = world.open(spec("other", fixed(1)));
    let lease = world.reserve_in(pool, 2, 1).unwrap();
    let id = lease.grant.id;
    let answer = world.pools.release(&mut world.ledger, other, id, at(2));
    assert_eq!(answer, Err(ReleaseError::NotThrough { id, pool: other }));
    world.release(lease, 3);
    let again = world.pools.release(&mut world.ledger, pool, id, at(4));
    assert_eq!(again, Err(ReleaseError::NotThrough { id, pool }));
}

#[test]
fn what_has_expired_is_no_longer_the_pools() {
    let (mut world, pool) = World::with(fixed(1));
    let lease = world.reserve_in(pool, 2, 1).unwrap();
    assert_eq!(world.pools.made_through(pool).count(), 1);
    let id = lease.grant.id;
    let answer = world
        .pools
        .release(&mut world.ledger, pool, id, lease.grant.until);
    assert_eq!(answer, Err(ReleaseError::NotThrough { id, pool }));
    assert_eq!(world.pools.made_through(pool).count(), 0);
}

#[test]
fn a_member_on_which_anybody_holds_anything_is_not_removed() {
    let (mut world, pool) = World::with(dynamic(0, 2));
    world.tick(&[(pool, Demand::used([cores(4)]))], 1);
    let member = world.find("made-0");
    let foreign = (world.ledger)
        .reserve(&job(1).build().unwrap(), member, at(2))
        .unwrap();
    world.ledger.confirm(foreign.id, at(3)).unwrap();
    let in_use = MemberError::InUse { member, holds: 1 };
    assert_eq!(
        world.pools.withdraw(member, world.ledger.state()),
        Err(in_use.clone())
    );
    let report = world.carry_out(&[PoolStep::Remove { member }], 4);
    assert_eq!(report.failed[0].1, StepError::from(in_use).into());
    assert_eq!(world.tick(&[(pool, Demand::default())], 100 * IDLE), []);
    assert!(world.ledger.state().reservation(foreign.id).is_some());
    world.check();
}

#[test]
fn a_member_whose_parts_are_held_is_not_removed() {
    let (mut world, pool) = World::with(dynamic(0, 2));
    world.tick(&[(pool, Demand::used([cores(4)]))], 1);
    let member = world.find("made-0");
    let part = Resource::node("gpu").parent("made-0").capacity([gpus(1)]);
    (world.ledger).add(part.build().unwrap(), at(2)).unwrap();
    // The part has to go first, even if nothing is held on it.
    assert_eq!(world.tick(&[(pool, Demand::default())], 100 * IDLE), []);
    let report = world.carry_out(&[PoolStep::Remove { member }], 100 * IDLE);
    assert_eq!(
        report.failed[0].1,
        StepError::Parts { member, parts: 1 }.into()
    );
}

#[test]
fn a_stale_plan_fails_in_part_and_does_no_harm() {
    let (mut world, pool) = World::with(dynamic(0, 4));
    world.tick(&[(pool, Demand::used([cores(12)]))], 1);
    let steps = world.plan(&[(pool, Demand::default())], 100 * IDLE);
    assert_eq!(steps.len(), 2);
    let lease = world.reserve_in(pool, 1, 100 * IDLE).unwrap();
    let report = world.carry_out(&steps, 100 * IDLE);
    assert_eq!((report.done.len(), report.failed.len()), (1, 1));
    assert_eq!(world.names(pool), [world.name(world.place(lease))]);
    world.check();
}

#[test]
fn to_do_a_step_twice_is_harmless() {
    let (mut world, pool) = World::with(elastic(1, 4));
    let lender = world.open(spec("lender", dynamic(1, 4)));
    world.tick(
        &[
            (pool, Demand::used([cores(8)])),
            (lender, Demand::used([cores(18)])),
        ],
        1,
    );
    let (first, last) = (world.find("made-0"), world.find("made-3"));
    let steps = [
        PoolStep::Add { pool, number: 1 },
        PoolStep::Lend {
            member: last,
            to: pool,
        },
        PoolStep::Drain {
            member: last,
            why: Leaving::Reclaimed,
        },
        PoolStep::Return { member: last },
        PoolStep::Drain {
            member: last,
            why: Leaving::Retired,
        },
        PoolStep::Remove { member: last },
    ];
    for step in steps {
        let done = world.carry_out(std::slice::from_ref(&step), 2);
        assert_eq!((done.done.len(), &done.failed), (1, &vec![]), "{step:?}");
        let before = (
            world.ledger.state().revision(),
            format!("{:?}", world.pools),
        );
        let again = world.carry_out(std::slice::from_ref(&step), 2);
        assert!(again.done.is_empty() && again.failed.is_empty(), "{step:?}");
        let after = (
            world.ledger.state().revision(),
            format!("{:?}", world.pools),
        );
        assert_eq!(before, after);
        world.check();
    }
    assert!(world.pools.member(first).is_some());
}

#[test]
fn who_does_not_fit_does_not_join() {
    let mut world = World::new();
    let pool = world.open(PoolSpec {
        growth: cloudlot_policy::pool::Growth::Enrolled,
        ..spec("pool", fixed(1))
    });
    let mut add = |resource: cloudlot_core::ResourceBuilder| {
        (world.ledger)
            .add(resource.build().unwrap(), at(0))
            .unwrap()
    };
    let (good, more) = (
        add(node("good").capacity([cores(9), gib(1)])),
        add(node("more")),
    );
    let (small, other) = (
        add(node("small").capacity([cores(7)])),
        add(node("other").class("gpu")),
    );
    let mut enrol = |member| {
        let state = world.ledger.state();
        world.pools.enrol(pool, member, state, at(1))
    };
    for member in [small, other] {
        assert_eq!(enrol(member), Err(MemberError::Misfit { member, pool }));
    }
    assert_eq!(enrol(good), Ok(()));
    let (member, home) = (good, pool);
    assert_eq!(enrol(good), Err(MemberError::Elsewhere { member, home }));
    assert_eq!(enrol(more), Err(MemberError::Full { pool, most: 1 }));
    let state = world.ledger.state();
    let too_few = MemberError::TooFew { pool, least: 1 };
    assert_eq!(world.pools.withdraw(good, state), Err(too_few));
    world.pools.resize(pool, dynamic(0, 1)).unwrap();
    world.pools.withdraw(good, state).unwrap();
    assert!(state.resource(good).is_some());
    world.check();
}

#[test]
fn a_member_that_somebody_else_removed_is_noticed_and_replaced() {
    let (mut world, pool) = World::with(fixed(2));
    let member = world.find("made-1");
    world.ledger.remove(member, at(1)).unwrap();
    let report = world.carry_out(&[], 2);
    assert_eq!(report.vanished, [member]);
    world.tick(&[], 3);
    assert_eq!(world.names(pool), ["made-0", "made-2"]);
    world.check();
}

#[test]
fn a_retired_member_goes_when_it_is_free_and_another_takes_its_place() {
    let (mut world, pool) = World::with(dynamic(1, 3));
    let demand = [(pool, Demand::used([cores(12)]))];
    world.tick(&demand, 1);
    let lease = world.reserve_in(pool, 3, 2).unwrap();
    let member = world.place(lease);
    let retire = PoolStep::Drain {
        member,
        why: Leaving::Retired,
    };
    world.carry_out(std::slice::from_ref(&retire), 3);
    world.tick(&demand, 4);
    assert_eq!((world.owned(pool), world.counts(pool).serving), (3, 2));
    world.release(lease, 5);
    assert_eq!(world.tick(&demand, 6), [PoolStep::Remove { member }]);
    // The last one has to be replaced first.
    world.pools.resize(pool, dynamic(2, 2)).unwrap();
    let member = world.pools.used_by(pool).next().unwrap();
    let report = world.carry_out(
        &[PoolStep::Drain {
            member,
            why: Leaving::Retired,
        }],
        7,
    );
    let too_few = MemberError::TooFew { pool, least: 2 };
    assert_eq!(report.failed[0].1, StepError::from(too_few).into());
}

#[test]
fn a_factory_that_makes_something_else_is_found_out() {
    let mut world = World::new();
    world.factories = Factories::new();
    let pool = world.pools.open(spec("pool", fixed(1))).unwrap();
    let mut make = |factories: Factories| {
        world.factories = factories;
        let steps = world.plan(&[], 1);
        let report = world.carry_out(&steps, 1);
        (report.failed.into_iter().next().map(|(_, why)| why), steps)
    };
    assert_eq!(make(Factories::new()).0, Some(DoError::NoFactory(pool)));
    let small = Factories::new().pool(pool, |n| node(&format!("n{n}")).capacity([cores(1)]));
    assert_eq!(make(small).0, Some(DoError::Misfit(pool)));
    let nameless = Factories::new().pool(pool, |_| node(""));
    assert!(matches!(make(nameless).0, Some(DoError::Faulty(_))));
    // The factory of the pool comes before that of its class, and gets the next number each time.
    let good = Factories::new()
        .class("compute", |_| node(""))
        .pool(pool, |n| node(&format!("n{n}")));
    let (failed, steps) = make(good);
    assert_eq!(
        (failed, steps),
        (None, vec![PoolStep::Add { pool, number: 2 }])
    );
    assert_eq!(world.names(pool), ["n2"]);
}

#[test]
fn a_request_that_comes_again_gets_the_same_lease_and_no_others() {
    let (mut world, pool) = World::with(fixed(2));
    let other = world.open(spec("other", fixed(1)));
    let keyed = |key, count| job(count).key(RequestKey(key)).build().unwrap();
    let lease = world.reserve(&keyed(1, 8), 1).unwrap();
    assert_eq!(world.reserve(&keyed(1, 8), 2), Ok(lease));
    assert_eq!(world.ledger.state().reservation_count(), 1);
    // Under the same key, something else; or in another pool.
    assert!(world.reserve(&keyed(1, 7), 2).unwrap_err().why.is_some());
    let elsewhere = if lease.pool == pool { other } else { pool };
    let answer = (world.pools).reserve_in(&mut world.ledger, elsewhere, &keyed(1, 8), at(2));
    assert!(answer.is_err());
    // What was granted past the pools does not become a lease of theirs by asking for it again.
    let member = world.pools.used_by(elsewhere).next().unwrap();
    let foreign = (world.ledger).reserve(&keyed(2, 1), member, at(3)).unwrap();
    assert!(world.reserve(&keyed(2, 1), 4).is_err());
    let answer = world
        .pools
        .release(&mut world.ledger, elsewhere, foreign.id, at(4));
    assert!(answer.is_err());
    world.check();
}
