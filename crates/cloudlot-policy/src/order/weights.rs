//! Weights of owners, 1 unless said otherwise.

use super::{Books, Share};
use crate::accounts::AccountId;
use cloudlot_core::OwnerPath;
use std::collections::BTreeMap;

/// How much of what there is each owner should get, compared with its siblings.
#[derive(Clone, Debug, Default)]
pub(super) struct Weights(BTreeMap<OwnerPath, u64>);

impl Weights {
    pub(super) fn set(&mut self, owner: OwnerPath, weight: u64) {
        self.0.insert(owner, weight);
    }

    /// A share over the owner's weight; with weight 0 after everybody else.
    pub(super) fn divide(&self, share: u128, books: &Books<'_>, account: AccountId) -> Share {
        let path = books.accounts.path(account);
        let weight = path.and_then(|path| self.0.get(path)).copied().unwrap_or(1);
        Share(share.checked_div(weight.into()).unwrap_or(u128::MAX))
    }
}
