//! What counts as evidence, and from load to units: the rules that all scalers share.

use cloudlot_core::metrics::Series;
use cloudlot_core::{Faults, Rule, Timestamp};
use std::time::Duration;

/// One number may be anything; two in a row are the least that can be believed.
pub(super) const LEAST_SAMPLES: usize = 2;

/// Load that is so little above a whole number of units is what rounding left: a millionth of a unit.
const ROUNDING: f64 = 1e-6;

/// The samples up to `now`, newest first, as far back as no gap is longer than `fresh`.
///
/// Empty without at least two of them.
pub(super) fn unbroken(
    history: &Series,
    now: Timestamp,
    fresh: Duration,
) -> impl Iterator<Item = (Timestamp, f64)> + Clone {
    let known = history.window(now, Duration::MAX).rev();
    let unbroken = known
        .scan(now, move |later, (at, value)| {
            let near = later.since(at) <= fresh;
            *later = at;
            near.then_some((at, value))
        })
        .fuse();
    let enough = unbroken.clone().nth(LEAST_SAMPLES - 1).is_some();
    unbroken.take(if enough { usize::MAX } else { 0 })
}

/// Whether every sample of the last `after` is as `breach` says, two of them at least, or `None` without evidence.
pub(super) fn lasted(
    history: &Series,
    now: Timestamp,
    after: Duration,
    fresh: Duration,
    breach: impl Fn(f64) -> bool,
) -> Option<bool> {
    let samples = unbroken(history, now, fresh);
    samples.clone().next()?;
    for (n, (at, value)) in samples.enumerate() {
        if !breach(value) {
            return Some(false);
        }
        if n + 1 >= LEAST_SAMPLES && now.since(at) >= after {
            return Some(true);
        }
    }
    Some(false)
}

/// The least number of units at which each does at most `each`; rounded up, 0 for no load, `u32::MAX` for a load beyond.
pub(super) fn units(load: f64, each: f64) -> u32 {
    let exact = load / each;
    let whole = exact.floor();
    let units = if exact - whole > ROUNDING * whole.max(1.0) {
        whole + 1.0
    } else {
        whole
    };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the cast saturates, and NaN gives 0"
    )]
    let units = units as u32;
    units
}

/// Faults of a configuration, one rule a call.
#[derive(Default)]
pub(super) struct Check(Faults);

impl Check {
    /// A finite number above zero.
    pub(super) fn above_zero(mut self, path: &str, value: f64) -> Self {
        if !(value.is_finite() && value > 0.0) {
            self.0
                .add(path, value, Rule::Form("a finite number above zero"));
        }
        self
    }

    /// A finite number from zero up.
    pub(super) fn not_negative(mut self, path: &str, value: f64) -> Self {
        if !(value.is_finite() && value >= 0.0) {
            self.0
                .add(path, value, Rule::Form("a finite number from zero up"));
        }
        self
    }

    /// A number from 0 to 1.
    pub(super) fn share(mut self, path: &str, value: f64) -> Self {
        if !(0.0..=1.0).contains(&value) {
            self.0.add(path, value, Rule::Form("a number from 0 to 1"));
        }
        self
    }

    /// A number below the other one.
    pub(super) fn below(mut self, path: &str, value: f64, other: f64) -> Self {
        if value >= other {
            let rule = Rule::Other(format!("is not below {other}"));
            self.0.add(path, value, rule);
        }
        self
    }

    /// Some time.
    pub(super) fn some_time(mut self, path: &str, value: Duration) -> Self {
        if value.is_zero() {
            self.0.add(path, format_args!("{value:?}"), Rule::Zero);
        }
        self
    }

    /// More than none.
    pub(super) fn some(mut self, path: &str, value: u32) -> Self {
        if value == 0 {
            self.0.add(path, value, Rule::Zero);
        }
        self
    }

    /// `value` if nothing is wrong.
    pub(super) fn or<T>(self, value: T) -> Result<T, Faults> {
        self.0.or(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn at(second: u32) -> Timestamp {
        Timestamp::ZERO + second * SECOND
    }

    fn series(samples: &[(u32, f64)]) -> Series {
        let mut series = Series::new();
        for &(second, value) in samples {
            series.push(at(second), value).unwrap();
        }
        series
    }

    #[test]
    fn a_gap_ends_the_evidence() {
        let series = series(&[(0, 0.0), (1, 1.0), (5, 5.0), (6, 6.0)]);
        let seen = |now, fresh| unbroken(&series, at(now), fresh * SECOND).count();
        assert_eq!(
            (seen(6, 4), seen(6, 3), seen(6, 0), seen(9, 2)),
            (4, 2, 0, 0)
        );
        // The future is not seen.
        assert_eq!((seen(1, 4), seen(0, 4)), (2, 0));
    }

    #[test]
    fn a_breach_lasts_from_its_first_sample() {
        let series = series(&[(0, 0.0), (1, 9.0), (2, 9.0), (3, 9.0)]);
        let lasted = |now, after| lasted(&series, at(now), after * SECOND, SECOND, |v| v > 5.0);
        assert_eq!(lasted(3, 2), Some(true));
        assert_eq!(lasted(3, 3), Some(false));
        assert_eq!(lasted(4, 3), Some(true));
        assert_eq!(lasted(1, 0), Some(false));
        assert_eq!(lasted(2, 0), Some(true));
        assert_eq!((lasted(0, 0), lasted(9, 0)), (None, None));
    }

    #[test]
    fn units_are_rounded_up_but_for_what_rounding_left() {
        assert_eq!(units(2.1, 0.7), 3);
        assert_eq!(units(2.2, 0.7), 4);
        assert_eq!(units(3.0_f64.next_up(), 1.0), 3);
        assert_eq!((units(0.0, 0.7), units(-1.0, 0.7)), (0, 0));
        assert_eq!(
            (units(f64::MAX, 0.1), units(1e12, 1.0)),
            (u32::MAX, u32::MAX)
        );
    }
}
