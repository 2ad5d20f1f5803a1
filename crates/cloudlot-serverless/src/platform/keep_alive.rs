//! How long an idle instance is kept, and when one is started ahead of its call: the port.

use std::time::Duration;

use cloudlot_core::Timestamp;

use super::function::Function;
use crate::FunctionId;

/// Says how long an instance waits for its next call, and when one is started before that comes.
///
/// It is asked in the moment in which an instance becomes idle, and told of what happens to the function; it
/// may keep what it learns. It has no clock. What a policy does not listen to costs nothing.
pub trait KeepAlive {
    /// What becomes of an instance that becomes idle now.
    fn rest(&mut self, resting: &Resting) -> Rest;

    /// What an instance that becomes idle now, and had started at `made`, is worth: when memory is short, the least goes first, and of
    /// equals the one in the lowest place. By default the last that became idle is worth most: least recently used goes first.
    fn value(&mut self, function: FunctionId, made: Timestamp, now: Timestamp) -> u64 {
        let _ = (function, made);
        now.as_nanos()
    }

    /// What an idle instance is worth now that was worth `value` when this was asked last, or when it became idle. It may only rise:
    /// an answer that is less counts as `value`.
    fn revalue(&mut self, function: FunctionId, value: u64) -> u64 {
        let _ = function;
        value
    }

    /// An idle instance of this worth had to go.
    fn evicted(&mut self, function: FunctionId, value: u64) {
        let _ = (function, value);
    }

    /// A function was taken in. They come in the order of their numbers.
    fn added(&mut self, function: FunctionId, is: &Function) {
        let _ = (function, is);
    }

    /// A new version of a function took the place of the one before.
    fn replaced(&mut self, function: FunctionId, is: &Function) {
        let _ = (function, is);
    }

    /// A call of this function has come.
    fn arrived(&mut self, function: FunctionId, now: Timestamp) {
        let _ = (function, now);
    }

    /// An instance of this function that had started is stopped, or lost.
    fn gone(&mut self, function: FunctionId) {
        let _ = function;
    }

    /// An instance of this function has started, which took so long.
    fn ready(&mut self, function: FunctionId, took: Duration) {
        let _ = (function, took);
    }

    /// An attempt of this function has ended by itself after running for so long. If its instance becomes idle, it
    /// is asked for next.
    fn finished(&mut self, function: FunctionId, ran: Duration) {
        let _ = (function, ran);
    }
}

/// An instance that becomes idle, and who else is there of its function.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Resting {
    /// Whose.
    pub function: FunctionId,
    /// When.
    pub now: Timestamp,
    /// How many others wait for a call already.
    pub idle: u32,
    /// How many others start or run. With the most recent first, this instance is wanted when that becomes one more.
    pub busy: u32,
    /// How long ago it was ready.
    pub age: Duration,
}

/// What becomes of an instance that becomes idle.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rest {
    /// How long it is kept; [`Duration::MAX`] for ever. An arrival in the very moment in which the window ends
    /// still finds it.
    pub keep: Duration,
    /// The next start ahead of a call. A function has one at most: the newest answer counts, also if it wants none.
    pub prewarm: Option<Prewarm>,
}

impl Rest {
    /// The instance is kept for so long, and none is started ahead.
    /// ```
    /// # use cloudlot_serverless::Rest;
    /// # use std::time::Duration;
    /// let rest = Rest::keep(Duration::from_secs(600));
    /// assert_eq!((rest.keep, rest.prewarm), (Duration::from_secs(600), None));
    /// ```
    #[must_use]
    pub const fn keep(keep: Duration) -> Self {
        Self {
            keep,
            prewarm: None,
        }
    }
}

/// A start ahead of a call.
///
/// When it is due and the function has any instance, it is dropped: that one's rest says what is next. A platform that drains starts none, and where memory is limited
/// nobody is evicted for it. A call that comes in the moment in which it is due comes before it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Prewarm {
    /// When the start begins, from the rest that asked for it.
    pub after: Duration,
    /// How long the instance is kept when it is ready and nobody waits for it.
    pub keep: Duration,
}

impl<K: KeepAlive + ?Sized> KeepAlive for Box<K> {
    fn rest(&mut self, resting: &Resting) -> Rest {
        (**self).rest(resting)
    }

    fn value(&mut self, function: FunctionId, made: Timestamp, now: Timestamp) -> u64 {
        (**self).value(function, made, now)
    }

    fn revalue(&mut self, function: FunctionId, value: u64) -> u64 {
        (**self).revalue(function, value)
    }

    fn evicted(&mut self, function: FunctionId, value: u64) {
        (**self).evicted(function, value);
    }

    fn added(&mut self, function: FunctionId, is: &Function) {
        (**self).added(function, is);
    }

    fn replaced(&mut self, function: FunctionId, is: &Function) {
        (**self).replaced(function, is);
    }

    fn arrived(&mut self, function: FunctionId, now: Timestamp) {
        (**self).arrived(function, now);
    }

    fn gone(&mut self, function: FunctionId) {
        (**self).gone(function);
    }

    fn ready(&mut self, function: FunctionId, took: Duration) {
        (**self).ready(function, took);
    }

    fn finished(&mut self, function: FunctionId, ran: Duration) {
        (**self).finished(function, ran);
    }
}
