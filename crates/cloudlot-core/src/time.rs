//! Time as an argument ([`Timestamp`]) and the clocks that drivers hold.
//!
//! Libraries decide with a timestamp they are given. Only a driver owns a [`Clock`].

use std::fmt;
use std::ops::Add;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A point in time: nanoseconds since the epoch of the clock that made it.
///
/// Timestamps of different clocks do not compare.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(transparent)
)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The clock's epoch.
    pub const ZERO: Self = Self(0);
    /// The last point that can be named, some 584 years after the epoch.
    pub const MAX: Self = Self(u64::MAX);

    /// The point `nanos` nanoseconds after the epoch.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the epoch.
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Seconds since the epoch, for display and rates.
    #[must_use]
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// The time from `earlier` to `self`; zero if the clock ran backwards.
    /// ```
    /// # use cloudlot_core::Timestamp;
    /// # use std::time::Duration;
    /// let early = Timestamp::ZERO + Duration::from_secs(1);
    /// let late = Timestamp::ZERO + Duration::from_secs(3);
    /// assert_eq!(late.since(early), Duration::from_secs(2));
    /// assert_eq!(early.since(late), Duration::ZERO);
    /// ```
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// The first multiple of `interval` (counted from `origin`) that lies after `self`.
    ///
    /// A loop that waits for it keeps its phase, and skips what it overran. An interval of zero
    /// gives `self`.
    /// ```
    /// # use cloudlot_core::Timestamp;
    /// # use std::time::Duration;
    /// let now = Timestamp::from_nanos(12);
    /// let next = now.next_multiple(Timestamp::from_nanos(1), Duration::from_nanos(5));
    /// assert_eq!(next, Timestamp::from_nanos(16));
    /// ```
    #[must_use]
    pub fn next_multiple(self, origin: Self, interval: Duration) -> Self {
        let step = u64::try_from(interval.as_nanos()).unwrap_or(u64::MAX);
        if step == 0 {
            return self;
        }
        let done = self.0.saturating_sub(origin.0) / step;
        Self(
            done.saturating_add(1)
                .saturating_mul(step)
                .saturating_add(origin.0),
        )
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;

    /// Saturates at [`Timestamp::MAX`].
    fn add(self, duration: Duration) -> Self {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(nanos))
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}s", self.as_secs_f64())
    }
}

/// What a driver knows of time.
pub trait Clock {
    /// The present.
    fn now(&self) -> Timestamp;

    /// Returns once the present is at or past `at`, or earlier when the clock is interrupted.
    fn sleep_until(&self, at: Timestamp);
}

/// The machine's monotonic clock; its epoch is the moment of its making.
///
/// Clones share the epoch and the interruption, so that a signal handler's thread can wake a
/// loop that sleeps.
#[derive(Clone, Debug)]
pub struct SystemClock {
    epoch: Instant,
    interrupted: Arc<(Mutex<bool>, Condvar)>,
}

impl SystemClock {
    /// A clock that starts now.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    pub fn start() -> Self {
        Self {
            epoch: Instant::now(),
            interrupted: Arc::default(),
        }
    }

    /// Wakes every sleeper, now and from now on: after this, `sleep_until` returns at once.
    pub fn interrupt(&self) {
        let (flag, wake) = &*self.interrupted;
        *flag.lock().unwrap_or_else(PoisonError::into_inner) = true;
        wake.notify_all();
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::ZERO + self.epoch.elapsed()
    }

    fn sleep_until(&self, at: Timestamp) {
        let (flag, wake) = &*self.interrupted;
        let mut interrupted = flag.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let left = at.since(self.now());
            if *interrupted || left.is_zero() {
                return;
            }
            interrupted = wake
                .wait_timeout(interrupted, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }
}

/// A clock for simulations and tests: it moves only when told to, or when somebody sleeps.
///
/// Clones show the same time.
#[derive(Clone, Debug, Default)]
pub struct ManualClock(Arc<AtomicU64>);

impl ManualClock {
    /// A clock that stands at `now`.
    #[must_use]
    pub fn at(now: Timestamp) -> Self {
        Self(Arc::new(AtomicU64::new(now.0)))
    }

    /// Moves the clock to `at`, unless it is already past it.
    pub fn advance_to(&self, at: Timestamp) {
        self.0.fetch_max(at.0, Ordering::Relaxed);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::Relaxed))
    }

    /// Moves the clock to `at` and returns at once.
    fn sleep_until(&self, at: Timestamp) {
        self.advance_to(at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interrupted_clock_does_not_sleep() {
        let clock = SystemClock::start();
        let other = clock.clone();
        other.interrupt();
        clock.sleep_until(Timestamp::MAX);
    }

    #[test]
    fn a_sleeper_is_woken_by_an_interruption() {
        let clock = SystemClock::start();
        std::thread::scope(|scope| {
            scope.spawn(|| clock.sleep_until(Timestamp::MAX));
            clock.interrupt();
        });
    }

    #[test]
    fn sleeping_reaches_the_time_asked_for() {
        let clock = SystemClock::start();
        let until = clock.now() + Duration::from_millis(2);
        clock.sleep_until(until);
        assert!(clock.now() >= until);
    }

    #[test]
    fn a_manual_clock_never_runs_backwards() {
        let clock = ManualClock::at(Timestamp(5));
        clock.advance_to(Timestamp(3));
        assert_eq!(clock.now(), Timestamp(5));
    }

    #[test]
    fn the_next_multiple_is_always_later() {
        let interval = Duration::from_nanos(10);
        for now in 0..50 {
            let next = Timestamp(now).next_multiple(Timestamp(3), interval);
            assert!(
                next.0 > now && (next.0 - 3).is_multiple_of(10),
                "{now} -> {next:?}"
            );
        }
        assert_eq!(
            Timestamp::MAX.next_multiple(Timestamp::ZERO, interval),
            Timestamp::MAX
        );
    }
}
