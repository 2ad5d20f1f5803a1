//! Who does not stop in time is ended by force.

use crate::desk::{Desk, millis};
use cloudlot_core::Bytes;
use cloudlot_serverless::{Backoff, Event, Frees, Full, Function, Pool, Settings};

fn settings(pause: u64) -> Settings {
    Settings {
        grace: Some(millis(100)),
        restart: Backoff {
            first: millis(pause),
            longest: millis(2 * pause),
        },
        pool: Some(Pool {
            memory: Bytes::mib(1),
            frees: Frees::WhenGone,
            full: Full::Wait,
        }),
        ..Settings::DEFAULT
    }
}

const HELLO: Function = Function::new(Bytes::mib(1));

/// An instance of the first function that was told to stop at 0.
fn stopping(pause: u64) -> Desk {
    let mut desk = Desk::new(settings(pause), &[HELLO, HELLO]);
    desk.request(0);
    desk.ready(0);
    desk.done(0);
    assert_eq!(desk.request(1), ["stop 0: Evicted"]);
    desk
}

#[test]
fn who_stops_in_time_is_left_in_peace() {
    let mut desk = stopping(50);
    assert_eq!(desk.at(99), [""; 0]);
    assert_eq!(desk.stopped(0), ["start 1 of 1"]);
    assert_eq!(desk.at(10_000), [""; 0]);
    assert_eq!(desk.platform.totals().kills, 0);
}

#[test]
fn who_does_not_is_ended_by_force_again_and_again_and_holds_its_memory_until_then() {
    let mut desk = stopping(50);
    let told = desk.at(400);
    // Pauses of 50 and 100.
    assert_eq!(
        told,
        ["100 kill 0", "150 kill 0", "250 kill 0", "350 kill 0"]
    );
    assert_eq!(desk.stopped(0), ["start 1 of 1"]);
    assert_eq!(desk.at(10_000), [""; 0]);
    assert_eq!(desk.stopped(0), [""; 0]);
    let totals = desk.platform.totals();
    assert_eq!((totals.kills, totals.late), (4, 1));
}

#[test]
fn without_a_pause_force_is_used_once() {
    let mut desk = stopping(0);
    assert_eq!(desk.at(10_000), ["100 kill 0"]);
}

#[test]
fn one_that_is_lost_while_it_stops_is_gone() {
    let mut desk = stopping(50);
    assert_eq!(desk.lost(0), ["start 1 of 1"]);
    assert_eq!(desk.at(10_000), [""; 0]);
}

#[test]
fn a_drain_ends_by_force_what_does_not_go() {
    let mut desk = Desk::new(settings(50), &[HELLO]);
    desk.request(0);
    desk.ready(0);
    desk.done(0);
    assert_eq!(desk.tell(Event::Drain), ["stop 0: Drained"]);
    assert_eq!(desk.at(120), ["100 kill 0"]);
    desk.stopped(0);
    assert_eq!(desk.platform.instances(), 0);
}
