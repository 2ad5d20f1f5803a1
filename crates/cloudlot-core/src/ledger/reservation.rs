//! A reservation as the ledger keeps it, and the ways it can stand.

use super::holds::Holds;
use super::rows::Claim;
use super::timeline::Span;
use crate::{OwnerId, Priority, RequestKey, Terms, Timestamp};
use std::fmt;
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
///
/// A million of these lie in a table, and whoever ends one finds it cold: so it is packed into two cache lines, and
/// what ending needs comes first.
#[derive(Clone, PartialEq, Eq)]
#[repr(C)]
pub struct Reservation {
    pub(crate) holds: Holds,
    // The end of the hold, or the moment of its confirmation.
    stage_at: Timestamp,
    pub(crate) terms: Option<Arc<Terms>>,
    pub(crate) owner: OwnerId,
    confirmed: bool,
    // Whether it is booked in the timelines rather than as an open claim.
    pub(crate) timed: bool,
    pub(crate) evicting: bool,
    keyed: bool,
    pub(crate) span: Span,
    key: [u64; 2],
    reserved_at: Timestamp,
    expected: Nanos,
    priority: Priority,
}

/// A duration in half the room; the largest stands for none.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Nanos(u64);

/// What a reservation starts as.
pub(crate) struct Draw {
    pub(crate) holds: Holds,
    pub(crate) stage: Stage,
    pub(crate) span: Span,
    pub(crate) timed: bool,
    pub(crate) owner: OwnerId,
    pub(crate) priority: Priority,
    pub(crate) terms: Option<Arc<Terms>>,
    pub(crate) key: Option<RequestKey>,
    pub(crate) expected: Option<Duration>,
    pub(crate) reserved_at: Timestamp,
}

impl Reservation {
    #[inline]
    pub(crate) fn new(draw: Draw) -> Self {
        let key = draw.key.map_or(0, |key| key.0);
        let [high, low] =
            [key >> 64, key & u128::from(u64::MAX)].map(|half| u64::try_from(half).unwrap_or(0));
        let mut reservation = Self {
            holds: draw.holds,
            stage_at: Timestamp::ZERO,
            terms: draw.terms,
            owner: draw.owner,
            confirmed: false,
            timed: draw.timed,
            evicting: false,
            keyed: draw.key.is_some(),
            span: draw.span,
            key: [high, low],
            reserved_at: draw.reserved_at,
            expected: Nanos(draw.expected.map_or(u64::MAX, |duration| {
                u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX - 1)
            })),
            priority: draw.priority,
        };
        reservation.set_stage(draw.stage);
        reservation
    }

    pub(crate) fn set_stage(&mut self, stage: Stage) {
        (self.confirmed, self.stage_at) = match stage {
            Stage::Held { until } => (false, until),
            Stage::Confirmed { since } => (true, since),
        };
    }

    /// Gives it another time; what starts the moment it was made and has no end is an open claim.
    pub(crate) fn set_span(&mut self, span: Span) {
        self.span = span;
        self.timed = span.from > self.reserved_at || span.until < Timestamp::MAX;
    }

    /// What it holds, and where.
    #[must_use]
    pub const fn holds(&self) -> &Holds {
        &self.holds
    }

    /// How far it has come.
    #[must_use]
    pub const fn stage(&self) -> Stage {
        let at = self.stage_at;
        if self.confirmed {
            Stage::Confirmed { since: at }
        } else {
            Stage::Held { until: at }
        }
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
    pub fn key(&self) -> Option<RequestKey> {
        let [high, low] = self.key.map(u128::from);
        self.keyed.then_some(RequestKey(high << 64 | low))
    }

    /// How long its owner thinks to use it: an estimate that nobody enforces.
    #[must_use]
    pub fn expected(&self) -> Option<Duration> {
        (self.expected.0 < u64::MAX).then_some(Duration::from_nanos(self.expected.0))
    }

    /// When it was made.
    #[must_use]
    pub const fn reserved_at(&self) -> Timestamp {
        self.reserved_at
    }

    /// Whether it is confirmed.
    #[must_use]
    pub const fn is_confirmed(&self) -> bool {
        self.confirmed
    }

    /// The first moment at which it is gone by itself; `None` if never.
    #[must_use]
    #[inline]
    pub fn ends(&self) -> Option<Timestamp> {
        let end = match self.stage() {
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

impl fmt::Debug for Reservation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reservation")
            .field("holds", &self.holds)
            .field("stage", &self.stage())
            .field("span", &self.span)
            .field("owner", &self.owner)
            .field("priority", &self.priority)
            .field("evicting", &self.evicting)
            .field("terms", &self.terms)
            .field("key", &self.key())
            .field("expected", &self.expected())
            .field("reserved_at", &self.reserved_at)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reservation_fits_in_two_cache_lines() {
        assert!(
            size_of::<Reservation>() <= 120,
            "{}",
            size_of::<Reservation>()
        );
        assert_eq!(size_of::<Option<Reservation>>(), size_of::<Reservation>());
    }
}
