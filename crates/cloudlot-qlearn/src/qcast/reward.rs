//! What a measurement is worth: a sum of weighted terms.

use serde::{Deserialize, Serialize};

use super::{Measured, QcastError};

/// How a term values a measure.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Shape {
    /// `1 - |v - target|`: best at the target.
    Near {
        /// The best value.
        target: f64,
    },
    /// 1 up to the target, then `1 - (v - target) / target`.
    Within {
        /// The largest value that is as good as can be; above zero.
        target: f64,
    },
    /// `-v / scale`: a cost.
    Cost {
        /// What costs 1; above zero.
        scale: f64,
    },
}

/// One term of a reward.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Term {
    /// Which measure.
    pub name: String,
    /// The unit that `shape` counts in.
    pub unit: String,
    /// What the term is multiplied by, in [0, 1]; the product is clipped to [-1, 1].
    pub weight: f64,
    /// How the measure is valued.
    pub shape: Shape,
}

impl Term {
    /// A term.
    #[must_use]
    pub fn new(name: &str, unit: &str, weight: f64, shape: Shape) -> Self {
        Self {
            name: name.to_owned(),
            unit: unit.to_owned(),
            weight,
            shape,
        }
    }

    /// What the term adds to the reward.
    ///
    /// # Errors
    /// If its measure is missing, in another unit, negative or no number.
    pub fn value(&self, measured: &[Measured<'_>]) -> Result<f64, QcastError> {
        let value = super::look::value(measured, &self.name, &self.unit)?;
        Ok((self.weight * self.shape.at(value)).clamp(-1.0, 1.0))
    }

    pub(super) fn is_legal(&self) -> bool {
        let number = match self.shape {
            Shape::Near { target } => target >= 0.0,
            Shape::Within { target: number } | Shape::Cost { scale: number } => number > 0.0,
        };
        number && self.shape.number().is_finite() && (0.0..=1.0).contains(&self.weight)
    }
}

impl Shape {
    /// The value of the shape at `v`, before weight and clip.
    ///
    /// ```
    /// # use cloudlot_qlearn::qcast::Shape;
    /// let response = Shape::Within { target: 100.0 };
    /// assert_eq!([80.0, 200.0, 600.0].map(|ms| response.at(ms)), [1.0, 0.0, -4.0]);
    /// ```
    #[must_use]
    pub fn at(&self, v: f64) -> f64 {
        match *self {
            Self::Near { target } => 1.0 - (v - target).abs(),
            Self::Within { target } if v <= target => 1.0,
            Self::Within { target } => 1.0 - (v - target) / target,
            Self::Cost { scale } => -v / scale,
        }
    }

    const fn number(&self) -> f64 {
        match *self {
            Self::Near { target: number }
            | Self::Within { target: number }
            | Self::Cost { scale: number } => number,
        }
    }
}
