//! How instances move: made, idle, stopped, gone. Every move is a legal one of [`Life`].

use std::time::Duration;

use super::event::{Effect, InstanceId, StopReason};
use super::function::Reuse;
use super::hosts::HostId;
use super::keep_alive::{KeepAlive, Resting};
use super::life::Life;
use super::record::{Move, Sink};
use super::rows::InstanceRow;
use super::{Platform, Turn};
use crate::FunctionId;
use cloudlot_core::Timestamp;

impl<K: KeepAlive> Platform<K> {
    /// Makes an instance that starts where the rule says; there is room.
    pub(super) fn create<O: Extend<Effect>, S: Sink>(
        &mut self,
        function: u32,
        turn: &mut Turn<'_, O, S>,
    ) -> u32 {
        self.create_on(function, None, turn)
    }

    /// Makes an instance that starts, on this host if one is named; there is room.
    pub(super) fn create_on<O: Extend<Effect>, S: Sink>(
        &mut self,
        function: u32,
        on: Option<HostId>,
        turn: &mut Turn<'_, O, S>,
    ) -> u32 {
        let row = &mut self.functions[function as usize];
        row.alive += 1;
        let version = row.version;
        let instance = self
            .instances
            .insert(InstanceRow::new(function, row, turn.now));
        let host = self.settle(instance, function, on, turn);
        self.totals.starts += 1;
        self.step(instance, Life::Starting, turn);
        turn.ask(Effect::Start {
            instance: InstanceId(self.instances.handle(instance)),
            function: FunctionId::new(function),
            host,
            version,
            from: self.codes.start(function, turn.now),
        });
        self.expect_rebalance(turn);
        instance
    }

    /// The one place where a life moves on.
    pub(super) fn step<O, S: Sink>(&mut self, instance: u32, to: Life, turn: &mut Turn<'_, O, S>) {
        let row = &mut self.instances[instance];
        let from = row.life;
        debug_assert!(from.may_become(to), "{from} never becomes {to}");
        row.life = to;
        let function = row.function;
        let memory = row.memory;
        if from == Life::Idle || from == Life::Starting && row.ahead.is_some() {
            let held = turn.now.as_nanos().saturating_sub(row.since.as_nanos());
            self.totals.idle += u128::from(memory) * u128::from(held);
        }
        if from == Life::Busy && to != Life::Busy && row.slots > 1 {
            self.keep_open(instance);
        }
        if !self.hosts.is_empty() {
            let frees = self.settings.hosts.frees;
            self.hosts.moved(instance, (from, to), frees, turn.now);
        }
        if self.functions[function as usize].governed {
            self.count_for_owner(function, memory, from, to);
        }
        let was_there = matches!(from, Life::Busy | Life::Idle);
        if was_there && matches!(to, Life::Stopping | Life::Gone) {
            self.keep_alive.gone(FunctionId::new(function));
        }
        turn.sink.moved(&Move {
            at: turn.now,
            instance: InstanceId(self.instances.handle(instance)),
            function: FunctionId::new(function),
            from,
            to,
        });
    }

    /// Nobody waits for it: it becomes idle, for as long as the policy says.
    pub(super) fn rest<O: Extend<Effect>, S: Sink>(
        &mut self,
        instance: u32,
        turn: &mut Turn<'_, O, S>,
    ) {
        if self.draining {
            return self.stop(instance, StopReason::Drained, turn);
        }
        let function = self.instances[instance].function;
        if self.functions[function as usize].has_surplus() {
            return self.stop(instance, StopReason::Surplus, turn);
        }
        self.step(instance, Life::Idle, turn);
        let window = match self.instances[instance].ahead.take() {
            Some(keep) => keep,
            None => self.ask(instance, turn),
        };
        let made = self.instances[instance].ready;
        let value = self
            .keep_alive
            .value(FunctionId::new(function), made, turn.now);
        let row = &mut self.instances[instance];
        row.value = value;
        row.since = turn.now;
        row.until = match self.functions[function as usize].target {
            Some(_) => Timestamp::MAX,
            None => turn.now + window,
        };
        let until = row.until;
        self.functions[function as usize].idle.push(instance);
        self.may_make_room(instance, turn.now);
        self.look_again(function, until, turn);
    }

    /// Asks the policy how long an instance is kept that becomes idle now, and puts down the start ahead that it wants.
    fn ask<O: Extend<Effect>, S: Sink>(
        &mut self,
        instance: u32,
        turn: &mut Turn<'_, O, S>,
    ) -> Duration {
        let InstanceRow {
            function, ready, ..
        } = self.instances[instance];
        let row = &self.functions[function as usize];
        let idle = u32::try_from(row.idle.len()).unwrap_or(u32::MAX);
        let rest = self.keep_alive.rest(&Resting {
            function: FunctionId::new(function),
            now: turn.now,
            idle,
            busy: row.alive.saturating_sub(idle + 1),
            age: turn.now.since(ready),
        });
        self.plan_prewarm(function, rest.prewarm, turn);
        rest.keep
    }

    /// An instance takes no more calls, and is stopped when the last one ends.
    pub(super) fn retire(&mut self, instance: u32, why: StopReason) {
        let row = &mut self.instances[instance];
        if row.retires.replace(why).is_none() {
            self.functions[row.function as usize].retiring += 1;
        }
        self.keep_open(instance);
    }

    /// An instance is not alive any more.
    pub(super) fn count_out(&mut self, instance: u32) {
        let is = &self.instances[instance];
        let row = &mut self.functions[is.function as usize];
        row.alive -= 1;
        row.retiring -= u32::from(is.retires.is_some());
    }

    /// Asks for the end of an instance. It must not be among the idle ones any more.
    pub(super) fn stop<O: Extend<Effect>, S: Sink>(
        &mut self,
        instance: u32,
        why: StopReason,
        turn: &mut Turn<'_, O, S>,
    ) {
        self.step(instance, Life::Stopping, turn);
        self.count_out(instance);
        turn.ask(Effect::Stop {
            instance: InstanceId(self.instances.handle(instance)),
            why,
        });
        self.mind_stop(instance, turn);
    }

    /// Stops the idle instances whose window is over.
    pub(super) fn expire<O: Extend<Effect>, S: Sink>(
        &mut self,
        function: u32,
        turn: &mut Turn<'_, O, S>,
    ) {
        // The set is put back as it is: its room is kept.
        let mut idle = std::mem::take(&mut self.functions[function as usize].idle);
        let mut index = 0;
        while index < idle.len() {
            let instance = idle[index];
            let row = &self.functions[function as usize];
            let mut over = self.instances[instance].until <= turn.now;
            if over && row.in_use() <= row.floor() {
                self.instances[instance].until = Timestamp::MAX;
                over = false;
            }
            if over {
                self.stop(instance, StopReason::Unused, turn);
            }
            if over && self.settings.reuse == Reuse::ArrayFirst {
                idle.swap_remove(index);
            } else {
                index += 1;
            }
        }
        idle.retain(|&instance| self.instances[instance].life == Life::Idle);
        self.functions[function as usize].idle = idle;
    }

    pub(super) fn stopped<O: Extend<Effect>, S: Sink>(
        &mut self,
        instance: InstanceId,
        turn: &mut Turn<'_, O, S>,
    ) {
        match self.instances.find(instance.0) {
            Some(place) if self.instances[place].life == Life::Stopping => self.vanish(place, turn),
            _ => self.totals.late += 1,
        }
    }

    /// It is no more.
    pub(super) fn vanish<O: Extend<Effect>, S: Sink>(
        &mut self,
        instance: u32,
        turn: &mut Turn<'_, O, S>,
    ) {
        self.step(instance, Life::Gone, turn);
        self.instances.remove(instance);
    }
}
