//! What a planner hands to a ledger: steps that leave no choice, what they were decided on, and what was refused.

use super::groups::Group;
use super::holds::Holds;
use super::rules::Ask;
use super::why::Why;
use crate::{
    OwnerPath, Priority, Request, RequestKey, ReservationId, ResourceId, Revision, Terms,
    Timestamp, Window,
};
use std::sync::Arc;
use std::time::Duration;

/// Which ledger something belongs to: the ledger itself, its views and their plans share one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Identity(Arc<()>);

impl PartialEq for Identity {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// Steps that a ledger carries out all together or not at all.
#[derive(Clone, PartialEq, Debug)]
pub struct Plan {
    pub(crate) ledger: Identity,
    /// What to do, in this order.
    pub steps: Vec<Step>,
    /// What was read beyond amounts to decide that the steps are legal; all of it must still be so.
    pub guards: Vec<Guard>,
    /// What the planner could not do, and why. A ledger does not look at it.
    pub refusals: Vec<Refusal>,
}

/// One step of a plan. Every step is absolute: what to hold, not how much more.
#[derive(Clone, PartialEq, Debug)]
pub enum Step {
    /// Reserve amounts.
    Reserve(Booking),
    /// Hold something else from now on.
    Resize {
        /// Which reservation.
        reservation: ReservationId,
        /// All that it is to hold.
        holds: Holds,
    },
    /// Tell a reservation to go: at once if `at` is not in the future, else with grace. What it holds is free from
    /// `at` on, for a reservation of the same plan that starts then.
    Evict {
        /// Which reservation.
        reservation: ReservationId,
        /// The first moment at which it is gone.
        at: Timestamp,
    },
    /// Let a booking that has not begun start at `from`, or now if that has passed. One that starts no later than that
    /// stays as it is.
    Advance {
        /// Which reservation.
        reservation: ReservationId,
        /// When it is to start.
        from: Timestamp,
    },
}

/// A request with its place, as far as the ledger has to know.
#[derive(Clone, PartialEq, Debug)]
pub struct Booking {
    /// Who asks.
    pub owner: OwnerPath,
    /// What to hold, and where.
    pub holds: Holds,
    /// The client's key, if it gave one.
    pub key: Option<RequestKey>,
    /// The digest of the request, to know it again by its key.
    pub digest: u64,
    /// Labels and affinities.
    pub terms: Option<Arc<Terms>>,
    /// How urgent it is.
    pub priority: Priority,
    /// From when on; `None`, or a moment that has passed: from now on.
    pub from: Option<Timestamp>,
    /// The hard end; `None`: without end.
    pub until: Option<Timestamp>,
    /// How long it waits to be confirmed, from the moment it is made.
    pub hold_for: Duration,
    /// An estimate of the use, that nobody enforces.
    pub expected: Option<Duration>,
}

impl Booking {
    /// What a request says, on these holds.
    #[must_use]
    pub fn of(request: &Request, holds: Holds) -> Self {
        Self {
            owner: request.owner().clone(),
            holds,
            key: request.key(),
            digest: request.digest(),
            terms: request.terms().cloned(),
            priority: request.priority(),
            from: request.window().from,
            until: request.window().until,
            hold_for: request.hold_for(),
            expected: request.expected(),
        }
    }
}

impl Booking {
    pub(crate) fn ask(&self) -> Ask<'_> {
        Ask {
            owner: &self.owner,
            holds: &self.holds,
            key: self.key,
            digest: self.digest,
            terms: self.terms.as_ref(),
            priority: self.priority,
            window: Window {
                from: self.from,
                until: self.until,
            },
            hold_for: self.hold_for,
            expected: self.expected,
        }
    }
}

/// Something that was read, and the change that had last touched it then.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Guard {
    /// What was read.
    pub row: Row,
    /// The last change of it that the reader knew.
    pub version: Revision,
}

/// Something a plan can depend on beyond amounts.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Row {
    /// The description of a resource: labels, taints, capabilities, state.
    Resource(ResourceId),
    /// How many members with a label sit in a domain.
    Group(Group),
}

/// A request that was not granted.
#[derive(Clone, PartialEq, Debug)]
pub struct Refusal {
    /// The request.
    pub request: Request,
    /// Why it was not granted.
    pub why: Why,
    /// When asking again may help without anything else changing; `None`: only after a change.
    pub retry_at: Option<Timestamp>,
}
