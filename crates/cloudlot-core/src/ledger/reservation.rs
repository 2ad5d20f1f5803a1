//! A reservation as the ledger keeps it, and the ways it can stand.

use super::holds::Holds;
use super::rows::Claim;
use super::timeline::Span;
use crate::{OwnerId, Priority, RequestKey, Terms, Timestamp};
use std::sync::Arc;
use std::time::Duration;

/// How far a reservation has come. Once it has ended it is gone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "snake_case", deny_unknown_fields)
)]
pub enum Stage {
    /// Waits to be confirmed, and ends by itself at `until`.
    Held {
        /// The first moment at which it is gone.
        until: Timestamp,
    },
    /// In use, until it is released or its window ends.
    Confirmed {
        /// When it was confirmed.
        since: Timestamp,
    },
}

/// Amounts that somebody holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reservation {
    pub(crate) holds: Holds,
    pub(crate) stage: Stage,
    pub(crate) span: Span,
    pub(crate) owner: OwnerId,
    pub(crate) priority: Priority,
    // Whether it is booked in the timelines rather than as an open claim.
    pub(crate) timed: bool,
    pub(crate) evicting: bool,
    pub(crate) terms: Option<Arc<Terms>>,
    pub(crate) key: Option<RequestKey>,
    pub(crate) expected: Option<Duration>,
    pub(crate) reserved_at: Timestamp,
}

impl Reservation {
    /// What it holds, and where.
    #[must_use]
    pub const fn holds(&self) -> &Holds {
        &self.holds
    }

    /// How far it has come.
    #[must_use]
    pub const fn stage(&self) -> Stage {
        self.stage
    }

    /// When it may use what it holds: from the start of its window or the moment it was made, to the end of its
    /// window or the end of its grace. Until [`Timestamp::MAX`]: without end.
    #[must_use]
    pub const fn span(&self) -> Span {
        self.span
    }

    /// Who holds it.
    #[must_use]
    pub const fn owner(&self) -> OwnerId {
        self.owner
    }

    /// The priority it was asked for with.
    #[must_use]
    pub const fn priority(&self) -> Priority {
        self.priority
    }

    /// Whether it was told to go, and ends with its grace.
    #[must_use]
    pub const fn is_evicting(&self) -> bool {
        self.evicting
    }

    /// Its labels and what it wants near or far; `None` if it has neither.
    #[must_use]
    pub const fn terms(&self) -> Option<&Arc<Terms>> {
        self.terms.as_ref()
    }

    /// The client's key of the request that made it.
    #[must_use]
    pub const fn key(&self) -> Option<RequestKey> {
        self.key
    }

    /// How long its owner thinks to use it: an estimate that nobody enforces.
    #[must_use]
    pub const fn expected(&self) -> Option<Duration> {
        self.expected
    }

    /// When it was made.
    #[must_use]
    pub const fn reserved_at(&self) -> Timestamp {
        self.reserved_at
    }

    /// Whether it is confirmed.
    #[must_use]
    pub const fn is_confirmed(&self) -> bool {
        matches!(self.stage, Stage::Confirmed { .. })
    }

    /// The first moment at which it is gone by itself; `None` if never.
    #[must_use]
    pub fn ends(&self) -> Option<Timestamp> {
        let end = match self.stage {
            Stage::Held { until } => until.min(self.span.until),
            Stage::Confirmed { .. } => self.span.until,
        };
        (end < Timestamp::MAX).then_some(end)
    }

    /// The stretch it is booked for; `None` for an open claim.
    pub(crate) fn booked(&self) -> Option<Span> {
        self.timed.then_some(self.span)
    }

    /// The claim of one of its holds, or of a part of one.
    pub(crate) fn claim<'a>(&self, mask: u32, values: &'a [u64]) -> Claim<'a> {
        Claim {
            mask,
            values,
            span: self.booked(),
        }
    }
}
