//! Who gets memory when it is short: by weight between owners, alike between functions, and everybody in the end.

use crate::desk::{Desk, millis};
use cloudlot_core::{Bytes, Timestamp};
use cloudlot_serverless::sim::{FixedStart, Simulation};
use cloudlot_serverless::{
    Arrival, Binding, FixedWindow, Frees, Full, Function, FunctionId, Owner, Platform, Pool,
    Record, Settings, Sink, Turns,
};
use proptest::prelude::*;
use std::num::NonZeroU32;
use std::time::Duration;

fn settings(memory: u64, turns: Turns) -> Settings {
    Settings {
        pool: Some(Pool {
            memory: Bytes::mib(memory),
            frees: Frees::AtOnce,
            full: Full::Wait,
        }),
        turns,
        ..Settings::DEFAULT
    }
}

const STRICT: Turns = Turns::Fair { lead: Bytes::ZERO };

/// A pool of one instance, and two functions.
fn two(turns: Turns) -> Desk {
    let hello = Function::new(Bytes::mib(1));
    Desk::new(settings(1, turns), &[hello, hello])
}

#[test]
fn in_a_round_a_function_keeps_its_instance_while_it_has_calls() {
    let mut desk = two(Turns::Round);
    desk.request(0);
    desk.ready(0);
    desk.request(1);
    desk.request(0);
    assert_eq!(desk.done(0), ["reply 0: Success", "run 2 on 0"]);
}

#[test]
fn by_weight_it_makes_room_when_it_is_ahead() {
    let mut desk = two(STRICT);
    desk.request(0);
    desk.ready(0);
    desk.request(1);
    desk.request(0);
    let told = desk.done(0);
    assert_eq!(
        told,
        ["reply 0: Success", "stop 0: Evicted", "start 1 of 1"]
    );
    desk.stopped(0);
    desk.ready(1);
    desk.request(1);
    desk.request(1);
    // They are even: that is not ahead.
    assert_eq!(desk.done(1), ["reply 1: Success", "run 3 on 1"]);
    assert_eq!(
        desk.done(3),
        ["reply 3: Success", "stop 1: Evicted", "start 2 of 0"]
    );
}

#[test]
fn a_lead_saves_starts() {
    let mut desk = two(Turns::Fair {
        lead: Bytes::mib(2),
    });
    desk.request(0);
    desk.ready(0);
    desk.request(1);
    for _ in 0..4 {
        desk.request(0);
    }
    assert_eq!(desk.done(0), ["reply 0: Success", "run 2 on 0"]);
    assert_eq!(desk.done(2), ["reply 2: Success", "run 3 on 0"]);
    let told = desk.done(3);
    assert_eq!(
        told,
        ["reply 3: Success", "stop 0: Evicted", "start 1 of 1"]
    );
}

#[test]
fn nobody_overtakes_who_waits_for_a_large_instance() {
    let small = Function::new(Bytes::mib(1));
    let large = Function::new(Bytes::mib(2));
    let play = |turns| {
        let mut desk = Desk::new(settings(2, turns), &[small, large, small]);
        desk.request(0);
        desk.ready(0);
        assert_eq!(desk.request(1), [""; 0]);
        desk.request(2)
    };
    assert_eq!(play(STRICT), [""; 0]);
    assert_eq!(play(Turns::Round), ["start 1 of 2"]);
}

#[test]
fn where_calls_are_refused_whoever_finds_memory_is_not() {
    let mut settings = settings(1, STRICT);
    settings.pool = settings.pool.map(|pool| Pool {
        full: Full::Refuse,
        ..pool
    });
    let hello = Function::new(Bytes::mib(1));
    let mut desk = Desk::new(settings, &[hello, hello]);
    assert_eq!(desk.request(0), ["start 0 of 0"]);
    assert_eq!(desk.request(1), ["reply 1: NoRoom"]);
    desk.ready(0);
    desk.done(0);
    assert_eq!(desk.request(1), ["stop 0: Evicted", "start 1 of 1"]);
}

/// What each function got: memory started or used again, with the time of each.
#[derive(Default)]
struct Ran(Vec<(u64, u32)>);

impl Sink for Ran {
    fn call(&mut self, record: &Record) {
        let started = record.started.map_or(0, Timestamp::as_nanos);
        self.0.push((started, record.function.number()));
    }
}

#[derive(Debug)]
struct Case {
    pool: u64,
    lead: u64,
    /// The weight of each owner, and the memory of its functions.
    owners: Vec<(u32, Vec<u64>)>,
    calls: usize,
    frees: Frees,
    binding: Binding,
}

/// The owner and memory of each function.
type Functions = Vec<(u32, u64)>;

/// All have as many calls from the beginning, each of which runs for 10 ms; the order in which functions come is turned about.
fn play(case: &Case, turned: usize) -> (Functions, Vec<(u64, u32)>) {
    let mut settings = settings(
        1,
        Turns::Fair {
            lead: Bytes::new(case.lead),
        },
    );
    settings.binding = case.binding;
    settings.pool = settings.pool.map(|pool| Pool {
        memory: Bytes::new(case.pool),
        frees: case.frees,
        ..pool
    });
    let mut platform = Platform::new(settings, FixedWindow(Duration::MAX));
    let mut functions = Vec::new();
    for (index, (weight, memories)) in case.owners.iter().enumerate() {
        let owner = Owner {
            weight: NonZeroU32::new(*weight).unwrap(),
            ..Owner::new(format!("owner-{index}").parse().unwrap())
        };
        let owner = platform.add_owner(owner).unwrap();
        for &memory in memories {
            platform.add(Function {
                owner,
                ..Function::new(Bytes::new(memory))
            });
            functions.push((owner.number(), memory));
        }
    }
    let count = functions.len();
    let arrivals = (0..case.calls * count).map(|index| Arrival {
        at: Timestamp::ZERO,
        function: FunctionId::new(u32::try_from((index + turned) % count).unwrap()),
        runs: millis(10),
    });
    let mut ran = Ran::default();
    let mut simulation = Simulation::new(FixedStart(Duration::from_nanos(1)));
    simulation.run(&mut platform, arrivals, &mut ran);
    assert_eq!(ran.0.len(), case.calls * count);
    assert!(
        ran.0
            .iter()
            .all(|&(_, function)| (function as usize) < count)
    );
    ran.0.sort_unstable();
    (functions, ran.0)
}

fn case() -> impl Strategy<Value = Case> {
    let owner = (1..5_u32, prop::collection::vec(1..5_u64, 1..4));
    let frees = prop::sample::select(vec![Frees::AtOnce, Frees::WhenGone]);
    let bindings = vec![Binding::Early, Binding::Late, Binding::LateShared];
    (
        (4..20_u64, 0..12_u64, frees),
        prop::collection::vec(owner, 2..4),
        prop::sample::select(bindings),
    )
        .prop_map(|((pool, lead, frees), owners, binding)| Case {
            pool,
            lead,
            owners,
            calls: 60,
            frees,
            binding,
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn as_long_as_all_want_more_owners_get_memory_by_weight_and_functions_alike(
        case in case(),
        turned in 0..9_usize,
    ) {
        let (functions, ran) = play(&case, turned);
        let mut got = vec![0_u64; functions.len()];
        let mut calls = vec![0; functions.len()];
        for &(_, function) in &ran {
            let place = function as usize;
            got[place] += functions[place].1;
            calls[place] += 1;
            // The first who come fill the pool before anybody waits, and what starts and is not seen yet was given already: the
            // pool's worth each, at most.
            if calls[place] * 2 > case.calls {
                break;
            }
            let share = |owner: u32| {
                let all = functions.iter().zip(&got).filter(|((of, _), _)| *of == owner);
                let all: u64 = all.map(|(_, got)| got).sum();
                all as f64 / f64::from(case.owners[owner as usize - 1].0)
            };
            let most = |owner: u32| {
                let all = functions.iter().filter(|(of, _)| *of == owner);
                let most = all.map(|(_, memory)| *memory).max().unwrap();
                most as f64 / f64::from(case.owners[owner as usize - 1].0)
            };
            for (index, _) in case.owners.iter().enumerate() {
                for other in 0..index {
                    let (a, b) = (u32::try_from(index).unwrap() + 1, u32::try_from(other).unwrap() + 1);
                    let apart = (share(a) - share(b)).abs();
                    let bound = case.lead as f64 + most(a) + most(b) + 2.0 * case.pool as f64;
                    prop_assert!(apart <= bound, "{apart} above {bound}: {got:?}");
                }
            }
            for (a, &(owner, one)) in functions.iter().enumerate() {
                for (b, &(other, another)) in functions.iter().enumerate().take(a) {
                    let apart = got[a].abs_diff(got[b]);
                    let bound = case.lead + one + another + 2 * case.pool;
                    prop_assert!(owner != other || apart <= bound, "{apart} above {bound}: {got:?}");
                }
            }
        }
    }
}

#[test]
fn three_to_one_is_three_to_one_in_the_long_run() {
    let case = Case {
        pool: 8,
        lead: 0,
        owners: vec![(3, vec![1]), (1, vec![1, 1, 1, 1, 1])],
        calls: 2_000,
        frees: Frees::WhenGone,
        binding: Binding::Late,
    };
    let (_, ran) = play(&case, 0);
    let first = ran.iter().take(2_000);
    let of_first = first.filter(|(_, function)| *function == 0).count();
    assert!((1_490..=1_510).contains(&of_first), "{of_first}");
}
