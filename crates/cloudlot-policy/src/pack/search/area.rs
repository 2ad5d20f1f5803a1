//! What items that are restricted to few bins do to these: with other items or without, the bins
//! of an area must take what can go nowhere else.

use super::instance::{Instance, Set, holds, members};
use super::prune::Rest;
use crate::pack::bound::{blocks, levelled};
use crate::pack::problem::wide;

/// A set of bins that some items are restricted to.
pub(super) struct Area {
    bins: Set,
    /// For each bin, the immovable loads of the area's bins from there on, largest first.
    inside: Vec<Vec<u64>>,
    /// Likewise of all other bins.
    outside: Vec<Vec<u64>>,
}

impl Area {
    pub(super) fn new(bins: Set, base: &[u64]) -> Self {
        let floors = |inside: bool| -> Vec<Vec<u64>> {
            (0..base.len())
                .map(|first| {
                    let mut floors: Vec<u64> = (first..base.len())
                        .filter(|&at| holds(bins, at) == inside)
                        .map(|at| base[at])
                        .collect();
                    floors.sort_unstable_by(|a, b| b.cmp(a));
                    floors
                })
                .collect()
        };
        Self {
            bins,
            inside: floors(true),
            outside: floors(false),
        }
    }

    /// Whether what must go into this area makes the squares exceed the room, be it for the load
    /// of the items or for their sizes.
    pub(super) fn is_crowded(&self, rest: &Rest, instance: &Instance) -> bool {
        let (inside, outside) = (&self.inside[rest.at], &self.outside[rest.at]);
        if inside.is_empty() {
            return false;
        }
        let items = (members(rest.items))
            .filter(|&item| (instance.may_use[item] & !self.bins) >> rest.at == 0)
            .fold(0, |set, item| set | 1 << item);
        let (total, bins) = (rest.total(instance), rest.open(instance));
        let blocks = blocks(outside, inside, instance.loads(items));
        if levelled(total, bins, blocks) > rest.room {
            return true;
        }
        let load = inside.iter().sum::<u64>() + instance.mass(items);
        let even = |load, bins| levelled(load, bins, std::iter::empty());
        !outside.is_empty()
            && u128::from(load) * wide(bins) > u128::from(total) * wide(inside.len())
            && even(load, inside.len()) + even(total - load, outside.len()) > rest.room
    }
}
