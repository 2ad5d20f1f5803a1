//! What a back end will report, in the order of time, then of kind, then of making.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use cloudlot_core::Timestamp;

use crate::{AttemptId, Event, Exit, FunctionId, InstanceId};

/// What a back end reports: the part of [`Event`] that is neither an arrival nor a tick, in its order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Report {
    /// The instance has started and can run.
    Ready(InstanceId),
    /// The attempt has ended by itself.
    Done(AttemptId, Exit),
    /// The instance is gone though nobody stopped it; or its start has failed.
    Lost(InstanceId),
    /// The instance is gone as asked.
    Stopped(InstanceId),
    /// The function's code lies there.
    Prepared(FunctionId),
    /// The instance is well: an answer to a check.
    Healthy(InstanceId),
    /// The instance is not well: another.
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
pub struct Reports {
    heap: BinaryHeap<Reverse<Due>>,
    made: u64,
}

/// A report with its time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Due {
    pub(super) at: Timestamp,
    /// Class and number in one: the upper three bits are the class.
    order: u64,
    pub(super) report: Report,
    /// Who has to be there to make it; nobody if it is made whatever happens.
    pub(super) by: Option<InstanceId>,
}

impl Reports {
    pub(super) const fn new() -> Self {
        Self {
            heap: BinaryHeap::new(),
            made: 0,
        }
    }

    /// This will be reported, whatever happens until then.
    pub fn put(&mut self, at: Timestamp, report: Report) {
        self.push(at, report, None);
    }

    /// This will be reported if the back end says then that it [happens](super::Backend::happens): an instance that is gone
    /// ends no call.
    pub fn put_if(&mut self, instance: InstanceId, at: Timestamp, report: Report) {
        self.push(at, report, Some(instance));
    }

    fn push(&mut self, at: Timestamp, report: Report, by: Option<InstanceId>) {
        let order = report.class() << 61 | self.made;
        self.made += 1;
        self.heap.push(Reverse(Due {
            at,
            order,
            report,
            by,
        }));
    }

    pub(super) fn next_at(&self) -> Option<Timestamp> {
        self.heap.peek().map(|due| due.0.at)
    }

    pub(super) fn pop(&mut self) -> Option<Due> {
        self.heap.pop().map(|due| due.0)
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
