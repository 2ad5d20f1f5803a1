//! Memory that is limited: who may start, and which idle instance makes room.

use std::collections::VecDeque;

use cloudlot_core::{Bytes, Timestamp};

use super::event::{Effect, Outcome, StopReason};
use super::keep_alive::KeepAlive;
use super::life::Life;
use super::record::Sink;
use super::rows::Stage;
use super::worth::Idler;
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

/// Which idle instances go when there is no memory for another.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Evicts {
    /// The least valued, until there is room; then those that turn out not to be needed stay, the most valued first. None goes if all of
    /// them together were too few.
    #[default]
    OnlyNeeded,
    /// The least valued, until there is room; none if all of them together were too few.
    InOrder,
    /// The least valued, until they held as much as the other needs, whatever is free, or none is left: also when that does not
    /// help. This is what FaasCache's simulator does; for comparison with it.
    InVain,
}

/// Which instances make room only if no other can.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Spares {
    /// None.
    #[default]
    Nobody,
    /// Those that have not been there for longer than their start took: what has just been paid for is not thrown away.
    Young,
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
    /// Those that make room now; empty in between.
    victims: Vec<u32>,
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
            victims: Vec::new(),
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
        let lacks = need.saturating_sub(in_reach(&self.holdings));
        if lacks > 0 {
            let wants = match self.settings.evicts {
                Evicts::InVain => need,
                _ if lacks > self.holdings.idle => return false,
                Evicts::OnlyNeeded | Evicts::InOrder => lacks,
            };
            self.make_room(wants, turn);
        }
        free(&self.holdings) >= need
    }

    /// Whether there is memory for one more instance of this function as it is.
    pub(super) fn has_memory(&self, function: u32) -> bool {
        let need = self.functions[function as usize].is.memory.get();
        let free = |pool: Pool| pool.memory.get().saturating_sub(self.holdings.held);
        self.settings.pool.is_none_or(|pool| free(pool) >= need)
    }

    /// Stops idle instances that held so much together, the least valued first; all, if that is too little.
    fn make_room<O: Extend<Effect>, S: Sink>(&mut self, wants: u64, turn: &mut Turn<'_, O, S>) {
        let mut victims = std::mem::take(&mut self.holdings.victims);
        let mut freed = 0_u64;
        while freed < wants
            && let Some(least) = self.take_least(turn.now)
        {
            freed = freed.saturating_add(self.instances[least].memory);
            victims.push(least);
        }
        if self.settings.evicts == Evicts::OnlyNeeded {
            self.spare(&mut victims, freed.saturating_sub(wants), turn.now);
        }
        for victim in victims.drain(..) {
            let row = self.instances[victim];
            let set = &mut self.functions[row.function as usize].idle;
            set.retain(|&instance| instance != victim);
            let function = FunctionId::new(row.function);
            self.keep_alive.evicted(function, row.value);
            self.stop(victim, StopReason::Evicted, turn);
            self.totals.evictions += 1;
        }
        self.holdings.victims = victims;
    }

    /// Takes out of the order the idle instance that the policy values least.
    fn take_least(&mut self, now: Timestamp) -> Option<u32> {
        let (instances, keep_alive) = (&mut self.instances, &mut self.keep_alive);
        self.worth.take_least(0, now, |place| {
            let row = &mut instances[place];
            if row.life != Life::Idle {
                return None;
            }
            let function = FunctionId::new(row.function);
            row.value = keep_alive.revalue(function, row.value).max(row.value);
            Some(row.value)
        })
    }

    /// Lets those of the victims live whose memory is more than what is wanted, the most valued first.
    fn spare(&mut self, victims: &mut Vec<u32>, mut surplus: u64, now: Timestamp) {
        for index in (0..victims.len()).rev() {
            let memory = self.instances[victims[index]].memory;
            if memory <= surplus {
                surplus -= memory;
                let spared = victims.remove(index);
                self.may_make_room(spared, now);
            }
        }
    }

    /// An instance that has become idle may make room from now on.
    pub(super) fn may_make_room(&mut self, instance: u32, now: Timestamp) {
        if self.settings.pool.is_none() {
            return;
        }
        let row = &self.instances[instance];
        let idler = Idler {
            host: 0,
            place: instance,
            value: row.value,
            spared: row.spared,
        };
        self.worth.rests(idler, now);
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
