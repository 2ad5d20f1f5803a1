//! Room that is limited: who may start, and which idle instances make way.

use cloudlot_core::Bytes;

use super::event::{Effect, Limit, Outcome};
use super::keep_alive::KeepAlive;
use super::record::Sink;
use super::rows::Stage;
use super::{Platform, Turn};
use crate::choose::{HostLoad, Size};

/// A limit to the memory that all instances hold together: one host.
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

impl<K: KeepAlive> Platform<K> {
    /// Whether there is memory for one more instance of this function; idle ones of any function make room.
    pub(super) fn find_memory<O: Extend<Effect>, S: Sink>(
        &mut self,
        function: u32,
        turn: &mut Turn<'_, O, S>,
    ) -> bool {
        let governed = self.functions[function as usize].governed;
        if self.must_queue() || governed && !self.find_owner_room(function, turn) {
            return false;
        }
        if self.hosts.is_empty() {
            return true;
        }
        let need = self.size_of(function);
        let any = |fits: fn(&HostLoad, Size) -> bool| {
            let mut loads = self.hosts.loads.iter();
            loads.any(|load| fits(load, need))
        };
        if any(HostLoad::fits) {
            return true;
        }
        if any(HostLoad::will_fit) {
            return false;
        }
        self.find_victims(need, turn)
    }

    /// Whether there is memory for one more instance of this function as it is, and nobody waits for it.
    pub(super) fn has_memory(&self, function: u32) -> bool {
        if self.functions[function as usize].governed && !self.owner_admits(function) {
            return false;
        }
        if self.must_queue() {
            return false;
        }
        let need = self.size_of(function);
        let loads = &self.hosts.loads;
        loads.is_empty() || loads.iter().any(|load| load.fits(need))
    }

    /// The memory of open hosts that is free, idle or about to go.
    pub(super) fn in_reach(&self) -> u64 {
        let open = self.hosts.loads.iter().filter(|load| load.open);
        open.map(|load| {
            let kept = load.held.minus(load.stopping).minus(load.idle);
            load.limit.memory.saturating_sub(kept.memory)
        })
        .fold(0, u64::saturating_add)
    }

    /// This function has calls that wait for memory, or for room with its owner.
    pub(super) fn run_short(&mut self, function: u32) {
        let governed = self.functions[function as usize].governed;
        // What there can never be holds nobody up.
        let memory = self.functions[function as usize].is.memory.get();
        if governed && memory > self.owner_of(function).most {
            return;
        }
        // In its turn among others it is seen whether its owner's idle instances make room.
        if governed && !self.must_queue() && !self.owner_admits(function) {
            return self.block(function);
        }
        if self.is_fair() {
            self.hosts.news |= !self.serving_short;
            return self.join_short(function);
        }
        let row = &mut self.functions[function as usize];
        if !row.short {
            row.short = true;
            self.hosts.short.push_back(function);
        }
    }

    /// A call that has just begun to wait is sent away if there is no memory for it, now or ever.
    pub(super) fn turn_away<O: Extend<Effect>, S: Sink>(
        &mut self,
        call: u32,
        turn: &mut Turn<'_, O, S>,
    ) {
        if self.hosts.is_empty() {
            return;
        }
        let function = self.calls[call].call.function.number();
        if self.settings.hosts.full == Full::Refuse && self.is_fair() {
            self.serve_short(turn);
        }
        let row = &self.functions[function as usize];
        let need = self.size_of(function);
        let mut hosts = self.hosts.loads.iter();
        let never = !hosts.any(|load| need.fits_in(load.limit));
        let short = row.short && row.may_start(turn.now) && row.is_behind();
        let refused = short && self.settings.hosts.full == Full::Refuse;
        if self.calls[call].stage == Stage::Waiting && (never || refused) {
            self.totals.no_room += 1;
            self.leave_queue(function, call);
            self.answer(call, Outcome::NoRoom, turn);
        }
    }

    /// Sends all away who wait for an instance that there can never be.
    pub(super) fn refuse_misfits<O: Extend<Effect>, S: Sink>(
        &mut self,
        function: u32,
        turn: &mut Turn<'_, O, S>,
    ) {
        let row = &self.functions[function as usize];
        let need = self.size_of(function);
        let mut hosts = self.hosts.loads.iter();
        let outcome = if !self.hosts.is_empty() && !hosts.any(|load| need.fits_in(load.limit)) {
            Outcome::NoRoom
        } else if row.governed && need.memory > self.owner_of(function).most {
            Outcome::Throttled(Limit::OwnerMemory)
        } else {
            return;
        };
        while let Some(call) = self.functions[function as usize].waiting.first() {
            match outcome {
                Outcome::NoRoom => self.totals.no_room += 1,
                _ => self.totals.throttled += 1,
            }
            self.leave_queue(function, call);
            self.answer(call, outcome, turn);
        }
    }

    /// Starts for those who wait for memory, in turn, as far as it goes.
    pub(super) fn serve_short<O: Extend<Effect>, S: Sink>(&mut self, turn: &mut Turn<'_, O, S>) {
        loop {
            self.serve_owners(turn);
            if !std::mem::take(&mut self.hosts.news) {
                return;
            }
            if self.is_fair() {
                self.serve_fairly(turn);
                continue;
            }
            for _ in 0..self.hosts.short.len() {
                let Some(function) = self.hosts.short.pop_front() else {
                    break;
                };
                self.functions[function as usize].short = false;
                self.start_wanted(function, turn);
                if self.functions[function as usize].short && self.has_a_host(function) {
                    // It stands at the end now, and has its turn first all the same.
                    self.hosts.short.rotate_right(1);
                    break;
                }
            }
        }
    }

    /// Whether a host that takes starts is large enough: else nobody has to wait until this function had its turn.
    pub(super) fn has_a_host(&self, function: u32) -> bool {
        let need = self.size_of(function);
        let mut hosts = self.hosts.loads.iter();
        hosts.any(|load| load.open && need.fits_in(load.limit))
    }
}
