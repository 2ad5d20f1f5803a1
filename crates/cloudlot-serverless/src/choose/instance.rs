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
