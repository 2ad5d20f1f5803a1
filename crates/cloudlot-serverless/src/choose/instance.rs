//! Which of several idle instances serves a call.

use super::hash::liking;
use super::host::{bound, least};
use super::load::{HostLoad, Size};
use super::luck::Luck;
use crate::Reuse;

/// The idle instances of one function, the last that came at the end.
#[derive(Clone, Copy)]
pub(crate) struct Idle<'a, H> {
    pub(crate) instances: &'a [u32],
    /// Where an instance is; nothing if there are no hosts.
    pub(crate) host: H,
    pub(crate) loads: &'a [HostLoad],
    pub(crate) function: u32,
}

impl<H: Fn(u32) -> Option<usize>> Idle<'_, H> {
    /// The index of the one that a rule names; nothing if there is none.
    pub(crate) fn choose(&self, rule: Reuse, luck: &mut Luck) -> Option<usize> {
        let count = self.instances.len();
        let last = count.checked_sub(1)?;
        Some(match rule {
            Reuse::MostRecent | Reuse::Learned => last,
            Reuse::ArrayFirst | Reuse::LeastRecent => 0,
            Reuse::LeastLoadedHost => self.least_loaded((0..count).rev()).unwrap_or(last),
            Reuse::Random => luck.below(count),
            Reuse::TwoChoices if count < 2 => 0,
            Reuse::TwoChoices => {
                let (one, other) = luck.two_below(count);
                // Of equals the one that came later.
                self.least_loaded([one.max(other), one.min(other)].into_iter())
                    .unwrap_or(last)
            }
            Reuse::RoundRobin => {
                let turn = luck.instance;
                let after = |&index: &usize| self.instances[index] > turn;
                let by_place = |&index: &usize| self.instances[index];
                let next = (0..count).filter(after).min_by_key(by_place);
                let next = next.or_else(|| (0..count).min_by_key(by_place))?;
                luck.instance = self.instances[next];
                next
            }
            Reuse::Hashed { bound_percent } => self.home(bound_percent).unwrap_or(last),
        })
    }

    fn host_of(&self, index: usize) -> Option<usize> {
        (self.host)(self.instances[index])
    }

    /// The first of these on the host that is used least; one without a host counts as unused.
    fn least_loaded(&self, order: impl Iterator<Item = usize>) -> Option<usize> {
        least(order, |index| {
            let host = self.host_of(index);
            host.map_or(0.0, |host| self.loads[host].used_share())
        })
    }

    fn home(&self, bound_percent: u32) -> Option<usize> {
        let used = |load: &HostLoad| load.held.minus(load.idle);
        let most = bound(self.loads, used, Size::ZERO, bound_percent);
        let liked = |index: usize| {
            let host = self.host_of(index)?;
            let below = self.loads[host].used_share() <= most;
            Some((below, liking(self.function, host)))
        };
        (0..self.instances.len()).max_by_key(|&index| (liked(index), index))
    }
}
