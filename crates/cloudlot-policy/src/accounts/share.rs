//! A share of what there is, as a whole number, so that orders by it are the same everywhere.

use super::tree::{AccountId, Accounts};
use cloudlot_core::{Amounts, Timestamp};
use std::fmt;

/// A part of what there is, in parts of 2^32; more than the whole where more is held than there is.
///
/// Shares are rounded down: what differs by less than one part of 2^32 counts as equal, and somebody else breaks the tie.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Share(u64);

impl Share {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// All there is.
    pub const WHOLE: Self = Self(1 << 32);
    /// More than any other: something of which there is nothing.
    pub const MAX: Self = Self(u64::MAX);

    /// So much of so much, rounded down. Something of nothing is [`Share::MAX`], nothing of nothing [`Share::ZERO`].
    #[must_use]
    pub fn of(part: u64, whole: u64) -> Self {
        if part == 0 || whole == 0 {
            return if part == 0 { Self::ZERO } else { Self::MAX };
        }
        let parts = (u128::from(part) << 32) / u128::from(whole);
        Self(u64::try_from(parts).unwrap_or(u64::MAX))
    }

    /// As [`Share::of`], for a part that was estimated.
    #[must_use]
    pub fn of_mean(part: f64, whole: u64) -> Self {
        if part.is_nan() || part <= 0.0 || whole == 0 {
            let nothing = part.is_nan() || part <= 0.0;
            return if nothing { Self::ZERO } else { Self::MAX };
        }
        let parts = part / whole as f64 * Self::WHOLE.0 as f64;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is above zero, and a float that is too large becomes the largest integer"
        )]
        let parts = parts as u64;
        Self(parts)
    }

    /// The share in parts of 2^32.
    #[must_use]
    pub const fn parts(self) -> u64 {
        self.0
    }

    /// Both together; saturates.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl fmt::Debug for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.6}", self.0 as f64 / Self::WHOLE.0 as f64)
    }
}

impl Accounts {
    /// The largest part of any kind of `capacity` that the account and those below hold.
    ///
    /// Source: A. Ghodsi et al., "Dominant resource fairness", NSDI 2011, section 4.1.
    #[must_use]
    pub fn dominant_share(&self, id: AccountId, capacity: &Amounts) -> Share {
        let shares = self.held(id).iter();
        let shares = shares.map(|(kind, held)| Share::of(held, capacity.get(kind)));
        shares.max().unwrap_or_default()
    }

    /// The same for what they held lately: of each kind the use over `capacity` times the window of its half-life. Whoever
    /// always held the same has the same share here as in [`Accounts::dominant_share`].
    #[must_use]
    pub fn recent_share(&self, id: AccountId, capacity: &Amounts, now: Timestamp) -> Share {
        let kinds = self.recent(id, now);
        let shares = kinds.map(|(kind, mean)| Share::of_mean(mean, capacity.get(kind)));
        shares.max().unwrap_or_default()
    }
}
