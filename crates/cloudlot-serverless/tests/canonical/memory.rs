//! Memory that is limited: 100 functions for two hours in 2, 4 and 8 GB.
//!
//! FaasCache's simulator was run on this list elsewhere; what it gave is written here. It counts served calls from a log of which the last
//! lines were not written when they were counted, so that its served and dropped calls are fewer than the list has.

use std::num::NonZeroU32;
use std::time::Duration;

use cloudlot_core::Bytes;
use cloudlot_serverless::evict::{Due, Evicting, GreedyDual, Lru, Valuation};
use cloudlot_serverless::sim::{Backend, Fate, Simulation};
use cloudlot_serverless::trace::{Counts, Replay};
use cloudlot_serverless::{
    Arrival, Binding, Evicts, FixedWindow, Frees, Full, Function, FunctionId, Platform, Pool,
    Profile, Settings, Totals,
};

use crate::open;

const CALLS: u64 = 77_790;

/// How a call takes its time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Reading {
    /// By the words of the study: a warm call runs for the average, a cold one takes the maximum in all.
    Words,
    /// As that run had it: a cold call takes the maximum in all, a warm one the maximum less the average; and a call that is
    /// dropped has evicted all idle instances before.
    Run,
}

/// Starts of functions take as long as is written here.
struct Starts(Vec<Duration>);

impl Backend for Starts {
    fn start(&mut self, function: FunctionId) -> (Duration, Fate) {
        (self.0[function.number() as usize], Fate::Success)
    }
}

impl Reading {
    /// How long a start takes, and then the call.
    fn parts(self, of: &Profile) -> (Duration, Duration) {
        let rest = of.longest.saturating_sub(of.runs);
        match self {
            Self::Words => (rest, of.runs),
            Self::Run => (of.runs, rest),
        }
    }
}

/// A policy as it stands in the table.
struct Policy<V> {
    name: &'static str,
    by: V,
    window: Duration,
    evicts: Evicts,
}

fn run<V: Valuation>(list: &Counts, reading: Reading, mib: u64, policy: Policy<V>) -> Totals {
    let evicts = match reading {
        Reading::Words => policy.evicts,
        Reading::Run => Evicts::InVain,
    };
    let settings = Settings {
        binding: Binding::Early,
        evicts,
        pool: Some(Pool {
            memory: Bytes::mib(mib),
            frees: Frees::AtOnce,
            full: Full::Refuse,
        }),
        ..Settings::DEFAULT
    };
    let keep = FixedWindow(policy.window);
    let by = policy.by;
    let mut platform = Platform::new(settings, Evicting { keep, by });
    for profile in list.functions() {
        platform.add(Function::from(profile));
    }
    let parts = list.functions().iter().map(|of| reading.parts(of));
    let (starts, runs): (Vec<Duration>, Vec<Duration>) = parts.unzip();
    let two_hours = Replay {
        slots: 0..120,
        faster: NonZeroU32::MIN,
    };
    let arrivals = list.arrivals_of(&two_hours).map(|arrival| Arrival {
        runs: runs[arrival.function.number() as usize],
        ..arrival
    });
    Simulation::new(Starts(starts)).run(&mut platform, arrivals, &mut ());
    let totals = *platform.totals();
    assert_eq!((totals.calls, totals.replies), (CALLS, CALLS));
    println!(
        "{reading:?} {mib} MiB {:<12} {evicts:?}: {} served, {} cold, {} dropped, {} evicted",
        policy.name,
        CALLS - totals.no_room,
        totals.cold,
        totals.no_room,
        totals.evictions
    );
    totals
}

/// Greedy-dual, least recently used, the same with a window of ten minutes, and ours.
fn all(list: &Counts, reading: Reading, mib: u64) -> [Totals; 4] {
    let ever = Duration::MAX;
    let evicts = Evicts::InOrder;
    let dual = Policy {
        name: "greedy-dual",
        by: GreedyDual::default(),
        window: ever,
        evicts,
    };
    let lru = |name, window| Policy {
        name,
        by: Lru,
        window,
        evicts,
    };
    let ours = Policy {
        name: "ours",
        by: Due::default(),
        window: ever,
        evicts: Evicts::OnlyNeeded,
    };
    [
        run(list, reading, mib, dual),
        run(list, reading, mib, lru("LRU", ever)),
        run(list, reading, mib, lru("TTL", Duration::from_secs(600))),
        run(list, reading, mib, ours),
    ]
}

/// Within so many parts of a thousand.
fn near(measured: u64, published: u64, parts: u64) -> bool {
    measured.abs_diff(published) * 1_000 <= published * parts
}

#[test]
fn greedy_dual_serves_what_was_published() {
    let Some(list) = open("azure2019_dirigent100") else {
        return;
    };
    // Cold, warm and dropped calls, of greedy-dual.
    let published = [
        (2_048, 3_127, 20_512, 54_078),
        (4_096, 7_538, 39_652, 30_145),
    ];
    for (mib, cold, warm, dropped) in published {
        let unwritten = CALLS - cold - warm - dropped;
        for is in &all(&list, Reading::Run, mib)[..3] {
            let served = CALLS - is.no_room - unwritten;
            assert!(near(served, cold + warm, 10), "{served} served");
            assert!(near(is.no_room, dropped, 10), "{} dropped", is.no_room);
            assert!(near(is.cold, cold, 10), "{} cold", is.cold);
        }
    }
}

#[test]
fn ours_serves_at_least_what_the_best_of_the_others_does() {
    let Some(list) = open("azure2019_dirigent100") else {
        return;
    };
    for reading in [Reading::Words, Reading::Run] {
        for mib in [2_048, 4_096, 8_192] {
            let [others @ .., ours] = all(&list, reading, mib);
            let least = others.map(|is| is.no_room).into_iter().min();
            assert!(
                Some(ours.no_room) <= least,
                "{} dropped in {mib} MiB",
                ours.no_room
            );
        }
    }
}
