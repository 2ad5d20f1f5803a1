//! Members of pools: what is known of one, of how many sorts they are, and why one may not join or leave.

use super::pools::PoolId;
use super::sizing::SizingError;
use cloudlot_core::ledger::State;
use cloudlot_core::{ResourceId, ResourceState, Timestamp};

/// A resource in a pool.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Member {
    /// Whose it is.
    pub home: PoolId,
    /// Who uses it: its home, or the pool that borrowed it.
    pub user: PoolId,
    /// Its number in its home. The lowest numbers are the core.
    pub number: u64,
    /// When it joined.
    pub since: Timestamp,
    /// Since when nothing has been held on it, as far as is known: never earlier than the truth. `None`: something is.
    pub idle_since: Option<Timestamp>,
    /// Why it takes nothing new, if its pool wants that.
    pub leaving: Option<Leaving>,
    // Whether it was for leaving that its state was set to draining; if it leaves no more, the state is to be set back.
    pub(super) closed: bool,
}

/// Why a member takes nothing new.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Leaving {
    /// The pool is above its most and this one is to go.
    Surplus,
    /// Its home needs it back.
    Reclaimed,
    /// An operator wants it to go.
    Retired,
}

/// How many members of a pool there are of each sort.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Those that belong to it, wherever they are.
    pub owned: u32,
    /// Those of them that another pool uses.
    pub lent: u32,
    /// Those of other pools that it uses.
    pub borrowed: u32,
    /// Those that it uses and that take new work.
    pub serving: u32,
    /// Those that it uses and on which something is held.
    pub busy: u32,
    /// Those that serve it and are protected one by one; see [`super::Sizing::core`].
    pub core: u32,
}

impl Member {
    /// Whether its home has called it back.
    pub(super) fn is_reclaimed(&self) -> bool {
        self.leaving == Some(Leaving::Reclaimed)
    }
}

impl Counts {
    /// Those that count against the pool's most: its own and those that it borrows.
    #[must_use]
    pub const fn all(self) -> u32 {
        self.owned + self.borrowed
    }
}

/// Why a pool or a member is not taken in, or not let go.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum MemberError {
    /// There is no such pool.
    #[error("{0} is not there")]
    NoPool(PoolId),
    /// Another pool has this name.
    #[error("there is a pool named `{0}` already")]
    NameTaken(String),
    /// There are as many pools as can be numbered.
    #[error("there is no number for one more pool")]
    TooMany,
    /// The sizing makes no sense.
    #[error(transparent)]
    Sizing(#[from] SizingError),
    /// The ledger has no such resource.
    #[error("{0} is not there")]
    NoResource(ResourceId),
    /// A resource is in one pool at most.
    #[error("{member} is in {home} already")]
    Elsewhere {
        /// Which.
        member: ResourceId,
        /// Where it is.
        home: PoolId,
    },
    /// It is not a member of any pool.
    #[error("{0} is not a member")]
    NotAMember(ResourceId),
    /// It is of another class than the pool's members, or offers less.
    #[error("{member} is not what members of {pool} are")]
    Misfit {
        /// Which.
        member: ResourceId,
        /// What pool.
        pool: PoolId,
    },
    /// The pool has as many members as it may have.
    #[error("{pool} has its {most} members")]
    Full {
        /// Which.
        pool: PoolId,
        /// How many it may have.
        most: u32,
    },
    /// The pool would be left with too few that serve.
    #[error("{pool} would be left with fewer than {least}")]
    TooFew {
        /// Which.
        pool: PoolId,
        /// How many have to be left.
        least: u32,
    },
    /// Something is held on it, whoever reserved it.
    #[error("{holds} reservations hold something on {member}")]
    InUse {
        /// Which.
        member: ResourceId,
        /// How many reservations.
        holds: u32,
    },
    /// Another pool uses it.
    #[error("{member} is lent to {user}")]
    Lent {
        /// Which.
        member: ResourceId,
        /// Who uses it.
        user: PoolId,
    },
}

/// Whether nothing is held on a member.
pub(super) fn is_free(member: ResourceId, state: &State) -> Result<(), MemberError> {
    match holds_on(member, state) {
        0 => Ok(()),
        holds => Err(MemberError::InUse { member, holds }),
    }
}

/// How many reservations hold something on a resource or on its parts; one that holds several of them counts several
/// times.
pub(super) fn holds_on(id: ResourceId, state: &State) -> u32 {
    let parts = state.children(id).iter();
    parts.fold(state.hold_count(id), |sum, part| {
        sum.saturating_add(holds_on(*part, state))
    })
}

pub(super) fn has_state(id: ResourceId, state: &State, is: ResourceState) -> bool {
    let resource = state.resource(id);
    resource.is_some_and(|resource| resource.state() == is)
}
