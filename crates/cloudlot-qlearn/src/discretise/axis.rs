//! One measure, cut into bins at declared edges.
//!
//! An axis says what it measures, in which unit, where its bins begin, and which values it
//! believes. Several axes make a state in [`Discretiser`](super::Discretiser).

use serde::{Deserialize, Serialize};

use super::ReadingError;
use super::declared::{AxisError, BINS_MAX, Declared, shortened};
use super::interval::Interval;

/// A measure with its unit and the edges of its bins.
///
/// `n + 1` edges make `n` bins; each holds its lower edge and not its upper one. What lies outside
/// the edges falls in the first or the last bin, unless a limit refuses it: [`Axis::at_least`], [`Axis::at_most`].
/// What is not a number, and infinity, are refused always.
///
/// ```
/// # use cloudlot_qlearn::Axis;
/// let edges = [0.0, 20.0, 75.0, 150.0, 350.0, 750.0, 1500.0];
/// let response = Axis::edges("response", "ms", &edges)?.at_least(0.0)?;
/// assert_eq!(response.bin(100.0)?, 2);
/// assert_eq!(response.bin(60_000.0)?, 5);
/// assert_eq!(response.interval(2).unwrap().to_string(), "75 to 150 ms");
/// assert_eq!(response.interval(5).unwrap().to_string(), "750 ms or more");
/// assert_eq!(
///     response.bin(-3.0).unwrap_err().to_string(),
///     "response is -3 ms, and is never below 0 ms"
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(try_from = "Declared", into = "Declared")]
pub struct Axis {
    declared: Declared,
    bins: u32,
}

impl Axis {
    /// An axis with these edges; `name` and `unit` are single words.
    ///
    /// # Errors
    ///
    /// Where `name` or `unit` is not one word, there are fewer than two edges or more than [`BINS_MAX`]
    /// bins, or an edge is not a finite number above the one before.
    pub fn edges(name: &str, unit: &str, edges: &[f64]) -> Result<Self, AxisError> {
        Self::try_from(Declared {
            name: name.to_owned(),
            unit: unit.to_owned(),
            edges: edges.to_vec(),
            at_least: None,
            at_most: None,
        })
    }

    /// An axis with `bins` bins of the same width between `from` and `to`.
    ///
    /// ```
    /// # use cloudlot_qlearn::Axis;
    /// let cpu = Axis::linear("cpu", "ratio", 0.0, 1.0, 10)?;
    /// assert_eq!(cpu.bin(0.65)?, 6);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Axis::edges`]; there are none between ends that are out of order or not finite.
    pub fn linear(
        name: &str,
        unit: &str,
        from: f64,
        to: f64,
        bins: u32,
    ) -> Result<Self, AxisError> {
        let count = f64::from(bins);
        Self::spread(name, unit, from, to, bins, |edge| {
            from + (to - from) * edge / count
        })
    }

    /// An axis with `bins` bins between `from` and `to`, each wider than the one before by the same
    /// factor. The edges between are rounded to six digits, for those who read them.
    ///
    /// ```
    /// # use cloudlot_qlearn::Axis;
    /// let demand = Axis::logarithmic("demand", "req/s", 1.0, 10_000.0, 8)?.at_least(0.0)?;
    /// assert_eq!(demand.bin(0.0)?, 0);
    /// assert_eq!(demand.bin(150.0)?, 4);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Axis::linear`], and where `from` is not above zero.
    pub fn logarithmic(
        name: &str,
        unit: &str,
        from: f64,
        to: f64,
        bins: u32,
    ) -> Result<Self, AxisError> {
        if from.is_nan() || from <= 0.0 {
            return Err(AxisError::Logarithm {
                axis: shortened(name),
                from,
            });
        }
        let count = f64::from(bins);
        Self::spread(name, unit, from, to, bins, |edge| {
            readable(from * libm::pow(to / from, edge / count))
        })
    }

    /// Refuses what is below `limit`: zero for a measure that is never negative.
    ///
    /// # Errors
    ///
    /// Where `limit` is not a finite number, or is above the first edge.
    pub fn at_least(self, limit: f64) -> Result<Self, AxisError> {
        Self::try_from(Declared {
            at_least: Some(limit),
            ..self.declared
        })
    }

    /// Refuses what is above `limit`.
    ///
    /// # Errors
    ///
    /// Where `limit` is not a finite number, or is below the last edge.
    pub fn at_most(self, limit: f64) -> Result<Self, AxisError> {
        Self::try_from(Declared {
            at_most: Some(limit),
            ..self.declared
        })
    }

    /// Refuses what is outside the edges. The last edge belongs to the last bin.
    #[must_use]
    pub fn hard(mut self) -> Self {
        self.declared.at_least = self.declared.edges.first().copied();
        self.declared.at_most = self.declared.edges.last().copied();
        self
    }

    /// What is measured.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.declared.name
    }

    /// In which unit.
    #[must_use]
    pub fn unit(&self) -> &str {
        &self.declared.unit
    }

    /// How many bins there are.
    #[must_use]
    pub const fn bins(&self) -> u32 {
        self.bins
    }

    /// The bin that `value` falls in; `value` is in the unit of the axis.
    ///
    /// # Errors
    ///
    /// Where `value` is not a finite number, or outside a declared limit.
    pub fn bin(&self, value: f64) -> Result<u32, ReadingError> {
        let Declared {
            name,
            unit,
            edges,
            at_least,
            at_most,
        } = &self.declared;
        if !value.is_finite() {
            return Err(ReadingError::NotFinite {
                axis: name.clone(),
                value,
            });
        }
        if let Some(limit) = at_least.filter(|limit| value < *limit) {
            return Err(ReadingError::Below {
                axis: name.clone(),
                value,
                limit,
                unit: unit.clone(),
            });
        }
        if let Some(limit) = at_most.filter(|limit| value > *limit) {
            return Err(ReadingError::Above {
                axis: name.clone(),
                value,
                limit,
                unit: unit.clone(),
            });
        }
        let inner = &edges[1..edges.len() - 1];
        let bin = inner.partition_point(|edge| *edge <= value);
        Ok(u32::try_from(bin).unwrap_or(self.bins - 1))
    }

    /// The values that fall in `bin`; nothing past the last one.
    #[must_use]
    pub fn interval(&self, bin: u32) -> Option<Interval<'_>> {
        if bin >= self.bins {
            return None;
        }
        let Declared {
            unit,
            edges,
            at_least,
            at_most,
            ..
        } = &self.declared;
        let bin = bin as usize;
        let last = edges.len() - 2;
        Some(Interval {
            from: if bin == 0 {
                *at_least
            } else {
                Some(edges[bin])
            },
            to: if bin == last {
                *at_most
            } else {
                Some(edges[bin + 1])
            },
            unit,
        })
    }

    fn spread(
        name: &str,
        unit: &str,
        from: f64,
        to: f64,
        bins: u32,
        at: impl Fn(f64) -> f64,
    ) -> Result<Self, AxisError> {
        if bins == 0 || bins > BINS_MAX {
            return Err(AxisError::Bins {
                axis: shortened(name),
                bins: bins as usize,
            });
        }
        let inner = (1..bins).map(|edge| at(f64::from(edge)));
        let edges: Vec<f64> = std::iter::once(from).chain(inner).chain([to]).collect();
        Self::edges(name, unit, &edges)
    }
}

/// The number to six digits; what is not finite stays so.
fn readable(number: f64) -> f64 {
    format!("{number:.5e}").parse().unwrap_or(f64::NAN)
}

impl TryFrom<Declared> for Axis {
    type Error = AxisError;

    fn try_from(declared: Declared) -> Result<Self, AxisError> {
        let bins = declared.check()?;
        Ok(Self { declared, bins })
    }
}

impl From<Axis> for Declared {
    fn from(axis: Axis) -> Self {
        axis.declared
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn response() -> Axis {
        let edges = [0.0, 20.0, 75.0, 150.0, 350.0, 750.0, 1500.0];
        Axis::edges("response", "ms", &edges)
            .unwrap()
            .at_least(0.0)
            .unwrap()
    }

    proptest! {
        #[test]
        fn a_value_lies_in_the_interval_of_its_bin(
            edges in prop::collection::btree_set(-1000_i32..1000, 2..20),
            value in -1100.0..1100.0,
        ) {
            let edges: Vec<f64> = edges.into_iter().map(f64::from).collect();
            let axis = Axis::edges("load", "req/s", &edges).unwrap();
            let within = |value: f64, bin: u32| {
                let interval = axis.interval(bin).unwrap();
                interval.from.is_none_or(|from| from <= value) && interval.to.is_none_or(|to| value < to)
            };
            for value in edges.iter().copied().chain([value]) {
                let fits: Vec<u32> = (0..axis.bins()).filter(|bin| within(value, *bin)).collect();
                prop_assert_eq!(fits, [axis.bin(value).unwrap()]);
            }
            prop_assert_eq!(axis.interval(axis.bins()), None);
        }

        #[test]
        fn a_limit_refuses_what_is_past_it_and_nothing_else(low in 0.0..50.0_f64, high in 0.0..100.0_f64, value in -200.0..300.0) {
            let axis = Axis::linear("load", "%", 0.0, 100.0, 7).unwrap();
            let limited = axis.clone().at_least(-low).unwrap().at_most(100.0 + high).unwrap();
            let refused = value < -low || value > 100.0 + high;
            prop_assert_eq!(limited.bin(value).is_err(), refused);
            prop_assert_eq!(axis.clone().hard().bin(value).is_err(), !(0.0..=100.0).contains(&value));
            if !refused {
                prop_assert_eq!(limited.bin(value), axis.bin(value));
            }
        }
    }

    #[test]
    fn response_times_and_error_rates_are_told_apart() {
        let axis = response();
        let bins = [10.0, 50.0, 100.0, 200.0, 500.0, 1000.0].map(|ms| axis.bin(ms).unwrap());
        assert_eq!(bins, [0, 1, 2, 3, 4, 5]);
        let errors = Axis::logarithmic("errors", "ratio", 0.000_5, 0.5, 6)
            .unwrap()
            .at_least(0.0)
            .unwrap();
        let bins = [0.001, 0.01, 0.05].map(|ratio| errors.bin(ratio).unwrap());
        assert!(bins[0] < bins[1] && bins[1] < bins[2], "{bins:?}");
        assert_eq!(errors.bin(0.0), Ok(0));
    }

    #[test]
    fn edges_that_are_worked_out_can_be_read() {
        let percent = Axis::linear("load", "%", 0.0, 100.0, 100).unwrap();
        for bin in 1..99 {
            let interval = percent.interval(bin).unwrap();
            assert_eq!(interval.to_string(), format!("{bin} to {} %", bin + 1));
        }
        let demand = Axis::logarithmic("demand", "req/s", 1.0, 10_000.0, 8).unwrap();
        let texts = [1, 2].map(|bin| demand.interval(bin).unwrap().to_string());
        assert_eq!(texts, ["3.16228 to 10 req/s", "10 to 31.6228 req/s"]);
        let tiny = Axis::logarithmic("x", "s", 1e-150, 1e150, 300).unwrap();
        assert_eq!(tiny.bin(3e-7), Ok(143));
        let infinite = Axis::logarithmic("x", "s", 1e-300, f64::INFINITY, 3);
        assert!(
            matches!(infinite, Err(AxisError::Edge { .. })),
            "{infinite:?}"
        );
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for value in [f64::NAN, -f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            for axis in [
                response(),
                response().hard(),
                Axis::linear("x", "m", -1.0, 1.0, 1).unwrap(),
            ] {
                let refused = axis.bin(value);
                assert!(
                    matches!(refused, Err(ReadingError::NotFinite { .. })),
                    "{refused:?}"
                );
            }
        }
    }

    #[test]
    fn a_negative_response_is_refused_and_a_negative_zero_is_zero() {
        let refused = response().bin(-f64::MIN_POSITIVE);
        assert!(
            matches!(refused, Err(ReadingError::Below { .. })),
            "{refused:?}"
        );
        assert_eq!(response().bin(-0.0), Ok(0));
    }

    #[test]
    fn the_last_edge_of_a_hard_axis_is_in_its_last_bin() {
        let ratio = Axis::linear("cpu", "ratio", 0.0, 1.0, 10).unwrap().hard();
        assert_eq!(ratio.bin(1.0), Ok(9));
        assert_eq!(ratio.interval(9).unwrap().to_string(), "0.9 to 1 ratio");
        let above = ReadingError::Above {
            axis: "cpu".into(),
            value: 1.5,
            limit: 1.0,
            unit: "ratio".into(),
        };
        assert_eq!(ratio.bin(1.5), Err(above));
    }

    #[test]
    fn what_is_read_from_a_file_is_checked() {
        let text = serde_json::to_string(&response()).unwrap();
        assert_eq!(serde_json::from_str::<Axis>(&text).unwrap(), response());
        for (good, bad) in [
            ("20.0", "-20.0"),
            ("\"ms\"", "\"\""),
            ("\"at_least\":0.0", "\"at_least\":1.0"),
            ("\"at_least\"", "\"at_lest\""),
        ] {
            let broken = text.replace(good, bad);
            assert_ne!(broken, text);
            assert!(serde_json::from_str::<Axis>(&broken).is_err(), "{broken}");
        }
    }
}
