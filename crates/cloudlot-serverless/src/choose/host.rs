//! Which host takes a start.

use super::hash::liking;
use super::load::{HostLoad, Size};
use super::luck::Luck;

/// Which of the hosts with room takes a start.
///
/// None of them makes room by an eviction as long as one host has room without.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum HostChoice {
    /// The first, in the order in which hosts were added: few hosts in use.
    FirstFit,
    /// The one with least memory left, then with least of the processors: keeps large gaps for large functions.
    BestFit,
    /// The one of which the smallest share is held; what is held more of, memory or processors, counts.
    #[default]
    LeastLoaded,
    /// The next one after the last that was chosen.
    RoundRobin,
    /// Any, with equal chances.
    Random,
    /// The less loaded of two that are drawn; the least loaded of all if neither has room. Looks at two hosts only.
    ///
    /// Source: Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing" (2001).
    TwoChoices,
    /// The function's home, so that it meets its code and its instances there; the next that it likes while that one holds more
    /// than its part of the mean load. If all that have room hold more, the one it likes most.
    ///
    /// Source: Mirrokni, Thorup, Zadimoghaddam, "Consistent Hashing with Bounded Loads" (2018), on highest random weights.
    Hashed {
        /// Of the mean load, in percent; 100 at least. 125 is usual.
        bound_percent: u32,
    },
    /// The one where the function's instances got ready last, of its last eight; the least loaded if none of them has room.
    Locality,
    /// Whom a chooser names that learns; see [`Choose`](crate::Choose). The least loaded if there is none.
    Learned,
}

/// What a rule looks at.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) loads: &'a [HostLoad],
    /// What one instance holds.
    pub(crate) need: Size,
    pub(crate) function: u32,
    /// Where its instances got ready, the last first.
    pub(crate) prepared: &'a [u32],
}

impl HostChoice {
    /// A host with room; nothing if none has.
    pub(crate) fn choose(self, asked: &Asked<'_>, luck: &mut Luck) -> Option<usize> {
        match self {
            Self::FirstFit => asked.fitting().next(),
            Self::BestFit => asked.fitting().min_by_key(|&host| {
                let free = asked.loads[host].free();
                (free.memory, free.millicores)
            }),
            Self::LeastLoaded | Self::Learned => asked.least_loaded(),
            Self::RoundRobin => {
                let turn = luck.host;
                let after = asked.fitting().find(|&host| host >= turn);
                let found = after.or_else(|| asked.fitting().next())?;
                luck.host = found + 1;
                Some(found)
            }
            Self::Random => {
                let count = asked.fitting().count();
                let drawn = (count > 0).then(|| luck.below(count))?;
                asked.fitting().nth(drawn)
            }
            Self::TwoChoices => asked.two(luck).or_else(|| asked.least_loaded()),
            Self::Hashed { bound_percent } => asked.home(bound_percent),
            Self::Locality => asked.known().or_else(|| asked.least_loaded()),
        }
    }
}

impl Asked<'_> {
    pub(crate) fn fitting(&self) -> impl Iterator<Item = usize> + '_ {
        let fits = |load: &HostLoad| load.fits(self.need);
        let hosts = self.loads.iter().enumerate();
        hosts.filter_map(move |(host, load)| fits(load).then_some(host))
    }

    fn least_loaded(&self) -> Option<usize> {
        least(self.fitting(), |host| self.loads[host].held_share())
    }

    fn two(&self, luck: &mut Luck) -> Option<usize> {
        if self.loads.len() < 2 {
            return None;
        }
        let (one, other) = luck.two_below(self.loads.len());
        let drawn = [one.min(other), one.max(other)].into_iter();
        let fitting = drawn.filter(|&host| self.loads[host].fits(self.need));
        least(fitting, |host| self.loads[host].held_share())
    }

    fn home(&self, bound_percent: u32) -> Option<usize> {
        // The mean with what is about to come, so that an empty platform has one above zero.
        let most = bound(self.loads, |load| load.held, self.need, bound_percent);
        let favourite = |hosts: &mut dyn Iterator<Item = usize>| {
            hosts.max_by_key(|&host| (liking(self.function, host), std::cmp::Reverse(host)))
        };
        let below = |&host: &usize| self.loads[host].held_share() <= most;
        favourite(&mut self.fitting().filter(below)).or_else(|| favourite(&mut self.fitting()))
    }

    fn known(&self) -> Option<usize> {
        let mut known = self.prepared.iter().map(|&host| host as usize);
        known.find(|&host| self.loads[host].fits(self.need))
    }
}

/// The first of those with the least score.
pub(super) fn least(
    items: impl Iterator<Item = usize>,
    score: impl Fn(usize) -> f64,
) -> Option<usize> {
    let scored = items.map(|item| (score(item), item));
    let least = scored.min_by(|one, other| one.0.total_cmp(&other.0));
    least.map(|(_, item)| item)
}

/// What a host may hold of the mean share, `more` included; with the share that is looked at.
pub(super) fn bound(
    loads: &[HostLoad],
    size: fn(&HostLoad) -> Size,
    more: Size,
    bound_percent: u32,
) -> f64 {
    let open = || loads.iter().filter(|load| load.open);
    let sum = |size: fn(&HostLoad) -> Size| open().map(size).fold(Size::ZERO, Size::plus);
    let mean = sum(size).plus(more).share_of(sum(|load| load.limit));
    mean * f64::from(bound_percent.max(100)) / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ONE: Size = Size {
        memory: 1,
        millicores: 0,
    };

    fn hosts(count: usize, memory: u64) -> Vec<HostLoad> {
        let limit = Size {
            memory,
            millicores: 0,
        };
        vec![HostLoad::new(limit); count]
    }

    /// Places one instance of each function and says where.
    fn place(rule: HostChoice, functions: u32, loads: &mut [HostLoad], seed: u64) -> Vec<usize> {
        let mut luck = Luck::new(seed);
        let placed = (0..functions).map(|function| {
            let asked = Asked {
                loads,
                need: ONE,
                function,
                prepared: &[],
            };
            let host = rule.choose(&asked, &mut luck).unwrap();
            loads[host].held = loads[host].held.plus(ONE);
            host
        });
        placed.collect()
    }

    fn highest(loads: &[HostLoad]) -> u64 {
        loads.iter().map(|load| load.held.memory).max().unwrap_or(0)
    }

    #[test]
    fn one_host_more_moves_one_function_in_n_and_each_of_them_to_itself() {
        let homes = |count: usize, function: u32| {
            let asked = Asked {
                loads: &hosts(count, 100),
                need: ONE,
                function,
                prepared: &[],
            };
            let rule = HostChoice::Hashed { bound_percent: 125 };
            rule.choose(&asked, &mut Luck::new(0)).unwrap()
        };
        for count in [4, 10, 40] {
            let moved: Vec<usize> = (0..10_000)
                .filter(|&function| homes(count, function) != homes(count + 1, function))
                .map(|function| homes(count + 1, function))
                .collect();
            assert!(moved.iter().all(|&host| host == count), "{count} hosts");
            // Four standard deviations around 10,000 / (n + 1).
            let mean = 10_000.0 / (count as f64 + 1.0);
            let off = (moved.len() as f64 - mean).abs();
            assert!(off < 4.0 * mean.sqrt(), "{} of 10000", moved.len());
        }
    }

    #[test]
    fn no_host_holds_more_than_its_part_of_the_mean() {
        for bound_percent in [100, 110, 125, 200] {
            let mut loads = hosts(20, 1_000);
            let rule = HostChoice::Hashed { bound_percent };
            for (placed, _) in place(rule, 2_000, &mut loads, 0).into_iter().enumerate() {
                let mean = (placed + 1) as f64 / 20.0;
                let most = mean * f64::from(bound_percent) / 100.0;
                // One at most is above: the one that came when the host was at its bound.
                if placed == 1_999 {
                    assert!(highest(&loads) as f64 <= most + 1.0, "{bound_percent}");
                }
            }
        }
        // A bound that never binds leaves the hot spots as they are.
        let mut free = hosts(20, 1_000);
        place(
            HostChoice::Hashed { bound_percent: 900 },
            2_000,
            &mut free,
            0,
        );
        assert!(highest(&free) > 110);
    }

    #[test]
    fn a_hot_function_leaves_its_home_when_it_holds_more_than_its_part() {
        let mut loads = hosts(10, 1_000);
        let mut luck = Luck::new(0);
        for _ in 0..1_000 {
            let asked = Asked {
                loads: &loads,
                need: ONE,
                function: 7,
                prepared: &[],
            };
            let rule = HostChoice::Hashed { bound_percent: 125 };
            let host = rule.choose(&asked, &mut luck).unwrap();
            loads[host].held = loads[host].held.plus(ONE);
        }
        assert!(highest(&loads) <= 126, "{}", highest(&loads));
        let used = loads.iter().filter(|load| load.held.memory > 0).count();
        assert!((8..10).contains(&used), "{used} hosts");
    }

    #[test]
    fn two_choices_leave_a_lower_highest_load_than_chance() {
        for seed in 0..20 {
            let of = |rule| {
                let mut loads = hosts(100, 1_000);
                place(rule, 1_000, &mut loads, seed);
                highest(&loads)
            };
            let (two, random) = (of(HostChoice::TwoChoices), of(HostChoice::Random));
            assert!(two < random && two <= 13, "seed {seed}: {two}, {random}");
        }
    }

    proptest! {
        /// Whatever the rule: a host with room if there is one, none if there is none.
        #[test]
        fn a_rule_names_a_host_with_room_or_none_has(
            rule in prop::sample::select(vec![
                HostChoice::FirstFit, HostChoice::BestFit, HostChoice::LeastLoaded, HostChoice::RoundRobin,
                HostChoice::Random, HostChoice::TwoChoices, HostChoice::Hashed { bound_percent: 100 },
                HostChoice::Locality, HostChoice::Learned,
            ]),
            hosts in prop::collection::vec((0..9_u64, 0..9_u64, any::<bool>()), 0..9),
            memory in 0..9_u64,
            function: u32,
            prepared in prop::collection::vec(0..9_u32, 0..4),
            seed: u64,
        ) {
            let loads: Vec<HostLoad> = hosts.iter().map(|&(limit, held, open)| {
                let size = |memory| Size { memory, millicores: 0 };
                HostLoad { held: size(held.min(limit)), open, ..HostLoad::new(size(limit)) }
            }).collect();
            let need = Size { memory, millicores: 0 };
            let known: Vec<u32> = prepared.into_iter().filter(|&host| (host as usize) < loads.len()).collect();
            let asked = Asked { loads: &loads, need, function, prepared: &known };
            let chosen = rule.choose(&asked, &mut Luck::new(seed));
            let any = loads.iter().any(|load| load.fits(need));
            prop_assert_eq!(chosen.is_some(), any);
            prop_assert!(chosen.is_none_or(|host| loads[host].fits(need)));
        }
    }
}
