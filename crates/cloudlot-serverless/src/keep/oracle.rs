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
/// What it bounds: where the calls of a function do not overlap, no policy that starts nothing ahead has a smaller sum
/// of `worth × cold starts + idle memory × time / mean memory`. Where they overlap, it looks for the next moment in which as many calls run at once again,
/// as if none of them had waited for a start, so that it is near the bound and no proof of it.
#[derive(Clone, Debug)]
pub struct Oracle {
    worth: Duration,
    functions: Vec<Future>,
    memory: Vec<u64>,
    sum: u128,
}

/// What a function's calls would do if none waited; all times backwards, so that the next is the last.
#[derive(Clone, Debug, Default)]
struct Future {
    /// When the number of calls rises from each level to the next.
    rises: Vec<Vec<Timestamp>>,
    ends: Vec<Timestamp>,
    begins: Vec<Timestamp>,
    /// How many run.
    level: usize,
    /// How long the last start took and the last call ran, and until when starts have calls end later than they would have.
    took: Duration,
    ran: Duration,
    late_until: Timestamp,
}

impl Future {
    fn new(mut calls: Vec<(Timestamp, Timestamp)>) -> Self {
        let mut future = Self::default();
        let mut running: BinaryHeap<Reverse<Timestamp>> = BinaryHeap::new();
        for &(begin, end) in &calls {
            while running.peek().is_some_and(|end| end.0 <= begin) {
                running.pop();
            }
            let levels = future.rises.len().max(running.len() + 1);
            future.rises.resize_with(levels, Vec::new);
            future.rises[running.len()].push(begin);
            running.push(Reverse(end));
        }
        future.rises.iter_mut().for_each(|times| times.reverse());
        future.begins = calls.iter().rev().map(|call| call.0).collect();
        calls.sort_unstable_by_key(|call| Reverse(call.1));
        future.ends = calls.into_iter().map(|call| call.1).collect();
        future
    }

    /// When this many calls and one more run at once next. After a start more may run than would if none had waited: then it is those that would that
    /// count, and the next call may need the instance, too.
    fn next(&mut self, level: u32, now: Timestamp) -> [Option<Timestamp>; 2] {
        while self.begins.pop_if(|time| *time < now).is_some() {
            self.level += 1;
        }
        while self.ends.pop_if(|time| *time <= now).is_some() {
            self.level = self.level.saturating_sub(1);
        }
        let level = usize::try_from(level).unwrap_or(usize::MAX);
        let rise = self.rises.get_mut(level.min(self.level)).and_then(|times| {
            while times.pop_if(|time| *time < now).is_some() {}
            times.last().copied()
        });
        if !self.took.is_zero() {
            self.late_until = now + 2 * (self.took + self.ran);
            self.took = Duration::ZERO;
        }
        let late = level > self.level || now < self.late_until;
        [rise, self.begins.last().copied().filter(|_| late)]
    }
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
            functions: calls.into_iter().map(Future::new).collect(),
            memory: Vec::new(),
            sum: 0,
        }
    }
}

impl KeepAlive for Oracle {
    fn added(&mut self, _: FunctionId, is: &Function) {
        self.memory.push(is.memory.get());
        self.sum += u128::from(is.memory.get());
    }

    fn ready(&mut self, function: FunctionId, took: Duration) {
        if let Some(future) = self.functions.get_mut(at(function)) {
            future.took = took;
        }
    }

    fn finished(&mut self, function: FunctionId, ran: Duration) {
        if let Some(future) = self.functions.get_mut(at(function)) {
            future.ran = ran;
        }
    }

    fn rest(&mut self, resting: &Resting) -> Rest {
        let Some(future) = self.functions.get_mut(at(resting.function)) else {
            return Rest::keep(Duration::ZERO);
        };
        let memory = self.memory.get(at(resting.function)).copied().unwrap_or(0);
        let count = u128::try_from(self.memory.len()).unwrap_or(1);
        let worth = self.worth.as_nanos().saturating_mul(self.sum);
        let next = future.next(resting.busy, resting.now).into_iter().flatten();
        let mut gaps = next.map(|next| next.since(resting.now));
        // gap × memory ≤ worth × mean, without a division.
        let pays = |gap: &Duration| {
            let idle = gap.as_nanos().saturating_mul(memory.into());
            idle.saturating_mul(count) <= worth
        };
        Rest::keep(gaps.find(pays).unwrap_or(Duration::ZERO))
    }
}

fn at(function: FunctionId) -> usize {
    usize::try_from(function.number()).unwrap_or(usize::MAX)
}
