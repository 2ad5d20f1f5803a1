//! A policy that knows what comes: how good any policy without it could be.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use cloudlot_core::Timestamp;

use crate::{Arrival, Function, FunctionId, KeepAlive, Rest, Resting};

/// Keeps an instance exactly until it is wanted again, if that costs less than a cold start, and not at all otherwise.
///
/// A cold start costs as much as `worth` of idling of an instance of mean size. It starts nothing ahead: with
/// what it knows every call but a function's first would be warm for nothing.
///
/// What it bounds: where starts take no time and the most recent instance is used first, no policy that starts nothing ahead has a smaller sum
/// of `worth × mean memory × cold starts + idle memory × time`, whether calls overlap or not. Where starts take time, calls that waited end later than it
/// foresees, and it is misled: measure it with starts that take none.
#[derive(Clone, Debug)]
pub struct Oracle {
    worth: Duration,
    /// When the number of a function's calls rises from each level to the next, backwards, so that the next time is the last.
    rises: Vec<Vec<Vec<Timestamp>>>,
    /// Calls of each function that have come and not ended.
    busy: Vec<u32>,
    memory: Vec<u64>,
    sum: u128,
}

impl Oracle {
    /// Knows these calls, which come in order of time.
    #[must_use]
    pub fn new(worth: Duration, arrivals: impl IntoIterator<Item = Arrival>) -> Self {
        let mut calls: Vec<Vec<(Timestamp, Timestamp)>> = Vec::new();
        for arrival in arrivals {
            let function = at(arrival.function);
            calls.resize_with(calls.len().max(function + 1), Vec::new);
            calls[function].push((arrival.at, arrival.at + arrival.runs));
        }
        Self {
            worth,
            rises: calls.into_iter().map(rises).collect(),
            busy: Vec::new(),
            memory: Vec::new(),
            sum: 0,
        }
    }
}

impl Oracle {
    /// When a function's calls rise from this level to the next, from now on.
    fn rises(
        &mut self,
        function: FunctionId,
        level: u32,
        now: Timestamp,
    ) -> Option<&mut Vec<Timestamp>> {
        let level = usize::try_from(level).unwrap_or(usize::MAX);
        let times = self.rises.get_mut(at(function))?.get_mut(level)?;
        while times.pop_if(|time| *time < now).is_some() {}
        Some(times)
    }
}

impl KeepAlive for Oracle {
    fn added(&mut self, _: FunctionId, is: &Function) {
        self.busy.push(0);
        self.memory.push(is.memory.get());
        self.sum += u128::from(is.memory.get());
    }

    fn arrived(&mut self, function: FunctionId, now: Timestamp) {
        let Some(busy) = self.busy.get_mut(at(function)) else {
            return;
        };
        let level = *busy;
        *busy = busy.saturating_add(1);
        // This one has come: a call may end in the moment of its arrival, and then waits for the next.
        if let Some(times) = self.rises(function, level, now) {
            times.pop_if(|time| *time == now);
        }
    }

    fn rest(&mut self, resting: &Resting) -> Rest {
        if let Some(busy) = self.busy.get_mut(at(resting.function)) {
            *busy = resting.busy;
        }
        let rises = self.rises(resting.function, resting.busy, resting.now);
        let Some(next) = rises.and_then(|times| times.last().copied()) else {
            return Rest::keep(Duration::ZERO);
        };
        let gap = next.since(resting.now);
        let memory = self.memory.get(at(resting.function)).copied().unwrap_or(0);
        // gap × memory ≤ worth × mean, without a division.
        let idle = gap.as_nanos().saturating_mul(memory.into());
        let count = u128::try_from(self.memory.len()).unwrap_or(1);
        let pays = idle.saturating_mul(count) <= self.worth.as_nanos().saturating_mul(self.sum);
        Rest::keep(if pays { gap } else { Duration::ZERO })
    }
}

/// When calls, by begin and end, rise from each level to the next.
fn rises(calls: Vec<(Timestamp, Timestamp)>) -> Vec<Vec<Timestamp>> {
    let mut rises: Vec<Vec<Timestamp>> = Vec::new();
    let mut running: BinaryHeap<Reverse<Timestamp>> = BinaryHeap::new();
    for (begin, end) in calls {
        while running.peek().is_some_and(|end| end.0 <= begin) {
            running.pop();
        }
        rises.resize_with(rises.len().max(running.len() + 1), Vec::new);
        rises[running.len()].push(begin);
        running.push(Reverse(end));
    }
    rises.iter_mut().for_each(|times| times.reverse());
    rises
}

fn at(function: FunctionId) -> usize {
    usize::try_from(function.number()).unwrap_or(usize::MAX)
}
