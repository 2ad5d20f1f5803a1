//! The question that every scaler answers, tick by tick, and what it is told with it.

use std::time::Duration;

use cloudlot_core::Timestamp;

use super::kpa::Concurrency;

/// What was seen of a function since the tick before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sample {
    /// When the time began that this is about: the tick before.
    pub from: Timestamp,
    /// When it ended: now.
    pub at: Timestamp,
    /// Calls in flight on average over that time, those that wait included.
    pub concurrency: Concurrency,
    /// Calls that came in that time.
    pub arrivals: u64,
    /// Calls in flight now.
    pub in_flight: u32,
    /// Those of them that wait.
    pub queued: u32,
    /// Instances that can serve: idle or busy.
    pub ready: u32,
    /// Instances that start.
    pub starting: u32,
    /// How many are asked for at present, if anybody has asked yet.
    pub target: Option<u32>,
    /// How long the calls that were answered in that time had waited, all together.
    pub waited: Duration,
    /// How many of them had waited for too long.
    pub late: u64,
    /// How long instances were idle in that time, all together.
    pub idle: Duration,
}

impl Sample {
    /// A time in which nothing happened, and nothing was there.
    /// ```
    /// # use cloudlot_core::Timestamp;
    /// # use cloudlot_serverless::scale::Sample;
    /// let sample = Sample { ready: 2, ..Sample::quiet(Timestamp::ZERO, Timestamp::MAX) };
    /// assert_eq!((sample.current(), sample.has_demand()), (2, false));
    /// ```
    #[must_use]
    pub const fn quiet(from: Timestamp, at: Timestamp) -> Self {
        Self {
            from,
            at,
            concurrency: Concurrency::ZERO,
            arrivals: 0,
            in_flight: 0,
            queued: 0,
            ready: 0,
            starting: 0,
            target: None,
            waited: Duration::ZERO,
            late: 0,
            idle: Duration::ZERO,
        }
    }

    /// How many instances there are by what was asked for: the target, as those that are still busy above it are on their
    /// way out. Without a target, or with a target of zero that a call has broken through, those that are there.
    #[must_use]
    pub fn current(&self) -> u32 {
        match self.target {
            None | Some(0) => self.ready.saturating_add(self.starting),
            Some(target) => target,
        }
    }

    /// Whether anybody wants the function: a call came, or is in flight.
    #[must_use]
    pub const fn has_demand(&self) -> bool {
        self.arrivals > 0 || self.in_flight > 0
    }
}

/// Says how many instances a function should have.
///
/// It is asked once a tick, with the samples in order of time. `None` means that there is no evidence, and changes nothing. It
/// has no clock and draws no chance, unless it learns, and then from a stream of its own.
pub trait Scaler {
    /// How many instances there should be from now on.
    fn desired(&mut self, sample: &Sample) -> Option<u32>;
}

impl<S: Scaler + ?Sized> Scaler for Box<S> {
    fn desired(&mut self, sample: &Sample) -> Option<u32> {
        (**self).desired(sample)
    }
}

/// Always the same number: a fixed pool.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fixed(pub u32);

impl Scaler for Fixed {
    fn desired(&mut self, _: &Sample) -> Option<u32> {
        Some(self.0)
    }
}
