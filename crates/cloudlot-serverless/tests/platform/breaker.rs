//! Functions that fail too often are left alone, and tried again with a few calls.

use crate::desk::{Desk, millis};
use cloudlot_core::Bytes;
use cloudlot_serverless::{Backoff, Breaker, CallId, Function, Retries, Settings, Standing};
use proptest::prelude::*;
use std::num::{NonZeroU8, NonZeroU32};

fn count(count: u8) -> NonZeroU8 {
    NonZeroU8::new(count).unwrap()
}

fn function(failures: u8, of: u8, probes: u8) -> Function {
    Function {
        breaker: Some(Breaker {
            failures: count(failures),
            of: count(of),
            open: millis(100),
            probes: count(probes),
        }),
        ..Function::new(Bytes::mib(1))
    }
}

/// A function of one instance, which is ready.
fn desk(function: Function) -> Desk {
    let one = Function {
        instances: NonZeroU32::new(1),
        ..function
    };
    let mut desk = Desk::new(Settings::DEFAULT, &[one]);
    desk.request(0);
    desk.ready(0);
    desk.done(0);
    desk
}

#[test]
fn after_two_failures_of_three_calls_are_sent_away_until_the_time_is_over() {
    let mut desk = desk(function(2, 3, 1));
    desk.request(0);
    desk.failed(1);
    desk.request(0);
    desk.done(2);
    desk.request(0);
    assert_eq!(desk.failed(3), ["reply 3: Failure"]);
    assert_eq!(desk.request(0), ["reply 4: BreakerOpen"]);
    desk.at(99);
    assert_eq!(desk.request(0), ["reply 5: BreakerOpen"]);
    desk.at(100);
    assert_eq!(desk.request(0), ["run 6 on 0"]);
    // One probe at once.
    assert_eq!(desk.request(0), ["reply 7: BreakerOpen"]);
    desk.done(6);
    assert_eq!(desk.request(0), ["run 8 on 0"]);
    // The window is empty after that: one failure is not enough.
    desk.failed(8);
    assert_eq!(desk.request(0), ["run 9 on 0"]);
    assert_eq!(desk.platform.totals().breaker_open, 3);
}

#[test]
fn failures_too_far_apart_do_not_open_it() {
    let mut desk = desk(function(2, 2, 1));
    for id in 1..20 {
        assert_eq!(desk.request(0), [format!("run {id} on 0")]);
        if id % 2 == 0 {
            desk.done(id)
        } else {
            desk.failed(id)
        };
    }
}

#[test]
fn a_probe_that_fails_opens_it_for_another_while() {
    let mut desk = desk(function(1, 1, 2));
    desk.request(0);
    desk.failed(1);
    desk.at(100);
    assert_eq!(desk.request(0), ["run 2 on 0"]);
    desk.done(2);
    assert_eq!(desk.request(0), ["run 3 on 0"]);
    desk.failed(3);
    assert_eq!(desk.request(0), ["reply 4: BreakerOpen"]);
    desk.at(199);
    assert_eq!(desk.request(0), ["reply 5: BreakerOpen"]);
    desk.at(200);
    assert_eq!(desk.request(0), ["run 6 on 0"]);
}

#[test]
fn events_wait_behind_it_without_an_attempt_and_go_on_one_after_the_other() {
    let mut desk = desk(function(1, 1, 2));
    desk.request(0);
    desk.failed(1);
    for _ in 0..4 {
        assert_eq!(desk.event(0), [""; 0]);
    }
    let held = desk.platform.status(CallId::new(2)).unwrap();
    assert_eq!((held.standing, held.attempts), (Standing::Held, 0));
    assert_eq!(desk.at(99), [""; 0]);
    assert_eq!(desk.at(100), ["100 run 2 on 0"]);
    // The second probe waits for the instance, the third for the circuit.
    let standing = |desk: &Desk, id| desk.platform.status(CallId::new(id)).unwrap().standing;
    assert_eq!(standing(&desk, 3), Standing::Waits);
    assert_eq!(standing(&desk, 4), Standing::Held);
    assert_eq!(desk.done(2), ["reply 2: Success", "run 3 on 0"]);
    assert_eq!(standing(&desk, 4), Standing::Held);
    assert_eq!(desk.done(3), ["reply 3: Success"]);
    assert_eq!(desk.at(100), ["100 run 4 on 0"]);
    assert_eq!(desk.done(4), ["reply 4: Success", "run 5 on 0"]);
    assert_eq!(desk.platform.totals().breaker_open, 0);
}

#[test]
fn when_it_opens_those_who_wait_are_sent_away_or_held() {
    let mut desk = desk(function(1, 1, 1));
    desk.request(0);
    desk.request(0);
    desk.event(0);
    let told = desk.failed(1);
    assert_eq!(told, ["reply 2: BreakerOpen", "reply 1: Failure"]);
    assert_eq!(desk.at(100), ["100 run 3 on 0"]);
}

#[test]
fn a_retry_waits_behind_it_and_dies_of_age_there() {
    let mut hello = function(1, 1, 1);
    hello.retries = Retries {
        most: 5,
        backoff: Backoff {
            first: millis(10),
            longest: millis(10),
        },
        oldest: millis(80),
    };
    let mut desk = desk(hello);
    desk.event(0);
    assert_eq!(desk.failed(1), [""; 0]);
    let told = desk.at(1_000);
    assert_eq!(told, ["80 dead 1: Expired after 1", "80 reply 1: Expired"]);
}

#[test]
fn a_probe_that_is_taken_back_makes_place_for_another() {
    let mut desk = desk(function(1, 1, 1));
    desk.request(0);
    desk.failed(1);
    desk.at(100);
    desk.request(0);
    assert_eq!(desk.request(0), ["reply 3: BreakerOpen"]);
    desk.cancel(2);
    assert_eq!(desk.request(0), ["start 1 of 0"]);
}

/// The same as a list of outcomes and a date, looked at anew each time.
struct Naive {
    breaker: Breaker,
    outcomes: Vec<bool>,
    open: Option<u64>,
    probes: Option<u8>,
}

impl Naive {
    fn admits(&mut self, now: u64) -> bool {
        if self.open.is_some_and(|until| now >= until) {
            self.open = None;
            self.probes = Some(0);
        }
        self.open.is_none()
    }

    fn ended(&mut self, good: bool, now: u64) {
        let until = now + 100;
        match &mut self.probes {
            Some(_) if !good => (self.open, self.probes) = (Some(until), None),
            Some(probes) => {
                *probes += 1;
                if *probes == self.breaker.probes.get() {
                    self.probes = None;
                    self.outcomes.clear();
                }
            }
            None => {
                self.outcomes.push(good);
                let of = self.breaker.of.max(self.breaker.failures).get().into();
                let last = self.outcomes.iter().rev().take(of);
                let failures = last.filter(|good| !**good).count();
                if failures >= self.breaker.failures.get().into() {
                    self.open = Some(until);
                }
            }
        }
    }
}

proptest! {
    #[test]
    fn one_call_after_the_other_goes_as_with_a_naive_model(
        (failures, of, probes) in (1..6_u8, 1..8_u8, 1..4_u8),
        calls in prop::collection::vec((0..60_u64, any::<bool>()), 0..80),
    ) {
        let is = function(failures, of, probes);
        let mut desk = Desk::new(Settings::DEFAULT, &[is]);
        let breaker = is.breaker.unwrap();
        let mut naive = Naive { breaker, outcomes: Vec::new(), open: None, probes: None };
        let mut now = 0;
        for ((gap, good), id) in calls.into_iter().zip(0..) {
            now += gap;
            desk.at(now);
            let mut told = desk.request(0);
            if naive.admits(now) {
                if told == ["start 0 of 0"] {
                    told = desk.ready(0);
                }
                prop_assert_eq!(told, [format!("run {id} on 0")]);
                if good { desk.done(id) } else { desk.failed(id) };
                naive.ended(good, now);
            } else {
                prop_assert_eq!(told, [format!("reply {id}: BreakerOpen")]);
            }
        }
    }
}

#[test]
fn counts_beyond_sixty_four_are_taken_as_that() {
    let mut desk = desk(function(200, 255, 1));
    for id in 1..=64 {
        desk.request(0);
        desk.failed(id);
    }
    assert_eq!(desk.request(0), ["reply 65: BreakerOpen"]);
}
