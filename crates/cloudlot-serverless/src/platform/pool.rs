//! Room that is limited: who may start, and which idle instances make way.

use cloudlot_core::Bytes;

use super::event::{Effect, Outcome, StopReason};
use super::keep_alive::KeepAlive;
use super::record::Sink;
use super::rows::Stage;
use super::{Platform, Turn};
use crate::FunctionId;
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
        let Some(host) = self.cheapest(need) else {
            return false;
        };
        while !self.hosts.loads[host].will_fit(need) {
            self.evict(host, turn);
        }
        self.hosts.loads[host].fits(need)
    }

    /// Whether there is memory for one more instance of this function as it is.
    pub(super) fn has_memory(&self, function: u32) -> bool {
        let need = self.size_of(function);
        let loads = &self.hosts.loads;
        loads.is_empty() || loads.iter().any(|load| load.fits(need))
    }

    /// The host on which the least is lost if idle instances make room: there the dearest one that has to go, the least valued
    /// going first, is worth least. Of equals the one where fewer have to go, then the first.
    fn cheapest(&self, need: Size) -> Option<usize> {
        let could = |&host: &usize| self.hosts.loads[host].could_fit(need);
        let mut hosts = (0..self.hosts.loads.len()).filter(could);
        let first = hosts.next()?;
        if hosts.next().is_none() {
            return Some(first);
        }
        let idle = self.functions.iter().flat_map(|row| &row.idle);
        let mut victims: Vec<(u64, u32)> = idle
            .map(|&instance| (self.instances[instance].value, instance))
            .collect();
        victims.sort_unstable();
        let mut loads = self.hosts.loads.clone();
        let mut gone = vec![0_u32; loads.len()];
        // The host that has room first as all go in order needs the cheapest of them; those that get it at the same worth
        // are compared.
        let mut best: Option<(u64, u32, usize)> = None;
        for (value, instance) in victims {
            if best.is_some_and(|(worth, ..)| worth < value) {
                break;
            }
            let Some(host) = self.hosts.host_of(instance) else {
                continue;
            };
            if loads[host].will_fit(need) || !loads[host].open {
                continue;
            }
            loads[host].stopping = loads[host].stopping.plus(self.hosts.need_of(instance));
            gone[host] += 1;
            if loads[host].will_fit(need) {
                let this = (value, gone[host], host);
                best = Some(best.map_or(this, |other| other.min(this)));
            }
        }
        best.map(|(.., host)| host)
    }

    /// Stops the idle instance of a host that the policy values least.
    fn evict<O: Extend<Effect>, S: Sink>(&mut self, host: usize, turn: &mut Turn<'_, O, S>) {
        let idle = self.functions.iter().flat_map(|row| &row.idle);
        let here = idle.filter(|&&instance| self.hosts.host_of(instance) == Some(host));
        let value = |&&instance: &&u32| (self.instances[instance].value, instance);
        let least = *here.min_by_key(value).expect("idle instances hold memory");
        let row = self.instances[least];
        self.leave_idle(least);
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

    /// Starts for those who wait for memory, in turn, as far as it goes.
    pub(super) fn serve_short<O: Extend<Effect>, S: Sink>(&mut self, turn: &mut Turn<'_, O, S>) {
        while std::mem::take(&mut self.hosts.news) {
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
    fn has_a_host(&self, function: u32) -> bool {
        let need = self.size_of(function);
        let mut hosts = self.hosts.loads.iter();
        hosts.any(|load| load.open && need.fits_in(load.limit))
    }
}
