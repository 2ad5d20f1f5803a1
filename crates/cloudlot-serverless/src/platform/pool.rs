//! Memory that is limited: who may start, and which idle instance makes room.

use std::collections::VecDeque;

use cloudlot_core::Bytes;

use super::event::{Effect, Outcome, StopReason};
use super::keep_alive::KeepAlive;
use super::life::Life;
use super::record::Sink;
use super::rows::Stage;
use super::{Platform, Turn};
use crate::FunctionId;

/// A limit to the memory that all instances hold together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pool {
    /// The limit.
    pub memory: Bytes,
    /// When an instance that is stopped holds nothing any more.
    pub frees: Frees,
    /// What becomes of a call for which nothing can be started, though all idle instances made room.
    pub full: Full,
}

/// When an instance that is stopped holds nothing any more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Frees {
    /// When it is gone, as in truth.
    WhenGone,
    /// When its end is asked for, as in most simulators.
    AtOnce,
}

/// What becomes of a call for which there is no memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Full {
    /// It waits.
    Wait,
    /// It is answered with [`Outcome::NoRoom`].
    Refuse,
}

/// What is held, and who waits for it.
#[derive(Clone, Debug)]
pub(super) struct Holdings {
    /// By all instances.
    held: u64,
    /// By idle ones.
    idle: u64,
    /// By those that stop.
    stopping: u64,
    /// Functions with calls that wait for memory.
    short: VecDeque<u32>,
    /// Whether some came free, or could, since they were served.
    news: bool,
}

impl Holdings {
    pub(super) const fn new() -> Self {
        Self {
            held: 0,
            idle: 0,
            stopping: 0,
            short: VecDeque::new(),
            news: false,
        }
    }
}

impl<K: KeepAlive> Platform<K> {
    /// Counts what a move frees or makes free to take.
    pub(super) fn count_memory(&mut self, memory: u64, from: Life, to: Life) {
        let Some(pool) = self.settings.pool else {
            return;
        };
        let holds = |life| match life {
            Life::Starting | Life::Busy | Life::Idle => true,
            Life::Stopping => pool.frees == Frees::WhenGone,
            Life::Gone => false,
        };
        let of = |yes| if yes { memory } else { 0 };
        let holdings = &mut self.holdings;
        holdings.held = holdings.held - of(holds(from)) + of(holds(to));
        holdings.idle = holdings.idle - of(from == Life::Idle) + of(to == Life::Idle);
        let stops = |life| life == Life::Stopping && holds(life);
        holdings.stopping = holdings.stopping - of(stops(from)) + of(stops(to));
        holdings.news |= to == Life::Idle || holds(from) && !holds(to);
    }

    /// Whether there is memory for one more instance of this function; idle ones of any function make room.
    pub(super) fn find_memory<O: Extend<Effect>, S: Sink>(
        &mut self,
        function: u32,
        turn: &mut Turn<'_, O, S>,
    ) -> bool {
        let Some(pool) = self.settings.pool else {
            return true;
        };
        let need = self.functions[function as usize].is.memory.get();
        let free = |holdings: &Holdings| pool.memory.get().saturating_sub(holdings.held);
        let in_reach = |holdings: &Holdings| free(holdings).saturating_add(holdings.stopping);
        if in_reach(&self.holdings).saturating_add(self.holdings.idle) < need {
            return false;
        }
        while in_reach(&self.holdings) < need {
            self.evict(turn);
        }
        free(&self.holdings) >= need
    }

    /// Whether there is memory for one more instance of this function as it is.
    pub(super) fn has_memory(&self, function: u32) -> bool {
        let need = self.functions[function as usize].is.memory.get();
        let free = |pool: Pool| pool.memory.get().saturating_sub(self.holdings.held);
        self.settings.pool.is_none_or(|pool| free(pool) >= need)
    }

    /// Stops the idle instance that the policy values least.
    fn evict<O: Extend<Effect>, S: Sink>(&mut self, turn: &mut Turn<'_, O, S>) {
        let idle = self.functions.iter().flat_map(|row| &row.idle);
        let value = |&&instance: &&u32| (self.instances[instance].value, instance);
        let least = *idle.min_by_key(value).expect("idle instances hold memory");
        let row = self.instances[least];
        let set = &mut self.functions[row.function as usize].idle;
        set.retain(|&instance| instance != least);
        self.stop(least, StopReason::Evicted, turn);
        let function = FunctionId::new(row.function);
        self.keep_alive.evicted(function, row.value);
        self.totals.evictions += 1;
    }

    /// This function has calls that wait for memory.
    pub(super) fn run_short(&mut self, function: u32) {
        let row = &mut self.functions[function as usize];
        if !row.short {
            row.short = true;
            self.holdings.short.push_back(function);
        }
    }

    /// A call that has just begun to wait is sent away if there is no memory for it, now or ever.
    pub(super) fn turn_away<O: Extend<Effect>, S: Sink>(
        &mut self,
        call: u32,
        turn: &mut Turn<'_, O, S>,
    ) {
        let Some(pool) = self.settings.pool else {
            return;
        };
        let function = self.calls[call].call.function.number();
        let row = &self.functions[function as usize];
        let never = row.is.memory > pool.memory;
        let short = row.short && row.may_start(turn.now) && row.is_behind();
        let refused = short && pool.full == Full::Refuse;
        if self.calls[call].stage == Stage::Waiting && (never || refused) {
            self.totals.no_room += 1;
            self.leave_queue(function, call);
            self.answer(call, Outcome::NoRoom, turn);
        }
    }

    /// Starts for those who wait for memory, in turn, as far as it goes.
    pub(super) fn serve_short<O: Extend<Effect>, S: Sink>(&mut self, turn: &mut Turn<'_, O, S>) {
        while std::mem::take(&mut self.holdings.news) {
            for _ in 0..self.holdings.short.len() {
                let Some(function) = self.holdings.short.pop_front() else {
                    break;
                };
                self.functions[function as usize].short = false;
                self.start_wanted(function, turn);
                if self.functions[function as usize].short {
                    // It stands at the end now, and has its turn first all the same.
                    self.holdings.short.rotate_right(1);
                    break;
                }
            }
        }
    }
}
