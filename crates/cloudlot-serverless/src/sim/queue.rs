//! What the back end will report, in the order of time, then of kind, then of making.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use cloudlot_core::Timestamp;

use crate::{AttemptId, Event, Exit, FunctionId, InstanceId};

/// What the back end reports: the part of [`Event`] that is neither an arrival nor a tick, in its order.
#[derive(Clone, Copy, Debug)]
pub(super) enum Report {
    Ready(InstanceId),
    Done(AttemptId, Exit),
    Lost(InstanceId),
    Stopped(InstanceId),
    Prepared(FunctionId),
    Healthy(InstanceId),
    Unhealthy(InstanceId),
}

impl Report {
    const fn class(self) -> u64 {
        match self {
            Self::Ready(_) => 0,
            Self::Done(..) => 1,
            Self::Lost(_) => 2,
            Self::Stopped(_) => 3,
            Self::Prepared(_) => 4,
            Self::Healthy(_) => 5,
            Self::Unhealthy(_) => 6,
        }
    }
}

impl From<Report> for Event {
    fn from(report: Report) -> Self {
        match report {
            Report::Ready(instance) => Self::Ready(instance),
            Report::Done(attempt, exit) => Self::Done { attempt, exit },
            Report::Lost(instance) => Self::Lost(instance),
            Report::Stopped(instance) => Self::Stopped(instance),
            Report::Prepared(function) => Self::Prepared(function),
            Report::Healthy(instance) => Self::Healthy(instance),
            Report::Unhealthy(instance) => Self::Unhealthy(instance),
        }
    }
}

/// Reports to come.
#[derive(Clone, Debug)]
pub(super) struct Queue {
    heap: BinaryHeap<Reverse<Due>>,
    made: u64,
}

#[derive(Clone, Copy, Debug)]
struct Due {
    at: Timestamp,
    /// Class and number in one: the upper three bits are the class.
    order: u64,
    report: Report,
}

impl Queue {
    pub(super) const fn new() -> Self {
        Self {
            heap: BinaryHeap::new(),
            made: 0,
        }
    }

    pub(super) fn push(&mut self, at: Timestamp, report: Report) {
        let order = report.class() << 61 | self.made;
        self.made += 1;
        self.heap.push(Reverse(Due { at, order, report }));
    }

    pub(super) fn next_at(&self) -> Option<Timestamp> {
        self.heap.peek().map(|due| due.0.at)
    }

    pub(super) fn pop(&mut self) -> Option<(Event, Timestamp)> {
        let Reverse(due) = self.heap.pop()?;
        Some((due.report.into(), due.at))
    }
}

impl Due {
    const fn key(&self) -> (u64, u64) {
        (self.at.as_nanos(), self.order)
    }
}

impl Ord for Due {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Due {}
