//! How long starts take.

use super::span;
use cloudlot_core::Seeds;
use cloudlot_serverless::sim::{Backend, FixedStart, World};
use cloudlot_serverless::start::RuntimeClass;
use std::str::FromStr;
use std::time::Duration;

/// As it stands on the command line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Start {
    /// Each takes as long.
    Fixed(Duration),
    /// As starts of this class are known to.
    Class(RuntimeClass),
}

impl FromStr for Start {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut classes = RuntimeClass::ALL.into_iter();
        if let Some(class) = classes.find(|class| class.name() == text) {
            return Ok(Self::Class(class));
        }
        let names = RuntimeClass::ALL.map(RuntimeClass::name).join(", ");
        let fixed = span::parse(text).map_err(|why| format!("{why}, nor one of {names}"));
        fixed.map(Self::Fixed)
    }
}

impl Start {
    pub(super) const NONE: Self = Self::Fixed(Duration::ZERO);

    /// The back end at the beginning of a run.
    pub(super) fn make(self, seed: u64) -> Box<dyn Backend> {
        match self {
            Self::Fixed(start) => Box::new(FixedStart(start)),
            Self::Class(class) => Box::new(World::new(Seeds::new(seed), class.model())),
        }
    }
}
