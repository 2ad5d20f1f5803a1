//! What the platform keeps of a function, an instance and a call that is not yet answered.

use std::time::Duration;

use cloudlot_core::Timestamp;

use super::breaker::Circuit;
use super::event::{Call, CallId, Source, StopReason};
use super::fair::Flow;
use super::function::Function;
use super::grace::Stopping;
use super::health::Pulse;
use super::life::Life;
use super::list::Line;
use super::slab::NONE;
use crate::FunctionId;

/// No more instances of one function are there for whoever sets a number; see [`Function::provisioned`].
const MOST_KEPT: u32 = 1 << 16;

/// A function and who is there of it.
#[derive(Clone, Debug)]
pub(super) struct FunctionRow {
    pub(super) is: Function,
    /// Instances that wait for a call, the one that came last at the end.
    pub(super) idle: Vec<u32>,
    /// Instances that run calls and have room for more, likewise; empty where one runs one call.
    pub(super) open: Vec<u32>,
    /// Calls that wait for any instance, in the order of their arrival.
    pub(super) waiting: Line,
    /// Calls that wait for an instance of their own, likewise.
    pub(super) bound: Line,
    /// Calls that run, in the order of their start.
    pub(super) running: Line,
    /// Calls that wait for the circuit breaker, in the order in which they came to it.
    pub(super) held: Line,
    /// How its circuit breaker stands, if it has one.
    pub(super) circuit: Circuit,
    /// Instances that stop, where they are ended by force if they do not.
    pub(super) stopping: Vec<Stopping>,
    /// When its instances are checked next; the end of time if they are not.
    pub(super) check_due: Timestamp,
    /// When the first event that waits may be too old; the end of time if none can be.
    pub(super) age_due: Timestamp,
    /// How many wait for any instance.
    pub(super) queued: u32,
    /// Instances that start and are not promised to one call.
    pub(super) unclaimed: u32,
    /// An instance that starts, is promised to some and has room for more; no place if none.
    pub(super) filling: u32,
    /// Instances that start, run or wait.
    pub(super) alive: u32,
    /// How many of them take no more calls.
    pub(super) retiring: u32,
    /// How many are to be alive, by the last target; nothing: as many as calls want.
    pub(super) target: Option<u32>,
    /// Counts the functions that were put in this place.
    pub(super) version: u32,
    /// Whether its code was asked for.
    pub(super) asked: bool,
    /// Whether its owner has limits.
    pub(super) governed: bool,
    /// Whether calls wait for room with its owner.
    pub(super) blocked: bool,
    /// What it got of late, for turns by weight.
    pub(super) flow: Flow,
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
            open: Vec::new(),
            waiting: Line::EMPTY,
            bound: Line::EMPTY,
            running: Line::EMPTY,
            held: Line::EMPTY,
            circuit: Circuit::NEW,
            stopping: Vec::new(),
            check_due: Timestamp::MAX,
            age_due: Timestamp::MAX,
            queued: 0,
            unclaimed: 0,
            filling: NONE,
            alive: 0,
            retiring: 0,
            target: None,
            version: 0,
            asked: false,
            governed: false,
            blocked: false,
            flow: Flow::NEW,
            short: false,
            crashes: 0,
            not_before: Timestamp::ZERO,
            prewarm: Timestamp::MAX,
            prewarm_keep: Duration::ZERO,
            due: Timestamp::MAX,
        }
    }

    /// How many instances start, run or wait and take calls.
    pub(super) const fn in_use(&self) -> u32 {
        self.alive - self.retiring
    }

    /// How many instances are there whether calls want them or not.
    pub(super) fn floor(&self) -> u32 {
        let wanted = self.target.unwrap_or(0).max(self.is.provisioned);
        let wanted = wanted.min(MOST_KEPT);
        self.is
            .instances
            .map_or(wanted, |most| wanted.min(most.get()))
    }

    /// Takes out the instance that is idle for longest.
    pub(super) fn take_oldest(&mut self) -> Option<u32> {
        (!self.idle.is_empty()).then(|| self.idle.remove(0))
    }

    /// Whether there are more than a target wants.
    pub(super) fn has_surplus(&self) -> bool {
        self.target.is_some() && self.in_use() > self.floor()
    }

    /// How many calls wait without a place on an instance that starts.
    pub(super) fn excess(&self) -> u64 {
        let coming = u64::from(self.unclaimed) * u64::from(self.is.concurrency.get());
        u64::from(self.queued).saturating_sub(coming)
    }

    /// Whether an instance has room for a call.
    pub(super) fn has_free(&self) -> bool {
        !self.open.is_empty() || !self.idle.is_empty()
    }

    /// Whether those that start are too few for those that wait.
    pub(super) fn is_behind(&self) -> bool {
        u64::from(self.queued) > u64::from(self.unclaimed) * u64::from(self.is.concurrency.get())
    }

    /// Whether one more is wanted: by calls that have nothing to hope for, or by whoever sets the number.
    pub(super) fn wants_more(&self) -> bool {
        let nobody = self.in_use() == 0;
        self.in_use() < self.floor() || self.is_behind() && (self.target.is_none() || nobody)
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
    /// How many calls it runs; or, while it starts, is promised to.
    pub(super) calls: u32,
    /// How many it may run at once.
    pub(super) slots: u32,
    /// Why it takes no more calls and is stopped when the last one ends, if so.
    pub(super) retires: Option<StopReason>,
    /// What it made of its checks.
    pub(super) pulse: Pulse,
    /// What it holds.
    pub(super) memory: u64,
    /// Since when it starts or is idle.
    pub(super) since: Timestamp,
    /// When it was ready.
    pub(super) ready: Timestamp,
    /// Before this it makes room only if no other can.
    pub(super) spared: Timestamp,
    /// What it is worth, if idle.
    pub(super) value: u64,
    /// How long it is kept, if idle.
    pub(super) until: Timestamp,
    /// How long it is kept once it is ready, if it starts ahead of a call.
    pub(super) ahead: Option<Duration>,
}

impl InstanceRow {
    pub(super) const fn new(number: u32, function: &FunctionRow, now: Timestamp) -> Self {
        Self {
            function: number,
            life: Life::Gone,
            calls: 0,
            slots: function.is.concurrency.get(),
            retires: None,
            pulse: Pulse::NEW,
            memory: function.is.memory.get(),
            since: now,
            ready: now,
            spared: Timestamp::ZERO,
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
    /// It waits until its function's circuit breaker lets it through.
    Held,
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
    /// Whether it is to show that its function works again.
    pub(super) probe: bool,
    /// Whoever made it has its answer already; it goes on for those who joined it, or until its attempt ends.
    pub(super) left: bool,
    /// Where it runs, or which instance is promised to it; the place of the call that it joined.
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
            probe: false,
            left: false,
            instance: NONE,
            joined: Line::EMPTY,
            before: NONE,
            after: NONE,
        }
    }
}
