//! The owner that has used least of late goes first.

use super::weights::Weights;
use super::{Books, Order, Precedence, Rank, Share};
use crate::accounts::AccountId;
use cloudlot_core::{OwnerPath, Request, Timestamp};

/// The owner with the lowest recent use goes first, each against its siblings, at every level of the tree.
///
/// Use is what was held over time, and counts half after each half-life; the accounts know the half-lives
/// ([`Decay`](crate::accounts::Decay)), 7 days unless said otherwise. So who had much yesterday waits today, though it holds nothing.
#[derive(Clone, Debug, Default)]
pub struct DecayedUsage {
    weights: Weights,
}

impl DecayedUsage {
    /// All owners alike.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives an owner a weight other than 1. With 0 it goes after everybody else.
    #[must_use]
    pub fn weight(mut self, owner: OwnerPath, weight: u64) -> Self {
        self.weights.set(owner, weight);
        self
    }
}

impl Order for DecayedUsage {
    fn name(&self) -> &str {
        "decayed-usage"
    }

    fn rank(&self, _: &Request, since: Timestamp) -> Rank {
        Rank(since.as_nanos().into())
    }

    fn share(&self, books: &Books<'_>, account: AccountId) -> Share {
        let share = books
            .accounts
            .recent_share(account, books.capacity, books.now);
        // The same scale as a share of what is held, so that a weight divides finely.
        let parts = u128::from(share.parts()) << 64;
        self.weights.divide(parts, books, account)
    }

    fn precedence(&self) -> Precedence {
        Precedence::Share
    }

    fn is_timed(&self) -> bool {
        true
    }
}
