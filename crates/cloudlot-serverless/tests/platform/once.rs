//! Whatever goes wrong, each call gets one reply, limits hold, and nothing is left at the end.

use crate::faults::{Wild, Witness};
use cloudlot_core::{Bytes, RequestKey, Timestamp};
use cloudlot_serverless::sim::Simulation;
use cloudlot_serverless::{
    Backoff, Binding, Call, CallId, Evicts, FixedWindow, Frees, Full, Function, FunctionId, Key,
    KeyMemory, Outcome, Platform, Pool, Retries, Reuse, Settings, Source, Spares,
};
use proptest::prelude::*;
use std::num::NonZeroU32;
use std::time::Duration;

pub(crate) fn function() -> impl Strategy<Value = Function> {
    let some = |most: u64| prop::option::of((0..most).prop_map(Duration::from_nanos));
    let limits = (some(9), some(30), prop::option::of(1..4_u32));
    let retries = (any::<bool>(), 0..4_u16, 0..5_u64, 0..100_u64);
    (1..9_u64, limits, retries).prop_map(
        |(memory, (timeout, patience, instances), (idempotent, most, first, oldest))| Function {
            idempotent,
            retries: Retries {
                most,
                backoff: Backoff {
                    first: Duration::from_nanos(first),
                    longest: Duration::from_nanos(3 * first),
                },
                oldest: Duration::from_nanos(oldest),
            },
            timeout,
            patience,
            instances: instances.and_then(NonZeroU32::new),
            ..Function::new(Bytes::new(memory))
        },
    )
}

pub(crate) fn settings() -> impl Strategy<Value = Settings> {
    let bindings = [Binding::Early, Binding::Late, Binding::LateShared];
    (
        prop::sample::select(bindings.to_vec()),
        prop::sample::select(vec![Reuse::MostRecent, Reuse::ArrayFirst]),
        prop::option::of((
            1..20_u64,
            prop::sample::select(vec![Frees::WhenGone, Frees::AtOnce]),
            prop::sample::select(vec![Full::Wait, Full::Refuse]),
        )),
        prop::sample::select(vec![Evicts::OnlyNeeded, Evicts::InOrder, Evicts::InVain]),
        prop::sample::select(vec![Spares::Nobody, Spares::Young]),
    )
        .prop_map(|(binding, reuse, pool, evicts, spares)| Settings {
            binding,
            reuse,
            evicts,
            spares,
            pool: pool.map(|(memory, frees, full)| Pool {
                memory: Bytes::new(memory),
                frees,
                full,
            }),
            restart: Backoff {
                first: Duration::from_nanos(2),
                longest: Duration::from_nanos(9),
            },
            keys: KeyMemory {
                keep: Duration::from_nanos(20),
                most: 3,
            },
            ..Settings::DEFAULT
        })
}

/// The last function is one that nobody added.
pub(crate) fn calls(functions: usize) -> impl Strategy<Value = Vec<(Timestamp, Call)>> {
    let known = u32::try_from(functions).expect("few");
    prop::collection::vec(
        (
            0..4_u64,
            0..=known,
            0..12_u64,
            any::<bool>(),
            prop::option::weighted(0.3, (0..4_u128, 0..2_u64)),
        ),
        0..60,
    )
    .prop_map(|calls| {
        let mut at = 0;
        let calls = (0..)
            .zip(calls)
            .map(|(id, (gap, function, payload, event, key))| {
                at += gap;
                let call = Call {
                    id: CallId::new(id),
                    function: FunctionId::new(function),
                    payload,
                    source: if event {
                        Source::Event
                    } else {
                        Source::Request
                    },
                    key: key.map(|(name, digest)| Key {
                        name: RequestKey(name),
                        digest,
                    }),
                };
                (Timestamp::from_nanos(at), call)
            });
        calls.collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]
    #[test]
    fn each_call_gets_one_reply_whatever_goes_wrong(
        functions in prop::collection::vec(function(), 3),
        settings in settings(),
        calls in calls(3),
        window in 0..15_u64,
        seed: u64,
        wrong in 0..60_u32,
    ) {
        let mut platform = Platform::new(settings, FixedWindow(Duration::from_nanos(window)));
        let mut again = platform.clone();
        let added: Vec<FunctionId> = functions.iter().map(|&it| platform.add(it)).collect();
        let mut witness = Witness::of(functions.iter().map(|it| it.memory.get()).collect());
        let mut simulation = Simulation::new(Wild::new(seed, wrong));
        simulation.run_calls(&mut platform, calls.iter().copied(), &mut witness);

        // The same seed gives the same run.
        functions.iter().for_each(|&it| _ = again.add(it));
        let mut other = Witness::of(functions.iter().map(|it| it.memory.get()).collect());
        Simulation::new(Wild::new(seed, wrong)).run_calls(&mut again, calls.iter().copied(), &mut other);
        prop_assert_eq!((&witness.records, platform.totals()), (&other.records, again.totals()));

        prop_assert!(witness.sees_nobody());
        prop_assert_eq!((platform.instances(), platform.pending()), (0, 0));
        prop_assert_eq!(witness.records.len(), calls.len());
        for (&(at, call), (&number, record)) in calls.iter().zip(&witness.records) {
            prop_assert_eq!((record.call, number), (call.id, call.id.number()));
            prop_assert_eq!((record.arrived, record.function), (at, call.function));
            let Some(function) = functions.get(call.function.number() as usize) else {
                prop_assert_eq!(record.outcome, Outcome::Unknown);
                continue;
            };
            let again = call.source == Source::Event || function.idempotent;
            let most = 1 + if again { function.retries.most } else { 0 };
            prop_assert!(record.attempts <= most, "{:?}", record);
            let ran = record.started.map(|start| record.ended.since(start));
            if let (Some(ran), Some(timeout)) = (ran, function.timeout) {
                prop_assert!(ran <= timeout, "{:?}", record);
                prop_assert_eq!(record.outcome == Outcome::TimedOut && ran != timeout, false);
            }
            if let Some(patience) = function.patience {
                let first = record.attempts == u16::from(record.started.is_some()) && call.key.is_none();
                prop_assert!(!first || record.delay() <= patience, "{:?}", record);
            }
        }
        for (id, function) in added.iter().zip(&functions) {
            if let (Some(most), Some((_, alive))) = (function.instances, witness.alive.get(id)) {
                prop_assert!(*alive <= most.get());
            }
        }
        if let Some(pool) = settings.pool
            && pool.frees == Frees::WhenGone
        {
            prop_assert!(witness.held.1 <= pool.memory.get());
        }
        let totals = platform.totals();
        prop_assert_eq!(totals.calls, totals.replies);
        prop_assert!(platform.remembered() <= 3);
    }
}
