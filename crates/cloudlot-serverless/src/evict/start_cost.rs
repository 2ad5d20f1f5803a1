//! What a start costs in time, learned from starts.

use std::time::Duration;

/// How long starts of a function take: a mean that forgets.
///
/// Each start counts for an eighth against all before it. Before the first, a second is assumed.
/// ```
/// use cloudlot_serverless::evict::StartCost;
/// use std::time::Duration;
///
/// let mut cost = StartCost::default();
/// assert_eq!(cost.mean(), Duration::from_secs(1));
/// cost.started(Duration::from_millis(800));
/// cost.started(Duration::from_millis(1_600));
/// assert_eq!(cost.mean(), Duration::from_millis(900));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StartCost {
    /// In nanoseconds.
    mean: u64,
    known: bool,
}

/// A second, as studies assume where they know no better.
const UNKNOWN: u64 = 1_000_000_000;

impl Default for StartCost {
    fn default() -> Self {
        Self {
            mean: UNKNOWN,
            known: false,
        }
    }
}

impl StartCost {
    /// A start took so long.
    pub fn started(&mut self, took: Duration) {
        let took = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        let mean = (u128::from(self.mean) * 7 + u128::from(took)) / 8;
        self.mean = match self.known {
            true => u64::try_from(mean).unwrap_or(u64::MAX),
            false => took,
        };
        self.known = true;
    }

    /// How long a start takes, rounded down to nanoseconds.
    #[must_use]
    pub const fn mean(self) -> Duration {
        Duration::from_nanos(self.mean)
    }

    /// The same in nanoseconds.
    pub(super) const fn nanos(self) -> u64 {
        self.mean
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_start_overflows_nothing() {
        let mut cost = StartCost::default();
        cost.started(Duration::MAX);
        cost.started(Duration::MAX);
        assert_eq!(cost.mean(), Duration::from_nanos(u64::MAX));
        cost.started(Duration::ZERO);
        assert_eq!(cost.nanos(), u64::MAX / 8 * 7 + 6);
    }
}
