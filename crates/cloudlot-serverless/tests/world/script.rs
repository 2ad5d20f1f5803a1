//! A platform told what happens by a script, and a log of what it does: each event with its moves and effects below it.

use std::fmt::Write;
use std::time::Duration;

use cloudlot_core::{Bytes, Timestamp};
use cloudlot_serverless::{
    AttemptId, Backoff, Call, CallId, Effect, Event, Exit, FixedWindow, Function, FunctionId,
    InstanceId, Life, Move, Platform, Record, Retries, Settings, Sink, Source,
};

/// What happens next. Instances and attempts are counted from zero in the order in which the platform asked for them.
#[derive(Clone, Copy)]
pub(crate) enum Say {
    /// A call of the first function by somebody who waits.
    Call(u64),
    /// A call of the first function that nobody waits for.
    Queued(u64),
    Ready(usize),
    Done(usize),
    Failed(usize),
    Lost(usize),
    Stopped(usize),
    Tick,
    Drain,
}

pub(crate) const fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// Two attempts after a pause of 50 ms, then of 100 ms.
pub(crate) const HELLO: Function = Function {
    retries: Retries {
        most: 2,
        backoff: Backoff {
            first: millis(50),
            longest: millis(1_000),
        },
        oldest: millis(60_000),
    },
    ..Function::new(Bytes::mib(1))
};

/// A window of a second.
pub(crate) struct Scene {
    platform: Platform<FixedWindow>,
    log: Log,
    instances: Vec<InstanceId>,
    attempts: Vec<AttemptId>,
}

impl Scene {
    pub(crate) fn new(settings: Settings, function: Function) -> Self {
        let mut platform = Platform::new(settings, FixedWindow(millis(1_000)));
        platform.add(function);
        Self {
            platform,
            log: Log::default(),
            instances: Vec::new(),
            attempts: Vec::new(),
        }
    }

    /// The log of all that happens, by when it does, and at the end what is left.
    pub(crate) fn play(mut self, script: &[(u64, Say)]) -> String {
        for &(at, say) in script {
            self.tell(at, say);
        }
        let totals = self.platform.totals();
        self.log.line(&format!(
            "{} of {} answered, {} late, {} instances",
            totals.replies,
            totals.calls,
            totals.late,
            self.platform.instances()
        ));
        self.log.0
    }

    fn tell(&mut self, at: u64, say: Say) {
        let event = self.event(say);
        let title = match event {
            Event::Ready(instance) => format!("ready {instance}"),
            Event::Done { attempt, exit } => format!("done {attempt}: {exit:?}"),
            Event::Lost(instance) => format!("lost {instance}"),
            Event::Stopped(instance) => format!("stopped {instance}"),
            Event::Arrived(call) => format!("arrived {}", call.id),
            Event::Drain => "drain".to_owned(),
            Event::Tick => "tick".to_owned(),
            other => format!("{other:?}"),
        };
        self.log.line(&format!("{at:>5} {title}"));
        let mut effects = Vec::new();
        self.platform.handle(
            event,
            Timestamp::ZERO + millis(at),
            &mut effects,
            &mut self.log,
        );
        for effect in effects {
            self.carry_out(&effect);
        }
    }

    fn event(&self, say: Say) -> Event {
        let call = |id, source| {
            Event::Arrived(Call {
                id: CallId::new(id),
                function: FunctionId::new(0),
                payload: 0,
                source,
                key: None,
            })
        };
        let done = |attempt: usize, exit| Event::Done {
            attempt: self.attempts[attempt],
            exit,
        };
        match say {
            Say::Call(id) => call(id, Source::Request),
            Say::Queued(id) => call(id, Source::Event),
            Say::Ready(instance) => Event::Ready(self.instances[instance]),
            Say::Done(attempt) => done(attempt, Exit::Success),
            Say::Failed(attempt) => done(attempt, Exit::Failure),
            Say::Lost(instance) => Event::Lost(self.instances[instance]),
            Say::Stopped(instance) => Event::Stopped(self.instances[instance]),
            Say::Tick => Event::Tick,
            Say::Drain => Event::Drain,
        }
    }

    fn carry_out(&mut self, effect: &Effect) {
        let line = match *effect {
            Effect::Start { instance, .. } => {
                self.instances.push(instance);
                format!("start {instance}")
            }
            Effect::Run {
                instance,
                attempt,
                call,
                ..
            } => {
                self.attempts.push(attempt);
                format!("run {call} on {instance} as {attempt}")
            }
            Effect::Stop { instance, why } => format!("stop {instance}: {why:?}"),
            Effect::Reply { call, outcome, .. } => format!("reply {call}: {outcome:?}"),
            Effect::WakeAt(at) => format!("wake at {}", at.as_nanos() / 1_000_000),
            other => format!("{other:?}"),
        };
        self.log.line(&format!("        {line}"));
    }
}

#[derive(Default)]
struct Log(String);

impl Log {
    fn line(&mut self, line: &str) {
        writeln!(self.0, "{line}").expect("a string");
    }
}

impl Sink for Log {
    fn call(&mut self, record: &Record) {
        let how = if record.cold { "cold" } else { "warm" };
        self.line(&format!(
            "      {} told: {:?} after {} attempts, {how}",
            record.call, record.outcome, record.attempts
        ));
    }

    fn moved(&mut self, step: &Move) {
        let from = if step.from == Life::Gone {
            "new".to_owned()
        } else {
            step.from.to_string()
        };
        self.line(&format!("      {} {from} -> {}", step.instance, step.to));
    }
}
