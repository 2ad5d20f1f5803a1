//! Calls counted by the interval they came in, in a ring.

use std::collections::VecDeque;
use std::time::Duration;

use cloudlot_core::Timestamp;

use super::samples::Samples;

/// Counts of the last intervals, four bytes each; intervals are counted from the clock's epoch.
#[derive(Clone, Debug)]
pub(super) struct Tally {
    /// Nanoseconds in an interval, at least one.
    width: u64,
    /// How many intervals are kept.
    capacity: usize,
    /// The number of the interval at the front.
    front: u64,
    /// The first interval that was watched whole.
    since: u64,
    counts: VecDeque<u32>,
}

impl Tally {
    /// Watching from `since` on.
    pub(super) fn new(width: Duration, capacity: usize, since: Timestamp) -> Self {
        let width = u64::try_from(width.as_nanos()).unwrap_or(u64::MAX).max(1);
        let since = since.as_nanos().div_ceil(width);
        Self {
            width,
            capacity: capacity.max(1),
            front: since,
            since,
            counts: VecDeque::new(),
        }
    }

    /// Counts one at `at`; `false` if that has left the ring, or was not watched whole.
    pub(super) fn record(&mut self, at: Timestamp) -> bool {
        let slot = at.as_nanos() / self.width;
        let Some(place) = slot.checked_sub(self.front) else {
            return false;
        };
        let kept = u64::try_from(self.capacity).unwrap_or(u64::MAX);
        let gone = place.saturating_sub(kept - 1);
        if gone > 0 {
            self.front += gone;
            let gone = usize::try_from(gone).unwrap_or(usize::MAX);
            self.counts.drain(..gone.min(self.counts.len()));
        }
        let Ok(place) = usize::try_from(slot - self.front) else {
            return false;
        };
        if self.counts.len() <= place {
            self.counts.resize(place + 1, 0);
        }
        let count = &mut self.counts[place];
        *count = count.saturating_add(1);
        true
    }

    /// The counts of all intervals that ended by `until`, as far back as they are kept; an interval without calls is a zero.
    pub(super) fn samples(&self, until: Timestamp) -> Samples {
        let end = until.as_nanos() / self.width;
        let kept = u64::try_from(self.capacity).unwrap_or(u64::MAX);
        let first = self.since.max(end.saturating_sub(kept));
        let count = |slot: u64| {
            let place = slot.checked_sub(self.front)?;
            self.counts.get(usize::try_from(place).ok()?).copied()
        };
        let values = (first..end).map(|slot| f64::from(count(slot).unwrap_or(0)));
        Samples::new(Duration::from_nanos(self.width), values.collect())
            .expect("counts are samples, and some time passes in an interval")
    }

    /// What it takes, in bytes.
    pub(super) fn size(&self) -> usize {
        self.counts.capacity() * size_of::<u32>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn the_ring_is_the_last_of_all_counts(
            since in 0_u64..40, capacity in 1_usize..12, steps in prop::collection::vec((0_u64..90, 0_u64..25), 0..60), ahead in 0_u64..200,
        ) {
            let mut tally = Tally::new(Duration::from_nanos(10), capacity, Timestamp::from_nanos(since));
            let (mut naive, mut clock) = (BTreeMap::<u64, f64>::new(), since);
            let mut newest = 0;
            for (step, back) in steps {
                clock += step;
                let at = clock.saturating_sub(back);
                let slot = at / 10;
                let whole = slot >= since.div_ceil(10);
                if whole {
                    newest = newest.max(slot + 1);
                }
                let kept = whole && slot + u64::try_from(capacity).unwrap() >= newest;
                prop_assert_eq!(tally.record(Timestamp::from_nanos(at)), kept);
                if kept {
                    *naive.entry(slot).or_default() += 1.0;
                }
            }
            let end = (clock + ahead) / 10;
            let first = since.div_ceil(10).max(end.saturating_sub(u64::try_from(capacity).unwrap()));
            // What lies before the ring of the newest call is gone, if time is asked for before it.
            let ring = newest.saturating_sub(u64::try_from(capacity).unwrap());
            let expected: Vec<f64> = (first..end).map(|slot| if slot < ring { 0.0 } else { naive.get(&slot).copied().unwrap_or(0.0) }).collect();
            let samples = tally.samples(Timestamp::from_nanos(clock + ahead));
            prop_assert_eq!(samples.values(), &expected[..]);
            prop_assert!(tally.counts.len() <= capacity);
        }
    }

    #[test]
    fn the_end_of_time_is_borne() {
        let mut tally = Tally::new(Duration::from_nanos(1), 3, Timestamp::ZERO);
        for at in [Timestamp::MAX, Timestamp::ZERO, Timestamp::MAX] {
            tally.record(at);
        }
        assert_eq!(tally.samples(Timestamp::MAX).len(), 3);
        let tally = Tally::new(Duration::MAX, 3, Timestamp::MAX);
        assert!(tally.samples(Timestamp::MAX).len() <= 1);
    }
}
