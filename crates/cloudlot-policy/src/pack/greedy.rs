//! Largest first to the least loaded bin.
//!
//! Source: longest processing time first (Graham 1969): the peak is at most 4/3 - 1/(3m) times the
//! least one when m bins start empty and every item may go everywhere.

use super::{Assignment, Balance};
use std::cmp::Reverse;

/// Puts every item anew, wherever it is now: the heaviest first, each into the least loaded bin
/// that it may be in (the lowest-numbered of equals).
/// ```
/// use cloudlot_policy::pack::{Balance, Item, largest_first};
///
/// let items = [3, 5, 4].map(|load| Item { load, home: None, allowed: None });
/// let packed = largest_first(&Balance::new(vec![0, 0], items.to_vec())?);
/// assert_eq!(packed.bins, [1, 0, 1]);
/// # Ok::<(), cloudlot_policy::pack::BalanceError>(())
/// ```
#[must_use]
pub fn largest_first(problem: &Balance) -> Assignment {
    let mut bins = vec![0; problem.items().len()];
    let everyone: Vec<usize> = (0..bins.len()).collect();
    place(problem, &everyone, &mut problem.base().to_vec(), &mut bins);
    problem.assignment(bins, false)
}

/// Puts some items, largest first, onto loads that the others have made already.
pub(super) fn place(problem: &Balance, items: &[usize], loads: &mut [u64], bins: &mut [usize]) {
    let mut order = items.to_vec();
    order.sort_by_key(|&item| (Reverse(problem.items()[item].load), item));
    for item in order {
        let bin = problem
            .choices(item)
            .min_by_key(|&bin| (loads[bin], bin))
            .expect("every item may be somewhere");
        loads[bin] += problem.items()[item].load;
        bins[item] = bin;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pack::{Goal, Item, WORK, exact};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_peak_is_within_grahams_bound(bins in 1_usize..5, loads in prop::collection::vec(1_u64..100, 1..8)) {
            let items: Vec<Item> = loads.iter().map(|&load| Item { load, home: None, allowed: None }).collect();
            let problem = Balance::new(vec![0; bins], items).unwrap();
            let peak = |assignment: &Assignment| problem.loads(&assignment.bins).into_iter().max().unwrap();
            let greedy = peak(&largest_first(&problem));
            // The most even assignment need not have the least peak, so this bound is the weaker side.
            let even = peak(&exact(&problem, Goal { spread: 0, slack: 0 }, WORK));
            let m = bins as u64;
            prop_assert!(3 * m * greedy <= (4 * m - 1) * even);
        }
    }
}
