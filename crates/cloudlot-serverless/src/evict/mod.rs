//! What an idle instance is worth when memory is short: the least valued makes room first.
//!
//! A [`Valuation`] says what an instance is worth; [`Evicting`] puts it beside a policy of keeping instances warm, which says how
//! long they are kept while there is memory. Where [`Settings::pool`](crate::Settings::pool) is not set, nobody is evicted.

mod age;
mod cost;
mod due;
mod frequency;
mod greedy_dual;
mod lru;
mod size;
mod start_cost;

pub use age::Age;
pub use cost::Cost;
pub use due::Due;
pub use frequency::Frequency;
pub use greedy_dual::{GreedyDual, Weigh};
pub use lru::Lru;
pub use size::Size;
pub use start_cost::StartCost;

use std::time::Duration;

use cloudlot_core::Timestamp;

use crate::{Function, FunctionId, KeepAlive, Rest, Resting};

/// Says which idle instance makes room first.
///
/// It is told what [`KeepAlive`] is told; what it does not listen to costs nothing.
pub trait Valuation {
    /// [`KeepAlive::value`].
    fn value(&mut self, function: FunctionId, made: Timestamp, now: Timestamp) -> u64;

    /// [`KeepAlive::revalue`].
    fn revalue(&mut self, function: FunctionId, value: u64) -> u64 {
        let _ = function;
        value
    }

    /// [`KeepAlive::evicted`].
    fn evicted(&mut self, function: FunctionId, value: u64) {
        let _ = (function, value);
    }

    /// [`KeepAlive::added`].
    fn added(&mut self, function: FunctionId, is: &Function) {
        let _ = (function, is);
    }

    /// [`KeepAlive::replaced`].
    fn replaced(&mut self, function: FunctionId, is: &Function) {
        let _ = (function, is);
    }

    /// [`KeepAlive::arrived`].
    fn arrived(&mut self, function: FunctionId, now: Timestamp) {
        let _ = (function, now);
    }

    /// [`KeepAlive::gone`].
    fn gone(&mut self, function: FunctionId) {
        let _ = function;
    }

    /// [`KeepAlive::ready`].
    fn ready(&mut self, function: FunctionId, took: Duration) {
        let _ = (function, took);
    }

    /// [`KeepAlive::finished`].
    fn finished(&mut self, function: FunctionId, ran: Duration) {
        let _ = (function, ran);
    }
}

/// A policy of keeping instances warm, and a valuation for when memory is short.
///
/// ```
/// use cloudlot_core::{Bytes, Timestamp};
/// use cloudlot_serverless::evict::{Evicting, GreedyDual};
/// use cloudlot_serverless::sim::{FixedStart, Simulation};
/// use cloudlot_serverless::{Arrival, FixedWindow, Frees, Full, Function, Platform, Pool, Settings};
/// use std::time::Duration;
///
/// let settings = Settings {
///     pool: Some(Pool { memory: Bytes::mib(256), frees: Frees::AtOnce, full: Full::Refuse }),
///     ..Settings::DEFAULT
/// };
/// let policy = Evicting { keep: FixedWindow(Duration::from_secs(600)), by: GreedyDual::default() };
/// let mut platform = Platform::new(settings, policy);
/// let functions: Vec<_> = (0..3).map(|_| platform.add(Function::new(Bytes::mib(128)))).collect();
/// let calls = (0..9).map(|index| Arrival {
///     at: Timestamp::ZERO + Duration::from_secs(10 * index as u64),
///     function: functions[index % 3],
///     runs: Duration::from_secs(1),
/// });
/// Simulation::new(FixedStart(Duration::from_secs(1))).run(&mut platform, calls, &mut ());
/// assert!(platform.totals().evictions > 0 && platform.totals().no_room == 0);
/// ```
#[derive(Clone, Debug)]
pub struct Evicting<K, V> {
    /// Says how long an instance is kept.
    pub keep: K,
    /// Says which one makes room first.
    pub by: V,
}

impl<K> Evicting<K, Due> {
    /// With the valuation that we advise.
    pub fn new(keep: K) -> Self {
        Self {
            keep,
            by: Due::default(),
        }
    }
}

impl<K: KeepAlive, V: Valuation> KeepAlive for Evicting<K, V> {
    fn rest(&mut self, resting: &Resting) -> Rest {
        self.keep.rest(resting)
    }

    fn value(&mut self, function: FunctionId, made: Timestamp, now: Timestamp) -> u64 {
        self.by.value(function, made, now)
    }

    fn revalue(&mut self, function: FunctionId, value: u64) -> u64 {
        self.by.revalue(function, value)
    }

    fn evicted(&mut self, function: FunctionId, value: u64) {
        self.keep.evicted(function, value);
        self.by.evicted(function, value);
    }

    fn added(&mut self, function: FunctionId, is: &Function) {
        self.keep.added(function, is);
        self.by.added(function, is);
    }

    fn replaced(&mut self, function: FunctionId, is: &Function) {
        self.keep.replaced(function, is);
        self.by.replaced(function, is);
    }

    fn arrived(&mut self, function: FunctionId, now: Timestamp) {
        self.keep.arrived(function, now);
        self.by.arrived(function, now);
    }

    fn gone(&mut self, function: FunctionId) {
        self.keep.gone(function);
        self.by.gone(function);
    }

    fn ready(&mut self, function: FunctionId, took: Duration) {
        self.keep.ready(function, took);
        self.by.ready(function, took);
    }

    fn finished(&mut self, function: FunctionId, ran: Duration) {
        self.keep.finished(function, ran);
        self.by.finished(function, ran);
    }
}

/// The row of a function, made if need be.
fn row<T: Default>(rows: &mut Vec<T>, function: FunctionId) -> &mut T {
    let index = function.number() as usize;
    if index >= rows.len() {
        rows.resize_with(index + 1, T::default);
    }
    &mut rows[index]
}
