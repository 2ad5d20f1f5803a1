//! How long things are thought to last: live reservations, and requests that wait.

use cloudlot_core::ledger::{Reservation, Span, Stage};
use cloudlot_core::{Request, ReservationId, Timestamp};
use std::time::Duration;

/// The shortest stretch of time.
pub(super) const TICK: Duration = Duration::from_nanos(1);

/// What is assumed where nobody gave an estimate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Estimates {
    /// How long a request without estimate is thought to stay, and a reservation without estimate from now on, each time
    /// anew. A hard end comes before it.
    pub assumed: Duration,
}

impl Default for Estimates {
    /// One day.
    fn default() -> Self {
        Self {
            assumed: Duration::from_secs(86_400),
        }
    }
}

/// A reservation that has stayed longer than its estimate.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Overdue {
    /// Which.
    pub reservation: ReservationId,
    /// When it should have ended.
    pub since: Timestamp,
    /// When it is thought to end now. See [`Forecast`](super::Forecast).
    pub until: Timestamp,
}

/// When a live reservation holds what it holds, by estimate.
pub(super) struct Forecasted {
    pub(super) from: Timestamp,
    pub(super) until: Timestamp,
    /// The stretch that the ledger books whatever anybody estimates, as long as the reservation is there; `None` of an open claim.
    pub(super) booked: Option<Span>,
    pub(super) overdue: Option<Overdue>,
}

impl Estimates {
    pub(super) fn of(
        &self,
        id: ReservationId,
        reservation: &Reservation,
        now: Timestamp,
    ) -> Forecasted {
        let span = reservation.span();
        let made = reservation.reserved_at();
        let timed = span.from > made || span.until < Timestamp::MAX;
        let booked = timed.then_some(span);
        if span.from > now {
            let expected = reservation
                .expected()
                .filter(|_| span.until == Timestamp::MAX);
            let until = expected.map_or(span.until, |expected| span.from + expected.max(TICK));
            return Forecasted {
                from: span.from,
                until,
                booked,
                overdue: None,
            };
        }
        let since = match reservation.stage() {
            Stage::Confirmed { since } if span.from > made => since.max(span.from),
            Stage::Confirmed { since } => since,
            Stage::Held { .. } => made.max(span.from),
        };
        let (until, overdue) = self.end(id, reservation.expected(), span.until, since, now);
        Forecasted {
            from: now,
            until,
            booked,
            overdue,
        }
    }

    fn end(
        &self,
        reservation: ReservationId,
        expected: Option<Duration>,
        hard: Timestamp,
        since: Timestamp,
        now: Timestamp,
    ) -> (Timestamp, Option<Overdue>) {
        let Some(expected) = expected.map(|expected| expected.max(TICK)) else {
            let open = hard == Timestamp::MAX;
            return (if open { now + self.assumed } else { hard }, None);
        };
        let due = since + expected;
        if due >= now {
            // What is due now and still there is about to go.
            return (due.max(now + TICK).min(hard), None);
        }
        let until = doubled(since, expected, now).min(hard);
        let overdue = Overdue {
            reservation,
            since: due,
            until,
        };
        (until, Some(overdue))
    }
}

/// The first of `since + expected`, `since + 2 × expected`, `since + 4 × expected` and so on that lies after `now`.
fn doubled(since: Timestamp, expected: Duration, now: Timestamp) -> Timestamp {
    let mut length = u64::try_from(expected.as_nanos())
        .unwrap_or(u64::MAX)
        .max(1);
    while length < u64::MAX && since + Duration::from_nanos(length) <= now {
        length = length.saturating_mul(2);
    }
    since + Duration::from_nanos(length)
}

/// How long a request would stay, and when it may.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stay {
    expected: Option<Duration>,
    assumed: Duration,
    pub(super) from: Timestamp,
    pub(super) hard: Timestamp,
}

impl Stay {
    pub(super) fn of(request: &Request, estimates: Estimates) -> Self {
        let window = request.window();
        Self {
            expected: request.expected().map(|expected| expected.max(TICK)),
            assumed: estimates.assumed.max(TICK),
            from: window.from.unwrap_or(Timestamp::ZERO),
            hard: window.until.unwrap_or(Timestamp::MAX),
        }
    }

    /// When it would end, by estimate, if it started then.
    pub(super) fn end(&self, start: Timestamp) -> Timestamp {
        let open = self.hard == Timestamp::MAX;
        match self.expected {
            Some(expected) => start + expected,
            None if open => start + self.assumed,
            None => self.hard,
        }
    }

    /// Whether it would be over by the hard end.
    pub(super) fn is_in_time(&self, start: Timestamp) -> bool {
        start < self.hard && self.end(start) <= self.hard
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn t(nanos: u64) -> Timestamp {
        Timestamp::from_nanos(nanos)
    }

    fn end(expected: Option<u64>, hard: u64, since: u64, now: u64) -> (u64, Option<u64>) {
        let estimates = Estimates {
            assumed: Duration::from_nanos(100),
        };
        let id = ReservationId::new(0, 0);
        let hard = if hard == 0 { Timestamp::MAX } else { t(hard) };
        let expected = expected.map(Duration::from_nanos);
        let (until, overdue) = estimates.end(id, expected, hard, t(since), t(now));
        (
            until.as_nanos(),
            overdue.map(|overdue| overdue.since.as_nanos()),
        )
    }

    #[test]
    fn a_reservation_ends_by_its_estimate_or_its_hard_end() {
        assert_eq!(end(Some(10), 0, 5, 7), (15, None));
        assert_eq!(end(Some(10), 12, 5, 7), (12, None));
        assert_eq!(end(None, 12, 5, 7), (12, None));
        assert_eq!(end(None, 0, 5, 7), (107, None));
    }

    #[test]
    fn what_is_due_now_ends_next() {
        assert_eq!(end(Some(10), 0, 5, 15), (16, None));
    }

    #[test]
    fn an_estimate_that_has_passed_is_doubled_until_it_has_not() {
        assert_eq!(end(Some(10), 0, 5, 16), (25, Some(15)));
        assert_eq!(end(Some(10), 0, 5, 24), (25, Some(15)));
        assert_eq!(end(Some(10), 0, 5, 25), (45, Some(15)));
        assert_eq!(end(Some(10), 30, 5, 26), (30, Some(15)));
        assert_eq!(end(Some(0), 0, 5, 9), (13, Some(6)));
        let late = u64::MAX - 1;
        assert_eq!(end(Some(1), 0, 0, late), (u64::MAX, Some(1)));
    }
}
