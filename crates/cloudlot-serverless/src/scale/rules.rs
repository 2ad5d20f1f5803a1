//! The rules that others have: those of `cloudlot-policy` by the load, and Knative's by the second.

use std::num::NonZeroU32;
use std::time::Duration;

use cloudlot_core::Timestamp;
use cloudlot_core::metrics::Series;
use cloudlot_policy::scale::{Change, Scaler as Rule};

use super::kpa::{Concurrency, Kpa, KpaError, ToZero};
use super::{Sample, Scaler};

/// A rule of [`cloudlot_policy::scale`]: a threshold with hysteresis, the HPA formula, a forecast, the rate of change, and what
/// wraps them.
///
/// The load is the concurrency of each tick over the slots of an instance, so that 1.0 is an instance with all of them taken.
/// ```
/// use cloudlot_core::Timestamp;
/// use cloudlot_policy::scale::{TargetTracking, TrackingConfig};
/// use cloudlot_serverless::scale::kpa::Concurrency;
/// use cloudlot_serverless::scale::{ByLoad, Sample, Scaler};
/// use std::{num::NonZeroU32, time::Duration};
///
/// let hpa = TargetTracking::new(TrackingConfig { utilisation: 0.5, ..TrackingConfig::default() })?;
/// let mut scaler = ByLoad::new(hpa, NonZeroU32::MIN, 60);
/// let at = |second| Timestamp::ZERO + Duration::from_secs(second);
/// let mut sample = Sample {
///     concurrency: Concurrency::from_requests(3.0)?,
///     ready: 4,
///     target: Some(4),
///     ..Sample::quiet(at(0), at(10))
/// };
/// assert_eq!(scaler.desired(&sample), None, "one sample is no evidence");
/// (sample.from, sample.at) = (at(10), at(20));
/// assert_eq!(scaler.desired(&sample), Some(6));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct ByLoad<R> {
    rule: R,
    slots: NonZeroU32,
    load: Series,
    target: Option<u32>,
}

impl<R: Rule> ByLoad<R> {
    /// Follows `rule` for instances that serve `slots` calls at once. The last `history` ticks are kept, which must cover what
    /// the rule looks back.
    #[must_use]
    pub fn new(rule: R, slots: NonZeroU32, history: usize) -> Self {
        Self {
            rule,
            slots,
            load: Series::with_history(history),
            target: None,
        }
    }

    /// The rule within.
    #[must_use]
    pub const fn rule(&self) -> &R {
        &self.rule
    }
}

impl<R: Rule> Scaler for ByLoad<R> {
    fn desired(&mut self, sample: &Sample) -> Option<u32> {
        if let (Some(from), Some(to)) = (self.target, sample.target)
            && from != to
        {
            let at = sample.from;
            self.rule.observe(&Change { at, from, to });
        }
        self.target = sample.target;
        let load = requests(sample.concurrency) / f64::from(self.slots.get());
        self.load.push(sample.at, load).ok()?;
        self.rule.target(&self.load, sample.current(), sample.at)
    }
}

/// In requests.
#[expect(
    clippy::cast_precision_loss,
    reason = "at most 10¹² thousandths are exact"
)]
pub(super) fn requests(concurrency: Concurrency) -> f64 {
    concurrency.milli() as f64 / 1e3
}

impl Scaler for Kpa {
    /// Every second of the sample gets its part of the concurrency. What [`KpaError`] refuses is no evidence.
    fn desired(&mut self, sample: &Sample) -> Option<u32> {
        each_second(sample, |at, part| self.observe(at, part)).ok()?;
        Some(self.decide(sample.at, sample.ready).ok()?.replicas)
    }
}

impl Scaler for ToZero {
    /// As that of [`Kpa`].
    fn desired(&mut self, sample: &Sample) -> Option<u32> {
        each_second(sample, |at, part| self.observe(at, part)).ok()?;
        Some(self.decide(sample.at, sample.ready).ok()?.replicas)
    }
}

/// Tells what each second between two ticks had: the concurrency, or the part of it for which the time between the ticks covers
/// the second. Rounded down to the thousandth.
fn each_second(
    sample: &Sample,
    mut observe: impl FnMut(Timestamp, Concurrency) -> Result<(), KpaError>,
) -> Result<(), KpaError> {
    const SECOND: u64 = 1_000_000_000;
    let end = sample.at.as_nanos();
    let mut now = sample.from.as_nanos();
    while now < end {
        let next = (now / SECOND + 1).saturating_mul(SECOND).min(end);
        let part = u128::from(sample.concurrency.milli()) * u128::from(next - now);
        let milli = u64::try_from(part / u128::from(SECOND)).unwrap_or(u64::MAX);
        observe(
            Timestamp::ZERO + Duration::from_nanos(now),
            Concurrency::from_milli(milli)?,
        )?;
        now = next;
    }
    Ok(())
}
