//! How the tree stands: what each node holds itself, imports, and can lend.

use super::rule::KindRule;
use super::tree::{Column, NodeId, QuotaTree, ROOT};
use crate::accounts::Accounts;
use cloudlot_core::Amounts;
use std::borrow::Cow;

/// Balances of every node, for the kinds that are looked at, and the changes of a what-if.
#[derive(Clone, Debug)]
pub(super) struct Standing<'a> {
    pub(super) tree: &'a QuotaTree,
    balances: Cow<'a, Balances>,
}

/// How a tree of quotas stands, kept from ask to ask: an ask then costs its way up to the root, not the whole tree.
///
/// Made by [`QuotaTree::balances`], and kept up by [`QuotaTree::charge`] and [`QuotaTree::credit`] as the accounts are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Balances {
    /// By the column of the tree; empty for kinds that are not looked at.
    columns: Vec<Vec<Balance>>,
}

/// How one node stands for one kind. Sums of the largest amounts stay far from the ends of an `i128`.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct Balance {
    /// What is held at the node itself, and by owners below that have no quota.
    pub(super) direct: i128,
    /// What the children import, less what they can lend.
    below: i128,
    /// What the children hold, and what is guaranteed to them beyond.
    taken_below: i128,
}

impl Balance {
    /// What the subtree imports; below zero, what it has left.
    pub(super) fn imports(&self, rule: &KindRule) -> i128 {
        self.direct - i128::from(rule.nominal) + self.below
    }

    /// What the holders at the node itself hold above what they own.
    pub(super) fn own_imports(&self, rule: &KindRule) -> i128 {
        self.direct - i128::from(rule.own)
    }

    /// What the subtree holds, and what is guaranteed to it beyond.
    pub(super) fn taken(&self, rule: &KindRule) -> i128 {
        (self.direct + self.taken_below).max(rule.guarantee.into())
    }

    /// What the level above sees of the imports: of what is left, only what can be lent.
    fn handed_up(&self, rule: &KindRule) -> i128 {
        self.imports(rule).max(-i128::from(rule.lendable()))
    }
}

impl<'a> Standing<'a> {
    /// How the tree stands for the kinds in the mask.
    pub(super) fn of(tree: &'a QuotaTree, accounts: &Accounts, mask: u32) -> Self {
        let held: Vec<Amounts> = (0..tree.nodes.len())
            .map(|node| {
                let account = tree.account_of(accounts, node);
                account.map_or(Amounts::ZERO, |id| *accounts.held(id))
            })
            .collect();
        let column = |column: &Column| {
            if mask & (1 << column.kind.index()) == 0 {
                return Vec::new();
            }
            let mut balances = vec![Balance::default(); tree.nodes.len()];
            for node in (0..tree.nodes.len()).rev() {
                let children = tree.nodes[node].children.iter();
                let below: i128 = children
                    .map(|child| i128::from(held[*child].get(column.kind)))
                    .sum();
                balances[node].direct = (i128::from(held[node].get(column.kind)) - below).max(0);
                let (seen, rule) = (balances[node], &column.rules[node]);
                if node != ROOT {
                    let above = &mut balances[tree.nodes[node].parent];
                    above.below += seen.handed_up(rule);
                    above.taken_below += seen.taken(rule);
                }
            }
            balances
        };
        let columns = tree.columns.iter().map(column).collect();
        let balances = Cow::Owned(Balances { columns });
        Self { tree, balances }
    }

    /// How the tree stands by balances that were kept.
    pub(super) const fn by(tree: &'a QuotaTree, balances: &'a Balances) -> Self {
        let balances = Cow::Borrowed(balances);
        Self { tree, balances }
    }

    /// The balances, to be kept.
    pub(super) fn into_balances(self) -> Balances {
        self.balances.into_owned()
    }

    /// The rule and the balance of a node, for a kind that is looked at.
    pub(super) fn at(&self, column: usize, node: NodeId) -> (&KindRule, &Balance) {
        (
            &self.tree.columns[column].rules[node],
            &self.balances.columns[column][node],
        )
    }

    /// The columns of the kinds of which there is something, and how much.
    pub(super) fn governed(
        &self,
        amounts: &Amounts,
    ) -> impl Iterator<Item = (usize, u64)> + use<'a> {
        self.tree.governed(amounts)
    }

    /// Counts so much more at a node.
    pub(super) fn charge(&mut self, node: NodeId, amounts: &Amounts) {
        for (column, amount) in self.governed(amounts) {
            self.change(column, node, amount.into());
        }
    }

    /// Counts so much less at a node.
    pub(super) fn credit(&mut self, node: NodeId, amounts: &Amounts) {
        for (column, amount) in self.governed(amounts) {
            self.change(column, node, -i128::from(amount));
        }
    }

    fn change(&mut self, column: usize, node: NodeId, more: i128) {
        self.balances.to_mut().change(self.tree, column, node, more);
    }

    /// Shows how each node on the way up would stand if so much more were held at a node, innermost first.
    pub(super) fn rise(
        &self,
        column: usize,
        node: NodeId,
        more: i128,
        mut see: impl FnMut(NodeId, Balance),
    ) {
        let mut step = Step::of(more);
        for node in self.tree.path_up(node) {
            let (rule, before) = self.at(column, node);
            let (after, next) = step.onto(before, rule);
            see(node, after);
            step = next;
            if step.is_nothing() {
                return;
            }
        }
    }
}

impl Balances {
    /// Counts so much more of one kind at a node.
    pub(super) fn change(&mut self, tree: &QuotaTree, column: usize, node: NodeId, more: i128) {
        let mut step = Step::of(more);
        for node in tree.path_up(node) {
            let balance = &mut self.columns[column][node];
            (*balance, step) = step.onto(balance, &tree.columns[column].rules[node]);
            if step.is_nothing() {
                return;
            }
        }
    }
}

/// What a change below comes to at one level.
#[derive(Clone, Copy)]
struct Step {
    direct: i128,
    below: i128,
    taken_below: i128,
}

impl Step {
    const fn of(direct: i128) -> Self {
        Self {
            direct,
            below: 0,
            taken_below: 0,
        }
    }

    const fn is_nothing(&self) -> bool {
        self.direct == 0 && self.below == 0 && self.taken_below == 0
    }

    /// The level after the change, and what that comes to one level up.
    fn onto(self, before: &Balance, rule: &KindRule) -> (Balance, Self) {
        let after = Balance {
            direct: before.direct + self.direct,
            below: before.below + self.below,
            taken_below: before.taken_below + self.taken_below,
        };
        let up = Self {
            direct: 0,
            below: after.handed_up(rule) - before.handed_up(rule),
            taken_below: after.taken(rule) - before.taken(rule),
        };
        (after, up)
    }
}
