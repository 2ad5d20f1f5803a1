//! Whether the rules of the memory coordinator make sense together.

use super::config::MemoryConfig;
use std::time::Duration;

impl MemoryConfig {
    /// Whether the rules make sense together.
    ///
    /// # Errors
    /// The first field found that contradicts itself or another.
    pub fn check(&self) -> Result<(), MemoryConfigError> {
        if self.interval.is_zero() {
            return Err(MemoryConfigError::NoInterval);
        }
        self.check_positive()?;
        self.check_percentages()?;
        if self.retry_min > self.retry_max {
            return Err(MemoryConfigError::Order {
                low: "retry_min",
                high: "retry_max",
            });
        }
        if self
            .stats_period
            .is_some_and(|period| period.is_zero() || period.subsec_nanos() > 0)
        {
            return Err(MemoryConfigError::Period(
                self.stats_period.unwrap_or_default(),
            ));
        }
        Ok(())
    }

    fn check_positive(&self) -> Result<(), MemoryConfigError> {
        let counts = [
            ("readings", u64::from(self.readings / 2)),
            ("stale_turns", u64::from(self.stale_turns)),
            ("urgent_factor", u64::from(self.urgent_factor)),
            ("pressure_grow_factor", u64::from(self.pressure_grow_factor)),
            ("progress_turns", u64::from(self.progress_turns)),
            ("reserve_min", self.reserve_min.get()),
            ("spare_min", self.spare_min.get()),
            ("minimum_floor", self.minimum_floor.get()),
            ("shrink_percent", u64::from(self.shrink_percent)),
            ("shrink_spare_percent", u64::from(self.shrink_spare_percent)),
            ("urgent_spare_percent", u64::from(self.urgent_spare_percent)),
            (
                "step_time",
                u64::from(self.step_time.is_none_or(|time| !time.is_zero())),
            ),
        ];
        match counts.into_iter().find(|(_, count)| *count == 0) {
            Some((field, _)) => Err(MemoryConfigError::TooSmall(field)),
            None => Ok(()),
        }
    }

    fn check_percentages(&self) -> Result<(), MemoryConfigError> {
        let shares = [
            ("pressure_spare_percent", self.pressure_spare_percent, 0),
            ("pressure_need_percent", self.pressure_need_percent, 100),
            ("need_percent", self.need_percent, 100),
            ("growth_percent", self.growth_percent, 100),
            ("minimum_percent", self.minimum_percent, 0),
            ("spare_percent", self.spare_percent, 0),
            ("reserve_percent", self.reserve_percent, 0),
            ("state_leave_percent", self.state_leave_percent, 100),
            ("shrink_percent", self.shrink_percent, 1),
            ("shrink_spare_percent", self.shrink_spare_percent, 1),
            ("urgent_spare_percent", self.urgent_spare_percent, 1),
            ("grow_percent", self.grow_percent, 0),
            ("band_percent", self.band_percent, 0),
        ];
        for (field, percent, least) in shares {
            // What is a share of a whole is at most all of it; the others may go tenfold.
            let most = if least == 100 || field == "grow_percent" {
                1000
            } else {
                100
            };
            if !(least..=most).contains(&percent) {
                return Err(MemoryConfigError::Percent {
                    field,
                    percent,
                    least,
                    most,
                });
            }
        }
        Ok(())
    }
}

/// Why rules make no sense.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum MemoryConfigError {
    /// Turns without time between them.
    #[error("the interval must be longer than zero")]
    NoInterval,
    /// A field that must not be zero, or, for `readings`, below two.
    #[error("{0} is too small")]
    TooSmall(&'static str),
    /// A percentage out of its range.
    #[error("{field} is {percent} %, and must be from {least} to {most} %")]
    Percent {
        /// Which.
        field: &'static str,
        /// What it is.
        percent: u32,
        /// The least it may be.
        least: u32,
        /// The most it may be.
        most: u32,
    },
    /// Two fields the wrong way round.
    #[error("{low} must not be above {high}")]
    Order {
        /// What must be lower.
        low: &'static str,
        /// What must be higher.
        high: &'static str,
    },
    /// Guests tell statistics in whole seconds.
    #[error("a statistics period is whole seconds and at least one, not {0:?}")]
    Period(Duration),
}

#[cfg(test)]
mod tests {
    use super::*;

    type Change = fn(&mut MemoryConfig);

    #[test]
    fn both_profiles_make_sense() {
        assert_eq!(MemoryConfig::production().check(), Ok(()));
        assert_eq!(MemoryConfig::course().check(), Ok(()));
    }

    #[test]
    fn rules_that_make_no_sense_are_refused_by_name() {
        let cases: [(Change, &str); 8] = [
            (|c| c.interval = Duration::ZERO, "interval"),
            (|c| c.readings = 1, "readings"),
            (|c| c.shrink_percent = 101, "shrink_percent"),
            (|c| c.need_percent = 99, "need_percent"),
            (|c| c.state_leave_percent = 0, "state_leave_percent"),
            (|c| c.retry_max = Duration::ZERO, "retry_max"),
            (|c| c.step_time = Some(Duration::ZERO), "step_time"),
            (
                |c| c.stats_period = Some(Duration::from_millis(1500)),
                "statistics period",
            ),
        ];
        for (change, name) in cases {
            let mut config = MemoryConfig::course();
            change(&mut config);
            let error = config.check().expect_err(name).to_string();
            assert!(error.contains(name), "{error}");
        }
    }
}
