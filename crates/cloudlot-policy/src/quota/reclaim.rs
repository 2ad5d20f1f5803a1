//! Taking back: who may take from whom, and the two ways in.

use super::inside::{self, Held};
use super::search::{Hunt, Prey};
use super::standing::Standing;
use super::tree::{NodeId, QuotaTree, ROOT};
use crate::accounts::{AccountId, Accounts, Share};
use cloudlot_core::{Amounts, Priority, ReservationId, Timestamp};
use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BTreeSet};

/// A reservation that may be taken.
///
/// The caller names every reservation that may be taken, not only those that look likely: which ones are inside their owners'
/// quota follows from all of them. What the accounts count beyond them comes before all of them and is never taken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Candidate {
    /// Which.
    pub reservation: ReservationId,
    /// Whose.
    pub owner: AccountId,
    /// What it holds in all.
    pub amounts: Amounts,
    /// The priority it was asked for with.
    pub priority: Priority,
    /// When it was made. Of those made at one moment the lower identifier counts as the older one.
    pub since: Timestamp,
}

/// By what right something is taken.
#[derive(Clone, Copy, Debug)]
pub(super) enum Right<'a> {
    /// The asker's level imports nothing of what it asks for.
    Own,
    /// The asker's level has the smaller share, also after.
    Fair(&'a Fair<'a>),
}

/// What taking fairly needs to know.
#[derive(Clone, Debug)]
pub(super) struct Fair<'a> {
    /// All reservations that may be taken, and how deep inside they are.
    pub(super) held: &'a [Held],
    pub(super) depths: &'a [usize],
    pub(super) priority: Priority,
    /// The part of the share that comes from the past: of a node, and of the holders at the node itself.
    pub(super) lately: Vec<[Share; 2]>,
}

/// What a node, or the holders at it, borrow of what there is, to be compared by weight.
#[derive(Clone, Copy, Debug)]
pub(super) struct FairShare {
    /// At most 2^65, so that no product with a weight is too large.
    parts: u128,
    weight: u32,
}

impl Ord for FairShare {
    fn cmp(&self, other: &Self) -> Ordering {
        let (one, two) = (
            self.parts * u128::from(other.weight),
            other.parts * u128::from(self.weight),
        );
        one.cmp(&two)
    }
}

impl PartialOrd for FairShare {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for FairShare {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for FairShare {}

impl QuotaTree {
    /// The reservations to take so that an owner gets what is its own: the fewest, and of those the cheapest. `None` if it
    /// fits as it is, asks for more than its own at every level, or cannot be made to fit.
    ///
    /// Cheapest: the most urgent or oldest one among them is the least urgent, then the youngest, that it can be; and so on
    /// for the next ones. They are given with the cheapest first: lowest priority, then youngest, then lowest identifier. That
    /// is exact while the sets of that size number at most 4,096, and else what a greedy choice finds, without those that it
    /// turns out not to need. Why this ends, and what is never taken, is told by [the module](super).
    #[must_use]
    pub fn reclaim(
        &self,
        accounts: &Accounts,
        id: AccountId,
        amounts: &Amounts,
        candidates: &[Candidate],
    ) -> Option<Vec<ReservationId>> {
        let standing = Standing::of(self, accounts, u32::MAX);
        let node = self.node_of(accounts, id);
        let shorts = standing.shorts(node, amounts);
        if shorts.is_empty() || !standing.may_reclaim(node, amounts, &shorts) {
            return None;
        }
        let held = self.held(accounts, candidates);
        let depths = inside::depths(&standing, &held);
        let prey = self.prey(&standing, node, amounts, &held, &depths);
        let taken = Hunt::new(standing, node, amounts, &prey, Right::Own).run()?;
        Some(
            taken
                .into_iter()
                .map(|place| candidates[place].reservation)
                .collect(),
        )
    }

    /// The reservations to take so that an owner who borrows little can borrow more, from owners who borrow much: see
    /// [the module](super). `priority` is that of the ask. `None` if it fits as it is or cannot be made to fit; an owner that
    /// asks for its own should [`QuotaTree::reclaim`] first.
    ///
    /// The level nearest to the owner at which it works is taken. The choice there is as in [`QuotaTree::reclaim`], but whoever
    /// has the larger share gives first, whatever the priorities.
    #[must_use]
    pub fn reclaim_fairly(
        &self,
        accounts: &Accounts,
        id: AccountId,
        amounts: &Amounts,
        priority: Priority,
        candidates: &[Candidate],
        now: Timestamp,
    ) -> Option<Vec<ReservationId>> {
        let standing = Standing::of(self, accounts, u32::MAX);
        let node = self.node_of(accounts, id);
        if standing.shorts(node, amounts).is_empty() {
            return None;
        }
        let held = self.held(accounts, candidates);
        let depths = inside::depths(&standing, &held);
        let all = self.prey(&standing, node, amounts, &held, &depths);
        let fair = Fair {
            held: &held,
            depths: &depths,
            priority,
            lately: self.lately(accounts, now),
        };
        self.path_up(node).find_map(|meeting| {
            let here = all.iter().filter(|prey| prey.meeting == meeting);
            let mut prey: Vec<Prey> = here.cloned().collect();
            // The sort is stable: sides that share alike stay in the order of their reservations.
            prey.sort_by_key(|prey| Reverse(standing.side(meeting, prey.node, &fair)));
            let hunt = Hunt::new(standing.clone(), node, amounts, &prey, Right::Fair(&fair));
            let taken = hunt.run()?.into_iter();
            Some(taken.map(|place| candidates[place].reservation).collect())
        })
    }

    fn held(&self, accounts: &Accounts, candidates: &[Candidate]) -> Vec<Held> {
        let mut nodes = BTreeMap::new();
        let held = candidates.iter().map(|candidate| Held {
            node: *nodes
                .entry(candidate.owner)
                .or_insert_with(|| self.node_of(accounts, candidate.owner)),
            amounts: candidate.amounts,
            priority: candidate.priority,
            since: candidate.since,
            id: Some(candidate.reservation),
        });
        held.collect()
    }

    /// What could be taken for an ask, the cheapest first: it lies at another node, holds what is short, and is not inside.
    fn prey(
        &self,
        standing: &Standing<'_>,
        node: NodeId,
        amounts: &Amounts,
        held: &[Held],
        depths: &[usize],
    ) -> Vec<Prey> {
        let shorts = standing.shorts(node, amounts);
        let short: BTreeSet<usize> = shorts.iter().map(|short| short.column).collect();
        let mut prey = Vec::new();
        for (place, (held, depth)) in held.iter().zip(depths).enumerate() {
            let meeting = self.meeting(node, held.node);
            let amounts = standing.governed(&held.amounts);
            let helps: Vec<usize> = amounts
                .map(|(column, _)| column)
                .filter(|c| short.contains(c))
                .collect();
            if held.node != node && !helps.is_empty() && *depth <= self.nodes[meeting].depth {
                prey.push(Prey {
                    place,
                    node: held.node,
                    meeting,
                    amounts: held.amounts,
                    helps,
                });
            }
        }
        let cost = |prey: &Prey| {
            let held = &held[prey.place];
            (held.priority, Reverse(held.since), held.id)
        };
        prey.sort_by_key(cost);
        prey
    }

    /// For each node, and for the holders at it, the largest part of any kind that was held lately above what they own.
    fn lately(&self, accounts: &Accounts, now: Timestamp) -> Vec<[Share; 2]> {
        let mut shares = vec![[Share::ZERO; 2]; self.nodes.len()];
        for column in &self.columns {
            let mean = |node: NodeId| {
                let account = self.account_of(accounts, node);
                account.map_or(0.0, |id| accounts.mean(id, column.kind, now))
            };
            for (node, shares) in shares.iter_mut().enumerate() {
                let all = mean(node);
                let below: f64 = self.nodes[node]
                    .children
                    .iter()
                    .map(|child| mean(*child))
                    .sum();
                let rule = &column.rules[node];
                let whole = column.rules[ROOT].total;
                let above = [all - rule.total as f64, all - below - rule.own as f64];
                for (share, above) in shares.iter_mut().zip(above) {
                    *share = (*share).max(Share::of_mean(above, whole));
                }
            }
        }
        shares
    }
}

impl Standing<'_> {
    /// The share of a node, or of the holders at it.
    pub(super) fn fair_share(&self, node: NodeId, own: bool, fair: &Fair<'_>) -> FairShare {
        let columns = 0..self.tree.columns.len();
        let shares = columns.filter_map(|column| {
            let (rule, balance) = self.at(column, node);
            let imports = if own {
                balance.own_imports(rule)
            } else {
                balance.imports(rule)
            };
            let imports = u64::try_from(imports).ok().filter(|imports| *imports > 0)?;
            Some(Share::of(
                imports,
                self.tree.columns[column].rules[ROOT].total,
            ))
        });
        let borrowed = shares.max().map_or(0, |share| {
            u128::from(share.parts()) + u128::from(fair.lately[node][usize::from(own)].parts())
        });
        FairShare {
            parts: borrowed,
            weight: if own { 1 } else { self.tree.nodes[node].weight },
        }
    }
}
