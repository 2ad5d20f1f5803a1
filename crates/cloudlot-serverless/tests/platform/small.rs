//! The exact course of small cases, where simulators disagree.

use cloudlot_core::{Bytes, Timestamp};
use cloudlot_serverless::sim::{FixedStart, Simulation};
use cloudlot_serverless::{
    Arrival, Binding, FixedWindow, Frees, Full, Function, FunctionId, Life, Move, Platform, Pool,
    Record, Reuse, Settings, Sink,
};
use expect_test::{Expect, expect};
use std::fmt::Write;
use std::num::NonZeroU32;
use std::time::Duration;

/// One line for what happens.
#[derive(Default)]
struct Log(String);

impl Sink for Log {
    fn call(&mut self, record: &Record) {
        let Record {
            call,
            outcome,
            ended,
            cold,
            ..
        } = record;
        let how = if *cold { "cold" } else { "warm" };
        writeln!(
            self.0,
            "{:>5} {call}: {outcome:?}, {how}",
            ended.as_nanos() / 1_000_000
        )
        .expect("a string");
    }

    fn moved(&mut self, step: &Move) {
        let Move {
            at,
            instance,
            from,
            to,
            ..
        } = step;
        if *from == Life::Gone {
            writeln!(self.0, "{:>5} {instance}: {to}", at.as_nanos() / 1_000_000)
                .expect("a string");
        } else {
            writeln!(
                self.0,
                "{:>5} {instance}: {from} -> {to}",
                at.as_nanos() / 1_000_000
            )
            .expect("a string");
        }
    }
}

fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// Calls by when they come and how long they run; a start takes 100 ms, a window 1 s.
fn course(settings: Settings, function: Function, calls: &[(u64, u64)], expected: &Expect) {
    let calls: Vec<_> = calls.iter().map(|&(at, runs)| (at, 0, runs)).collect();
    course_of(settings, &[function], &calls, expected);
}

/// The same for several functions: when, whose, how long.
fn course_of(
    settings: Settings,
    functions: &[Function],
    calls: &[(u64, u32, u64)],
    expected: &Expect,
) {
    let mut platform = Platform::new(settings, FixedWindow(millis(1_000)));
    for &function in functions {
        platform.add(function);
    }
    let arrivals = calls.iter().map(|&(at, function, runs)| Arrival {
        at: Timestamp::ZERO + millis(at),
        function: FunctionId::new(function),
        runs: millis(runs),
    });
    let mut log = Log::default();
    Simulation::new(FixedStart(millis(100))).run(&mut platform, arrivals, &mut log);
    let totals = platform.totals();
    writeln!(
        log.0,
        "starts {}, waited {}, cold {}, idle {} MiB·ms",
        totals.starts,
        totals.waited,
        totals.cold,
        (totals.idle >> 20) / 1_000_000
    )
    .expect("a string");
    expected.assert_eq(&log.0);
}

const EARLY: Settings = Settings {
    binding: Binding::Early,
    reuse: Reuse::MostRecent,
    ..Settings::DEFAULT
};
const LATE: Settings = Settings {
    binding: Binding::Late,
    reuse: Reuse::MostRecent,
    ..Settings::DEFAULT
};
const SHARED: Settings = Settings {
    binding: Binding::LateShared,
    reuse: Reuse::MostRecent,
    ..Settings::DEFAULT
};
const HELLO: Function = Function::new(Bytes::mib(1));

#[test]
fn the_window_counts_from_the_last_end_and_its_last_moment_is_warm() {
    course(
        EARLY,
        HELLO,
        &[(0, 50), (1_150, 50), (2_200, 50), (3_251, 50)],
        &expect![[r#"
                0 instance-0.0: starting
              100 instance-0.0: starting -> busy
              150 call-0: Success, cold
              150 instance-0.0: busy -> idle
             1150 instance-0.0: idle -> busy
             1200 call-1: Success, warm
             1200 instance-0.0: busy -> idle
             2200 instance-0.0: idle -> busy
             2250 call-2: Success, warm
             2250 instance-0.0: busy -> idle
             3250 instance-0.0: idle -> stopping
             3250 instance-0.0: stopping -> gone
             3251 instance-0.1: starting
             3351 instance-0.1: starting -> busy
             3401 call-3: Success, cold
             3401 instance-0.1: busy -> idle
             4401 instance-0.1: idle -> stopping
             4401 instance-0.1: stopping -> gone
            starts 2, waited 2, cold 2, idle 4000 MiB·ms
        "#]],
    );
}

#[test]
fn an_instance_that_ends_in_the_moment_of_an_arrival_serves_it() {
    course(
        EARLY,
        HELLO,
        &[(0, 50), (150, 0), (150, 0), (150, 10)],
        &expect![[r#"
                0 instance-0.0: starting
              100 instance-0.0: starting -> busy
              150 call-0: Success, cold
              150 instance-0.0: busy -> idle
              150 instance-0.0: idle -> busy
              150 call-1: Success, warm
              150 instance-0.0: busy -> idle
              150 instance-0.0: idle -> busy
              150 call-2: Success, warm
              150 instance-0.0: busy -> idle
              150 instance-0.0: idle -> busy
              160 call-3: Success, warm
              160 instance-0.0: busy -> idle
             1160 instance-0.0: idle -> stopping
             1160 instance-0.0: stopping -> gone
            starts 1, waited 1, cold 1, idle 1000 MiB·ms
        "#]],
    );
}

#[test]
fn a_call_bound_early_waits_for_its_own_start() {
    course(
        EARLY,
        HELLO,
        &[(0, 10), (50, 10), (105, 10)],
        &expect![[r#"
                0 instance-0.0: starting
               50 instance-1.0: starting
              100 instance-0.0: starting -> busy
              105 instance-2.0: starting
              110 call-0: Success, cold
              110 instance-0.0: busy -> idle
              150 instance-1.0: starting -> busy
              160 call-1: Success, cold
              160 instance-1.0: busy -> idle
              205 instance-2.0: starting -> busy
              215 call-2: Success, cold
              215 instance-2.0: busy -> idle
             1110 instance-0.0: idle -> stopping
             1110 instance-0.0: stopping -> gone
             1160 instance-1.0: idle -> stopping
             1160 instance-1.0: stopping -> gone
             1215 instance-2.0: idle -> stopping
             1215 instance-2.0: stopping -> gone
            starts 3, waited 3, cold 3, idle 3000 MiB·ms
        "#]],
    );
}

#[test]
fn a_call_bound_late_takes_whichever_is_free_first() {
    course(
        LATE,
        HELLO,
        &[(0, 10), (50, 10), (115, 50), (120, 10)],
        &expect![[r#"
                0 instance-0.0: starting
               50 instance-1.0: starting
              100 instance-0.0: starting -> busy
              110 call-0: Success, cold
              110 instance-0.0: busy -> busy
              115 instance-2.0: starting
              120 call-1: Success, warm
              120 instance-0.0: busy -> busy
              120 instance-3.0: starting
              150 instance-1.0: starting -> busy
              160 call-3: Success, cold
              160 instance-1.0: busy -> idle
              170 call-2: Success, warm
              170 instance-0.0: busy -> idle
              215 instance-2.0: starting -> idle
              220 instance-3.0: starting -> idle
             1160 instance-1.0: idle -> stopping
             1160 instance-1.0: stopping -> gone
             1170 instance-0.0: idle -> stopping
             1170 instance-0.0: stopping -> gone
             1215 instance-2.0: idle -> stopping
             1215 instance-2.0: stopping -> gone
             1220 instance-3.0: idle -> stopping
             1220 instance-3.0: stopping -> gone
            starts 4, waited 4, cold 2, idle 4000 MiB·ms
        "#]],
    );
}

#[test]
fn a_shared_start_is_not_started_twice() {
    course(
        SHARED,
        HELLO,
        &[(0, 10), (50, 10), (115, 50), (120, 10)],
        &expect![[r#"
                0 instance-0.0: starting
               50 instance-1.0: starting
              100 instance-0.0: starting -> busy
              110 call-0: Success, cold
              110 instance-0.0: busy -> busy
              120 call-1: Success, warm
              120 instance-0.0: busy -> busy
              150 instance-1.0: starting -> busy
              160 call-3: Success, cold
              160 instance-1.0: busy -> idle
              170 call-2: Success, warm
              170 instance-0.0: busy -> idle
             1160 instance-1.0: idle -> stopping
             1160 instance-1.0: stopping -> gone
             1170 instance-0.0: idle -> stopping
             1170 instance-0.0: stopping -> gone
            starts 2, waited 4, cold 2, idle 2000 MiB·ms
        "#]],
    );
}

#[test]
fn of_several_idle_ones_the_last_goes_first_and_the_others_in_peace() {
    let calls = [(0, 10), (0, 20), (600, 10), (1_100, 10)];
    course(
        EARLY,
        HELLO,
        &calls,
        &expect![[r#"
            0 instance-0.0: starting
            0 instance-1.0: starting
          100 instance-0.0: starting -> busy
          100 instance-1.0: starting -> busy
          110 call-0: Success, cold
          110 instance-0.0: busy -> idle
          120 call-1: Success, cold
          120 instance-1.0: busy -> idle
          600 instance-1.0: idle -> busy
          610 call-2: Success, warm
          610 instance-1.0: busy -> idle
         1100 instance-1.0: idle -> busy
         1110 call-3: Success, warm
         1110 instance-1.0: busy -> idle
         1110 instance-0.0: idle -> stopping
         1110 instance-0.0: stopping -> gone
         2110 instance-1.0: idle -> stopping
         2110 instance-1.0: stopping -> gone
        starts 2, waited 2, cold 2, idle 2970 MiB·ms
    "#]],
    );
    let array = Settings {
        reuse: Reuse::ArrayFirst,
        ..EARLY
    };
    course(
        array,
        HELLO,
        &calls,
        &expect![[r#"
            0 instance-0.0: starting
            0 instance-1.0: starting
          100 instance-0.0: starting -> busy
          100 instance-1.0: starting -> busy
          110 call-0: Success, cold
          110 instance-0.0: busy -> idle
          120 call-1: Success, cold
          120 instance-1.0: busy -> idle
          600 instance-0.0: idle -> busy
          610 call-2: Success, warm
          610 instance-0.0: busy -> idle
         1100 instance-1.0: idle -> busy
         1110 call-3: Success, warm
         1110 instance-1.0: busy -> idle
         1610 instance-0.0: idle -> stopping
         1610 instance-0.0: stopping -> gone
         2110 instance-1.0: idle -> stopping
         2110 instance-1.0: stopping -> gone
        starts 2, waited 2, cold 2, idle 3470 MiB·ms
    "#]],
    );
}

#[test]
fn what_runs_too_long_is_stopped_and_then_answered() {
    let function = Function {
        timeout: Some(millis(30)),
        ..HELLO
    };
    course(
        LATE,
        function,
        &[(0, 31), (200, 30)],
        &expect![[r#"
            0 instance-0.0: starting
          100 instance-0.0: starting -> busy
          130 instance-0.0: busy -> stopping
          130 call-0: TimedOut, cold
          130 instance-0.0: stopping -> gone
          200 instance-0.1: starting
          300 instance-0.1: starting -> busy
          330 call-1: Success, cold
          330 instance-0.1: busy -> idle
         1330 instance-0.1: idle -> stopping
         1330 instance-0.1: stopping -> gone
        starts 2, waited 2, cold 2, idle 1000 MiB·ms
    "#]],
    );
}

#[test]
fn who_waits_too_long_is_answered_and_the_start_is_kept() {
    let function = Function {
        patience: Some(millis(40)),
        ..HELLO
    };
    course(
        EARLY,
        function,
        &[(0, 10), (120, 10)],
        &expect![[r#"
            0 instance-0.0: starting
           40 call-0: WaitedTooLong, warm
          100 instance-0.0: starting -> idle
          120 instance-0.0: idle -> busy
          130 call-1: Success, warm
          130 instance-0.0: busy -> idle
         1130 instance-0.0: idle -> stopping
         1130 instance-0.0: stopping -> gone
        starts 1, waited 1, cold 0, idle 1020 MiB·ms
    "#]],
    );
}

#[test]
fn at_its_limit_a_function_makes_calls_wait() {
    let function = Function {
        instances: NonZeroU32::new(1),
        ..HELLO
    };
    course(
        EARLY,
        function,
        &[(0, 10), (0, 10), (105, 10)],
        &expect![[r#"
                0 instance-0.0: starting
              100 instance-0.0: starting -> busy
              110 call-0: Success, cold
              110 instance-0.0: busy -> busy
              120 call-1: Success, warm
              120 instance-0.0: busy -> busy
              130 call-2: Success, warm
              130 instance-0.0: busy -> idle
             1130 instance-0.0: idle -> stopping
             1130 instance-0.0: stopping -> gone
            starts 1, waited 3, cold 1, idle 1000 MiB·ms
        "#]],
    );
}

#[test]
fn an_idle_instance_makes_room_for_a_call_that_waits_for_memory() {
    let settings = Settings {
        pool: Some(Pool {
            memory: Bytes::mib(3),
            frees: Frees::WhenGone,
            full: Full::Wait,
        }),
        ..EARLY
    };
    let big = Function::new(Bytes::mib(2));
    course_of(
        settings,
        &[HELLO, big, big],
        &[(0, 0, 50), (10, 1, 50), (20, 2, 10), (180, 0, 10)],
        &expect![[r#"
                0 instance-0.0: starting
               10 instance-1.0: starting
              100 instance-0.0: starting -> busy
              110 instance-1.0: starting -> busy
              150 call-0: Success, cold
              150 instance-0.0: busy -> idle
              160 call-1: Success, cold
              160 instance-1.0: busy -> idle
              160 instance-1.0: idle -> stopping
              160 instance-1.0: stopping -> gone
              160 instance-1.1: starting
              180 instance-0.0: idle -> busy
              190 call-3: Success, warm
              190 instance-0.0: busy -> idle
              260 instance-1.1: starting -> busy
              270 call-2: Success, cold
              270 instance-1.1: busy -> idle
             1190 instance-0.0: idle -> stopping
             1190 instance-0.0: stopping -> gone
             1270 instance-1.1: idle -> stopping
             1270 instance-1.1: stopping -> gone
            starts 3, waited 3, cold 3, idle 3030 MiB·ms
        "#]],
    );
    let refuse = Settings {
        pool: settings.pool.map(|pool| Pool {
            full: Full::Refuse,
            frees: Frees::AtOnce,
            ..pool
        }),
        ..settings
    };
    course_of(
        refuse,
        &[HELLO, big, big],
        &[(0, 0, 50), (10, 1, 50), (20, 2, 10), (300, 2, 10)],
        &expect![[r#"
                0 instance-0.0: starting
               10 instance-1.0: starting
               20 call-2: NoRoom, warm
              100 instance-0.0: starting -> busy
              110 instance-1.0: starting -> busy
              150 call-0: Success, cold
              150 instance-0.0: busy -> idle
              160 call-1: Success, cold
              160 instance-1.0: busy -> idle
              300 instance-1.0: idle -> stopping
              300 instance-2.0: starting
              300 instance-1.0: stopping -> gone
              400 instance-2.0: starting -> busy
              410 call-3: Success, cold
              410 instance-2.0: busy -> idle
             1150 instance-0.0: idle -> stopping
             1150 instance-0.0: stopping -> gone
             1410 instance-2.0: idle -> stopping
             1410 instance-2.0: stopping -> gone
            starts 3, waited 4, cold 3, idle 3280 MiB·ms
        "#]],
    );
}
