//! What the platform keeps of a function, an instance and a call that is not yet answered.

use std::time::Duration;

use cloudlot_core::Timestamp;

use super::event::{Call, CallId, Source};
use super::function::Function;
use super::life::Life;
use super::list::Line;
use super::slab::NONE;
use crate::FunctionId;

/// A function and who is there of it.
#[derive(Clone, Debug)]
pub(super) struct FunctionRow {
    pub(super) is: Function,
    /// Instances that wait for a call, the one that came last at the end.
    pub(super) idle: Vec<u32>,
    /// Calls that wait for any instance, in the order of their arrival.
    pub(super) waiting: Line,
    /// Calls that wait for an instance of their own, likewise.
    pub(super) bound: Line,
    /// Calls that run, in the order of their start.
    pub(super) running: Line,
    /// How many wait for any instance.
    pub(super) queued: u32,
    /// Instances that start and are not promised to one call.
    pub(super) unclaimed: u32,
    /// Instances that start, run or wait.
    pub(super) alive: u32,
    /// Whether calls wait for memory.
    pub(super) short: bool,
    /// How many starts failed in a row.
    pub(super) crashes: u32,
    /// No start before: the last ones failed.
    pub(super) not_before: Timestamp,
    /// When one is started ahead of a call; the end of time if never.
    pub(super) prewarm: Timestamp,
    /// How long that one is kept.
    pub(super) prewarm_keep: Duration,
    /// When this function is looked at next; the end of time if never.
    pub(super) due: Timestamp,
}

impl FunctionRow {
    pub(super) const fn new(is: Function) -> Self {
        Self {
            is,
            idle: Vec::new(),
            waiting: Line::EMPTY,
            bound: Line::EMPTY,
            running: Line::EMPTY,
            queued: 0,
            unclaimed: 0,
            alive: 0,
            short: false,
            crashes: 0,
            not_before: Timestamp::ZERO,
            prewarm: Timestamp::MAX,
            prewarm_keep: Duration::ZERO,
            due: Timestamp::MAX,
        }
    }

    /// Whether one more instance is allowed.
    pub(super) fn may_start(&self, now: Timestamp) -> bool {
        now >= self.not_before && self.is.instances.is_none_or(|most| self.alive < most.get())
    }
}

/// An instance.
#[derive(Clone, Copy, Debug)]
pub(super) struct InstanceRow {
    pub(super) function: u32,
    pub(super) life: Life,
    /// The call that it runs, or that it is promised to; no place if none.
    pub(super) call: u32,
    /// Since when it starts or is idle.
    pub(super) since: Timestamp,
    /// When it was ready.
    pub(super) ready: Timestamp,
    /// What it is worth, if idle.
    pub(super) value: u64,
    /// How long it is kept, if idle.
    pub(super) until: Timestamp,
    /// How long it is kept once it is ready, if it starts ahead of a call.
    pub(super) ahead: Option<Duration>,
}

impl InstanceRow {
    pub(super) const fn new(function: u32, now: Timestamp) -> Self {
        Self {
            function,
            life: Life::Gone,
            call: NONE,
            since: now,
            ready: now,
            value: 0,
            until: Timestamp::MAX,
            ahead: None,
        }
    }
}

/// Where a call stands that has no answer yet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Stage {
    /// It waits for any instance of its function.
    Waiting,
    /// It waits for the instance that starts for it.
    Bound,
    /// It runs.
    Running,
    /// It waits for the answer of another with the same key.
    Joined,
    /// It will be tried again.
    Paused,
}

/// A [`Call`] without its key, which few have and which is large: it lies with the keys.
#[derive(Clone, Copy, Debug)]
pub(super) struct Admitted {
    pub(super) id: CallId,
    pub(super) function: FunctionId,
    pub(super) payload: u64,
    pub(super) source: Source,
    pub(super) keyed: bool,
}

/// A call that has no answer yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pending {
    pub(super) call: Admitted,
    pub(super) arrived: Timestamp,
    /// Since when it waits for an instance.
    pub(super) since: Timestamp,
    pub(super) started: Option<Timestamp>,
    pub(super) stage: Stage,
    pub(super) cold: bool,
    pub(super) attempts: u16,
    /// Where it runs, or which instance is promised to it.
    pub(super) instance: u32,
    /// Those with the same key that wait for its answer.
    pub(super) joined: Line,
    pub(super) before: u32,
    pub(super) after: u32,
}

impl Pending {
    pub(super) const fn new(call: Call, now: Timestamp) -> Self {
        Self {
            call: Admitted {
                id: call.id,
                function: call.function,
                payload: call.payload,
                source: call.source,
                keyed: call.key.is_some(),
            },
            arrived: now,
            since: now,
            started: None,
            stage: Stage::Waiting,
            cold: false,
            attempts: 0,
            instance: NONE,
            joined: Line::EMPTY,
            before: NONE,
            after: NONE,
        }
    }
}
