//! How long an idle instance is kept: the port, and the fixed window.

use std::time::Duration;

use cloudlot_core::Timestamp;

use crate::FunctionId;

/// Says how long an instance waits for its next call.
///
/// It is asked in the moment in which an instance becomes idle, and told of every call that comes; it
/// may keep what it learns. It has no clock.
pub trait KeepAlive {
    /// How long an instance that becomes idle now is kept; [`Duration::MAX`] for ever. An arrival
    /// in the very moment in which the window ends still finds it.
    fn window(&mut self, function: FunctionId, now: Timestamp) -> Duration;

    /// What an instance that becomes idle now is worth: when memory is short, the least goes first, and of equals the one in the
    /// lowest place. By default the last that became idle is worth most: least recently used goes first.
    fn value(&mut self, function: FunctionId, now: Timestamp) -> u64 {
        let _ = function;
        now.as_nanos()
    }

    /// An idle instance of this worth had to go.
    fn evicted(&mut self, function: FunctionId, value: u64) {
        let _ = (function, value);
    }

    /// A call of this function has come.
    fn arrived(&mut self, function: FunctionId, now: Timestamp) {
        let _ = (function, now);
    }
}

/// Every instance is kept for the same time after its last call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FixedWindow(pub Duration);

impl KeepAlive for FixedWindow {
    fn window(&mut self, _: FunctionId, _: Timestamp) -> Duration {
        self.0
    }
}

impl<K: KeepAlive + ?Sized> KeepAlive for Box<K> {
    fn window(&mut self, function: FunctionId, now: Timestamp) -> Duration {
        (**self).window(function, now)
    }

    fn value(&mut self, function: FunctionId, now: Timestamp) -> u64 {
        (**self).value(function, now)
    }

    fn evicted(&mut self, function: FunctionId, value: u64) {
        (**self).evicted(function, value);
    }

    fn arrived(&mut self, function: FunctionId, now: Timestamp) {
        (**self).arrived(function, now);
    }
}
