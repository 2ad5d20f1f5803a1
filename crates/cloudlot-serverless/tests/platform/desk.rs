//! A platform that is told one thing after the other, and what it asks for, in words.

use cloudlot_core::Timestamp;
use cloudlot_serverless::{
    AttemptId, Call, CallId, Effect, Event, Exit, FixedWindow, Function, FunctionId, InstanceId,
    Platform, Settings, Source,
};
use std::collections::BTreeMap;
use std::time::Duration;

pub(crate) struct Desk {
    pub(crate) platform: Platform<FixedWindow>,
    pub(crate) now: Timestamp,
    /// In the order of their starts.
    instances: Vec<InstanceId>,
    attempts: BTreeMap<u64, AttemptId>,
    /// When a tick was asked for.
    pub(crate) wake: Option<Timestamp>,
    next: u64,
}

pub(crate) const fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}

impl Desk {
    /// Windows never end.
    pub(crate) fn new(settings: Settings, functions: &[Function]) -> Self {
        let mut platform = Platform::new(settings, FixedWindow(Duration::MAX));
        for &function in functions {
            platform.add(function);
        }
        Self {
            platform,
            now: Timestamp::ZERO,
            instances: Vec::new(),
            attempts: BTreeMap::new(),
            wake: None,
            next: 0,
        }
    }

    /// What it asks for, without the ticks.
    pub(crate) fn tell(&mut self, event: Event) -> Vec<String> {
        let mut effects = Vec::new();
        self.platform.handle(event, self.now, &mut effects, &mut ());
        effects.iter().filter_map(|it| self.word(it)).collect()
    }

    fn word(&mut self, effect: &Effect) -> Option<String> {
        let number = |all: &[InstanceId], id| all.iter().position(|&it| it == id).unwrap();
        let all = &mut self.instances;
        Some(match *effect {
            Effect::Start {
                instance, function, ..
            } => {
                all.push(instance);
                format!("start {} of {}", all.len() - 1, function.number())
            }
            Effect::Run {
                instance,
                attempt,
                call,
                ..
            } => {
                self.attempts.insert(call.number(), attempt);
                format!("run {} on {}", call.number(), number(all, instance))
            }
            Effect::Stop { instance, why } => {
                format!("stop {}: {why:?}", number(all, instance))
            }
            Effect::Kill { instance } => format!("kill {}", number(all, instance)),
            Effect::Check { instance } => format!("check {}", number(all, instance)),
            Effect::DeadLetter {
                call,
                outcome,
                attempts,
            } => format!("dead {}: {outcome:?} after {attempts}", call.number()),
            Effect::Reply { call, outcome, .. } => format!("reply {}: {outcome:?}", call.number()),
            Effect::WakeAt(at) => {
                self.wake = Some(at);
                return None;
            }
            ref other => format!("{other:?}"),
        })
    }

    /// A call that somebody waits for; they are numbered from zero.
    pub(crate) fn request(&mut self, function: u32) -> Vec<String> {
        self.call(function, Source::Request)
    }

    /// One that nobody waits for.
    pub(crate) fn event(&mut self, function: u32) -> Vec<String> {
        self.call(function, Source::Event)
    }

    fn call(&mut self, function: u32, source: Source) -> Vec<String> {
        let call = Call {
            id: CallId::new(self.next),
            function: FunctionId::new(function),
            payload: 0,
            source,
            key: None,
        };
        self.next += 1;
        self.tell(Event::Arrived(call))
    }

    pub(crate) fn instance(&self, number: usize) -> InstanceId {
        self.instances[number]
    }

    pub(crate) fn ready(&mut self, number: usize) -> Vec<String> {
        self.tell(Event::Ready(self.instances[number]))
    }

    pub(crate) fn lost(&mut self, number: usize) -> Vec<String> {
        self.tell(Event::Lost(self.instances[number]))
    }

    pub(crate) fn stopped(&mut self, number: usize) -> Vec<String> {
        self.tell(Event::Stopped(self.instances[number]))
    }

    pub(crate) fn done(&mut self, call: u64) -> Vec<String> {
        self.ended(call, Exit::Success)
    }

    pub(crate) fn failed(&mut self, call: u64) -> Vec<String> {
        self.ended(call, Exit::Failure)
    }

    fn ended(&mut self, call: u64, exit: Exit) -> Vec<String> {
        let attempt = self.attempts[&call];
        self.tell(Event::Done { attempt, exit })
    }

    pub(crate) fn cancel(&mut self, call: u64) -> Vec<String> {
        self.tell(Event::Cancel(CallId::new(call)))
    }

    /// The clock goes on to so many milliseconds, with a tick at each time that was asked for on the way.
    pub(crate) fn at(&mut self, time: u64) -> Vec<String> {
        let end = Timestamp::ZERO + millis(time);
        let mut words = Vec::new();
        while let Some(wake) = self.wake.filter(|&wake| wake <= end) {
            self.wake = None;
            self.now = wake.max(self.now);
            let at = self.now.as_nanos() / 1_000_000;
            let told = self.tell(Event::Tick);
            words.extend(told.into_iter().map(|word| format!("{at} {word}")));
        }
        self.now = end;
        words
    }
}
