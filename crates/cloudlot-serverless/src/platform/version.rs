//! A new version of a function takes the place of the one before.

use cloudlot_core::Timestamp;

use super::breaker::Circuit;
use super::event::{Effect, StopReason};
use super::function::Function;
use super::keep_alive::KeepAlive;
use super::life::Life;
use super::record::Sink;
use super::slab::NONE;
use super::{Platform, Turn};
use crate::FunctionId;

impl<K: KeepAlive> Platform<K> {
    /// Puts a new version in the place of a function, at `now`, and says whether there is such a function.
    ///
    /// What runs, and what waits for an instance of its own, ends on the version on which it began; all other calls get the new
    /// one. Idle instances of the old version are stopped, the others when their last call ends. Limits, timeouts and retries of the new
    /// version hold for all calls from now on, and its circuit breaker is closed. Calls that wait for more memory than anybody can
    /// get now are sent away. What keys remember stays, and so does the owner.
    pub fn replace(
        &mut self,
        function: FunctionId,
        is: Function,
        now: Timestamp,
        out: &mut impl Extend<Effect>,
        sink: &mut impl Sink,
    ) -> bool {
        let number = function.number();
        if self.functions.len() <= number as usize {
            return false;
        }
        let turn = &mut Turn { now, out, sink };
        self.forget_code(number, turn);
        let row = &mut self.functions[number as usize];
        row.is = Function {
            owner: row.is.owner,
            ..is
        };
        row.version = row.version.wrapping_add(1);
        row.asked = false;
        row.crashes = 0;
        row.not_before = Timestamp::ZERO;
        row.filling = NONE;
        row.circuit = Circuit::NEW;
        let is = row.is;
        for call in self.calls.places() {
            let pending = &mut self.calls[call];
            pending.probe &= pending.call.function != function;
        }
        self.keep_alive.replaced(function, &is);
        self.retire_all(number, turn);
        self.refuse_misfits(number, turn);
        self.look_again(number, now, turn);
        self.start_wanted(number, turn);
        self.serve_short(turn);
        true
    }

    /// No instance of this function that is there now takes another call.
    fn retire_all<O: Extend<Effect>, S: Sink>(&mut self, function: u32, turn: &mut Turn<'_, O, S>) {
        for instance in std::mem::take(&mut self.functions[function as usize].idle) {
            self.stop(instance, StopReason::Replaced, turn);
        }
        self.functions[function as usize].open.clear();
        for place in self.instances.places() {
            let row = &self.instances[place];
            if row.function != function || matches!(row.life, Life::Stopping | Life::Gone) {
                continue;
            }
            let calls = row.calls;
            // Also one that would take calls again when its host is back.
            self.retire(place, StopReason::Replaced);
            if calls == 0 {
                self.functions[function as usize].unclaimed -= 1;
                self.stop(place, StopReason::Replaced, turn);
            }
        }
    }
}
