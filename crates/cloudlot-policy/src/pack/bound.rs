//! Lower bounds: what no assignment can beat.

use super::Balance;

/// No assignment has a lower peak: neither the water level of all loads over the bins, nor any
/// single item on the emptiest bin that it may be in, fits below it.
/// ```
/// use cloudlot_policy::pack::{Balance, Item, least_peak};
///
/// let items = [7, 2, 2].map(|load| Item { load, home: None, allowed: None });
/// assert_eq!(least_peak(&Balance::new(vec![0, 0], items.to_vec())?), 7);
/// # Ok::<(), cloudlot_policy::pack::BalanceError>(())
/// ```
#[must_use]
pub fn least_peak(problem: &Balance) -> u64 {
    let base = problem.base();
    let mean = problem.sum().div_ceil(base.len() as u64);
    let alone = |item: usize| {
        let emptiest = problem.choices(item).map(|bin| base[bin]).min();
        emptiest.map_or(0, |base| base + problem.items()[item].load)
    };
    let items = (0..problem.items().len()).map(alone);
    items.chain(base.iter().copied()).fold(mean, u64::max)
}

/// The least sum of squares of loads if `rest` more could be poured in like water.
///
/// Rounded down, so that no assignment of items with that sum stays below it.
/// ```
/// use cloudlot_policy::pack::least_squares;
///
/// assert_eq!(least_squares(&[4, 0, 0], 4), 4 * 4 + 2 * 2 + 2 * 2);
/// ```
#[must_use]
pub fn least_squares(loads: &[u64], rest: u64) -> u128 {
    let mut rising = loads.to_vec();
    rising.sort_unstable();
    filled(&rising, rest)
}

/// [`least_squares`] for loads in rising order.
pub(super) fn filled(rising: &[u64], rest: u64) -> u128 {
    let (low, sum) = fill_up(rising, rest);
    square_of_mean(sum + u128::from(rest), low) + tail_squares(&rising[low..])
}

/// The least sum of squares if up to `mass` could be taken from any bins and poured into others,
/// for loads in rising order.
pub(super) fn levelled(rising: &[u64], mass: u64) -> u128 {
    let (low, low_sum) = fill_up(rising, mass);
    let (high, high_sum) = shave_off(rising, mass);
    let mass = u128::from(mass);
    let all: u128 = rising.iter().map(|load| u128::from(*load)).sum();
    // The water meets the shaved peaks: everything is level.
    if low + high > rising.len()
        || (low_sum + mass) * high as u128 >= (high_sum - mass) * low as u128
    {
        return square_of_mean(all, rising.len());
    }
    let middle = tail_squares(&rising[low..rising.len() - high]);
    square_of_mean(low_sum + mass, low) + middle + square_of_mean(high_sum - mass, high)
}

/// How many of the lowest bins the water covers, and their sum before.
fn fill_up(rising: &[u64], rest: u64) -> (usize, u128) {
    let mut sum = u128::from(rising[0]);
    let mut covered = 1;
    while let Some(&next) = rising.get(covered) {
        if u128::from(next) * covered as u128 >= sum + u128::from(rest) {
            break;
        }
        sum += u128::from(next);
        covered += 1;
    }
    (covered, sum)
}

/// How many of the highest bins are cut when `mass` is shaved off, and their sum before.
fn shave_off(rising: &[u64], mass: u64) -> (usize, u128) {
    let mut cut = 1;
    let mut sum = u128::from(rising[rising.len() - 1]);
    while cut < rising.len() {
        let next = u128::from(rising[rising.len() - 1 - cut]);
        if next * cut as u128 + u128::from(mass) <= sum {
            break;
        }
        sum += next;
        cut += 1;
    }
    (cut, sum.max(u128::from(mass)))
}

fn square_of_mean(sum: u128, count: usize) -> u128 {
    sum * sum / count as u128
}

fn tail_squares(loads: &[u64]) -> u128 {
    loads
        .iter()
        .map(|load| u128::from(*load) * u128::from(*load))
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pack::Item;
    use proptest::prelude::*;

    /// All loads that come of putting `items` into bins over `base`.
    fn every(base: &[u64], items: &[u64]) -> Vec<Vec<u64>> {
        let Some((first, rest)) = items.split_first() else {
            return vec![base.to_vec()];
        };
        (0..base.len())
            .flat_map(|bin| {
                let mut loads = base.to_vec();
                loads[bin] += first;
                every(&loads, rest)
            })
            .collect()
    }

    proptest! {
        #[test]
        fn no_assignment_beats_the_bounds(base in prop::collection::vec(0_u64..50, 1..4), items in prop::collection::vec(0_u64..60, 0..6)) {
            let problem = Balance::new(base.clone(), items.iter().map(|&load| Item { load, home: None, allowed: None }).collect()).unwrap();
            let all = every(&base, &items);
            let peak = all.iter().map(|loads| *loads.iter().max().unwrap()).min().unwrap();
            let squares = all.iter().map(|loads| tail_squares(loads)).min().unwrap();
            prop_assert!(least_peak(&problem) <= peak);
            prop_assert!(least_squares(&base, items.iter().sum()) <= squares);
        }

        #[test]
        fn moving_some_mass_never_beats_levelling_it(
            loads in prop::collection::vec(0_u64..40, 1..5),
            moves in prop::collection::vec((0_usize..5, 0_usize..5, 0_u64..20), 0..4),
        ) {
            let mut moved = loads.clone();
            let mut mass = 0;
            for (from, to, amount) in moves {
                let (from, to) = (from % loads.len(), to % loads.len());
                let amount = amount.min(moved[from]);
                moved[from] -= amount;
                moved[to] += amount;
                mass += amount;
            }
            let mut rising = loads;
            rising.sort_unstable();
            prop_assert!(levelled(&rising, mass) <= tail_squares(&moved));
        }
    }
}
