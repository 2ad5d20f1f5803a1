//! Who is where, kept so that a step costs little: each bin's items by load, the bins by load.

use crate::pack::problem::{Balance, square};

/// An assignment in the making.
pub(super) struct Layout<'a> {
    pub(super) problem: &'a Balance,
    bins: Vec<usize>,
    loads: Vec<u64>,
    /// The items on each bin, by (load, index).
    members: Vec<Vec<(u64, usize)>>,
    /// How many of them count as moved.
    away: Vec<usize>,
    /// The bins by (load, index).
    coldest_first: Vec<usize>,
    squares: u128,
    moves: usize,
}

impl<'a> Layout<'a> {
    pub(super) fn new(problem: &'a Balance, bins: Vec<usize>) -> Self {
        let loads = problem.loads_of(&bins);
        let mut members = vec![Vec::new(); problem.bins()];
        for (index, &bin) in bins.iter().enumerate() {
            members[bin].push((problem.items()[index].load, index));
        }
        for items in &mut members {
            items.sort_unstable();
        }
        let mut layout = Self {
            problem,
            coldest_first: (0..problem.bins()).collect(),
            away: vec![0; problem.bins()],
            squares: loads.iter().copied().map(square).sum(),
            moves: problem.moves(&bins),
            bins,
            loads,
            members,
        };
        for item in 0..problem.items().len() {
            let bin = layout.bins[item];
            layout.away[bin] += usize::from(layout.is_away(item, bin));
        }
        layout.sort();
        layout
    }

    pub(super) fn load(&self, bin: usize) -> u64 {
        self.loads[bin]
    }

    pub(super) fn bin(&self, item: usize) -> usize {
        self.bins[item]
    }

    pub(super) fn members(&self, bin: usize) -> &[(u64, usize)] {
        &self.members[bin]
    }

    /// How many items on `bin` count as moved.
    pub(super) fn away(&self, bin: usize) -> usize {
        self.away[bin]
    }

    pub(super) fn coldest_first(&self) -> &[usize] {
        &self.coldest_first
    }

    pub(super) fn squares(&self) -> u128 {
        self.squares
    }

    pub(super) fn moves(&self) -> usize {
        self.moves
    }

    pub(super) fn into_bins(self) -> Vec<usize> {
        self.bins
    }

    /// Puts `item` onto bin `to`.
    pub(super) fn put(&mut self, item: usize, to: usize) {
        let from = self.bins[item];
        let load = self.problem.items()[item].load;
        let entry = (load, item);
        let place = self.members[from]
            .binary_search(&entry)
            .expect("an item is a member of its bin");
        self.members[from].remove(place);
        let place = self.members[to].partition_point(|member| *member < entry);
        self.members[to].insert(place, entry);
        let (was_away, is_away) = (self.is_away(item, from), self.is_away(item, to));
        self.away[from] -= usize::from(was_away);
        self.away[to] += usize::from(is_away);
        self.moves = self.moves + usize::from(is_away) - usize::from(was_away);
        self.squares -= square(self.loads[from]) + square(self.loads[to]);
        self.loads[from] -= load;
        self.loads[to] += load;
        self.squares += square(self.loads[from]) + square(self.loads[to]);
        self.bins[item] = to;
        self.sort();
    }

    /// Whether `item` counts as moved when it is on `bin`.
    pub(super) fn is_away(&self, item: usize, bin: usize) -> bool {
        self.problem.items()[item]
            .home
            .is_some_and(|home| home != bin)
    }

    /// The sum of squares if `item` went to bin `to`.
    pub(super) fn squares_with(&self, item: usize, to: usize) -> u128 {
        let from = self.bins[item];
        if from == to {
            return self.squares;
        }
        let load = self.problem.items()[item].load;
        let (before, after) = (self.loads[from], self.loads[to]);
        self.squares + square(before - load) + square(after + load) - square(before) - square(after)
    }

    /// The order is nearly sorted after a step, which a stable sort takes advantage of.
    fn sort(&mut self) {
        let loads = &self.loads;
        self.coldest_first.sort_by_key(|&bin| (loads[bin], bin));
    }
}
