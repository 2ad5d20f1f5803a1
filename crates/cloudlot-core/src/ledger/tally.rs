//! How the members of a placement in the making stand in the domains of one of its spreads.
//!
//! The rule is about the whole: in each domain that has members of the request there are at most `max_skew` more than in
//! the emptiest domain that could serve, and at most `most`.

use super::groups::Group;
use super::state::State;
use crate::Spread;
use std::collections::BTreeMap;

/// The members in one domain.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    own: u64,
    others: u64,
    /// Whether a resource of the domain could serve, so that the domain holds others back.
    serves: bool,
}

impl Count {
    const fn total(self) -> u64 {
        self.own.saturating_add(self.others)
    }
}

/// The domains of one spread.
#[derive(Clone, Debug)]
pub(crate) struct Tally {
    skew: u64,
    most: u64,
    counts: BTreeMap<String, Count>,
    /// How many of the domains that could serve have how many members.
    levels: BTreeMap<u64, u64>,
}

impl Tally {
    pub(crate) fn of(spread: &Spread) -> Self {
        Self {
            skew: spread.max_skew.into(),
            most: spread.most.map_or(u64::MAX, u64::from),
            counts: BTreeMap::new(),
            levels: BTreeMap::new(),
        }
    }

    /// Notes a domain in which a resource could serve.
    pub(crate) fn open(&mut self, spread: &Spread, state: &State, domain: &str) {
        if self.counts.get(domain).is_some_and(|count| count.serves) {
            return;
        }
        let count = self.count_mut(spread, state, domain);
        count.serves = true;
        let total = count.total();
        *self.levels.entry(total).or_default() += 1;
    }

    /// Forgets which domains could serve.
    pub(crate) fn shut_all(&mut self) {
        self.levels.clear();
        for count in self.counts.values_mut() {
            count.serves = false;
        }
    }

    fn count_mut(&mut self, spread: &Spread, state: &State, domain: &str) -> &mut Count {
        self.counts
            .entry(domain.to_owned())
            .or_insert_with(|| Count {
                others: others(spread, state, domain),
                ..Count::default()
            })
    }

    /// Counts own members in, or out if `more` is negative.
    pub(crate) fn add(&mut self, spread: &Spread, state: &State, domain: &str, more: i64) {
        let count = self.count_mut(spread, state, domain);
        let (before, serves) = (count.total(), count.serves);
        count.own = count.own.saturating_add_signed(more);
        let after = count.total();
        if serves && before != after {
            if let Some(level) = self.levels.get_mut(&before) {
                *level -= 1;
                if *level == 0 {
                    self.levels.remove(&before);
                }
            }
            *self.levels.entry(after).or_default() += 1;
        }
    }

    /// How many members a domain has: own ones, and those that the spread counts besides.
    pub(crate) fn count(&self, spread: &Spread, state: &State, domain: &str) -> u64 {
        match self.counts.get(domain) {
            Some(count) => count.total(),
            None => others(spread, state, domain),
        }
    }

    /// The members of the emptiest domain that could serve, if the next `more` all went to the emptiest.
    pub(crate) fn least(&self, more: u64) -> u64 {
        let mut levels = self.levels.iter();
        let Some((first, domains)) = levels.next() else {
            return u64::MAX;
        };
        let (mut least, mut wide, mut more) = (*first, *domains, more);
        for (next, domains) in levels {
            let cost = (next - least).saturating_mul(wide);
            if cost > more {
                break;
            }
            more -= cost;
            least = *next;
            wide += domains;
        }
        least.saturating_add(more / wide)
    }

    /// How many more members may stand in a domain, if `more` besides are still to come somewhere.
    pub(crate) fn room(&self, spread: &Spread, state: &State, domain: &str, more: u64) -> u64 {
        let bar = self.least(more).saturating_add(self.skew).min(self.most);
        bar.saturating_sub(self.count(spread, state, domain))
    }

    /// Whether the rule holds of the members as they stand.
    pub(crate) fn holds(&self) -> bool {
        let bar = self.least(0).saturating_add(self.skew).min(self.most);
        let mut own = self.counts.values().filter(|count| count.own > 0);
        own.all(|count| count.total() <= bar)
    }
}

fn others(spread: &Spread, state: &State, domain: &str) -> u64 {
    let Some(label) = &spread.among else {
        return 0;
    };
    state.members(&Group {
        label: label.clone(),
        level: spread.level.clone(),
        domain: domain.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// The water level is what putting member after member into the emptiest domain gives.
        #[test]
        fn the_least_rises_as_by_hand(counts in proptest::collection::vec(0..6_u64, 1..5), more in 0..12_u64) {
            let (state, spread) = (State::default(), Spread::over("zone", 1));
            let mut tally = Tally::of(&spread);
            let mut by_hand = counts.clone();
            for (n, count) in counts.iter().enumerate() {
                let domain = n.to_string();
                tally.open(&spread, &state, &domain);
                tally.add(&spread, &state, &domain, i64::try_from(*count).unwrap());
            }
            for _ in 0..more {
                by_hand.sort_unstable();
                by_hand[0] += 1;
            }
            prop_assert_eq!(tally.least(more), *by_hand.iter().min().unwrap());
        }
    }

    #[test]
    fn a_domain_that_could_not_serve_holds_nobody_back() {
        let (state, spread) = (State::default(), Spread::over("zone", 1));
        let mut tally = Tally::of(&spread);
        for domain in ["a", "b"] {
            tally.open(&spread, &state, domain);
        }
        tally.add(&spread, &state, "a", 1);
        assert_eq!(tally.room(&spread, &state, "a", 0), 0);
        assert_eq!(tally.room(&spread, &state, "b", 0), 1);
        tally.shut_all();
        tally.open(&spread, &state, "a");
        assert_eq!(tally.room(&spread, &state, "a", 0), 1);
        tally.add(&spread, &state, "a", 1);
        assert!(tally.holds());
        tally.open(&spread, &state, "b");
        assert!(!tally.holds());
    }
}
