//! The end of a platform: what was taken in is finished, and nothing else is.

use super::event::{Effect, StopReason};
use super::keep_alive::KeepAlive;
use super::record::Sink;
use super::{Platform, Turn};

impl<K: KeepAlive> Platform<K> {
    /// Idle instances go, and from now on so does each that has nothing to run.
    pub(super) fn begin_to_drain<O: Extend<Effect>, S: Sink>(&mut self, turn: &mut Turn<'_, O, S>) {
        self.draining = true;
        for function in 0..self.functions.len() {
            for instance in std::mem::take(&mut self.functions[function].idle) {
                self.stop(instance, StopReason::Drained, turn);
            }
        }
    }
}
