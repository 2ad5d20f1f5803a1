//! Idle instances that move from full hosts to empty ones: another is started there, and when it is ready the first one stops. At
//! no time are there fewer warm instances than before.

use std::time::Duration;

use super::{HostId, Hosts};
use crate::choose::{HostLoad, Size};
use crate::platform::event::StopReason;
use crate::platform::keep_alive::KeepAlive;
use crate::platform::life::Life;
use crate::platform::record::Sink;
use crate::platform::slab::Handle;
use crate::platform::{Effect, Platform, Turn};

/// When idle instances move.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rebalance {
    /// How often it is looked at while there are instances; nothing, or zero: only when an event asks.
    pub every: Option<Duration>,
    /// Nothing moves while the fullest and the emptiest host differ by no more than so many percent of a host.
    pub tolerance_percent: u32,
    /// How many moves there may be at once.
    pub moves: usize,
}

impl Rebalance {
    /// When an event asks; a fifth of a host, four moves.
    pub const DEFAULT: Self = Self {
        every: None,
        tolerance_percent: 20,
        moves: 4,
    };
}

impl Default for Rebalance {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Moves under way.
#[derive(Clone, Default, Debug)]
pub(super) struct Moves {
    under_way: Vec<Step>,
    /// Whether the next look has its date.
    dated: bool,
}

/// One move: from an idle instance to one that starts.
#[derive(Clone, Copy, Debug)]
struct Step {
    from: Handle,
    to: Handle,
}

impl Hosts {
    pub(in crate::platform) const fn has_moves(&self) -> bool {
        !self.moves.under_way.is_empty()
    }
}

impl<K: KeepAlive> Platform<K> {
    /// Sees to the next look, if looks are wanted.
    pub(in crate::platform) fn expect_rebalance<O: Extend<Effect>, S: Sink>(
        &mut self,
        turn: &mut Turn<'_, O, S>,
    ) {
        if let Some(every) = self.settings.hosts.rebalance.every
            && !self.hosts.is_empty()
            && turn.now + every > turn.now
            && !std::mem::replace(&mut self.hosts.moves.dated, true)
        {
            self.rebalance_at(turn.now + every, turn);
        }
    }

    /// The date of a look has come.
    pub(in crate::platform) fn rebalance_on_time<O: Extend<Effect>, S: Sink>(
        &mut self,
        turn: &mut Turn<'_, O, S>,
    ) {
        self.hosts.moves.dated = false;
        self.rebalance(turn);
        if self.instances.len() > 0 {
            self.expect_rebalance(turn);
        }
    }

    /// Begins moves, as many as are allowed and wanted.
    pub(in crate::platform) fn rebalance<O: Extend<Effect>, S: Sink>(
        &mut self,
        turn: &mut Turn<'_, O, S>,
    ) {
        if self.draining || self.must_queue() {
            return;
        }
        let mut under_way = std::mem::take(&mut self.hosts.moves.under_way);
        under_way.retain(|step| self.is_under_way(step));
        let mut planned = self.planned(&under_way);
        while under_way.len() < self.settings.hosts.rebalance.moves {
            let Some((instance, to)) = self.next_move(&planned, &under_way, turn) else {
                break;
            };
            let from = self.hosts.homes[instance as usize];
            planned[from.host as usize].held = planned[from.host as usize].held.minus(from.need);
            planned[to].held = planned[to].held.plus(from.need);
            under_way.push(self.begin_move(instance, to, turn));
        }
        self.hosts.moves.under_way = under_way;
    }

    fn is_under_way(&self, step: &Step) -> bool {
        let is = |handle, life| {
            let place = self.instances.find(handle);
            place.is_some_and(|place| self.instances[place].life == life)
        };
        is(step.from, Life::Idle) && is(step.to, Life::Starting)
    }

    /// The hosts as they will be when those are gone that stop, and after the moves under way.
    fn planned(&self, under_way: &[Step]) -> Vec<HostLoad> {
        let mut planned = self.hosts.loads.clone();
        for load in &mut planned {
            load.held = load.held.minus(load.stopping);
        }
        for step in under_way {
            let home = self.hosts.homes[step.from.place as usize];
            let load = &mut planned[home.host as usize];
            load.held = load.held.minus(home.need);
        }
        planned
    }

    /// The instance that is worth most of those on the fullest host whose move to the emptiest one makes the two more alike.
    fn next_move<O, S>(
        &self,
        planned: &[HostLoad],
        under_way: &[Step],
        turn: &Turn<'_, O, S>,
    ) -> Option<(u32, usize)> {
        let open = || (0..planned.len()).filter(|&host| planned[host].open);
        let share = |host: usize| planned[host].held_share();
        let fuller = |&one: &usize, &other: &usize| share(one).total_cmp(&share(other));
        // The first of the emptiest, and of the fullest.
        let to = open().min_by(fuller)?;
        let from = open().rev().max_by(fuller)?;
        let tolerance = f64::from(self.settings.hosts.rebalance.tolerance_percent) / 100.0;
        if share(from) - share(to) <= tolerance {
            return None;
        }
        let helps = |need: Size| {
            let after = planned[to].held.plus(need).share_of(planned[to].limit);
            after < share(from) && need != Size::ZERO && self.hosts.loads[to].fits(need)
        };
        let homes = (0..).zip(&self.hosts.homes);
        let here = homes.filter(|(_, home)| home.host as usize == from && helps(home.need));
        let idle = here.filter(|&(place, _)| {
            let row = &self.instances[place];
            let moves = under_way
                .iter()
                .any(|step| step.from == self.instances.handle(place));
            let function = &self.functions[row.function as usize];
            let admitted = !function.governed || self.owner_admits(row.function);
            let may = admitted && function.may_start(turn.now);
            row.life == Life::Idle && !moves && may
        });
        let worth = |place: u32| (self.instances[place].value, std::cmp::Reverse(place));
        let best = idle.max_by_key(|&(place, _)| worth(place))?;
        Some((best.0, to))
    }

    fn begin_move<O: Extend<Effect>, S: Sink>(
        &mut self,
        instance: u32,
        to: usize,
        turn: &mut Turn<'_, O, S>,
    ) -> Step {
        let function = self.instances[instance].function;
        let host = u32::try_from(to).ok().map(HostId::new);
        let other = self.create_on(function, host, turn);
        // Whoever waits may have it: then both stay.
        self.functions[function as usize].unclaimed += 1;
        self.totals.moves += 1;
        Step {
            from: self.instances.handle(instance),
            to: self.instances.handle(other),
        }
    }

    /// An instance has got ready, and nobody has it yet: the one in whose place it comes stops, unless one of the two is needed.
    pub(in crate::platform) fn finish_move<O: Extend<Effect>, S: Sink>(
        &mut self,
        instance: u32,
        turn: &mut Turn<'_, O, S>,
    ) {
        let handle = self.instances.handle(instance);
        let steps = &mut self.hosts.moves.under_way;
        let Some(index) = steps.iter().position(|step| step.to == handle) else {
            return;
        };
        let step = steps.swap_remove(index);
        let Some(old) = self.instances.find(step.from) else {
            return;
        };
        let row = &self.instances[instance];
        let wanted = self.functions[row.function as usize].queued > 0;
        let goes = row.retires.is_some() || self.draining;
        if wanted || goes || row.calls > 0 || self.instances[old].life != Life::Idle {
            return;
        }
        // It is kept as long as the other would have been.
        let left = self.instances[old].until.since(turn.now);
        self.instances[instance].ahead = Some(left);
        self.leave_idle(old);
        self.stop(old, StopReason::Moved, turn);
    }
}
