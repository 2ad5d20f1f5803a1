//! What happens how often, and what finds no room: over a sliding window, in bounded memory.

use std::time::Duration;

use crate::Timestamp;

/// Events per second over a sliding window: an allocation rate, a throughput.
///
/// The window is cut into 60 slots; at `now` it holds the running slot and the 59 before it, so
/// that it slides by a sixtieth of its length. Memory is the slots, however many events there are.
/// ```
/// # use cloudlot_core::{Timestamp, metrics::Rate};
/// # use std::time::Duration;
/// let mut grants = Rate::over(Duration::from_secs(60), Timestamp::ZERO);
/// let second = |s| Timestamp::ZERO + Duration::from_secs(s);
/// for s in 0..10 {
///     grants.record(second(s), 3);
/// }
/// assert_eq!(grants.per_second(second(10)), 3.0); // right before the window is full
/// assert_eq!(grants.events(second(65)), 12); // of the seconds 6 to 65
/// assert_eq!(grants.per_second(second(600)), 0.0);
/// ```
#[derive(Clone, PartialEq, Debug)]
pub struct Rate {
    since: Timestamp,
    /// Nanoseconds in a slot, at least one.
    slot: u64,
    /// The number of the newest slot, counted from `since`.
    newest: u64,
    /// Events by slot number modulo 60.
    events: [u64; PLACES],
    late: u64,
}

const PLACES: usize = 60;
/// The same number, to divide times by.
const SLOTS: u64 = 60;

impl Rate {
    /// A rate over this window, of which observation starts at `since`.
    ///
    /// The window is rounded up to a multiple of 60 ns, at least 60 ns.
    #[must_use]
    pub fn over(window: Duration, since: Timestamp) -> Self {
        let nanos = u64::try_from(window.as_nanos()).unwrap_or(u64::MAX);
        Self {
            since,
            slot: nanos.div_ceil(SLOTS).max(1),
            newest: 0,
            events: [0; PLACES],
            late: 0,
        }
    }

    /// Counts `events` at `at`. Those that already left the window are only counted as late.
    pub fn record(&mut self, at: Timestamp, events: u64) {
        let slot = self.slot_of(at);
        if slot > self.newest {
            let first = (self.newest + 1).max(slot.saturating_sub(SLOTS - 1));
            for passed in first..=slot {
                self.events[place(passed)] = 0;
            }
            self.newest = slot;
        }
        if at < self.since || self.newest - slot >= SLOTS {
            self.late = self.late.saturating_add(events);
            return;
        }
        let sum = &mut self.events[place(slot)];
        *sum = sum.saturating_add(events);
    }

    /// The events of the window at `now`; a `now` before the newest event counts as its time.
    #[must_use]
    pub fn events(&self, now: Timestamp) -> u64 {
        let end = self.slot_of(now).max(self.newest);
        let first = end.saturating_sub(SLOTS - 1);
        (first..=self.newest).fold(0, |sum, slot| sum.saturating_add(self.events[place(slot)]))
    }

    /// Events per second over the part of the window that has passed, from `since` on; a part
    /// shorter than a slot counts as a slot, so that the first event is no infinite rate.
    #[must_use]
    pub fn per_second(&self, now: Timestamp) -> f64 {
        let end = self.slot_of(now).max(self.newest);
        let first = end.saturating_sub(SLOTS - 1).saturating_mul(self.slot);
        let passed = now.since(self.since).as_nanos();
        let passed = u64::try_from(passed).unwrap_or(u64::MAX);
        let covered = passed.saturating_sub(first).max(self.slot);
        self.events(now) as f64 * 1e9 / covered as f64
    }

    /// Events that were reported after they left the window, or before observation started.
    #[must_use]
    pub const fn late(&self) -> u64 {
        self.late
    }

    fn slot_of(&self, at: Timestamp) -> u64 {
        at.as_nanos().saturating_sub(self.since.as_nanos()) / self.slot
    }
}

fn place(slot: u64) -> usize {
    usize::try_from(slot % SLOTS).expect("the remainder is below 60")
}

/// How often a request finds no room: refusals for room by attempts, over a sliding window.
/// ```
/// # use cloudlot_core::{Timestamp, metrics::Contention};
/// # use std::time::Duration;
/// let now = Timestamp::ZERO;
/// let mut contention = Contention::over(Duration::from_secs(60), now);
/// assert_eq!(contention.rate(now), 0.0); // nobody asked
/// for room in [true, true, true, false] {
///     contention.record(now, room);
/// }
/// assert_eq!(contention.rate(now), 0.25);
/// ```
#[derive(Clone, PartialEq, Debug)]
pub struct Contention {
    attempts: Rate,
    refused: Rate,
}

impl Contention {
    /// Over this window, of which observation starts at `since`.
    #[must_use]
    pub fn over(window: Duration, since: Timestamp) -> Self {
        Self {
            attempts: Rate::over(window, since),
            refused: Rate::over(window, since),
        }
    }

    /// Counts one attempt and whether it found room. What is refused for another reason (a
    /// quota, a bad request) is no contention: do not record it.
    pub fn record(&mut self, at: Timestamp, found_room: bool) {
        self.attempts.record(at, 1);
        if !found_room {
            self.refused.record(at, 1);
        }
    }

    /// The share of attempts in the window that found no room, from 0 to 1; 0 without attempts.
    #[must_use]
    pub fn rate(&self, now: Timestamp) -> f64 {
        share(self.refused.events(now), self.attempts.events(now))
    }

    /// Attempts per second.
    #[must_use]
    pub fn attempts_per_second(&self, now: Timestamp) -> f64 {
        self.attempts.per_second(now)
    }

    /// Attempts that found no room, per second: the unit of a scaling rule.
    #[must_use]
    pub fn refused_per_second(&self, now: Timestamp) -> f64 {
        self.refused.per_second(now)
    }
}

/// `part / whole`, at most 1; 0 of nothing.
fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        return 0.0;
    }
    (part as f64 / whole as f64).min(1.0)
}

/// How much of what is reserved is in use: `used / reserved`, at most 1.
///
/// Where nothing is reserved nothing is wasted: the efficiency is 1.
/// ```
/// # use cloudlot_core::metrics::efficiency;
/// assert_eq!(efficiency(30, 40), 0.75);
/// assert_eq!(efficiency(0, 40), 0.0);
/// assert_eq!(efficiency(0, 0), 1.0);
/// ```
#[must_use]
pub fn efficiency(used: u64, reserved: u64) -> f64 {
    if reserved == 0 {
        return 1.0;
    }
    share(used, reserved)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NANO: Duration = Duration::from_nanos(1);

    #[test]
    fn extreme_times_and_counts_are_borne() {
        for window in [Duration::ZERO, NANO, Duration::MAX] {
            let mut rate = Rate::over(window, Timestamp::ZERO);
            rate.record(Timestamp::MAX, u64::MAX);
            rate.record(Timestamp::MAX, u64::MAX);
            rate.record(Timestamp::ZERO, 1);
            assert!(rate.events(Timestamp::ZERO) >= u64::MAX - 1);
            assert!(rate.per_second(Timestamp::ZERO).is_finite());
            assert!(rate.per_second(Timestamp::MAX).is_finite());
        }
    }

    #[test]
    fn an_event_from_before_the_start_is_late() {
        let start = Timestamp::from_nanos(100);
        let mut rate = Rate::over(60 * NANO, start);
        rate.record(Timestamp::from_nanos(99), 2);
        assert_eq!((rate.events(start), rate.late()), (0, 2));
    }

    #[test]
    fn an_event_that_left_the_window_is_late_to_the_slot() {
        let mut rate = Rate::over(60 * NANO, Timestamp::ZERO);
        rate.record(Timestamp::from_nanos(100), 1);
        rate.record(Timestamp::from_nanos(41), 1); // the oldest of the 60
        rate.record(Timestamp::from_nanos(40), 1);
        let now = Timestamp::from_nanos(100);
        assert_eq!((rate.events(now), rate.late()), (2, 1));
    }

    #[test]
    fn the_first_event_counts_as_one_in_a_slot() {
        let mut rate = Rate::over(Duration::from_secs(60), Timestamp::ZERO);
        rate.record(Timestamp::ZERO, 1);
        assert_eq!(rate.per_second(Timestamp::ZERO), 1.0);
        assert_eq!(rate.per_second(Timestamp::from_nanos(5)), 1.0);
    }

    #[test]
    fn what_finds_no_room_is_a_share_of_what_asked() {
        let at = |s| Timestamp::ZERO + Duration::from_secs(s);
        let mut contention = Contention::over(Duration::from_secs(60), at(0));
        contention.record(at(1), false);
        assert_eq!(contention.rate(at(1)), 1.0);
        contention.record(at(2), true);
        assert_eq!(contention.rate(at(2)), 0.5);
        assert_eq!(contention.attempts_per_second(at(2)), 1.0);
        assert_eq!(contention.refused_per_second(at(2)), 0.5);
        assert_eq!(contention.rate(at(61)), 0.0);
        assert_eq!(contention.rate(at(1000)), 0.0);
    }

    #[test]
    fn more_use_than_reservation_is_full_efficiency() {
        assert_eq!(efficiency(50, 40), 1.0);
        assert_eq!(efficiency(u64::MAX, u64::MAX), 1.0);
    }

    proptest! {
        #[test]
        fn a_rate_is_that_of_all_events_kept(
            start in 0_u64..1000,
            window in 1_u64..2000,
            gaps in prop::collection::vec((0_u64..300, 0_u64..10), 0..200),
            after in 0_u64..3000,
        ) {
            let mut rate = Rate::over(Duration::from_nanos(window), Timestamp::from_nanos(start));
            let slot = window.div_ceil(SLOTS);
            let mut now = start;
            let mut kept = Vec::new();
            for (gap, count) in gaps {
                now += gap;
                rate.record(Timestamp::from_nanos(now), count);
                kept.push((now, count));
            }
            now += after;
            let newest = (now - start) / slot;
            let first = newest.saturating_sub(SLOTS - 1);
            let events: u64 = kept.iter()
                .filter(|(at, _)| (at - start) / slot >= first)
                .map(|(_, count)| count)
                .sum();
            prop_assert_eq!(rate.events(Timestamp::from_nanos(now)), events);
            let covered = (now - start - first * slot).max(slot);
            let per_second = events as f64 * 1e9 / covered as f64;
            prop_assert_eq!(rate.per_second(Timestamp::from_nanos(now)), per_second);
        }

        #[test]
        fn events_in_any_order_inside_the_window_count_the_same(
            mut times in prop::collection::vec(0_u64..60, 1..50),
        ) {
            let at = |nanos: &u64| Timestamp::from_nanos(*nanos);
            let count = |times: &[u64]| {
                let mut rate = Rate::over(60 * NANO, Timestamp::ZERO);
                times.iter().for_each(|t| rate.record(at(t), 1));
                rate
            };
            let shuffled = count(&times);
            times.sort_unstable();
            prop_assert_eq!(shuffled, count(&times));
        }
    }
}
