//! How far a value moves towards what was just seen.

use serde::{Deserialize, Serialize};

/// The step size α of an update, from how often its cell was updated.
///
/// A plain 1/N is not offered: with it the error shrinks as N to the power of −(1 − discount), so
/// learning takes exponentially long in 1/(1 − discount).
/// Source: Even-Dar and Mansour, "Learning Rates for Q-learning" (2003).
/// ```
/// # use cloudlot_qlearn::StepSize;
/// assert_eq!(StepSize::Constant(0.1).at(7, 0.99), 0.1);
/// let rescaled = StepSize::default();
/// assert!((rescaled.at(100, 0.99) - 0.5).abs() < 1e-15);
/// ```
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum StepSize {
    /// Always the same, for a world that never stops changing.
    Constant(f64),
    /// `1 / (1 + (1 − discount) · N)`, but never below `floor`. With a discount of 1 this stays 1:
    /// right where nothing is left to chance, and otherwise a case for [`StepSize::Power`].
    Rescaled {
        /// The least step size; above zero a value can still follow a world that changes.
        floor: f64,
    },
    /// `N^(−exponent)`, but never below `floor`. 0.6 is a good exponent.
    Power {
        /// In [0.5, 1): a larger one forgets too little, a smaller one does not converge.
        exponent: f64,
        /// The least step size.
        floor: f64,
    },
}

impl Default for StepSize {
    /// Rescaled, with a floor of 0.0001.
    fn default() -> Self {
        Self::Rescaled { floor: 1e-4 }
    }
}

impl StepSize {
    /// The step size of the `visits`-th update of a cell, counted from one.
    #[must_use]
    #[inline]
    pub fn at(&self, visits: u32, discount: f64) -> f64 {
        match *self {
            Self::Constant(alpha) => alpha,
            Self::Rescaled { floor } => {
                let alpha = 1.0 / (1.0 + (1.0 - discount) * f64::from(visits));
                if alpha > floor { alpha } else { floor }
            }
            Self::Power { exponent, floor } => {
                libm::pow(f64::from(visits.max(1)), -exponent).max(floor)
            }
        }
    }

    pub(crate) fn is_legal(&self) -> bool {
        let alpha = |value: f64| value > 0.0 && value <= 1.0;
        match *self {
            Self::Constant(value) => alpha(value),
            Self::Rescaled { floor } => (0.0..=1.0).contains(&floor),
            Self::Power { exponent, floor } => {
                (0.5..1.0).contains(&exponent) && (0.0..=1.0).contains(&floor)
            }
        }
    }
}
