//! What an axis says of itself, and whether it makes sense.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The most bins of one axis.
pub const BINS_MAX: u32 = 65_536;

/// The most bytes of an axis's name, or of a unit's.
pub const NAME_MAX: usize = 64;

/// Why an axis makes no sense.
#[derive(Clone, PartialEq, Debug, Error)]
#[non_exhaustive]
pub enum AxisError {
    /// A name that is not one word.
    #[error("name of {bytes} bytes: not one word of 1 to {NAME_MAX} bytes")]
    Name {
        /// How long it was.
        bytes: usize,
    },
    /// A unit that is not one word.
    #[error("{axis}: unit of {bytes} bytes: not one word of 1 to {NAME_MAX} bytes")]
    Unit {
        /// The axis.
        axis: String,
        /// How long it was.
        bytes: usize,
    },
    /// No bin, or more than can be.
    #[error("{axis}: {bins} bins, not 1 to {BINS_MAX}")]
    Bins {
        /// The axis.
        axis: String,
        /// How many were asked for.
        bins: usize,
    },
    /// An edge that is not finite, or not above the one before.
    #[error("{axis}: edge {edge} is {value}, not a finite number above the one before")]
    Edge {
        /// The axis.
        axis: String,
        /// Which edge, from zero.
        edge: usize,
        /// What was given.
        value: f64,
    },
    /// A logarithmic axis that begins at or below zero.
    #[error("{axis}: a logarithmic axis begins above zero, not at {from}")]
    Logarithm {
        /// The axis.
        axis: String,
        /// Where it was to begin.
        from: f64,
    },
    /// A limit that is no number, or would refuse what an edge lets in.
    #[error("{axis}: the limit {limit} is not a finite number outside the edges {from} to {to}")]
    Limit {
        /// The axis.
        axis: String,
        /// What was given.
        limit: f64,
        /// The first edge.
        from: f64,
        /// The last edge.
        to: f64,
    },
}

/// What a file holds of an axis.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Declared {
    pub(super) name: String,
    pub(super) unit: String,
    pub(super) edges: Vec<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) at_least: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) at_most: Option<f64>,
}

impl Declared {
    /// How many bins there are, once all that is declared makes sense.
    pub(super) fn check(&self) -> Result<u32, AxisError> {
        self.check_words()?;
        let bins = self.count_bins()?;
        self.check_edges()?;
        self.check_limits()?;
        Ok(bins)
    }

    fn check_words(&self) -> Result<(), AxisError> {
        if !is_word(&self.name) {
            let bytes = self.name.len();
            return Err(AxisError::Name { bytes });
        }
        if !is_word(&self.unit) {
            let bytes = self.unit.len();
            return Err(AxisError::Unit {
                axis: self.name.clone(),
                bytes,
            });
        }
        Ok(())
    }

    fn count_bins(&self) -> Result<u32, AxisError> {
        let bins = self.edges.len().saturating_sub(1);
        match u32::try_from(bins) {
            Ok(count @ 1..=BINS_MAX) => Ok(count),
            _ => Err(AxisError::Bins {
                axis: self.name.clone(),
                bins,
            }),
        }
    }

    fn check_edges(&self) -> Result<(), AxisError> {
        let mut before = f64::NEG_INFINITY;
        for (edge, &value) in self.edges.iter().enumerate() {
            if !value.is_finite() || value <= before {
                let axis = self.name.clone();
                return Err(AxisError::Edge { axis, edge, value });
            }
            before = value;
        }
        Ok(())
    }

    fn check_limits(&self) -> Result<(), AxisError> {
        let (from, to) = (self.edges[0], self.edges[self.edges.len() - 1]);
        let low = self
            .at_least
            .filter(|limit| !limit.is_finite() || *limit > from);
        let high = self
            .at_most
            .filter(|limit| !limit.is_finite() || *limit < to);
        match low.or(high) {
            None => Ok(()),
            Some(limit) => Err(AxisError::Limit {
                axis: self.name.clone(),
                limit,
                from,
                to,
            }),
        }
    }
}

/// The name as it may stand in a message, whatever was given.
pub(super) fn shortened(name: &str) -> String {
    name.chars().take(NAME_MAX).collect()
}

fn is_word(name: &str) -> bool {
    let plain = |c: char| !c.is_whitespace() && !c.is_control();
    (1..=NAME_MAX).contains(&name.len()) && name.chars().all(plain)
}

#[cfg(test)]
mod tests {
    use super::super::{Axis, AxisError, BINS_MAX, NAME_MAX};

    #[test]
    fn edges_rise_and_are_finite() {
        let bad: [&[f64]; 6] = [
            &[0.0, 0.0],
            &[1.0, 0.0],
            &[0.0, f64::NAN],
            &[0.0, f64::INFINITY],
            &[f64::NEG_INFINITY, 0.0],
            &[-0.0, 0.0],
        ];
        for edges in bad {
            let refused = Axis::edges("x", "m", edges);
            assert!(matches!(refused, Err(AxisError::Edge { .. })), "{edges:?}");
        }
        for edges in [&[][..], &[1.0]] {
            let refused = Axis::edges("x", "m", edges);
            assert!(
                matches!(refused, Err(AxisError::Bins { bins: 0, .. })),
                "{edges:?}"
            );
        }
        assert!(matches!(
            Axis::linear("x", "m", 0.0, 1.0, 0),
            Err(AxisError::Bins { .. })
        ));
        assert!(matches!(
            Axis::linear("x", "m", 0.0, 1.0, BINS_MAX + 1),
            Err(AxisError::Bins { .. })
        ));
        assert!(matches!(
            Axis::linear("x", "m", 1.0, 1.0 + f64::EPSILON, 9),
            Err(AxisError::Edge { .. })
        ));
        assert!(matches!(
            Axis::linear("x", "m", f64::MIN, f64::MAX, 2),
            Err(AxisError::Edge { .. })
        ));
        for from in [0.0, -1.0, f64::NAN] {
            let refused = Axis::logarithmic("x", "m", from, 1.0, 3);
            assert!(
                matches!(refused, Err(AxisError::Logarithm { .. })),
                "{refused:?}"
            );
        }
    }

    #[test]
    fn a_limit_never_contradicts_an_edge() {
        let response = || Axis::linear("response", "ms", 0.0, 1500.0, 5).unwrap();
        for limit in [1.0, f64::NAN, f64::NEG_INFINITY] {
            let refused = response().at_least(limit);
            assert!(matches!(refused, Err(AxisError::Limit { .. })), "{limit}");
        }
        for limit in [1499.0, f64::NAN, f64::INFINITY] {
            let refused = response().at_most(limit);
            assert!(matches!(refused, Err(AxisError::Limit { .. })), "{limit}");
        }
    }

    #[test]
    fn names_and_units_are_words() {
        let long = "x".repeat(NAME_MAX + 1);
        for word in ["", "a b", "a\n", "\u{7}", &long] {
            assert!(matches!(
                Axis::edges(word, "m", &[0.0, 1.0]),
                Err(AxisError::Name { .. })
            ));
            assert!(matches!(
                Axis::edges("x", word, &[0.0, 1.0]),
                Err(AxisError::Unit { .. })
            ));
        }
        let refused = Axis::logarithmic(&long.repeat(1000), "m", 0.0, 1.0, 1).unwrap_err();
        assert!(refused.to_string().len() < 200);
    }
}
