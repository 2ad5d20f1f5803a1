//! Greedy-dual: what a function saves, on a clock that moves on with each eviction.

use std::time::Duration;

use cloudlot_core::Timestamp;

use super::cost::per_mib;
use super::frequency::Use;
use super::{StartCost, Valuation, row};
use crate::{Function, FunctionId};

/// Worth is `clock + calls × start / memory`, where the clock is the worth of the last instance that had to go. So a function
/// that is not called any more is overtaken in time.
///
/// `calls` are those that the instances of the function ran that are there, `start` is the [`StartCost`] in nanoseconds and `memory` is
/// in MiB. Worth is that of the function's last call, for all its instances; it never falls while they are idle. It ends at 2^64 - 1.
///
/// Source: Fuerst and Sharma, "FaasCache: keeping serverless computing alive with greedy-dual caching", ASPLOS 2021, equation 1, after
/// Cherkasova, "Improving WWW proxies performance with greedy-dual-size-frequency caching policy", HP Labs 1998.
#[derive(Clone, Default, Debug)]
pub struct GreedyDual {
    weigh: Weigh,
    clock: u64,
    functions: Vec<Is>,
}

/// What a call weighs in [`GreedyDual`].
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Weigh {
    /// The time of a start for each MiB: what is lost by evicting that much memory.
    #[default]
    StartPerMib,
    /// The time of a start.
    Start,
    /// A second for each MiB.
    PerMib,
}

#[derive(Clone, Copy, Default, Debug)]
struct Is {
    memory: u64,
    start: StartCost,
    used: Use,
    worth: u64,
}

impl GreedyDual {
    /// With another weight of a call; the default is FaasCache's.
    #[must_use]
    pub const fn weighing(weigh: Weigh) -> Self {
        Self {
            weigh,
            clock: 0,
            functions: Vec::new(),
        }
    }
}

impl Valuation for GreedyDual {
    fn value(&mut self, function: FunctionId, _: Timestamp, _: Timestamp) -> u64 {
        // One that was never called, but started ahead, is worth the clock.
        row(&mut self.functions, function).worth.max(self.clock)
    }

    fn revalue(&mut self, function: FunctionId, value: u64) -> u64 {
        value.max(row(&mut self.functions, function).worth)
    }

    fn evicted(&mut self, _: FunctionId, value: u64) {
        self.clock = self.clock.max(value);
    }

    fn added(&mut self, function: FunctionId, is: &Function) {
        row(&mut self.functions, function).memory = is.memory.get();
    }

    fn replaced(&mut self, function: FunctionId, is: &Function) {
        self.added(function, is);
    }

    fn gone(&mut self, function: FunctionId) {
        row(&mut self.functions, function).used.gone();
    }

    fn ready(&mut self, function: FunctionId, took: Duration) {
        let is = row(&mut self.functions, function);
        is.start.started(took);
        is.used.ready();
    }

    fn finished(&mut self, function: FunctionId, _: Duration) {
        let is = row(&mut self.functions, function);
        is.used.ran();
        let calls = u128::from(is.used.calls());
        let start = u128::from(is.start.nanos());
        let saved = match self.weigh {
            Weigh::StartPerMib => per_mib(calls * start, is.memory),
            Weigh::Start => u64::try_from(calls * start).unwrap_or(u64::MAX),
            Weigh::PerMib => per_mib(calls * 1_000_000_000, is.memory),
        };
        is.worth = self.clock.saturating_add(saved);
    }
}
