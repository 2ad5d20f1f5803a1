//! A limit on how many reservations an owner has.

use super::{Admit, Denied, Entry};
use crate::engine::WakeOn;
use crate::order::Books;
use cloudlot_core::{OwnerPath, Quantities};
use std::collections::BTreeMap;

/// How many reservations an owner, with all below it, may have at a time.
#[derive(Clone, Debug, Default)]
pub struct CountLimit {
    most: BTreeMap<OwnerPath, u32>,
}

impl CountLimit {
    /// No limits.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An owner, with all below it, has at most so many.
    #[must_use]
    pub fn limit(mut self, owner: OwnerPath, most: u32) -> Self {
        self.most.insert(owner, most);
        self
    }
}

impl Admit for CountLimit {
    fn name(&self) -> &str {
        "count"
    }

    fn admit(&self, books: &Books<'_>, entry: &Entry<'_>) -> Result<(), Denied> {
        let mut at = Some(entry.account);
        while let Some(account) = at {
            let path = books.accounts.path(account);
            let has = books.accounts.reservations(account);
            if let Some((path, most)) = path.and_then(|path| self.most.get_key_value(path))
                && has >= *most
            {
                return Err(Denied {
                    owner: path.clone(),
                    why: format!("{path} has {has} reservations and may have {most}"),
                    short: Quantities::default(),
                    may_reclaim: false,
                    wake: WakeOn {
                        freed: u32::MAX,
                        ..WakeOn::default()
                    },
                });
            }
            at = books.accounts.parent(account);
        }
        Ok(())
    }
}
