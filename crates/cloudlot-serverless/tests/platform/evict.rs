//! Which idle instances make room: those that a look at all of them finds, and no more than are needed.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use cloudlot_core::{Bytes, Timestamp};
use cloudlot_serverless::sim::{FixedStart, Simulation};
use cloudlot_serverless::{
    Arrival, Evicts, Frees, Full, Function, FunctionId, InstanceId, KeepAlive, Life, Move,
    Platform, Pool, Rest, Resting, Settings, Sink, Spares,
};
use proptest::prelude::*;

/// What policy and sink see of one run.
#[derive(Debug)]
struct Seen {
    settings: Settings,
    memory: Vec<u64>,
    /// What each function's instances are worth at least; it rises with each call.
    worth: Vec<u64>,
    idle: BTreeMap<InstanceId, (FunctionId, u64)>,
    /// When each began to start, then until when it is spared.
    times: BTreeMap<InstanceId, Timestamp>,
    newest: Option<InstanceId>,
    held: u64,
    /// What those held that were evicted since the last start.
    victims: Vec<u64>,
    evicted: u64,
}

/// Worth like chance, but the same for the same run.
struct Policy(Rc<RefCell<Seen>>);

struct Witness(Rc<RefCell<Seen>>);

impl KeepAlive for Policy {
    fn rest(&mut self, _: &Resting) -> Rest {
        Rest::keep(Duration::MAX)
    }

    fn value(&mut self, function: FunctionId, _: Timestamp, now: Timestamp) -> u64 {
        let seen = &mut *self.0.borrow_mut();
        let value = now.as_nanos() * 7 % 31 + u64::from(function.number()) * 5 % 7;
        let newest = seen.newest.take().expect("it has just become idle");
        seen.idle.insert(newest, (function, value));
        value
    }

    fn revalue(&mut self, function: FunctionId, value: u64) -> u64 {
        value.max(self.0.borrow().worth[function.number() as usize])
    }

    fn finished(&mut self, function: FunctionId, ran: Duration) {
        let worth = &mut self.0.borrow_mut().worth[function.number() as usize];
        *worth += u64::try_from(ran.as_nanos()).expect("short") % 4;
    }
}

impl Seen {
    /// The victim is the one that a look at all finds.
    fn check_victim(&self, victim: InstanceId, now: Timestamp) {
        let key = |(instance, &(function, value)): (&InstanceId, &(FunctionId, u64))| {
            let worth = value.max(self.worth[function.number() as usize]);
            let young = self.settings.spares == Spares::Young && self.times[instance] > now;
            (young, worth, *instance)
        };
        let (_, _, least) = self.idle.iter().map(key).min().expect("the victim is idle");
        assert_eq!(victim, least);
    }

    /// Without any one of the victims there would not have been room.
    fn check_need(&mut self, need: u64) {
        let limit = self.settings.pool.expect("a limit").memory.get();
        for memory in self.victims.drain(..) {
            assert!(self.held + memory + need > limit, "one could have stayed");
        }
        assert!(self.held + need <= limit);
    }
}

impl Sink for Witness {
    fn moved(&mut self, step: &Move) {
        let seen = &mut *self.0.borrow_mut();
        let memory = seen.memory[step.function.number() as usize];
        match (step.from, step.to) {
            (Life::Gone, _) => {
                if seen.settings.evicts == Evicts::OnlyNeeded {
                    seen.check_need(memory);
                }
                seen.held += memory;
                seen.times.insert(step.instance, step.at);
            }
            (Life::Idle, Life::Stopping) => {
                if seen.settings.evicts == Evicts::InOrder {
                    seen.check_victim(step.instance, step.at);
                }
                seen.held -= memory;
                seen.victims.push(memory);
                seen.evicted += 1;
            }
            _ => {}
        }
        if step.from == Life::Starting {
            let began = seen.times[&step.instance];
            seen.times
                .insert(step.instance, step.at + step.at.since(began));
        }
        if step.from == Life::Idle {
            seen.idle.remove(&step.instance);
        }
        if step.to == Life::Idle {
            seen.newest = Some(step.instance);
        }
    }
}

fn settings() -> impl Strategy<Value = Settings> {
    (
        1..30_u64,
        prop::sample::select(vec![Full::Wait, Full::Refuse]),
        prop::sample::select(vec![Evicts::OnlyNeeded, Evicts::InOrder]),
        prop::sample::select(vec![Spares::Nobody, Spares::Young]),
    )
        .prop_map(|(memory, full, evicts, spares)| Settings {
            pool: Some(Pool {
                memory: Bytes::new(memory),
                frees: Frees::AtOnce,
                full,
            }),
            evicts,
            spares,
            ..Settings::DEFAULT
        })
}

/// How many were evicted.
fn play(settings: Settings, memory: &[u64], calls: &[(u64, usize, u64)]) -> u64 {
    let seen = Rc::new(RefCell::new(Seen {
        settings,
        memory: memory.to_vec(),
        worth: vec![0; memory.len()],
        idle: BTreeMap::new(),
        times: BTreeMap::new(),
        newest: None,
        held: 0,
        victims: Vec::new(),
        evicted: 0,
    }));
    let mut platform = Platform::new(settings, Policy(Rc::clone(&seen)));
    let functions: Vec<FunctionId> = memory
        .iter()
        .map(|&memory| platform.add(Function::new(Bytes::new(memory))))
        .collect();
    let mut now = 0;
    let arrivals = calls.iter().map(|&(gap, which, runs)| {
        now += gap;
        Arrival {
            at: Timestamp::from_nanos(now),
            function: functions[which % functions.len()],
            runs: Duration::from_nanos(runs),
        }
    });
    let mut simulation = Simulation::new(FixedStart(Duration::from_nanos(3)));
    simulation.run(&mut platform, arrivals, &mut Witness(Rc::clone(&seen)));
    let evicted = seen.borrow().evicted;
    assert_eq!(platform.totals().evictions, evicted);
    evicted
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]
    #[test]
    fn the_least_valued_make_room_and_no_more_than_are_needed(
        settings in settings(),
        memory in prop::collection::vec(1..9_u64, 1..6),
        calls in prop::collection::vec((0..6_u64, 0..6_usize, 0..9_u64), 0..60),
    ) {
        play(settings, &memory, &calls);
    }
}

#[test]
fn a_small_one_that_turns_out_not_to_be_needed_stays() {
    // Instances of 1, 4 and 5; room for another 4 needs the second alone, though the first is worth less.
    let run = |evicts| {
        let settings = Settings {
            pool: Some(Pool {
                memory: Bytes::new(10),
                frees: Frees::AtOnce,
                full: Full::Refuse,
            }),
            evicts,
            ..Settings::DEFAULT
        };
        // They become idle at 9, 14 and 21, which makes them worth 1, 10 and 26.
        let calls = [(5, 0, 1), (5, 1, 1), (7, 2, 1), (20, 3, 1)];
        play(settings, &[1, 4, 5, 4], &calls)
    };
    assert_eq!((run(Evicts::OnlyNeeded), run(Evicts::InOrder)), (1, 2));
}
