//! Largest first: each item in descending order of load to the least loaded bin it may use.
//!
//! Fast and close to even, but blind to where items are at home, except that [`place`] leaves
//! those alone that have one. Source: the LPT rule of R. L. Graham, "Bounds on Multiprocessing
//! Timing Anomalies", 1969: without restrictions, its largest load is at most 4/3 - 1/(3m) times
//! the least possible.

use super::problem::{Balance, Item};

/// Puts the items onto bins that have no home they may keep; all others stay.
///
/// Ties: among equal loads the first item, among equal bins the lowest. The bin of each item.
/// ```
/// # use cloudlot_policy::pack::{Balance, Item, greedy};
/// let items = vec![Item::at(0, 40), Item::new(10), Item::new(30)];
/// assert_eq!(greedy::place(&Balance::new(vec![0, 0], items)?), [0, 1, 1]);
/// # Ok::<(), cloudlot_policy::pack::BalanceError>(())
/// ```
#[must_use]
pub fn place(problem: &Balance) -> Vec<usize> {
    largest_first(problem, Item::lawful_home)
}

/// Puts all items onto bins anew, wherever they were.
///
/// Ties as in [`place`]. This is what a balancer does that does not count moves.
/// ```
/// # use cloudlot_policy::pack::{Balance, Item, greedy};
/// let items = vec![Item::at(0, 40), Item::new(10), Item::at(0, 30)];
/// assert_eq!(greedy::repack(&Balance::new(vec![0, 0], items)?), [0, 1, 1]);
/// # Ok::<(), cloudlot_policy::pack::BalanceError>(())
/// ```
#[must_use]
pub fn repack(problem: &Balance) -> Vec<usize> {
    largest_first(problem, |_| None)
}

fn largest_first(problem: &Balance, keeps: impl Fn(&Item) -> Option<usize>) -> Vec<usize> {
    let mut loads = problem.base().to_vec();
    let mut bins: Vec<usize> = Vec::with_capacity(problem.items().len());
    let mut waiting = Vec::new();
    for (index, item) in problem.items().iter().enumerate() {
        let home = keeps(item);
        if let Some(bin) = home {
            loads[bin] += item.load;
        } else {
            waiting.push(index);
        }
        bins.push(home.unwrap_or(0));
    }
    waiting.sort_by_key(|&index| std::cmp::Reverse(problem.items()[index].load));
    for index in waiting {
        let item = &problem.items()[index];
        let bin = least_loaded(&loads, item);
        loads[bin] += item.load;
        bins[index] = bin;
    }
    bins
}

fn least_loaded(loads: &[u64], item: &Item) -> usize {
    match &item.allowed {
        None => (0..loads.len()).min_by_key(|&bin| loads[bin]),
        Some(bins) => bins.iter().copied().min_by_key(|&bin| loads[bin]),
    }
    .expect("a checked problem gives every item a bin")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pack::bound;
    use proptest::prelude::*;

    /// The least possible largest load, by trying everything.
    fn optimum(loads: &mut [u64], items: &[Item]) -> u64 {
        let Some((first, rest)) = items.split_first() else {
            return loads.iter().copied().max().unwrap();
        };
        (0..loads.len())
            .map(|bin| {
                loads[bin] += first.load;
                let best = optimum(loads, rest);
                loads[bin] -= first.load;
                best
            })
            .min()
            .unwrap()
    }

    #[test]
    fn who_must_leave_home_is_placed_and_the_others_stay() {
        let banned = Item {
            allowed: Some(vec![1, 2]),
            ..Item::at(0, 5)
        };
        let items = vec![Item::at(0, 9), banned, Item::at(2, 1)];
        let problem = Balance::new(vec![0; 3], items).unwrap();
        assert_eq!(place(&problem), [0, 1, 2]);
    }

    #[test]
    fn grahams_worst_case_is_met_exactly() {
        let items = [5, 5, 4, 4, 3, 3, 3].map(Item::new).to_vec();
        let problem = Balance::new(vec![0; 3], items).unwrap();
        let loads = problem.loads_of(&repack(&problem));
        assert_eq!(loads.into_iter().max(), Some(11));
        assert_eq!(bound::makespan(&problem), 9);
    }

    proptest! {
        #[test]
        fn the_largest_load_is_within_grahams_bound(
            loads in prop::collection::vec(0..50_u64, 0..8),
            bins in 1..4_usize,
        ) {
            let items = loads.into_iter().map(Item::new).collect();
            let problem = Balance::new(vec![0; bins], items).unwrap();
            let best = optimum(&mut vec![0; bins], problem.items());
            let found = problem.loads_of(&repack(&problem)).into_iter().max().unwrap();
            let m = u64::try_from(bins).unwrap();
            prop_assert!(3 * m * found <= (4 * m - 1) * best, "{found} against {best}");
        }
    }
}
