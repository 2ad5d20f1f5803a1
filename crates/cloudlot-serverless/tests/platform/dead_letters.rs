//! Events that cannot succeed are put aside; waiting ends with age.

use crate::desk::{Desk, millis};
use cloudlot_core::Bytes;
use cloudlot_serverless::{
    Backoff, Call, CallId, Event, Function, FunctionId, Key, Retries, Settings, Source,
};
use std::num::NonZeroU32;
use std::time::Duration;

fn function(most: u16, oldest: Duration) -> Function {
    Function {
        instances: NonZeroU32::new(1),
        retries: Retries {
            most,
            backoff: Backoff {
                first: millis(10),
                longest: millis(10),
            },
            oldest,
        },
        ..Function::new(Bytes::mib(1))
    }
}

#[test]
fn an_event_whose_retries_are_used_up_is_put_aside_before_its_one_reply() {
    let mut desk = Desk::new(Settings::DEFAULT, &[function(1, Duration::MAX)]);
    assert_eq!(desk.event(0), ["start 0 of 0"]);
    assert_eq!(desk.ready(0), ["run 0 on 0"]);
    assert_eq!(desk.failed(0), [""; 0]);
    assert_eq!(desk.at(10), ["10 run 0 on 0"]);
    assert_eq!(
        desk.failed(0),
        ["dead 0: Failure after 2", "reply 0: Failure"]
    );
    let totals = desk.platform.totals();
    assert_eq!((totals.dead_letters, totals.replies), (1, 1));
}

#[test]
fn neither_a_success_nor_a_call_that_somebody_waits_for_is_put_aside() {
    let mut desk = Desk::new(Settings::DEFAULT, &[function(0, Duration::MAX)]);
    desk.event(0);
    desk.ready(0);
    assert_eq!(desk.done(0), ["reply 0: Success"]);
    desk.request(0);
    assert_eq!(desk.failed(1), ["reply 1: Failure"]);
    assert_eq!(desk.platform.totals().dead_letters, 0);
}

#[test]
fn an_event_that_is_refused_when_it_comes_is_told_so_and_not_put_aside() {
    let mut desk = Desk::new(Settings::DEFAULT, &[function(0, Duration::MAX)]);
    let nobodys = Call {
        id: CallId::new(9),
        function: FunctionId::new(7),
        payload: 0,
        source: Source::Event,
        key: None,
    };
    assert_eq!(desk.tell(Event::Arrived(nobodys)), ["reply 9: Unknown"]);
    assert_eq!(desk.platform.totals().dead_letters, 0);
}

#[test]
fn an_event_that_waits_until_it_is_too_old_never_runs() {
    let mut desk = Desk::new(Settings::DEFAULT, &[function(0, millis(100))]);
    desk.request(0);
    desk.ready(0);
    desk.at(20);
    assert_eq!(desk.event(0), [""; 0]);
    desk.request(0);
    assert_eq!(desk.at(119), [""; 0]);
    let told = desk.at(120);
    assert_eq!(
        told,
        ["120 dead 1: Expired after 0", "120 reply 1: Expired"]
    );
    // The request has no age.
    assert_eq!(desk.at(1_000), [""; 0]);
    assert_eq!(desk.done(0), ["reply 0: Success", "run 2 on 0"]);
    assert_eq!(desk.platform.totals().expired, 1);
}

#[test]
fn of_many_that_wait_each_ends_within_a_sixteenth_of_the_age_and_none_runs_too_late() {
    let mut desk = Desk::new(Settings::DEFAULT, &[function(0, millis(160))]);
    desk.request(0);
    desk.ready(0);
    for at in 1..=20 {
        desk.at(at);
        desk.event(0);
    }
    assert_eq!(desk.at(160), [""; 0]);
    let told = desk.at(190);
    let ends: Vec<(u64, u64)> = told
        .iter()
        .filter_map(|word| {
            let (at, rest) = word.split_once(" dead ")?;
            let (call, _) = rest.split_once(':')?;
            Some((at.parse().unwrap(), call.parse().unwrap()))
        })
        .collect();
    assert_eq!(ends.len(), 20);
    for (at, call) in ends {
        assert!((call + 160..=call + 170).contains(&at), "{call} at {at}");
    }
    // Between two sweeps an instance comes free: who is too old is not run.
    desk.event(0);
    desk.at(195);
    desk.event(0);
    desk.at(350);
    desk.event(0);
    desk.now = cloudlot_core::Timestamp::ZERO + millis(356);
    let told = desk.done(0);
    assert_eq!(told[0], "reply 0: Success");
    assert_eq!(told.last().unwrap(), "run 23 on 0", "{told:?}");
}

#[test]
fn an_event_that_joined_one_that_failed_is_put_aside_too() {
    let mut desk = Desk::new(Settings::DEFAULT, &[function(0, Duration::MAX)]);
    for id in 0..2 {
        let key = Key {
            name: cloudlot_core::RequestKey(1),
            digest: 0,
        };
        desk.tell(Event::Arrived(Call {
            id: CallId::new(id),
            function: FunctionId::new(0),
            payload: 0,
            source: Source::Event,
            key: Some(key),
        }));
    }
    desk.ready(0);
    let told = desk.failed(0);
    let expected = [
        "dead 0: Failure after 1",
        "reply 0: Failure",
        "dead 1: Failure after 0",
        "reply 1: Failure",
    ];
    assert_eq!(told, expected);
}
