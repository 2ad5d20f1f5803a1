//! What rules remember from one choice to the next: a stream of chance and a turn.

use cloudlot_core::Seeds;
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

#[derive(Clone, Debug)]
pub(crate) struct Luck {
    stream: Xoshiro256PlusPlus,
    /// Whose turn it is among hosts, and among idle instances by the number of the last one.
    pub(super) host: usize,
    pub(super) instance: u32,
}

impl Luck {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            stream: Xoshiro256PlusPlus::seed_from_u64(Seeds::new(seed).stream("choices")),
            host: 0,
            instance: u32::MAX,
        }
    }

    /// A number below `count`, which is not zero. None is preferred by more than one in 2^64 / `count`.
    ///
    /// Source: Lemire, "Fast Random Integer Generation in an Interval" (2019), without the last correction.
    pub(super) fn below(&mut self, count: usize) -> usize {
        let wide = u128::from(self.stream.next_u64()) * count as u128;
        usize::try_from(wide >> 64).unwrap_or(0)
    }

    /// Two different numbers below `count`, which is two or more.
    pub(super) fn two_below(&mut self, count: usize) -> (usize, usize) {
        let first = self.below(count);
        let second = self.below(count - 1);
        (first, second + usize::from(second >= first))
    }
}
