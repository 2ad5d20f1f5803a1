//! A set of rows, by their index in a list.

/// A set of small numbers, as bits.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RowSet {
    words: Vec<u64>,
    len: usize,
}

const BITS: usize = 64;

impl RowSet {
    /// All numbers below `len`.
    #[must_use]
    pub fn all(len: usize) -> Self {
        let mut words = vec![u64::MAX; len.div_ceil(BITS)];
        if let (Some(last), rest @ 1..) = (words.last_mut(), len % BITS) {
            *last = (1 << rest) - 1;
        }
        Self { words, len }
    }

    /// Whether a number is in.
    #[must_use]
    pub fn has(&self, index: usize) -> bool {
        let word = self.words.get(index / BITS);
        word.is_some_and(|word| word >> (index % BITS) & 1 == 1)
    }

    /// Takes a number out.
    pub fn remove(&mut self, index: usize) {
        if let Some(word) = self.words.get_mut(index / BITS) {
            *word &= !(1 << (index % BITS));
        }
    }

    /// Takes out the numbers for which `keep` says no; it is asked for those that are in.
    pub fn retain(&mut self, mut keep: impl FnMut(usize) -> bool) {
        for (n, word) in self.words.iter_mut().enumerate() {
            let mut rest = *word;
            while rest != 0 {
                let bit = rest.trailing_zeros();
                rest &= rest - 1;
                if !keep(n * BITS + bit as usize) {
                    *word &= !(1 << bit);
                }
            }
        }
    }

    /// How many numbers are in.
    #[must_use]
    pub fn count(&self) -> usize {
        self.words
            .iter()
            .map(|word| word.count_ones() as usize)
            .sum()
    }

    /// The numbers that are in, in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = usize> {
        (0..self.len).filter(|index| self.has(*index))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn it_is_a_set(len in 0..200_usize, out in proptest::collection::vec(0..250_usize, 0..50), modulus in 1..9_usize) {
            let mut set = RowSet::all(len);
            let mut model: BTreeSet<usize> = (0..len).collect();
            for index in out {
                set.remove(index);
                model.remove(&index);
            }
            set.retain(|index| index % modulus != 0);
            model.retain(|index| index % modulus != 0);
            prop_assert_eq!(set.count(), model.len());
            prop_assert!((0..260).all(|index| set.has(index) == model.contains(&index)));
            prop_assert_eq!(set.iter().collect::<Vec<_>>(), model.into_iter().collect::<Vec<_>>());
        }
    }
}
