//! The best of a row under a mask: its value, who has it, and how far the next one is.

use rand::Rng;

use super::Ties;
use crate::stream::below;
use crate::{ActionId, Mask};

/// The best of a row.
#[derive(Clone, Copy)]
pub(crate) struct Peak {
    pub(crate) value: f64,
    /// The best of the others; minus infinity where there are none.
    second: f64,
    /// All actions with the best value.
    pub(super) winners: Mask,
}

impl Peak {
    /// Of the allowed part of `row`, which must not be empty.
    #[inline]
    pub(crate) fn of(row: &[f64], mask: Mask) -> Self {
        let mut peak = Self {
            value: f64::NEG_INFINITY,
            second: f64::NEG_INFINITY,
            winners: Mask::NONE,
        };
        let mut bit = 1;
        for &value in row {
            if mask.bits() & bit != 0 {
                let higher = value > peak.value;
                let level = value == peak.value;
                let lower = peak.value.min(value);
                peak.second = peak.second.max(lower);
                let kept = if level { peak.winners.bits() } else { 0 };
                let winners = if higher | level {
                    kept | bit
                } else {
                    peak.winners.bits()
                };
                peak.winners = Mask::from_bits(winners);
                peak.value = peak.value.max(value);
            }
            bit <<= 1;
        }
        peak
    }

    /// The lowest of the best actions.
    #[inline]
    pub(super) fn lowest(&self) -> ActionId {
        first(self.winners)
    }

    #[inline]
    pub(super) fn gap(&self) -> Option<f64> {
        (self.second > f64::NEG_INFINITY).then_some(self.value - self.second)
    }

    /// The winner, and its share of the greedy probability.
    #[inline]
    pub(super) fn pick<R: Rng + ?Sized>(&self, ties: Ties, rng: &mut R) -> (ActionId, f64) {
        let count = self.winners.len();
        if count > 1 && ties == Ties::Uniform {
            let rank = below(rng, count);
            let action = self.winners.nth(rank).unwrap_or_default();
            (action, 1.0 / f64::from(count))
        } else {
            (first(self.winners), 1.0)
        }
    }

    /// The share of the greedy probability that `action` has.
    #[inline]
    pub(super) fn share(&self, action: ActionId, ties: Ties) -> f64 {
        match ties {
            Ties::Uniform if self.winners.allows(action) => 1.0 / f64::from(self.winners.len()),
            Ties::Lowest if first(self.winners) == action => 1.0,
            _ => 0.0,
        }
    }
}

/// The lowest action of a set that is not empty.
#[inline]
pub(super) fn first(mask: Mask) -> ActionId {
    ActionId(u16::try_from(mask.bits().trailing_zeros()).unwrap_or_default())
}
