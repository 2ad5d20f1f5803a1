//! The same seed gives the same bytes, on every machine and in every run.

use std::fmt::Write;
use std::time::Duration;

use cloudlot_core::{Bytes, Seeds, Timestamp};
use cloudlot_serverless::sim::{CrashLoop, Faults, Simulation, World};
use cloudlot_serverless::start::{Delay, RuntimeClass};
use cloudlot_serverless::{
    Backoff, Call, CallId, FixedWindow, Function, FunctionId, Move, Platform, Record, Retries,
    Settings, Sink, Source,
};

/// FNV-1a over the lines of a log, and how many there were.
struct Digest(u64, u64);

impl Digest {
    fn line(&mut self, line: &str) {
        self.1 += 1;
        for byte in line.bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
}

impl Sink for Digest {
    fn call(&mut self, record: &Record) {
        let Record {
            call,
            arrived,
            started,
            ended,
            outcome,
            attempts,
            cold,
            ..
        } = record;
        let nanos = |at: &Timestamp| at.as_nanos();
        let started = started.as_ref().map(nanos);
        self.line(&format!(
            "{call} {} {started:?} {} {outcome:?} {attempts} {cold}",
            nanos(arrived),
            nanos(ended)
        ));
    }

    fn moved(&mut self, step: &Move) {
        let Move {
            at,
            instance,
            from,
            to,
            ..
        } = step;
        self.line(&format!("{} {instance} {from} {to}", at.as_nanos()));
    }
}

/// 20,000 calls of 20 functions of all classes, with every fault.
fn log(seed: u64) -> String {
    let second = Duration::from_secs;
    let faults = Faults {
        failed_starts: 0.02,
        crash_loops: vec![CrashLoop {
            function: FunctionId::new(3),
            from: Timestamp::ZERO + second(60),
            until: Timestamp::ZERO + second(200),
        }],
        slow_starts: 0.05,
        failed_runs: 0.01,
        instance_life: Some(second(120)),
        stops: Delay::LogNormal {
            median: Duration::from_millis(80),
            p99: second(5),
        },
        stuck_stops: 0.001,
        ghosts: 0.3,
        repeated: 0.05,
        repeated_after: Delay::Exponential { mean: second(1) },
        ..Faults::NONE
    };
    let mut classes = RuntimeClass::ALL.into_iter().map(RuntimeClass::model);
    let world = World::new(Seeds::new(seed), classes.next().expect("six"));
    let mut world = world.with_faults(faults).expect("legal");
    let classes: Vec<_> = classes.map(|model| world.add_class(model)).collect();
    let mut platform = Platform::new(Settings::DEFAULT, FixedWindow(second(5)));
    for (number, class) in (0..20).zip(classes.into_iter().cycle()) {
        let function = platform.add(Function {
            timeout: Some(second(2)),
            patience: Some(second(30)),
            retries: Retries {
                most: 3,
                backoff: Backoff {
                    first: second(1),
                    longest: second(60),
                },
                oldest: second(600),
            },
            ..Function::new(Bytes::mib(64))
        });
        if number > 3 {
            world.assign(function, class);
        }
    }
    let calls = (0..20_000_u64).map(|id| {
        // A stride that visits all functions, and runs of up to 3 s.
        let scattered = id.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
        let call = Call {
            id: CallId::new(id),
            function: FunctionId::new(u32::try_from(scattered % 20).expect("few")),
            payload: scattered * 180,
            source: if id % 3 == 0 {
                Source::Event
            } else {
                Source::Request
            },
            key: None,
        };
        (Timestamp::from_nanos(id * 15_000_000), call)
    });
    let mut digest = Digest(0xcbf2_9ce4_8422_2325, 0);
    let mut simulation = Simulation::new(&mut world);
    simulation.run_calls(&mut platform, calls, &mut digest);
    let mut log = format!("{:016x} over {} lines\n", digest.0, digest.1);
    writeln!(log, "{:?}\n{:?}", platform.totals(), world.struck()).expect("a string");
    for (_, model, costs) in world.classes() {
        let whole = costs.whole().map(|cost| (cost.mean, cost.p99));
        writeln!(log, "{} {} {whole:?}", model.name(), costs.starts()).expect("a string");
    }
    log
}

#[test]
fn two_runs_of_a_seed_are_one() {
    let first = log(7);
    assert_eq!(first, log(7));
    assert_ne!(first, log(8));
}

#[test]
fn the_bytes_are_those_of_every_machine() {
    expect_test::expect![[r#"
        861d281d770d024c over 97435 lines
        Totals { calls: 20000, replies: 20000, starts: 13456, prewarms: 0, waited: 14640, cold: 10757, failed_starts: 348, retries: 6567, joined: 0, evictions: 0, no_room: 0, timed_out: 12744, waited_too_long: 765, late: 8150, idle: 194836102316019417088 }
        Struck { failed_starts: 302, failed_preparations: 0, slow_starts: 697, failed_runs: 265, lost: 444, stuck_stops: 15, ghosts: 7625, repeated: 2249 }
        wasm 2203 Some((5.489µs, 45.538µs))
        process 2254 Some((7.382715ms, 53.466797ms))
        oci 1993 Some((48.483023ms, 353.515625ms))
        microvm 2109 Some((68.011734ms, 628.90625ms))
        huawei-1 2099 Some((1.330162466s, 12.4375s))
        huawei-2 2798 Some((995.842753ms, 10.5625s))
    "#]].assert_eq(&log(7));
}
