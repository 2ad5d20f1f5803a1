//! Which reservations are inside what the nodes above them own, and so cannot be taken from there.

use super::rule::KindRule;
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
    let mut letting = Letting::new(standing, held);
    // Children come after their parents.
    for node in (0..tree.nodes.len()).rev() {
        let depth = tree.nodes[node].depth;
        let own = std::mem::take(&mut letting.own[node]);
        let mut rest = letting.let_in(node, own, depth + 1, |rule| rule.own);
        rest.append(&mut letting.below[node]);
        rest.sort_unstable_by_key(|place| letting.rank[*place]);
        letting.count_below(node);
        let mut rest = letting.let_in(node, rest, depth, |rule| rule.total);
        if node != ROOT {
            letting.below[tree.nodes[node].parent].append(&mut rest);
        }
    }
    letting.depths
}

/// Reservations being let in, node by node. Places are those in the list of reservations.
struct Letting<'a> {
    standing: &'a Standing<'a>,
    held: &'a [Held],
    depths: Vec<usize>,
    /// The strongest claim has the lowest rank.
    rank: Vec<usize>,
    /// Of each node, by column: what is inside, of its own holders first and then of all below.
    inside: Vec<Vec<i128>>,
    /// Who lies at each node, the strongest first.
    own: Vec<Vec<usize>>,
    /// Who was let in at no child of each node.
    below: Vec<Vec<usize>>,
}

impl<'a> Letting<'a> {
    fn new(standing: &'a Standing<'a>, held: &'a [Held]) -> Self {
        let nodes = standing.tree.nodes.len();
        let direct = |node| {
            let columns = 0..standing.tree.columns.len();
            columns
                .map(|column| standing.at(column, node).1.direct)
                .collect()
        };
        let mut letting = Self {
            standing,
            held,
            depths: vec![0; held.len()],
            rank: vec![0; held.len()],
            inside: (0..nodes).map(direct).collect(),
            own: vec![Vec::new(); nodes],
            below: vec![Vec::new(); nodes],
        };
        let mut order: Vec<usize> = (0..held.len()).collect();
        order.sort_by_key(|place| held[*place].claim());
        for (rank, place) in order.into_iter().enumerate() {
            let node = held[place].node;
            letting.rank[place] = rank;
            letting.own[node].push(place);
            for (column, amount) in standing.governed(&held[place].amounts) {
                // What is left at the end cannot be taken.
                let inside = &mut letting.inside[node][column];
                *inside = (*inside - i128::from(amount)).max(0);
            }
        }
        letting
    }

    /// Lets in, in this order, what fits in what is owned; gives back the others.
    fn let_in(
        &mut self,
        node: NodeId,
        mut list: Vec<usize>,
        depth: usize,
        owned: impl Fn(&KindRule) -> u64,
    ) -> Vec<usize> {
        let (standing, inside) = (self.standing, &mut self.inside[node]);
        list.retain(|place| {
            let amounts = &self.held[*place].amounts;
            let fits = standing.governed(amounts).all(|(column, amount)| {
                let owned = owned(standing.at(column, node).0);
                inside[column] + i128::from(amount) <= i128::from(owned)
            });
            if fits {
                self.depths[*place] = depth;
                for (column, amount) in standing.governed(amounts) {
                    inside[column] += i128::from(amount);
                }
            }
            !fits
        });
        list
    }

    /// Counts what is inside the children, all of it.
    fn count_below(&mut self, node: NodeId) {
        for child in &self.standing.tree.nodes[node].children {
            let below = std::mem::take(&mut self.inside[*child]);
            for (inside, below) in self.inside[node].iter_mut().zip(below) {
                *inside += below;
            }
        }
    }
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
