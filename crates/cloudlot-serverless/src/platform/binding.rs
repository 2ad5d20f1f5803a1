//! Which call gets which instance.

use cloudlot_core::Timestamp;

use super::event::{AttemptId, Call, CallId, Effect, InstanceId, Outcome, StopReason};
use super::evict::Spares;
use super::function::{Binding, Reuse};
use super::keep_alive::KeepAlive;
use super::life::Life;
use super::list::Line;
use super::record::Sink;
use super::rows::{Admitted, Pending, Stage};
use super::slab::NONE;
use super::{Platform, Turn};
use crate::FunctionId;
use crate::choose::HostChoice;

/// Whether a call that begins to run has waited for its instance to start.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Start {
    Warm,
    Cold,
}

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
        let function = self.calls[call].call.function.number();
        let guarded = self.functions[function as usize].is.breaker.is_some();
        if !guarded || self.passes(call, turn) {
            self.serve_admitted(call, turn);
        }
    }

    /// The same for one that no circuit breaker holds up.
    pub(super) fn serve_admitted<O: Extend<Effect>, S: Sink>(
        &mut self,
        call: u32,
        turn: &mut Turn<'_, O, S>,
    ) {
        let pending = &mut self.calls[call];
        pending.started = None;
        pending.cold = false;
        let Admitted { id, function, .. } = pending.call;
        let function = function.number();
        let row = &self.functions[function as usize];
        let behind = row.governed && (row.queued > 0 || !self.has_turn(function));
        let free = if behind {
            None
        } else {
            self.take_free(function, id, turn.now)
        };
        match free {
            Some(instance) => self.run(call, instance, Start::Warm, turn),
            None => self.wait(function, call, turn),
        }
    }

    /// An instance with room for a call: by most rules one that runs others already, else an idle one, which leaves its
    /// function's set.
    pub(super) fn take_free(&mut self, function: u32, call: CallId, now: Timestamp) -> Option<u32> {
        if self.settings.reuse.looks_at_all() {
            return self.choose_free(function, call, now);
        }
        let row = &mut self.functions[function as usize];
        if let Some(&instance) = row.open.last() {
            return Some(instance);
        }
        let idle = &mut row.idle;
        match self.settings.reuse {
            Reuse::MostRecent => idle.pop(),
            Reuse::ArrayFirst if idle.is_empty() => None,
            Reuse::ArrayFirst => Some(idle.swap_remove(0)),
            Reuse::LeastRecent => self.functions[function as usize].take_oldest(),
            _ => idle.pop(),
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
        let own = self.settings.binding == Binding::Late && row.is.concurrency.get() == 1;
        if row.filling != NONE {
            let filling = row.filling;
            self.bind_next(function, filling, turn);
        } else if own
            && row.target.is_none()
            && row.may_start(turn.now)
            && self.find_memory(function, turn)
        {
            self.start(function, turn);
        }
        self.start_wanted(function, turn);
        if let Some(patience) = self.functions[function as usize].is.patience {
            self.look_again(function, turn.now + patience, turn);
        }
        self.mind_age(call, turn);
        self.block_if_free(function);
        let handle = self.calls.handle(call);
        self.turn_away(call, turn);
        if self.calls.find(handle).is_some() {
            self.throttle(call, turn);
        }
    }

    /// Puts a call at the end of those that wait for any instance.
    pub(super) fn queue(&mut self, function: u32, call: u32) {
        let row = &mut self.functions[function as usize];
        row.waiting.join(&mut self.calls, call);
        row.queued += 1;
        self.calls[call].stage = Stage::Waiting;
    }

    /// Puts a call where it belongs by how long it waits already.
    fn queue_again(&mut self, function: u32, call: u32) {
        let since = self.calls[call].since;
        let row = &mut self.functions[function as usize];
        let mut next = row.waiting.first();
        while let Some(other) = next
            && self.calls[other].since <= since
        {
            next = Line::after(&self.calls, other);
        }
        row.waiting.join_before(&mut self.calls, call, next);
        row.queued += 1;
        self.calls[call].stage = Stage::Waiting;
    }

    /// Takes the call that waited longest for any instance.
    pub(super) fn next_waiting<O: Extend<Effect>, S: Sink>(
        &mut self,
        function: u32,
        turn: &mut Turn<'_, O, S>,
    ) -> Option<u32> {
        loop {
            let row = &self.functions[function as usize];
            let call = row.waiting.first()?;
            if row.governed && !self.may_go_on(function) {
                self.block(function);
                return None;
            }
            if !self.is_too_old(call, turn.now) {
                self.leave_queue(function, call);
                return Some(call);
            }
            self.expire_call(call, turn);
        }
    }

    pub(super) fn leave_queue(&mut self, function: u32, call: u32) {
        let row = &mut self.functions[function as usize];
        row.waiting.leave(&mut self.calls, call);
        row.queued -= 1;
    }

    /// Starts instances for those who wait and have no start to hope for, and up to the number that is set, as far as
    /// there is room.
    pub(super) fn start_wanted<O: Extend<Effect>, S: Sink>(
        &mut self,
        function: u32,
        turn: &mut Turn<'_, O, S>,
    ) {
        loop {
            let row = &self.functions[function as usize];
            if self.draining && !row.is_behind() || !row.wants_more() {
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
    pub(super) fn start<O: Extend<Effect>, S: Sink>(
        &mut self,
        function: u32,
        turn: &mut Turn<'_, O, S>,
    ) {
        let instance = self.create(function, turn);
        self.charge_turn(function);
        let row = &mut self.functions[function as usize];
        row.target = row.target.map(|target| target.max(1));
        if self.settings.binding == Binding::Late
            || self.settings.binding == Binding::LateShared
            || row.queued == 0
        {
            row.unclaimed += 1;
            return;
        }
        if !self.bind_next(function, instance, turn) {
            self.functions[function as usize].unclaimed += 1;
            return;
        }
        while self.functions[function as usize].filling == instance
            && self.bind_next(function, instance, turn)
        {}
    }

    /// Promises an instance that starts to the call that waited longest; says whether there was one.
    fn bind_next<O: Extend<Effect>, S: Sink>(
        &mut self,
        function: u32,
        instance: u32,
        turn: &mut Turn<'_, O, S>,
    ) -> bool {
        let Some(call) = self.next_waiting(function, turn) else {
            return false;
        };
        let row = &mut self.functions[function as usize];
        row.bound.join(&mut self.calls, call);
        self.calls[call].stage = Stage::Bound;
        self.calls[call].instance = instance;
        let is = &mut self.instances[instance];
        is.calls += 1;
        row.filling = if is.calls < is.slots { instance } else { NONE };
        true
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
        let is_old = row.retires == Some(StopReason::Replaced);
        self.mind_health(function, turn);
        let took = turn.now.since(since);
        if self.settings.spares == Spares::Young {
            self.instances[instance].spared = turn.now + took;
        }
        self.keep_alive.ready(FunctionId::new(function), took);
        if !is_old {
            self.functions[function as usize].crashes = 0;
            self.prepared(function, turn);
        }
        if self.settings.hosts.choice == HostChoice::Locality && !is_old {
            self.hosts.remember(function, instance);
        }
        if self.instances[instance].calls > 0 {
            self.run_bound(instance, turn);
        } else {
            self.functions[function as usize].unclaimed -= 1;
        }
        if self.hosts.has_moves() {
            self.finish_move(instance, turn);
        }
        // It was started for this function's calls.
        self.own_turn = true;
        self.offer(instance, Start::Cold, turn);
        self.own_turn = false;
    }

    /// Runs those to whom an instance was promised that is ready now.
    fn run_bound<O: Extend<Effect>, S: Sink>(&mut self, instance: u32, turn: &mut Turn<'_, O, S>) {
        let function = self.instances[instance].function as usize;
        if self.functions[function].filling == instance {
            self.functions[function].filling = NONE;
        }
        let mut left = std::mem::take(&mut self.instances[instance].calls);
        let mut next = self.functions[function].bound.first();
        while left > 0
            && let Some(call) = next
        {
            let after = self.calls[call].after;
            next = (after != NONE).then_some(after);
            if self.calls[call].instance == instance {
                left -= 1;
                self.functions[function].bound.leave(&mut self.calls, call);
                self.run_or_queue(call, instance, turn);
            }
        }
    }

    /// Runs a call whose instance is ready, unless its owner's limit was reached since.
    fn run_or_queue<O: Extend<Effect>, S: Sink>(
        &mut self,
        call: u32,
        instance: u32,
        turn: &mut Turn<'_, O, S>,
    ) {
        let function = self.instances[instance].function;
        if self.functions[function as usize].governed && !self.has_turn(function) {
            self.queue_again(function, call);
            self.block(function);
            return self.refuse_misfits(function, turn);
        }
        self.run(call, instance, Start::Cold, turn);
    }

    /// An instance with room gets those who waited longest, or becomes idle. One that retires goes when it is empty.
    pub(super) fn offer<O: Extend<Effect>, S: Sink>(
        &mut self,
        instance: u32,
        how: Start,
        turn: &mut Turn<'_, O, S>,
    ) {
        let row = &self.instances[instance];
        let function = row.function;
        if let Some(why) = row.retires {
            if row.calls == 0 {
                self.stop(instance, why, turn);
                self.start_wanted(function, turn);
            }
            return;
        }
        if how == Start::Warm && self.makes_room(instance) {
            self.totals.evictions += 1;
            self.stop(instance, StopReason::Evicted, turn);
            return self.start_wanted(function, turn);
        }
        let empty = row.calls == 0;
        while self.instances[instance].calls < self.instances[instance].slots
            && let Some(call) = self.next_waiting(function, turn)
        {
            self.run(call, instance, how, turn);
        }
        if how == Start::Warm && empty && self.instances[instance].calls > 0 {
            self.charge_turn(function);
        }
        if self.instances[instance].calls == 0 {
            self.rest(instance, turn);
        } else if self.instances[instance].slots > 1 {
            self.keep_open(instance);
        }
    }

    /// Runs a call on an instance that has room for it and is not among the idle ones.
    pub(super) fn run<O: Extend<Effect>, S: Sink>(
        &mut self,
        call: u32,
        instance: u32,
        how: Start,
        turn: &mut Turn<'_, O, S>,
    ) {
        self.step(instance, Life::Busy, turn);
        let pending = &mut self.calls[call];
        pending.cold = how == Start::Cold;
        self.totals.cold += u64::from(pending.cold);
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
        if row.governed {
            self.count_running(function.number(), true);
        }
        let is = &mut self.instances[instance];
        is.calls += 1;
        is.ahead = None;
        if is.slots > 1 {
            self.keep_open(instance);
        }
        let row = &self.functions[function.number() as usize];
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
    /// Puts an instance that runs several calls at once among those with room for one more, or takes it out.
    pub(super) fn keep_open(&mut self, instance: u32) {
        let row = &self.instances[instance];
        let room = row.life == Life::Busy && row.calls < row.slots && row.retires.is_none();
        let open = &mut self.functions[row.function as usize].open;
        match open.iter().rposition(|&other| other == instance) {
            None if room => open.push(instance),
            Some(place) if !room => _ = open.remove(place),
            _ => {}
        }
    }
}
