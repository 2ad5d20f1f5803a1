//! Calls that wait for their owner's turn or room: who is sent away, and who is served when there is some.

use std::collections::VecDeque;

use super::binding::Start;
use super::event::{Effect, Limit, Outcome};
use super::keep_alive::KeepAlive;
use super::record::Sink;
use super::rows::Stage;
use super::{Platform, Turn};

impl<K: KeepAlive> Platform<K> {
    /// Whether a call of a governed function may begin to run now.
    pub(super) fn has_turn(&self, function: u32) -> bool {
        self.owner_of(function).has_turn()
    }

    /// Whether an instance with room is for this governed function's own calls, rather than for whose turn it is among its owner's.
    pub(super) fn may_go_on(&self, function: u32) -> bool {
        let owner = self.owner_of(function);
        let alone = owner.blocked.iter().all(|&other| other == function);
        owner.calls.is_none() || owner.has_turn() && (alone || self.own_turn)
    }

    /// Calls of this function wait for room with its owner.
    pub(super) fn block(&mut self, function: u32) {
        let row = &mut self.functions[function as usize];
        if !row.blocked {
            row.blocked = true;
            let owner = row.is.owner.number();
            self.owners.rows[owner as usize].blocked.push_back(function);
        }
    }

    /// A call of a governed function waits though there is an instance with room for it: it is its owner's turn that is lacking.
    pub(super) fn block_if_free(&mut self, function: u32) {
        let row = &self.functions[function as usize];
        if row.governed && row.queued > 0 && row.has_free() {
            self.block(function);
            let owner = self.functions[function as usize].is.owner.number();
            self.owners.tell(owner);
        }
    }

    /// Sends a call away that has just come if too many wait already, and any for which its owner can never have an instance.
    pub(super) fn throttle<O: Extend<Effect>, S: Sink>(
        &mut self,
        call: u32,
        turn: &mut Turn<'_, O, S>,
    ) {
        let pending = &self.calls[call];
        if pending.stage != Stage::Waiting {
            return;
        }
        let new = pending.arrived == turn.now && pending.attempts == 0;
        let function = pending.call.function.number();
        let row = &self.functions[function as usize];
        let over = |queue: Option<u32>, excess: u64| queue.is_some_and(|most| excess > most.into());
        let limit = if row.governed && row.is.memory.get() > self.owner_of(function).most {
            Limit::OwnerMemory
        } else if new && over(row.is.queue, row.excess()) {
            Limit::Queue
        } else if new && self.owner_queue_is_full(function) {
            Limit::OwnerQueue
        } else {
            return;
        };
        self.totals.throttled += 1;
        self.withdraw(call);
        self.answer(call, Outcome::Throttled(limit), turn);
    }

    fn owner_queue_is_full(&self, function: u32) -> bool {
        let owner = self.owner_of(function);
        let excess = |&function: &u32| self.functions[function as usize].excess();
        let all = || owner.functions.iter().map(excess).sum::<u64>();
        owner.queue.is_some_and(|most| all() > most.into())
    }

    /// Serves those who wait for room with their owners.
    pub(super) fn serve_owners<O: Extend<Effect>, S: Sink>(&mut self, turn: &mut Turn<'_, O, S>) {
        while let Some(owner) = self.owners.news.pop() {
            self.owners.rows[owner as usize].news = false;
            while self.serve_round(owner, turn) {}
        }
    }

    /// One round through an owner's line: each gets one call to run or its starts. The first that finds no room for an instance
    /// keeps its place, and nobody behind it starts one. Says whether anybody was served.
    fn serve_round<O: Extend<Effect>, S: Sink>(
        &mut self,
        owner: u32,
        turn: &mut Turn<'_, O, S>,
    ) -> bool {
        let line = std::mem::take(&mut self.owners.rows[owner as usize].blocked);
        let mut unserved = VecDeque::new();
        let (mut served, mut stuck) = (false, false);
        for function in line {
            self.functions[function as usize].blocked = false;
            let starts = self.totals.starts;
            let ran = self.run_one(function, turn);
            if !ran && !stuck {
                self.start_wanted(function, turn);
                stuck = self.functions[function as usize].blocked && self.totals.starts == starts;
            }
            let row = &self.functions[function as usize];
            let waits = row.blocked || row.queued > 0 && (ran || stuck || row.has_free());
            if ran || self.totals.starts > starts {
                served = true;
                if waits {
                    self.block(function);
                }
            } else if waits {
                let blocked = &mut self.owners.rows[owner as usize].blocked;
                blocked.retain(|&other| other != function);
                self.functions[function as usize].blocked = true;
                unserved.push_back(function);
            }
        }
        let row = &mut self.owners.rows[owner as usize];
        unserved.append(&mut row.blocked);
        row.blocked = unserved;
        served
    }

    /// Runs the next call of a function on an instance that has room for it, if both are there and it may.
    fn run_one<O: Extend<Effect>, S: Sink>(
        &mut self,
        function: u32,
        turn: &mut Turn<'_, O, S>,
    ) -> bool {
        let row = &self.functions[function as usize];
        if row.queued == 0 || !row.has_free() || !self.has_turn(function) {
            return false;
        }
        self.own_turn = true;
        let call = self.next_waiting(function, turn);
        self.own_turn = false;
        let Some(call) = call else {
            return false;
        };
        let id = self.calls[call].call.id;
        match self.take_free(function, id, turn.now) {
            Some(instance) => self.run(call, instance, Start::Warm, turn),
            None => self.queue(function, call),
        }
        true
    }
}
