//! Several scalers, and the one that asks for most.

use super::{Change, Scaler};
use cloudlot_core::Timestamp;
use cloudlot_core::metrics::Series;

/// The most units that any of several scalers asks for.
///
/// While one of them has no evidence, units may come but none may go: it could be the one that needs them. Without
/// scalers, or evidence of any, it says nothing.
///
/// Source: Kubernetes documentation, "Horizontal Pod Autoscaling", support for multiple metrics.
/// ```
/// use cloudlot_core::{Timestamp, metrics::Series};
/// use cloudlot_policy::scale::{Bounds, Highest, Manual, Scaler, TargetTracking, TrackingConfig};
///
/// let load = TargetTracking::new(TrackingConfig::default())?;
/// let floor = Manual::new(3, Bounds::new(0, 9)?)?;
/// let scaler = Highest::of([Box::new(load) as Box<dyn Scaler>, Box::new(floor)]);
/// let none = Series::new();
/// assert_eq!(scaler.target(&none, 2, Timestamp::ZERO), Some(3));
/// assert_eq!(scaler.target(&none, 5, Timestamp::ZERO), Some(5)); // the load is not known
/// # Ok::<(), cloudlot_core::Faults>(())
/// ```
pub struct Highest(Vec<Box<dyn Scaler>>);

impl Highest {
    /// The highest of these.
    pub fn of(scalers: impl IntoIterator<Item = Box<dyn Scaler>>) -> Self {
        Self(scalers.into_iter().collect())
    }
}

impl Scaler for Highest {
    fn target(&self, history: &Series, current: u32, now: Timestamp) -> Option<u32> {
        let answers = || {
            self.0
                .iter()
                .map(|scaler| scaler.target(history, current, now))
        };
        let highest = answers().flatten().max()?;
        let all_know = answers().all(|answer| answer.is_some());
        Some(if all_know {
            highest
        } else {
            highest.max(current)
        })
    }

    fn observe(&mut self, change: &Change) {
        for scaler in &mut self.0 {
            scaler.observe(change);
        }
    }
}
