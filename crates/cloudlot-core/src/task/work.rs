//! An amount of computing, and how long it takes at a rate.

use std::fmt;
use std::time::Duration;

/// An amount of computing, in thousandths of an instruction.
///
/// That is what a CPU of 1 MI/s (a million instructions a second) does in a nanosecond, so that
/// progress is exact at every whole rate and time: nothing is rounded and no remainder is carried.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Work(u128);

/// A million instructions, in thousandths of one.
const MI: u128 = 1_000_000_000;

impl Work {
    /// Nothing to do.
    pub const ZERO: Self = Self(0);

    /// `million` million instructions (MI).
    #[must_use]
    pub fn mi(million: u64) -> Self {
        Self(u128::from(million) * MI)
    }

    /// `count` thousandths of an instruction.
    #[must_use]
    pub const fn milli_instructions(count: u128) -> Self {
        Self(count)
    }

    /// The amount in thousandths of an instruction.
    #[must_use]
    pub const fn as_milli_instructions(self) -> u128 {
        self.0
    }

    /// Whether nothing is left to do.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// What is left after running at `rate` MI/s for `time`.
    /// ```
    /// # use cloudlot_core::task::Work;
    /// # use std::time::Duration;
    /// let left = Work::mi(3).after(2_000, Duration::from_millis(1));
    /// assert_eq!(left, Work::mi(1));
    /// ```
    #[must_use]
    pub fn after(self, rate: u64, time: Duration) -> Self {
        Self(self.0.saturating_sub(done(rate, time)))
    }

    /// How long it takes at `rate` MI/s, rounded up to a nanosecond; `None` if for ever, or for
    /// longer than 584 years.
    #[must_use]
    pub fn time_at(self, rate: u64) -> Option<Duration> {
        if self.is_zero() {
            return Some(Duration::ZERO);
        }
        if rate == 0 {
            return None;
        }
        let nanos = u64::try_from(self.0.div_ceil(rate.into())).ok()?;
        Some(Duration::from_nanos(nanos))
    }

    /// The least rate in MI/s that ends it within a second.
    #[must_use]
    pub fn rate_for_a_second(self) -> u64 {
        u64::try_from(self.0.div_ceil(MI)).unwrap_or(u64::MAX)
    }
}

fn done(rate: u64, time: Duration) -> u128 {
    u128::from(rate).saturating_mul(time.as_nanos())
}

impl fmt::Debug for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:09}MI", self.0 / MI, self.0 % MI)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nothing_takes_no_time_and_no_rate_takes_for_ever() {
        assert_eq!(Work::ZERO.time_at(0), Some(Duration::ZERO));
        assert_eq!(Work::mi(1).time_at(0), None);
        assert_eq!(Work::mi(u64::MAX).time_at(1), None);
    }

    proptest! {
        #[test]
        fn the_time_it_takes_is_enough_and_a_nanosecond_less_is_not(
            amount in 1..u128::from(u64::MAX),
            rate in 1..=u64::MAX,
        ) {
            let work = Work::milli_instructions(amount);
            let time = work.time_at(rate).unwrap();
            prop_assert!(work.after(rate, time).is_zero());
            prop_assert!(!work.after(rate, time - Duration::from_nanos(1)).is_zero());
        }

        #[test]
        fn running_in_pieces_is_running_at_once(
            amount in 0..=u128::MAX,
            rate in 0..=u64::MAX,
            pieces in prop::collection::vec(0..=u64::MAX / 8, 0..8),
        ) {
            let work = Work::milli_instructions(amount);
            let whole = Duration::from_nanos(pieces.iter().sum());
            let pieces = pieces.into_iter().map(Duration::from_nanos);
            let left = pieces.fold(work, |left, piece| left.after(rate, piece));
            prop_assert_eq!(left, work.after(rate, whole));
        }

        #[test]
        fn the_rate_for_a_second_is_the_least(amount in 1..=u128::from(u64::MAX) * MI) {
            let work = Work::milli_instructions(amount);
            let second = Duration::from_secs(1);
            let rate = work.rate_for_a_second();
            prop_assert!(work.after(rate, second).is_zero());
            prop_assert!(!work.after(rate - 1, second).is_zero());
        }
    }
}
