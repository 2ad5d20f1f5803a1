//! What is tried again, when, and what is not.

use cloudlot_core::{Bytes, Timestamp};
use cloudlot_serverless::sim::{Backend, Fate, Simulation};
use cloudlot_serverless::{
    Backoff, Binding, Call, CallId, FixedWindow, Function, FunctionId, Outcome, Platform, Record,
    Retries, Settings, Sink, Source, Totals,
};
use std::time::Duration;

/// Starts take 100 ms, and both they and attempts end as written down, then well.
struct Script {
    starts: Vec<Fate>,
    runs: Vec<Fate>,
}

fn next(fates: &mut Vec<Fate>) -> Fate {
    if fates.is_empty() {
        Fate::Success
    } else {
        fates.remove(0)
    }
}

impl Backend for Script {
    fn start(&mut self, _: FunctionId) -> (Duration, Fate) {
        (millis(100), next(&mut self.starts))
    }

    fn run(&mut self, _: FunctionId, _: CallId, runs: Duration) -> (Duration, Fate) {
        (runs, next(&mut self.runs))
    }
}

#[derive(Default)]
struct Records(Vec<Record>);

impl Sink for Records {
    fn call(&mut self, record: &Record) {
        self.0.push(*record);
    }
}

const fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// Waits of 1, 2, 2, … seconds.
const HELLO: Function = Function {
    retries: Retries {
        most: 3,
        backoff: Backoff {
            first: millis(1_000),
            longest: millis(2_000),
        },
        oldest: millis(60_000),
    },
    ..Function::new(Bytes::mib(1))
};

/// One call that runs for 10 ms: outcome, attempts, and when it ended, in milliseconds.
fn one(
    binding: Binding,
    function: Function,
    source: Source,
    script: Script,
) -> ((Outcome, u16, u64), Totals) {
    let settings = Settings {
        binding,
        ..Settings::DEFAULT
    };
    let mut platform = Platform::new(settings, FixedWindow(millis(600_000)));
    let call = Call {
        id: CallId::new(0),
        function: platform.add(function),
        payload: 10_000_000,
        source,
        key: None,
    };
    let mut records = Records::default();
    let calls = [(Timestamp::ZERO, call)];
    Simulation::new(script).run_calls(&mut platform, calls, &mut records);
    let [record] = records.0[..] else {
        panic!("one record: {:?}", records.0);
    };
    let ended = record.ended.as_nanos() / 1_000_000;
    ((record.outcome, record.attempts, ended), *platform.totals())
}

fn runs(fates: &[Fate]) -> Script {
    Script {
        starts: Vec::new(),
        runs: fates.to_vec(),
    }
}

const LATE: Binding = Binding::Late;

#[test]
fn a_call_that_somebody_waits_for_is_tried_once() {
    let (told, totals) = one(LATE, HELLO, Source::Request, runs(&[Fate::Failure]));
    assert_eq!(told, (Outcome::Failure, 1, 110));
    assert_eq!(totals.retries, 0);
    let (told, _) = one(LATE, HELLO, Source::Request, runs(&[Fate::Lost]));
    assert_eq!(told, (Outcome::Lost, 1, 110));
}

#[test]
fn unless_its_function_is_idempotent() {
    let function = Function {
        idempotent: true,
        ..HELLO
    };
    let (told, totals) = one(LATE, function, Source::Request, runs(&[Fate::Failure]));
    assert_eq!(told, (Outcome::Success, 2, 1_120));
    assert_eq!((totals.retries, totals.starts), (1, 1));
}

#[test]
fn an_event_is_tried_with_growing_pauses_until_it_succeeds() {
    let script = runs(&[Fate::Failure, Fate::Lost]);
    let (told, totals) = one(LATE, HELLO, Source::Event, script);
    // 100 + 10, a pause of 1,000 and 10, a pause of 2,000, a start and 10.
    assert_eq!(told, (Outcome::Success, 3, 3_230));
    assert_eq!((totals.retries, totals.starts), (2, 2));
}

#[test]
fn an_event_fails_when_its_retries_are_used_up_or_it_is_too_old() {
    let always = || runs(&[Fate::Failure; 9]);
    let (told, _) = one(LATE, HELLO, Source::Event, always());
    assert_eq!(told, (Outcome::Failure, 4, 5_140));
    let mut function = HELLO;
    function.retries.oldest = millis(3_119);
    let (told, _) = one(LATE, function, Source::Event, always());
    assert_eq!(told, (Outcome::Failure, 2, 1_120));
    function.retries.oldest = millis(3_120);
    let (told, _) = one(LATE, function, Source::Event, always());
    assert_eq!(told, (Outcome::Failure, 3, 3_130));
}

#[test]
fn what_runs_too_long_is_tried_again_elsewhere() {
    let mut function = HELLO;
    function.timeout = Some(millis(9));
    let (told, totals) = one(LATE, function, Source::Event, runs(&[]));
    assert_eq!(told.0, Outcome::TimedOut);
    assert_eq!((told.1, totals.timed_out, totals.starts), (4, 4, 4));
    // Each of the four reported its end after it was stopped.
    assert_eq!(totals.late, 4);
}

#[test]
fn after_failed_starts_the_next_waits_longer_and_longer() {
    let script = Script {
        starts: vec![Fate::Failure; 3],
        runs: Vec::new(),
    };
    let (told, totals) = one(LATE, HELLO, Source::Request, script);
    // Starts at 0, 1,100, 3,200 and 7,300.
    assert_eq!(told, (Outcome::Success, 1, 7_410));
    assert_eq!((totals.failed_starts, totals.starts), (3, 4));
}

#[test]
fn the_failed_start_of_a_call_bound_early_is_its_attempt() {
    let script = || Script {
        starts: vec![Fate::Failure],
        runs: Vec::new(),
    };
    let (told, _) = one(Binding::Early, HELLO, Source::Request, script());
    assert_eq!(told, (Outcome::Lost, 1, 100));
    let (told, _) = one(Binding::Early, HELLO, Source::Event, script());
    assert_eq!(told, (Outcome::Success, 2, 1_210));
}
