//! Between least and most: a range of unit counts, and the wrapper that keeps a scaler to it.

use super::{Change, Scaler};
use cloudlot_core::metrics::Series;
use cloudlot_core::{Faults, Rule, Timestamp};

/// How few and how many units there may be.
/// ```
/// # use cloudlot_policy::scale::Bounds;
/// let bounds = Bounds::new(1, 8)?;
/// assert_eq!((bounds.clamp(0), bounds.clamp(5), bounds.clamp(9)), (1, 5, 8));
/// assert!(Bounds::new(3, 2).is_err());
/// # Ok::<(), cloudlot_core::Faults>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bounds {
    least: u32,
    most: u32,
}

impl Bounds {
    /// From `least` to `most`, both included.
    ///
    /// # Errors
    /// If `least` is above `most`.
    pub fn new(least: u32, most: u32) -> Result<Self, Faults> {
        let mut faults = Faults::default();
        if least > most {
            faults.add("least", least, Rule::Above(most.to_string()));
        }
        faults.or(Self { least, most })
    }

    /// The fewest units.
    #[must_use]
    pub const fn least(&self) -> u32 {
        self.least
    }

    /// The most units.
    #[must_use]
    pub const fn most(&self) -> u32 {
        self.most
    }

    /// Whether so many units are within.
    #[must_use]
    pub const fn contains(&self, units: u32) -> bool {
        self.least <= units && units <= self.most
    }

    /// The number within that is nearest.
    #[must_use]
    pub fn clamp(&self, units: u32) -> u32 {
        units.clamp(self.least, self.most)
    }
}

/// A scaler that never asks for fewer or more units than the bounds allow.
///
/// Without evidence it says nothing, even when the current number is out of bounds: that is for
/// [`Manual`](super::Manual) or [`Scheduled`](super::Scheduled) to repair, which need none.
#[derive(Clone, Debug)]
pub struct Bounded<S> {
    /// The scaler inside.
    pub scaler: S,
    /// The bounds.
    pub bounds: Bounds,
}

impl<S: Scaler> Scaler for Bounded<S> {
    fn target(&self, history: &Series, current: u32, now: Timestamp) -> Option<u32> {
        let target = self.scaler.target(history, current, now)?;
        Some(self.bounds.clamp(target))
    }

    fn observe(&mut self, change: &Change) {
        self.scaler.observe(change);
    }
}
