//! How attempts and calls end: by themselves, by time, or with their instance.

use super::binding::Start;
use super::event::{AttemptId, Call, CallId, Effect, Exit, InstanceId, Outcome, StopReason};
use super::hosts::Blame;
use super::keep_alive::KeepAlive;
use super::life::Life;
use super::list::Line;
use super::record::{Record, Sink};
use super::rows::{Pending, Stage};
use super::slab::NONE;
use super::{Platform, Turn};

impl<K: KeepAlive> Platform<K> {
    pub(super) fn done<O: Extend<Effect>, S: Sink>(
        &mut self,
        attempt: AttemptId,
        exit: Exit,
        turn: &mut Turn<'_, O, S>,
    ) {
        let Some(call) = self.calls.find(attempt.0) else {
            self.totals.late += 1;
            return;
        };
        if self.calls[call].stage != Stage::Running {
            self.totals.late += 1;
            return;
        }
        let Pending {
            instance,
            started,
            call: is,
            ..
        } = self.calls[call];
        let ran = turn.now.since(started.unwrap_or(turn.now));
        self.keep_alive.finished(is.function, ran);
        self.leave_running(call);
        self.conclude(call, exit.into(), turn);
        self.offer(instance, Start::Warm, turn);
    }

    pub(super) fn lost<O: Extend<Effect>, S: Sink>(
        &mut self,
        instance: InstanceId,
        turn: &mut Turn<'_, O, S>,
    ) {
        let Some(instance) = self.instances.find(instance.0) else {
            self.totals.late += 1;
            return;
        };
        self.lose(instance, Blame::Instance, turn);
    }

    /// An instance is no more, though nobody stopped it.
    pub(super) fn lose<O: Extend<Effect>, S: Sink>(
        &mut self,
        instance: u32,
        blame: Blame,
        turn: &mut Turn<'_, O, S>,
    ) {
        let row = self.instances[instance];
        let function = row.function;
        match row.life {
            Life::Busy => self.lose_running(function, instance, turn),
            Life::Starting => self.start_failed(function, instance, blame, turn),
            Life::Idle => self.leave_idle(instance),
            Life::Stopping | Life::Gone => {}
        }
        if row.life != Life::Stopping {
            self.count_out(instance);
        }
        self.vanish(instance, turn);
        self.start_wanted(function, turn);
    }

    /// All that ran on this instance has ended with it.
    pub(super) fn lose_running<O: Extend<Effect>, S: Sink>(
        &mut self,
        function: u32,
        instance: u32,
        turn: &mut Turn<'_, O, S>,
    ) {
        while self.instances[instance].calls > 0
            && let Some(call) =
                self.of_instance(self.functions[function as usize].running, instance)
        {
            self.leave_running(call);
            self.conclude(call, Outcome::Lost, turn);
        }
    }

    /// The first in this line that runs on an instance or is bound to it.
    fn of_instance(&self, line: Line, instance: u32) -> Option<u32> {
        let mut call = line.first()?;
        while self.calls[call].instance != instance {
            call = self.calls[call].after;
            if call == NONE {
                return None;
            }
        }
        Some(call)
    }

    /// A start has failed: the next waits. A call to which it was promised counts it as an attempt.
    fn start_failed<O: Extend<Effect>, S: Sink>(
        &mut self,
        function: u32,
        instance: u32,
        blame: Blame,
        turn: &mut Turn<'_, O, S>,
    ) {
        self.totals.failed_starts += 1;
        let is_old = self.instances[instance].retires == Some(StopReason::Replaced);
        if blame == Blame::Instance && !is_old {
            let row = &mut self.functions[function as usize];
            row.crashes = row.crashes.saturating_add(1);
            row.not_before = turn.now + self.settings.restart.after(row.crashes);
            let not_before = row.not_before;
            self.look_again(function, not_before, turn);
        }
        let row = &mut self.functions[function as usize];
        if row.filling == instance {
            row.filling = NONE;
        }
        if self.instances[instance].calls == 0 {
            row.unclaimed -= 1;
        }
        // All of them leave before the first is concluded: that may move others that wait.
        let mut failed = Vec::new();
        while self.instances[instance].calls > 0
            && let Some(call) = self.of_instance(self.functions[function as usize].bound, instance)
        {
            self.instances[instance].calls -= 1;
            let row = &mut self.functions[function as usize];
            row.bound.leave(&mut self.calls, call);
            failed.push(call);
        }
        for call in failed {
            let attempts = &mut self.calls[call].attempts;
            *attempts = attempts.saturating_add(1);
            self.conclude(call, Outcome::Lost, turn);
        }
    }

    /// The attempt of this call took too long. Its instance is stopped: at once, or when the others that run there have ended.
    pub(super) fn time_out<O: Extend<Effect>, S: Sink>(
        &mut self,
        call: u32,
        turn: &mut Turn<'_, O, S>,
    ) {
        self.totals.timed_out += 1;
        let instance = self.calls[call].instance;
        self.leave_running(call);
        if self.instances[instance].calls == 0 {
            self.stop(instance, StopReason::TimedOut, turn);
        } else {
            self.retire(instance, StopReason::TimedOut);
        }
        self.conclude(call, Outcome::TimedOut, turn);
    }

    /// This call has waited too long.
    pub(super) fn give_up<O: Extend<Effect>, S: Sink>(
        &mut self,
        call: u32,
        turn: &mut Turn<'_, O, S>,
    ) {
        self.totals.waited_too_long += 1;
        self.withdraw(call);
        self.answer(call, Outcome::WaitedTooLong, turn);
    }

    /// Takes a call that does not run out of its line. Its start goes on and is anybody's.
    pub(super) fn withdraw(&mut self, call: u32) {
        let function = self.calls[call].call.function.number();
        if self.calls[call].stage == Stage::Held {
            let row = &mut self.functions[function as usize];
            row.held.leave(&mut self.calls, call);
        } else if self.calls[call].stage == Stage::Bound {
            let instance = self.calls[call].instance;
            let row = &mut self.functions[function as usize];
            row.bound.leave(&mut self.calls, call);
            self.instances[instance].calls -= 1;
            if self.instances[instance].calls == 0 {
                row.unclaimed += 1;
                row.filling = if row.filling == instance {
                    NONE
                } else {
                    row.filling
                };
            }
        } else if self.calls[call].stage == Stage::Waiting {
            self.leave_queue(function, call);
        }
    }

    pub(super) fn leave_running(&mut self, call: u32) {
        let function = self.calls[call].call.function.number();
        let row = &mut self.functions[function as usize];
        row.running.leave(&mut self.calls, call);
        if row.governed {
            self.count_running(function, false);
        }
        self.instances[self.calls[call].instance].calls -= 1;
    }

    /// The one place where a call that was taken in is answered and forgotten, and with it those that joined it.
    pub(super) fn answer<O: Extend<Effect>, S: Sink>(
        &mut self,
        call: u32,
        outcome: Outcome,
        turn: &mut Turn<'_, O, S>,
    ) {
        let Pending {
            call: is,
            mut joined,
            left,
            probe,
            ..
        } = self.calls[call];
        if probe {
            self.give_back_probe(call, turn);
        }
        if is.keyed {
            self.close_key(call, outcome, turn.now);
        }
        if left {
            self.calls.remove(call);
        } else {
            self.reply(call, outcome, is.id, turn);
        }
        while let Some(other) = joined.first() {
            joined.leave(&mut self.calls, other);
            self.reply(other, outcome, is.id, turn);
        }
    }

    /// Answers one call of those with the same key.
    pub(super) fn reply<O: Extend<Effect>, S: Sink>(
        &mut self,
        place: u32,
        outcome: Outcome,
        answer: CallId,
        turn: &mut Turn<'_, O, S>,
    ) {
        let pending = self.calls[place];
        self.calls.remove(place);
        if outcome != Outcome::Success {
            self.lay_aside(&pending, outcome, turn);
        }
        self.tell(&pending, outcome, answer, turn);
    }

    /// Answers a call that was not taken in.
    pub(super) fn answer_at_once<O: Extend<Effect>, S: Sink>(
        &mut self,
        call: Call,
        outcome: Outcome,
        answer: CallId,
        turn: &mut Turn<'_, O, S>,
    ) {
        self.tell(&Pending::new(call, turn.now), outcome, answer, turn);
    }

    pub(super) fn tell<O: Extend<Effect>, S: Sink>(
        &mut self,
        pending: &Pending,
        outcome: Outcome,
        answer: CallId,
        turn: &mut Turn<'_, O, S>,
    ) {
        let call = pending.call.id;
        let record = Record {
            call,
            function: pending.call.function,
            arrived: pending.arrived,
            started: pending.started,
            ended: turn.now,
            outcome,
            attempts: pending.attempts,
            cold: pending.cold,
        };
        self.tell_chooser(&record, pending.instance);
        turn.sink.call(&record);
        turn.ask(Effect::Reply {
            call,
            outcome,
            answer,
        });
        self.totals.replies += 1;
    }
}

impl From<Exit> for Outcome {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Success => Self::Success,
            Exit::Failure => Self::Failure,
        }
    }
}
