//! A back end in which anything goes wrong at random, and a witness that checks what it sees.

use cloudlot_core::Timestamp;
use cloudlot_serverless::sim::{Backend, Fate};
use cloudlot_serverless::{CallId, FunctionId, InstanceId, Life, Move, Outcome, Record, Sink};
use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use std::collections::BTreeMap;
use std::time::Duration;

pub(crate) struct Wild {
    rng: Xoshiro256PlusPlus,
    /// How many of a hundred go wrong.
    wrong: u32,
    /// Whether some never stop.
    stubborn: bool,
    /// How many attempts there were.
    pub(crate) runs: u64,
}

impl Wild {
    pub(crate) fn new(seed: u64, wrong: u32) -> Self {
        Self {
            rng: Xoshiro256PlusPlus::seed_from_u64(seed),
            wrong,
            stubborn: false,
            runs: 0,
        }
    }

    /// One in which whatever goes wrong otherwise may also not stop until it is ended by force.
    pub(crate) fn stubborn(seed: u64, wrong: u32) -> Self {
        Self {
            stubborn: true,
            ..Self::new(seed, wrong)
        }
    }

    fn fate(&mut self) -> Fate {
        match self.rng.random_range(0..200) {
            luck if luck >= 2 * self.wrong => Fate::Success,
            luck if luck % 2 == 0 => Fate::Failure,
            _ => Fate::Lost,
        }
    }

    fn some(&mut self) -> Duration {
        Duration::from_nanos(self.rng.random_range(0..8))
    }
}

impl Backend for Wild {
    fn start(&mut self, _: FunctionId) -> (Duration, Fate) {
        (self.some(), self.fate())
    }

    fn run(&mut self, _: FunctionId, _: CallId, runs: Duration) -> (Duration, Fate) {
        self.runs += 1;
        (runs, self.fate())
    }

    fn stop(&mut self) -> Duration {
        if self.stubborn && self.fate() != Fate::Success {
            return Duration::MAX;
        }
        self.some()
    }

    fn kill(&mut self) -> Duration {
        self.stop()
    }

    fn check(&mut self) -> (Duration, Fate) {
        (self.some(), self.fate())
    }
}

/// Remembers every record, and follows every instance through its life.
#[derive(Default)]
pub(crate) struct Witness {
    pub(crate) records: BTreeMap<u64, Record>,
    lives: BTreeMap<InstanceId, Life>,
    /// Alive at once, by function: now, and the most ever.
    pub(crate) alive: BTreeMap<FunctionId, (u32, u32)>,
    last: Timestamp,
    /// What an instance of each function holds.
    memory: Vec<u64>,
    /// What is held, those that stop included: now, and the most ever.
    pub(crate) held: (u64, u64),
    /// Groups of functions: what each holds, how many of its instances hold it, how many are busy; and the most ever of each.
    pub(crate) groups: Vec<Group>,
}

#[derive(Default)]
pub(crate) struct Group {
    pub(crate) functions: Vec<u32>,
    pub(crate) now: [u64; 3],
    pub(crate) most: [u64; 3],
}

impl Group {
    fn moved(&mut self, memory: u64, step: &Move) {
        let busy = |life| u64::from(life == Life::Busy);
        let held = |life| u64::from(life != Life::Gone);
        for (place, unit, counts) in [
            (0, memory, held as fn(Life) -> u64),
            (1, 1, held),
            (2, 1, busy),
        ] {
            let now = &mut self.now[place];
            *now = *now + unit * counts(step.to) - unit * counts(step.from);
            self.most[place] = self.most[place].max(*now);
        }
    }
}

impl Witness {
    pub(crate) fn of(memory: Vec<u64>) -> Self {
        Self {
            memory,
            ..Self::default()
        }
    }

    /// Whether nobody is left.
    pub(crate) fn sees_nobody(&self) -> bool {
        self.lives.is_empty()
    }
}

impl Sink for Witness {
    fn call(&mut self, record: &Record) {
        let before = self.records.insert(record.call.number(), *record);
        assert_eq!(before, None, "one record a call");
        assert!(record.started.is_none() || record.attempts > 0);
        assert!(record.outcome != Outcome::Unknown || record.attempts == 0);
    }

    fn moved(&mut self, step: &Move) {
        assert!(step.at >= self.last, "time never runs backwards");
        self.last = step.at;
        let is = self
            .lives
            .get(&step.instance)
            .copied()
            .unwrap_or(Life::Gone);
        assert_eq!(is, step.from, "a life is continuous");
        assert!(step.from.may_become(step.to), "{step:?}");
        if step.to == Life::Gone {
            self.lives.remove(&step.instance);
        } else {
            self.lives.insert(step.instance, step.to);
        }
        let memory = self.memory[step.function.number() as usize];
        match (step.from, step.to) {
            (Life::Gone, _) => self.held.0 += memory,
            (_, Life::Gone) => self.held.0 -= memory,
            _ => {}
        }
        self.held.1 = self.held.1.max(self.held.0);
        let function = step.function.number();
        for group in &mut self.groups {
            if group.functions.contains(&function) {
                group.moved(memory, step);
            }
        }
        let counts = |life| matches!(life, Life::Starting | Life::Busy | Life::Idle);
        let (alive, most) = self.alive.entry(step.function).or_default();
        *alive = *alive + u32::from(counts(step.to)) - u32::from(counts(step.from));
        *most = (*most).max(*alive);
    }
}
