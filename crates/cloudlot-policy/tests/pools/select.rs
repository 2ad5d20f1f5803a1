//! Which pool a request goes to, and what it is told if none has room.

use crate::world::*;
use cloudlot_core::{
    Constraint, Kind, OwnerPath, Request, Resource, ResourceBuilder, cores, gib, gpus,
};
use cloudlot_policy::pool::{Advice, Demand, Factories, OnMiss, PoolId, PoolSpec, Standing};

fn open(world: &mut World, name: &'static str, sample: ResourceBuilder, size: u32) -> PoolId {
    let sample = sample.build().unwrap();
    let capacity: Vec<_> = sample.capacity().iter().cloned().collect();
    let class = sample.class().clone();
    let pool = world
        .pools
        .open(PoolSpec::new(name, sample, fixed(size)))
        .unwrap();
    world.factories.set_pool(
        pool,
        Box::new(move |n: u64| {
            let node = Resource::node(format!("{name}-{n}"));
            node.class(class.clone()).capacity(capacity.clone())
        }),
    );
    world.tick(&[], 0);
    pool
}

#[test]
fn a_request_leaves_alone_what_it_does_not_ask_for() {
    let mut world = World::new();
    let gpu = open(
        &mut world,
        "gpu",
        node("s").class("gpu").capacity([cores(8), gpus(2)]),
        2,
    );
    let plain = open(&mut world, "plain", node("s"), 1);
    let choice = world
        .pools
        .find_room(&job(6).build().unwrap(), world.ledger.state())
        .unwrap();
    assert_eq!(choice.pool, plain);
    let standings: Vec<String> = choice.considered.iter().map(ToString::to_string).collect();
    assert_eq!(
        standings,
        [
            "pool-1: room on resource-2.0, 750 thousandths full then",
            "pool-0: room on resource-0.0, 375 thousandths full then",
        ]
    );
    // When the plain pool is full, better there than nowhere.
    world.fill(plain, 1, 1);
    assert_eq!(
        world.reserve(&job(6).build().unwrap(), 1).unwrap().pool,
        gpu
    );
    let request = Request::new("train")
        .part([cores(1), gpus(1)])
        .build()
        .unwrap();
    assert_eq!(world.reserve(&request, 1).unwrap().pool, gpu);
    world.check();
}

#[test]
fn the_emptier_of_two_equal_pools_is_taken_and_then_the_first() {
    let mut world = World::new();
    let (first, second) = (
        open(&mut world, "first", node("s"), 1),
        open(&mut world, "second", node("s"), 1),
    );
    let mut place = |count| world.reserve(&job(count).build().unwrap(), 1).unwrap().pool;
    assert_eq!(
        [place(2), place(1), place(1), place(4)],
        [first, second, second, first]
    );
}

#[test]
fn within_a_pool_the_fullest_member_that_has_room_is_taken() {
    let (mut world, pool) = World::with(dynamic(3, 3));
    let mut place = |count| {
        let lease = world.reserve_in(pool, count, 1).unwrap();
        world.name(world.place(lease)).to_owned()
    };
    let places = [place(5), place(4), place(4), place(3), place(8)];
    assert_eq!(places, ["made-0", "made-1", "made-1", "made-0", "made-2"]);
}

#[test]
fn a_class_that_is_asked_for_is_all_that_will_do() {
    let mut world = World::new();
    open(&mut world, "plain", node("s"), 1);
    let request = job(1).require(Constraint::class("gpu")).build().unwrap();
    let miss = world.reserve(&request, 1).unwrap_err();
    assert_eq!(
        (miss.advice, miss.help.as_slice()),
        (Advice::Never, &[][..])
    );
    assert!(matches!(
        miss.considered[0].standing,
        Standing::Unsuitable(_)
    ));
    assert!(
        miss.considered[0]
            .to_string()
            .starts_with("pool-0: does not suit: ")
    );
}

#[test]
fn a_default_pool_is_opened_when_it_is_first_needed() {
    let mut world = World::new();
    let plain = open(&mut world, "plain", node("s"), 1);
    let sample = node("s")
        .class("gpu")
        .capacity([cores(8), gpus(2)])
        .build()
        .unwrap();
    world
        .pools
        .set_default(PoolSpec::new("gpus", sample, dynamic(2, 4)))
        .unwrap();
    world.factories = std::mem::take(&mut world.factories).class("gpu", |n| {
        Resource::node(format!("gpu-{n}"))
            .class("gpu")
            .capacity([cores(8), gpus(2)])
    });
    // A request that some pool suits waits for that, whatever is at hand.
    world.fill(plain, 1, 1);
    let now = at(2);
    let mut obtain = |request: &Request| {
        (world.pools).obtain(&mut world.ledger, request, &mut world.factories, now)
    };
    let (answer, _) = obtain(&job(1).build().unwrap());
    assert_eq!(answer.unwrap_err().advice, Advice::Queue);
    let request = Request::new("train").part([gpus(1)]).build().unwrap();
    let (answer, report) = obtain(&request);
    assert_eq!(report.done.len(), 2);
    let pool = answer.unwrap().pool;
    assert_eq!(obtain(&request).0.unwrap().pool, pool);
    assert_eq!(world.pools.find("gpus"), Some(pool));
    // It is filled up like any other.
    world.tick(&[], 3);
    assert_eq!(world.names(pool), ["gpu-0", "gpu-1"]);
    world.check();
}

#[test]
fn a_default_pool_that_nobody_can_fill_helps_nobody() {
    let mut world = World::new();
    world.factories = Factories::new();
    let sample = node("s").build().unwrap();
    world
        .pools
        .set_default(PoolSpec::new("any", sample, dynamic(0, 4)))
        .unwrap();
    let request = job(1).build().unwrap();
    let (answer, report) =
        (world.pools).obtain(&mut world.ledger, &request, &mut world.factories, at(1));
    assert!(answer.is_err());
    assert_eq!((report.done.len(), report.failed.len()), (1, 1));
}

#[test]
fn where_an_owners_limit_is_in_the_way_no_member_would_help() {
    let (mut world, pool) = World::with(dynamic(1, 4));
    let owner: OwnerPath = "team".parse().unwrap();
    world.ledger.set_limit(&owner, [cores(2)], at(0)).unwrap();
    let request = job(3).owner("team").build().unwrap();
    let miss = world.reserve(&request, 1).unwrap_err();
    assert_eq!(
        (miss.advice, miss.help.as_slice()),
        (Advice::Queue, &[][..])
    );
    assert!(miss.why.unwrap().to_string().contains("the limit of team"));
    assert_eq!(world.owned(pool), 1);
}

#[test]
fn where_company_is_in_the_way_one_more_member_helps() {
    let (mut world, _) = World::with(dynamic(1, 4));
    let request = job(1)
        .label("app", "web")
        .anti_affinity("app=web", "host")
        .build()
        .unwrap();
    for owned in 1..=4 {
        let now = at(owned);
        let (answer, _) =
            (world.pools).obtain(&mut world.ledger, &request, &mut world.factories, now);
        assert!(answer.is_ok());
    }
    let miss = world.reserve(&request, 5).unwrap_err();
    assert_eq!((miss.advice, miss.help), (Advice::Queue, vec![]));
    assert!(matches!(miss.considered[0].standing, Standing::Refused(_)));
    world.check();
}

#[test]
fn the_ledger_has_the_last_word_on_which_member() {
    // The fullest member already has the company that is shunned: the next one is asked.
    let (mut world, pool) = World::with(dynamic(2, 2));
    let request = job(1)
        .label("app", "web")
        .anti_affinity("app=web", "host")
        .build()
        .unwrap();
    let places: Vec<_> = (0..2)
        .map(|_| {
            let lease = world.reserve(&request, 1).unwrap();
            world.place(lease)
        })
        .collect();
    assert_ne!(places[0], places[1]);
    assert_eq!(world.counts(pool).busy, 2);
}

#[test]
fn a_booking_for_later_is_not_refused_for_what_is_taken_now() {
    let (mut world, pool) = World::with(fixed(1));
    let now = job(8).window(at(0), at(10)).build().unwrap();
    let later = job(8).window(at(10), at(20)).build().unwrap();
    assert!(world.reserve(&now, 1).is_ok());
    assert!(world.reserve(&later, 1).is_ok());
    assert_eq!(world.reserve(&later, 1).unwrap_err().advice, Advice::Queue);
    assert_eq!(world.pools.made_through(pool).count(), 2);
    // The member is in use for the sake of the second, too: it does not go in between.
    world.pools.resize(pool, dynamic(0, 1)).unwrap();
    world.ledger.expire(at(10));
    assert_eq!(world.tick(&[(pool, Demand::default())], 10), []);
}

#[test]
fn a_request_of_several_pieces_is_not_for_pools() {
    let (mut world, _) = World::with(fixed(2));
    let request = Request::new("gang").parts(2, [cores(1)]).build().unwrap();
    assert_eq!(
        world.reserve(&request, 1).unwrap_err().advice,
        Advice::Never
    );
}

#[test]
fn a_kind_that_nobody_offers_is_never_had() {
    let (mut world, pool) = World::with(dynamic(1, 4));
    let request = Request::new("odd").part([gib(1)]).build().unwrap();
    assert_eq!(
        world.reserve(&request, 1).unwrap_err().advice,
        Advice::Never
    );
    let (used, limit) = world.pools.used_and_limit(pool, world.ledger.state());
    assert_eq!((used.get(Kind::CPU), limit.get(Kind::CPU)), (0, 8_000));
    assert_eq!(world.pools.utilisation(pool, world.ledger.state()), 0);
}

#[test]
fn if_one_of_two_full_pools_would_let_it_wait_it_waits() {
    let mut world = World::new();
    let refuses = world.open(PoolSpec {
        on_miss: OnMiss::Refuse,
        ..spec("refuses", fixed(1))
    });
    let queues = world.open(spec("queues", fixed(1)));
    world.fill(refuses, 1, 1);
    world.fill(queues, 1, 1);
    let request = job(1).build().unwrap();
    assert_eq!(
        world.reserve(&request, 1).unwrap_err().advice,
        Advice::Queue
    );
    assert_eq!(
        world.reserve_in(refuses, 1, 1).unwrap_err().advice,
        Advice::Refuse
    );
}

#[test]
fn what_is_borrowed_is_filled_last() {
    let (mut world, lender) = World::with(elastic(0, 2));
    let borrower = world.open(spec("borrower", elastic(0, 2)));
    let member = Demand::used([cores(8)]);
    world.tick(&[(lender, member.clone()), (borrower, member.clone())], 1);
    let two = Demand::used([cores(16)]);
    world.tick(&[(lender, Demand::default()), (borrower, two)], 2);
    assert_eq!(world.names(borrower), ["made-0", "made-1"]);
    let lease = world.reserve_in(borrower, 1, 3).unwrap();
    assert_eq!(world.name(world.place(lease)), "made-1");
}
