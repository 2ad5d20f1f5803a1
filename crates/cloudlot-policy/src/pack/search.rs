//! Exact search by branch and bound: fewest moves first, then the most even loads.
//!
//! The local search gives the first answer. If that meets the goal, the number of allowed moves
//! rises from none until some assignment meets it; otherwise the least spread is found first, and
//! the goal becomes that plus the slack. A branch is cut when water could not be spread more
//! evenly than the best answer: over the loads placed so far, and over the loads with everybody
//! at home when only the heaviest of the remaining items may still leave.

use super::bound::{filled, levelled};
use super::problem::squares;
use super::{Assignment, Balance, Goal, descend};
use std::cmp::Reverse;

/// Search nodes that one answer may cost unless the caller says otherwise: some tenths of a second.
pub const WORK: u64 = 2_000_000;

/// The best assignment, or the best that was found within `work` search nodes.
///
/// Meant for small instances: the work doubles and redoubles with every item.
#[must_use]
pub fn exact(problem: &Balance, goal: Goal, work: u64) -> Assignment {
    let first = descend(problem, goal);
    let mut search = Search::new(problem, work);
    let mut best = first.bins.clone();
    let mut bar = problem.squares_at(goal.spread as f64);
    if squares(&problem.loads(&best)) > bar {
        // Perhaps out of reach: look for the least spread, or the first that will do.
        if let Some(evenest) =
            search.most_even(problem.items().len(), squares(&problem.loads(&best)), bar)
        {
            best = evenest;
        }
        let least = squares(&problem.loads(&best));
        if least > bar {
            let least = (problem.variance(least) as f64).sqrt() / problem.base().len() as f64;
            bar = problem
                .squares_at(least + goal.slack as f64)
                .max(squares(&problem.loads(&best)));
        }
    }
    let most = problem.assignment(best.clone(), false).moves;
    let fewest =
        (search.forced_moves()..most).find_map(|moves| search.most_even(moves, bar + 1, 0));
    let found = fewest.or_else(|| {
        let known = squares(&problem.loads(&best));
        search.most_even(most, known, 0)
    });
    let proven = search.left > 0;
    let found = problem.assignment(found.unwrap_or(best), proven);
    if proven {
        found
    } else {
        better(problem, found, first, bar)
    }
}

/// Without a proof, the search's answer must not be worse than the first one.
fn better(problem: &Balance, found: Assignment, first: Assignment, bar: u128) -> Assignment {
    let meets = |answer: &Assignment| squares(&problem.loads(&answer.bins)) <= bar;
    let key = |answer: &Assignment| (!meets(answer), if meets(answer) { answer.moves } else { 0 });
    if key(&first) < key(&found) {
        first
    } else {
        found
    }
}

struct Search<'a> {
    problem: &'a Balance,
    /// Items, heaviest first; twins (same load, home and choices) stand together.
    order: Vec<usize>,
    /// Whether an item is the twin of the one before it.
    twin: Vec<bool>,
    /// Sums of the loads in `order` up to each position.
    sums: Vec<u64>,
    /// Whether some item's choices name each bin, which tells it from others for good.
    listed: Vec<bool>,
    /// Items not placed yet, by home: these tell a bin from others until they are placed.
    residents: Vec<usize>,
    left: u64,
    /// Loads placed so far.
    placed: Vec<u64>,
    /// Loads of items not placed yet, at their homes; items without one are in no bin.
    waiting: Vec<u64>,
    chosen: Vec<usize>,
    found: Option<Vec<usize>>,
    /// Only assignments with less than this sum of squares are of interest.
    ceiling: u128,
    /// A sum of squares that ends the search.
    enough: u128,
    sorted: Vec<u64>,
}

impl<'a> Search<'a> {
    fn new(problem: &'a Balance, work: u64) -> Self {
        let items = problem.items();
        let mut order: Vec<usize> = (0..items.len()).collect();
        order.sort_by_key(|&item| {
            (
                Reverse(items[item].load),
                items[item].home,
                items[item].allowed.clone(),
                item,
            )
        });
        let twin = |at: usize| at > 0 && items[order[at]] == items[order[at - 1]];
        let twin = (0..order.len()).map(twin).collect();
        let sums = std::iter::once(0).chain(order.iter().scan(0, |sum, &item| {
            *sum += items[item].load;
            Some(*sum)
        }));
        let sums = sums.collect();
        let mut listed = vec![false; problem.base().len()];
        items
            .iter()
            .flat_map(|item| item.allowed.iter().flatten())
            .for_each(|&bin| listed[bin] = true);
        Self {
            problem,
            twin,
            sums,
            listed,
            residents: vec![0; problem.base().len()],
            left: work,
            placed: problem.base().to_vec(),
            waiting: vec![0; problem.base().len()],
            chosen: vec![0; order.len()],
            order,
            found: None,
            ceiling: 0,
            enough: 0,
            sorted: Vec::new(),
        }
    }

    /// Items that cannot stay where they are.
    fn forced_moves(&self) -> usize {
        let items = self.problem.items().iter().enumerate();
        items
            .filter(|(item, it)| {
                it.home
                    .is_some_and(|home| !self.problem.allows(*item, home))
            })
            .count()
    }

    /// The most even assignment with at most `moves` moves and a sum of squares below `ceiling`;
    /// the first one found at or below `enough` will do.
    fn most_even(&mut self, moves: usize, ceiling: u128, enough: u128) -> Option<Vec<usize>> {
        (self.ceiling, self.enough, self.found) = (ceiling, enough, None);
        self.placed = self.problem.base().to_vec();
        self.waiting.fill(0);
        self.residents.fill(0);
        for item in self.problem.items() {
            if let Some(home) = item.home {
                self.waiting[home] += item.load;
                self.residents[home] += 1;
            }
        }
        self.branch(0, moves);
        self.found.take()
    }

    fn branch(&mut self, at: usize, moves: usize) {
        if self.left == 0 || self.ceiling <= self.enough {
            return;
        }
        self.left -= 1;
        let Some(&item) = self.order.get(at) else {
            self.keep();
            return;
        };
        if self.is_hopeless(at, moves) {
            return;
        }
        let (load, home) = (
            self.problem.items()[item].load,
            self.problem.items()[item].home,
        );
        if let Some(home) = home {
            self.waiting[home] -= load;
            self.residents[home] -= 1;
        }
        for bin in self.worthwhile_bins(at, item, moves) {
            let left = moves - usize::from(self.problem.is_move(item, bin));
            self.placed[bin] += load;
            self.chosen[at] = bin;
            self.branch(at + 1, left);
            self.placed[bin] -= load;
        }
        if let Some(home) = home {
            self.waiting[home] += load;
            self.residents[home] += 1;
        }
    }

    /// Keeps a whole assignment if it is more even than the best so far.
    fn keep(&mut self) {
        let reached = squares(&self.placed);
        if reached < self.ceiling {
            self.ceiling = reached;
            let bins = self.found.insert(vec![0; self.order.len()]);
            for (&item, &bin) in self.order.iter().zip(&self.chosen) {
                bins[item] = bin;
            }
        }
    }

    /// Whether no way on from here can come below the ceiling.
    fn is_hopeless(&mut self, at: usize, moves: usize) -> bool {
        let rest = self.sums[self.order.len()] - self.sums[at];
        self.sorted.clear();
        self.sorted.extend_from_slice(&self.placed);
        self.sorted.sort_unstable();
        if filled(&self.sorted, rest) >= self.ceiling {
            return true;
        }
        let at_home: u64 = self.waiting.iter().sum();
        if at_home < rest {
            return false; // Items without a home may go anywhere at no cost.
        }
        let heaviest = self.sums[(at + moves).min(self.order.len())] - self.sums[at];
        self.sorted.clear();
        self.sorted.extend(
            self.placed
                .iter()
                .zip(&self.waiting)
                .map(|(placed, waiting)| placed + waiting),
        );
        self.sorted.sort_unstable();
        levelled(&self.sorted, heaviest) >= self.ceiling
    }

    /// The bins to try for an item: the emptiest first; of bins that nothing tells apart, one; and
    /// twins in rising order only.
    fn worthwhile_bins(&self, at: usize, item: usize, moves: usize) -> Vec<usize> {
        let least = if self.twin[at] {
            self.chosen[at - 1]
        } else {
            0
        };
        let affordable = |bin: &usize| moves > 0 || !self.problem.is_move(item, *bin);
        let own = self.problem.items()[item].home;
        let nameless =
            |bin: usize| !self.listed[bin] && self.residents[bin] == 0 && own != Some(bin);
        let twin_of_lower = |bin: &usize| {
            let same = |other: usize| nameless(other) && self.placed[other] == self.placed[*bin];
            nameless(*bin) && (least..*bin).any(same)
        };
        let mut bins: Vec<usize> = self
            .problem
            .choices(item)
            .filter(|bin| *bin >= least && affordable(bin) && !twin_of_lower(bin))
            .collect();
        bins.sort_by_key(|&bin| (self.placed[bin] + self.waiting[bin], bin));
        bins
    }
}
