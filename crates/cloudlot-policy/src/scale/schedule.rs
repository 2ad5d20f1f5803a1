//! Scalers that go by the clock or by a person's word, and need no metrics.

use super::{Bounds, Scaler};
use cloudlot_core::metrics::Series;
use cloudlot_core::{Faults, Rule, Timestamp};
use std::time::Duration;

/// A number of units for each part of a period that comes again, such as a day or a week.
///
/// Time is counted in plain seconds from the epoch of the clock: no time zones, no summer time.
/// ```
/// use cloudlot_core::{Timestamp, metrics::Series};
/// use cloudlot_policy::scale::{Scaled, Scaler, Scheduled};
/// use std::time::Duration;
///
/// let hours = |h: u64| Duration::from_secs(3_600 * h);
/// let office = Scheduled::daily([Scaled { from: hours(8), units: 10 }, Scaled { from: hours(18), units: 2 }])?;
/// let at = |h| Timestamp::ZERO + hours(h);
/// let units = |h| office.target(&Series::new(), 5, at(h)).unwrap();
/// assert_eq!((units(3), units(8), units(17), units(18), units(24 + 9)), (2, 10, 10, 2, 10));
/// # Ok::<(), cloudlot_core::Faults>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Scheduled {
    period: Duration,
    /// By time, each time once, at least one.
    parts: Vec<Scaled>,
}

/// A part of a period, which ends where the next one begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Scaled {
    /// When it begins, from the beginning of the period.
    pub from: Duration,
    /// How many units there are to be.
    pub units: u32,
}

impl Scheduled {
    /// A day.
    pub const DAY: Duration = Duration::from_secs(24 * 3_600);
    /// Seven days.
    pub const WEEK: Duration = Duration::from_secs(7 * 24 * 3_600);

    /// A schedule that comes again after `period`. Before its first part begins, the last one of the period before goes on.
    ///
    /// # Errors
    /// If the period is no time, there is no part, one begins at or after the end, or two begin at once.
    pub fn every(
        period: Duration,
        parts: impl IntoIterator<Item = Scaled>,
    ) -> Result<Self, Faults> {
        let mut parts: Vec<Scaled> = parts.into_iter().collect();
        parts.sort_by_key(|part| part.from);
        let mut faults = Faults::default();
        if period.is_zero() {
            faults.add("period", format_args!("{period:?}"), Rule::Zero);
        }
        if parts.is_empty() {
            faults.add("parts", "", Rule::Empty);
        }
        for part in parts.iter().filter(|part| part.from >= period) {
            let rule = Rule::Other(format!("is not before the end of the period, {period:?}"));
            faults.add("parts.from", format_args!("{:?}", part.from), rule);
        }
        for pair in parts.windows(2).filter(|pair| pair[0].from == pair[1].from) {
            faults.add(
                "parts.from",
                format_args!("{:?}", pair[0].from),
                Rule::Twice,
            );
        }
        faults.or(Self { period, parts })
    }

    /// A schedule that comes again every day.
    ///
    /// # Errors
    /// As [`Scheduled::every`].
    pub fn daily(parts: impl IntoIterator<Item = Scaled>) -> Result<Self, Faults> {
        Self::every(Self::DAY, parts)
    }

    /// A schedule that comes again every week.
    ///
    /// # Errors
    /// As [`Scheduled::every`].
    pub fn weekly(parts: impl IntoIterator<Item = Scaled>) -> Result<Self, Faults> {
        Self::every(Self::WEEK, parts)
    }
}

impl Scaler for Scheduled {
    fn target(&self, _history: &Series, _current: u32, now: Timestamp) -> Option<u32> {
        let into = u128::from(now.as_nanos()) % self.period.as_nanos();
        let begun = self
            .parts
            .partition_point(|part| part.from.as_nanos() <= into);
        let part = match begun {
            0 => self.parts.last(),
            _ => self.parts.get(begun - 1),
        };
        part.map(|part| part.units)
    }
}

/// The number of units that somebody asked for.
/// ```
/// # use cloudlot_policy::scale::{Bounds, Manual};
/// let bounds = Bounds::new(1, 8)?;
/// assert_eq!(Manual::new(5, bounds)?.units(), 5);
/// let no = Manual::new(0, bounds).unwrap_err();
/// assert_eq!(no.to_string(), "units: `0` is not within 1 to 8");
/// # Ok::<(), cloudlot_core::Faults>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Manual {
    units: u32,
}

impl Manual {
    /// So many units.
    ///
    /// # Errors
    /// If that is out of bounds: a person is told, not corrected.
    pub fn new(units: u32, bounds: Bounds) -> Result<Self, Faults> {
        let mut faults = Faults::default();
        if !bounds.contains(units) {
            let (least, most) = (bounds.least().into(), bounds.most().into());
            faults.add("units", units, Rule::Outside { least, most });
        }
        faults.or(Self { units })
    }

    /// How many.
    #[must_use]
    pub const fn units(&self) -> u32 {
        self.units
    }
}

impl Scaler for Manual {
    fn target(&self, _history: &Series, _current: u32, _now: Timestamp) -> Option<u32> {
        Some(self.units)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schedule_says_all_that_is_wrong_with_it() {
        let part = |from| Scaled {
            from: Duration::from_secs(from),
            units: 1,
        };
        let faults = Scheduled::every(Duration::ZERO, []).unwrap_err();
        assert_eq!(faults.len(), 2, "{faults}");
        let period = Duration::from_secs(10);
        let faults = Scheduled::every(period, [part(3), part(10), part(3)]).unwrap_err();
        assert_eq!(faults.len(), 2, "{faults}");
    }

    #[test]
    fn one_part_holds_all_the_time() {
        let part = Scaled {
            from: Duration::from_secs(7),
            units: 3,
        };
        let always = Scheduled::every(Duration::from_secs(10), [part]).unwrap();
        for second in 0..30 {
            let now = Timestamp::ZERO + Duration::from_secs(second);
            assert_eq!(always.target(&Series::new(), 9, now), Some(3));
        }
    }
}
