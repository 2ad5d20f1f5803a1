//! A class of runtimes: how long each part of a start takes.

use std::time::Duration;

use super::delay::{Delay, DelayError};
use super::part::{Part, Parts};
use crate::Temperature;
use crate::chance::Chance;

/// The distributions of a start's five parts, which are independent of each other.
/// ```
/// use cloudlot_serverless::start::{Delay, Part, StartModel};
/// use cloudlot_serverless::Temperature;
/// use std::time::Duration;
///
/// let mine = StartModel::new("mine")
///     .with(Part::Code, Delay::Exponential { mean: Duration::from_millis(30) })?
///     .with(Part::Init, Delay::Fixed(Duration::from_millis(5)))?;
/// assert_eq!(mine.mean(Temperature::NoCode), Duration::from_millis(35));
/// assert_eq!(mine.mean(Temperature::Prepared), Duration::from_millis(5));
/// # Ok::<(), cloudlot_serverless::start::StartError>(())
/// ```
#[derive(Clone, PartialEq, Debug)]
pub struct StartModel {
    name: String,
    parts: [Delay; 5],
    prepared: [bool; 5],
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
    /// A model in which nothing takes any time. Preparing does allocation, code and dependencies.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            parts: [const { Delay::NONE }; 5],
            prepared: [true, true, true, false, false],
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

    /// In which preparing does these parts and no others: what every instance needs for itself is left to its start.
    #[must_use]
    pub fn preparing(mut self, parts: &[Part]) -> Self {
        self.prepared = Part::ALL.map(|part| parts.contains(&part));
        self
    }

    /// Whether preparing does this part.
    #[must_use]
    pub const fn prepares(&self, part: Part) -> bool {
        self.prepared[part.index()]
    }

    /// How long a start from here takes on average.
    #[must_use]
    pub fn mean(&self, from: Temperature) -> Duration {
        let needed = Part::ALL.into_iter().filter(|&part| self.needs(part, from));
        needed.map(|part| self.delay(part).mean()).sum()
    }

    fn needs(&self, part: Part, from: Temperature) -> bool {
        from == Temperature::NoCode || !self.prepares(part)
    }

    /// One start from here.
    pub(crate) fn start(&self, from: Temperature, chance: &mut Chance) -> Parts {
        self.draw(|part| self.needs(part, from), chance)
    }

    /// One preparation.
    pub(crate) fn preparation(&self, chance: &mut Chance) -> Parts {
        self.draw(|part| self.prepares(part), chance)
    }

    /// All five are drawn, so that the same chance gives the same init whatever else is needed.
    fn draw(&self, needed: impl Fn(Part) -> bool, chance: &mut Chance) -> Parts {
        let mut parts = Parts::default();
        for part in Part::ALL {
            let takes = self.delay(part).draw(chance);
            if needed(part) {
                parts.set(part, takes);
            }
        }
        parts
    }
}
