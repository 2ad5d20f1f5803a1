//! Whether an ask goes in, and if not, which level stands against it.

use super::standing::{Balances, Standing};
use super::tree::{Name, NodeId, QuotaTree, ROOT};
use crate::accounts::{AccountId, Accounts};
use cloudlot_core::{Amounts, Kind, OwnerPath};
use std::fmt;

/// An ask that goes in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Admission {
    /// How much of it the owner's node borrows from outside of itself.
    pub borrowed: Amounts,
}

/// What stands against an ask.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Binding {
    /// The level would hold more than its limit.
    Limit,
    /// The level would borrow more than it may.
    Borrow,
    /// All that is not used or guaranteed elsewhere is lent already.
    Empty,
}

/// An ask that does not go in.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{}: short by {short} of {kind:?}", said(level.as_ref(), *binding))]
pub struct QuotaRefusal {
    /// The level that stands against it, the one that is most short and then the innermost; `None`: above all owners.
    pub level: Option<OwnerPath>,
    /// How it does.
    pub binding: Binding,
    /// Of which kind: the first that is short.
    pub kind: Kind,
    /// How much of that kind: so much less of it would go in.
    pub short: u64,
    /// Whether taking back may help: of what is asked for the owner, or a level above it, imports nothing, and others hold
    /// what is short.
    pub may_reclaim: bool,
}

fn said(level: Option<&OwnerPath>, binding: Binding) -> impl fmt::Display {
    let name = Name(level);
    match binding {
        Binding::Limit => format!("{name} would pass its limit"),
        Binding::Borrow => format!("{name} may not borrow so much"),
        Binding::Empty => "nothing is left to borrow".to_owned(),
    }
}

/// A level that is short of one kind.
#[derive(Clone, Copy, Debug)]
pub(super) struct Short {
    pub(super) node: NodeId,
    pub(super) column: usize,
    pub(super) by: i128,
    binding: Binding,
}

impl QuotaTree {
    /// Whether an owner may hold so much more: all of a call at once, summed up.
    ///
    /// A level that is over its bounds already, after quotas changed, stands only against what would take it further over.
    ///
    /// # Errors
    /// [`QuotaRefusal`] with the level that stands against it.
    pub fn admit(
        &self,
        accounts: &Accounts,
        id: AccountId,
        amounts: &Amounts,
    ) -> Result<Admission, QuotaRefusal> {
        let standing = Standing::of(self, accounts, amounts.mask());
        standing.admit(self.node_of(accounts, id), amounts)
    }

    /// How the tree stands, to be kept from ask to ask.
    #[must_use]
    pub fn balances(&self, accounts: &Accounts) -> Balances {
        Standing::of(self, accounts, u32::MAX).into_balances()
    }

    /// As [`QuotaTree::admit`], by balances of this tree that were kept up with the accounts.
    ///
    /// # Errors
    /// [`QuotaRefusal`] with the level that stands against it.
    pub fn admit_by(
        &self,
        balances: &Balances,
        accounts: &Accounts,
        id: AccountId,
        amounts: &Amounts,
    ) -> Result<Admission, QuotaRefusal> {
        let node = self.node_of(accounts, id);
        Standing::by(self, balances).admit(node, amounts)
    }

    /// Counts so much more in balances that are kept; the accounts are charged apart.
    pub fn charge(
        &self,
        balances: &mut Balances,
        accounts: &Accounts,
        id: AccountId,
        amounts: &Amounts,
    ) {
        let node = self.node_of(accounts, id);
        for (column, amount) in self.governed(amounts) {
            balances.change(self, column, node, amount.into());
        }
    }

    /// Counts so much less in balances that are kept; the accounts are credited apart.
    pub fn credit(
        &self,
        balances: &mut Balances,
        accounts: &Accounts,
        id: AccountId,
        amounts: &Amounts,
    ) {
        let node = self.node_of(accounts, id);
        for (column, amount) in self.governed(amounts) {
            balances.change(self, column, node, -i128::from(amount));
        }
    }
}

impl Standing<'_> {
    fn admit(&self, node: NodeId, amounts: &Amounts) -> Result<Admission, QuotaRefusal> {
        let shorts = self.shorts(node, amounts);
        let Some(first) = shorts.first() else {
            return Ok(self.admission(node, amounts));
        };
        let same = shorts.iter().filter(|short| short.column == first.column);
        // Of equals the first, which is the innermost.
        let worst = same.fold(
            first,
            |worst, short| if short.by > worst.by { short } else { worst },
        );
        Err(QuotaRefusal {
            level: self.tree.nodes[worst.node].path.clone(),
            binding: worst.binding,
            kind: self.tree.columns[worst.column].kind,
            short: u64::try_from(worst.by).unwrap_or(u64::MAX),
            may_reclaim: self.may_reclaim(node, amounts, &shorts),
        })
    }

    /// The levels that stand against an ask, kind by kind, innermost first.
    pub(super) fn shorts(&self, node: NodeId, amounts: &Amounts) -> Vec<Short> {
        let mut shorts = Vec::new();
        for (column, amount) in self.governed(amounts) {
            self.rise(column, node, amount.into(), |node, after| {
                let (rule, before) = self.at(column, node);
                let mut bound = |binding, most: Option<u64>, before: i128, after: i128| {
                    let most = most.map(|most| i128::from(most).max(before));
                    if let Some(most) = most.filter(|most| after > *most) {
                        let by = after - most;
                        shorts.push(Short {
                            node,
                            column,
                            by,
                            binding,
                        });
                    }
                };
                bound(
                    Binding::Limit,
                    rule.limit,
                    before.taken(rule),
                    after.taken(rule),
                );
                let (binding, most) = match node {
                    ROOT => (Binding::Empty, Some(0)),
                    _ => (Binding::Borrow, rule.borrow),
                };
                bound(binding, most, before.imports(rule), after.imports(rule));
            });
        }
        shorts
    }

    fn admission(&self, node: NodeId, amounts: &Amounts) -> Admission {
        let borrowed = self.governed(amounts).map(|(column, amount)| {
            let (rule, balance) = self.at(column, node);
            let imports = (balance.imports(rule) + i128::from(amount)).max(0);
            let part = u64::try_from(imports).unwrap_or(u64::MAX).min(amount);
            (self.tree.columns[column].kind, part)
        });
        // The root has nobody to borrow from: there it is its own.
        let borrowed = borrowed.filter(|_| node != ROOT);
        Admission {
            borrowed: borrowed.collect(),
        }
    }

    /// For each level on the way up, the holders at the node itself first, whether it would import nothing of what is asked
    /// for.
    pub(super) fn within(&self, node: NodeId, amounts: &Amounts) -> Vec<bool> {
        let depth = self.tree.nodes[node].depth;
        let mut within = vec![true; depth + 2];
        for (column, amount) in self.governed(amounts) {
            let (rule, balance) = self.at(column, node);
            within[0] &= balance.own_imports(rule) + i128::from(amount) <= 0;
            let rules = &self.tree.columns[column].rules;
            let mut after = vec![None; depth + 1];
            self.rise(column, node, amount.into(), |node, balance| {
                after[self.tree.nodes[node].depth] = Some(balance);
            });
            for node in self.tree.path_up(node) {
                let level = self.tree.nodes[node].depth;
                let balance = after[level].unwrap_or(*self.at(column, node).1);
                within[depth - level + 1] &= balance.imports(&rules[node]) <= 0;
            }
        }
        within
    }

    pub(super) fn may_reclaim(&self, node: NodeId, amounts: &Amounts, shorts: &[Short]) -> bool {
        let depth = self.tree.nodes[node].depth;
        let within = self.within(node, amounts);
        shorts.iter().all(|short| {
            // Below the level that is short lie as many levels of the way, and the holders at the node.
            let below = depth - self.tree.nodes[short.node].depth + 1;
            within[..below].iter().any(|within| *within)
        })
    }
}
