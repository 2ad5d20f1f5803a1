//! When reservations end by themselves: a heap that forgets lazily.

use super::reservation::Reservation;
use crate::{ReservationId, Timestamp};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

type Deadline = Reverse<(Timestamp, ReservationId)>;

/// Deadlines by time. One that is no longer true stays until it comes up, or until such ones are the majority.
///
/// After every change the earliest is true, so that asking for it is free.
#[derive(Clone, Debug, Default)]
pub(crate) struct Deadlines {
    heap: BinaryHeap<Deadline>,
    stale: usize,
}

/// Below this a rebuild is not worth while.
const SMALL: usize = 64;

impl Deadlines {
    /// The earliest deadline.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }

    /// The reservation whose deadline is the earliest, if it is due.
    pub(crate) fn due(&self, now: Timestamp) -> Option<ReservationId> {
        let Reverse((at, id)) = self.heap.peek()?;
        (*at <= now).then_some(*id)
    }

    /// Notes that a reservation has a deadline from now on.
    pub(crate) fn set(&mut self, at: Timestamp, id: ReservationId) {
        self.heap.push(Reverse((at, id)));
    }

    /// Notes that a reservation's deadline is no longer true, and forgets what can be forgotten. `live` looks up what
    /// is there now.
    pub(crate) fn drop_one<'a>(&mut self, live: impl Fn(ReservationId) -> Option<&'a Reservation>) {
        self.stale += 1;
        let is_true =
            |(at, id): (Timestamp, ReservationId)| live(id).and_then(Reservation::ends) == Some(at);
        if self.stale > SMALL && self.stale > self.heap.len() / 2 {
            self.heap.retain(|Reverse(deadline)| is_true(*deadline));
            self.stale = 0;
        }
        while let Some(Reverse(deadline)) = self.heap.peek()
            && !is_true(*deadline)
        {
            self.heap.pop();
            self.stale = self.stale.saturating_sub(1);
        }
    }
}
