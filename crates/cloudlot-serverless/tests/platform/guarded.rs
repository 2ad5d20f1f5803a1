//! The worlds of `once`, with owners, turns, breakers, checks, force and calls that are taken back.

use crate::faults::{Group, Wild, Witness};
use crate::once::{calls, function, settings};
use cloudlot_core::{Bytes, OwnerId, Timestamp};
use cloudlot_serverless::sim::Simulation;
use cloudlot_serverless::{
    Binding, Breaker, Call, CallId, Cancelling, Event, FixedWindow, Frees, Function, Health,
    Outcome, Owner, Platform, Settings, Source, Turns,
};
use proptest::prelude::*;
use std::num::{NonZeroU8, NonZeroU32};
use std::time::Duration;

fn count() -> impl Strategy<Value = NonZeroU8> {
    (1..4_u8).prop_map(|count| NonZeroU8::new(count).unwrap())
}

fn guarded() -> impl Strategy<Value = Function> {
    let breaker =
        (count(), count(), 0..20_u64, count()).prop_map(|(failures, of, open, probes)| Breaker {
            failures,
            of,
            open: Duration::from_nanos(open),
            probes,
        });
    let owner = (0..3_u32).prop_map(OwnerId::new);
    let queue = prop::option::of(0..4_u32);
    (function(), prop::option::of(breaker), owner, queue).prop_map(
        |(function, breaker, owner, queue)| Function {
            breaker,
            owner,
            queue,
            ..function
        },
    )
}

/// `org`, and `org/team` below it.
fn owners() -> impl Strategy<Value = [Owner; 2]> {
    let owner = |path: &'static str| {
        let most = || prop::option::of((1..4_u32).prop_map(|most| NonZeroU32::new(most).unwrap()));
        let memory = prop::option::of((1..20_u64).prop_map(Bytes::new));
        let queue = prop::option::of(0..6_u32);
        let weight = (1..4_u32).prop_map(|weight| NonZeroU32::new(weight).unwrap());
        (weight, memory, most(), most(), queue).prop_map(
            move |(weight, memory, instances, calls, queue)| Owner {
                weight,
                memory,
                instances,
                calls,
                queue,
                ..Owner::new(path.parse().unwrap())
            },
        )
    };
    [owner("org"), owner("org/team")]
}

fn guards() -> impl Strategy<Value = Settings> {
    let health = (0..9_u64, count(), any::<bool>()).prop_map(|(every, misses, busy)| Health {
        every: Duration::from_nanos(every),
        misses,
        busy,
    });
    let turns = prop_oneof![
        Just(Turns::Round),
        (0..9_u64).prop_map(|lead| Turns::Fair {
            lead: Bytes::new(lead)
        })
    ];
    let cancelling = prop::sample::select(vec![Cancelling::Stops, Cancelling::Leaves]);
    (
        settings(),
        prop::option::of(health),
        0..9_u64,
        turns,
        cancelling,
    )
        .prop_map(|(settings, health, grace, turns, cancelling)| Settings {
            health,
            grace: Some(Duration::from_nanos(grace)),
            turns,
            cancelling,
            ..settings
        })
}

/// Calls, and some of them taken back a while after they came.
fn with_cancels(calls: &[(Timestamp, Call)], cancels: &[Option<u64>]) -> Vec<(Timestamp, Event)> {
    let mut events: Vec<(Timestamp, Event)> = Vec::new();
    for ((at, call), cancel) in calls.iter().zip(cancels) {
        events.push((*at, Event::Arrived(*call)));
        if let Some(after) = cancel {
            let at = *at + Duration::from_nanos(*after);
            events.push((at, Event::Cancel(call.id)));
        }
    }
    // One that nobody made.
    events.push((Timestamp::ZERO, Event::Cancel(CallId::new(1_000))));
    events.sort_by_key(|&(at, _)| at);
    events
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]
    #[test]
    fn each_call_gets_one_reply_and_every_limit_holds(
        functions in prop::collection::vec(guarded(), 3),
        owners in owners(),
        settings in guards(),
        calls in calls(3),
        cancels in prop::collection::vec(prop::option::weighted(0.2, 0..20_u64), 60),
        window in 0..15_u64,
        seed: u64,
        wrong in 0..60_u32,
    ) {
        let mut platform = Platform::new(settings, FixedWindow(Duration::from_nanos(window)));
        for owner in &owners {
            platform.add_owner(owner.clone()).unwrap();
        }
        for &function in &functions {
            platform.add(function);
        }
        let mut witness = Witness::of(functions.iter().map(|it| it.memory.get()).collect());
        let of = |low: u32| {
            let functions = (0..).zip(&functions);
            let functions = functions.filter(|(_, it)| it.owner.number() >= low);
            functions.map(|(number, _)| number).collect::<Vec<u32>>()
        };
        let own = |owner: u32| {
            let functions = (0..).zip(&functions);
            let functions = functions.filter(|(_, it)| it.owner.number() == owner);
            functions.map(|(number, _)| number).collect::<Vec<u32>>()
        };
        // What the parent has with its child, what the child has, and what the parent runs itself.
        for functions in [of(1), of(2), own(1)] {
            witness.groups.push(Group { functions, ..Group::default() });
        }
        let mut wild = Wild::stubborn(seed, wrong);
        let events = with_cancels(&calls, &cancels);
        Simulation::new(&mut wild).run_events(&mut platform, events, &mut witness);

        prop_assert!(witness.sees_nobody());
        prop_assert_eq!((platform.instances(), platform.pending()), (0, 0));
        prop_assert_eq!(platform.pending_calls().count(), 0);
        prop_assert_eq!(witness.records.len(), calls.len());
        let totals = platform.totals();
        prop_assert_eq!(totals.calls, totals.replies);

        // Limits of owners.
        let whole = settings.pool.is_none_or(|pool| pool.frees == Frees::WhenGone);
        for (place, owner) in owners.iter().enumerate().filter(|_| whole) {
            let [memory, instances, _] = witness.groups[place].most;
            prop_assert!(owner.memory.is_none_or(|most| memory <= most.get()));
            prop_assert!(owner.instances.is_none_or(|most| instances <= most.get().into()));
        }
        for (group, owner) in [(2, &owners[0]), (1, &owners[1])] {
            let [_, _, busy] = witness.groups[group].most;
            prop_assert!(owner.calls.is_none_or(|most| busy <= most.get().into()));
        }

        // What is counted is what was said.
        let records: Vec<_> = witness.records.values().collect();
        let with = |outcome: fn(Outcome) -> bool| {
            let some = records.iter().filter(|record| outcome(record.outcome));
            u64::try_from(some.count()).unwrap()
        };
        prop_assert_eq!(with(|it| it == Outcome::Cancelled), totals.cancelled);
        let sent_away = with(|it| matches!(it, Outcome::Throttled(_)));
        let joined = totals.joined;
        prop_assert!((totals.throttled..=totals.throttled + joined).contains(&sent_away));
        let open = with(|it| it == Outcome::BreakerOpen);
        prop_assert!((totals.breaker_open..=totals.breaker_open + joined).contains(&open));

        // No event is lost unseen, and nobody is put aside who was told at once or wanted it back.
        let events = calls.iter().filter(|(_, call)| call.source == Source::Event);
        let bad = events.filter_map(|(_, call)| {
            let record = &witness.records[&call.id.number()];
            let bad = !matches!(record.outcome, Outcome::Success | Outcome::Cancelled);
            bad.then_some(record)
        });
        let bad: Vec<_> = bad.collect();
        let surely = bad.iter().filter(|it| it.attempts > 0 || it.ended > it.arrived).count();
        let letters = usize::try_from(totals.dead_letters).unwrap();
        let sure = bad.iter().filter(|it| it.attempts > 0).count();
        prop_assert!(sure <= letters && letters <= bad.len(), "{letters} of {}", bad.len());
        if joined == 0 {
            prop_assert!(letters >= surely, "{letters} of {surely}");
        }

        // Each attempt has one end: those that ran are those that were told.
        if totals.cancelled == 0 && settings.binding != Binding::Early {
            let attempts: u64 = records.iter().map(|it| u64::from(it.attempts)).sum();
            prop_assert_eq!(attempts, wild.runs);
        }
    }
}
