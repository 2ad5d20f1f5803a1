//! The answer to a request that finds no room: how every pool stood, whether to wait, and what would help.

use super::pools::PoolId;
use super::step::PoolStep;
use cloudlot_core::ledger::Why;
use cloudlot_core::{Mismatch, Quantities, ResourceId};
use std::fmt;

/// A request found no room.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
#[error("no pool has room: {advice:?}")]
pub struct Miss {
    /// Every pool that was asked, those first that come first by [`super::Pools::find_room`].
    pub considered: Vec<Considered>,
    /// What to do.
    pub advice: Advice,
    /// The steps, in this order, after which it would find room; none if none would help.
    pub help: Vec<PoolStep>,
    /// What the ledger has against the request wherever it goes: an owner's limit, a key that was used before.
    pub why: Option<Box<Why>>,
}

/// What to do with a request that found no room.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Advice {
    /// Do what [`Miss::help`] says and ask again.
    Help,
    /// Wait until something is given back.
    Queue,
    /// The pools that would suit it want it to go elsewhere.
    Refuse,
    /// No pool will take it, however long it waits.
    Never,
}

/// How a pool stood when a request was looked at.
#[derive(Clone, PartialEq, Debug)]
pub struct Considered {
    /// Which pool.
    pub pool: PoolId,
    /// How it stood.
    pub standing: Standing,
}

/// Whether a pool could take a request.
#[derive(Clone, PartialEq, Debug)]
pub enum Standing {
    /// It has room, as far as amounts tell.
    Room {
        /// The member that comes first.
        member: ResourceId,
        /// How full the pool would be, in thousandths of the kind of which it has the least left.
        utilisation: u64,
    },
    /// Its members suit the request, and none has room.
    Full {
        /// How many serve it.
        serving: u32,
        /// What is missing on the member that misses least; everything that is asked for if there is no member.
        short: Quantities,
    },
    /// Its members do not suit the request, even if they were empty.
    Unsuitable(Vec<Mismatch>),
    /// It seemed to have room, and the ledger refused; with what it said of the member that came first.
    Refused(Why),
}

impl Miss {
    /// A request that no pool will take.
    pub(super) const fn never(why: Option<Box<Why>>) -> Self {
        Self {
            considered: Vec::new(),
            advice: Advice::Never,
            help: Vec::new(),
            why,
        }
    }
}

impl Standing {
    /// Whether another member might serve the request: one found no room, or the wrong company.
    pub(super) const fn wants_members(&self) -> bool {
        matches!(
            self,
            Self::Full { .. } | Self::Refused(Why::Full { .. } | Why::Apart { .. })
        )
    }

    /// Whether the ledger's reason may be gone later, though no other member would help.
    pub(super) const fn may_pass(&self) -> bool {
        matches!(
            self,
            Self::Refused(
                Why::Limit { .. } | Why::Together { .. } | Why::Closed { .. } | Why::TooMany(_)
            )
        )
    }

    /// What the ledger has against the request wherever it goes.
    pub(super) const fn against_request(&self) -> Option<&Why> {
        match self {
            Self::Refused(why) => match why {
                Why::Full { .. }
                | Why::Apart { .. }
                | Why::Together { .. }
                | Why::Unsuitable { .. }
                | Why::Closed { .. } => None,
                why => Some(why),
            },
            _ => None,
        }
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Room {
                member,
                utilisation,
            } => write!(f, "room on {member}, {utilisation} thousandths full then"),
            Self::Full { serving, short } => {
                write!(f, "full: {serving} members, at best short by {short}")
            }
            Self::Unsuitable(mismatches) => {
                f.write_str("does not suit")?;
                for (place, mismatch) in mismatches.iter().enumerate() {
                    write!(f, "{} {mismatch}", if place == 0 { ":" } else { ";" })?;
                }
                Ok(())
            }
            Self::Refused(why) => write!(f, "refused: {why}"),
        }
    }
}

impl fmt::Display for Considered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.pool, self.standing)
    }
}
