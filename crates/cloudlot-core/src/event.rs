//! A queue of events in virtual time, for simulations.
//!
//! Leaves to the caller what an event means. Events are taken out one by one in a loop, so a run
//! of any length needs no stack, and times are whole nanoseconds, so none falls between two ticks.

use crate::Timestamp;
use std::collections::BTreeMap;

/// Events by time, and those of one time in the order in which they were pushed.
///
/// The queue's present is the time of the last event taken out. An event for the past is taken to
/// be for the present: it comes after what already waits there, and time never runs backwards.
///
/// Cost: O(log n) a call, with n events waiting.
/// ```
/// # use cloudlot_core::{Timestamp, event::EventQueue};
/// # use std::time::Duration;
/// let at = |millis| Timestamp::ZERO + Duration::from_millis(millis);
/// let mut queue = EventQueue::default();
/// for millis in [1_000, 290, 100, 70, 60, 50] {
///     queue.push(at(millis), "tick");
/// }
/// for millis in [50, 60, 70, 100] {
///     assert_eq!(queue.pop(), Some((at(millis), "tick")));
/// }
/// // Too late for 50 ms, so it happens now.
/// queue.push(at(50), "late");
/// assert_eq!(queue.pop(), Some((at(100), "late")));
/// let timeout = queue.push(at(500), "timeout");
/// assert_eq!(queue.pop(), Some((at(290), "tick")));
/// assert_eq!(queue.cancel(timeout), Some("timeout"));
/// assert_eq!(queue.pop(), Some((at(1_000), "tick")));
/// assert_eq!(queue.pop(), None);
/// ```
#[derive(Clone, Debug)]
pub struct EventQueue<T> {
    now: Timestamp,
    pushed: u64,
    waiting: BTreeMap<Ticket, T>,
}

/// Names one pushed event, to cancel it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Ticket {
    at: Timestamp,
    number: u64,
}

impl Ticket {
    /// When the event is due.
    #[must_use]
    pub const fn at(self) -> Timestamp {
        self.at
    }
}

impl<T> Default for EventQueue<T> {
    /// An empty queue at [`Timestamp::ZERO`].
    fn default() -> Self {
        Self {
            now: Timestamp::ZERO,
            pushed: 0,
            waiting: BTreeMap::new(),
        }
    }
}

impl<T> EventQueue<T> {
    /// Adds an event for `at`, or for the present if `at` is past.
    pub fn push(&mut self, at: Timestamp, event: T) -> Ticket {
        let ticket = Ticket {
            at: at.max(self.now),
            number: self.pushed,
        };
        self.pushed += 1;
        self.waiting.insert(ticket, event);
        ticket
    }

    /// Takes out the next event and moves the present to its time.
    pub fn pop(&mut self) -> Option<(Timestamp, T)> {
        let (ticket, event) = self.waiting.pop_first()?;
        self.now = ticket.at;
        Some((ticket.at, event))
    }

    /// [`pop`](Self::pop), if the next event is due at `until` or before.
    pub fn pop_until(&mut self, until: Timestamp) -> Option<(Timestamp, T)> {
        if self.next_at()? <= until {
            self.pop()
        } else {
            None
        }
    }

    /// Takes out an event that is not to happen; nothing if it was taken out before.
    pub fn cancel(&mut self, ticket: Ticket) -> Option<T> {
        self.waiting.remove(&ticket)
    }

    /// When the next event is due.
    #[must_use]
    pub fn next_at(&self) -> Option<Timestamp> {
        Some(self.waiting.first_key_value()?.0.at)
    }

    /// The time of the last event taken out.
    #[must_use]
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// How many events wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether no event waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::Duration;

    #[test]
    fn events_between_ticks_are_all_delivered_in_order() {
        let due = [1.0, 0.05, 0.29, 0.06, 0.1, 0.07].map(Duration::from_secs_f64);
        let mut queue = EventQueue::default();
        for after in due {
            queue.push(Timestamp::ZERO + after, after);
        }
        let order: Vec<f64> = std::iter::from_fn(|| queue.pop())
            .map(|(at, _)| at.as_secs_f64())
            .collect();
        assert_eq!(order, [0.05, 0.06, 0.07, 0.1, 0.29, 1.0]);
    }

    #[test]
    fn a_million_ticks_need_no_stack() {
        let tick = Duration::from_millis(10);
        let mut queue = EventQueue::default();
        queue.push(Timestamp::ZERO + tick, 1_u32);
        let mut last = Timestamp::ZERO;
        while let Some((at, count)) = queue.pop() {
            assert_eq!(at, last + tick);
            last = at;
            if count < 1_000_000 {
                queue.push(at + tick, count + 1);
            }
        }
        assert_eq!(last.as_secs_f64(), 10_000.0);
    }

    #[test]
    fn an_event_of_later_stays_where_it_is() {
        let mut queue = EventQueue::default();
        queue.push(Timestamp::from_nanos(5), ());
        assert_eq!(queue.pop_until(Timestamp::from_nanos(4)), None);
        assert_eq!((queue.len(), queue.now()), (1, Timestamp::ZERO));
        assert!(queue.pop_until(Timestamp::from_nanos(5)).is_some());
        assert!(queue.is_empty() && queue.next_at().is_none());
    }

    #[test]
    fn an_event_is_cancelled_once() {
        let mut queue = EventQueue::default();
        let (first, second) = (
            queue.push(Timestamp::ZERO, 1),
            queue.push(Timestamp::ZERO, 2),
        );
        assert_eq!(queue.cancel(first), Some(1));
        assert_eq!(queue.cancel(first), None);
        assert_eq!(queue.pop(), Some((Timestamp::ZERO, 2)));
        assert_eq!(queue.cancel(second), None);
    }

    proptest! {
        #[test]
        fn the_order_is_that_of_a_stable_sort(times in prop::collection::vec(0..20_u64, 0..60)) {
            let mut queue = EventQueue::default();
            let mut expected: Vec<(Timestamp, usize)> = Vec::new();
            for (index, &nanos) in times.iter().enumerate() {
                queue.push(Timestamp::from_nanos(nanos), index);
                expected.push((Timestamp::from_nanos(nanos), index));
            }
            expected.sort_by_key(|(at, _)| *at);
            let popped: Vec<_> = std::iter::from_fn(|| queue.pop()).collect();
            prop_assert_eq!(popped, expected);
        }

        #[test]
        fn nothing_is_lost_and_time_never_runs_backwards(
            steps in prop::collection::vec(prop::option::of(0..50_u64), 0..80),
        ) {
            let mut queue = EventQueue::default();
            // The model: a list searched for its first minimum.
            let mut model: Vec<(Timestamp, usize)> = Vec::new();
            let mut last = Timestamp::ZERO;
            for (index, step) in steps.into_iter().enumerate() {
                if let Some(nanos) = step {
                    let at = Timestamp::from_nanos(nanos);
                    prop_assert_eq!(queue.push(at, index).at(), at.max(last));
                    model.push((at.max(last), index));
                } else {
                    let next = model.iter().copied().min_by_key(|(at, _)| *at);
                    model.retain(|event| Some(*event) != next);
                    prop_assert_eq!(queue.pop(), next);
                    last = next.map_or(last, |(at, _)| at);
                }
                prop_assert_eq!(queue.len(), model.len());
            }
        }
    }
}
