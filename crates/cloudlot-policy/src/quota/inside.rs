//! Which reservations are inside what the nodes above them own, and so cannot be taken from there.

use super::standing::Standing;
use super::tree::{NodeId, ROOT};
use cloudlot_core::{Amounts, Priority, ReservationId, Timestamp};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// A reservation at its node.
#[derive(Clone, Copy, Debug)]
pub(super) struct Held {
    pub(super) node: NodeId,
    pub(super) amounts: Amounts,
    pub(super) priority: Priority,
    pub(super) since: Timestamp,
    pub(super) id: Option<ReservationId>,
}

impl Held {
    /// The strongest claim first. Whoever has no identifier yet comes last.
    fn claim(&self) -> (Reverse<Priority>, Timestamp, bool, Option<ReservationId>) {
        (
            Reverse(self.priority),
            self.since,
            self.id.is_none(),
            self.id,
        )
    }
}

/// For each reservation the depth of the deepest node that it is inside of; the holders at a node itself lie one level deeper
/// than it. Zero: it is inside of no node below the root.
///
/// What the standing counts beyond these reservations comes before all of them.
pub(super) fn depths(standing: &Standing<'_>, held: &[Held]) -> Vec<usize> {
    let tree = standing.tree;
    let columns = tree.columns.len();
    let mut order: Vec<usize> = (0..held.len()).collect();
    order.sort_by_key(|place| held[*place].claim());
    let mut waiting: Vec<Vec<usize>> = vec![Vec::new(); tree.nodes.len()];
    // What is inside the node, by column.
    let mut inside = vec![vec![0_i128; columns]; tree.nodes.len()];
    for (node, inside) in inside.iter_mut().enumerate() {
        for (column, inside) in inside.iter_mut().enumerate() {
            *inside = standing.at(column, node).1.direct;
        }
    }
    for place in &order {
        let node = held[*place].node;
        waiting[node].push(*place);
        for (column, amount) in standing.governed(&held[*place].amounts) {
            inside[node][column] = (inside[node][column] - i128::from(amount)).max(0);
        }
    }
    let mut depths = vec![0; held.len()];
    let mut rank = vec![0; held.len()];
    for (rank_of, place) in order.iter().enumerate() {
        rank[*place] = rank_of;
    }
    let mut below: Vec<Vec<usize>> = vec![Vec::new(); tree.nodes.len()];
    let mut from_below = vec![vec![0_i128; columns]; tree.nodes.len()];
    for node in (0..tree.nodes.len()).rev() {
        let depth = tree.nodes[node].depth;
        let mut let_in = |list: Vec<usize>, depth: usize, own: bool, used: &mut [i128]| {
            let mut out = Vec::new();
            for place in list {
                let fits = |(column, amount): (usize, u64)| {
                    let rule = standing.at(column, node).0;
                    let owned = if own { rule.own } else { rule.total };
                    used[column] + i128::from(amount) <= i128::from(owned)
                };
                if standing.governed(&held[place].amounts).all(fits) {
                    depths[place] = depth;
                    for (column, amount) in standing.governed(&held[place].amounts) {
                        used[column] += i128::from(amount);
                    }
                } else {
                    out.push(place);
                }
            }
            out
        };
        let own = std::mem::take(&mut waiting[node]);
        let mut rest = let_in(own, depth + 1, true, &mut inside[node]);
        rest.append(&mut below[node]);
        rest.sort_by_key(|place| rank[*place]);
        for column in 0..columns {
            inside[node][column] += from_below[node][column];
        }
        let mut rest = let_in(rest, depth, false, &mut inside[node]);
        let parent = tree.nodes[node].parent;
        below[parent].append(&mut rest);
        for column in 0..columns {
            from_below[parent][column] += inside[node][column];
        }
    }
    depths
}

/// How much in base units is inside a node, by priority, the highest first.
pub(super) fn by_priority(
    standing: &Standing<'_>,
    node: NodeId,
    held: &[Held],
    depths: &[usize],
) -> BTreeMap<Reverse<Priority>, u128> {
    let tree = standing.tree;
    let mut sums = BTreeMap::new();
    for (held, depth) in held.iter().zip(depths) {
        let below = tree.path_up(held.node).any(|level| level == node);
        if node != ROOT && below && *depth >= tree.nodes[node].depth {
            let amounts = standing.governed(&held.amounts);
            let sum: u128 = amounts.map(|(_, amount)| u128::from(amount)).sum();
            *sums.entry(Reverse(held.priority)).or_default() += sum;
        }
    }
    sums
}

/// Whether the second list of sums is no lower than the first: the highest priority in which they differ decides.
pub(super) fn is_no_lower(
    before: &BTreeMap<Reverse<Priority>, u128>,
    after: &BTreeMap<Reverse<Priority>, u128>,
) -> bool {
    let mut priorities: Vec<Reverse<Priority>> =
        before.keys().chain(after.keys()).copied().collect();
    priorities.sort_unstable();
    let sum = |sums: &BTreeMap<Reverse<Priority>, u128>, priority| {
        sums.get(priority).copied().unwrap_or(0)
    };
    let first = priorities
        .iter()
        .map(|priority| (sum(before, priority), sum(after, priority)))
        .find(|(before, after)| before != after);
    first.is_none_or(|(before, after)| after > before)
}
