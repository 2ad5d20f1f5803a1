//! A platform on virtual time: a back end that only says when things would have happened.

mod backend;
mod queue;

pub use backend::{Backend, Fate, FixedStart};

use std::iter::Peekable;
use std::time::Duration;

use cloudlot_core::Timestamp;

use crate::{
    Arrival, AttemptId, Call, CallId, Effect, Event, Exit, InstanceId, KeepAlive, Platform, Sink,
    Source,
};
use queue::{Queue, Report};

/// A run of a platform with a simulated back end.
///
/// Events of one time come in the order of [`Event`]'s variants, and those of one variant in the order in which they were made;
/// so the same platform, arrivals and back end give the same run. A call's payload is how long it runs, in nanoseconds.
///
/// Arrivals are taken one at a time: the memory of a run does not grow with its length.
#[derive(Clone, Debug)]
pub struct Simulation<B> {
    backend: B,
    queue: Queue,
    wake: Option<Timestamp>,
    effects: Vec<Effect>,
    events: u64,
    now: Timestamp,
}

impl<B: Backend> Simulation<B> {
    /// A run that has not begun.
    #[must_use]
    pub const fn new(backend: B) -> Self {
        Self {
            backend,
            queue: Queue::new(),
            wake: None,
            effects: Vec::new(),
            events: 0,
            now: Timestamp::ZERO,
        }
    }

    /// Runs all arrivals and what comes of them, until nothing is left to happen: every call is answered, and
    /// every instance whose window ends is gone.
    ///
    /// An arrival before the one that came before it is taken to come with it.
    pub fn run<K: KeepAlive>(
        &mut self,
        platform: &mut Platform<K>,
        arrivals: impl IntoIterator<Item = Arrival>,
        sink: &mut impl Sink,
    ) {
        let mut number = 0;
        let calls = arrivals.into_iter().map(|arrival| {
            let call = Call {
                id: CallId::new(number),
                function: arrival.function,
                payload: u64::try_from(arrival.runs.as_nanos()).unwrap_or(u64::MAX),
                source: Source::Request,
                key: None,
            };
            number += 1;
            (arrival.at, call)
        });
        self.run_calls(platform, calls, sink);
    }

    /// [`run`](Self::run) for calls that are more than a function and a duration.
    pub fn run_calls<K: KeepAlive>(
        &mut self,
        platform: &mut Platform<K>,
        calls: impl IntoIterator<Item = (Timestamp, Call)>,
        sink: &mut impl Sink,
    ) {
        let mut calls = calls.into_iter().peekable();
        self.wake = self.wake.or_else(|| platform.wakes_at());
        while let Some((event, at)) = self.next(&mut calls) {
            self.now = at;
            self.events += 1;
            platform.handle(event, at, &mut self.effects, sink);
            self.carry_out();
        }
    }

    /// How many events there were.
    #[must_use]
    pub const fn events(&self) -> u64 {
        self.events
    }

    /// The time of the last event.
    #[must_use]
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// The next event: what the back end reports goes before an arrival, an arrival before a tick.
    fn next(
        &mut self,
        calls: &mut Peekable<impl Iterator<Item = (Timestamp, Call)>>,
    ) -> Option<(Event, Timestamp)> {
        let reported = self.queue.next_at();
        let arrival = calls.peek().map(|&(at, _)| at.max(self.now));
        let first = [reported, arrival, self.wake].into_iter().flatten().min()?;
        if reported == Some(first) {
            return self.queue.pop();
        }
        if arrival == Some(first) {
            let (_, call) = calls.next()?;
            return Some((Event::Arrived(call), first));
        }
        self.wake = None;
        Some((Event::Tick, first))
    }

    /// Puts down when what the platform asked for will have happened.
    fn carry_out(&mut self) {
        for effect in self.effects.drain(..) {
            let (after, report) = match effect {
                Effect::Reply { .. } | Effect::DeadLetter { .. } | Effect::Discard(_) => continue,
                Effect::Prepare(function) => {
                    (self.backend.prepare(function), Report::Prepared(function))
                }
                Effect::WakeAt(at) => {
                    self.wake = Some(at);
                    continue;
                }
                Effect::Start {
                    instance, function, ..
                } => {
                    let (after, fate) = self.backend.start(function);
                    (after, started(instance, fate))
                }
                Effect::Run {
                    instance,
                    attempt,
                    function,
                    call,
                    payload,
                } => {
                    let runs = Duration::from_nanos(payload);
                    let (after, fate) = self.backend.run(function, call, runs);
                    (after, ran(instance, attempt, fate))
                }
                Effect::Stop { instance, .. } => (self.backend.stop(), Report::Stopped(instance)),
                Effect::Kill { instance } => (self.backend.kill(), Report::Stopped(instance)),
                Effect::Check { instance } => match self.backend.check() {
                    (after, Fate::Success) => (after, Report::Healthy(instance)),
                    (after, Fate::Failure) => (after, Report::Unhealthy(instance)),
                    (_, Fate::Lost) => continue,
                },
            };
            if after == Duration::MAX {
                continue;
            }
            self.queue.push(self.now + after, report);
        }
    }
}

const fn started(instance: InstanceId, fate: Fate) -> Report {
    match fate {
        Fate::Success => Report::Ready(instance),
        Fate::Failure | Fate::Lost => Report::Lost(instance),
    }
}

const fn ran(instance: InstanceId, attempt: AttemptId, fate: Fate) -> Report {
    match fate {
        Fate::Success => Report::Done(attempt, Exit::Success),
        Fate::Failure => Report::Done(attempt, Exit::Failure),
        Fate::Lost => Report::Lost(instance),
    }
}
