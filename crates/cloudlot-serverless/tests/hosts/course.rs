//! The exact course of small cases.

use crate::world::{Is, World};
use cloudlot_core::ledger::Activity;
use cloudlot_core::{Bytes, Timestamp};
use cloudlot_serverless::{
    Binding, Effect, Event, Exit, Frees, Full, Function, FunctionId, Host, HostChoice, HostId,
    Hosting, InstanceId, Outcome, Platform, Pool, Rebalance, Settings, StopReason,
};
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3_600);
const EARLY: Settings = Settings {
    binding: Binding::Early,
    ..Settings::DEFAULT
};

fn function(memory: u64) -> Function {
    Function::new(Bytes::new(memory))
}

fn host(memory: u64) -> Host {
    Host::new(Bytes::new(memory))
}

const fn id(host: u32) -> HostId {
    HostId::new(host)
}

fn with(choice: HostChoice) -> Settings {
    Settings {
        hosts: Hosting {
            choice,
            ..Hosting::DEFAULT
        },
        ..EARLY
    }
}

/// Who was started where.
fn starts(effects: &[Effect]) -> Vec<(InstanceId, HostId)> {
    let started = effects.iter().filter_map(|effect| match effect {
        Effect::Start { instance, host, .. } => Some((*instance, (*host)?)),
        _ => None,
    });
    started.collect()
}

fn stops(effects: &[Effect]) -> Vec<(InstanceId, StopReason)> {
    let stopped = effects.iter().filter_map(|effect| match effect {
        Effect::Stop { instance, why } => Some((*instance, *why)),
        _ => None,
    });
    stopped.collect()
}

fn replies(effects: &[Effect]) -> Vec<Outcome> {
    let replied = effects.iter().filter_map(|effect| match effect {
        Effect::Reply { outcome, .. } => Some(*outcome),
        _ => None,
    });
    replied.collect()
}

fn active(world: &World, host: u32) -> Activity {
    let ledger = world.platform.ledger().expect("there are hosts");
    let resource = ledger.state().find(&id(host).to_string()).expect("a host");
    ledger.state().activity(resource).expect("it is known")
}

#[test]
fn a_start_reserves_being_ready_confirms_and_being_gone_releases() {
    let mut world = World::new(EARLY, Duration::ZERO, &[function(3)], &[host(4)]);
    assert_eq!(active(&world, 0), Activity::Idle);
    let [(instance, _)] = starts(&world.arrive(0))[..] else {
        panic!("it starts");
    };
    assert_eq!(active(&world, 0), Activity::Reserved);
    world.tell(Event::Ready(instance));
    assert_eq!(active(&world, 0), Activity::InUse);
    world.finish(instance, Exit::Success);
    world.pass(Duration::from_nanos(1));
    assert_eq!(world.all(|is| is == Is::Stopping), [instance]);
    assert_eq!(active(&world, 0), Activity::InUse);
    world.tell(Event::Stopped(instance));
    assert_eq!(active(&world, 0), Activity::Idle);
}

#[test]
fn a_failed_start_gives_its_room_back() {
    let mut world = World::new(EARLY, HOUR, &[function(3)], &[host(4)]);
    let [(instance, _)] = starts(&world.arrive(0))[..] else {
        panic!("it starts");
    };
    let effects = world.tell(Event::Lost(instance));
    assert_eq!(replies(&effects), [Outcome::Lost]);
    assert_eq!(active(&world, 0), Activity::Idle);
}

#[test]
fn memory_freed_at_once_is_free_before_the_instance_is_gone() {
    let mut settings = EARLY;
    settings.hosts.frees = Frees::AtOnce;
    let mut world = World::new(settings, HOUR, &[function(3), function(3)], &[host(4)]);
    let first = world.warm(0);
    let effects = world.arrive(1);
    assert_eq!(stops(&effects), [(first, StopReason::Evicted)]);
    assert_eq!(starts(&effects).len(), 1);
}

#[test]
fn processors_are_reserved_with_the_memory_or_not_at_all() {
    let heavy = Function {
        millicores: 600,
        ..function(1)
    };
    let one = Host {
        millicores: 1_000,
        ..host(100)
    };
    let mut settings = EARLY;
    settings.hosts.full = Full::Refuse;
    let mut world = World::new(settings, HOUR, &[heavy, function(60)], &[one]);
    assert_eq!(starts(&world.arrive(0)).len(), 1);
    // Memory is there, processors are not: nothing is taken.
    assert_eq!(replies(&world.arrive(0)), [Outcome::NoRoom]);
    assert_eq!(world.held(id(0), |_| true), (1, 600));
    assert_eq!(starts(&world.arrive(1)).len(), 1);
    // And a host without processors has none to give.
    let mut world = World::new(settings, HOUR, &[heavy], &[host(100)]);
    assert_eq!(replies(&world.arrive(0)), [Outcome::NoRoom]);
}

#[test]
fn what_fits_no_host_is_sent_away_and_what_fits_one_that_is_lost_waits_for_it() {
    let mut world = World::new(
        EARLY,
        HOUR,
        &[function(5), function(3)],
        &[host(4), host(2)],
    );
    assert_eq!(replies(&world.arrive(0)), [Outcome::NoRoom]);
    world.tell(Event::HostLost(id(0)));
    assert_eq!(world.arrive(1), []);
    let effects = world.tell(Event::HostBack(id(0)));
    assert_eq!(starts(&effects)[0].1, id(0));
}

#[test]
fn a_function_whose_host_is_lost_holds_up_nobody_else() {
    let functions = [function(4), function(2)];
    let mut world = World::new(EARLY, Duration::ZERO, &functions, &[host(4), host(2)]);
    world.tell(Event::HostLost(id(0)));
    let [(small, _)] = starts(&world.arrive(1))[..] else {
        panic!("it starts");
    };
    assert_eq!((world.arrive(0), world.arrive(1)), (vec![], vec![]));
    world.tell(Event::Lost(small));
    world.pass(Duration::from_secs(10));
    assert_eq!(world.all(|is| is == Is::Starting).len(), 1);
}

#[test]
fn the_host_where_the_dearest_victim_is_worth_least_makes_room() {
    // Both have 6 of 10 idle; on the first host one of the two is younger than either of the second.
    let functions = [function(3), function(7)];
    let settings = with(HostChoice::FirstFit);
    let mut world = World::new(settings, HOUR, &functions, &[host(6), host(7)]);
    let all: Vec<InstanceId> = (0..4).map(|_| starts(&world.arrive(0))[0].0).collect();
    for &instance in &all {
        world.tell(Event::Ready(instance));
    }
    for index in [0, 2, 3, 1] {
        world.now = world.now + Duration::from_nanos(1);
        world.finish(all[index], Exit::Success);
    }
    let places: Vec<HostId> = all.iter().map(|at| world.instances[at].host).collect();
    assert_eq!(places, [id(0), id(0), id(1), id(1)]);
    // Seven fit on the second host alone, three on whichever; so three are asked for twice.
    let effects = world.arrive(1);
    let why = StopReason::Evicted;
    assert_eq!(stops(&effects), [(all[2], why), (all[3], why)]);
}

#[test]
fn of_two_hosts_the_older_instance_goes() {
    let functions = [function(3), function(3)];
    let mut world = World::new(EARLY, HOUR, &functions, &[host(3), host(3)]);
    let first = starts(&world.arrive(0))[0].0;
    let second = starts(&world.arrive(0))[0].0;
    world.tell(Event::Ready(first));
    world.tell(Event::Ready(second));
    for instance in [second, first] {
        world.now = world.now + Duration::from_nanos(1);
        world.finish(instance, Exit::Success);
    }
    assert_eq!(stops(&world.arrive(1)), [(second, StopReason::Evicted)]);
}

#[test]
fn a_lost_host_takes_its_calls_with_it_and_those_that_may_are_tried_elsewhere() {
    let mut again = function(1);
    again.retries.most = 1;
    again.retries.oldest = HOUR;
    again.idempotent = true;
    let functions = [function(1), again];
    let hosts = [host(4), host(4)];
    let mut world = World::new(with(HostChoice::FirstFit), HOUR, &functions, &hosts);
    let once = starts(&world.arrive(0))[0].0;
    let twice = starts(&world.arrive(1))[0].0;
    let starting = starts(&world.arrive(0))[0].0;
    world.tell(Event::Ready(once));
    world.tell(Event::Ready(twice));
    let effects = world.tell(Event::HostLost(id(0)));
    assert_eq!(replies(&effects), [Outcome::Lost, Outcome::Lost]);
    assert_eq!(stops(&effects), []);
    assert_eq!(active(&world, 0), Activity::Idle);
    // What comes late of them changes nothing.
    let late = world.platform.totals().late;
    assert_eq!(world.tell(Event::Ready(starting)), []);
    assert_eq!(world.platform.totals().late, late + 1);
    world.pass(Duration::from_nanos(1));
    let [other] = world.all(|is| is == Is::Starting)[..] else {
        panic!("it is tried again");
    };
    assert_eq!(world.instances[&other].host, id(1));
}

#[test]
fn a_start_that_is_lost_with_its_host_is_no_crash_of_its_function() {
    let settings = with(HostChoice::FirstFit);
    let late = Settings {
        binding: Binding::Late,
        ..settings
    };
    let mut world = World::new(late, HOUR, &[function(1)], &[host(4), host(4)]);
    world.arrive(0);
    let effects = world.tell(Event::HostLost(id(0)));
    // At once, not after a pause.
    assert_eq!(starts(&effects)[0].1, id(1));
    assert_eq!(replies(&effects), []);
}

#[test]
fn a_host_that_drains_lets_finish_what_runs_and_nothing_else() {
    let mut world = World::new(
        with(HostChoice::FirstFit),
        HOUR,
        &[function(1)],
        &[host(2), host(2)],
    );
    let idle = world.warm(0);
    let busy = starts(&{
        world.arrive(0);
        world.arrive(0)
    })[0]
        .0;
    world.tell(Event::Ready(busy));
    world.finish(idle, Exit::Success);
    let effects = world.tell(Event::HostDraining(id(0)));
    assert_eq!(stops(&effects), [(idle, StopReason::HostDrains)]);
    let effects = world.finish(busy, Exit::Success);
    assert_eq!(replies(&effects), [Outcome::Success]);
    assert_eq!(stops(&effects), [(busy, StopReason::HostDrains)]);
    assert_eq!(starts(&world.arrive(0))[0].1, id(1));
    world.tell(Event::HostBack(id(0)));
    world.tell(Event::Stopped(idle));
    assert_eq!(starts(&world.arrive(0))[0].1, id(0));
}

#[test]
fn a_host_that_is_back_in_time_keeps_who_runs_there() {
    let mut world = World::new(EARLY, HOUR, &[function(1)], &[host(2)]);
    let busy = starts(&world.arrive(0))[0].0;
    world.tell(Event::Ready(busy));
    world.tell(Event::HostDraining(id(0)));
    world.tell(Event::HostBack(id(0)));
    assert_eq!(stops(&world.finish(busy, Exit::Success)), []);
}

/// Three idle instances on the first host, and a second host that is empty.
fn lopsided(rebalance: Rebalance) -> (World, Vec<InstanceId>) {
    let mut settings = with(HostChoice::FirstFit);
    settings.hosts.rebalance = rebalance;
    let mut world = World::new(settings, HOUR, &[function(1)], &[host(4), host(4)]);
    let all: Vec<InstanceId> = (0..3).map(|_| starts(&world.arrive(0))[0].0).collect();
    for &instance in &all {
        world.tell(Event::Ready(instance));
    }
    for &instance in &all {
        world.now = world.now + Duration::from_nanos(1);
        world.finish(instance, Exit::Success);
    }
    (world, all)
}

#[test]
fn an_idle_instance_moves_when_the_other_is_ready_and_not_before() {
    let (mut world, all) = lopsided(Rebalance::DEFAULT);
    // 3 and 0 of 4 become 2 and 1, which differ by a quarter; then 1 and 2 would be no better.
    let effects = world.tell(Event::Rebalance);
    let [(other, to)] = starts(&effects)[..] else {
        panic!("{effects:?}");
    };
    assert_eq!((to, stops(&effects)), (id(1), vec![]));
    // It is under way already.
    assert_eq!(world.tell(Event::Rebalance), []);
    let effects = world.tell(Event::Ready(other));
    assert_eq!(stops(&effects), [(all[2], StopReason::Moved)]);
    assert_eq!(world.all(|is| is == Is::Idle).len(), 3);
    assert_eq!(world.tell(Event::Rebalance), []);
    assert_eq!(world.platform.totals().moves, 1);
}

#[test]
fn a_moved_instance_is_kept_no_longer_than_it_would_have_been() {
    let (mut world, _) = lopsided(Rebalance::DEFAULT);
    world.pass(HOUR / 2);
    let [(other, _)] = starts(&world.tell(Event::Rebalance))[..] else {
        panic!("it moves");
    };
    world.tell(Event::Ready(other));
    world.pass(HOUR / 2);
    assert_eq!(world.all(|is| is == Is::Idle), []);
}

#[test]
fn a_move_ends_where_a_call_takes_one_of_the_two() {
    let (mut world, all) = lopsided(Rebalance::DEFAULT);
    let [(other, _)] = starts(&world.tell(Event::Rebalance))[..] else {
        panic!("it moves");
    };
    // The one that was to go is the most recent: it serves.
    world.arrive(0);
    assert_eq!(world.instances[&all[2]].is, Is::Running);
    assert_eq!(stops(&world.tell(Event::Ready(other))), []);
    assert_eq!(world.instances.len(), 4);
}

#[test]
fn moves_are_no_more_than_allowed_and_a_limit_of_instances_holds() {
    let none = Rebalance {
        moves: 0,
        ..Rebalance::DEFAULT
    };
    assert_eq!(lopsided(none).0.tell(Event::Rebalance), []);
    let tolerant = Rebalance {
        tolerance_percent: 75,
        ..Rebalance::DEFAULT
    };
    assert_eq!(lopsided(tolerant).0.tell(Event::Rebalance), []);
    let mut limited = function(1);
    limited.instances = std::num::NonZeroU32::new(2);
    let mut world = World::new(
        with(HostChoice::FirstFit),
        HOUR,
        &[limited],
        &[host(2), host(2)],
    );
    let two = [0, 1].map(|_| starts(&world.arrive(0))[0].0);
    for instance in two {
        world.tell(Event::Ready(instance));
        world.finish(instance, Exit::Success);
    }
    assert_eq!(world.tell(Event::Rebalance), []);
}

#[test]
fn looks_come_by_themselves_while_there_are_instances_and_then_end() {
    let (mut world, _) = lopsided(Rebalance {
        every: Some(Duration::from_secs(60)),
        ..Rebalance::DEFAULT
    });
    world.pass(Duration::from_secs(61));
    assert_eq!(world.platform.totals().moves, 1);
    world.settle();
    assert_eq!(world.platform.instances(), 0);
    assert!(world.now < Timestamp::ZERO + HOUR + Duration::from_secs(200));
}

#[test]
fn a_pool_is_one_host() {
    let pool = |memory| Settings {
        pool: Some(Pool {
            memory: Bytes::new(memory),
            frees: Frees::AtOnce,
            full: Full::Refuse,
        }),
        ..EARLY
    };
    let mut platform = Platform::new(pool(4), cloudlot_serverless::FixedWindow(HOUR));
    let added = platform.add_host(host(1));
    assert_eq!(added, id(1));
    assert_eq!(
        platform
            .ledger()
            .expect("it has hosts")
            .state()
            .resource_count(),
        2
    );
    let mut free = Platform::new(EARLY, cloudlot_serverless::FixedWindow(HOUR));
    assert!(free.ledger().is_none() && free.audit().is_empty());
    let function = free.add(function(u64::MAX));
    assert_eq!(function, FunctionId::new(0));
}
