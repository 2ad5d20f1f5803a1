//! Dense numbers for states and actions, and sets of actions.
//!
//! The tables inside work on these alone. What a state means to people is the business of
//! the codec, the discretiser and the tile coder.

use serde::{Deserialize, Serialize};

/// The most actions a table can have: a [`Mask`] is one machine word.
pub const ACTIONS_MAX: usize = 64;

/// A state, counted from zero.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct StateId(pub u32);

impl StateId {
    /// The row of this state in a table.
    #[must_use]
    #[inline]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// An action, counted from zero.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct ActionId(pub u16);

impl ActionId {
    /// The column of this action in a table.
    #[must_use]
    #[inline]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// The set of actions that are allowed in a state.
///
/// ```
/// # use cloudlot_qlearn::{ActionId, Mask};
/// let mask = Mask::all(3).without(ActionId(1));
/// assert!(mask.allows(ActionId(0)) && !mask.allows(ActionId(1)));
/// assert_eq!(mask.iter().collect::<Vec<_>>(), [ActionId(0), ActionId(2)]);
/// assert_eq!(mask.len(), 2);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Mask(u64);

impl Mask {
    /// No action at all.
    pub const NONE: Self = Self(0);

    /// The first `actions` actions; all 64 where there are more.
    #[must_use]
    #[inline]
    pub const fn all(actions: usize) -> Self {
        if actions >= ACTIONS_MAX {
            Self(u64::MAX)
        } else {
            Self((1 << actions) - 1)
        }
    }

    /// The set whose bit `a` stands for action `a`.
    #[must_use]
    #[inline]
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// Bit `a` stands for action `a`.
    #[must_use]
    #[inline]
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// Whether `action` is in the set; never for an action of 64 or more.
    #[must_use]
    #[inline]
    pub const fn allows(self, action: ActionId) -> bool {
        action.index() < ACTIONS_MAX && self.0 >> (action.index() & (ACTIONS_MAX - 1)) & 1 == 1
    }

    /// The set with `action`; unchanged for an action of 64 or more.
    #[must_use]
    #[inline]
    pub const fn with(self, action: ActionId) -> Self {
        if action.index() < ACTIONS_MAX {
            Self(self.0 | 1 << action.index())
        } else {
            self
        }
    }

    /// The set without `action`.
    #[must_use]
    #[inline]
    pub const fn without(self, action: ActionId) -> Self {
        if action.index() < ACTIONS_MAX {
            Self(self.0 & !(1 << action.index()))
        } else {
            self
        }
    }

    /// What both sets allow.
    #[must_use]
    #[inline]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// How many actions are allowed.
    #[must_use]
    #[inline]
    pub const fn len(self) -> u32 {
        self.0.count_ones()
    }

    /// Whether no action is allowed.
    #[must_use]
    #[inline]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The allowed actions, lowest first.
    #[inline]
    pub fn iter(self) -> impl Iterator<Item = ActionId> {
        let mut left = self.0;
        std::iter::from_fn(move || {
            let lowest = u16::try_from(left.trailing_zeros()).ok()?;
            if left == 0 {
                return None;
            }
            left &= left - 1;
            Some(ActionId(lowest))
        })
    }

    /// The allowed action with `rank` allowed ones below it, or nothing past the last.
    #[must_use]
    #[inline]
    pub fn nth(self, rank: u32) -> Option<ActionId> {
        self.iter().nth(rank as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_past_the_word_are_never_allowed() {
        let mask = Mask::all(1000);
        assert_eq!(mask.len(), 64);
        assert!(mask.allows(ActionId(63)));
        for far in [64, 65, 128, u16::MAX] {
            assert!(!mask.allows(ActionId(far)));
            assert_eq!(mask.with(ActionId(far)), mask);
            assert_eq!(mask.without(ActionId(far)), mask);
        }
    }

    #[test]
    fn a_mask_lists_its_actions_in_order() {
        for bits in [0, 1, 0b1011, 1 << 63, u64::MAX, 0x8000_0001_0000_0100] {
            let mask = Mask::from_bits(bits);
            let listed: Vec<_> = mask.iter().collect();
            let tested: Vec<_> = (0..100).map(ActionId).filter(|a| mask.allows(*a)).collect();
            assert_eq!(listed, tested);
            for (rank, action) in listed.iter().enumerate() {
                assert_eq!(mask.nth(u32::try_from(rank).unwrap()), Some(*action));
            }
            assert_eq!(mask.nth(mask.len()), None);
        }
    }
}
