//! A small problem in the form that the search works on: sets of items as bits of one word.

use std::cmp::Reverse;

use super::area::Area;
use crate::pack::problem::{Balance, Item};

/// A set of items, by rank, or of bins, by position.
pub(super) type Set = u64;

/// The largest number of items with a load, and of bins, that a [`Set`] can hold.
pub(super) const LARGEST: usize = 64;

/// Items ranked by load, largest first, and bins in the order in which the search fills them.
///
/// Items without load are set aside at once: moving them never helps.
pub(super) struct Instance {
    /// The load of each item.
    pub(super) load: Vec<u64>,
    /// The position of the home that an item may keep.
    pub(super) home: Vec<Option<usize>>,
    /// The bins that each item may use.
    pub(super) may_use: Vec<Set>,
    /// The later items that differ from an item in nothing but their home.
    pub(super) kin: Vec<Set>,
    /// The load of each bin that cannot move.
    pub(super) base: Vec<u64>,
    /// The items that may be on each bin.
    pub(super) fits: Vec<Set>,
    /// The items at home on each bin.
    pub(super) residents: Vec<Set>,
    /// The items whose home, if any, comes before each bin: placing them is no further move.
    pub(super) free: Vec<Set>,
    /// The items that may use this bin and none after it.
    pub(super) last_call: Vec<Set>,
    /// Whether a bin differs from the one before it in nothing that matters.
    pub(super) twin: Vec<bool>,
    /// For each bin, the immovable loads of it and those after it, largest first.
    pub(super) floors: Vec<Vec<u64>>,
    /// The sum of these.
    pub(super) floor_sums: Vec<u64>,
    /// The different sets of bins that items are restricted to.
    pub(super) areas: Vec<Area>,
    /// How many items must leave a home they may not keep; these moves are counted nowhere else.
    pub(super) forced: usize,
    /// The items in ranked order, by their index in the problem.
    items: Vec<usize>,
    /// The bins by their index in the problem.
    bins: Vec<usize>,
    /// Where the items without load go; of the others, nothing.
    settled: Vec<usize>,
}

impl Instance {
    /// The problem as an instance, if it is small enough for one.
    pub(super) fn new(problem: &Balance) -> Option<Self> {
        let items = ranked_items(problem);
        if items.len() > LARGEST || problem.bins() > LARGEST {
            return None;
        }
        let bins = ordered_bins(problem, &items);
        let position = |bin: usize| bins.iter().position(|&other| other == bin);
        let source = |rank: &usize| &problem.items()[*rank];
        let load: Vec<u64> = items.iter().map(|rank| source(rank).load).collect();
        let home: Vec<Option<usize>> = (items.iter())
            .map(|rank| source(rank).lawful_home().and_then(position))
            .collect();
        let may_use: Vec<Set> = (items.iter())
            .map(|rank| set(bins.len(), |at| source(rank).may_use(bins[at])))
            .collect();
        let of_items = |holds: &dyn Fn(usize) -> bool| set(items.len(), holds);
        let of_bins = |holds: &dyn Fn(usize, usize) -> bool| -> Vec<Set> {
            (0..bins.len())
                .map(|at| of_items(&|item| holds(at, item)))
                .collect()
        };
        let base: Vec<u64> = bins.iter().map(|&bin| problem.base()[bin]).collect();
        let fits = of_bins(&|at, item| holds(may_use[item], at));
        let residents = of_bins(&|at, item| home[item] == Some(at));
        let all = set(bins.len(), |_| true);
        let mut areas: Vec<Set> = may_use.iter().copied().filter(|&set| set != all).collect();
        areas.sort_unstable();
        areas.dedup();
        Some(Self {
            kin: (0..items.len())
                .map(|a| of_items(&|b| b > a && (load[b], may_use[b]) == (load[a], may_use[a])))
                .collect(),
            free: of_bins(&|at, item| home[item].is_none_or(|home| home < at)),
            last_call: of_bins(&|at, item| highest(may_use[item]) == Some(at)),
            twin: (0..bins.len())
                .map(|at| {
                    at > 0
                        && (base[at], fits[at], residents[at]) == (base[at - 1], fits[at - 1], 0)
                        && residents[at - 1] == 0
                })
                .collect(),
            floors: (0..bins.len()).map(|at| descending(&base[at..])).collect(),
            floor_sums: (0..bins.len()).map(|at| base[at..].iter().sum()).collect(),
            forced: (problem.items().iter())
                .filter(|item| item.home.is_some() && item.lawful_home().is_none())
                .count(),
            settled: problem.items().iter().map(Item::idle_bin).collect(),
            load,
            home,
            may_use,
            fits,
            residents,
            areas: (areas.into_iter())
                .map(|bins| Area::new(bins, &base))
                .collect(),
            base,
            items,
            bins,
        })
    }

    /// The assignment that puts the items of `chosen[position]` onto the bin at each position.
    pub(super) fn assignment(&self, chosen: &[Set]) -> Vec<usize> {
        let mut result = self.settled.clone();
        for (&bin, &set) in self.bins.iter().zip(chosen) {
            for rank in members(set) {
                result[self.items[rank]] = bin;
            }
        }
        result
    }

    /// The load of a set of items.
    pub(super) fn mass(&self, set: Set) -> u64 {
        self.loads(set).sum()
    }

    /// The loads of a set of items, largest first.
    pub(super) fn loads(&self, set: Set) -> impl Iterator<Item = u64> + Clone {
        members(set).map(|rank| self.load[rank])
    }
}

/// The items that have a load, largest first; kin stand together.
fn ranked_items(problem: &Balance) -> Vec<usize> {
    let items = problem.items();
    let mut ranked: Vec<usize> = (0..items.len())
        .filter(|&index| items[index].load > 0)
        .collect();
    ranked.sort_by_key(|&index| (Reverse(items[index].load), index));
    ranked
}

/// The bins, the most loaded as things are first, so that what must leave is known early; bins
/// that may be twins stand together.
fn ordered_bins(problem: &Balance, items: &[usize]) -> Vec<usize> {
    let mut stay = problem.base().to_vec();
    let mut guests = vec![Vec::new(); problem.bins()];
    let mut at_home = vec![false; problem.bins()];
    for &index in items {
        let item = &problem.items()[index];
        if let Some(home) = item.lawful_home() {
            stay[home] += item.load;
            at_home[home] = true;
        }
        if let Some(allowed) = &item.allowed {
            allowed.iter().for_each(|&bin| guests[bin].push(index));
        }
    }
    let mut bins: Vec<usize> = (0..problem.bins()).collect();
    bins.sort_by_key(|&bin| (Reverse(stay[bin]), at_home[bin], &guests[bin], bin));
    bins
}

fn descending(loads: &[u64]) -> Vec<u64> {
    let mut sorted = loads.to_vec();
    sorted.sort_unstable_by_key(|&load| Reverse(load));
    sorted
}

/// The members of a set in ascending order.
pub(super) fn members(mut set: Set) -> impl Iterator<Item = usize> + Clone {
    std::iter::from_fn(move || {
        let first = lowest(set)?;
        set &= set - 1;
        Some(first)
    })
}

/// How many members a set has.
pub(super) fn size(set: Set) -> usize {
    usize::try_from(set.count_ones()).expect("a set has at most 64 members")
}

/// The lowest member of a set.
pub(super) fn lowest(set: Set) -> Option<usize> {
    (set != 0).then(|| usize::try_from(set.trailing_zeros()).expect("a bit has a small number"))
}

/// Whether `set` holds `member`.
pub(super) fn holds(set: Set, member: usize) -> bool {
    set >> member & 1 == 1
}

fn highest(set: Set) -> Option<usize> {
    members(set).last()
}

fn set(size: usize, holds: impl Fn(usize) -> bool) -> Set {
    (0..size)
        .filter(|&member| holds(member))
        .fold(0, |set, member| set | 1 << member)
}
