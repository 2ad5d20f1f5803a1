//! How many members of a part would fit into resources that are empty.

use super::Place;
use crate::{KindName, Need, On, Part, Quantities};
use std::collections::{BTreeMap, BTreeSet};

/// The room in the resources that a part matches.
#[derive(Clone, Default)]
pub(super) struct Room<'a> {
    /// How many resources the part matches.
    places: u64,
    /// How many members fit on nodes.
    slots: u64,
    /// How many times the amounts fit on each child, by parent.
    children: BTreeMap<&'a str, Vec<u64>>,
    /// The domains that were seen, by the level on which members shun each other.
    domains: BTreeMap<&'a str, BTreeSet<&'a str>>,
    /// All there is of each kind, of an elastic need.
    totals: BTreeMap<KindName, u128>,
}

impl<'a> Room<'a> {
    pub(super) fn add(&mut self, need: &Need, part: usize, place: &Place<'a>, apart: &[&'a str]) {
        self.places += 1;
        let part = match need {
            Need::Elastic { least, .. } => return self.add_piece(least, place),
            Need::Parts(parts) => match parts.get(part) {
                Some(part) => part,
                None => return,
            },
        };
        let times = times(&part.amounts, place.limits).min(part.count.into());
        match (part.on, place.resource.parent()) {
            (On::Children { .. }, Some(parent)) => {
                self.children.entry(parent).or_default().push(times);
            }
            _ => self.slots = self.slots.saturating_add(times),
        }
        for level in apart {
            if let Some(domain) = place.topology.domain(level) {
                self.domains.entry(level).or_default().insert(domain);
            }
        }
    }

    fn add_piece(&mut self, least: &Quantities, place: &Place<'_>) {
        for quantity in least.iter() {
            let kind = quantity.kind();
            let total = self.totals.entry(kind.clone()).or_default();
            *total += u128::from(place.limits.get(kind));
        }
    }

    /// Both together.
    pub(super) fn with(mut self, other: &Self) -> Self {
        self.places += other.places;
        self.slots = self.slots.saturating_add(other.slots);
        for (parent, times) in &other.children {
            self.children.entry(parent).or_default().extend(times);
        }
        for (level, domains) in &other.domains {
            self.domains.entry(level).or_default().extend(domains);
        }
        for (kind, total) in &other.totals {
            *self.totals.entry(kind.clone()).or_default() += total;
        }
        self
    }

    /// How many resources the part matches.
    pub(super) fn places(&self) -> u64 {
        self.places
    }

    /// How many members fit, without regard to who shuns whom.
    pub(super) fn members(&self, part: &Part) -> u64 {
        match part.on {
            On::Node => self.slots,
            On::Children { of } => {
                let parents = self.children.values();
                let members = parents.map(|times| groups(times, of, part.count));
                members.fold(0, u64::saturating_add)
            }
        }
    }

    /// The level with the fewest domains for members that shun each other, and how many it has.
    pub(super) fn domains(&self) -> Option<(&'a str, u64)> {
        let counts = self.domains.iter().map(|(level, domains)| {
            let count = u64::try_from(domains.len()).unwrap_or(u64::MAX);
            (*level, count)
        });
        counts.min_by_key(|(_, count)| *count)
    }

    /// The kinds of which there is too little in all.
    pub(super) fn lacks(&self, least: &Quantities) -> Vec<KindName> {
        let total = |kind| self.totals.get(kind).copied().unwrap_or(0);
        let short = least
            .iter()
            .filter(|quantity| total(quantity.kind()) < u128::from(quantity.amount()));
        short.map(|quantity| quantity.kind().clone()).collect()
    }
}

/// How many times all of the amounts fit.
fn times(amounts: &Quantities, limits: &Quantities) -> u64 {
    let each = amounts
        .iter()
        .map(|quantity| limits.get(quantity.kind()) / quantity.amount().max(1));
    each.min().unwrap_or(0)
}

/// The most members, each on `of` different children, if child `k` can serve `times[k]` members.
///
/// `m` members fit exactly if the children serve `of × m` times with no child serving one member twice, that is if
/// `Σ min(times[k], m) >= of × m`; and if `m` fit, so do fewer.
fn groups(times: &[u64], of: u32, most: u32) -> u64 {
    let fit = |members: u64| {
        let served = times.iter().map(|times| u128::from(*times.min(&members)));
        served.sum::<u128>() >= u128::from(of) * u128::from(members)
    };
    let (mut low, mut high) = (0, u64::from(most));
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        if fit(middle) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Serves one member after the other from the children that can serve most.
    fn by_hand(mut times: Vec<u64>, of: usize, most: u32) -> u64 {
        for member in 0..most {
            times.sort_by(|a, b| b.cmp(a));
            if times.len() < of || times[of - 1] == 0 {
                return member.into();
            }
            times[..of].iter_mut().for_each(|times| *times -= 1);
        }
        most.into()
    }

    proptest! {
        #[test]
        fn groups_are_as_many_as_can_be_handed_out(
            times in proptest::collection::vec(0..6_u64, 0..6), of in 1..4_u32, most in 1..9_u32,
        ) {
            let of_size = usize::try_from(of).unwrap();
            prop_assert_eq!(groups(&times, of, most), by_hand(times.clone(), of_size, most));
        }
    }
}
