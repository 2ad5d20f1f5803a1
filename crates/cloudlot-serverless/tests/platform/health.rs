//! Instances are asked whether they are well.

use crate::desk::{Desk, millis};
use cloudlot_core::Bytes;
use cloudlot_serverless::{Event, Function, Health, Settings};
use std::num::NonZeroU8;
use std::time::Duration;

fn desk(misses: u8, busy: bool, function: Function) -> Desk {
    let settings = Settings {
        health: Some(Health {
            every: millis(100),
            misses: NonZeroU8::new(misses).unwrap(),
            busy,
        }),
        ..Settings::DEFAULT
    };
    Desk::new(settings, &[function])
}

const HELLO: Function = Function::new(Bytes::mib(1));

/// One that is ready at 0 and idle.
fn idle(desk: &mut Desk) {
    desk.request(0);
    desk.ready(0);
    desk.done(0);
}

#[test]
fn who_answers_stays() {
    let mut desk = desk(1, false, HELLO);
    idle(&mut desk);
    for round in 1..5 {
        assert_eq!(desk.at(100 * round), [format!("{} check 0", 100 * round)]);
        let instance = desk.instance(0);
        assert_eq!(desk.tell(Event::Healthy(instance)), [""; 0]);
    }
    assert_eq!(desk.platform.totals().unhealthy, 0);
}

#[test]
fn who_stays_silent_too_often_in_a_row_is_stopped() {
    let mut desk = desk(2, false, HELLO);
    idle(&mut desk);
    desk.at(200);
    let instance = desk.instance(0);
    // The first is missed, the second answered: it counts from there.
    desk.tell(Event::Healthy(instance));
    let told = desk.at(1_000);
    assert_eq!(
        told,
        ["300 check 0", "400 check 0", "500 stop 0: Unhealthy"]
    );
    assert_eq!(desk.platform.totals().unhealthy, 1);
}

#[test]
fn one_that_says_no_has_missed_at_once_and_only_once() {
    let mut desk = desk(2, false, HELLO);
    idle(&mut desk);
    desk.at(100);
    let instance = desk.instance(0);
    assert_eq!(desk.tell(Event::Unhealthy(instance)), [""; 0]);
    // Nobody asked.
    assert_eq!(desk.tell(Event::Unhealthy(instance)), [""; 0]);
    assert_eq!(desk.platform.totals().late, 1);
    assert_eq!(desk.at(200), ["200 check 0"]);
    assert_eq!(desk.tell(Event::Unhealthy(instance)), ["stop 0: Unhealthy"]);
    desk.stopped(0);
    assert_eq!(desk.tell(Event::Healthy(instance)), [""; 0]);
    assert_eq!(desk.platform.totals().late, 2);
}

#[test]
fn busy_ones_are_asked_only_where_the_settings_say_so() {
    let mut quiet = desk(1, false, HELLO);
    quiet.request(0);
    quiet.ready(0);
    assert_eq!(quiet.at(1_000), [""; 0]);

    let mut strict = desk(1, true, HELLO);
    strict.request(0);
    strict.ready(0);
    let told = strict.at(1_000);
    assert_eq!(
        told,
        ["100 check 0", "200 reply 0: Lost", "200 stop 0: Unhealthy"]
    );
    assert_eq!(strict.platform.totals().unhealthy, 1);
}

#[test]
fn what_is_provisioned_is_replaced() {
    let function = Function {
        provisioned: 1,
        ..HELLO
    };
    let mut desk = desk(1, false, function);
    assert_eq!(desk.tell(Event::Tick), ["start 0 of 0"]);
    desk.ready(0);
    let told = desk.at(200);
    assert_eq!(
        told,
        ["100 check 0", "200 stop 0: Unhealthy", "200 start 1 of 0"]
    );
}

#[test]
fn no_interval_means_no_checks_and_rounds_end_with_the_last_instance() {
    let mut none = Desk::new(
        Settings {
            health: Some(Health {
                every: Duration::ZERO,
                misses: NonZeroU8::MIN,
                busy: true,
            }),
            ..Settings::DEFAULT
        },
        &[HELLO],
    );
    idle(&mut none);
    assert_eq!(none.at(10_000), [""; 0]);

    let mut desk = desk(1, false, HELLO);
    idle(&mut desk);
    desk.lost(0);
    assert_eq!(desk.at(10_000), [""; 0]);
    assert_eq!(desk.wake, None);
}
