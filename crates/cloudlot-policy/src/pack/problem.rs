//! The problem and its answer: items, bins, and how evenly they are loaded.
//!
//! Spreads are population standard deviations over bins. With S the sum of loads and Q the sum of
//! their squares over m bins, a spread of at most s means `m·Q - S² <= m²·s²`, in whole numbers.

/// Something that sits in one bin.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Item {
    /// What it adds to its bin, in any unit.
    pub load: u64,
    /// The bin it is in now; `None` for a new one, which moves nowhere.
    pub home: Option<usize>,
    /// The bins it may be in, rising; `None`: every bin.
    pub allowed: Option<Vec<usize>>,
}

/// Items to put into bins that may already be loaded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Balance {
    base: Vec<u64>,
    items: Vec<Item>,
}

/// What an assignment should reach.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Goal {
    /// A spread that is good enough, in units of load.
    pub spread: u64,
    /// Where that is out of reach: this much above the least spread is good enough.
    pub slack: u64,
}

/// A bin for every item.
#[derive(Clone, PartialEq, Debug)]
pub struct Assignment {
    /// In the order of the items.
    pub bins: Vec<usize>,
    /// Items that leave their home.
    pub moves: usize,
    /// Population standard deviation of the bins' loads.
    pub spread: f64,
    /// Whether no better answer exists.
    pub proven: bool,
}

/// Why items and bins make no problem.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BalanceError {
    /// There is no bin.
    #[error("there is no bin to put items into")]
    NoBins,
    /// An item names a bin that does not exist.
    #[error("item {item} names bin {bin} of {bins}")]
    NoSuchBin {
        /// Index of the item.
        item: usize,
        /// The bin it names.
        bin: usize,
        /// How many there are.
        bins: usize,
    },
    /// An item may be in no bin, or its bins are not in rising order.
    #[error("the allowed bins of item {item} are empty or not rising")]
    Allowed {
        /// Index of the item.
        item: usize,
    },
    /// All loads together exceed 2^48, beyond which squares would not be exact.
    #[error("the loads sum to more than 2^48")]
    TooHeavy,
}

impl Balance {
    /// A problem of `base.len()` bins, each loaded with its base for good.
    ///
    /// # Errors
    /// See [`BalanceError`].
    pub fn new(base: Vec<u64>, items: Vec<Item>) -> Result<Self, BalanceError> {
        let bins = base.len();
        if bins == 0 {
            return Err(BalanceError::NoBins);
        }
        for (item, it) in items.iter().enumerate() {
            let named = it.home.iter().chain(it.allowed.iter().flatten());
            if let Some(&bin) = named
                .copied()
                .filter(|bin| *bin >= bins)
                .collect::<Vec<_>>()
                .first()
            {
                return Err(BalanceError::NoSuchBin { item, bin, bins });
            }
            let rising =
                |allowed: &Vec<usize>| !allowed.is_empty() && allowed.is_sorted_by(|a, b| a < b);
            if !it.allowed.as_ref().is_none_or(rising) {
                return Err(BalanceError::Allowed { item });
            }
        }
        let sum: u128 = base
            .iter()
            .chain(items.iter().map(|item| &item.load))
            .map(|load| u128::from(*load))
            .sum();
        if sum > 1 << 48 {
            return Err(BalanceError::TooHeavy);
        }
        Ok(Self { base, items })
    }

    /// The load that stays in each bin.
    #[must_use]
    pub fn base(&self) -> &[u64] {
        &self.base
    }

    /// The items.
    #[must_use]
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    /// Whether an item may be in a bin.
    #[must_use]
    pub fn allows(&self, item: usize, bin: usize) -> bool {
        self.items[item]
            .allowed
            .as_ref()
            .is_none_or(|bins| bins.binary_search(&bin).is_ok())
    }

    /// The bins an item may be in, rising.
    pub fn choices(&self, item: usize) -> impl Iterator<Item = usize> + '_ {
        let all = if self.items[item].allowed.is_none() {
            0..self.base.len()
        } else {
            0..0
        };
        all.chain(self.items[item].allowed.iter().flatten().copied())
    }

    /// The load of each bin under an assignment.
    ///
    /// # Panics
    /// If `bins` names a bin that does not exist.
    #[must_use]
    pub fn loads(&self, bins: &[usize]) -> Vec<u64> {
        let mut loads = self.base.clone();
        for (item, &bin) in self.items.iter().zip(bins) {
            loads[bin] += item.load;
        }
        loads
    }

    /// The sum of all loads.
    pub(super) fn sum(&self) -> u64 {
        self.base.iter().sum::<u64>() + self.items.iter().map(|item| item.load).sum::<u64>()
    }

    /// Whether putting an item into a bin moves it.
    pub(super) fn is_move(&self, item: usize, bin: usize) -> bool {
        self.items[item].home.is_some_and(|home| home != bin)
    }

    /// An assignment with its moves and spread counted.
    pub(super) fn assignment(&self, bins: Vec<usize>, proven: bool) -> Assignment {
        let moves = bins
            .iter()
            .enumerate()
            .filter(|(item, bin)| self.is_move(*item, **bin))
            .count();
        let variance = self.variance(squares(&self.loads(&bins)));
        let spread = (variance as f64).sqrt() / self.base.len() as f64;
        Assignment {
            bins,
            moves,
            spread,
            proven,
        }
    }

    /// `m·Q - S²`: the variance times m².
    pub(super) fn variance(&self, squares: u128) -> u128 {
        let sum = u128::from(self.sum());
        (self.base.len() as u128 * squares).saturating_sub(sum * sum)
    }

    /// The largest sum of squares whose spread is at most `spread`.
    pub(super) fn squares_at(&self, spread: f64) -> u128 {
        let (bins, sum) = (self.base.len() as u128, u128::from(self.sum()));
        let scaled = bins as f64 * spread;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "saturates; spreads are not negative"
        )]
        let variance = (scaled * scaled) as u128;
        (sum * sum).saturating_add(variance) / bins
    }
}

/// The sum of the squares of loads.
pub(super) fn squares(loads: &[u64]) -> u128 {
    loads
        .iter()
        .map(|load| u128::from(*load) * u128::from(*load))
        .sum()
}
