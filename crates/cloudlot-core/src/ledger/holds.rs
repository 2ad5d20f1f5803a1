//! What a reservation holds: amounts on resources, packed so that the usual case needs no allocation.

use crate::amounts::bits;
use crate::{Amounts, Kind, Quantities, ResourceId};
use std::fmt;
use std::sync::Arc;

/// Amounts on one resource.
#[derive(Clone, PartialEq, Eq)]
pub struct Hold {
    resource: ResourceId,
    mask: u32,
    count: u32,
    values: Packed,
}

/// The values of the kinds in a mask, lowest first. Two kinds, the usual case, stay in place.
#[derive(Clone, PartialEq, Eq)]
enum Packed {
    Two([u64; 2]),
    More(Arc<[u64]>),
}

impl Hold {
    /// `amounts` on `resource`, for one member of a group.
    #[must_use]
    pub fn new(resource: ResourceId, amounts: &Amounts) -> Self {
        Self::of(resource, amounts, 1)
    }

    /// `amounts` in all on `resource`, for `count` members of a group.
    #[must_use]
    pub fn of(resource: ResourceId, amounts: &Amounts, count: u32) -> Self {
        let mut values = amounts.iter().map(|(_, value)| value);
        let packed = if amounts.mask().count_ones() <= 2 {
            Packed::Two([values.next().unwrap_or(0), values.next().unwrap_or(0)])
        } else {
            Packed::More(values.collect())
        };
        Self {
            resource,
            mask: amounts.mask(),
            count,
            values: packed,
        }
    }

    /// At most two quantities of kinds that every ledger knows; `None` if they are others.
    #[inline]
    pub(crate) fn of_well_known(resource: ResourceId, quantities: &Quantities) -> Option<Self> {
        let mut values = [0; 2];
        let mut mask = 0;
        if quantities.iter().len() > values.len() {
            return None;
        }
        // Quantities are sorted by kind, and hold no zeros.
        for (value, quantity) in values.iter_mut().zip(quantities.iter()) {
            mask |= 1 << quantity.kind().well_known()?.index();
            *value = quantity.amount();
        }
        Some(Self {
            resource,
            mask,
            count: 1,
            values: Packed::Two(values),
        })
    }

    /// Where.
    #[must_use]
    pub const fn resource(&self) -> ResourceId {
        self.resource
    }

    /// How many members of the request's group sit here; one that sits on several children counts on each.
    #[must_use]
    pub const fn count(&self) -> u32 {
        self.count
    }

    /// How much.
    #[must_use]
    pub fn amounts(&self) -> Amounts {
        self.iter().collect()
    }

    /// How much of each kind that is held.
    pub fn iter(&self) -> impl Iterator<Item = (Kind, u64)> {
        bits(self.mask)
            .map(Kind::at)
            .zip(self.values().iter().copied())
    }

    pub(crate) const fn mask(&self) -> u32 {
        self.mask
    }

    /// The values of the kinds in the mask, lowest first.
    #[inline]
    pub(crate) fn values(&self) -> &[u64] {
        match &self.values {
            Packed::Two(two) => &two[..self.mask.count_ones().min(2) as usize],
            Packed::More(more) => more,
        }
    }
}

impl fmt::Debug for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} × {:?} on {}",
            self.count,
            self.amounts(),
            self.resource
        )
    }
}

/// Amounts on resources, each resource once, sorted by resource.
#[derive(Clone, PartialEq, Eq)]
pub struct Holds(List);

#[derive(Clone, PartialEq, Eq)]
enum List {
    One(Hold),
    Many(Arc<[Hold]>),
}

impl Holds {
    /// On one resource.
    #[must_use]
    pub const fn one(hold: Hold) -> Self {
        Self(List::One(hold))
    }

    /// On several; holds on the same resource are added up. `None` if there are none, or if a kind passes 2^64 - 1 in all.
    pub fn sum(holds: impl IntoIterator<Item = Hold>) -> Option<Self> {
        let mut list: Vec<Hold> = holds.into_iter().collect();
        list.sort_by_key(|hold| hold.resource);
        let mut merged: Vec<Hold> = Vec::with_capacity(list.len());
        for hold in list {
            match merged
                .last_mut()
                .filter(|last| last.resource == hold.resource)
            {
                Some(last) => {
                    let amounts = last.amounts().checked_add(&hold.amounts())?;
                    let count = last.count.checked_add(hold.count)?;
                    *last = Hold::of(hold.resource, &amounts, count);
                }
                None => merged.push(hold),
            }
        }
        // An owner's limit counts them all together.
        merged
            .iter()
            .try_fold(Amounts::ZERO, |sum, hold| sum.checked_add(&hold.amounts()))?;
        match <[Hold; 1]>::try_from(merged) {
            Ok([hold]) => Some(Self::one(hold)),
            Err(merged) => (!merged.is_empty()).then(|| Self(List::Many(merged.into()))),
        }
    }

    /// The holds, sorted by resource.
    #[inline]
    #[must_use]
    pub fn as_slice(&self) -> &[Hold] {
        match &self.0 {
            List::One(hold) => std::slice::from_ref(hold),
            List::Many(holds) => holds,
        }
    }

    /// The holds, sorted by resource.
    pub fn iter(&self) -> std::slice::Iter<'_, Hold> {
        self.as_slice().iter()
    }

    /// What is held on one resource.
    #[must_use]
    pub fn on(&self, resource: ResourceId) -> Amounts {
        let holds = self.as_slice();
        let place = holds.binary_search_by_key(&resource, |hold| hold.resource);
        place.map_or(Amounts::ZERO, |place| holds[place].amounts())
    }

    /// What is held in all.
    #[must_use]
    pub fn total(&self) -> Amounts {
        self.iter().fold(Amounts::ZERO, |sum, hold| {
            sum.saturating_add(&hold.amounts())
        })
    }
}

impl fmt::Debug for Holds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_on_one_resource_are_added_up() {
        let (a, b) = (ResourceId::new(1, 0), ResourceId::new(0, 4));
        let cpu = |n| Amounts::of([(Kind::CPU, n)]);
        let holds = Holds::sum([
            Hold::new(a, &cpu(3)),
            Hold::new(b, &cpu(1)),
            Hold::new(a, &cpu(4)),
        ])
        .unwrap();
        assert_eq!((holds.on(a), holds.on(b)), (cpu(7), cpu(1)));
        assert_eq!(holds.iter().map(Hold::count).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(holds.total(), cpu(8));
        let most = Hold::new(a, &cpu(u64::MAX));
        assert_eq!(Holds::sum([most.clone(), most]), None);
        assert_eq!(Holds::sum([]), None);
    }

    #[test]
    fn five_kinds_survive_packing() {
        let all = Amounts::of((0..5).map(|kind| (Kind::at(kind), kind as u64 + 1)));
        assert_eq!(Hold::new(ResourceId::new(0, 0), &all).amounts(), all);
    }
}
