//! What the platform is told and what it asks for: the words that it shares with a back end.

use std::fmt;

use cloudlot_core::{Timestamp, id_type};

use super::hosts::{Host, HostId};
use super::keys::Key;
use super::slab::Handle;
use super::temperature::Temperature;
use crate::FunctionId;

id_type! {
    /// A call, numbered by whoever makes it; unique among the calls that have no reply yet.
    pub struct CallId(u64, "call-");
}

/// An instance of a function: a process, a container, a machine.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InstanceId(pub(super) Handle);

/// One try to serve a call on one instance.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttemptId(pub(super) Handle);

impl InstanceId {
    /// Its place in the platform's table, given again when it is gone: what a back end keeps of it can lie there.
    pub(crate) const fn place(self) -> usize {
        self.0.place as usize
    }
}

impl AttemptId {
    /// The place of its call in the platform's table, likewise.
    pub(crate) const fn place(self) -> usize {
        self.0.place as usize
    }
}

impl fmt::Display for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "instance-{}", self.0)
    }
}

impl fmt::Debug for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for AttemptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "attempt-{}", self.0)
    }
}

impl fmt::Debug for AttemptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A call as it arrives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Call {
    /// Its number.
    pub id: CallId,
    /// Which function.
    pub function: FunctionId,
    /// A word that the back end gets back with [`Effect::Run`]: where the input lies, or how long a
    /// simulated call runs. The platform does not look at it.
    pub payload: u64,
    /// Whether somebody waits for the answer.
    pub source: Source,
    /// Makes it one with others of the same key.
    pub key: Option<Key>,
}

/// Who made a call.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Source {
    /// Somebody who waits for the answer, and can try again.
    #[default]
    Request,
    /// Nobody waits: it is tried until it succeeds or its function's retries are used up, so it may run more than once.
    Event,
}

/// What happened. At equal times a driver reports in this order, so that an instance which ends in
/// the moment of an arrival serves it, and one whose window ends then is still warm.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event {
    /// The instance has started and can run.
    Ready(InstanceId),
    /// The attempt has ended by itself.
    Done {
        /// Which one.
        attempt: AttemptId,
        /// How.
        exit: Exit,
    },
    /// The instance is gone though nobody stopped it; or its start has failed.
    Lost(InstanceId),
    /// The instance is gone as asked.
    Stopped(InstanceId),
    /// The host is gone, with every instance on it.
    HostLost(HostId),
    /// The host is to be emptied: no starts there, and nobody stays who has nothing to run.
    HostDraining(HostId),
    /// The host takes starts again.
    HostBack(HostId),
    /// There is one more host; its number is the next.
    HostJoined(Host),
    /// The function's code lies there as far as an instance needs it to be initialised.
    Prepared(FunctionId),
    /// The instance is well: an answer to [`Effect::Check`].
    Healthy(InstanceId),
    /// The instance is not well: another.
    Unhealthy(InstanceId),
    /// A call has come.
    Arrived(Call),
    /// Nobody wants this call any more; of several that wait under one number, the one in the lowest place is meant. It is searched
    /// among all that have no answer.
    Cancel(CallId),
    /// So many instances of the function are wanted from now on, by somebody who watches its load.
    ///
    /// They are started, and those beyond are stopped once idle. A call that finds all of them busy waits for one of them; only
    /// if there are none does it start one, and then one is wanted until another target comes.
    Target {
        /// Whose.
        function: FunctionId,
        /// How many, initialised; more than 65,536 count as so many.
        instances: u32,
    },
    /// Finish what was taken in and take nothing more.
    Drain,
    /// Idle instances may move from full hosts to empty ones.
    Rebalance,
    /// The time of the last [`Effect::WakeAt`] has come. One too many does no harm.
    Tick,
}

/// How an attempt ended by itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Exit {
    /// It gave an answer.
    Success,
    /// It gave an error.
    Failure,
}

/// What the back end is to do, in this order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Effect {
    /// Start an instance; answered by [`Event::Ready`] or [`Event::Lost`].
    Start {
        /// Its name from now on.
        instance: InstanceId,
        /// Of which function.
        function: FunctionId,
        /// Where; nothing if the platform has no hosts.
        host: Option<HostId>,
        /// Which version of it, counted from zero.
        version: u32,
        /// How much of the way is behind it.
        from: Temperature,
    },
    /// Fetch and prepare a function's code, so that the next start is shorter; answered by [`Event::Prepared`], if it succeeds.
    Prepare(FunctionId),
    /// The prepared code of a function is not needed any more. There is no answer.
    Discard(FunctionId),
    /// Run a call on an instance that is ready; answered by [`Event::Done`] or [`Event::Lost`].
    Run {
        /// Where.
        instance: InstanceId,
        /// The name of this try.
        attempt: AttemptId,
        /// Whose function.
        function: FunctionId,
        /// Which call.
        call: CallId,
        /// The call's word.
        payload: u64,
    },
    /// Stop an instance, whatever runs on it; answered by [`Event::Stopped`].
    Stop {
        /// Which one.
        instance: InstanceId,
        /// What for.
        why: StopReason,
    },
    /// End an instance by force: it was to stop, and has not. Answered by [`Event::Stopped`].
    Kill {
        /// Which one.
        instance: InstanceId,
    },
    /// See whether an instance is well; answered by [`Event::Healthy`] or [`Event::Unhealthy`].
    Check {
        /// Which one.
        instance: InstanceId,
    },
    /// Put an event aside that is not tried any more. Its reply follows.
    DeadLetter {
        /// Which call.
        call: CallId,
        /// How it ended.
        outcome: Outcome,
        /// How often it was tried.
        attempts: u16,
    },
    /// Answer a call. Each call is answered once.
    Reply {
        /// Which one.
        call: CallId,
        /// With what.
        outcome: Outcome,
        /// Whose answer that is: its own, or that of an earlier call with the same key.
        answer: CallId,
    },
    /// Report a [`Event::Tick`] then; this replaces what was asked before.
    WakeAt(Timestamp),
}

/// Why an instance is stopped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StopReason {
    /// Nobody wanted it for the whole of its window.
    Unused,
    /// There are more than are wanted.
    Surplus,
    /// There is a newer version of its function.
    Replaced,
    /// Another needs its memory.
    Evicted,
    /// What ran on it took too long.
    TimedOut,
    /// Nobody wants any more what ran on it.
    Cancelled,
    /// It did not answer checks, or said that it is not well.
    Unhealthy,
    /// Its host is to be emptied.
    HostDrains,
    /// Another on an emptier host has taken its place.
    Moved,
    /// The platform ends.
    Drained,
}

/// How a call ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// It gave an answer.
    Success,
    /// It gave an error.
    Failure,
    /// It ran for longer than its function may.
    TimedOut,
    /// Its instance was lost.
    Lost,
    /// It waited for longer than its function's calls do.
    WaitedTooLong,
    /// There is no memory for an instance.
    NoRoom,
    /// As many wait as may.
    Throttled(Limit),
    /// Its function fails too often to be tried now.
    BreakerOpen,
    /// It is an event, and became too old before it could run.
    Expired,
    /// Somebody took it back.
    Cancelled,
    /// Its key was used with another input.
    Conflict,
    /// It came when the platform was about to end.
    Draining,
    /// Nobody knows its function.
    Unknown,
}

impl Outcome {
    /// Whether a call that was never tried and ends so was sent away when it came.
    pub(super) const fn is_refusal(self) -> bool {
        matches!(
            self,
            Self::NoRoom
                | Self::Throttled(_)
                | Self::BreakerOpen
                | Self::Conflict
                | Self::Draining
                | Self::Unknown
        )
    }
}

/// Which limit a call met.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Limit {
    /// Of the calls of its function that wait.
    Queue,
    /// Of the calls of its owner that wait.
    OwnerQueue,
    /// Of its owner's memory: one instance is above it.
    OwnerMemory,
}
