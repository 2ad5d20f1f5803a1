//! How often something may be tried: a bucket of tokens.

use serde::{Deserialize, Serialize};

use super::SafetyError;

/// What fills the bucket.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pace {
    /// The caller's time.
    #[default]
    Time,
    /// Decisions, so that the budget is a share of them.
    Decisions,
}

/// How many deviations from the best trusted action are allowed.
///
/// Over any stretch of `t` there are at most `burst + deviations · t / period` of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// How many tokens come in a period.
    pub deviations: u32,
    /// How long a period is, in the unit of `pace`.
    pub period: u64,
    /// How many tokens the bucket holds; it begins full.
    pub burst: u32,
    /// What fills the bucket.
    #[serde(default)]
    pub pace: Pace,
}

/// What is left of a budget.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bucket {
    /// What is missing from a full bucket, in parts of a token: a token has `period` parts.
    missing: u128,
    /// The furthest time that was seen; nothing before the first look.
    filled: Option<u64>,
    /// How many decisions there were.
    decisions: u64,
}

impl Budget {
    pub(super) const fn check(&self) -> Result<(), SafetyError> {
        if self.period == 0 {
            return Err(SafetyError::Period);
        }
        Ok(())
    }
}

impl Bucket {
    /// Fills up to `now`; a clock that jumps back fills nothing.
    pub(super) fn fill(&mut self, budget: &Budget, now: u64) {
        self.decisions = self.decisions.saturating_add(1);
        let clock = match budget.pace {
            Pace::Time => now,
            Pace::Decisions => self.decisions,
        };
        // Only time past the furthest that was seen counts: a clock that jumps to and fro earns nothing.
        let furthest = self.filled.unwrap_or(clock);
        let passed = clock.saturating_sub(furthest);
        let gained = u128::from(passed) * u128::from(budget.deviations);
        self.missing = self.missing.saturating_sub(gained);
        self.filled = Some(clock.max(furthest));
    }

    /// Whether a whole token is there.
    pub(super) fn has_token(&self, budget: &Budget) -> bool {
        let full = u128::from(budget.burst) * u128::from(budget.period);
        full.saturating_sub(self.missing) >= u128::from(budget.period)
    }

    /// Takes a token out.
    pub(super) fn spend(&mut self, budget: &Budget) {
        self.missing = self.missing.saturating_add(u128::from(budget.period));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_share_of_decisions_is_kept_to() {
        let budget = Budget {
            deviations: 1,
            period: 20,
            burst: 1,
            pace: Pace::Decisions,
        };
        let mut bucket = Bucket::default();
        let mut spent = 0;
        for _ in 0..1000 {
            bucket.fill(&budget, 0);
            if bucket.has_token(&budget) {
                bucket.spend(&budget);
                spent += 1;
            }
        }
        assert_eq!(spent, 50);
    }

    #[test]
    fn a_bucket_without_room_never_pays() {
        let budget = Budget {
            deviations: u32::MAX,
            period: 1,
            burst: 0,
            pace: Pace::Time,
        };
        let mut bucket = Bucket::default();
        for now in [0, 10, u64::MAX] {
            bucket.fill(&budget, now);
            assert!(!bucket.has_token(&budget));
        }
    }

    #[test]
    fn a_clock_that_jumps_to_and_fro_earns_nothing() {
        let budget = Budget {
            deviations: 1,
            period: 1000,
            burst: 1,
            pace: Pace::Time,
        };
        let mut bucket = Bucket::default();
        let mut spent = 0;
        for turn in 0..100 {
            bucket.fill(&budget, if turn % 2 == 0 { 0 } else { 1000 });
            if bucket.has_token(&budget) {
                bucket.spend(&budget);
                spent += 1;
            }
        }
        assert_eq!(spent, 2);
    }

    proptest! {
        #[test]
        fn no_stretch_of_time_pays_more_than_its_share(
            waits in prop::collection::vec(0_u64..50, 1..150),
            deviations in 0_u32..4,
            period in 1_u64..60,
            burst in 0_u32..4,
        ) {
            let budget = Budget { deviations, period, burst, pace: Pace::Time };
            let (mut bucket, mut now, mut paid) = (Bucket::default(), 0, Vec::new());
            for wait in waits {
                now += wait;
                bucket.fill(&budget, now);
                if bucket.has_token(&budget) {
                    bucket.spend(&budget);
                    paid.push(now);
                }
            }
            for from in 0..paid.len() {
                for to in from..paid.len() {
                    let count = u64::try_from(to - from + 1).unwrap();
                    let stretch = paid[to] - paid[from];
                    let most = u64::from(burst) * period + u64::from(deviations) * stretch;
                    prop_assert!(count * period <= most);
                }
            }
        }
    }
}
