//! The parts of a start, and how long each took in one.

use std::fmt;
use std::ops::Index;
use std::time::Duration;

use super::delay::scaled;

/// A part of a start, in the order in which they come.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Part {
    /// A sandbox is made or taken from a pool: a container, a machine, a slot.
    Allocation,
    /// The function's own code comes: an image, an archive, a compiled module.
    Code,
    /// What the code needs comes: libraries, layers, a kernel.
    Dependencies,
    /// The instance is made known to those who route calls.
    Scheduling,
    /// The function sets itself up, once an instance.
    Init,
}

impl Part {
    /// Every part, in order: a start without anything.
    pub const ALL: [Self; 5] = [
        Self::Allocation,
        Self::Code,
        Self::Dependencies,
        Self::Scheduling,
        Self::Init,
    ];

    pub(super) const fn index(self) -> usize {
        match self {
            Self::Allocation => 0,
            Self::Code => 1,
            Self::Dependencies => 2,
            Self::Scheduling => 3,
            Self::Init => 4,
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Allocation => "allocation",
            Self::Code => "code",
            Self::Dependencies => "dependencies",
            Self::Scheduling => "scheduling",
            Self::Init => "init",
        })
    }
}

/// How long each part of one start took; a part that was not needed took no time.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Parts([Duration; 5]);

impl Parts {
    /// Of all parts together.
    #[must_use]
    pub fn total(&self) -> Duration {
        self.0
            .iter()
            .fold(Duration::ZERO, |sum, &part| sum.saturating_add(part))
    }

    /// Each so many times longer, to the nearest nanosecond; none longer than a day.
    #[must_use]
    pub fn scaled(mut self, factor: f64) -> Self {
        for part in &mut self.0 {
            *part = scaled(*part, factor);
        }
        self
    }

    pub(super) const fn set(&mut self, part: Part, takes: Duration) {
        self.0[part.index()] = takes;
    }
}

impl Index<Part> for Parts {
    type Output = Duration;

    fn index(&self, part: Part) -> &Duration {
        &self.0[part.index()]
    }
}
