//! Two parts that meet, in the smallest case of each.

use super::yard::{Ahead, Is, Yard};
use cloudlot_core::{Bytes, OwnerId, Timestamp};
use cloudlot_serverless::evict::{Evicting, Size};
use cloudlot_serverless::{
    Backoff, Binding, Breaker, Call, CallId, Effect, Event, Exit, FixedWindow, Frees, Full,
    Function, FunctionId, Host, HostId, Life, Move, Outcome, Owner, Platform, Pool, Record,
    Retries, Settings, Sink, Source, StopReason, Temperature, Turns,
};
use std::num::{NonZeroU8, NonZeroU32};
use std::time::Duration;

const FOREVER: Ahead = Ahead(Duration::MAX, None);
const HELLO: Function = Function::new(Bytes::new(1));

fn yard(settings: Settings, functions: &[Function], hosts: &[u64]) -> Yard {
    let mut platform = Platform::new(settings, FOREVER);
    functions.iter().for_each(|&it| _ = platform.add(it));
    for &memory in hosts {
        platform.add_host(Host::new(Bytes::new(memory)));
    }
    Yard::new(platform)
}

fn slots(count: u32) -> NonZeroU32 {
    NonZeroU32::new(count).unwrap()
}

#[test]
fn an_old_version_stays_old_when_its_host_is_back() {
    let mut yard = yard(Settings::DEFAULT, &[HELLO], &[4]);
    yard.request(0);
    yard.ready_all();
    yard.tell(Event::HostDraining(HostId::new(0)));
    yard.replace(0, HELLO);
    yard.tell(Event::HostBack(HostId::new(0)));
    yard.finish_all();
    assert_eq!(yard.all(Is::Stopping).len(), 1);
}

#[test]
fn a_host_that_is_back_serves_those_who_wait_for_the_room_on_its_instances() {
    let both = Function {
        concurrency: slots(2),
        instances: NonZeroU32::new(1),
        ..HELLO
    };
    let mut yard = yard(Settings::DEFAULT, &[both], &[4]);
    yard.request(0);
    yard.ready_all();
    yard.tell(Event::HostDraining(HostId::new(0)));
    yard.request(0);
    assert_eq!(yard.running().len(), 1);
    yard.tell(Event::HostBack(HostId::new(0)));
    assert_eq!(yard.running().len(), 2);
}

#[test]
fn code_of_an_old_version_is_not_that_of_the_new_one() {
    let early = Settings {
        binding: Binding::Early,
        ..Settings::DEFAULT
    };
    let mut yard = yard(early, &[HELLO], &[]);
    yard.request(0);
    yard.replace(0, HELLO);
    yard.ready_all();
    yard.request(0);
    let starts = yard.log.iter().filter_map(|effect| match effect {
        Effect::Start { from, .. } => Some(*from),
        _ => None,
    });
    let starts: Vec<Temperature> = starts.collect();
    assert_eq!(starts, [Temperature::NoCode, Temperature::NoCode]);
}

#[test]
fn a_failed_start_of_an_old_version_holds_nobody_up() {
    let early = Settings {
        binding: Binding::Early,
        ..Settings::DEFAULT
    };
    let mut yard = yard(early, &[HELLO], &[]);
    yard.request(0);
    yard.replace(0, HELLO);
    let old = yard.all(Is::Starting)[0];
    yard.tell(Event::Lost(old));
    yard.request(0);
    assert_eq!(yard.all(Is::Starting).len(), 1);
}

#[test]
fn a_move_keeps_to_the_limits_of_owners() {
    let mut platform = Platform::new(Settings::DEFAULT, FOREVER);
    let team = Owner {
        memory: Some(Bytes::new(4)),
        ..Owner::new("team".parse().unwrap())
    };
    let owner = platform.add_owner(team).unwrap();
    let function = Function {
        owner,
        ..Function::new(Bytes::new(4))
    };
    platform.add(function);
    platform.add_host(Host::new(Bytes::new(8)));
    let mut yard = Yard::new(platform);
    yard.request(0);
    yard.ready_all();
    yard.finish_all();
    yard.tell(Event::HostJoined(Host::new(Bytes::new(16))));
    yard.tell(Event::Rebalance);
    assert_eq!(yard.all(Is::Starting), []);
}

#[test]
fn a_call_that_waits_for_its_turn_and_for_its_owner_gets_both() {
    let settings = Settings {
        pool: Some(Pool {
            memory: Bytes::new(4),
            frees: Frees::WhenGone,
            full: Full::Wait,
        }),
        turns: Turns::Fair { lead: Bytes::ZERO },
        ..Settings::DEFAULT
    };
    let mut platform = Platform::new(settings, FOREVER);
    let small = Owner {
        memory: Some(Bytes::new(1)),
        ..Owner::new("small".parse().unwrap())
    };
    let owner = platform.add_owner(small).unwrap();
    let of_small = Function { owner, ..HELLO };
    let large = Function::new(Bytes::new(3));
    for function in [of_small, of_small, large, large] {
        platform.add(function);
    }
    let mut yard = Yard::new(platform);
    yard.request(0);
    yard.ready_all();
    yard.finish_all();
    yard.request(2);
    yard.ready_all();
    // No room for the other large one; then one of the small owner's, who has room only when its idle one goes.
    yard.request(3);
    yard.request(1);
    yard.settle();
    assert_eq!((yard.replies.len(), yard.platform.pending()), (4, 0));
}

#[test]
fn who_waits_for_a_version_that_fits_nowhere_is_told_so() {
    let one = Function {
        instances: NonZeroU32::new(1),
        ..HELLO
    };
    let mut yard = yard(Settings::DEFAULT, &[one], &[4]);
    yard.request(0);
    yard.ready_all();
    yard.request(0);
    yard.replace(0, Function::new(Bytes::new(5)));
    yard.settle();
    assert_eq!(yard.replies.get(&1), Some(&Outcome::NoRoom));
}

#[test]
fn a_number_beyond_all_bounds_ends() {
    let mut yard = yard(Settings::DEFAULT, &[HELLO], &[]);
    yard.tell(Event::Target {
        function: FunctionId::new(0),
        instances: u32::MAX,
    });
    assert_eq!(yard.platform.instances(), 65_536);
}

#[test]
fn a_new_version_begins_with_a_closed_circuit() {
    let fragile = Function {
        breaker: Some(Breaker {
            failures: NonZeroU8::MIN,
            of: NonZeroU8::MIN,
            open: Duration::from_secs(1),
            probes: NonZeroU8::MIN,
        }),
        ..HELLO
    };
    let mut yard = yard(Settings::DEFAULT, &[fragile], &[]);
    yard.request(0);
    yard.ready_all();
    let attempt = yard.running()[0];
    let exit = Exit::Failure;
    yard.tell(Event::Done { attempt, exit });
    yard.call(0, Source::Event, None);
    yard.replace(0, fragile);
    yard.request(0);
    assert_eq!(yard.replies.get(&2), None);
    yard.settle();
    assert_eq!(yard.replies.get(&2), Some(&Outcome::Success));
    assert_eq!(yard.now, Timestamp::ZERO);
}

#[test]
fn a_probe_that_pauses_while_there_is_no_breaker_is_one_no_more() {
    let fragile = Function {
        breaker: Some(Breaker {
            failures: NonZeroU8::MIN,
            of: NonZeroU8::MIN,
            open: Duration::from_nanos(5),
            probes: NonZeroU8::MIN,
        }),
        idempotent: true,
        retries: Retries {
            most: 3,
            backoff: Backoff {
                first: Duration::from_nanos(20),
                longest: Duration::from_nanos(20),
            },
            oldest: Duration::MAX,
        },
        ..HELLO
    };
    let sound = Function {
        breaker: None,
        ..fragile
    };
    let fail = |yard: &mut Yard| {
        yard.ready_all();
        let attempt = yard.running()[0];
        let exit = Exit::Failure;
        yard.tell(Event::Done { attempt, exit });
    };
    let mut yard = yard(Settings::DEFAULT, &[fragile], &[]);
    yard.request(0);
    fail(&mut yard);
    yard.pass(6);
    // The probe.
    yard.request(0);
    yard.replace(0, sound);
    fail(&mut yard);
    yard.replace(0, fragile);
    yard.tell(Event::Cancel(CallId::new(0)));
    yard.request(0);
    yard.settle();
    assert_eq!(yard.platform.pending(), 0);
    assert_eq!(yard.replies.get(&2), Some(&Outcome::Success));
}

#[test]
fn memory_beyond_all_bounds_is_counted() {
    let mut platform = Platform::new(Settings::DEFAULT, FOREVER);
    let team = Owner {
        calls: NonZeroU32::new(4),
        ..Owner::new("team".parse().unwrap())
    };
    let owner = platform.add_owner(team).unwrap();
    let vast = Function {
        owner,
        code: Bytes::new(u64::MAX),
        ..Function::new(Bytes::new(u64::MAX))
    };
    platform.add(vast);
    platform.add(vast);
    let mut yard = Yard::new(platform);
    for function in [0, 1] {
        yard.request(function);
    }
    yard.ready_all();
    yard.finish_all();
    yard.tell(Event::Drain);
    yard.settle();
    assert_eq!(yard.platform.instances(), 0);
}

#[test]
fn what_is_provisioned_moves_from_a_host_that_drains() {
    let kept = Function {
        provisioned: 1,
        ..HELLO
    };
    let mut yard = yard(Settings::DEFAULT, &[kept], &[4, 4]);
    yard.tell(Event::Tick);
    yard.ready_all();
    let on = yard.platform.host_of(yard.all(Is::Ready)[0]).unwrap();
    yard.tell(Event::HostDraining(on));
    assert_eq!(yard.all(Is::Starting).len(), 1);
}

#[test]
fn a_policy_hears_of_a_new_version() {
    let settings = Settings {
        pool: Some(Pool {
            memory: Bytes::new(9),
            frees: Frees::WhenGone,
            full: Full::Wait,
        }),
        ..Settings::DEFAULT
    };
    let policy = Evicting {
        keep: FixedWindow(Duration::MAX),
        by: Size::default(),
    };
    let mut platform = Platform::new(settings, policy);
    let functions = [1, 2, 9].map(|memory| platform.add(Function::new(Bytes::new(memory))));
    let mut effects = Vec::new();
    let now = Timestamp::ZERO;
    platform.replace(
        functions[0],
        Function::new(Bytes::new(3)),
        now,
        &mut effects,
        &mut (),
    );
    for (id, function) in (0..).map(CallId::new).zip([functions[0], functions[1]]) {
        let call = Call {
            id,
            function,
            payload: 0,
            source: Source::Request,
            key: None,
        };
        platform.handle(Event::Arrived(call), now, &mut effects, &mut ());
        let Some(Effect::Start { instance, .. }) = effects.last().copied() else {
            panic!("{effects:?}")
        };
        platform.handle(Event::Ready(instance), now, &mut effects, &mut ());
        let Some(Effect::Run { attempt, .. }) = effects.last().copied() else {
            panic!("{effects:?}")
        };
        let exit = Exit::Success;
        platform.handle(Event::Done { attempt, exit }, now, &mut effects, &mut ());
    }
    // Five of nine are held; for seven the larger one has to go, which is the new version.
    platform.replace(
        functions[2],
        Function::new(Bytes::new(7)),
        now,
        &mut effects,
        &mut (),
    );
    effects.clear();
    let call = Call {
        id: CallId::new(9),
        function: functions[2],
        payload: 0,
        source: Source::Request,
        key: None,
    };
    let mut moves = Moves(Vec::new());
    platform.handle(Event::Arrived(call), now, &mut effects, &mut moves);
    assert_eq!(moves.0, [functions[0]]);
}

/// Whose instances stop.
struct Moves(Vec<FunctionId>);

impl Sink for Moves {
    fn call(&mut self, _: &Record) {}

    fn moved(&mut self, step: &Move) {
        if step.to == Life::Stopping {
            self.0.push(step.function);
        }
    }
}

#[test]
fn looks_that_take_no_time_are_none() {
    let mut settings = Settings::DEFAULT;
    settings.hosts.rebalance.every = Some(Duration::ZERO);
    let mut yard = yard(settings, &[HELLO], &[4]);
    yard.request(0);
    yard.settle();
    assert_eq!(yard.replies.len(), 1);
}

#[test]
fn whoever_retires_is_not_one_that_a_target_counts_on() {
    let mut yard = yard(Settings::DEFAULT, &[HELLO], &[4, 4]);
    let function = FunctionId::new(0);
    yard.tell(Event::Target {
        function,
        instances: 1,
    });
    yard.ready_all();
    yard.request(0);
    let on = yard.platform.host_of(yard.all(Is::Ready)[0]).unwrap();
    yard.tell(Event::HostDraining(on));
    yard.request(0);
    assert_eq!(yard.all(Is::Starting).len(), 1);
    let stopped =
        |effect: &Effect| matches!(effect, Effect::Stop { why, .. } if *why == StopReason::Surplus);
    assert!(!yard.log.iter().any(stopped));
}

#[test]
fn ids_that_nobody_knows_change_nothing() {
    let mut other = yard(Settings::DEFAULT, &[HELLO], &[]);
    for _ in 0..3 {
        other.request(0);
    }
    other.ready_all();
    let mut yard = yard(Settings::DEFAULT, &[HELLO], &[]);
    let mut late = 0;
    let attempt = other.running()[2];
    let instance = other.all(Is::Ready)[2];
    let host = HostId::new(9);
    let function = FunctionId::new(9);
    let instances = 3;
    let exit = Exit::Success;
    for event in [
        Event::Ready(instance),
        Event::Done { attempt, exit },
        Event::Lost(instance),
        Event::Stopped(instance),
        Event::HostLost(host),
        Event::HostDraining(host),
        Event::HostBack(host),
        Event::Prepared(function),
        Event::Healthy(instance),
        Event::Unhealthy(instance),
        Event::Cancel(CallId::new(9)),
        Event::Target {
            function,
            instances,
        },
    ] {
        yard.tell(event);
        late += 1;
        assert_eq!((yard.platform.totals().late, yard.log.len()), (late, 0));
    }
    let owner = OwnerId::new(7);
    yard.replace(9, Function { owner, ..HELLO });
    assert_eq!(yard.log, []);
}
