//! Local search: step by step off the most loaded bin, for instances too large to search whole.
//!
//! A step is a move of one item, or a swap of two where that is better for each item moved. It
//! ends when the goal is met or no step lowers the sum of squares. Then moves that the goal does
//! not need are taken back. Ties go to the lowest bin and item.

use super::problem::squares;
use super::{Assignment, Balance, Goal, greedy};

/// Least loaded destinations that are looked at for one step.
const DESTINATIONS: usize = 8;

/// Lowers the spread with single moves and swaps until `goal.spread` is met or nothing helps.
///
/// Never worse than where the items are; items without a home are placed first, largest first.
#[must_use]
pub fn descend(problem: &Balance, goal: Goal) -> Assignment {
    let mut search = Search::new(problem, goal);
    loop {
        while search.squares > search.enough && search.step() {}
        search.take_back();
        // Going home may have opened another step; each lowers the squares, so this ends.
        if search.squares <= search.enough || !search.step() {
            break;
        }
    }
    problem.assignment(search.bins, false)
}

struct Search<'a> {
    problem: &'a Balance,
    bins: Vec<usize>,
    loads: Vec<u64>,
    /// Items by bin, lightest first.
    members: Vec<Vec<usize>>,
    squares: u128,
    enough: u128,
}

/// Items that change places, with the change of the sum of squares and how many move.
#[derive(Clone, Copy)]
struct Step {
    from: usize,
    to: usize,
    mover: usize,
    back: Option<usize>,
    delta: i128,
}

impl Step {
    /// More gained for each item moved.
    fn beats(&self, other: &Self) -> bool {
        let moved = |step: &Self| 1 + i128::from(step.back.is_some());
        self.delta * moved(other) < other.delta * moved(self)
    }
}

impl<'a> Search<'a> {
    fn new(problem: &'a Balance, goal: Goal) -> Self {
        let items = problem.items();
        let mut loads = problem.base().to_vec();
        let mut bins = vec![0; items.len()];
        let mut strays = Vec::new();
        for (item, it) in items.iter().enumerate() {
            match it.home.filter(|home| problem.allows(item, *home)) {
                Some(home) => {
                    loads[home] += it.load;
                    bins[item] = home;
                }
                None => strays.push(item),
            }
        }
        greedy::place(problem, &strays, &mut loads, &mut bins);
        let mut members = vec![Vec::new(); loads.len()];
        bins.iter()
            .enumerate()
            .for_each(|(item, &bin)| members[bin].push(item));
        members
            .iter_mut()
            .for_each(|bin| bin.sort_by_key(|&item| (items[item].load, item)));
        let enough = problem.squares_at(goal.spread as f64);
        Self {
            problem,
            bins,
            squares: squares(&loads),
            loads,
            members,
            enough,
        }
    }

    fn load(&self, item: usize) -> u64 {
        self.problem.items()[item].load
    }

    /// Takes the best step off the most loaded bin that has one; says whether there was any.
    fn step(&mut self) -> bool {
        let mut order: Vec<usize> = (0..self.loads.len()).collect();
        order.sort_by_key(|&bin| (self.loads[bin], bin));
        let best = order
            .iter()
            .rev()
            .find_map(|&from| self.best_off(from, &order));
        if let Some(step) = best {
            self.take(step);
        }
        best.is_some()
    }

    fn best_off(&self, from: usize, order: &[usize]) -> Option<Step> {
        let mut best: Option<Step> = None;
        let mut keep = |step: Step| {
            if step.delta < 0 && best.as_ref().is_none_or(|best| step.beats(best)) {
                best = Some(step);
            }
        };
        let mut tried = 0;
        for &to in order
            .iter()
            .take_while(|&&to| self.loads[to] < self.loads[from])
        {
            if tried == DESTINATIONS {
                break;
            }
            let wanted = (self.loads[from] - self.loads[to]) / 2;
            let fits = |item: &usize| self.problem.allows(*item, to);
            let movers = || self.members[from].iter().copied().filter(fits);
            tried += usize::from(movers().next().is_some());
            for mover in self.nearest(from, to, wanted) {
                keep(self.weigh(from, to, mover, None));
            }
            for mover in movers().filter(|&mover| self.load(mover) > wanted) {
                for back in self.nearest(to, from, self.load(mover) - wanted) {
                    keep(self.weigh(from, to, mover, Some(back)));
                }
            }
        }
        best
    }

    /// The items of `bin` that may go to `to` and whose load is nearest to `wanted` on each side.
    fn nearest(&self, bin: usize, to: usize, wanted: u64) -> impl Iterator<Item = usize> {
        let members = &self.members[bin];
        let split = members.partition_point(|&item| self.load(item) < wanted);
        let fits = |item: &&usize| self.problem.allows(**item, to);
        let below = members[..split].iter().rev().find(fits).copied();
        let above = members[split..].iter().find(fits).copied();
        below.into_iter().chain(above)
    }

    fn weigh(&self, from: usize, to: usize, mover: usize, back: Option<usize>) -> Step {
        let shift =
            i128::from(self.load(mover)) - back.map_or(0, |item| i128::from(self.load(item)));
        let gap = i128::from(self.loads[to]) - i128::from(self.loads[from]);
        Step {
            from,
            to,
            mover,
            back,
            delta: 2 * shift * (gap + shift),
        }
    }

    fn take(&mut self, step: Step) {
        self.put(step.mover, step.to);
        if let Some(back) = step.back {
            self.put(back, step.from);
        }
        self.squares = squares(&self.loads);
    }

    fn put(&mut self, item: usize, to: usize) {
        let from = std::mem::replace(&mut self.bins[item], to);
        let load = self.load(item);
        self.loads[from] -= load;
        self.loads[to] += load;
        self.members[from].retain(|&member| member != item);
        let key = (load, item);
        let at = self.members[to].partition_point(|&member| (self.load(member), member) < key);
        self.members[to].insert(at, item);
    }

    /// Sends items home, lightest first, as long as the goal holds, or nothing gets worse.
    fn take_back(&mut self) {
        let bar = self.enough.max(self.squares);
        let items = self.problem.items();
        let mut moved: Vec<usize> = (0..items.len())
            .filter(|&item| self.problem.is_move(item, self.bins[item]))
            .collect();
        moved.sort_by_key(|&item| (items[item].load, item));
        for item in moved {
            let (away, home) = (
                self.bins[item],
                items[item].home.expect("only items with a home move"),
            );
            if !self.problem.allows(item, home) {
                continue;
            }
            self.put(item, home);
            if squares(&self.loads) > bar {
                self.put(item, away);
            }
        }
        self.squares = squares(&self.loads);
    }
}
