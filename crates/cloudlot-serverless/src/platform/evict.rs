//! Idle instances that make room for others: on which host, and which of them.

use cloudlot_core::Timestamp;

use super::event::{Effect, StopReason};
use super::keep_alive::KeepAlive;
use super::life::Life;
use super::record::Sink;
use super::rows::FunctionRow;
use super::worth::Idler;
use super::{Platform, Turn};
use crate::FunctionId;
use crate::choose::Size;

/// Which idle instances go when there is no memory for another.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Evicts {
    /// The least valued, until there is room; then those that turn out not to be needed stay, the most valued first. None goes if all of
    /// them together were too few.
    #[default]
    OnlyNeeded,
    /// The least valued, until there is room; none if all of them together were too few.
    InOrder,
    /// The least valued, until they held as much as the other needs, whatever is free, or none is left: also when that does not
    /// help. This is what FaasCache's simulator does; for comparison with it.
    InVain,
}

/// Which instances make room only if no other can.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Spares {
    /// None.
    #[default]
    Nobody,
    /// Those that have not been there for longer than their start took: what has just been paid for is not thrown away.
    Young,
}

impl FunctionRow {
    /// How many of its idle instances may go: those that are there whether calls want them or not stay.
    fn can_spare(&self) -> usize {
        usize::try_from(self.in_use().saturating_sub(self.floor())).unwrap_or(usize::MAX)
    }
}

impl<K: KeepAlive> Platform<K> {
    /// Lets idle instances of one host go for so much, and says whether there is room at once.
    pub(super) fn find_victims<O: Extend<Effect>, S: Sink>(
        &mut self,
        need: Size,
        turn: &mut Turn<'_, O, S>,
    ) -> bool {
        let in_vain = self.settings.evicts == Evicts::InVain;
        let first = || self.hosts.loads.iter().position(|load| load.open);
        let Some(host) = self.cheapest(need).or_else(|| first().filter(|_| in_vain)) else {
            return false;
        };
        let load = &self.hosts.loads[host];
        let wants = if in_vain {
            need
        } else {
            need.minus(load.free().plus(load.stopping))
        };
        self.make_room(host, wants, turn);
        self.hosts.loads[host].fits(need)
    }

    /// The host on which the least is lost if idle instances make room: there the dearest one that has to go, the least valued
    /// going first, is worth least. Of equals the one where fewer have to go, then the first.
    fn cheapest(&self, need: Size) -> Option<usize> {
        let could = |&host: &usize| self.hosts.loads[host].could_fit(need);
        let mut hosts = (0..self.hosts.loads.len()).filter(could);
        let first = hosts.next()?;
        if hosts.next().is_none() {
            return Some(first);
        }
        let mut loads = self.hosts.loads.clone();
        let mut gone = vec![0_u32; loads.len()];
        // The host that has room first as all go in order needs the cheapest of them; those that get it at the same worth
        // are compared.
        let mut best: Option<(u64, u32, usize)> = None;
        for (value, instance) in self.who_may_go() {
            if best.is_some_and(|(worth, ..)| worth < value) {
                break;
            }
            let Some(host) = self.hosts.host_of(instance) else {
                continue;
            };
            if loads[host].will_fit(need) || !loads[host].open {
                continue;
            }
            loads[host].stopping = loads[host].stopping.plus(self.hosts.need_of(instance));
            gone[host] += 1;
            if loads[host].will_fit(need) {
                let this = (value, gone[host], host);
                best = Some(best.map_or(this, |other| other.min(this)));
            }
        }
        best.map(|(.., host)| host)
    }

    /// Idle instances that may go, the least valued first.
    fn who_may_go(&self) -> Vec<(u64, u32)> {
        let mut all = Vec::new();
        for row in &self.functions {
            let idle = row.idle.iter();
            let from = all.len();
            all.extend(idle.map(|&instance| (self.instances[instance].value, instance)));
            all[from..].sort_unstable();
            all.truncate(from.saturating_add(row.can_spare()));
        }
        all.sort_unstable();
        all
    }

    /// Stops idle instances of a host that held so much together, the least valued first. If all of them are too few, none goes, unless
    /// they go in vain.
    fn make_room<O: Extend<Effect>, S: Sink>(
        &mut self,
        host: usize,
        wants: Size,
        turn: &mut Turn<'_, O, S>,
    ) {
        let mut victims = std::mem::take(&mut self.victims);
        let mut stay = Vec::new();
        let mut freed = Size::ZERO;
        while !wants.fits_in(freed)
            && let Some(least) = self.take_least(host, turn.now)
        {
            if self.must_stay(least, &victims) {
                stay.push(least);
                continue;
            }
            freed = freed.plus(self.hosts.need_of(least));
            victims.push(least);
        }
        match self.settings.evicts {
            Evicts::InVain => {}
            _ if !wants.fits_in(freed) => stay.append(&mut victims),
            Evicts::OnlyNeeded => self.spare(&mut victims, freed.minus(wants), turn.now),
            Evicts::InOrder => {}
        }
        for instance in stay {
            self.may_make_room(instance, turn.now);
        }
        for victim in victims.drain(..) {
            let row = self.instances[victim];
            self.leave_idle(victim);
            let function = FunctionId::new(row.function);
            self.keep_alive.evicted(function, row.value);
            self.stop(victim, StopReason::Evicted, turn);
            self.totals.evictions += 1;
        }
        self.victims = victims;
    }

    /// Whether no more of its function's instances than these may go.
    fn must_stay(&self, instance: u32, victims: &[u32]) -> bool {
        let function = self.instances[instance].function;
        let row = &self.functions[function as usize];
        let same = |&&other: &&u32| self.instances[other].function == function;
        row.floor() > 0 && victims.iter().filter(same).count() >= row.can_spare()
    }

    /// Takes out of the order the idle instance of a host that the policy values least.
    fn take_least(&mut self, host: usize, now: Timestamp) -> Option<u32> {
        let (instances, keep_alive) = (&mut self.instances, &mut self.keep_alive);
        self.worth.take_least(host, now, |place| {
            let row = &mut instances[place];
            if row.life != Life::Idle {
                return None;
            }
            let function = FunctionId::new(row.function);
            row.value = keep_alive.revalue(function, row.value).max(row.value);
            Some(row.value)
        })
    }

    /// Lets those of the victims live that are more than what is wanted, the most valued first.
    fn spare(&mut self, victims: &mut Vec<u32>, mut surplus: Size, now: Timestamp) {
        for index in (0..victims.len()).rev() {
            let held = self.hosts.need_of(victims[index]);
            if held.fits_in(surplus) {
                surplus = surplus.minus(held);
                let spared = victims.remove(index);
                self.may_make_room(spared, now);
            }
        }
    }

    /// An instance that has become idle may make room from now on.
    pub(super) fn may_make_room(&mut self, instance: u32, now: Timestamp) {
        let Some(host) = self.hosts.host_of(instance) else {
            return;
        };
        let row = &self.instances[instance];
        let idler = Idler {
            host,
            place: instance,
            value: row.value,
            spared: row.spared,
        };
        self.worth.rests(idler, now);
    }
}
