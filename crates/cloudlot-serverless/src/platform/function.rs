//! What the platform is told of a function, and the settings for all of them.

use std::num::NonZeroU32;
use std::time::Duration;

use cloudlot_core::{Bytes, OwnerId};

use super::breaker::Breaker;
use super::cancel::Cancelling;
use super::evict::{Evicts, Spares};
use super::health::Health;
use super::hosts::Hosting;
use super::keys::KeyMemory;
use super::pool::Pool;
use super::retry::{Backoff, Retries};
use super::turns::Turns;
use crate::Profile;

/// A function as the platform sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Function {
    /// What one instance holds, from its start until it is gone.
    pub memory: Bytes,
    /// What one instance holds of the processors of its host, in thousandths; nothing is held without hosts.
    pub millicores: u64,
    /// How long an attempt may run, from its own start; nothing: as long as it likes.
    pub timeout: Option<Duration>,
    /// How long a call may wait for an instance; nothing: as long as it takes.
    pub patience: Option<Duration>,
    /// How many instances there may be, those that stop not counted; nothing: as many as calls want.
    pub instances: Option<NonZeroU32>,
    /// Who owns it: one that was added, or zero for nobody in particular.
    pub owner: OwnerId,
    /// How many of its calls may wait without an instance that starts; those beyond are sent away when they come. Nothing: all may.
    pub queue: Option<u32>,
    /// How many calls one instance runs at once.
    pub concurrency: NonZeroU32,
    /// How many instances are there from the first [`Event::Tick`](super::Event::Tick) on, whether calls want them or not; none of
    /// them is stopped for want of calls or evicted. More than 65,536 count as so many.
    pub provisioned: u32,
    /// What its prepared code takes, on a disk or in a cache; see [`Settings::code`].
    pub code: Bytes,
    /// Whether its code is prepared from the first [`Event::Tick`](super::Event::Tick) on, and stays so.
    pub prepared: bool,
    /// Whether running a call twice does what running it once does.
    pub idempotent: bool,
    /// What happens after an attempt that failed.
    pub retries: Retries,
    /// When it is left alone because it fails; nothing: never.
    pub breaker: Option<Breaker>,
}

impl Function {
    /// A function without limits.
    #[must_use]
    pub const fn new(memory: Bytes) -> Self {
        Self {
            memory,
            millicores: 0,
            timeout: None,
            patience: None,
            instances: None,
            owner: OwnerId::new(0),
            queue: None,
            concurrency: NonZeroU32::MIN,
            provisioned: 0,
            code: Bytes::ZERO,
            prepared: false,
            idempotent: false,
            retries: Retries::NONE,
            breaker: None,
        }
    }
}

impl From<&Profile> for Function {
    fn from(profile: &Profile) -> Self {
        Self::new(profile.memory)
    }
}

/// Settings of a platform.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Settings {
    /// What a call that finds no warm instance waits for.
    pub binding: Binding,
    /// Which of several idle instances serves a call.
    pub reuse: Reuse,
    /// How long a function waits after a start that failed.
    pub restart: Backoff,
    /// A limit to all memory: one host that has so much, whose settings go before those of [`hosts`](Self::hosts). Nothing: as much
    /// as calls want, or as the hosts have that are added.
    pub pool: Option<Pool>,
    /// How hosts are used, if there are any.
    pub hosts: Hosting,
    /// Which idle instances go when memory is short.
    pub evicts: Evicts,
    /// Which of them go last.
    pub spares: Spares,
    /// How much prepared code is kept; nothing: all. That of functions without an instance goes first, the least recently used first.
    pub code: Option<Bytes>,
    /// How long successes of calls with a key are remembered.
    pub keys: KeyMemory,
    /// How long an instance that is told to stop has before it is ended by force; nothing: as long as it likes. Force is used again after
    /// pauses as those between starts that fail, until the instance is gone.
    pub grace: Option<Duration>,
    /// How instances are checked; nothing: they are not.
    pub health: Option<Health>,
    /// Whose turn it is when a pool's memory is short.
    pub turns: Turns,
    /// What becomes of an attempt whose call is cancelled.
    pub cancelling: Cancelling,
}

impl Settings {
    /// Late binding, the most recent first, a second up to five minutes after a failed start.
    pub const DEFAULT: Self = Self {
        binding: Binding::Late,
        reuse: Reuse::MostRecent,
        restart: Backoff {
            first: Duration::from_secs(1),
            longest: Duration::from_secs(300),
        },
        pool: None,
        hosts: Hosting::DEFAULT,
        evicts: Evicts::OnlyNeeded,
        spares: Spares::Nobody,
        code: None,
        keys: KeyMemory::DEFAULT,
        turns: Turns::Round,
        grace: None,
        health: None,
        cancelling: Cancelling::Stops,
    };
}

impl Default for Settings {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// What a call that finds no warm instance waits for.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Binding {
    /// It starts an instance and takes whichever is free first: that one, or one that ends its call
    /// before. A start that nobody needs any more becomes idle when it is ready. Where an instance runs several calls at
    /// once, there is one start for as many of those who wait.
    #[default]
    Late,
    /// As late, but it starts none while one starts that nobody waits for any more.
    LateShared,
    /// It starts an instance and waits for that one, or for one that has begun to start and has room for it.
    Early,
}

/// Which of several idle instances serves a call.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Reuse {
    /// The one that became idle last. The others can go in peace.
    #[default]
    MostRecent,
    /// The first of an array in which the last takes the place of whoever leaves: neither by age nor by chance. This
    /// is what some simulators do; for comparison with them.
    ArrayFirst,
    /// The one that became idle first: all take turns, and none expires while calls come.
    LeastRecent,
    /// The one that runs the fewest calls; of equals one on the host of which the smallest share is held by others than idle
    /// instances; of equals the most recent. Looks at every instance with room, as do those below.
    LeastLoaded,
    /// Any, with equal chances.
    Random,
    /// The less loaded of two that are drawn; of equals the more recent.
    TwoChoices,
    /// By number, the next after the last that served.
    RoundRobin,
    /// One on the host that the function likes most of those that are in use for no more than their part of the mean; see
    /// [`HostChoice::Hashed`](crate::HostChoice::Hashed).
    Hashed {
        /// Of the mean load, in percent; 100 at least.
        bound_percent: u32,
    },
    /// Whom a chooser names that learns; see [`Choose`](crate::Choose). The most recent if there is none.
    Learned,
}

impl Reuse {
    /// Whether it looks at every instance with room, those included that run calls already.
    pub(super) const fn looks_at_all(self) -> bool {
        !matches!(
            self,
            Self::MostRecent | Self::ArrayFirst | Self::LeastRecent
        )
    }
}
