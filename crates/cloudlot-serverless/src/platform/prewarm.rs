//! Starts ahead of calls.

use cloudlot_core::Timestamp;

use super::event::Effect;
use super::keep_alive::{KeepAlive, Prewarm};
use super::record::Sink;
use super::{Platform, Turn};

impl<K: KeepAlive> Platform<K> {
    /// Puts down the start that the policy wants, if any, instead of an earlier one.
    pub(super) fn plan_prewarm<O: Extend<Effect>, S: Sink>(
        &mut self,
        function: u32,
        prewarm: Option<Prewarm>,
        turn: &mut Turn<'_, O, S>,
    ) {
        let row = &mut self.functions[function as usize];
        let Some(prewarm) = prewarm else {
            row.prewarm = Timestamp::MAX;
            return;
        };
        let at = turn.now + prewarm.after;
        row.prewarm = at;
        row.prewarm_keep = prewarm.keep;
        self.look_again(function, at, turn);
    }

    /// Starts an instance for nobody if that is due, nobody is there, and there is room as it is; then there is none to
    /// be started any more. Before it is due, sets the date.
    pub(super) fn prewarm<O: Extend<Effect>, S: Sink>(
        &mut self,
        function: u32,
        turn: &mut Turn<'_, O, S>,
    ) {
        let row = &mut self.functions[function as usize];
        if row.prewarm > turn.now {
            let at = row.prewarm;
            return self.look_again(function, at, turn);
        }
        row.prewarm = Timestamp::MAX;
        let keep = row.prewarm_keep;
        let wanted = row.alive == 0 && row.may_start(turn.now);
        if !wanted || self.draining || !self.has_memory(function) {
            return;
        }
        let instance = self.create(function, turn);
        self.instances[instance].ahead = Some(keep);
        self.functions[function as usize].unclaimed += 1;
        self.totals.prewarms += 1;
    }
}
