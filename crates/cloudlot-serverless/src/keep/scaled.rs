//! Another policy's windows, longer or shorter by a factor for each class of functions.

use std::time::Duration;

use cloudlot_core::Timestamp;

use crate::{Function, FunctionId, KeepAlive, Rest, Resting};

/// Says by how much the windows of a function are stretched; what learns gives this.
pub trait Scales {
    /// The factor for this instance.
    fn factor(&mut self, resting: &Resting) -> f64;
}

impl<F: FnMut(&Resting) -> f64> Scales for F {
    fn factor(&mut self, resting: &Resting) -> f64 {
        self(resting)
    }
}

/// A policy whose windows are multiplied by a factor that stays within bounds, so that whatever chooses
/// the factor does limited harm. Starts ahead are left where they are; how long such an instance is kept is multiplied too.
/// ```
/// use cloudlot_serverless::keep::{FixedWindow, Scaled};
/// use cloudlot_serverless::{FunctionId, KeepAlive, Resting};
/// use cloudlot_core::Timestamp;
/// use std::time::Duration;
///
/// let second = Duration::from_secs(1);
/// let mut policy = Scaled::new(FixedWindow(second), |_: &Resting| 100.0, 0.5, 4.0);
/// let resting = Resting { function: FunctionId::new(0), now: Timestamp::ZERO, idle: 0, busy: 0, age: second };
/// assert_eq!(policy.rest(&resting).keep, 4 * second);
/// ```
#[derive(Clone, Debug)]
pub struct Scaled<K, S> {
    policy: K,
    scales: S,
    least: f64,
    most: f64,
}

impl<K, S> Scaled<K, S> {
    /// With factors from `least` to `most`.
    ///
    /// # Panics
    /// Unless `0 ≤ least ≤ most` and both are finite.
    #[must_use]
    pub fn new(policy: K, scales: S, least: f64, most: f64) -> Self {
        let right = 0.0 <= least && least <= most && most.is_finite();
        assert!(right, "factors from {least} to {most}");
        Self {
            policy,
            scales,
            least,
            most,
        }
    }

    /// The policy whose windows they are.
    #[must_use]
    pub const fn policy(&self) -> &K {
        &self.policy
    }

    /// What chooses the factors.
    #[must_use]
    pub const fn scales(&self) -> &S {
        &self.scales
    }
}

impl<K: KeepAlive, S: Scales> KeepAlive for Scaled<K, S> {
    fn rest(&mut self, resting: &Resting) -> Rest {
        let mut rest = self.policy.rest(resting);
        let factor = self.scales.factor(resting);
        let factor = if factor.is_nan() {
            1.0_f64.clamp(self.least, self.most)
        } else {
            factor.clamp(self.least, self.most)
        };
        rest.keep = stretch(rest.keep, factor);
        if let Some(prewarm) = &mut rest.prewarm {
            prewarm.keep = stretch(prewarm.keep, factor);
        }
        rest
    }

    fn value(&mut self, function: FunctionId, made: Timestamp, now: Timestamp) -> u64 {
        self.policy.value(function, made, now)
    }

    fn revalue(&mut self, function: FunctionId, value: u64) -> u64 {
        self.policy.revalue(function, value)
    }

    fn gone(&mut self, function: FunctionId) {
        self.policy.gone(function);
    }

    fn evicted(&mut self, function: FunctionId, value: u64) {
        self.policy.evicted(function, value);
    }

    fn added(&mut self, function: FunctionId, is: &Function) {
        self.policy.added(function, is);
    }

    fn replaced(&mut self, function: FunctionId, is: &Function) {
        self.policy.replaced(function, is);
    }

    fn arrived(&mut self, function: FunctionId, now: Timestamp) {
        self.policy.arrived(function, now);
    }

    fn ready(&mut self, function: FunctionId, took: Duration) {
        self.policy.ready(function, took);
    }

    fn finished(&mut self, function: FunctionId, ran: Duration) {
        self.policy.finished(function, ran);
    }
}

/// For ever stays for ever.
fn stretch(window: Duration, factor: f64) -> Duration {
    let seconds = window.as_secs_f64() * factor;
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
}
