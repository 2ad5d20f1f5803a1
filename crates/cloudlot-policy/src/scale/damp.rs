//! Wrappers that keep any scaler from acting too often: a cooldown after actions, and a look back before units go.

use super::evidence::unbroken;
use super::{Change, Scaler};
use cloudlot_core::Timestamp;
use cloudlot_core::metrics::Series;
use std::time::Duration;

/// A scaler that waits after an action before the next one, as long as its direction asks.
///
/// The wait counts from the last action of either direction, as [`observe`](Scaler::observe) told of it: so there is at
/// most one action in the shorter of the two times, whatever the load does.
/// ```
/// use cloudlot_core::{Timestamp, metrics::Series};
/// use cloudlot_policy::scale::{Bounds, Change, Cooldown, Manual, Scaler};
/// use std::time::Duration;
///
/// let at = |second| Timestamp::ZERO + Duration::from_secs(second);
/// let two = Manual::new(2, Bounds::new(0, 9)?)?;
/// let mut scaler = Cooldown::new(two, Duration::from_secs(60), Duration::from_secs(300));
/// let none = Series::new();
/// assert_eq!(scaler.target(&none, 1, at(0)), Some(2));
/// scaler.observe(&Change { at: at(0), from: 1, to: 2 });
/// assert_eq!(scaler.target(&none, 1, at(59)), Some(1)); // up waits a minute,
/// assert_eq!(scaler.target(&none, 1, at(60)), Some(2));
/// assert_eq!(scaler.target(&none, 3, at(299)), Some(3)); // down waits five
/// assert_eq!(scaler.target(&none, 3, at(300)), Some(2));
/// # Ok::<(), cloudlot_core::Faults>(())
/// ```
#[derive(Clone, Debug)]
pub struct Cooldown<S> {
    scaler: S,
    up: Duration,
    down: Duration,
    last: Option<Timestamp>,
}

impl<S> Cooldown<S> {
    /// Waits `up` after an action before units are added, and `down` before they are taken away.
    pub const fn new(scaler: S, up: Duration, down: Duration) -> Self {
        Self {
            scaler,
            up,
            down,
            last: None,
        }
    }

    /// When the last action was.
    #[must_use]
    pub const fn last(&self) -> Option<Timestamp> {
        self.last
    }
}

impl<S: Scaler> Scaler for Cooldown<S> {
    fn target(&self, history: &Series, current: u32, now: Timestamp) -> Option<u32> {
        let target = self.scaler.target(history, current, now)?;
        let wait = if target > current { self.up } else { self.down };
        match self.last {
            Some(last) if now.since(last) < wait => Some(current),
            _ => Some(target),
        }
    }

    fn observe(&mut self, change: &Change) {
        if change.from != change.to {
            self.last = self.last.max(Some(change.at));
        }
        self.scaler.observe(change);
    }
}

/// A scaler that lets units go only when it would have let them go all the time of a window.
///
/// Going down it takes the highest of its answers, for the current number of units, at `now` and at each sample of the
/// window; a moment without evidence keeps the units. Going up is not held back. Nothing is remembered: the history is asked
/// again, which costs one question for each sample of the window.
///
/// Source: Kubernetes documentation, "Horizontal Pod Autoscaling", stabilization window.
/// ```
/// use cloudlot_core::{Timestamp, metrics::Series};
/// use cloudlot_policy::scale::{Scaler, Stabilised, TargetTracking, TrackingConfig};
/// use std::time::Duration;
///
/// let at = |minute: u64| Timestamp::ZERO + Duration::from_secs(60 * minute);
/// let tracking = TargetTracking::new(TrackingConfig::default())?;
/// let scaler = Stabilised::new(tracking, Duration::from_secs(180));
/// let mut load = Series::new();
/// for (minute, units) in [(0, 8.0), (1, 8.0), (2, 4.0), (3, 2.0), (4, 2.0)] {
///     load.push(at(minute), units)?;
/// }
/// assert_eq!(scaler.target(&load, 10, at(3)), Some(10)); // 8.0 needs 10
/// assert_eq!(scaler.target(&load, 10, at(4)), Some(5)); // 4.0 is the most of three minutes
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Stabilised<S> {
    scaler: S,
    window: Duration,
}

impl<S> Stabilised<S> {
    /// Looks back so far before units go.
    pub const fn new(scaler: S, window: Duration) -> Self {
        Self { scaler, window }
    }
}

impl<S: Scaler> Scaler for Stabilised<S> {
    fn target(&self, history: &Series, current: u32, now: Timestamp) -> Option<u32> {
        let target = self.scaler.target(history, current, now)?;
        if target >= current {
            return Some(target);
        }
        let moments = unbroken(history, now, Duration::MAX)
            .map(|(at, _)| at)
            .take_while(|at| now.since(*at) < self.window);
        let highest = moments
            .map(|at| self.scaler.target(history, current, at).unwrap_or(current))
            .fold(target, u32::max);
        Some(highest.min(current))
    }

    fn observe(&mut self, change: &Change) {
        self.scaler.observe(change);
    }
}
