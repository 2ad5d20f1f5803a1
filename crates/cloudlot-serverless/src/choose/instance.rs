//! Which of several instances with room serves a call.

use super::hash::liking;
use super::host::{bound, least};
use super::load::{HostLoad, Size};
use super::luck::Luck;
use crate::Reuse;

/// The instances of one function that have room for a call: those that run others already, then the idle ones; of both the last that
/// came at the end.
#[derive(Clone, Copy)]
pub(crate) struct Free<'a, T> {
    pub(crate) open: &'a [u32],
    pub(crate) idle: &'a [u32],
    /// How many calls an instance runs, and on which host; nothing if there are no hosts.
    pub(crate) look: T,
    pub(crate) loads: &'a [HostLoad],
    pub(crate) function: u32,
}

impl<T: Fn(u32) -> (u32, Option<usize>)> Free<'_, T> {
    pub(crate) const fn count(&self) -> usize {
        self.open.len() + self.idle.len()
    }

    /// The instance at an index, those that run others first.
    pub(crate) fn at(&self, index: usize) -> u32 {
        match index.checked_sub(self.open.len()) {
            None => self.open[index],
            Some(index) => self.idle[index],
        }
    }

    /// The index of the one that a rule names; nothing if there is none.
    pub(crate) fn choose(&self, rule: Reuse, luck: &mut Luck) -> Option<usize> {
        let count = self.count();
        let last = count.checked_sub(1)?;
        Some(match rule {
            Reuse::MostRecent | Reuse::ArrayFirst | Reuse::LeastRecent | Reuse::Learned => last,
            Reuse::LeastLoaded => self.least_loaded((0..count).rev()).unwrap_or(last),
            Reuse::Random => luck.below(count),
            Reuse::TwoChoices if count < 2 => 0,
            Reuse::TwoChoices => {
                let (one, other) = luck.two_below(count);
                let drawn = [one.max(other), one.min(other)];
                self.least_loaded(drawn.into_iter()).unwrap_or(last)
            }
            Reuse::RoundRobin => {
                let turn = luck.instance;
                let after = |&index: &usize| self.at(index) > turn;
                let by_place = |&index: &usize| self.at(index);
                let next = (0..count).filter(after).min_by_key(by_place);
                let next = next.or_else(|| (0..count).min_by_key(by_place))?;
                luck.instance = self.at(next);
                next
            }
            Reuse::Hashed { bound_percent } => self.home(bound_percent).unwrap_or(last),
        })
    }

    /// The first of these that runs the fewest calls, and of those on the host that is used least; one without a host counts as
    /// unused.
    fn least_loaded(&self, order: impl Iterator<Item = usize>) -> Option<usize> {
        least(order, |index| {
            let (calls, host) = (self.look)(self.at(index));
            // A share is one at most.
            f64::from(calls) * 2.0 + host.map_or(0.0, |host| self.loads[host].used_share())
        })
    }

    fn home(&self, bound_percent: u32) -> Option<usize> {
        let used = |load: &HostLoad| load.held.minus(load.idle);
        let most = bound(self.loads, used, Size::ZERO, bound_percent);
        let liked = |index: usize| {
            let (_, host) = (self.look)(self.at(index));
            let host = host?;
            let below = self.loads[host].used_share() <= most;
            Some((below, liking(self.function, host)))
        };
        (0..self.count()).max_by_key(|&index| (liked(index), index))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Clone, Debug)]
    struct Case {
        /// What is used of each host of 10.
        hosts: Vec<u64>,
        /// Calls and host of each instance, by place.
        instances: Vec<(u32, usize)>,
        /// How many of them come first, as those that run something do.
        open: usize,
    }

    impl Case {
        fn loads(&self) -> Vec<HostLoad> {
            let size = |memory| Size {
                memory,
                millicores: 0,
            };
            let loads = self.hosts.iter().map(|&used| HostLoad {
                held: size(used),
                ..HostLoad::new(size(10))
            });
            loads.collect()
        }

        /// What a rule names, several times in a row.
        fn ask(&self, rule: Reuse, places: &[u32], luck: &mut Luck) -> Option<usize> {
            let loads = self.loads();
            let (open, idle) = places.split_at(self.open);
            let free = Free {
                open,
                idle,
                look: |place: u32| {
                    let (calls, host) = self.instances[place as usize];
                    (calls, Some(host))
                },
                loads: &loads,
                function: 5,
            };
            free.choose(rule, luck)
        }
    }

    fn case() -> impl Strategy<Value = (Case, Vec<u32>)> {
        let instances = prop::collection::vec((0..3_u32, 0..4_usize), 1..9);
        let hosts = prop::collection::vec(0..11_u64, 4);
        let places = instances.prop_flat_map(|instances| {
            let count = u32::try_from(instances.len()).unwrap();
            let order = Just((0..count).collect::<Vec<u32>>()).prop_shuffle();
            (Just(instances), order, 0..9_usize)
        });
        (hosts, places).prop_map(|(hosts, (instances, places, open))| {
            let open = open.min(places.len());
            let case = Case {
                hosts,
                instances,
                open,
            };
            (case, places)
        })
    }

    proptest! {
        #[test]
        fn each_rule_names_what_its_naive_model_does((case, places) in case(), seed: u64) {
            let mut luck = Luck::new(seed);
            let load = |index: usize| {
                let (calls, host) = case.instances[places[index] as usize];
                (calls, case.hosts[host])
            };
            let all = 0..places.len();
            // The last of those that are loaded least.
            let least = all.clone().rev().min_by_key(|&index| load(index));
            prop_assert_eq!(case.ask(Reuse::LeastLoaded, &places, &mut luck), least);

            // All in turn by their number, and then again from the first.
            for turn in (0..places.len()).chain(0..places.len()) {
                let named = case.ask(Reuse::RoundRobin, &places, &mut luck).unwrap();
                prop_assert_eq!(places[named] as usize, turn);
            }

            let mean = case.hosts.iter().sum::<u64>() as f64 / 40.0;
            let liked = |index: usize| {
                let (_, host) = case.instances[places[index] as usize];
                (case.hosts[host] as f64 / 10.0 <= mean * 1.25, liking(5, host), index)
            };
            let home = all.clone().max_by_key(|&index| liked(index));
            prop_assert_eq!(case.ask(Reuse::Hashed { bound_percent: 125 }, &places, &mut luck), home);

            // Of two that are drawn the more loaded one is never taken, so never the one that is more loaded than all.
            let drawn = case.ask(Reuse::TwoChoices, &places, &mut luck).unwrap();
            let alone = all.clone().all(|other| other == drawn || load(other) < load(drawn));
            prop_assert!(places.len() < 2 || !alone);
            prop_assert!(all.contains(&case.ask(Reuse::Random, &places, &mut luck).unwrap()));
            prop_assert_eq!(case.ask(Reuse::Learned, &places, &mut luck), Some(places.len() - 1));
        }
    }

    #[test]
    fn chance_finds_each_and_nobody_is_found_where_nobody_is() {
        let case = Case {
            hosts: vec![0; 4],
            instances: vec![(0, 0); 5],
            open: 2,
        };
        let mut luck = Luck::new(1);
        for rule in [Reuse::Random, Reuse::TwoChoices] {
            let mut seen = [0; 5];
            for _ in 0..1_000 {
                seen[case.ask(rule, &[0, 1, 2, 3, 4], &mut luck).unwrap()] += 1;
            }
            let often = |&count: &u32| count > 0 || rule == Reuse::TwoChoices;
            assert!(seen.iter().all(often), "{rule:?} {seen:?}");
        }
        let nobody = Case {
            instances: vec![],
            open: 0,
            ..case
        };
        for rule in [Reuse::Random, Reuse::LeastLoaded, Reuse::RoundRobin] {
            assert_eq!(nobody.ask(rule, &[], &mut luck), None);
        }
    }
}
