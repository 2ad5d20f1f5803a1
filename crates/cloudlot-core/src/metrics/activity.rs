//! What happened lately, in a few numbers, and the meter that measures it.

use std::time::Duration;

use super::{Contention, Rate, WaitSummary, WaitTimes};
use crate::Timestamp;

/// What happened lately; who measures it says over which window.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Activity {
    /// Reservations granted per second.
    pub allocation_rate: f64,
    /// The share of attempts that found no room, from 0 to 1.
    pub contention_rate: f64,
    /// Reservations that ended as they should, per second.
    pub throughput: f64,
    /// How long requests waited.
    pub wait: WaitSummary,
}

/// Measures [`Activity`]: whoever grants tells it of every attempt and its end.
/// ```
/// # use cloudlot_core::{Timestamp, metrics::ActivityMeter};
/// # use std::time::Duration;
/// let second = |s| Timestamp::ZERO + Duration::from_secs(s);
/// let mut meter = ActivityMeter::over(Duration::from_secs(60), second(0));
/// meter.refused_for_room(second(1));
/// meter.granted(second(4), Duration::from_secs(3));
/// meter.finished(second(10));
/// let lately = meter.activity(second(10));
/// assert_eq!((lately.allocation_rate, lately.throughput), (0.1, 0.1));
/// assert_eq!(lately.contention_rate, 0.5);
/// assert_eq!((lately.wait.count, lately.wait.max), (1, 3.0));
/// ```
#[derive(Clone, PartialEq, Debug)]
pub struct ActivityMeter {
    granted: Rate,
    finished: Rate,
    contention: Contention,
    waits: WaitTimes,
}

impl ActivityMeter {
    /// Rates over this window, of which observation starts at `since`; waits from then on.
    #[must_use]
    pub fn over(window: Duration, since: Timestamp) -> Self {
        Self {
            granted: Rate::over(window, since),
            finished: Rate::over(window, since),
            contention: Contention::over(window, since),
            waits: WaitTimes::new(),
        }
    }

    /// An attempt was granted at `at`, this long after its request was first made.
    pub fn granted(&mut self, at: Timestamp, waited: Duration) {
        self.granted.record(at, 1);
        self.contention.record(at, true);
        self.waits.record(at, waited);
    }

    /// An attempt found no room. What is refused for another reason is not told.
    pub fn refused_for_room(&mut self, at: Timestamp) {
        self.contention.record(at, false);
    }

    /// A reservation ended as it should: released by its owner, not expired and not evicted.
    pub fn finished(&mut self, at: Timestamp) {
        self.finished.record(at, 1);
    }

    /// The waits.
    #[must_use]
    pub const fn waits(&self) -> &WaitTimes {
        &self.waits
    }

    /// The contention, with its rates per second.
    #[must_use]
    pub const fn contention(&self) -> &Contention {
        &self.contention
    }

    /// What happened in the window before `now`.
    #[must_use]
    pub fn activity(&self, now: Timestamp) -> Activity {
        Activity {
            allocation_rate: self.granted.per_second(now),
            contention_rate: self.contention.rate(now),
            throughput: self.finished.per_second(now),
            wait: self.waits.summary(),
        }
    }
}
