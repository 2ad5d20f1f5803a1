//! Whatever goes wrong in a world: one reply a call, one end an attempt, and books that agree.

use std::num::{NonZeroU8, NonZeroU32};
use std::time::Duration;

use cloudlot_core::{Bytes, Seeds, Timestamp};
use cloudlot_serverless::sim::{CrashLoop, Faults, HostLoss, Simulation, SlowSpell, World};
use cloudlot_serverless::start::{Delay, Part, StartModel};
use cloudlot_serverless::{
    Backoff, Binding, Call, CallId, FixedWindow, Frees, Full, Function, FunctionId, Health, Host,
    HostId, KeyMemory, Outcome, Platform, Pool, Retries, Reuse, Settings, Source,
};
use proptest::prelude::*;

use crate::audit::Watched;

const fn nanos(count: u64) -> Duration {
    Duration::from_nanos(count)
}

const fn at(count: u64) -> Timestamp {
    Timestamp::from_nanos(count)
}

fn function() -> impl Strategy<Value = Function> {
    let some = |most: u64| prop::option::of((0..most).prop_map(nanos));
    let limits = (some(20), some(60), prop::option::of(1..4_u32));
    let retries = (any::<bool>(), 0..4_u16, 0..5_u64, 0..200_u64);
    let warmth = (1..4_u32, 0..3_u32, 0..5_u64, any::<bool>());
    (1..9_u64, limits, retries, warmth).prop_map(
        |(memory, (timeout, patience, instances), (idempotent, most, first, oldest), warmth)| {
            Function {
                idempotent,
                concurrency: NonZeroU32::new(warmth.0).expect("one or more"),
                provisioned: warmth.1,
                code: Bytes::new(warmth.2),
                prepared: warmth.3,
                retries: Retries {
                    most,
                    backoff: Backoff {
                        first: nanos(first),
                        longest: nanos(3 * first),
                    },
                    oldest: nanos(oldest),
                },
                timeout,
                patience,
                instances: instances.and_then(NonZeroU32::new),
                ..Function::new(Bytes::new(memory))
            }
        },
    )
}

fn settings() -> impl Strategy<Value = Settings> {
    let bindings = vec![Binding::Early, Binding::Late, Binding::LateShared];
    let reuse = vec![Reuse::MostRecent, Reuse::ArrayFirst];
    let frees = vec![Frees::WhenGone, Frees::AtOnce];
    let full = vec![Full::Wait, Full::Refuse];
    let pool = (
        8..20_u64,
        prop::sample::select(frees),
        prop::sample::select(full),
    );
    (
        prop::sample::select(bindings),
        prop::sample::select(reuse),
        prop::option::of(pool),
        prop::option::of((0..10_u64).prop_map(Bytes::new)),
        prop::option::of((0..30_u64).prop_map(nanos)),
        prop::option::of((1..30_u64, 1..4_u8, any::<bool>())),
    )
        .prop_map(|(binding, reuse, pool, code, grace, health)| Settings {
            code,
            grace,
            health: health.map(|(every, misses, busy)| Health {
                every: nanos(every),
                misses: NonZeroU8::new(misses).expect("one or more"),
                busy,
            }),
            binding,
            reuse,
            pool: pool.map(|(memory, frees, full)| Pool {
                memory: Bytes::new(memory),
                frees,
                full,
            }),
            restart: Backoff {
                first: nanos(2),
                longest: nanos(9),
            },
            keys: KeyMemory::DEFAULT,
            ..Settings::DEFAULT
        })
}

fn faults() -> impl Strategy<Value = Faults> {
    let share = |most: f64| prop_oneof![Just(0.0), 0.0..most];
    let stretch = || (0..200_u64, 0..100_u64).prop_map(|(from, long)| (at(from), at(from + long)));
    let loops = prop::collection::vec((0..3_u32, stretch()), 0..3).prop_map(|loops| {
        let of = |(function, (from, until))| CrashLoop {
            function: FunctionId::new(function),
            from,
            until,
        };
        loops.into_iter().map(of).collect::<Vec<_>>()
    });
    let spells = prop::collection::vec((stretch(), 1.0..4.0), 0..2).prop_map(|spells| {
        let of = |((from, until), factor)| SlowSpell {
            from,
            until,
            factor,
        };
        spells.into_iter().map(of).collect::<Vec<_>>()
    });
    let starts = (share(0.5), share(1.0), share(0.5), 1.0..5.0, loops, spells);
    let runs = (share(1.0), share(1.0), prop::option::of(10..300_u64));
    let ends = (0..20_u64, share(0.5), share(1.0), 0..30_u64);
    let checks = (share(0.8), share(0.5), share(0.5));
    let losses = prop::collection::vec((0..4_u32, 0..300_u64, 0..50_u64), 0..3);
    let hosts = (losses, 0..4_u32, prop::option::of(20..300_u64), 0..50_u64);
    (starts, runs, ends, checks, hosts).prop_map(|(starts, runs, ends, checks, hosts)| Faults {
        failed_kills: checks.0,
        silent_checks: checks.1,
        unwell: checks.2,
        host_losses: (hosts.0.iter())
            .map(|&(host, from, lasts)| HostLoss {
                host: HostId::new(host),
                at: at(from),
                lasts: Some(nanos(lasts)),
            })
            .collect(),
        hosts: hosts.1,
        host_life: hosts.2.map(nanos),
        host_repair: Delay::Exponential {
            mean: nanos(hosts.3),
        },
        failed_starts: starts.0,
        failed_preparations: starts.1,
        slow_starts: starts.2,
        slow_factor: starts.3,
        crash_loops: starts.4,
        slow_spells: starts.5,
        failed_runs: runs.0,
        ghosts: runs.1,
        instance_life: runs.2.map(nanos),
        stops: Delay::Uniform {
            from: Duration::ZERO,
            to: nanos(ends.0),
        },
        stuck_stops: ends.1,
        repeated: ends.2,
        repeated_after: Delay::Exponential {
            mean: nanos(ends.3),
        },
    })
}

fn model() -> impl Strategy<Value = StartModel> {
    prop::collection::vec(0..6_u64, Part::ALL.len()).prop_map(|longest| {
        let parts = Part::ALL.into_iter().zip(longest);
        parts.fold(StartModel::new("any"), |model, (part, longest)| {
            let delay = Delay::Uniform {
                from: Duration::ZERO,
                to: nanos(longest),
            };
            model.with(part, delay).expect("from zero")
        })
    })
}

fn calls() -> impl Strategy<Value = Vec<(Timestamp, Call)>> {
    let call = (0..8_u64, 0..3_u32, 0..25_u64, any::<bool>());
    prop::collection::vec(call, 0..80).prop_map(|calls| {
        let mut now = 0;
        let calls = (0..).zip(calls);
        let calls = calls.map(|(id, (gap, function, payload, event))| {
            now += gap;
            let call = Call {
                id: CallId::new(id),
                function: FunctionId::new(function),
                payload,
                source: if event {
                    Source::Event
                } else {
                    Source::Request
                },
                key: None,
            };
            (at(now), call)
        });
        calls.collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]
    #[test]
    fn one_reply_a_call_and_one_end_an_attempt_in_any_world(
        mut functions in prop::collection::vec(function(), 3),
        (mut settings, mut faults) in (settings(), faults()),
        model in model(),
        calls in calls(),
        window in 0..40_u64,
        hosts in prop::option::of(prop::collection::vec(9..30_u64, 1..4)),
        seed: u64,
    ) {
        let hosts = hosts.unwrap_or_default();
        if !hosts.is_empty() {
            settings.pool = None;
        }
        let limited = settings.pool.is_some() || !hosts.is_empty();
        // Memory that is never given back lets others wait for ever, as it should; so does that of those who stay in any case.
        if limited && settings.grace.is_none() {
            faults.stuck_stops = 0.0;
        }
        if limited {
            functions.iter_mut().for_each(|it| it.provisioned = 0);
        }
        // Who stays in any case is asked for ever whether it is well.
        if functions.iter().any(|it| it.provisioned > 0) {
            settings.health = None;
        }
        let stay: u32 = functions.iter().map(|it| it.provisioned).sum();
        let quiet = faults == Faults { stops: faults.stops.clone(), ..Faults::NONE };
        let mut platform = Platform::new(settings, FixedWindow(nanos(window)));
        functions.iter().for_each(|&it| _ = platform.add(it));
        hosts.iter().for_each(|&memory| _ = platform.add_host(Host::new(Bytes::new(memory))));
        let world = World::new(Seeds::new(seed), model).with_faults(faults).expect("legal");
        let (mut watched, mut ear) = Watched::new(world);
        Simulation::new(&mut watched).run_calls(&mut platform, calls.iter().copied(), &mut ear);
        let Watched { world, book } = watched;
        let (book, totals) = (book.borrow(), platform.totals());

        // Nothing is left but who stays in any case and what never stops.
        prop_assert!(book.is_paid());
        prop_assert_eq!(platform.pending(), 0);
        prop_assert_eq!(platform.instances(), world.instances());
        prop_assert_eq!(platform.instances(), book.lives.len());
        prop_assert!(book.lives.len() as u64 <= world.struck().stuck_stops + u64::from(stay));

        // The books agree.
        prop_assert_eq!((totals.calls, totals.replies), (calls.len() as u64, calls.len() as u64));
        prop_assert_eq!(book.calls.len(), calls.len());
        let costs = world.costs(world.class_of(FunctionId::new(0)));
        prop_assert_eq!((book.starts, costs.starts()), (totals.starts, totals.starts));
        prop_assert!(totals.failed_starts >= book.starts.min(costs.failed()).saturating_sub(book.stops));
        prop_assert!(!quiet || totals.failed_starts == 0);

        let (mut retries, mut expired) = (0, 0);
        for &(arrived, call) in &calls {
            let function = &functions[call.function.number() as usize];
            let record = book.record(call.id);
            let seen = book.calls[&call.id.number()];
            prop_assert_eq!(seen.reply, Some(record.outcome));
            prop_assert_eq!((record.arrived, record.function), (arrived, call.function));
            prop_assert!(record.ended >= arrived);
            retries += u64::from(record.attempts.saturating_sub(1));
            expired += u64::from(record.outcome == Outcome::Expired);
            let failed = record.outcome != Outcome::Success;
            let letter = call.source == Source::Event && failed;
            prop_assert!(seen.letters <= u16::from(letter), "{:?}", record);
            prop_assert!(seen.letters == 1 || !letter || record.attempts == 0, "{:?}", record);
            // A start that was promised to a call and failed is an attempt that never ran.
            prop_assert!(seen.runs <= record.attempts);
            prop_assert!(settings.binding == Binding::Early || seen.runs == record.attempts);
            let again = call.source == Source::Event || function.idempotent;
            let most = 1 + if again { function.retries.most } else { 0 };
            prop_assert!(record.attempts <= most, "{:?}", record);
            match record.outcome {
                Outcome::Success => prop_assert!(seen.runs >= 1),
                Outcome::Failure | Outcome::TimedOut | Outcome::Lost => {
                    let pause = function.retries.backoff.after(record.attempts.into());
                    let old = (record.ended + pause).since(arrived) > function.retries.oldest;
                    prop_assert!(record.attempts == most || old, "given up too early: {:?}", record);
                }
                Outcome::WaitedTooLong => prop_assert!(function.patience.is_some()),
                Outcome::NoRoom => prop_assert!(limited),
                Outcome::Expired => {
                    prop_assert_eq!(call.source, Source::Event);
                    prop_assert!(record.ended.since(arrived) >= function.retries.oldest);
                }
                other => prop_assert!(false, "{:?}", other),
            }
        }
        // Every retry was followed by its attempt, or by the end of a call that waited for one.
        let gave_up = totals.waited_too_long + totals.no_room + expired;
        prop_assert!(retries <= totals.retries && totals.retries <= retries + gave_up);
    }
}
