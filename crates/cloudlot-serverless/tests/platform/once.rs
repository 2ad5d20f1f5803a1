//! Whatever goes wrong, each call gets one reply, limits hold, and nothing is left at the end.

use crate::faults::{Wild, Witness};
use cloudlot_core::{Bytes, Timestamp};
use cloudlot_serverless::sim::Simulation;
use cloudlot_serverless::{
    Arrival, Binding, FixedWindow, Function, FunctionId, Outcome, Platform, Reuse, Settings,
};
use proptest::prelude::*;
use std::num::NonZeroU32;
use std::time::Duration;

fn function() -> impl Strategy<Value = Function> {
    let some = |most: u64| prop::option::of((0..most).prop_map(Duration::from_nanos));
    (1..9_u64, some(9), some(30), prop::option::of(1..4_u32)).prop_map(
        |(memory, timeout, patience, instances)| Function {
            memory: Bytes::new(memory),
            timeout,
            patience,
            instances: instances.and_then(NonZeroU32::new),
        },
    )
}

fn settings() -> impl Strategy<Value = Settings> {
    let bindings = [Binding::Early, Binding::Late, Binding::LateShared];
    (
        prop::sample::select(bindings.to_vec()),
        prop::sample::select(vec![Reuse::MostRecent, Reuse::ArrayFirst]),
    )
        .prop_map(|(binding, reuse)| Settings { binding, reuse })
}

/// The last function is one that nobody added.
fn arrivals(functions: usize) -> impl Strategy<Value = Vec<Arrival>> {
    let known = u32::try_from(functions).expect("few");
    prop::collection::vec((0..4_u64, 0..=known, 0..12_u64), 0..60).prop_map(|calls| {
        let mut at = 0;
        let calls = calls.into_iter().map(|(gap, function, runs)| {
            at += gap;
            Arrival {
                at: Timestamp::from_nanos(at),
                function: FunctionId::new(function),
                runs: Duration::from_nanos(runs),
            }
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
        arrivals in arrivals(3),
        window in 0..15_u64,
        seed: u64,
        wrong in 0..60_u32,
    ) {
        let mut platform = Platform::new(settings, FixedWindow(Duration::from_nanos(window)));
        let added: Vec<FunctionId> = functions.iter().map(|&it| platform.add(it)).collect();
        let mut witness = Witness::default();
        let mut simulation = Simulation::new(Wild::new(seed, wrong));
        simulation.run(&mut platform, arrivals.iter().copied(), &mut witness);

        prop_assert!(witness.sees_nobody());
        prop_assert_eq!((platform.instances(), platform.pending()), (0, 0));
        prop_assert_eq!(witness.records.len(), arrivals.len());
        for (arrival, (&call, record)) in arrivals.iter().zip(&witness.records) {
            prop_assert_eq!(record.call.number(), call);
            prop_assert_eq!((record.arrived, record.function), (arrival.at, arrival.function));
            let Some(function) = functions.get(arrival.function.number() as usize) else {
                prop_assert_eq!(record.outcome, Outcome::Unknown);
                continue;
            };
            let ran = record.started.map(|start| record.ended.since(start));
            if let (Some(ran), Some(timeout)) = (ran, function.timeout) {
                prop_assert!(ran <= timeout, "{:?}", record);
                prop_assert_eq!(record.outcome == Outcome::TimedOut && ran != timeout, false);
            }
            if let Some(patience) = function.patience {
                prop_assert!(record.delay() <= patience, "{:?}", record);
            }
        }
        for (id, function) in added.iter().zip(&functions) {
            if let (Some(most), Some((_, alive))) = (function.instances, witness.alive.get(id)) {
                prop_assert!(*alive <= most.get());
            }
        }
        let totals = platform.totals();
        prop_assert_eq!(totals.calls, totals.replies);
    }
}
