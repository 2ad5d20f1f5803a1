//! A class of runtimes: how long each part of a start takes.

use std::time::Duration;

use super::delay::{Delay, DelayError};
use super::part::{Part, Parts};
use crate::chance::Chance;

/// The distributions of a start's five parts, which are independent of each other.
/// ```
/// use cloudlot_serverless::start::{Delay, Part, StartModel};
/// use std::time::Duration;
///
/// let mine = StartModel::new("mine")
///     .with(Part::Code, Delay::Exponential { mean: Duration::from_millis(30) })?
///     .with(Part::Init, Delay::Fixed(Duration::from_millis(5)))?;
/// assert_eq!(mine.mean(&Part::ALL), Duration::from_millis(35));
/// assert_eq!(mine.mean(&Part::OF_PREPARED), Duration::from_millis(5));
/// # Ok::<(), cloudlot_serverless::start::StartError>(())
/// ```
#[derive(Clone, PartialEq, Debug)]
pub struct StartModel {
    name: String,
    parts: [Delay; 5],
}

/// Why a model is none.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
#[error("the time for {part}: {wrong}")]
pub struct StartError {
    /// Which part.
    pub part: Part,
    /// What is wrong with it.
    pub wrong: DelayError,
}

impl StartModel {
    /// A model in which nothing takes any time.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            parts: [const { Delay::NONE }; 5],
        }
    }

    /// With this time for a part.
    ///
    /// # Errors
    /// If that is no distribution.
    pub fn with(mut self, part: Part, delay: Delay) -> Result<Self, StartError> {
        delay.check().map_err(|wrong| StartError { part, wrong })?;
        self.parts[part.index()] = delay;
        Ok(self)
    }

    /// Its name in reports.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How long a part takes.
    #[must_use]
    pub const fn delay(&self, part: Part) -> &Delay {
        &self.parts[part.index()]
    }

    /// How long these parts take together, on average.
    #[must_use]
    pub fn mean(&self, parts: &[Part]) -> Duration {
        parts.iter().map(|&part| self.delay(part).mean()).sum()
    }

    /// One start of these parts. All five are drawn, so that the same chance gives the same init whatever else is needed.
    pub(crate) fn draw(&self, needed: &[Part], chance: &mut Chance) -> Parts {
        let mut parts = Parts::default();
        for part in Part::ALL {
            let takes = self.delay(part).draw(chance);
            if needed.contains(&part) {
                parts.set(part, takes);
            }
        }
        parts
    }
}
