//! The tree of quotas: built once, with everything that is wrong with it said at once.

use super::rule::{KindRule, Quota};
use crate::accounts::{AccountId, Accounts};
use cloudlot_core::{Amounts, Faults, Kind, Kinds, OwnerPath, Quantity, Rule};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// The place of a node; parents come before their children, the root first.
pub(super) type NodeId = usize;

/// The root.
pub(super) const ROOT: NodeId = 0;

/// Quotas of owners, and the arithmetic of lending between them: see [the module](super).
///
/// ```
/// # use cloudlot_policy::accounts::Accounts;
/// # use cloudlot_policy::quota::{Quota, QuotaTree};
/// # use cloudlot_core::{Amounts, Kind, Kinds, Timestamp, cores};
/// let tree = QuotaTree::builder()
///     .node("org".parse()?, Quota::new())
///     .node("org/a".parse()?, Quota::new().nominal([cores(6)]).guarantee([cores(1)]))
///     .node("org/b".parse()?, Quota::new().nominal([cores(4)]).borrow([cores(3)]))
///     .build(&Kinds::new())?;
///
/// let mut accounts = Accounts::default();
/// let b = accounts.account(&"org/b".parse()?);
/// let ask = |n: u64| Amounts::of([(Kind::CPU, n * 1_000)]);
/// let admission = tree.admit(&accounts, b, &ask(7)).unwrap();
/// assert_eq!(admission.borrowed, ask(3));
/// let no = tree.admit(&accounts, b, &ask(8)).unwrap_err();
/// assert_eq!(no.to_string(), "org/b may not borrow so much: short by 1000 of cpu");
/// # Ok::<(), cloudlot_core::Faults>(())
/// ```
#[derive(Clone, Debug)]
pub struct QuotaTree {
    pub(super) nodes: Vec<Node>,
    by_path: BTreeMap<OwnerPath, NodeId>,
    pub(super) columns: Vec<Column>,
}

#[derive(Clone, Debug)]
pub(super) struct Node {
    /// `None`: the root.
    pub(super) path: Option<OwnerPath>,
    pub(super) parent: NodeId,
    pub(super) children: Vec<NodeId>,
    /// How many levels below the root.
    pub(super) depth: usize,
    pub(super) weight: u32,
}

/// What holds for one kind, node by node.
#[derive(Clone, Debug)]
pub(super) struct Column {
    pub(super) kind: Kind,
    pub(super) rules: Vec<KindRule>,
}

/// A tree of quotas in the making.
#[derive(Clone, Debug, Default)]
pub struct QuotaTreeBuilder {
    root: Quota,
    nodes: Vec<(OwnerPath, Quota)>,
}

impl QuotaTreeBuilder {
    /// What everybody shares: its nominal is a pool for all, its limit holds for all together.
    #[must_use]
    pub fn root(mut self, quota: Quota) -> Self {
        self.root = quota;
        self
    }

    /// The quota of an owner. Its parent is the nearest owner above it that has a quota, or the root.
    #[must_use]
    pub fn node(mut self, owner: OwnerPath, quota: Quota) -> Self {
        self.nodes.push((owner, quota));
        self
    }

    /// The tree, by the numbers of the ledger whose kinds these are.
    ///
    /// # Errors
    /// All faults at once: kinds that are unknown or named twice, owners that are named twice, weights of nothing, guarantees
    /// above what the subtree owns, limits below it, sums beyond 2^64 - 1, and a root that would borrow or lend.
    pub fn build(self, kinds: &Kinds) -> Result<QuotaTree, Faults> {
        let mut faults = Faults::default();
        if !(self.root.borrow.is_empty() && self.root.lend.is_empty()) {
            let alone = "is for owners: above the root there is nobody".to_owned();
            faults.add("root.borrow", "", Rule::Other(alone));
        }
        let mut quotas = BTreeMap::new();
        for (path, quota) in self.nodes {
            if quotas.insert(path.clone(), quota).is_some() {
                faults.add("owner", path, Rule::Twice);
            }
        }
        let mut tree = QuotaTree::shape(quotas.iter());
        let all = std::iter::once(&self.root).chain(quotas.values());
        for (node, quota) in all.enumerate() {
            tree.take_in(node, quota, kinds, &mut faults);
        }
        tree.add_up(&mut faults);
        faults.or(tree)
    }
}

impl QuotaTree {
    /// A tree in the making.
    #[must_use]
    pub fn builder() -> QuotaTreeBuilder {
        QuotaTreeBuilder::default()
    }

    /// What an owner and those below own together, of the kinds that quotas name; `None` if it has no quota.
    #[must_use]
    pub fn total(&self, owner: &OwnerPath) -> Option<Amounts> {
        let node = *self.by_path.get(owner)?;
        let total = |column: &Column| (column.kind, column.rules[node].total);
        Some(self.columns.iter().map(total).collect())
    }

    /// The owners that have a quota, parents first.
    pub fn owners(&self) -> impl Iterator<Item = &OwnerPath> {
        self.by_path.keys()
    }

    /// The nodes with their places in the order of their paths, in which parents come first.
    fn shape<'a>(quotas: impl Iterator<Item = (&'a OwnerPath, &'a Quota)>) -> Self {
        let mut tree = Self {
            nodes: vec![Node {
                path: None,
                parent: ROOT,
                children: Vec::new(),
                depth: 0,
                weight: 1,
            }],
            by_path: BTreeMap::new(),
            columns: Vec::new(),
        };
        for (path, quota) in quotas {
            let above = std::iter::successors(path.parent(), OwnerPath::parent);
            let parent = above
                .filter_map(|path| tree.by_path.get(&path).copied())
                .next();
            let parent = parent.unwrap_or(ROOT);
            let node = tree.nodes.len();
            let depth = tree.nodes[parent].depth + 1;
            tree.nodes[parent].children.push(node);
            tree.nodes.push(Node {
                path: Some(path.clone()),
                parent,
                children: Vec::new(),
                depth,
                weight: quota.weight,
            });
            tree.by_path.insert(path.clone(), node);
        }
        tree
    }

    fn take_in(&mut self, node: NodeId, quota: &Quota, kinds: &Kinds, faults: &mut Faults) {
        let name = Name(self.nodes[node].path.as_ref());
        let name = name.to_string();
        if quota.weight == 0 {
            faults.add(format_args!("{name}.weight"), 0, Rule::Zero);
        }
        let mut each = |list: &[Quantity], what: &str, set: fn(&mut KindRule, u64)| {
            let mut seen = BTreeSet::new();
            for quantity in list {
                let place = format_args!("{name}.{what}.{}", quantity.kind()).to_string();
                let Some(kind) = kinds.find(quantity.kind()) else {
                    let unknown = "is of a kind that no resource offers".to_owned();
                    faults.add(place, quantity.amount_text(), Rule::Other(unknown));
                    continue;
                };
                if !seen.insert(kind) {
                    faults.add(place, quantity.amount_text(), Rule::Twice);
                }
                set(self.rule_mut(kind, node), quantity.amount());
            }
        };
        each(&quota.nominal, "nominal", |rule, n| rule.nominal = n);
        each(&quota.guarantee, "guarantee", |rule, n| rule.guarantee = n);
        each(&quota.limit, "limit", |rule, n| rule.limit = Some(n));
        each(&quota.borrow, "borrow", |rule, n| rule.borrow = Some(n));
        each(&quota.lend, "lend", |rule, n| rule.lend = Some(n));
    }

    fn rule_mut(&mut self, kind: Kind, node: NodeId) -> &mut KindRule {
        let place = self
            .columns
            .binary_search_by_key(&kind, |column| column.kind);
        let place = place.unwrap_or_else(|place| {
            let rules = vec![KindRule::NONE; self.nodes.len()];
            self.columns.insert(place, Column { kind, rules });
            place
        });
        &mut self.columns[place].rules[node]
    }

    /// The totals, children before their parents, and what does not go with them.
    fn add_up(&mut self, faults: &mut Faults) {
        for column in &mut self.columns {
            let kind = column.kind;
            for node in (0..self.nodes.len()).rev() {
                let own = column.rules[node].nominal;
                let mut below = self.nodes[node].children.iter();
                let total = below.try_fold(own, |sum, child| {
                    sum.checked_add(column.rules[*child].total)
                });
                let name = Name(self.nodes[node].path.as_ref());
                if total.is_none() {
                    let all = "and what those below own pass 2^64 - 1".to_owned();
                    faults.add(
                        format_args!("{name}.nominal.{kind:?}"),
                        own,
                        Rule::Other(all),
                    );
                }
                let total = total.unwrap_or(u64::MAX);
                let rule = &mut column.rules[node];
                rule.total = total;
                let is_leaf = node != ROOT && self.nodes[node].children.is_empty();
                rule.own = if is_leaf { own } else { 0 };
                if rule.guarantee > total {
                    let owned = Rule::Above(format!("the {total} that it and those below own"));
                    let path = format_args!("{name}.guarantee.{kind:?}").to_string();
                    faults.add(path, rule.guarantee, owned);
                }
                if let Some(limit) = rule.limit.filter(|limit| *limit < total) {
                    let above =
                        Rule::Above(format!("its limit of {limit}, with what those below own"));
                    faults.add(format_args!("{name}.nominal.{kind:?}"), total, above);
                }
            }
        }
    }

    /// The columns of the kinds of which there is something, and how much.
    pub(super) fn governed(
        &self,
        amounts: &Amounts,
    ) -> impl Iterator<Item = (usize, u64)> + use<'_> {
        let amounts = *amounts;
        let amount = move |(place, column): (usize, &Column)| (place, amounts.get(column.kind));
        let columns = self.columns.iter().enumerate();
        columns.map(amount).filter(|(_, amount)| *amount > 0)
    }

    /// The node that an account counts at: its own, or the nearest above.
    pub(super) fn node_of(&self, accounts: &Accounts, id: AccountId) -> NodeId {
        let mut levels = accounts.path_up(id);
        let own = levels.find_map(|id| self.by_path.get(accounts.path(id)?));
        own.copied().unwrap_or(ROOT)
    }

    /// The account of a node, if anybody there or below ever held something.
    pub(super) fn account_of(&self, accounts: &Accounts, node: NodeId) -> Option<AccountId> {
        match &self.nodes[node].path {
            Some(path) => accounts.find(path),
            None => Some(AccountId::ROOT),
        }
    }

    /// The node and those above it, up to the root.
    pub(super) fn path_up(&self, node: NodeId) -> impl Iterator<Item = NodeId> {
        let parent = |node: &NodeId| (*node != ROOT).then(|| self.nodes[*node].parent);
        std::iter::successors(Some(node), parent)
    }

    /// The lowest node above both, either of them included.
    pub(super) fn meeting(&self, mut a: NodeId, mut b: NodeId) -> NodeId {
        // A node comes after its parent, so the larger number is never above the smaller one.
        while a != b {
            if a > b {
                a = self.nodes[a].parent;
            } else {
                b = self.nodes[b].parent;
            }
        }
        a
    }
}

impl QuotaTree {
    /// The child of `above` on the way to `node`; `None` if they are the same.
    pub(super) fn child_towards(&self, above: NodeId, node: NodeId) -> Option<NodeId> {
        self.path_up(node)
            .take_while(|level| *level != above)
            .last()
    }
}

/// The name of a node in faults.
pub(super) struct Name<'a>(pub(super) Option<&'a OwnerPath>);

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(path) => path.fmt(f),
            None => f.write_str("root"),
        }
    }
}
