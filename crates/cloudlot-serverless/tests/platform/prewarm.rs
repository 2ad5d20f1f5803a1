//! Starts ahead of calls: the exact course of small cases. A start takes 100 ms.

use cloudlot_core::{Bytes, Timestamp};
use cloudlot_serverless::sim::{Backend, Fate, FixedStart, Simulation};
use cloudlot_serverless::{
    Arrival, Binding, Call, CallId, Effect, Event, FixedWindow, Frees, Full, Function, FunctionId,
    KeepAlive, Life, Move, Platform, Pool, Prewarm, Record, Rest, Resting, Settings, Sink, Source,
};
use expect_test::{Expect, expect};
use std::fmt::Write;
use std::num::NonZeroU32;
use std::time::Duration;

fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// One line for what happens.
#[derive(Default)]
struct Log(String);

impl Log {
    fn line(&mut self, at: Timestamp, what: &str) {
        writeln!(self.0, "{:>5} {what}", at.as_nanos() / 1_000_000).expect("a string");
    }
}

impl Sink for Log {
    fn call(&mut self, record: &Record) {
        let how = if record.cold { "cold" } else { "warm" };
        let Record { call, outcome, .. } = record;
        self.line(record.ended, &format!("{call}: {outcome:?}, {how}"));
    }

    fn moved(&mut self, step: &Move) {
        if step.to != Life::Gone {
            let Move { function, to, .. } = step;
            self.line(step.at, &format!("{function} {to}"));
        }
    }
}

/// The same answer each time: kept for so long, started so long after, kept for so long.
#[derive(Clone, Copy)]
struct Same(u64, u64, u64);

impl KeepAlive for Same {
    fn rest(&mut self, _: &Resting) -> Rest {
        let Self(keep, after, then) = *self;
        let (after, keep_then) = (millis(after), millis(then));
        Rest {
            keep: millis(keep),
            prewarm: Some(Prewarm {
                after,
                keep: keep_then,
            }),
        }
    }
}

/// The answers that are left, the next one last; then nothing is kept.
struct Answers(Vec<Rest>);

impl KeepAlive for Answers {
    fn rest(&mut self, _: &Resting) -> Rest {
        self.0.pop().unwrap_or(Rest::keep(Duration::ZERO))
    }
}

const EARLY: Settings = Settings {
    binding: Binding::Early,
    ..Settings::DEFAULT
};

/// Calls by when they come, whose they are and how long they run.
fn play<K: KeepAlive>(
    settings: Settings,
    policy: K,
    functions: &[Function],
    calls: &[(u64, u32, u64)],
    backend: impl Backend,
) -> (Platform<K>, String) {
    let mut platform = Platform::new(settings, policy);
    for &function in functions {
        platform.add(function);
    }
    let arrivals = calls.iter().map(|&(at, function, runs)| Arrival {
        at: Timestamp::ZERO + millis(at),
        function: FunctionId::new(function),
        runs: millis(runs),
    });
    let mut log = Log::default();
    Simulation::new(backend).run(&mut platform, arrivals, &mut log);
    let totals = platform.totals();
    writeln!(
        log.0,
        "starts {}, ahead {}, cold {}, idle {} MiB·ms",
        totals.starts,
        totals.prewarms,
        totals.cold,
        (totals.idle >> 20) / 1_000_000
    )
    .expect("a string");
    (platform, log.0)
}

fn course(policy: impl KeepAlive, calls: &[(u64, u64)], expected: &Expect) {
    let function = Function::new(Bytes::mib(1));
    let calls: Vec<_> = calls.iter().map(|&(at, runs)| (at, 0, runs)).collect();
    let start = FixedStart(millis(100));
    let (_, log) = play(EARLY, policy, &[function], &calls, start);
    expected.assert_eq(&log);
}

#[test]
fn an_instance_is_started_for_nobody_and_its_start_counts_as_idle() {
    course(
        Same(0, 500, 300),
        &[(0, 10), (800, 10)],
        &expect![[r#"
            0 fn-0 starting
          100 fn-0 busy
          110 call-0: Success, cold
          110 fn-0 idle
          110 fn-0 stopping
          610 fn-0 starting
          710 fn-0 idle
          800 fn-0 busy
          810 call-1: Success, warm
          810 fn-0 idle
          810 fn-0 stopping
         1310 fn-0 starting
         1410 fn-0 idle
         1710 fn-0 stopping
        starts 3, ahead 2, cold 1, idle 590 MiB·ms
    "#]],
    );
}

#[test]
fn a_call_waits_for_what_starts_and_starts_none_also_with_early_binding() {
    course(
        Same(0, 500, 300),
        &[(0, 10), (650, 10)],
        &expect![[r#"
                0 fn-0 starting
              100 fn-0 busy
              110 call-0: Success, cold
              110 fn-0 idle
              110 fn-0 stopping
              610 fn-0 starting
              710 fn-0 busy
              720 call-1: Success, cold
              720 fn-0 idle
              720 fn-0 stopping
             1220 fn-0 starting
             1320 fn-0 idle
             1620 fn-0 stopping
            starts 3, ahead 2, cold 2, idle 500 MiB·ms
        "#]],
    );
}

#[test]
fn a_call_in_the_moment_in_which_it_is_due_comes_before_it() {
    course(
        Same(0, 500, 0),
        &[(0, 10), (610, 700)],
        &expect![[r#"
            0 fn-0 starting
          100 fn-0 busy
          110 call-0: Success, cold
          110 fn-0 idle
          110 fn-0 stopping
          610 fn-0 starting
          710 fn-0 busy
         1410 call-1: Success, cold
         1410 fn-0 idle
         1410 fn-0 stopping
         1910 fn-0 starting
         2010 fn-0 idle
         2010 fn-0 stopping
        starts 3, ahead 1, cold 2, idle 100 MiB·ms
    "#]],
    );
}

#[test]
fn nothing_is_started_beside_an_instance_that_is_there() {
    course(
        Same(600, 500, 300),
        &[(0, 10)],
        &expect![[r#"
            0 fn-0 starting
          100 fn-0 busy
          110 call-0: Success, cold
          110 fn-0 idle
          710 fn-0 stopping
        starts 1, ahead 0, cold 1, idle 600 MiB·ms
    "#]],
    );
}

#[test]
fn the_newest_answer_counts_also_if_it_wants_none() {
    let ahead = |after| Rest {
        keep: Duration::ZERO,
        prewarm: Some(Prewarm {
            after: millis(after),
            keep: millis(50),
        }),
    };
    let answers = [Rest::keep(Duration::ZERO), ahead(900), ahead(500)];
    course(
        Answers(answers.to_vec()),
        &[(0, 10), (200, 10), (1_500, 10)],
        &expect![[r#"
                0 fn-0 starting
              100 fn-0 busy
              110 call-0: Success, cold
              110 fn-0 idle
              110 fn-0 stopping
              200 fn-0 starting
              300 fn-0 busy
              310 call-1: Success, cold
              310 fn-0 idle
              310 fn-0 stopping
             1210 fn-0 starting
             1310 fn-0 idle
             1360 fn-0 stopping
             1500 fn-0 starting
             1600 fn-0 busy
             1610 call-2: Success, cold
             1610 fn-0 idle
             1610 fn-0 stopping
            starts 4, ahead 1, cold 3, idle 150 MiB·ms
        "#]],
    );
}

#[test]
fn a_rest_tells_who_else_is_there() {
    #[derive(Default)]
    struct Others(Vec<(u32, u32)>);
    impl KeepAlive for Others {
        fn rest(&mut self, resting: &Resting) -> Rest {
            self.0.push((resting.idle, resting.busy));
            Rest::keep(millis(5_000))
        }
    }
    let function = Function::new(Bytes::mib(1));
    // All three start; the second ends first, then the third, then the first.
    let calls = [(0, 0, 300), (0, 0, 100), (0, 0, 200), (1_000, 0, 50)];
    let start = FixedStart(millis(100));
    let (platform, _) = play(EARLY, Others::default(), &[function], &calls, start);
    assert_eq!(platform.keep_alive().0, [(0, 2), (1, 1), (2, 0), (2, 0)]);
}

#[test]
fn a_policy_hears_of_functions_starts_and_ends() {
    #[derive(Default)]
    struct Heard(Vec<String>);
    impl KeepAlive for Heard {
        fn rest(&mut self, resting: &Resting) -> Rest {
            self.0.push(format!("{} rests", resting.function));
            Rest::keep(Duration::ZERO)
        }

        fn added(&mut self, function: FunctionId, is: &Function) {
            self.0.push(format!("{function} has {}", is.memory));
        }

        fn ready(&mut self, function: FunctionId, took: Duration) {
            self.0.push(format!("{function} started in {took:?}"));
        }

        fn finished(&mut self, function: FunctionId, ran: Duration) {
            self.0.push(format!("{function} ran for {ran:?}"));
        }
    }
    let function = Function::new(Bytes::mib(3));
    let start = FixedStart(millis(100));
    let boxed: Box<Heard> = Box::default();
    let (platform, _) = play(EARLY, boxed, &[function], &[(0, 0, 20)], start);
    let expected = [
        "fn-0 has 3 MiB",
        "fn-0 started in 100ms",
        "fn-0 ran for 20ms",
        "fn-0 rests",
    ];
    assert_eq!(platform.keep_alive().0, expected);
}

#[test]
fn nobody_is_evicted_for_it() {
    let pool = Pool {
        memory: Bytes::mib(2),
        frees: Frees::AtOnce,
        full: Full::Wait,
    };
    let settings = Settings {
        pool: Some(pool),
        ..EARLY
    };
    struct Each;
    impl KeepAlive for Each {
        fn rest(&mut self, resting: &Resting) -> Rest {
            if resting.function == FunctionId::new(0) {
                Same(0, 500, 300).rest(resting)
            } else {
                Rest::keep(millis(2_000))
            }
        }
    }
    let functions = [Function::new(Bytes::mib(1)), Function::new(Bytes::mib(2))];
    let calls = [(0, 0, 10), (200, 1, 10)];
    let start = FixedStart(millis(100));
    let (platform, _) = play(settings, Each, &functions, &calls, start);
    assert_eq!(platform.totals().prewarms, 0);
    assert_eq!(platform.totals().evictions, 0);
    // With room for both it is started.
    let settings = Settings {
        pool: Some(Pool {
            memory: Bytes::mib(3),
            ..pool
        }),
        ..EARLY
    };
    let (platform, _) = play(settings, Each, &functions, &calls, start);
    assert_eq!(platform.totals().prewarms, 1);
}

#[test]
fn a_start_ahead_that_is_lost_waits_like_any_other_and_is_not_tried_again() {
    struct SecondFails(u32);
    impl Backend for SecondFails {
        fn start(&mut self, _: FunctionId) -> (Duration, Fate) {
            self.0 += 1;
            let fate = if self.0 == 2 {
                Fate::Lost
            } else {
                Fate::Success
            };
            (millis(100), fate)
        }
    }
    let function = Function::new(Bytes::mib(1));
    let calls = [(0, 0, 10), (2_000, 0, 10)];
    let (platform, log) = play(
        EARLY,
        Same(0, 500, 300),
        &[function],
        &calls,
        SecondFails(0),
    );
    let totals = platform.totals();
    // The first call, the one ahead that failed, the second call, and the one ahead after that.
    assert_eq!(
        (totals.starts, totals.prewarms, totals.cold),
        (4, 2, 2),
        "{log}"
    );
    assert_eq!((platform.instances(), platform.pending()), (0, 0));
}

#[test]
fn a_limit_of_instances_holds_for_it_too() {
    let function = Function {
        instances: NonZeroU32::new(1),
        ..Function::new(Bytes::mib(1))
    };
    let calls = [(0, 0, 10), (550, 0, 10), (560, 0, 10)];
    let start = FixedStart(millis(100));
    let (platform, log) = play(EARLY, Same(0, 430, 300), &[function], &calls, start);
    // The two late calls wait for the one that starts ahead.
    assert_eq!(platform.totals().starts, 3, "{log}");
}

#[test]
fn a_platform_that_drains_starts_none() {
    let mut platform = Platform::new(EARLY, Same(0, 500, 300));
    let function = platform.add(Function::new(Bytes::mib(1)));
    let mut effects = Vec::new();
    let mut tell = |event, at| {
        effects.clear();
        platform.handle(event, Timestamp::ZERO + millis(at), &mut effects, &mut ());
        effects.clone()
    };
    let call = Call {
        id: CallId::new(1),
        function,
        payload: 0,
        source: Source::Request,
        key: None,
    };
    let effects = tell(Event::Arrived(call), 0);
    let Some(&Effect::Start { instance, .. }) = effects.first() else {
        panic!("{effects:?}");
    };
    let effects = tell(Event::Ready(instance), 100);
    let Some(&Effect::Run { attempt, .. }) = effects.first() else {
        panic!("{effects:?}");
    };
    let exit = cloudlot_serverless::Exit::Success;
    tell(Event::Done { attempt, exit }, 110);
    tell(Event::Drain, 120);
    let effects = tell(Event::Tick, 610);
    assert!(
        !effects.iter().any(|it| matches!(it, Effect::Start { .. })),
        "{effects:?}"
    );
    assert_eq!(platform.totals().prewarms, 0);
}

#[test]
fn a_window_without_starts_ahead_has_none() {
    let function = Function::new(Bytes::mib(1));
    let start = FixedStart(millis(100));
    let calls = [(0, 0, 10), (700, 0, 10)];
    let (platform, _) = play(EARLY, FixedWindow(millis(300)), &[function], &calls, start);
    assert_eq!(
        (platform.totals().starts, platform.totals().prewarms),
        (2, 0)
    );
}
