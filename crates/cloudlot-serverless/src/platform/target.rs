//! A number of instances that somebody sets who watches the load: more are started, those beyond are stopped.

use cloudlot_core::Timestamp;

use super::event::{Effect, StopReason};
use super::keep_alive::KeepAlive;
use super::record::Sink;
use super::{Platform, Turn};

impl<K: KeepAlive> Platform<K> {
    /// From now on the function has this many instances, rather than as many as calls want.
    pub(super) fn set_target<O: Extend<Effect>, S: Sink>(
        &mut self,
        function: u32,
        instances: u32,
        turn: &mut Turn<'_, O, S>,
    ) {
        let Some(row) = self.functions.get_mut(function as usize) else {
            self.totals.late += 1;
            return;
        };
        row.target = Some(instances);
        // Room for a call that waits is wanted in any case.
        if row.queued > 0 {
            row.target = Some(instances.max(1));
        }
        while self.functions[function as usize].has_surplus()
            && let Some(oldest) = self.functions[function as usize].take_oldest()
        {
            self.stop(oldest, StopReason::Surplus, turn);
        }
        for index in 0..self.functions[function as usize].idle.len() {
            let instance = self.functions[function as usize].idle[index];
            self.instances[instance].until = Timestamp::MAX;
        }
        if !self.draining {
            self.start_wanted(function, turn);
        }
    }
}
