//! Events that nobody waits for and that cannot succeed any more: too old, or tried too often. None of them is lost
//! unseen.

use cloudlot_core::Timestamp;

use super::event::{Effect, Outcome, Source};
use super::keep_alive::KeepAlive;
use super::list::Line;
use super::record::Sink;
use super::rows::{Pending, Stage};
use super::{Platform, Turn};

/// A sweep through those who wait looks at all of them, so the next one is not before a sixteenth of the age.
const SWEEPS: u32 = 16;

impl<K: KeepAlive> Platform<K> {
    /// Asks for a dead letter if this is an event that was taken in and ends badly. Who cancels one does not want it, and who was
    /// refused at the door was told so.
    pub(super) fn lay_aside<O: Extend<Effect>, S: Sink>(
        &mut self,
        pending: &Pending,
        outcome: Outcome,
        turn: &mut Turn<'_, O, S>,
    ) {
        let began = pending.attempts > 0 || turn.now > pending.arrived;
        let taken_in = pending.stage == Stage::Joined || began || !outcome.is_refusal();
        let wanted = outcome != Outcome::Success && outcome != Outcome::Cancelled;
        if pending.call.source == Source::Event && taken_in && wanted {
            self.totals.dead_letters += 1;
            turn.ask(Effect::DeadLetter {
                call: pending.call.id,
                outcome,
                attempts: pending.attempts,
            });
        }
    }

    /// Whether this is an event that is too old to run.
    pub(super) fn is_too_old(&self, call: u32, now: Timestamp) -> bool {
        let pending = &self.calls[call];
        if pending.call.source != Source::Event {
            return false;
        }
        let function = pending.call.function.number();
        let oldest = self.functions[function as usize].is.retries.oldest;
        now.since(pending.arrived) > oldest
    }

    /// This call waits and does not run any more.
    pub(super) fn expire_call<O: Extend<Effect>, S: Sink>(
        &mut self,
        call: u32,
        turn: &mut Turn<'_, O, S>,
    ) {
        self.totals.expired += 1;
        self.withdraw(call);
        self.answer(call, Outcome::Expired, turn);
    }

    /// A call begins to wait: sees to it that it does not for longer than it may.
    pub(super) fn mind_age<O: Extend<Effect>, S: Sink>(
        &mut self,
        call: u32,
        turn: &mut Turn<'_, O, S>,
    ) {
        let pending = &self.calls[call];
        if pending.call.source != Source::Event {
            return;
        }
        let function = pending.call.function.number();
        let row = &mut self.functions[function as usize];
        let end = pending.arrived + row.is.retries.oldest;
        if end < row.age_due {
            row.age_due = end;
            self.look_again(function, end, turn);
        }
    }

    /// Ends the events of a function that have waited until they were too old.
    pub(super) fn end_aged<O: Extend<Effect>, S: Sink>(
        &mut self,
        function: u32,
        turn: &mut Turn<'_, O, S>,
    ) {
        let row = &self.functions[function as usize];
        let oldest = row.is.retries.oldest;
        if row.age_due == Timestamp::MAX {
            return;
        }
        if row.age_due <= turn.now {
            let mut next = Timestamp::MAX;
            for line in [row.waiting, row.bound, row.held] {
                next = next.min(self.end_aged_of(line, oldest, turn));
            }
            if next < Timestamp::MAX {
                next = next.max(turn.now + oldest / SWEEPS);
            }
            self.functions[function as usize].age_due = next;
        }
        let due = self.functions[function as usize].age_due;
        self.look_again(function, due, turn);
    }

    /// The same for those in a line; gives when the first of the others is too old.
    fn end_aged_of<O: Extend<Effect>, S: Sink>(
        &mut self,
        line: Line,
        oldest: std::time::Duration,
        turn: &mut Turn<'_, O, S>,
    ) -> Timestamp {
        let mut first = Timestamp::MAX;
        let mut next = line.first();
        while let Some(call) = next {
            next = Line::after(&self.calls, call);
            if self.calls[call].call.source != Source::Event {
                continue;
            }
            let end = self.calls[call].arrived + oldest;
            if end <= turn.now {
                self.expire_call(call, turn);
            } else {
                first = first.min(end);
            }
        }
        first
    }
}
