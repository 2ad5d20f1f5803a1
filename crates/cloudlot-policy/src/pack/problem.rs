//! The problem: items with loads, bins with loads that cannot move, and where each item may go.
//!
//! Leaves the goal to `goal` and every way of solving to the other files.

use thiserror::Error;

/// Bins times total load must stay below this, so that sums of squares fit in 128 bits.
const MOST_BINS_TIMES_LOAD: u128 = 1 << 62;

/// Something with a load that sits on one bin and may be moved to another.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Item {
    /// Its load, in the caller's units (millionths of a core, say).
    pub load: u64,
    /// The bin it sits on; `None` if it has none yet, and then placing it is not a move.
    pub home: Option<usize>,
    /// The bins it may sit on; `None` for every bin. A home outside of these must be left.
    pub allowed: Option<Vec<usize>>,
}

impl Item {
    /// An item without a home that may go anywhere.
    /// ```
    /// # use cloudlot_policy::pack::Item;
    /// assert_eq!(Item::new(7).home, None);
    /// ```
    #[must_use]
    pub const fn new(load: u64) -> Self {
        Self {
            load,
            home: None,
            allowed: None,
        }
    }

    /// An item that sits on bin `home` and may go anywhere.
    /// ```
    /// # use cloudlot_policy::pack::Item;
    /// assert_eq!(Item::at(2, 7), Item { home: Some(2), ..Item::new(7) });
    /// ```
    #[must_use]
    pub const fn at(home: usize, load: u64) -> Self {
        Self {
            load,
            home: Some(home),
            allowed: None,
        }
    }

    /// Whether the item may sit on `bin`.
    pub(super) fn may_use(&self, bin: usize) -> bool {
        self.allowed
            .as_ref()
            .is_none_or(|bins| bins.binary_search(&bin).is_ok())
    }

    /// Its home, if it may stay there.
    pub(super) fn lawful_home(&self) -> Option<usize> {
        self.home.filter(|&bin| self.may_use(bin))
    }

    /// Where it goes if it has no load: home if it may, else to the lowest bin it may use.
    pub(super) fn idle_bin(&self) -> usize {
        let lowest = || self.allowed.as_ref().map_or(0, |bins| bins[0]);
        self.lawful_home().unwrap_or_else(lowest)
    }
}

/// Items to spread over bins so that the bins' loads are even; checked once, when made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Balance {
    base: Vec<u64>,
    items: Vec<Item>,
}

/// Why a [`Balance`] cannot be made.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum BalanceError {
    /// There is nothing to put items on.
    #[error("there are no bins")]
    NoBins,
    /// An item names a bin as its home that does not exist.
    #[error("item {item} is at home on bin {bin}, but there are only {bins} bins")]
    NoSuchHome {
        /// The item's index.
        item: usize,
        /// The bin it names.
        bin: usize,
        /// How many bins there are.
        bins: usize,
    },
    /// An item allows a bin that does not exist.
    #[error("item {item} allows bin {bin}, but there are only {bins} bins")]
    NoSuchBin {
        /// The item's index.
        item: usize,
        /// The bin it names.
        bin: usize,
        /// How many bins there are.
        bins: usize,
    },
    /// An item allows no bin at all.
    #[error("item {item} allows no bin")]
    NowhereToGo {
        /// The item's index.
        item: usize,
    },
    /// The loads are too large for exact sums of squares.
    #[error("{bins} bins times a total load of {total} is not below 2^62")]
    TooMuchLoad {
        /// How many bins there are.
        bins: usize,
        /// The sum of all loads.
        total: u128,
    },
}

impl Balance {
    /// A problem with one bin for each entry of `base`, the load there that cannot be moved.
    ///
    /// # Errors
    /// If there are no bins, an item names a bin that does not exist or allows none, or the
    /// number of bins times the total load is 2^62 or more (128 bins of 10^9 each are at 2^44).
    /// ```
    /// # use cloudlot_policy::pack::{Balance, BalanceError, Item};
    /// assert!(Balance::new(vec![0, 0], vec![Item::at(1, 30)]).is_ok());
    /// assert_eq!(
    ///     Balance::new(vec![0, 0], vec![Item::at(2, 30)]),
    ///     Err(BalanceError::NoSuchHome { item: 0, bin: 2, bins: 2 }),
    /// );
    /// ```
    pub fn new(base: Vec<u64>, mut items: Vec<Item>) -> Result<Self, BalanceError> {
        let bins = base.len();
        if bins == 0 {
            return Err(BalanceError::NoBins);
        }
        for (index, item) in items.iter_mut().enumerate() {
            check_item(index, item, bins)?;
            if let Some(allowed) = &mut item.allowed {
                allowed.sort_unstable();
                allowed.dedup();
            }
        }
        let loads = items.iter().map(|item| item.load);
        let total: u128 = base.iter().copied().chain(loads).map(u128::from).sum();
        let fits = wide(bins)
            .checked_mul(total)
            .is_some_and(|product| product < MOST_BINS_TIMES_LOAD);
        if !fits {
            return Err(BalanceError::TooMuchLoad { bins, total });
        }
        Ok(Self { base, items })
    }

    /// The load on each bin that cannot be moved.
    #[must_use]
    pub fn base(&self) -> &[u64] {
        &self.base
    }

    /// The items, each with its allowed bins in ascending order.
    #[must_use]
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    /// How many bins there are; never 0.
    #[must_use]
    pub fn bins(&self) -> usize {
        self.base.len()
    }

    /// The load of each bin when item `i` sits on bin `bins[i]`; `None` if `bins` does not give
    /// each item a bin that it may use.
    /// ```
    /// # use cloudlot_policy::pack::{Balance, Item};
    /// let problem = Balance::new(vec![5, 0], vec![Item::at(0, 3), Item::at(1, 4)])?;
    /// assert_eq!(problem.loads(&[0, 0]), Some(vec![12, 0]));
    /// assert_eq!(problem.loads(&[0, 9]), None);
    /// # Ok::<(), cloudlot_policy::pack::BalanceError>(())
    /// ```
    #[must_use]
    pub fn loads(&self, bins: &[usize]) -> Option<Vec<u64>> {
        let lawful = bins.len() == self.items.len()
            && (self.items.iter().zip(bins))
                .all(|(item, &bin)| bin < self.bins() && item.may_use(bin));
        lawful.then(|| self.loads_of(bins))
    }

    /// How many items with a home are on another bin in `bins`.
    /// ```
    /// # use cloudlot_policy::pack::{Balance, Item};
    /// let items = vec![Item::at(0, 3), Item::at(1, 4), Item::new(5)];
    /// assert_eq!(Balance::new(vec![0, 0], items)?.moves(&[0, 0, 1]), 1);
    /// # Ok::<(), cloudlot_policy::pack::BalanceError>(())
    /// ```
    #[must_use]
    pub fn moves(&self, bins: &[usize]) -> usize {
        (self.items.iter().zip(bins))
            .filter(|&(item, bin)| item.home.is_some_and(|home| home != *bin))
            .count()
    }

    /// The same problem, with `item` allowed on `bin` only.
    pub(super) fn with_only(&self, item: usize, bin: usize) -> Self {
        let mut problem = self.clone();
        problem.items[item].allowed = Some(vec![bin]);
        problem
    }

    /// [`Balance::loads`] of an assignment known to be lawful.
    pub(super) fn loads_of(&self, bins: &[usize]) -> Vec<u64> {
        let mut loads = self.base.clone();
        for (item, &bin) in self.items.iter().zip(bins) {
            loads[bin] += item.load;
        }
        loads
    }

    /// The sum of the squares of the bins' loads under a lawful assignment.
    pub(super) fn squares_of(&self, bins: &[usize]) -> u128 {
        self.loads_of(bins).into_iter().map(square).sum()
    }

    /// All load, movable or not.
    pub(super) fn total(&self) -> u64 {
        let items = self.items.iter().map(|item| item.load);
        self.base.iter().copied().chain(items).sum()
    }
}

fn check_item(index: usize, item: &Item, bins: usize) -> Result<(), BalanceError> {
    if let Some(bin) = item.home.filter(|&bin| bin >= bins) {
        return Err(BalanceError::NoSuchHome {
            item: index,
            bin,
            bins,
        });
    }
    let Some(allowed) = &item.allowed else {
        return Ok(());
    };
    if allowed.is_empty() {
        return Err(BalanceError::NowhereToGo { item: index });
    }
    match allowed.iter().find(|&&bin| bin >= bins) {
        Some(&bin) => Err(BalanceError::NoSuchBin {
            item: index,
            bin,
            bins,
        }),
        None => Ok(()),
    }
}

/// A load, squared.
pub(super) fn square(load: u64) -> u128 {
    u128::from(load) * u128::from(load)
}

/// A count, for wide arithmetic.
pub(super) fn wide(count: usize) -> u128 {
    u128::try_from(count).expect("no machine counts beyond 128 bits")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refuses(base: &[u64], items: Vec<Item>, expected: BalanceError) {
        assert_eq!(Balance::new(base.to_vec(), items), Err(expected));
    }

    #[test]
    fn what_cannot_be_solved_is_refused_with_its_numbers() {
        let only_on = |allowed: &[usize]| Item {
            allowed: Some(allowed.to_vec()),
            ..Item::new(1)
        };
        refuses(&[], vec![], BalanceError::NoBins);
        let (item, bin, bins) = (1, 3, 2);
        refuses(
            &[0, 0],
            vec![Item::new(1), Item::at(3, 1)],
            BalanceError::NoSuchHome { item, bin, bins },
        );
        refuses(
            &[0, 0],
            vec![Item::new(1), only_on(&[0, 3])],
            BalanceError::NoSuchBin { item, bin, bins },
        );
        refuses(
            &[0],
            vec![only_on(&[])],
            BalanceError::NowhereToGo { item: 0 },
        );
    }

    #[test]
    fn loads_are_refused_from_the_size_at_which_squares_would_overflow() {
        let half = 1 << 61;
        assert!(Balance::new(vec![0, half - 1], vec![]).is_ok());
        let total = u128::from(half);
        let error = BalanceError::TooMuchLoad { bins: 2, total };
        refuses(&[0, half - 1], vec![Item::new(1)], error);
        let most = u128::from(u64::MAX);
        refuses(
            &[u64::MAX; 3],
            vec![Item::new(u64::MAX)],
            BalanceError::TooMuchLoad {
                bins: 3,
                total: 4 * most,
            },
        );
    }

    #[test]
    fn allowed_bins_may_come_in_any_order_and_twice() {
        let item = Item {
            allowed: Some(vec![2, 0, 2]),
            ..Item::at(1, 1)
        };
        let problem = Balance::new(vec![0; 3], vec![item]).unwrap();
        assert_eq!(problem.items()[0].allowed, Some(vec![0, 2]));
        assert_eq!(problem.items()[0].lawful_home(), None);
        assert_eq!(problem.loads(&[2]), Some(vec![0, 0, 1]));
        assert_eq!(problem.loads(&[1]), None);
        assert_eq!(problem.loads(&[]), None);
    }
}
