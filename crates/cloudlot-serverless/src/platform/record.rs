//! What the platform tells: a record of each call, each move of an instance, and running totals.

use cloudlot_core::Timestamp;
use std::time::Duration;

use super::event::{CallId, InstanceId, Outcome};
use super::life::Life;
use crate::FunctionId;

/// How one call went. Times are when the platform heard of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Record {
    /// The call.
    pub call: CallId,
    /// Its function.
    pub function: FunctionId,
    /// When it came.
    pub arrived: Timestamp,
    /// When its last attempt began; nothing if that never ran.
    pub started: Option<Timestamp>,
    /// When it was answered.
    pub ended: Timestamp,
    /// With what.
    pub outcome: Outcome,
    /// How often it was tried; a start that was made for it alone and failed counts.
    pub attempts: u16,
    /// Whether it waited for an instance to start and was the first to run there.
    pub cold: bool,
}

impl Record {
    /// From the arrival to the beginning of the last attempt, or to the answer of a call that never ran.
    #[must_use]
    pub fn delay(&self) -> Duration {
        self.started.unwrap_or(self.ended).since(self.arrived)
    }
}

/// One step in the life of an instance.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Move {
    /// When.
    pub at: Timestamp,
    /// Whose.
    pub instance: InstanceId,
    /// Its function.
    pub function: FunctionId,
    /// From where.
    pub from: Life,
    /// To where.
    pub to: Life,
}

/// Who is told. Both do nothing unless somebody cares.
pub trait Sink {
    /// A call was answered.
    fn call(&mut self, record: &Record) {
        let _ = record;
    }

    /// An instance went from one state to the next.
    fn moved(&mut self, step: &Move) {
        let _ = step;
    }
}

/// Nobody is told.
impl Sink for () {}

impl<S: Sink + ?Sized> Sink for &mut S {
    fn call(&mut self, record: &Record) {
        (**self).call(record);
    }

    fn moved(&mut self, step: &Move) {
        (**self).moved(step);
    }
}

/// What happened so far, counted.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Totals {
    /// Calls that came.
    pub calls: u64,
    /// Calls that were answered.
    pub replies: u64,
    /// Instances that were started.
    pub starts: u64,
    /// Those of them that were started ahead of a call.
    pub prewarms: u64,
    /// Times that a call found no warm instance and waited, for a start or for one to become free.
    pub waited: u64,
    /// Those of them that waited for a start to end and ran there first.
    pub cold: u64,
    /// Starts that failed.
    pub failed_starts: u64,
    /// Attempts that were followed by another.
    pub retries: u64,
    /// Calls that got the answer of another with the same key.
    pub joined: u64,
    /// Idle instances that made room for others.
    pub evictions: u64,
    /// Idle instances that began to move to another host.
    pub moves: u64,
    /// Calls that were sent away because there was no memory.
    pub no_room: u64,
    /// Attempts that ran for too long.
    pub timed_out: u64,
    /// Calls that waited for too long.
    pub waited_too_long: u64,
    /// Calls that were sent away because too many wait.
    pub throttled: u64,
    /// Calls that were sent away because their function fails too often.
    pub breaker_open: u64,
    /// Events that became too old before they could run.
    pub expired: u64,
    /// Calls that were taken back.
    pub cancelled: u64,
    /// Events that were put aside.
    pub dead_letters: u64,
    /// Instances that were ended by force; each time counts.
    pub kills: u64,
    /// Instances that were stopped because they were not well.
    pub unhealthy: u64,
    /// Reports of attempts, instances and calls that were over when they came.
    pub late: u64,
    /// Memory held over time by idle instances and by starts ahead of calls, in bytes times nanoseconds; counted when that ends.
    pub idle: u128,
}

impl Totals {
    /// Nothing yet.
    pub(super) const ZERO: Self = Self {
        calls: 0,
        replies: 0,
        starts: 0,
        prewarms: 0,
        waited: 0,
        cold: 0,
        failed_starts: 0,
        retries: 0,
        joined: 0,
        evictions: 0,
        moves: 0,
        no_room: 0,
        timed_out: 0,
        waited_too_long: 0,
        throttled: 0,
        breaker_open: 0,
        expired: 0,
        cancelled: 0,
        dead_letters: 0,
        kills: 0,
        unhealthy: 0,
        late: 0,
        idle: 0,
    };

    /// [`idle`](Self::idle) in MiB·s.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "for display and comparison")]
    pub fn idle_mib_s(&self) -> f64 {
        self.idle as f64 / (1_u64 << 20) as f64 / 1e9
    }
}
