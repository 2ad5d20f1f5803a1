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
