//! Numbers that change with experience: exploration rates and temperatures.

use serde::{Deserialize, Serialize};

/// A number as a function of how many steps were learned from.
///
/// ```
/// # use cloudlot_qlearn::Schedule;
/// let epsilon = Schedule::Geometric { from: 1.0, factor: 0.995, floor: 0.01 };
/// assert_eq!(epsilon.at(0), 1.0);
/// assert!(epsilon.at(918) > 0.01);
/// assert_eq!(epsilon.at(919), 0.01);
/// ```
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Schedule {
    /// Always the same.
    Constant(f64),
    /// A straight line from `from` to `to`, level after `over` steps.
    Linear {
        /// The first value.
        from: f64,
        /// The last value.
        to: f64,
        /// After how many steps the last value holds.
        over: u64,
    },
    /// `from · factorⁿ`, but never below `floor`.
    Geometric {
        /// The first value.
        from: f64,
        /// What a step multiplies it by, in (0, 1].
        factor: f64,
        /// The least value.
        floor: f64,
    },
    /// `from / (1 + n / half)`, but never below `floor`: half the first value after `half` steps.
    Harmonic {
        /// The first value.
        from: f64,
        /// After how many steps half of it is left; at least one.
        half: u64,
        /// The least value.
        floor: f64,
    },
}

impl Schedule {
    /// The value after `steps` steps.
    #[must_use]
    pub fn at(&self, steps: u64) -> f64 {
        match *self {
            Self::Constant(value) => value,
            Self::Linear { to, over, .. } if steps >= over => to,
            Self::Linear { from, to, over } => from + (to - from) * (real(steps) / real(over)),
            Self::Geometric {
                from,
                factor,
                floor,
            } => (from * libm::pow(factor, real(steps))).max(floor),
            Self::Harmonic { from, half, floor } => {
                (from / (1.0 + real(steps) / real(half.max(1)))).max(floor)
            }
        }
    }

    /// Whether every value that it ever takes lies in [`least`, `most`].
    pub(crate) fn stays_within(&self, least: f64, most: f64) -> bool {
        let within = |value: f64| value >= least && value <= most;
        match *self {
            Self::Constant(value) => within(value),
            Self::Linear { from, to, .. } => within(from) && within(to),
            Self::Geometric {
                from,
                factor,
                floor,
            } => within(from) && within(floor) && factor > 0.0 && factor <= 1.0,
            Self::Harmonic { from, floor, .. } => within(from) && within(floor),
        }
    }
}

/// A count as a real number; exact below 2⁵³.
#[expect(
    clippy::cast_precision_loss,
    reason = "counts of steps stay far below 2^53"
)]
pub(crate) fn real(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_ends_where_it_should() {
        let line = Schedule::Linear {
            from: 1.0,
            to: 0.1,
            over: 10,
        };
        assert_eq!(line.at(0), 1.0);
        assert!((line.at(5) - 0.55).abs() < 1e-15);
        assert_eq!(line.at(10), 0.1);
        assert_eq!(line.at(u64::MAX), 0.1);
    }

    #[test]
    fn a_schedule_of_no_length_is_at_its_end() {
        let line = Schedule::Linear {
            from: 1.0,
            to: 0.1,
            over: 0,
        };
        assert_eq!(line.at(0), 0.1);
        let half = Schedule::Harmonic {
            from: 1.0,
            half: 4,
            floor: 0.01,
        };
        assert_eq!(half.at(4), 0.5);
        assert_eq!(half.at(u64::MAX), 0.01);
    }

    #[test]
    fn numbers_outside_are_noticed() {
        assert!(Schedule::Constant(0.5).stays_within(0.0, 1.0));
        for bad in [
            Schedule::Constant(f64::NAN),
            Schedule::Constant(1.1),
            Schedule::Linear {
                from: 0.5,
                to: -0.1,
                over: 3,
            },
            Schedule::Geometric {
                from: 1.0,
                factor: 1.1,
                floor: 0.0,
            },
            Schedule::Harmonic {
                from: f64::INFINITY,
                half: 1,
                floor: 0.0,
            },
        ] {
            assert!(!bad.stays_within(0.0, 1.0), "{bad:?}");
        }
    }
}
