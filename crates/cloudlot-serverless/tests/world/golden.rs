//! The exact protocol of single lives, event by event: what simulators leave open.

use cloudlot_serverless::{Binding, Function, Settings};
use expect_test::{Expect, expect};

use crate::script::Say::{Call, Done, Drain, Failed, Lost, Queued, Ready, Stopped, Tick};
use crate::script::{HELLO, Say, Scene, millis};

const LATE: Settings = Settings::DEFAULT;
const EARLY: Settings = Settings {
    binding: Binding::Early,
    ..Settings::DEFAULT
};
const TIMED: Function = Function {
    timeout: Some(millis(30)),
    ..HELLO
};

fn course(settings: Settings, function: Function, script: &[(u64, Say)], expected: &Expect) {
    expected.assert_eq(&Scene::new(settings, function).play(script));
}

#[test]
fn cold_then_warm_then_gone() {
    let script = [
        (0, Call(0)),
        (100, Ready(0)),
        (110, Done(0)),
        (300, Call(1)),
        (310, Done(1)),
        (1_110, Tick),
        (1_310, Tick),
        (1_320, Stopped(0)),
    ];
    course(
        LATE,
        HELLO,
        &script,
        &expect![[r#"
            0 arrived call-0
              instance-0.0 new -> starting
                start instance-0.0
          100 ready instance-0.0
              instance-0.0 starting -> busy
                run call-0 on instance-0.0 as attempt-0.0
          110 done attempt-0.0: Success
              call-0 told: Success after 1 attempts, cold
              instance-0.0 busy -> idle
                reply call-0: Success
                wake at 1110
          300 arrived call-1
              instance-0.0 idle -> busy
                run call-1 on instance-0.0 as attempt-0.1
          310 done attempt-0.1: Success
              call-1 told: Success after 1 attempts, warm
              instance-0.0 busy -> idle
                reply call-1: Success
         1110 tick
                wake at 1310
         1310 tick
              instance-0.0 idle -> stopping
                stop instance-0.0: Unused
         1320 stopped instance-0.0
              instance-0.0 stopping -> gone
        2 of 2 answered, 0 late, 0 instances
    "#]],
    );
}

#[test]
fn at_the_end_of_the_window_an_arrival_is_warm_and_the_tick_after_it_finds_nothing() {
    let script = [
        (0, Call(0)),
        (100, Ready(0)),
        (100, Done(0)),
        (1_100, Call(1)),
        (1_100, Tick),
        (1_100, Done(1)),
    ];
    course(
        LATE,
        HELLO,
        &script,
        &expect![[r#"
            0 arrived call-0
              instance-0.0 new -> starting
                start instance-0.0
          100 ready instance-0.0
              instance-0.0 starting -> busy
                run call-0 on instance-0.0 as attempt-0.0
          100 done attempt-0.0: Success
              call-0 told: Success after 1 attempts, cold
              instance-0.0 busy -> idle
                reply call-0: Success
                wake at 1100
         1100 arrived call-1
              instance-0.0 idle -> busy
                run call-1 on instance-0.0 as attempt-0.1
         1100 tick
         1100 done attempt-0.1: Success
              call-1 told: Success after 1 attempts, warm
              instance-0.0 busy -> idle
                reply call-1: Success
                wake at 2100
        2 of 2 answered, 0 late, 1 instances
    "#]],
    );
}

#[test]
fn at_the_end_of_the_window_a_tick_before_the_arrival_makes_it_cold() {
    let script = [
        (0, Call(0)),
        (100, Ready(0)),
        (100, Done(0)),
        (1_100, Tick),
        (1_100, Call(1)),
    ];
    course(
        LATE,
        HELLO,
        &script,
        &expect![[r#"
            0 arrived call-0
              instance-0.0 new -> starting
                start instance-0.0
          100 ready instance-0.0
              instance-0.0 starting -> busy
                run call-0 on instance-0.0 as attempt-0.0
          100 done attempt-0.0: Success
              call-0 told: Success after 1 attempts, cold
              instance-0.0 busy -> idle
                reply call-0: Success
                wake at 1100
         1100 tick
              instance-0.0 idle -> stopping
                stop instance-0.0: Unused
         1100 arrived call-1
              instance-1.0 new -> starting
                start instance-1.0
        1 of 2 answered, 0 late, 2 instances
    "#]],
    );
}

#[test]
fn an_event_whose_instance_is_lost_is_run_again_elsewhere_and_its_old_end_is_late() {
    let script = [
        (0, Queued(0)),
        (100, Ready(0)),
        (120, Lost(0)),
        (125, Done(0)),
        (170, Tick),
        (270, Ready(1)),
        (280, Done(1)),
        (281, Done(1)),
        (282, Lost(0)),
    ];
    course(
        LATE,
        HELLO,
        &script,
        &expect![[r#"
            0 arrived call-0
              instance-0.0 new -> starting
                start instance-0.0
          100 ready instance-0.0
              instance-0.0 starting -> busy
                run call-0 on instance-0.0 as attempt-0.0
          120 lost instance-0.0
              instance-0.0 busy -> gone
                wake at 170
          125 done attempt-0.0: Success
          170 tick
              instance-0.1 new -> starting
                start instance-0.1
          270 ready instance-0.1
              instance-0.1 starting -> busy
                run call-0 on instance-0.1 as attempt-0.1
          280 done attempt-0.1: Success
              call-0 told: Success after 2 attempts, cold
              instance-0.1 busy -> idle
                reply call-0: Success
                wake at 1280
          281 done attempt-0.1: Success
          282 lost instance-0.0
        1 of 1 answered, 3 late, 1 instances
    "#]],
    );
}

#[test]
fn a_request_whose_instance_is_lost_is_not_run_again() {
    let script = [
        (0, Call(0)),
        (100, Ready(0)),
        (120, Lost(0)),
        (125, Done(0)),
    ];
    course(
        LATE,
        HELLO,
        &script,
        &expect![[r#"
            0 arrived call-0
              instance-0.0 new -> starting
                start instance-0.0
          100 ready instance-0.0
              instance-0.0 starting -> busy
                run call-0 on instance-0.0 as attempt-0.0
          120 lost instance-0.0
              call-0 told: Lost after 1 attempts, cold
              instance-0.0 busy -> gone
                reply call-0: Lost
          125 done attempt-0.0: Success
        1 of 1 answered, 1 late, 0 instances
    "#]],
    );
}

#[test]
fn what_runs_too_long_is_answered_before_it_ends_and_its_end_is_late() {
    let script = [
        (0, Call(0)),
        (100, Ready(0)),
        (130, Tick),
        (140, Done(0)),
        (150, Stopped(0)),
        (151, Stopped(0)),
    ];
    course(
        LATE,
        TIMED,
        &script,
        &expect![[r#"
            0 arrived call-0
              instance-0.0 new -> starting
                start instance-0.0
          100 ready instance-0.0
              instance-0.0 starting -> busy
                run call-0 on instance-0.0 as attempt-0.0
                wake at 130
          130 tick
              instance-0.0 busy -> stopping
              call-0 told: TimedOut after 1 attempts, cold
                stop instance-0.0: TimedOut
                reply call-0: TimedOut
          140 done attempt-0.0: Success
          150 stopped instance-0.0
              instance-0.0 stopping -> gone
          151 stopped instance-0.0
        1 of 1 answered, 2 late, 0 instances
    "#]],
    );
}

#[test]
fn what_ends_in_the_moment_of_its_timeout_has_ended() {
    let script = [(0, Call(0)), (100, Ready(0)), (130, Done(0)), (130, Tick)];
    course(
        LATE,
        TIMED,
        &script,
        &expect![[r#"
            0 arrived call-0
              instance-0.0 new -> starting
                start instance-0.0
          100 ready instance-0.0
              instance-0.0 starting -> busy
                run call-0 on instance-0.0 as attempt-0.0
                wake at 130
          130 done attempt-0.0: Success
              call-0 told: Success after 1 attempts, cold
              instance-0.0 busy -> idle
                reply call-0: Success
          130 tick
                wake at 1130
        1 of 1 answered, 0 late, 1 instances
    "#]],
    );
}

#[test]
fn an_event_that_times_out_waits_and_starts_anew_while_the_old_instance_stops() {
    let script = [
        (0, Queued(0)),
        (100, Ready(0)),
        (130, Tick),
        (180, Tick),
        (190, Done(0)),
        (280, Ready(1)),
        (290, Done(1)),
        (500, Stopped(0)),
    ];
    course(
        LATE,
        TIMED,
        &script,
        &expect![[r#"
            0 arrived call-0
              instance-0.0 new -> starting
                start instance-0.0
          100 ready instance-0.0
              instance-0.0 starting -> busy
                run call-0 on instance-0.0 as attempt-0.0
                wake at 130
          130 tick
              instance-0.0 busy -> stopping
                stop instance-0.0: TimedOut
                wake at 180
          180 tick
              instance-1.0 new -> starting
                start instance-1.0
          190 done attempt-0.0: Success
          280 ready instance-1.0
              instance-1.0 starting -> busy
                run call-0 on instance-1.0 as attempt-0.1
                wake at 310
          290 done attempt-0.1: Success
              call-0 told: Success after 2 attempts, cold
              instance-1.0 busy -> idle
                reply call-0: Success
          500 stopped instance-0.0
              instance-0.0 stopping -> gone
        1 of 1 answered, 1 late, 1 instances
    "#]],
    );
}

#[test]
fn after_a_crash_the_next_start_waits_and_arrivals_in_between_start_nothing() {
    let script = [
        (0, Call(0)),
        (100, Lost(0)),
        (500, Call(1)),
        (1_100, Tick),
        (1_200, Lost(1)),
        (1_200, Lost(2)),
        (3_200, Tick),
        (5_200, Tick),
        (5_300, Ready(3)),
        (5_310, Done(0)),
    ];
    course(
        LATE,
        HELLO,
        &script,
        &expect![[r#"
            0 arrived call-0
              instance-0.0 new -> starting
                start instance-0.0
          100 lost instance-0.0
              instance-0.0 starting -> gone
                wake at 1100
          500 arrived call-1
         1100 tick
              instance-0.1 new -> starting
              instance-1.0 new -> starting
                start instance-0.1
                start instance-1.0
         1200 lost instance-0.1
              instance-0.1 starting -> gone
                wake at 3200
         1200 lost instance-1.0
              instance-1.0 starting -> gone
         3200 tick
                wake at 5200
         5200 tick
              instance-1.1 new -> starting
              instance-0.2 new -> starting
                start instance-1.1
                start instance-0.2
         5300 ready instance-1.1
              instance-1.1 starting -> busy
                run call-0 on instance-1.1 as attempt-0.0
         5310 done attempt-0.0: Success
              call-0 told: Success after 1 attempts, cold
              instance-1.1 busy -> busy
                reply call-0: Success
                run call-1 on instance-1.1 as attempt-1.0
        1 of 2 answered, 0 late, 2 instances
    "#]],
    );
}

#[test]
fn a_start_that_fails_for_a_call_bound_to_it_is_that_calls_attempt() {
    let script = [
        (0, Call(0)),
        (10, Queued(1)),
        (100, Lost(0)),
        (110, Lost(1)),
        (1_100, Tick),
        (2_110, Tick),
    ];
    course(
        EARLY,
        HELLO,
        &script,
        &expect![[r#"
            0 arrived call-0
              instance-0.0 new -> starting
                start instance-0.0
           10 arrived call-1
              instance-1.0 new -> starting
                start instance-1.0
          100 lost instance-0.0
              call-0 told: Lost after 1 attempts, warm
              instance-0.0 starting -> gone
                wake at 1100
                reply call-0: Lost
          110 lost instance-1.0
              instance-1.0 starting -> gone
                wake at 160
         1100 tick
                wake at 2110
         2110 tick
              instance-1.1 new -> starting
                start instance-1.1
        1 of 2 answered, 0 late, 1 instances
    "#]],
    );
}

#[test]
fn an_idle_instance_that_is_lost_serves_nobody() {
    let script = [
        (0, Call(0)),
        (100, Ready(0)),
        (110, Done(0)),
        (200, Lost(0)),
        (210, Call(1)),
        (1_110, Tick),
    ];
    course(
        LATE,
        HELLO,
        &script,
        &expect![[r#"
            0 arrived call-0
              instance-0.0 new -> starting
                start instance-0.0
          100 ready instance-0.0
              instance-0.0 starting -> busy
                run call-0 on instance-0.0 as attempt-0.0
          110 done attempt-0.0: Success
              call-0 told: Success after 1 attempts, cold
              instance-0.0 busy -> idle
                reply call-0: Success
                wake at 1110
          200 lost instance-0.0
              instance-0.0 idle -> gone
          210 arrived call-1
              instance-0.1 new -> starting
                start instance-0.1
         1110 tick
        1 of 2 answered, 0 late, 1 instances
    "#]],
    );
}

#[test]
fn an_instance_that_is_lost_while_it_stops_is_gone_once() {
    let script = [
        (0, Call(0)),
        (100, Ready(0)),
        (110, Done(0)),
        (1_110, Tick),
        (1_111, Call(1)),
        (1_112, Lost(0)),
        (1_113, Stopped(0)),
    ];
    course(
        LATE,
        HELLO,
        &script,
        &expect![[r#"
            0 arrived call-0
              instance-0.0 new -> starting
                start instance-0.0
          100 ready instance-0.0
              instance-0.0 starting -> busy
                run call-0 on instance-0.0 as attempt-0.0
          110 done attempt-0.0: Success
              call-0 told: Success after 1 attempts, cold
              instance-0.0 busy -> idle
                reply call-0: Success
                wake at 1110
         1110 tick
              instance-0.0 idle -> stopping
                stop instance-0.0: Unused
         1111 arrived call-1
              instance-1.0 new -> starting
                start instance-1.0
         1112 lost instance-0.0
              instance-0.0 stopping -> gone
         1113 stopped instance-0.0
        1 of 2 answered, 1 late, 1 instances
    "#]],
    );
}

#[test]
fn a_second_ready_and_a_second_end_change_nothing() {
    let script = [
        (0, Call(0)),
        (100, Ready(0)),
        (101, Ready(0)),
        (110, Done(0)),
        (111, Done(0)),
        (112, Ready(0)),
        (120, Call(1)),
        (121, Done(0)),
        (130, Failed(1)),
    ];
    course(
        LATE,
        HELLO,
        &script,
        &expect![[r#"
            0 arrived call-0
              instance-0.0 new -> starting
                start instance-0.0
          100 ready instance-0.0
              instance-0.0 starting -> busy
                run call-0 on instance-0.0 as attempt-0.0
          101 ready instance-0.0
          110 done attempt-0.0: Success
              call-0 told: Success after 1 attempts, cold
              instance-0.0 busy -> idle
                reply call-0: Success
                wake at 1110
          111 done attempt-0.0: Success
          112 ready instance-0.0
          120 arrived call-1
              instance-0.0 idle -> busy
                run call-1 on instance-0.0 as attempt-0.1
          121 done attempt-0.0: Success
          130 done attempt-0.1: Failure
              call-1 told: Failure after 1 attempts, warm
              instance-0.0 busy -> idle
                reply call-1: Failure
        2 of 2 answered, 4 late, 1 instances
    "#]],
    );
}

#[test]
fn a_drain_ends_the_idle_at_once_and_the_others_when_they_are_done() {
    let script = [
        (0, Call(0)),
        (100, Ready(0)),
        (110, Done(0)),
        (120, Queued(1)),
        (125, Call(2)),
        (130, Drain),
        (131, Call(3)),
        (140, Failed(1)),
        (145, Stopped(0)),
        (190, Tick),
        (225, Ready(1)),
        (235, Done(2)),
        (245, Done(3)),
        (300, Stopped(1)),
    ];
    course(
        LATE,
        HELLO,
        &script,
        &expect![[r#"
            0 arrived call-0
              instance-0.0 new -> starting
                start instance-0.0
          100 ready instance-0.0
              instance-0.0 starting -> busy
                run call-0 on instance-0.0 as attempt-0.0
          110 done attempt-0.0: Success
              call-0 told: Success after 1 attempts, cold
              instance-0.0 busy -> idle
                reply call-0: Success
                wake at 1110
          120 arrived call-1
              instance-0.0 idle -> busy
                run call-1 on instance-0.0 as attempt-0.1
          125 arrived call-2
              instance-1.0 new -> starting
                start instance-1.0
          130 drain
          131 arrived call-3
              call-3 told: Draining after 0 attempts, warm
                reply call-3: Draining
          140 done attempt-0.1: Failure
              instance-0.0 busy -> busy
                wake at 190
                run call-2 on instance-0.0 as attempt-1.0
          145 stopped instance-0.0
          190 tick
              instance-2.0 new -> starting
                start instance-2.0
                wake at 1110
          225 ready instance-1.0
              instance-1.0 starting -> busy
                run call-1 on instance-1.0 as attempt-0.2
          235 done attempt-1.0: Success
              call-2 told: Success after 1 attempts, warm
              instance-0.0 busy -> stopping
                reply call-2: Success
                stop instance-0.0: Drained
          245 done attempt-0.2: Success
              call-1 told: Success after 2 attempts, cold
              instance-1.0 busy -> stopping
                reply call-1: Success
                stop instance-1.0: Drained
          300 stopped instance-1.0
              instance-1.0 stopping -> gone
        4 of 4 answered, 1 late, 2 instances
    "#]],
    );
}
