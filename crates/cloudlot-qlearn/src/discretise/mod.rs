//! From readings to a state, and from a state to words.
//!
//! A reading carries its unit, and an axis takes no other: 0.2 s is never taken for 0.2 ms. What is
//! not a number is refused, never put in some bin.

mod axis;
mod declared;
mod interval;

use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use axis::Axis;
pub use declared::{AxisError, BINS_MAX, NAME_MAX};
pub use interval::Interval;

use crate::{CodecError, Mixed, MixedError, StateId};

/// A value in a unit.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Reading<'a> {
    /// How much.
    pub value: f64,
    /// Of what; compared letter by letter with the unit of the axis.
    pub unit: &'a str,
}

/// Several axes, the first counting most: readings to a state and back to words.
///
/// ```
/// # use cloudlot_qlearn::{Axis, Discretiser, Reading, StateId};
/// let load = Discretiser::new(vec![
///     Axis::linear("cpu", "ratio", 0.0, 1.0, 10)?.hard(),
///     Axis::edges("response", "ms", &[0.0, 50.0, 100.0, 200.0, 400.0])?.at_least(0.0)?,
/// ])?;
/// assert_eq!(load.states(), 40);
/// let state = load.state(&[Reading::new(0.72, "ratio"), Reading::new(120.0, "ms")])?;
/// assert_eq!(state, StateId(30));
/// let words: Vec<_> = load.describe(state)?.iter().map(|(name, i)| format!("{name} {i}")).collect();
/// assert_eq!(words, ["cpu 0.7 to 0.8 ratio", "response 100 to 200 ms"]);
/// assert!(load.state(&[Reading::new(0.72, "ratio"), Reading::new(0.12, "s")]).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(try_from = "Vec<Axis>", into = "Vec<Axis>")]
pub struct Discretiser {
    axes: Vec<Axis>,
    bins: Mixed,
}

/// Why axes make no space together.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum DiscretiserError {
    /// Two axes of one name.
    #[error("two axes are called {name}")]
    Twice {
        /// The name.
        name: String,
    },
    /// No axis, or more states than numbers.
    #[error("bins cannot be counted together")]
    Bins(#[from] MixedError),
}

/// Why a reading is in no bin.
#[derive(Clone, PartialEq, Debug, Error)]
#[non_exhaustive]
pub enum ReadingError {
    /// Too many or too few readings.
    #[error("{given} readings for {axes} axes")]
    Readings {
        /// How many were given.
        given: usize,
        /// How many axes there are.
        axes: usize,
    },
    /// A reading in another unit.
    #[error("{axis} is measured in {unit}, and the reading is in {given}")]
    Unit {
        /// The axis.
        axis: String,
        /// Its unit.
        unit: String,
        /// The unit of the reading, its first 64 letters.
        given: String,
    },
    /// Not a number, or without end.
    #[error("{axis} is {value}")]
    NotFinite {
        /// The axis.
        axis: String,
        /// What was read.
        value: f64,
    },
    /// Below what the axis believes.
    #[error("{axis} is {value} {unit}, and is never below {limit} {unit}")]
    Below {
        /// The axis.
        axis: String,
        /// What was read.
        value: f64,
        /// The least that is believed.
        limit: f64,
        /// The unit of both.
        unit: String,
    },
    /// Above what the axis believes.
    #[error("{axis} is {value} {unit}, and is never above {limit} {unit}")]
    Above {
        /// The axis.
        axis: String,
        /// What was read.
        value: f64,
        /// The most that is believed.
        limit: f64,
        /// The unit of both.
        unit: String,
    },
}

impl<'a> Reading<'a> {
    /// `value` in `unit`.
    #[must_use]
    pub const fn new(value: f64, unit: &'a str) -> Self {
        Self { value, unit }
    }
}

impl Discretiser {
    /// A space of these axes.
    ///
    /// # Errors
    ///
    /// Without an axis, with two of one name, and with more than `u32::MAX` states.
    pub fn new(axes: Vec<Axis>) -> Result<Self, DiscretiserError> {
        for (at, axis) in axes.iter().enumerate() {
            if axes[..at].iter().any(|other| other.name() == axis.name()) {
                return Err(DiscretiserError::Twice {
                    name: axis.name().to_owned(),
                });
            }
        }
        let sizes: Vec<u32> = axes.iter().map(Axis::bins).collect();
        let bins = Mixed::new(&sizes)?;
        Ok(Self { axes, bins })
    }

    /// How many states there are.
    #[must_use]
    pub const fn states(&self) -> u32 {
        self.bins.states()
    }

    /// The axes, the first counting most.
    #[must_use]
    pub fn axes(&self) -> &[Axis] {
        &self.axes
    }

    /// How the bins of all axes make one number.
    #[must_use]
    pub const fn bins(&self) -> &Mixed {
        &self.bins
    }

    /// The state of these readings, one for each axis, in the order of axes.
    ///
    /// # Errors
    ///
    /// With too few or too many readings, one in another unit, or one that its axis refuses.
    pub fn state(&self, readings: &[Reading<'_>]) -> Result<StateId, ReadingError> {
        if readings.len() != self.axes.len() {
            return Err(ReadingError::Readings {
                given: readings.len(),
                axes: self.axes.len(),
            });
        }
        let mut id = 0;
        for (axis, reading) in self.axes.iter().zip(readings) {
            if reading.unit != axis.unit() {
                return Err(ReadingError::Unit {
                    axis: axis.name().to_owned(),
                    unit: axis.unit().to_owned(),
                    given: declared::shortened(reading.unit),
                });
            }
            id = id * axis.bins() + axis.bin(reading.value)?;
        }
        Ok(StateId(id))
    }

    /// What `state` means: the name of each axis and the values that fall in its bin.
    ///
    /// # Errors
    ///
    /// Where there is no such state.
    pub fn describe<'a>(
        &'a self,
        state: StateId,
    ) -> Result<Vec<(&'a str, Interval<'a>)>, CodecError> {
        let part = |(at, axis): (usize, &'a Axis)| {
            let value = self.bins.part(state, at)?;
            let refused = CodecError::Value {
                part: at,
                value,
                size: axis.bins(),
            };
            Ok((axis.name(), axis.interval(value).ok_or(refused)?))
        };
        self.axes.iter().enumerate().map(part).collect()
    }
}

impl TryFrom<Vec<Axis>> for Discretiser {
    type Error = DiscretiserError;

    fn try_from(axes: Vec<Axis>) -> Result<Self, DiscretiserError> {
        Self::new(axes)
    }
}

impl From<Discretiser> for Vec<Axis> {
    fn from(discretiser: Discretiser) -> Self {
        discretiser.axes
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn service() -> Discretiser {
        Discretiser::new(vec![
            Axis::linear("cpu", "ratio", 0.0, 1.0, 10).unwrap().hard(),
            Axis::logarithmic("response", "ms", 10.0, 1000.0, 4)
                .unwrap()
                .at_least(0.0)
                .unwrap(),
            Axis::edges("trend", "%", &[-50.0, -5.0, 5.0, 50.0]).unwrap(),
        ])
        .unwrap()
    }

    fn readings(values: [f64; 3]) -> [Reading<'static>; 3] {
        [
            Reading::new(values[0], "ratio"),
            Reading::new(values[1], "ms"),
            Reading::new(values[2], "%"),
        ]
    }

    proptest! {
        #[test]
        fn a_state_describes_the_readings_it_was_made_from(
            cpu in 0.0..1.0,
            response in 0.0..3000.0,
            trend in -100.0..100.0,
        ) {
            let service = service();
            let values = [cpu, response, trend];
            let state = service.state(&readings(values)).unwrap();
            prop_assert!(state.0 < service.states());
            let described = service.describe(state).unwrap();
            prop_assert_eq!(described.len(), 3);
            for (((name, interval), axis), value) in described.iter().zip(service.axes()).zip(values) {
                prop_assert_eq!((*name, interval.unit), (axis.name(), axis.unit()));
                prop_assert!(interval.from.is_none_or(|from| from <= value));
                prop_assert!(interval.to.is_none_or(|to| value < to));
            }
        }

        #[test]
        fn every_state_has_readings(id in 0_u32..120) {
            let service = service();
            let inside = |(_, i): &(&str, Interval<'_>)| match (i.from, i.to) {
                (Some(from), Some(to)) => f64::midpoint(from, to),
                (Some(end), None) => end + 1.0,
                (None, Some(end)) => end - 1.0,
                (None, None) => 0.0,
            };
            let described = service.describe(StateId(id)).unwrap();
            let values: Vec<f64> = described.iter().map(inside).collect();
            let values: [f64; 3] = values.try_into().unwrap();
            prop_assert_eq!(service.state(&readings(values)), Ok(StateId(id)));
        }

        #[test]
        fn the_number_is_the_codecs(cpu in 0_u32..10, response in 0_u32..4, trend in 0_u32..3) {
            let service = service();
            let id = service.bins().number(&[cpu, response, trend]).unwrap();
            let described = service.describe(id).unwrap();
            for ((axis, bin), (_, interval)) in service.axes().iter().zip([cpu, response, trend]).zip(described) {
                prop_assert_eq!(axis.interval(bin), Some(interval));
            }
        }
    }

    #[test]
    fn a_reading_in_another_unit_is_refused() {
        let service = service();
        let mut given = readings([0.5, 100.0, 0.0]);
        for unit in ["s", "MS", "ms ", ""] {
            given[1].unit = unit;
            let refused = service.state(&given).unwrap_err();
            let wanted = ReadingError::Unit {
                axis: "response".into(),
                unit: "ms".into(),
                given: unit.into(),
            };
            assert_eq!(refused, wanted);
        }
        let long = "s".repeat(100_000);
        given[1].unit = &long;
        assert!(service.state(&given).unwrap_err().to_string().len() < 200);
    }

    #[test]
    fn a_refusal_names_the_axis_and_the_value() {
        let text = |values| service().state(&readings(values)).unwrap_err().to_string();
        assert_eq!(text([f64::NAN, 1.0, 0.0]), "cpu is NaN");
        assert_eq!(
            text([0.5, -1.0, 0.0]),
            "response is -1 ms, and is never below 0 ms"
        );
        assert_eq!(
            text([1.25, 1.0, 0.0]),
            "cpu is 1.25 ratio, and is never above 1 ratio"
        );
        assert_eq!(text([0.5, 1.0, f64::NEG_INFINITY]), "trend is -inf");
    }

    #[test]
    fn too_few_and_too_many_readings_are_refused() {
        let service = service();
        let given = readings([0.5, 1.0, 0.0]);
        let refused = ReadingError::Readings { given: 2, axes: 3 };
        assert_eq!(service.state(&given[..2]), Err(refused));
        let more = [given[0], given[1], given[2], given[2]];
        assert_eq!(
            service.state(&more),
            Err(ReadingError::Readings { given: 4, axes: 3 })
        );
    }

    #[test]
    fn a_state_past_the_last_means_nothing() {
        let refused = CodecError::State {
            id: 120,
            states: 120,
        };
        assert_eq!(service().describe(StateId(120)), Err(refused));
    }

    #[test]
    fn axes_that_cannot_stand_together_are_refused() {
        let axis = |name| Axis::linear(name, "m", 0.0, 1.0, 60_000).unwrap();
        let twice = Discretiser::new(vec![axis("x"), axis("y"), axis("x")]);
        assert_eq!(twice, Err(DiscretiserError::Twice { name: "x".into() }));
        let many = Discretiser::new(vec![axis("x"), axis("y"), axis("z")]);
        assert_eq!(
            many,
            Err(DiscretiserError::Bins(MixedError::TooMany { part: 2 }))
        );
        assert_eq!(
            Discretiser::new(vec![]),
            Err(DiscretiserError::Bins(MixedError::NoParts))
        );
    }

    #[test]
    fn what_is_read_from_a_file_is_checked() {
        let text = serde_json::to_string(&service()).unwrap();
        assert_eq!(
            serde_json::from_str::<Discretiser>(&text).unwrap(),
            service()
        );
        let twice = text.replace("\"trend\"", "\"cpu\"");
        assert!(serde_json::from_str::<Discretiser>(&twice).is_err());
        assert!(serde_json::from_str::<Discretiser>("[]").is_err());
    }
}
