//! What a division is asked, and what it answers.

use super::twofold::Twofold;
use cloudlot_core::{Amounts, Kind};

/// A party that runs tasks of one shape: each takes the same amounts of several kinds at once.
///
/// Tasks are divisible here: half a task takes half of everything. Whole ones come from
/// [`Division::whole_tasks`](super::Division::whole_tasks). A single claim is a tenant with one task: what it wants of
/// each kind, and `most` 1.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Tenant {
    /// Its part relative to the others'; with 0 it gets only its `least` and what the others leave over.
    pub weight: u64,
    /// What one task takes, in base units of each kind.
    pub task: Amounts,
    /// The tasks it was promised before anything is shared. What lies above `most` cannot be used and is not set aside.
    pub least: u64,
    /// The most tasks it can use. `u64::MAX` is no limit: no capacity holds more.
    pub most: u64,
}

impl Tenant {
    /// A tenant that wants as many tasks as it can get, and was promised none.
    #[must_use]
    pub const fn new(weight: u64, task: Amounts) -> Self {
        Self {
            weight,
            task,
            least: 0,
            most: u64::MAX,
        }
    }

    /// The same tenant, wanting no more than so many tasks.
    #[must_use]
    pub const fn at_most(mut self, most: u64) -> Self {
        self.most = most;
        self
    }

    /// The same tenant, promised so many tasks.
    #[must_use]
    pub const fn at_least(mut self, least: u64) -> Self {
        self.least = least;
        self
    }

    /// What is set aside for it.
    pub(super) fn promised(&self) -> u64 {
        self.least.min(self.most)
    }

    /// Its weight among those that it rises with: all tenants of weight 0 are equal.
    pub(super) fn turn_weight(&self) -> u64 {
        self.weight.max(1)
    }
}

/// What one tenant gets, and what keeps it from getting more.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Share {
    /// How many tasks it can run. The float next to what was computed: within 2^-53 of it, relatively.
    pub tasks: f64,
    /// Its part of the kind of which it gets the largest part: its dominant share, from 0 to 1.
    pub share: f64,
    /// The common level at which it stopped, in dominant share per weight (per 1 for those of weight 0, whose
    /// level rises when the others have stopped). A tenant that its promise holds above this level has more.
    pub level: f64,
    /// What it stopped at.
    pub held: Held,
    /// What `tasks` leaves out of the number that was computed.
    pub(super) rest: f64,
}

impl Share {
    /// The tasks as they were computed.
    pub(super) fn exactly(&self) -> Twofold {
        Twofold::new(self.tasks, self.rest)
    }

    /// The whole tasks in it.
    ///
    /// What is within 2^-80 of a whole number, relatively, is that number: all tenants together are then less than a unit
    /// above what there is, so not at all.
    pub(super) fn whole(&self) -> u64 {
        let noise = self.tasks / (1_u128 << 80) as f64;
        (self.exactly() + Twofold::new(noise, 0.0)).split().0
    }
}

/// What keeps a tenant from getting more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Held {
    /// It has all the tasks that it can use.
    Most,
    /// This kind is used up, and its tasks take some of it; the first kind if several are.
    UsedUp(Kind),
}

/// A kind that was used up, and when.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct UsedUp {
    /// The kind.
    pub kind: Kind,
    /// The level at which it was used up, as in [`Share::level`].
    pub level: f64,
    /// Whether that was in the second filling, among tenants of weight 0.
    pub leftover: bool,
}

/// More of a kind was promised than there is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("minimums of {least} units of {kind:?} were promised of {total}")]
pub struct Overpromised {
    /// The first kind of which too much was promised.
    pub kind: Kind,
    /// What the minimums take of it, 2^128 - 1 if more.
    pub least: u128,
    /// What there is of it.
    pub total: u64,
}
