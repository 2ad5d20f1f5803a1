//! The question that every scaler answers, and what it is told afterwards.

use cloudlot_core::Timestamp;
use cloudlot_core::metrics::Series;

/// How many units there should be.
///
/// # Arguments
/// - `history` is the load, in units: 1.0 is what one unit does when it is fully used. Load is what is asked for, with what
///   waits, and does not depend on how many units there are; a metric of utilisation becomes load when it is multiplied by
///   the units that were there. Samples after `now` are not looked at.
/// - `current` is how many units there are or are on their way. Units that drain do not count.
/// - `now` is when the answer is given.
///
/// # What holds of every scaler
/// - `None` is "no evidence", and means that nothing is done. `Some(current)` is "as it is", with evidence. A scaler that
///   goes by the load has no evidence while there are fewer than two samples, or when they are old.
/// - The same arguments give the same answer: no clock, no chance, and asking changes nothing.
/// - What a scaler has to remember it is told by [`observe`](Self::observe), after the change was carried out.
///
/// A scaler that learns is one more implementation.
/// ```
/// use cloudlot_core::{Timestamp, metrics::Series};
/// use cloudlot_policy::scale::Scaler;
/// use std::time::Duration;
///
/// /// One unit more than the load of the last minute needs.
/// struct OneSpare;
///
/// impl Scaler for OneSpare {
///     fn target(&self, history: &Series, _current: u32, now: Timestamp) -> Option<u32> {
///         let busiest = history.max(now, Duration::from_secs(60))?;
///         (0..u32::MAX).find(|&units| f64::from(units) >= busiest + 1.0)
///     }
/// }
///
/// let scaler: Box<dyn Scaler> = Box::new(OneSpare);
/// let mut load = Series::new();
/// assert_eq!(scaler.target(&load, 5, Timestamp::ZERO), None);
/// load.push(Timestamp::ZERO, 2.5)?;
/// assert_eq!(scaler.target(&load, 5, Timestamp::ZERO), Some(4));
/// # Ok::<(), cloudlot_core::metrics::PushError>(())
/// ```
pub trait Scaler: Send + Sync {
    /// The number of units that there should be, or `None` without evidence.
    fn target(&self, history: &Series, current: u32, now: Timestamp) -> Option<u32>;

    /// Takes note of a change that was carried out. Those that remember nothing ignore it.
    fn observe(&mut self, change: &Change) {
        let _ = change;
    }
}

/// A change of the number of units that was carried out, or is being.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Change {
    /// When it was decided.
    pub at: Timestamp,
    /// How many units there were.
    pub from: u32,
    /// How many there are to be.
    pub to: u32,
}

impl<S: Scaler + ?Sized> Scaler for Box<S> {
    fn target(&self, history: &Series, current: u32, now: Timestamp) -> Option<u32> {
        (**self).target(history, current, now)
    }

    fn observe(&mut self, change: &Change) {
        (**self).observe(change);
    }
}
