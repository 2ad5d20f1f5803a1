//! Typed states and their numbers, both ways.
//!
//! Tables know states by number alone. A codec says which number a state has, and which state a
//! number means. What the parts of a state measure is not asked here: see [`Discretiser`](crate::Discretiser).

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::StateId;

/// A typed state and its number, exactly: every number below [`Codec::states`] means one state,
/// and every state has one number.
///
/// A state of several fields goes through [`Mixed`]:
///
/// ```
/// # use cloudlot_qlearn::{Codec, CodecError, Mixed, StateId};
/// #[derive(Clone, Copy, PartialEq, Debug)]
/// struct Fleet {
///     replicas: u32,
///     busy: bool,
/// }
///
/// struct Fleets(Mixed);
///
/// impl Codec for Fleets {
///     type State = Fleet;
///
///     fn states(&self) -> u32 {
///         self.0.states()
///     }
///
///     fn encode(&self, fleet: &Fleet) -> Result<StateId, CodecError> {
///         self.0.number(&[fleet.replicas, u32::from(fleet.busy)])
///     }
///
///     fn decode(&self, id: StateId) -> Result<Fleet, CodecError> {
///         Ok(Fleet { replicas: self.0.part(id, 0)?, busy: self.0.part(id, 1)? == 1 })
///     }
/// }
///
/// let fleets = Fleets(Mixed::new(&[20, 2])?);
/// let fleet = Fleet { replicas: 7, busy: true };
/// assert_eq!(fleets.encode(&fleet)?, StateId(15));
/// assert_eq!(fleets.decode(StateId(15))?, fleet);
/// assert!(fleets.encode(&Fleet { replicas: 20, busy: false }).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Codec {
    /// What a state is to those who use it.
    type State;

    /// How many states there are; their numbers are the ones below.
    fn states(&self) -> u32;

    /// The number of `state`.
    ///
    /// # Errors
    ///
    /// Where `state` is none of those that are counted.
    fn encode(&self, state: &Self::State) -> Result<StateId, CodecError>;

    /// The state of number `id`.
    ///
    /// # Errors
    ///
    /// Where `id` is not below [`Codec::states`].
    fn decode(&self, id: StateId) -> Result<Self::State, CodecError>;
}

/// Several bounded parts as one number, the first part counting most: the row-major order of tables.
///
/// ```
/// # use cloudlot_qlearn::{Codec, Mixed, StateId};
/// let clock = Mixed::new(&[24, 60])?;
/// assert_eq!(clock.states(), 1440);
/// assert_eq!(clock.number(&[1, 30])?, StateId(90));
/// assert_eq!(clock.decode(StateId(90))?, [1, 30]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Source: Knuth, "The Art of Computer Programming", vol. 2, section 4.1 (mixed radix).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "Vec<u32>", into = "Vec<u32>")]
pub struct Mixed {
    sizes: Vec<u32>,
    states: u32,
}

/// Why parts cannot be counted together.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum MixedError {
    /// Nothing to count.
    #[error("no parts")]
    NoParts,
    /// A part without a value.
    #[error("part {part} has no values")]
    NoValues {
        /// Which part, from zero.
        part: usize,
    },
    /// More states than numbers.
    #[error("parts 0 to {part} have more than {} states together", u32::MAX)]
    TooMany {
        /// The part that was too much, from zero.
        part: usize,
    },
}

/// Why a state has no number, or a number means no state.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum CodecError {
    /// Too many or too few parts.
    #[error("{given} parts, where a state has {wanted}")]
    Parts {
        /// How many were given.
        given: usize,
        /// How many there are.
        wanted: usize,
    },
    /// A part past its last value.
    #[error("part {part} is {value}, and its values are the ones below {size}")]
    Value {
        /// Which part, from zero.
        part: usize,
        /// What was given.
        value: u32,
        /// How many values the part has.
        size: u32,
    },
    /// A part past the last one.
    #[error("no part {part} in a state of {parts}")]
    Part {
        /// Which part was asked for, from zero.
        part: usize,
        /// How many there are.
        parts: usize,
    },
    /// A number past the last state.
    #[error("no state {id} among {states}")]
    State {
        /// The number.
        id: u32,
        /// How many states there are.
        states: u32,
    },
}

impl Mixed {
    /// Parts with `sizes[i]` values each.
    ///
    /// # Errors
    ///
    /// Without a part, with a part of no values, and where all parts together have more than
    /// `u32::MAX` states.
    pub fn new(sizes: &[u32]) -> Result<Self, MixedError> {
        Self::try_from(sizes.to_vec())
    }

    /// How many states there are.
    #[must_use]
    #[inline]
    pub const fn states(&self) -> u32 {
        self.states
    }

    /// How many values each part has.
    #[must_use]
    pub fn sizes(&self) -> &[u32] {
        &self.sizes
    }

    /// The number of the state with these parts.
    ///
    /// # Errors
    ///
    /// With too few or too many parts, or one past its last value.
    pub fn number(&self, parts: &[u32]) -> Result<StateId, CodecError> {
        if parts.len() != self.sizes.len() {
            return Err(CodecError::Parts {
                given: parts.len(),
                wanted: self.sizes.len(),
            });
        }
        let mut id = 0;
        for (part, (&value, &size)) in parts.iter().zip(&self.sizes).enumerate() {
            if value >= size {
                return Err(CodecError::Value { part, value, size });
            }
            id = id * size + value;
        }
        Ok(StateId(id))
    }

    /// One part of state `id`, without the others.
    ///
    /// # Errors
    ///
    /// Where there is no such state, or no such part.
    pub fn part(&self, id: StateId, part: usize) -> Result<u32, CodecError> {
        self.check(id)?;
        let Some(&size) = self.sizes.get(part) else {
            return Err(CodecError::Part {
                part,
                parts: self.sizes.len(),
            });
        };
        let below: u32 = self.sizes[part + 1..].iter().product();
        Ok(id.0 / below % size)
    }

    fn check(&self, id: StateId) -> Result<(), CodecError> {
        if id.0 < self.states {
            Ok(())
        } else {
            Err(CodecError::State {
                id: id.0,
                states: self.states,
            })
        }
    }
}

impl Codec for Mixed {
    type State = Vec<u32>;

    fn states(&self) -> u32 {
        self.states
    }

    fn encode(&self, state: &Vec<u32>) -> Result<StateId, CodecError> {
        self.number(state)
    }

    fn decode(&self, id: StateId) -> Result<Vec<u32>, CodecError> {
        self.check(id)?;
        let mut left = id.0;
        let mut parts = vec![0; self.sizes.len()];
        for (part, &size) in parts.iter_mut().zip(&self.sizes).rev() {
            *part = left % size;
            left /= size;
        }
        Ok(parts)
    }
}

impl TryFrom<Vec<u32>> for Mixed {
    type Error = MixedError;

    fn try_from(sizes: Vec<u32>) -> Result<Self, MixedError> {
        if sizes.is_empty() {
            return Err(MixedError::NoParts);
        }
        let mut states = 1_u32;
        for (part, &size) in sizes.iter().enumerate() {
            if size == 0 {
                return Err(MixedError::NoValues { part });
            }
            states = states
                .checked_mul(size)
                .ok_or(MixedError::TooMany { part })?;
        }
        Ok(Self { sizes, states })
    }
}

impl From<Mixed> for Vec<u32> {
    fn from(mixed: Mixed) -> Self {
        mixed.sizes
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The parts of each state, counted up like an odometer.
    fn odometer(sizes: &[u32]) -> Vec<Vec<u32>> {
        let mut all = vec![vec![]];
        for &size in sizes {
            all = all
                .iter()
                .flat_map(|parts| (0..size).map(|v| [parts.as_slice(), &[v]].concat()))
                .collect();
        }
        all
    }

    proptest! {
        #[test]
        fn numbers_count_all_states_in_row_major_order(sizes in prop::collection::vec(1_u32..6, 1..6)) {
            let mixed = Mixed::new(&sizes).unwrap();
            let all = odometer(&sizes);
            prop_assert_eq!(all.len(), mixed.states() as usize);
            for (number, parts) in (0..).zip(&all) {
                let id = StateId(number);
                prop_assert_eq!(mixed.encode(parts), Ok(id));
                prop_assert_eq!(&mixed.decode(id).unwrap(), parts);
                for (part, value) in parts.iter().enumerate() {
                    prop_assert_eq!(mixed.part(id, part), Ok(*value));
                }
            }
        }

        #[test]
        fn large_spaces_come_back_as_they_went(
            sizes in prop::collection::vec(1_u32..2000, 1..5),
            seed in any::<[u32; 5]>(),
        ) {
            let product: u64 = sizes.iter().map(|s| u64::from(*s)).fold(1, u64::saturating_mul);
            let Ok(mixed) = Mixed::new(&sizes) else {
                prop_assert!(product > u64::from(u32::MAX));
                return Ok(());
            };
            prop_assert_eq!(u64::from(mixed.states()), product);
            let parts: Vec<u32> = sizes.iter().zip(seed).map(|(size, any)| any % size).collect();
            let id = mixed.encode(&parts).unwrap();
            prop_assert!(id.0 < mixed.states());
            prop_assert_eq!(mixed.decode(id).unwrap(), parts);
        }

        #[test]
        fn a_part_past_its_last_value_has_no_number(
            sizes in prop::collection::vec(1_u32..50, 1..5),
            part in any::<prop::sample::Index>(),
            past in 0_u32..=u32::MAX - 50,
        ) {
            let mixed = Mixed::new(&sizes).unwrap();
            let part = part.index(sizes.len());
            let mut parts = vec![0; sizes.len()];
            parts[part] = sizes[part] + past;
            let refused = CodecError::Value { part, value: parts[part], size: sizes[part] };
            prop_assert_eq!(mixed.number(&parts), Err(refused));
        }
    }

    #[test]
    fn parts_are_counted_up_to_the_last_number() {
        let mixed = Mixed::new(&[u32::MAX, 1]).unwrap();
        assert_eq!(mixed.states(), u32::MAX);
        let last = StateId(u32::MAX - 1);
        assert_eq!(mixed.decode(last).unwrap(), [u32::MAX - 1, 0]);
        let past = CodecError::State {
            id: u32::MAX,
            states: u32::MAX,
        };
        assert_eq!(mixed.decode(StateId(u32::MAX)), Err(past));
        assert_eq!(mixed.part(StateId(u32::MAX), 0), Err(past));
        assert_eq!(
            Mixed::new(&[65_536, 65_536]),
            Err(MixedError::TooMany { part: 1 })
        );
        assert_eq!(Mixed::new(&[]), Err(MixedError::NoParts));
        assert_eq!(
            Mixed::new(&[3, 0, u32::MAX]),
            Err(MixedError::NoValues { part: 1 })
        );
    }

    #[test]
    fn a_state_of_other_parts_is_refused() {
        let mixed = Mixed::new(&[2, 3]).unwrap();
        assert_eq!(
            mixed.number(&[1]),
            Err(CodecError::Parts {
                given: 1,
                wanted: 2
            })
        );
        assert_eq!(
            mixed.number(&[1, 1, 0]),
            Err(CodecError::Parts {
                given: 3,
                wanted: 2
            })
        );
        assert_eq!(
            mixed.part(StateId(0), 2),
            Err(CodecError::Part { part: 2, parts: 2 })
        );
    }

    #[test]
    fn what_is_read_from_a_file_is_checked() {
        let mixed = Mixed::new(&[2, 3]).unwrap();
        let text = serde_json::to_string(&mixed).unwrap();
        assert_eq!(text, "[2,3]");
        assert_eq!(serde_json::from_str::<Mixed>(&text).unwrap(), mixed);
        for bad in ["[]", "[0]", "[70000,70000]", "[-1]", "[1.5]"] {
            assert!(serde_json::from_str::<Mixed>(bad).is_err(), "{bad}");
        }
    }
}
