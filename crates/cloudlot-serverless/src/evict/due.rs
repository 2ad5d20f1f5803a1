//! What is due soonest and starts slowest stays: the valuation we advise.

use std::time::Duration;

use cloudlot_core::Timestamp;

use super::{StartCost, Valuation, row};
use crate::FunctionId;

/// Worth is `now + start − gap`: the time of becoming idle, later by how long a start of the function takes, earlier by how long
/// its next call is away. So the one of the longest idle goes first that is wanted latest and is made again fastest.
///
/// `start` is the [`StartCost`]; `gap` is the mean time between calls that come, each gap weighing as much as all before it, so that a
/// function that falls silent or wakes up is known after a few calls. Before the second call it is ten minutes. A call counts
/// whether it is served or not. Memory does not count: what is lost by evicting an instance, a start that holds its memory, is in
/// proportion to what is won, that memory.
///
/// All three are times, so nothing has to be scaled; and worth does not change while an instance is idle.
#[derive(Clone, Default, Debug)]
pub struct Due {
    functions: Vec<Is>,
}

#[derive(Clone, Copy, Default, Debug)]
struct Is {
    start: StartCost,
    last: Option<Timestamp>,
    /// In nanoseconds.
    gap: Option<u64>,
}

/// Before a function was called twice.
const UNKNOWN: u64 = 600_000_000_000;

/// The zero of worth, and the longest gap: 36 years.
const FAR: u64 = 1 << 60;

impl Valuation for Due {
    fn value(&mut self, function: FunctionId, _: Timestamp, now: Timestamp) -> u64 {
        let is = row(&mut self.functions, function);
        let gap = is.gap.unwrap_or(UNKNOWN).min(FAR);
        let late = now.as_nanos().saturating_add(is.start.nanos());
        late.saturating_add(FAR) - gap
    }

    fn arrived(&mut self, function: FunctionId, now: Timestamp) {
        let is = row(&mut self.functions, function);
        if let Some(last) = is.last {
            let gap = u64::try_from(now.since(last).as_nanos()).unwrap_or(u64::MAX);
            is.gap = Some(is.gap.map_or(gap, |mean| mean.midpoint(gap)));
        }
        is.last = Some(now);
    }

    fn ready(&mut self, function: FunctionId, took: Duration) {
        row(&mut self.functions, function).start.started(took);
    }
}
