//! Which call gets which instance.

use super::event::{AttemptId, Call, Effect, InstanceId, Outcome};
use super::function::{Binding, Reuse};
use super::keep_alive::KeepAlive;
use super::life::Life;
use super::record::Sink;
use super::rows::{Admitted, Pending, Stage};
use super::slab::NONE;
use super::{Platform, Turn};
use crate::FunctionId;

impl<K: KeepAlive> Platform<K> {
    pub(super) fn arrived<O: Extend<Effect>, S: Sink>(
        &mut self,
        call: Call,
        turn: &mut Turn<'_, O, S>,
    ) {
        self.totals.calls += 1;
        let function = call.function.number();
        if self.functions.len() <= function as usize {
            return self.answer_at_once(call, Outcome::Unknown, call.id, turn);
        }
        if self.draining {
            return self.answer_at_once(call, Outcome::Draining, call.id, turn);
        }
        self.keep_alive.arrived(call.function, turn.now);
        if let Some(key) = call.key {
            return self.arrived_again(call, key, turn);
        }
        let place = self.calls.insert(Pending::new(call, turn.now));
        self.serve(place, turn);
    }

    /// Runs a call on a warm instance, or lets it wait.
    pub(super) fn serve<O: Extend<Effect>, S: Sink>(
        &mut self,
        call: u32,
        turn: &mut Turn<'_, O, S>,
    ) {
        let pending = &mut self.calls[call];
        pending.started = None;
        pending.cold = false;
        let function = pending.call.function.number();
        match self.take_idle(function) {
            Some(instance) => self.run(call, instance, turn),
            None => self.wait(function, call, turn),
        }
    }

    /// Takes an idle instance out of its function's set.
    fn take_idle(&mut self, function: u32) -> Option<u32> {
        let idle = &mut self.functions[function as usize].idle;
        match self.settings.reuse {
            Reuse::MostRecent => idle.pop(),
            Reuse::ArrayFirst if idle.is_empty() => None,
            Reuse::ArrayFirst => Some(idle.swap_remove(0)),
        }
    }

    /// A call that found no warm instance waits.
    fn wait<O: Extend<Effect>, S: Sink>(
        &mut self,
        function: u32,
        call: u32,
        turn: &mut Turn<'_, O, S>,
    ) {
        self.totals.waited += 1;
        self.calls[call].since = turn.now;
        self.queue(function, call);
        let row = &self.functions[function as usize];
        if self.settings.binding == Binding::Late
            && row.may_start(turn.now)
            && self.find_memory(function, turn)
        {
            self.start(function, turn);
        }
        self.start_for_waiting(function, turn);
        if let Some(patience) = self.functions[function as usize].is.patience {
            self.look_again(function, turn.now + patience, turn);
        }
        self.turn_away(call, turn);
    }

    /// Puts a call at the end of those that wait for any instance.
    fn queue(&mut self, function: u32, call: u32) {
        let row = &mut self.functions[function as usize];
        row.waiting.join(&mut self.calls, call);
        row.queued += 1;
        self.calls[call].stage = Stage::Waiting;
    }

    /// Takes the call that waited longest for any instance.
    fn next_waiting(&mut self, function: u32) -> Option<u32> {
        let call = self.functions[function as usize].waiting.first()?;
        self.leave_queue(function, call);
        Some(call)
    }

    pub(super) fn leave_queue(&mut self, function: u32, call: u32) {
        let row = &mut self.functions[function as usize];
        row.waiting.leave(&mut self.calls, call);
        row.queued -= 1;
    }

    /// Starts instances for those who wait and have no start to hope for, as far as there is room.
    pub(super) fn start_for_waiting<O: Extend<Effect>, S: Sink>(
        &mut self,
        function: u32,
        turn: &mut Turn<'_, O, S>,
    ) {
        loop {
            let row = &self.functions[function as usize];
            if row.queued <= row.unclaimed {
                return;
            }
            if !row.may_start(turn.now) {
                // Whoever leaves makes room and comes here again; time has to be asked.
                if row.not_before > turn.now {
                    self.look_again(function, row.not_before, turn);
                }
                return;
            }
            if !self.find_memory(function, turn) {
                return self.run_short(function);
            }
            self.start(function, turn);
        }
    }

    /// Starts an instance; with early binding it is promised to the call that waited longest.
    fn start<O: Extend<Effect>, S: Sink>(&mut self, function: u32, turn: &mut Turn<'_, O, S>) {
        let instance = self.create(function, turn);
        if self.settings.binding == Binding::Early
            && let Some(call) = self.next_waiting(function)
        {
            let row = &mut self.functions[function as usize];
            row.bound.join(&mut self.calls, call);
            self.calls[call].stage = Stage::Bound;
            self.calls[call].instance = instance;
            self.instances[instance].call = call;
        } else {
            self.functions[function as usize].unclaimed += 1;
        }
    }

    pub(super) fn ready<O: Extend<Effect>, S: Sink>(
        &mut self,
        instance: InstanceId,
        turn: &mut Turn<'_, O, S>,
    ) {
        let Some(instance) = self.instances.find(instance.0) else {
            self.totals.late += 1;
            return;
        };
        if self.instances[instance].life != Life::Starting {
            self.totals.late += 1;
            return;
        }
        let row = &mut self.instances[instance];
        row.ready = turn.now;
        let (function, since) = (row.function, row.since);
        self.functions[function as usize].crashes = 0;
        let took = turn.now.since(since);
        self.keep_alive.ready(FunctionId::new(function), took);
        match self.instances[instance].call {
            NONE => {
                self.functions[function as usize].unclaimed -= 1;
                if let Some(call) = self.next_waiting(function) {
                    self.run_cold(call, instance, turn);
                } else {
                    self.rest(instance, turn);
                }
            }
            call => {
                let row = &mut self.functions[function as usize];
                row.bound.leave(&mut self.calls, call);
                self.run_cold(call, instance, turn);
            }
        }
    }

    /// The first call of an instance has waited for it.
    fn run_cold<O: Extend<Effect>, S: Sink>(
        &mut self,
        call: u32,
        instance: u32,
        turn: &mut Turn<'_, O, S>,
    ) {
        self.totals.cold += 1;
        self.calls[call].cold = true;
        self.run(call, instance, turn);
        self.instances[instance].ahead = None;
    }

    /// An instance that has ended a call gets the one that waited longest, or becomes idle.
    pub(super) fn offer<O: Extend<Effect>, S: Sink>(
        &mut self,
        instance: u32,
        turn: &mut Turn<'_, O, S>,
    ) {
        let function = self.instances[instance].function;
        match self.next_waiting(function) {
            Some(call) => self.run(call, instance, turn),
            None => self.rest(instance, turn),
        }
    }

    fn run<O: Extend<Effect>, S: Sink>(
        &mut self,
        call: u32,
        instance: u32,
        turn: &mut Turn<'_, O, S>,
    ) {
        self.step(instance, Life::Busy, turn);
        self.instances[instance].call = call;
        let pending = &mut self.calls[call];
        pending.stage = Stage::Running;
        pending.instance = instance;
        pending.started = Some(turn.now);
        pending.attempts = pending.attempts.saturating_add(1);
        let Admitted {
            id,
            function,
            payload,
            ..
        } = pending.call;
        let row = &mut self.functions[function.number() as usize];
        row.running.join(&mut self.calls, call);
        turn.ask(Effect::Run {
            instance: InstanceId(self.instances.handle(instance)),
            attempt: AttemptId(self.calls.handle(call)),
            function,
            call: id,
            payload,
        });
        if let Some(timeout) = row.is.timeout {
            self.look_again(function.number(), turn.now + timeout, turn);
        }
    }
}
