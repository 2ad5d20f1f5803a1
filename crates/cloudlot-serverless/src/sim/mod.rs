//! A platform on virtual time: a back end that only says when things would have happened.
//!
//! [`FixedStart`] is the simplest back end; [`World`] has classes of runtimes and faults.

mod backend;
mod control;
mod reports;
mod world;

pub use backend::{Backend, Fate, FixedStart};
pub use control::Controller;
pub use reports::{Report, Reports};
pub use world::{ClassId, CrashLoop, FaultError, Faults, HostLoss, SlowSpell, Struck, World};

use std::iter::Peekable;

use cloudlot_core::Timestamp;

use crate::{Arrival, Call, CallId, Effect, Event, KeepAlive, Platform, Sink, Source};

/// A run of a platform with a simulated back end.
///
/// Events of one time come in the order of [`Event`]'s variants, and those of one variant in the order in which they were made;
/// so the same platform, arrivals and back end give the same run. A call's payload is how long it runs, in nanoseconds.
///
/// Arrivals are taken one at a time: the memory of a run does not grow with its length.
#[derive(Clone, Debug)]
pub struct Simulation<B> {
    backend: B,
    reports: Reports,
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
            reports: Reports::new(),
            wake: None,
            effects: Vec::new(),
            events: 0,
            now: Timestamp::ZERO,
        }
    }

    /// Runs all arrivals and what comes of them, until nothing is left to happen: every call is answered, and
    /// every instance whose window ends is gone. What the back end does by itself happens until then and no longer.
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
        let calls = calls.into_iter();
        let events = calls.map(|(at, call)| (at, Event::Arrived(call)));
        self.run_events(platform, events, sink);
    }

    /// The same for all that comes from outside: calls, and whatever else is not an answer of the back end.
    pub fn run_events<K: KeepAlive>(
        &mut self,
        platform: &mut Platform<K>,
        events: impl IntoIterator<Item = (Timestamp, Event)>,
        sink: &mut impl Sink,
    ) {
        let mut events = events.into_iter().peekable();
        self.wake = self.wake.or_else(|| platform.wakes_at());
        while let Some((event, at)) = self.next(&mut events) {
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

    /// When the next event is, at the earliest.
    fn next_at(
        &self,
        events: &mut Peekable<impl Iterator<Item = (Timestamp, Event)>>,
    ) -> Option<Timestamp> {
        let arrival = events.peek().map(|&(at, _)| at.max(self.now));
        let others = [self.reports.next_at(), arrival, self.wake];
        let first = others.into_iter().flatten().min()?;
        Some(self.backend.next_at().map_or(first, |at| at.min(first)))
    }

    /// The next event: what the back end does and reports goes before an arrival, an arrival before a tick.
    fn next(
        &mut self,
        events: &mut Peekable<impl Iterator<Item = (Timestamp, Event)>>,
    ) -> Option<(Event, Timestamp)> {
        loop {
            let reported = self.reports.next_at();
            let arrival = events.peek().map(|&(at, _)| at.max(self.now));
            let first = [reported, arrival, self.wake].into_iter().flatten().min()?;
            if let Some(at) = self.backend.next_at().filter(|&at| at <= first) {
                self.backend.occur(at.max(self.now), &mut self.reports);
            } else if reported == Some(first) {
                let due = self.reports.pop()?;
                if !due.asks || self.backend.happens(due.report, due.at) {
                    return Some((due.report.into(), due.at));
                }
            } else if arrival == Some(first) {
                let (_, event) = events.next()?;
                return Some((event, first));
            } else {
                self.wake = None;
                return Some((Event::Tick, first));
            }
        }
    }

    /// Puts down when what the platform asked for will have happened.
    fn carry_out(&mut self) {
        for effect in self.effects.drain(..) {
            if let Effect::WakeAt(at) = effect {
                self.wake = Some(at);
            }
            self.backend.carry_out(&effect, self.now, &mut self.reports);
        }
    }
}
