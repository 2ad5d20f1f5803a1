//! Owners' limits: what waits, what is sent away, and who is served when there is room.

use crate::desk::Desk;
use cloudlot_core::{Bytes, OwnerId};
use cloudlot_serverless::{
    Binding, Event, FixedWindow, Function, Limit, Outcome, Owner, Platform, Settings,
};
use std::num::NonZeroU32;
use std::time::Duration;

fn owner(path: &str) -> Owner {
    Owner::new(path.parse().unwrap())
}

/// Functions of 1 MiB of the owners with these numbers.
fn desk(settings: Settings, owners: &[Owner], functions: &[u32]) -> Desk {
    let mut desk = Desk::new(settings, &[]);
    for (owner, number) in owners.iter().zip(1..) {
        let id = desk.platform.add_owner(owner.clone()).unwrap();
        assert_eq!(id, OwnerId::new(number));
    }
    for &owner in functions {
        desk.platform.add(Function {
            owner: OwnerId::new(owner),
            ..Function::new(Bytes::mib(1))
        });
    }
    desk
}

fn calls(most: u32) -> Owner {
    Owner {
        calls: NonZeroU32::new(most),
        ..owner("team")
    }
}

#[test]
fn no_more_calls_of_an_owner_run_at_once_than_may_and_functions_take_turns() {
    let mut desk = desk(Settings::DEFAULT, &[calls(1)], &[1, 1, 0]);
    assert_eq!(desk.request(0), ["start 0 of 0"]);
    assert_eq!(desk.request(0), [""; 0]);
    assert_eq!(desk.request(1), [""; 0]);
    // Others are not concerned.
    assert_eq!(desk.request(2), ["start 1 of 2"]);
    assert_eq!(desk.ready(0), ["run 0 on 0"]);
    assert_eq!(desk.done(0), ["reply 0: Success", "run 1 on 0"]);
    assert_eq!(desk.request(0), [""; 0]);
    // While one starts for the other function, the turn is not lost.
    assert_eq!(
        desk.done(1),
        ["reply 1: Success", "start 2 of 1", "run 4 on 0"]
    );
    assert_eq!(desk.ready(2), [""; 0]);
    assert_eq!(desk.request(0), [""; 0]);
    assert_eq!(desk.done(4), ["reply 4: Success", "run 2 on 2"]);
    assert_eq!(desk.done(2), ["reply 2: Success", "run 5 on 0"]);
    assert_eq!(desk.done(5), ["reply 5: Success"]);
    assert_eq!(desk.request(1), ["run 6 on 2"]);
    assert_eq!(desk.request(0), [""; 0]);
}

#[test]
fn a_call_bound_early_waits_again_if_the_limit_was_reached_meanwhile() {
    let settings = Settings {
        binding: Binding::Early,
        ..Settings::DEFAULT
    };
    let mut desk = desk(settings, &[calls(1)], &[1, 1]);
    desk.request(1);
    desk.ready(0);
    desk.done(0);
    assert_eq!(desk.request(0), ["start 1 of 0"]);
    // The other function has an idle instance and a turn.
    assert_eq!(desk.request(1), ["run 2 on 0"]);
    assert_eq!(desk.ready(1), [""; 0]);
    assert_eq!(desk.done(2), ["reply 2: Success", "run 1 on 1"]);
}

#[test]
fn memory_and_instances_are_limited_together_with_owners_below() {
    let org = Owner {
        memory: Some(Bytes::mib(3)),
        ..owner("org")
    };
    let team = Owner {
        instances: NonZeroU32::new(2),
        ..owner("org/team")
    };
    let mut desk = desk(Settings::DEFAULT, &[org, team], &[1, 2]);
    assert_eq!(desk.request(1), ["start 0 of 1"]);
    assert_eq!(desk.request(1), ["start 1 of 1"]);
    assert_eq!(desk.request(1), [""; 0]);
    assert_eq!(desk.request(0), ["start 2 of 0"]);
    assert_eq!(desk.request(0), [""; 0]);
    // One of the team goes: it is the team that has room for one.
    desk.ready(0);
    desk.ready(1);
    desk.ready(2);
    assert_eq!(desk.lost(0), ["reply 0: Lost", "start 3 of 1"]);
    desk.ready(3);
    // The team's last call ends; its idle instance is not the parent's to stop, but a lost one makes room for it.
    assert_eq!(desk.done(1), ["reply 1: Success"]);
    assert_eq!(desk.lost(1), ["start 4 of 0"]);
}

#[test]
fn an_owners_own_idle_instances_make_room_and_are_waited_for() {
    let team = Owner {
        memory: Some(Bytes::mib(2)),
        ..owner("team")
    };
    let mut desk = desk(Settings::DEFAULT, &[team], &[1, 1, 1, 0]);
    for (function, instance) in [(0, 0), (1, 1), (3, 2)] {
        desk.request(function);
        desk.ready(instance);
        desk.done(function.min(2).into());
    }
    assert_eq!(desk.request(2), ["stop 0: Evicted"]);
    assert_eq!(desk.request(2), [""; 0]);
    assert_eq!(desk.stopped(0), ["start 3 of 2", "stop 1: Evicted"]);
    assert_eq!(desk.stopped(1), ["start 4 of 2"]);
}

#[test]
fn a_function_above_its_owners_memory_is_refused_and_one_at_it_is_not() {
    let team = Owner {
        memory: Some(Bytes::mib(2)),
        ..owner("org")
    };
    let mut desk = desk(Settings::DEFAULT, &[team, owner("org/team")], &[]);
    for memory in [3, 2] {
        desk.platform.add(Function {
            owner: OwnerId::new(2),
            ..Function::new(Bytes::mib(memory))
        });
    }
    assert_eq!(desk.request(0), ["reply 0: Throttled(OwnerMemory)"]);
    assert_eq!(desk.request(1), ["start 0 of 1"]);
    assert_eq!(desk.platform.totals().throttled, 1);
}

#[test]
fn so_many_calls_may_wait_and_the_next_is_sent_away_at_once() {
    let mut desk = desk(Settings::DEFAULT, &[], &[]);
    desk.platform.add(Function {
        instances: NonZeroU32::new(1),
        queue: Some(1),
        ..Function::new(Bytes::mib(1))
    });
    // The first waits for its start: that does not count.
    assert_eq!(desk.request(0), ["start 0 of 0"]);
    assert_eq!(desk.request(0), [""; 0]);
    assert_eq!(desk.request(0), ["reply 2: Throttled(Queue)"]);
    // An event is told the same, and is not put aside.
    assert_eq!(desk.event(0), ["reply 3: Throttled(Queue)"]);
    desk.ready(0);
    assert_eq!(desk.request(0), ["reply 4: Throttled(Queue)"]);
    desk.done(0);
    assert_eq!(desk.request(0), [""; 0]);
    let totals = desk.platform.totals();
    assert_eq!((totals.throttled, totals.dead_letters), (3, 0));
}

#[test]
fn what_waits_is_counted_over_all_functions_of_an_owner() {
    let team = Owner {
        queue: Some(1),
        ..calls(1)
    };
    let mut desk = desk(Settings::DEFAULT, &[team], &[1, 1, 0]);
    desk.request(0);
    assert_eq!(desk.request(1), [""; 0]);
    assert_eq!(desk.request(0), ["reply 2: Throttled(OwnerQueue)"]);
    assert_eq!(desk.request(2), ["start 1 of 2"]);
    let limit = Limit::OwnerQueue;
    assert_eq!(
        format!("{:?}", Outcome::Throttled(limit)),
        "Throttled(OwnerQueue)"
    );
}

#[test]
fn a_drain_finishes_what_waits_for_a_turn() {
    let mut desk = desk(Settings::DEFAULT, &[calls(1)], &[1, 1]);
    desk.request(0);
    desk.ready(0);
    desk.request(1);
    assert_eq!(desk.tell(Event::Drain), [""; 0]);
    let told = desk.done(0);
    assert_eq!(
        told,
        ["reply 0: Success", "stop 0: Drained", "start 1 of 1"]
    );
    desk.stopped(0);
    desk.ready(1);
    desk.done(1);
    desk.stopped(1);
    assert_eq!((desk.platform.instances(), desk.platform.pending()), (0, 0));
}

#[test]
fn a_limit_that_comes_later_counts_what_is_there() {
    let mut desk = desk(Settings::DEFAULT, &[owner("org/team")], &[1, 1]);
    desk.request(0);
    desk.ready(0);
    let org = Owner {
        memory: Some(Bytes::mib(1)),
        ..owner("org")
    };
    desk.platform.add_owner(org).unwrap();
    assert_eq!(desk.request(1), [""; 0]);
    assert_eq!(desk.done(0), ["reply 0: Success", "stop 0: Evicted"]);
    assert_eq!(desk.stopped(0), ["start 1 of 1"]);
}

#[test]
fn an_owner_is_added_once() {
    let mut platform = Platform::new(Settings::DEFAULT, FixedWindow(Duration::ZERO));
    platform.add_owner(owner("a")).unwrap();
    let no = platform.add_owner(owner("a")).unwrap_err();
    assert!(no.to_string().contains("is named twice"), "{no}");
    assert_eq!(platform.add_owner(owner("b")).unwrap(), OwnerId::new(2));
}

#[test]
#[should_panic(expected = "owner-1 was added before its functions")]
fn a_function_of_an_unknown_owner_is_a_mistake() {
    let mut platform = Platform::new(Settings::DEFAULT, FixedWindow(Duration::ZERO));
    platform.add(Function {
        owner: OwnerId::new(1),
        ..Function::new(Bytes::mib(1))
    });
}
