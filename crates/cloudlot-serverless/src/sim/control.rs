//! Controllers: who looks at a run every so often and tells the platform something.

use std::time::Duration;

use cloudlot_core::Timestamp;

use super::{Backend, Simulation};
use crate::platform::View;
use crate::{Call, Event, KeepAlive, Platform, Record, Sink};

/// Looks at a platform from tick to tick and has a say.
///
/// It is told of each call that arrives and, as a [`Sink`], of each that is answered and of each move of an instance; at its ticks
/// it may report events of its own. It has no clock: a driver does.
pub trait Controller: Sink {
    /// From one tick to the next; above zero.
    fn every(&self) -> Duration;

    /// A call is about to arrive.
    fn arrived(&mut self, call: &Call, now: Timestamp) {
        let _ = (call, now);
    }

    /// A tick, after everything else of this time. What goes to `out` is reported at once, in that order.
    fn tick(&mut self, now: Timestamp, view: View<'_>, out: &mut Vec<Event>);
}

/// Tells two sinks.
struct Both<'a, A, B>(&'a mut A, &'a mut B);

impl<A: Sink, B: Sink> Sink for Both<'_, A, B> {
    fn call(&mut self, record: &Record) {
        self.0.call(record);
        self.1.call(record);
    }

    fn moved(&mut self, step: &crate::Move) {
        self.0.moved(step);
        self.1.moved(step);
    }
}

impl<B: Backend> Simulation<B> {
    /// [`run_calls`](Self::run_calls) under a controller, which ticks from one interval after now up to and with `until`, and not any more
    /// after that. Instances that it still wants then stay.
    ///
    /// # Panics
    /// If the controller ticks all the time.
    pub fn run_controlled<K: KeepAlive>(
        &mut self,
        platform: &mut Platform<K>,
        calls: impl IntoIterator<Item = (Timestamp, Call)>,
        sink: &mut impl Sink,
        controller: &mut impl Controller,
        until: Timestamp,
    ) {
        let every = controller.every();
        assert!(!every.is_zero(), "a controller has some time between ticks");
        let calls = calls.into_iter();
        let events = calls.map(|(at, call)| (at, Event::Arrived(call)));
        let mut events = events.peekable();
        self.wake = self.wake.or_else(|| platform.wakes_at());
        let mut told = Vec::new();
        let mut tick = self.now + every;
        loop {
            let next = self.next_at(&mut events);
            if tick <= until && next.is_none_or(|next| next > tick) {
                self.now = tick;
                controller.tick(tick, platform.view(), &mut told);
                for event in told.drain(..) {
                    self.events += 1;
                    let sink = &mut Both(controller, sink);
                    platform.handle(event, tick, &mut self.effects, sink);
                    self.carry_out();
                }
                tick = tick + every;
                continue;
            }
            let Some((event, at)) = self.next(&mut events) else {
                return;
            };
            self.now = at;
            self.events += 1;
            if let Event::Arrived(call) = &event {
                controller.arrived(call, at);
            }
            let sink = &mut Both(controller, sink);
            platform.handle(event, at, &mut self.effects, sink);
            self.carry_out();
        }
    }
}
