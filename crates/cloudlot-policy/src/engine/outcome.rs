//! What an engine answers.

use super::{Preempted, Ticket, WakeOn};
use crate::admit::Denied;
use crate::place::Unplaced;
use cloudlot_core::Request;
use cloudlot_core::ledger::{Booking, Grant, Why};

/// The answer to a request.
#[derive(Clone, PartialEq, Debug)]
pub enum Outcome {
    /// It holds what it asked for; confirm it in time.
    Granted(Grant),
    /// It holds what it asked for, and others were told to go for it.
    Preempted(Preempted),
    /// It does not.
    Refused(Refused),
}

/// A request that was not granted.
#[derive(Clone, PartialEq, Debug)]
pub struct Refused {
    /// The request.
    pub request: Request,
    /// What decided it.
    pub why: Cause,
    /// What may change the answer; until then asking again is of no use.
    pub wake: WakeOn,
}

/// What decided a refusal.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum Cause {
    /// A gate is closed to it.
    #[error("`{gate}` is closed: {}", denied.why)]
    Denied {
        /// The gate's name.
        gate: String,
        /// What it said.
        denied: Denied,
    },
    /// It found no place.
    #[error("{}", .0.reason)]
    Unplaced(Unplaced),
    /// A rule of the ledger.
    #[error(transparent)]
    Ledger(Why),
    /// It names a strategy that the allocator does not have.
    #[error("there is no strategy `{0}`")]
    UnknownStrategy(String),
    /// Its deadline came before a place did.
    #[error("its deadline came first")]
    Deadline,
}

impl Outcome {
    /// The grant, if it is one.
    #[must_use]
    pub fn grant(&self) -> Option<Grant> {
        match self {
            Self::Granted(grant) => Some(*grant),
            Self::Preempted(made) => Some(made.grant),
            Self::Refused(_) => None,
        }
    }
}

/// What a step did for the requests that wait.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct StepReport {
    /// Who was granted, in the order in which they were served.
    pub granted: Vec<(Ticket, Grant)>,
    /// For whom others were told to go; they are among those who were granted.
    pub preempted: Vec<(Ticket, Preempted)>,
    /// Who waits no longer, because its deadline came.
    pub refused: Vec<(Ticket, Refused)>,
    /// How many requests were tried.
    pub tried: usize,
    /// Why the request that goes first waits; `None` if nobody does or nobody was tried.
    pub head: Option<(Ticket, Cause)>,
}

/// What a step would do for the requests that wait.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct DryRun {
    /// Who would be granted, and what it would hold, in the order in which they would be served.
    pub served: Vec<(Ticket, Booking)>,
    /// Why the request that goes first would wait.
    pub head: Option<(Ticket, Cause)>,
}
