//! The gate of a quota tree.

use super::{Admit, Denied, Entry};
use crate::engine::WakeOn;
use crate::order::Books;
use crate::quota::{QuotaRefusal, QuotaTree};
use cloudlot_core::Amounts;

impl Admit for QuotaTree {
    fn name(&self) -> &str {
        "quota"
    }

    fn admit(&self, books: &Books<'_>, entry: &Entry<'_>) -> Result<(), Denied> {
        match Self::admit(self, books.accounts, entry.account, entry.takes) {
            Ok(_) => Ok(()),
            Err(refusal) => Err(by_quota(&refusal, books, entry)),
        }
    }
}

/// What a refusal of the tree is at the gate.
pub(crate) fn by_quota(refusal: &QuotaRefusal, books: &Books<'_>, entry: &Entry<'_>) -> Denied {
    let short = Amounts::of([(refusal.kind, refusal.short)]);
    let owner = refusal.level.clone();
    Denied {
        owner: owner.unwrap_or_else(|| entry.request.owner().clone()),
        why: refusal.to_string(),
        short: books.kinds.quantities(&short),
        may_reclaim: refusal.may_reclaim,
        wake: WakeOn {
            freed: short.mask(),
            ..WakeOn::default()
        },
    }
}
