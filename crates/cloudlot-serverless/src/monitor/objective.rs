//! What calls were promised, and what a function is worth by it.

use std::time::Duration;

use crate::{Outcome, Record};

/// A promise: such a share of calls succeeds within such a time, from the arrival to the answer.
/// ```
/// use cloudlot_serverless::monitor::Objective;
/// use std::time::Duration;
///
/// let objective = Objective::new(Duration::from_secs(1), 0.99)?;
/// // Two of a hundred were late: twice what may be.
/// assert!((objective.burn(0.98) - 2.0).abs() < 1e-9);
/// assert!(Objective::new(Duration::from_secs(1), 1.0).is_err());
/// # Ok::<(), cloudlot_serverless::monitor::ObjectiveError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Objective {
    within: Duration,
    share: f64,
}

/// A share that cannot be promised: all calls, fewer than none, or no number.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
#[error("a share of {0} is not from 0 to below 1")]
pub struct ObjectiveError(pub f64);

impl Default for Objective {
    /// 99 of 100 within a second.
    fn default() -> Self {
        Self {
            within: Duration::from_secs(1),
            share: 0.99,
        }
    }
}

impl Objective {
    /// This share of calls succeeds within this time.
    ///
    /// # Errors
    /// If the share is not from 0 to below 1.
    pub fn new(within: Duration, share: f64) -> Result<Self, ObjectiveError> {
        if (0.0..1.0).contains(&share) {
            Ok(Self { within, share })
        } else {
            Err(ObjectiveError(share))
        }
    }

    /// Whether a call went as promised.
    #[must_use]
    pub fn holds(&self, record: &Record) -> bool {
        record.outcome == Outcome::Success && record.ended.since(record.arrived) <= self.within
    }

    /// How fast the budget of bad calls is used up at this compliance: 1 is just what may be.
    ///
    /// Source: Beyer et al., "The Site Reliability Workbook" (2018), chapter 5, burn rate.
    #[must_use]
    pub fn burn(&self, compliance: f64) -> f64 {
        (1.0 - compliance) / (1.0 - self.share)
    }
}

/// How well a function does, in four shares from 0 to 1.
///
/// The reference system scored unused processors and memory as good, so that a platform without any call did best. Here nothing is scored without
/// calls, and instances that wait count against it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Performance {
    /// Calls that went as promised.
    pub compliance: f64,
    /// Calls that did not wait for a start.
    pub warm: f64,
    /// Calls that succeeded.
    pub success: f64,
    /// The time in which instances ran calls, of all the time in which they were there.
    pub used: f64,
}

impl Performance {
    /// All in one number from 0 to 1: the shares weighted by 0.3, 0.2, 0.3 and 0.2.
    ///
    /// Source: the weights are those of the reference system; what they weigh is not.
    /// ```
    /// # use cloudlot_serverless::monitor::Performance;
    /// let good = Performance { compliance: 1.0, warm: 1.0, success: 1.0, used: 1.0 };
    /// assert_eq!(good.score(), 1.0);
    /// assert_eq!(Performance { used: 0.0, ..good }.score(), 0.8);
    /// ```
    #[must_use]
    pub fn score(&self) -> f64 {
        let tenths = 3.0 * self.compliance + 2.0 * self.warm + 3.0 * self.success + 2.0 * self.used;
        tenths / 10.0
    }
}
