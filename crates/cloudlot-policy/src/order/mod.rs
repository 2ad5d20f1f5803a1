//! Who comes next: a rank among the requests of one owner, a share among owners.
//!
//! The waiting requests hang in the tree of their owners. At each level the owner with the lowest key goes first, and
//! then the request with the lowest rank; so one [`Order`] makes a plain queue, a fair one, or a fair hierarchy.

mod decayed;
mod f1;
mod fair;
mod priority;
mod rank;
mod weights;

pub use decayed::DecayedUsage;
pub use f1::F1;
pub use fair::Fair;
pub use priority::PriorityFirst;
pub use rank::{Fifo, ShortestFirst};

use crate::accounts::{AccountId, Accounts};
use cloudlot_core::{Amounts, Kinds, Request, Timestamp};

/// What owners have, for those who decide who is next and who may.
#[derive(Clone, Copy, Debug)]
pub struct Books<'a> {
    /// Who holds how much.
    pub accounts: &'a Accounts,
    /// How much there is in all, of the resources that take new work.
    pub capacity: &'a Amounts,
    /// The names of the kinds.
    pub kinds: &'a Kinds,
    /// When it is asked.
    pub now: Timestamp,
}

/// The place of a request among those of its owner: lower goes first, and of equals the one that came first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Rank(pub i128);

/// How much an owner has had already: lower goes first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Share(pub u128);

/// Which of the two decides first between owners.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Precedence {
    /// The owner with the lower share, whatever waits there; the rank of its first request among equals.
    #[default]
    Share,
    /// The owner whose first request has the lower rank; the share among equals.
    Rank,
}

/// Says who comes next.
///
/// # Contract
/// - Both answers follow from the arguments alone.
/// - A rank is given once, when the request comes, and does not change with time. Ageing fits: what gains on others as
///   time passes is what came earlier, so that a rank counts the time of arrival and never the time of the question.
/// - A share may change with grants, releases and time; it is asked anew for the owners concerned.
pub trait Order: Send + Sync {
    /// A short name, for explanations.
    fn name(&self) -> &str;

    /// The rank of a request that came at `since`.
    fn rank(&self, request: &Request, since: Timestamp) -> Rank;

    /// What an owner has had, against its siblings. Without an opinion all are equal, and the rank decides.
    fn share(&self, _books: &Books<'_>, _account: AccountId) -> Share {
        Share::default()
    }

    /// Which of the two decides first between owners.
    fn precedence(&self) -> Precedence {
        Precedence::default()
    }

    /// Whether shares change as time passes, without any grant or release.
    fn is_timed(&self) -> bool {
        false
    }
}
