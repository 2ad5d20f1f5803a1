//! A vector of amounts, one for each kind of a ledger, in base units.
//!
//! There is no `+` or `-`: callers say what happens at the edges.

use crate::Kind;
use std::fmt;

/// How much of each kind, in base units: milli-cores, bytes, bits per second, thousandths of a device, or plain counts.
///
/// A plain `Copy` value for exchange; a ledger keeps columns. It goes by the numbers of one ledger's
/// [`Kinds`](crate::Kinds), which also translate it to and from named [`Quantities`](crate::Quantities).
/// Files and messages hold those: the numbers of one ledger mean nothing in another, so that `Amounts` has no serde.
///
/// ```
/// # use cloudlot_core::{Amounts, Kind};
/// let need = Amounts::of([(Kind::CPU, 4_000), (Kind::MEMORY, 1 << 30)]);
/// let free = Amounts::of([(Kind::CPU, 3_000), (Kind::MEMORY, 2 << 30)]);
/// assert!(!need.fits_in(&free));
/// assert_eq!(need.shortfall(&free), Amounts::of([(Kind::CPU, 1_000)]));
/// assert_eq!(need.checked_sub(&free), None);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Amounts {
    // Bit `k` is set exactly when `values[k]` is not zero.
    mask: u32,
    values: [u64; Kind::LIMIT],
}

impl Default for Amounts {
    fn default() -> Self {
        Self::ZERO
    }
}

impl Amounts {
    /// Nothing of any kind.
    pub const ZERO: Self = Self {
        mask: 0,
        values: [0; Kind::LIMIT],
    };

    /// These amounts, and nothing of the other kinds; of a kind that is named twice, the last.
    #[must_use]
    pub fn of(amounts: impl IntoIterator<Item = (Kind, u64)>) -> Self {
        amounts
            .into_iter()
            .fold(Self::ZERO, |all, (kind, amount)| all.with(kind, amount))
    }

    /// The amount of one kind.
    #[must_use]
    pub const fn get(&self, kind: Kind) -> u64 {
        self.values[kind.index()]
    }

    /// The same amounts but for one kind.
    #[must_use]
    pub const fn with(mut self, kind: Kind, amount: u64) -> Self {
        let bit = 1 << kind.index();
        self.mask = if amount == 0 {
            self.mask & !bit
        } else {
            self.mask | bit
        };
        self.values[kind.index()] = amount;
        self
    }

    /// Whether there is nothing of any kind.
    #[must_use]
    pub const fn is_zero(&self) -> bool {
        self.mask == 0
    }

    /// The kinds of which there is something, as a bit set by [`Kind::index`].
    #[must_use]
    pub const fn mask(&self) -> u32 {
        self.mask
    }

    /// The kinds of which there is something, and how much.
    pub fn iter(&self) -> impl Iterator<Item = (Kind, u64)> {
        bits(self.mask).map(|index| (Kind::at(index), self.values[index]))
    }

    /// `self + other`, or `None` where a kind would pass 2^64 - 1.
    #[must_use]
    pub fn checked_add(&self, other: &Self) -> Option<Self> {
        other.iter().try_fold(*self, |sum, (kind, amount)| {
            Some(sum.with(kind, sum.get(kind).checked_add(amount)?))
        })
    }

    /// `self - other`, or `None` where a kind would fall below zero.
    #[must_use]
    pub fn checked_sub(&self, other: &Self) -> Option<Self> {
        other.iter().try_fold(*self, |rest, (kind, amount)| {
            Some(rest.with(kind, rest.get(kind).checked_sub(amount)?))
        })
    }

    /// `self × times`, or `None` where a kind would pass 2^64 - 1.
    #[must_use]
    pub fn checked_mul(&self, times: u64) -> Option<Self> {
        self.iter().try_fold(Self::ZERO, |all, (kind, amount)| {
            Some(all.with(kind, amount.checked_mul(times)?))
        })
    }

    /// `self + other`, each kind at most 2^64 - 1.
    #[must_use]
    pub fn saturating_add(&self, other: &Self) -> Self {
        other.iter().fold(*self, |sum, (kind, amount)| {
            sum.with(kind, sum.get(kind).saturating_add(amount))
        })
    }

    /// `self × times`, each kind at most 2^64 - 1.
    #[must_use]
    pub fn saturating_mul(&self, times: u64) -> Self {
        self.iter().fold(Self::ZERO, |all, (kind, amount)| {
            all.with(kind, amount.saturating_mul(times))
        })
    }

    /// `self - other`, each kind at least zero.
    #[must_use]
    pub fn saturating_sub(&self, other: &Self) -> Self {
        other.iter().fold(*self, |rest, (kind, amount)| {
            rest.with(kind, rest.get(kind).saturating_sub(amount))
        })
    }

    /// The larger of the two, kind by kind.
    #[must_use]
    pub fn max(&self, other: &Self) -> Self {
        other.iter().fold(*self, |most, (kind, amount)| {
            most.with(kind, most.get(kind).max(amount))
        })
    }

    /// The smaller of the two, kind by kind.
    #[must_use]
    pub fn min(&self, other: &Self) -> Self {
        Self::of(
            self.iter()
                .map(|(kind, amount)| (kind, amount.min(other.get(kind)))),
        )
    }

    /// Whether `free` has at least as much of every kind.
    #[must_use]
    pub fn fits_in(&self, free: &Self) -> bool {
        self.iter().all(|(kind, amount)| amount <= free.get(kind))
    }

    /// The part of `self` that `free` cannot cover, kind by kind; zero where it can.
    #[must_use]
    pub fn shortfall(&self, free: &Self) -> Self {
        self.saturating_sub(free)
    }
}

impl FromIterator<(Kind, u64)> for Amounts {
    /// As [`Amounts::of`].
    fn from_iter<I: IntoIterator<Item = (Kind, u64)>>(amounts: I) -> Self {
        Self::of(amounts)
    }
}

impl fmt::Debug for Amounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

/// The places of the bits that are set, lowest first.
#[inline]
pub(crate) fn bits(mask: u32) -> Bits {
    Bits(mask)
}

#[derive(Clone)]
pub(crate) struct Bits(u32);

impl Iterator for Bits {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        let index = (self.0 != 0).then(|| self.0.trailing_zeros() as usize)?;
        self.0 &= self.0 - 1;
        Some(index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn amounts() -> impl Strategy<Value = Amounts> {
        let value = prop_oneof![Just(0), 0..10_u64, Just(u64::MAX), any::<u64>()];
        proptest::collection::vec((0..Kind::LIMIT, value), 0..6)
            .prop_map(|list| Amounts::of(list.into_iter().map(|(kind, n)| (Kind::at(kind), n))))
    }

    fn by_hand(a: Amounts, b: Amounts, op: impl Fn(u64, u64) -> Option<u64>) -> Option<Vec<u64>> {
        (0..Kind::LIMIT)
            .map(|k| op(a.values[k], b.values[k]))
            .collect()
    }

    proptest! {
        #[test]
        fn arithmetic_goes_kind_by_kind(a in amounts(), b in amounts(), n in 0..4_u64) {
            let values = |x: Amounts| x.values.to_vec();
            prop_assert_eq!(a.checked_add(&b).map(values), by_hand(a, b, u64::checked_add));
            prop_assert_eq!(a.checked_sub(&b).map(values), by_hand(a, b, u64::checked_sub));
            prop_assert_eq!(a.checked_mul(n).map(values), by_hand(a, a, |x, _| x.checked_mul(n)));
            let total = |op: fn(u64, u64) -> u64| by_hand(a, b, |x, y| Some(op(x, y))).unwrap();
            prop_assert_eq!(values(a.saturating_add(&b)), total(u64::saturating_add));
            prop_assert_eq!(values(a.shortfall(&b)), total(u64::saturating_sub));
            prop_assert_eq!(values(a.max(&b)), total(u64::max));
            prop_assert_eq!(values(a.min(&b)), total(u64::min));
            prop_assert_eq!(a.fits_in(&b), a.shortfall(&b).is_zero());
        }

        #[test]
        fn the_mask_names_what_is_not_zero(a in amounts(), b in amounts()) {
            for x in [a, a.saturating_add(&b), a.saturating_sub(&b), a.max(&b), a.min(&b)] {
                let kinds: Vec<usize> = (0..Kind::LIMIT).filter(|k| x.values[*k] > 0).collect();
                prop_assert_eq!(bits(x.mask).collect::<Vec<_>>(), kinds);
            }
        }
    }
}
