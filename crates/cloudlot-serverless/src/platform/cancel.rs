//! Calls that have no answer yet: where they stand, and how they are taken back.

use cloudlot_core::Timestamp;

use super::event::{CallId, Effect, InstanceId, Outcome, StopReason};
use super::keep_alive::KeepAlive;
use super::record::Sink;
use super::rows::Stage;
use super::{Platform, Turn};
use crate::FunctionId;

/// What becomes of an attempt whose call is cancelled.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Cancelling {
    /// Its instance is stopped, unless others joined the call or run there.
    #[default]
    Stops,
    /// It goes on, and its end is heard by nobody but those who joined the call.
    Leaves,
}

/// Where a call stands that has no answer yet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Status {
    /// The call.
    pub call: CallId,
    /// Its function.
    pub function: FunctionId,
    /// When it came.
    pub arrived: Timestamp,
    /// How often it was tried so far; an attempt that runs counts.
    pub attempts: u16,
    /// What it does.
    pub standing: Standing,
}

/// What a call does that has no answer yet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// It waits for any instance.
    Waits,
    /// It waits for this instance, which starts for it.
    WaitsFor(InstanceId),
    /// It runs here.
    Runs(InstanceId),
    /// It waits for the answer of this call, which has the same key.
    Joined(CallId),
    /// It will be tried again after a pause.
    Paused,
    /// It waits until its function fails less.
    Held,
}

impl<K: KeepAlive> Platform<K> {
    /// The calls that have no answer yet, in no order that means anything. It visits the places of all that were ever there at
    /// once; a warm call pays nothing for it.
    pub fn pending_calls(&self) -> impl Iterator<Item = Status> {
        let open = |place: &u32| !self.calls[*place].left;
        self.calls
            .taken()
            .filter(open)
            .map(|place| self.status_at(place))
    }

    /// Where this call stands; nothing if it is unknown or has its answer. A search through
    /// [`pending_calls`](Self::pending_calls): whoever asks often keeps an index of its own.
    #[must_use]
    pub fn status(&self, call: CallId) -> Option<Status> {
        self.find_call(call).map(|place| self.status_at(place))
    }

    fn find_call(&self, call: CallId) -> Option<u32> {
        self.calls.taken().find(|&place| {
            let pending = &self.calls[place];
            pending.call.id == call && !pending.left
        })
    }

    fn status_at(&self, place: u32) -> Status {
        let pending = &self.calls[place];
        let instance = || InstanceId(self.instances.handle(pending.instance));
        Status {
            call: pending.call.id,
            function: pending.call.function,
            arrived: pending.arrived,
            attempts: pending.attempts,
            standing: match pending.stage {
                Stage::Waiting => Standing::Waits,
                Stage::Bound => Standing::WaitsFor(instance()),
                Stage::Running => Standing::Runs(instance()),
                Stage::Joined => Standing::Joined(self.calls[pending.instance].call.id),
                Stage::Paused => Standing::Paused,
                Stage::Held => Standing::Held,
            },
        }
    }

    /// Takes a call back. Others with its key keep what was begun.
    pub(super) fn cancel<O: Extend<Effect>, S: Sink>(
        &mut self,
        call: CallId,
        turn: &mut Turn<'_, O, S>,
    ) {
        let Some(place) = self.find_call(call) else {
            self.totals.late += 1;
            return;
        };
        self.totals.cancelled += 1;
        let pending = self.calls[place];
        let runs = pending.stage == Stage::Running;
        if pending.stage == Stage::Joined {
            let first = pending.instance;
            let mut joined = self.calls[first].joined;
            joined.leave(&mut self.calls, place);
            self.calls[first].joined = joined;
            return self.reply(place, Outcome::Cancelled, pending.call.id, turn);
        }
        let shared = runs && self.instances[pending.instance].calls > 1;
        let leaves = runs && self.settings.cancelling == Cancelling::Leaves;
        if shared || leaves || pending.joined.first().is_some() {
            self.calls[place].left = true;
            return self.tell(&pending, Outcome::Cancelled, pending.call.id, turn);
        }
        if runs {
            self.cut_off(place, StopReason::Cancelled, turn);
        } else {
            self.withdraw(place);
        }
        self.answer(place, Outcome::Cancelled, turn);
        self.start_wanted(pending.call.function.number(), turn);
    }

    /// Ends an attempt with its instance.
    fn cut_off<O: Extend<Effect>, S: Sink>(
        &mut self,
        call: u32,
        why: StopReason,
        turn: &mut Turn<'_, O, S>,
    ) {
        let instance = self.calls[call].instance;
        self.leave_running(call);
        self.stop(instance, why, turn);
    }
}
