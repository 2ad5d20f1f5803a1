//! The owner that has least goes first.

use super::weights::Weights;
use super::{Books, Order, Precedence, Rank, Share};
use crate::accounts::AccountId;
use cloudlot_core::{Amounts, OwnerPath, Request, Timestamp};

/// The owner with the lowest dominant share goes first, each against its siblings, at every level of the tree.
///
/// An owner's dominant share is the largest part it has of any kind, divided by its weight. Serving the lowest, one
/// request after the other, is progressive filling in steps of requests: dominant resource fairness. With a tree of
/// owners it is the hierarchical form, since a child's share counts only among its siblings.
///
/// Source: A. Ghodsi et al., "Dominant Resource Fairness", NSDI 2011; A. Bhattacharya et al., "Hierarchical Scheduling
/// for Diverse Datacenter Workloads", SoCC 2013.
#[derive(Clone, Debug, Default)]
pub struct Fair {
    weights: Weights,
    by_priority: bool,
}

impl Fair {
    /// All owners alike; each owner's requests in the order in which they came.
    #[must_use]
    pub fn drf() -> Self {
        Self::default()
    }

    /// Gives an owner a weight other than 1. With 0 it goes after everybody else.
    #[must_use]
    pub fn weight(mut self, owner: OwnerPath, weight: u64) -> Self {
        self.weights.set(owner, weight);
        self
    }

    /// Each owner's own requests by priority, highest first.
    #[must_use]
    pub const fn by_priority(mut self) -> Self {
        self.by_priority = true;
        self
    }
}

/// One, as a share before weights.
const WHOLE: u128 = 1 << 64;

/// The largest part of any kind, in parts of 2^64, rounded down; of a kind that nobody has, all.
pub(crate) fn dominant(held: &Amounts, capacity: &Amounts) -> u128 {
    let part = |(kind, held): (cloudlot_core::Kind, u64)| match capacity.get(kind) {
        0 => WHOLE,
        capacity => u128::from(held) * WHOLE / u128::from(capacity),
    };
    held.iter().map(part).max().unwrap_or(0)
}

impl Order for Fair {
    fn name(&self) -> &str {
        "fair"
    }

    fn rank(&self, request: &Request, since: Timestamp) -> Rank {
        let since = i128::from(since.as_nanos());
        if self.by_priority {
            return Rank(since - (i128::from(request.priority().0) << 64));
        }
        Rank(since)
    }

    fn share(&self, books: &Books<'_>, account: AccountId) -> Share {
        let held = books.accounts.held(account);
        let share = dominant(held, books.capacity);
        self.weights.divide(share, books, account)
    }

    fn precedence(&self) -> Precedence {
        Precedence::Share
    }
}
