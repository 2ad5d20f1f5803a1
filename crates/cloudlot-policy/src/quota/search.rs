//! The fewest and cheapest reservations that make room for an ask.

use super::inside::{self, Held};
use super::reclaim::{Fair, FairShare, Right};
use super::standing::Standing;
use super::tree::{NodeId, ROOT};
use cloudlot_core::{Amounts, Timestamp};
use std::collections::BTreeMap;

/// Sets of one size are all tried while there are at most this many.
const SETS: u64 = 4_096;

/// A reservation that could be taken.
#[derive(Clone, Debug)]
pub(super) struct Prey {
    /// Its place among the candidates.
    pub(super) place: usize,
    pub(super) node: NodeId,
    /// The lowest node above it and the asker.
    pub(super) meeting: NodeId,
    pub(super) amounts: Amounts,
    /// The columns of what is short that it holds.
    pub(super) helps: Vec<usize>,
}

/// A node on the asker's way up, in a fair taking.
#[derive(Clone, Debug)]
struct Level {
    node: FairShare,
    /// The side below the node on which the asker lies, before and after the ask.
    side: FairShare,
    side_after: FairShare,
}

impl Level {
    fn all(standing: &Standing<'_>, node: NodeId, amounts: &Amounts, fair: &Fair<'_>) -> Vec<Self> {
        let mut after = standing.clone();
        after.charge(node, amounts);
        let level = |meeting: NodeId| Self {
            node: standing.fair_share(meeting, false, fair),
            side: standing.side(meeting, node, fair),
            side_after: after.side(meeting, node, fair),
        };
        standing.tree.path_up(node).map(level).collect()
    }
}

/// A search in progress.
#[derive(Debug)]
pub(super) struct Hunt<'a> {
    /// Without the ask, and without what is taken.
    standing: Standing<'a>,
    node: NodeId,
    amounts: &'a Amounts,
    /// The cheapest first.
    prey: &'a [Prey],
    right: Right<'a>,
    /// Of a fair taking: how each node on the way up stands before it, and the asker's side below it with and without the
    /// ask. What is taken lies on other sides.
    way: Vec<Level>,
    /// Places in the list of prey.
    taken: Vec<usize>,
}

impl<'a> Hunt<'a> {
    pub(super) fn new(
        standing: Standing<'a>,
        node: NodeId,
        amounts: &'a Amounts,
        prey: &'a [Prey],
        right: Right<'a>,
    ) -> Self {
        let way = match right {
            Right::Own => Vec::new(),
            Right::Fair(fair) => Level::all(&standing, node, amounts, fair),
        };
        Self {
            standing,
            node,
            amounts,
            prey,
            right,
            way,
            taken: Vec::new(),
        }
    }

    /// The places among the candidates of what is to be taken, the cheapest first.
    pub(super) fn run(mut self) -> Option<Vec<usize>> {
        let most = if self.grab() {
            self.taken.len()
        } else {
            self.prey.len()
        };
        let grabbed = std::mem::take(&mut self.taken);
        for place in &grabbed {
            self.standing
                .charge(self.prey[*place].node, &self.prey[*place].amounts);
        }
        for size in self.fewest()..=most {
            if sets(self.prey.len(), size) > SETS {
                break;
            }
            if self.try_all(self.prey.len(), size) {
                return Some(self.answer());
            }
        }
        self.taken = grabbed;
        (!self.taken.is_empty()).then(|| self.answer())
    }

    fn answer(&mut self) -> Vec<usize> {
        self.taken.sort_unstable();
        self.taken
            .iter()
            .map(|place| self.prey[*place].place)
            .collect()
    }

    /// No fewer than this can do: even the largest ones are too small for what is short.
    fn fewest(&self) -> usize {
        let mut fewest = 1;
        for short in self.standing.shorts(self.node, self.amounts) {
            let amount = |prey: &Prey| {
                let mut governed = self.standing.governed(&prey.amounts);
                governed
                    .find(|(column, _)| *column == short.column)
                    .map_or(0, |(_, amount)| amount)
            };
            let mut amounts: Vec<u64> = self.prey.iter().map(amount).collect();
            amounts.sort_unstable_by(|a, b| b.cmp(a));
            let mut left = short.by;
            let needed = amounts.iter().take_while(|amount| {
                let go_on = left > 0;
                left -= i128::from(**amount);
                go_on
            });
            fewest = fewest.max(needed.count());
        }
        fewest
    }

    /// Tries every set of so many among the first `among`, those whose costliest is cheapest first.
    fn try_all(&mut self, among: usize, size: usize) -> bool {
        if size == 0 {
            return self.is_enough();
        }
        for place in size - 1..among {
            self.take(place);
            if self.may_keep(place) && self.try_all(place, size - 1) {
                return true;
            }
            self.give_back();
        }
        false
    }

    /// Takes what helps most, again and again, until it is enough, and gives back what was not needed.
    fn grab(&mut self) -> bool {
        let classes = self.classes();
        while !self.is_enough() {
            let lacking = self.lacking();
            let mut seen = vec![false; self.prey.len()];
            let mut best: Option<(i128, usize)> = None;
            for (place, class) in classes.iter().enumerate() {
                // Of those that are alike only the cheapest that is left is looked at.
                if self.taken.contains(&place) || std::mem::replace(&mut seen[*class], true) {
                    continue;
                }
                self.take(place);
                let left = self.lacking();
                let better = left < lacking && best.is_none_or(|(least, _)| left < least);
                if better && self.may_keep(place) && self.is_right(place) {
                    best = Some((left, place));
                }
                self.give_back();
            }
            let Some((_, place)) = best else {
                while !self.taken.is_empty() {
                    self.give_back();
                }
                return false;
            };
            self.take(place);
        }
        self.let_go();
        true
    }

    /// Gives back what turns out not to be needed, the costliest first.
    fn let_go(&mut self) {
        let mut costliest = self.taken.clone();
        costliest.sort_unstable_by(|a, b| b.cmp(a));
        for place in costliest {
            let at = self.taken.iter().position(|taken| *taken == place);
            let at = at.expect("it was taken");
            self.taken.remove(at);
            self.standing
                .charge(self.prey[place].node, &self.prey[place].amounts);
            if !self.is_enough() {
                self.take(place);
            }
        }
    }

    fn take(&mut self, place: usize) {
        self.standing
            .credit(self.prey[place].node, &self.prey[place].amounts);
        self.taken.push(place);
    }

    fn give_back(&mut self) {
        if let Some(place) = self.taken.pop() {
            self.standing
                .charge(self.prey[place].node, &self.prey[place].amounts);
        }
    }

    /// Which are alike: they lie at one node and hold the same. The number is that of the cheapest of them.
    fn classes(&self) -> Vec<usize> {
        let mut first = BTreeMap::new();
        let class = |(place, prey): (usize, &Prey)| {
            let amounts: Vec<(usize, u64)> = self.standing.governed(&prey.amounts).collect();
            *first.entry((prey.node, amounts)).or_insert(place)
        };
        self.prey.iter().enumerate().map(class).collect()
    }

    /// How much is missing at all levels together, each kind by how much of it is asked for.
    fn lacking(&self) -> i128 {
        let shorts = self.standing.shorts(self.node, self.amounts);
        let part = |short: &super::admit::Short| {
            let kind = self.standing.tree.columns[short.column].kind;
            (short.by << 32) / i128::from(self.amounts.get(kind).max(1))
        };
        shorts.iter().map(part).sum()
    }

    /// Whether the owner of what was taken, and every level up to where it meets the asker, keep what they own of what is
    /// short.
    fn may_keep(&self, place: usize) -> bool {
        let prey = &self.prey[place];
        // The holders at a node with children own nothing there, and those at one without are all that it has.
        let keeps = prey.helps.iter().all(|column| {
            let levels = self.standing.tree.path_up(prey.node);
            let mut sides = levels.take_while(|node| *node != prey.meeting);
            sides.all(|node| {
                let (rule, balance) = self.standing.at(*column, node);
                balance.imports(rule) >= 0
            })
        });
        keeps && (matches!(self.right, Right::Own) || self.is_right(place))
    }

    /// Whether the asker fits, with the right to all that was taken.
    fn is_enough(&self) -> bool {
        !self.taken.is_empty()
            && self.standing.shorts(self.node, self.amounts).is_empty()
            && self.has_right_to_all()
            && self.leaves_levels_above()
    }

    fn has_right_to_all(&self) -> bool {
        match self.right {
            Right::Own => {
                let within = self.standing.within(self.node, self.amounts);
                self.taken.iter().all(|place| within[self.level(*place)])
            }
            Right::Fair(fair) => self.taken.iter().all(|place| self.is_fair(*place, fair)),
        }
    }

    /// Whether the asker may take this, as things stand.
    fn is_right(&self, place: usize) -> bool {
        match self.right {
            Right::Own => self.standing.within(self.node, self.amounts)[self.level(place)],
            Right::Fair(fair) => self.is_fair(place, fair),
        }
    }

    fn is_fair(&self, place: usize, fair: &Fair<'_>) -> bool {
        let prey = &self.prey[place];
        let victim = self.standing.side(prey.meeting, prey.node, fair);
        let level = &self.way[self.level(place)];
        level.side < level.side_after && level.side_after < victim
    }

    /// How many levels above the asker it meets the owner of this.
    fn level(&self, place: usize) -> usize {
        let nodes = &self.standing.tree.nodes;
        nodes[self.node].depth - nodes[self.prey[place].meeting].depth
    }

    /// Whether no share above falls, and nothing that is inside there; asked of a fair taking alone.
    fn leaves_levels_above(&self) -> bool {
        let Right::Fair(fair) = self.right else {
            return true;
        };
        let tree = self.standing.tree;
        let meeting = self.prey[self.taken[0]].meeting;
        let above: Vec<NodeId> = tree.path_up(meeting).filter(|node| *node != ROOT).collect();
        if above.is_empty() {
            return true;
        }
        let mut after = self.standing.clone();
        after.charge(self.node, self.amounts);
        let lower = tree.nodes[self.node].depth - tree.nodes[meeting].depth;
        let shares = above.iter().enumerate().all(|(level, node)| {
            let share = after.fair_share(*node, false, fair);
            share >= self.way[lower + level].node
        });
        shares && self.leaves_inside(fair, &after, &above)
    }

    fn leaves_inside(&self, fair: &Fair<'_>, after: &Standing<'_>, above: &[NodeId]) -> bool {
        let gone: Vec<usize> = self
            .taken
            .iter()
            .map(|place| self.prey[*place].place)
            .collect();
        let left = fair.held.iter().enumerate();
        let left = left
            .filter(|(place, _)| !gone.contains(place))
            .map(|(_, held)| *held);
        let asked = Held {
            node: self.node,
            amounts: *self.amounts,
            priority: fair.priority,
            since: Timestamp::MAX,
            id: None,
        };
        let held: Vec<Held> = left.chain([asked]).collect();
        let depths = inside::depths(after, &held);
        above.iter().all(|node| {
            let before = inside::by_priority(after, *node, fair.held, fair.depths);
            inside::is_no_lower(&before, &inside::by_priority(after, *node, &held, &depths))
        })
    }
}

impl Standing<'_> {
    /// The share of the side below `meeting` on which `node` lies: of the child, or of the holders at the node itself.
    pub(super) fn side(&self, meeting: NodeId, node: NodeId, fair: &Fair<'_>) -> FairShare {
        match self.tree.child_towards(meeting, node) {
            Some(child) => self.fair_share(child, false, fair),
            None => self.fair_share(meeting, true, fair),
        }
    }
}

/// How many sets of a size there are, as far as they can be counted.
fn sets(among: usize, size: usize) -> u64 {
    let mut sets = 1_u64;
    for n in 0..size.min(among) {
        let (more, of) = ((among - n) as u64, n as u64 + 1);
        // Exact at each step: it counts the sets of size `n + 1`.
        match sets.checked_mul(more) {
            Some(product) => sets = product / of,
            None => return u64::MAX,
        }
    }
    sets
}
