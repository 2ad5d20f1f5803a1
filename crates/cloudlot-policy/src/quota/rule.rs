//! What one owner may: as people say it, and as it is counted.

use cloudlot_core::Quantity;

/// What one owner and those below own, and how far they may go. Kinds that a list does not name are 0 in `nominal` and
/// `guarantee`, and without bound in the others; a kind with the amount 0 is a bound of nothing.
///
/// ```
/// # use cloudlot_policy::quota::Quota;
/// # use cloudlot_core::{cores, gpus};
/// // Ten cores, of which two are never lent; up to five more, and never a GPU of others.
/// let team = Quota::new().nominal([cores(10)]).guarantee([cores(2)]).borrow([cores(5), gpus(0)]);
/// assert_eq!(team.weight, 1);
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Quota {
    /// What it owns, on top of what those below own.
    pub nominal: Vec<Quantity>,
    /// What is never lent, used or not, of what it and those below own.
    pub guarantee: Vec<Quantity>,
    /// What it and those below never pass, borrowed or not.
    pub limit: Vec<Quantity>,
    /// What it and those below may borrow.
    pub borrow: Vec<Quantity>,
    /// What it and those below may lend.
    pub lend: Vec<Quantity>,
    /// How much of what is idle it should get compared with its siblings, in fair taking.
    pub weight: u32,
}

impl Default for Quota {
    fn default() -> Self {
        Self::new()
    }
}

impl Quota {
    /// Owns nothing, and may borrow and lend without bound.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            nominal: Vec::new(),
            guarantee: Vec::new(),
            limit: Vec::new(),
            borrow: Vec::new(),
            lend: Vec::new(),
            weight: 1,
        }
    }

    /// Owns this, on top of what those below own.
    #[must_use]
    pub fn nominal(mut self, nominal: impl IntoIterator<Item = Quantity>) -> Self {
        self.nominal = nominal.into_iter().collect();
        self
    }

    /// Never lends this.
    #[must_use]
    pub fn guarantee(mut self, guarantee: impl IntoIterator<Item = Quantity>) -> Self {
        self.guarantee = guarantee.into_iter().collect();
        self
    }

    /// Never holds more than this.
    #[must_use]
    pub fn limit(mut self, limit: impl IntoIterator<Item = Quantity>) -> Self {
        self.limit = limit.into_iter().collect();
        self
    }

    /// Borrows no more than this.
    #[must_use]
    pub fn borrow(mut self, borrow: impl IntoIterator<Item = Quantity>) -> Self {
        self.borrow = borrow.into_iter().collect();
        self
    }

    /// Lends no more than this.
    #[must_use]
    pub fn lend(mut self, lend: impl IntoIterator<Item = Quantity>) -> Self {
        self.lend = lend.into_iter().collect();
        self
    }

    /// Weighs this much.
    #[must_use]
    pub const fn weight(mut self, weight: u32) -> Self {
        self.weight = weight;
        self
    }
}

/// What holds at one node for one kind, in base units.
#[derive(Clone, Copy, Debug)]
pub(super) struct KindRule {
    pub(super) nominal: u64,
    /// What the holders at the node itself own: its nominal, unless it is a pool for children.
    pub(super) own: u64,
    /// The nominal of the node and of all below.
    pub(super) total: u64,
    pub(super) guarantee: u64,
    pub(super) limit: Option<u64>,
    pub(super) borrow: Option<u64>,
    pub(super) lend: Option<u64>,
}

impl KindRule {
    pub(super) const NONE: Self = Self {
        nominal: 0,
        own: 0,
        total: 0,
        guarantee: 0,
        limit: None,
        borrow: None,
        lend: None,
    };

    /// The most that can go out: what the lend limit and the guarantee leave.
    pub(super) fn lendable(&self) -> u64 {
        let kept = self.total.saturating_sub(self.guarantee);
        self.lend.map_or(kept, |lend| lend.min(kept))
    }
}
