//! Whether instances are well: they are asked at intervals, and those that stay silent or say no are stopped.

use std::num::NonZeroU8;
use std::time::Duration;

use cloudlot_core::Timestamp;

use super::event::{Effect, InstanceId, StopReason};
use super::keep_alive::KeepAlive;
use super::life::Life;
use super::list::Line;
use super::record::Sink;
use super::{Platform, Turn};

/// How often instances are asked, and how much is forgiven.
///
/// All instances of a function are asked together, for the first time when the first of them has been ready for this long.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Health {
    /// The time between two checks, which is how long an answer may take; zero: no checks.
    pub every: Duration,
    /// An instance that misses so many in a row is stopped: it gave no answer, or said that it is not well.
    pub misses: NonZeroU8,
    /// Whether those that run calls are asked too. A call ends with an instance that is stopped: [`Outcome::Lost`](crate::Outcome::Lost).
    pub busy: bool,
}

/// What an instance made of its checks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pulse {
    /// Whether it was asked and has not answered.
    asked: bool,
    misses: u8,
}

impl Pulse {
    pub(super) const NEW: Self = Self {
        asked: false,
        misses: 0,
    };
}

impl<K: KeepAlive> Platform<K> {
    fn health(&self) -> Option<Health> {
        self.settings
            .health
            .filter(|health| !health.every.is_zero())
    }

    /// An instance of this function is ready: rounds begin, if none are on.
    pub(super) fn mind_health<O: Extend<Effect>, S: Sink>(
        &mut self,
        function: u32,
        turn: &mut Turn<'_, O, S>,
    ) {
        let Some(health) = self.health() else {
            return;
        };
        let row = &mut self.functions[function as usize];
        if row.check_due == Timestamp::MAX {
            row.check_due = turn.now + health.every;
            let due = row.check_due;
            self.look_again(function, due, turn);
        }
    }

    /// Asks all instances of a function, if it is time, and stops those that have missed too much.
    pub(super) fn check_round<O: Extend<Effect>, S: Sink>(
        &mut self,
        function: u32,
        turn: &mut Turn<'_, O, S>,
    ) {
        let due = self.functions[function as usize].check_due;
        let Some(health) = self.health().filter(|_| due < Timestamp::MAX) else {
            return;
        };
        if due > turn.now {
            return self.look_again(function, due, turn);
        }
        for instance in self.asked_of(function, health) {
            if self.instances[instance].life == Life::Stopping {
                continue;
            }
            let missed = self.instances[instance].pulse.asked;
            if missed && self.miss(instance, health, turn) {
                continue;
            }
            self.instances[instance].pulse.asked = true;
            turn.ask(Effect::Check {
                instance: InstanceId(self.instances.handle(instance)),
            });
        }
        let row = &mut self.functions[function as usize];
        let goes_on = row.alive > 0;
        row.check_due = if goes_on {
            turn.now + health.every
        } else {
            Timestamp::MAX
        };
        let due = row.check_due;
        self.look_again(function, due, turn);
    }

    /// Whom a round asks, each once: the idle ones, and perhaps the busy ones.
    fn asked_of(&self, function: u32, health: Health) -> Vec<u32> {
        let row = &self.functions[function as usize];
        let mut asked = row.idle.clone();
        let mut next = row.running.first().filter(|_| health.busy);
        while let Some(call) = next {
            asked.push(self.calls[call].instance);
            next = Line::after(&self.calls, call);
        }
        asked.sort_unstable();
        asked.dedup();
        asked
    }

    pub(super) fn healthy(&mut self, instance: InstanceId) {
        match self.instances.find(instance.0) {
            Some(place) => self.instances[place].pulse = Pulse::NEW,
            None => self.totals.late += 1,
        }
    }

    pub(super) fn unhealthy<O: Extend<Effect>, S: Sink>(
        &mut self,
        instance: InstanceId,
        turn: &mut Turn<'_, O, S>,
    ) {
        let place = self.instances.find(instance.0);
        let place = place.filter(|&place| self.instances[place].pulse.asked);
        let (Some(place), Some(health)) = (place, self.health()) else {
            self.totals.late += 1;
            return;
        };
        self.instances[place].pulse.asked = false;
        match self.instances[place].life {
            Life::Idle | Life::Busy => _ = self.miss(place, health, turn),
            Life::Starting | Life::Stopping | Life::Gone => {}
        }
    }

    /// An instance has missed a check; says whether it was stopped for that.
    fn miss<O: Extend<Effect>, S: Sink>(
        &mut self,
        instance: u32,
        health: Health,
        turn: &mut Turn<'_, O, S>,
    ) -> bool {
        let pulse = &mut self.instances[instance].pulse;
        pulse.misses = pulse.misses.saturating_add(1);
        if pulse.misses < health.misses.get() {
            return false;
        }
        self.totals.unhealthy += 1;
        self.stop_unwell(instance, turn);
        true
    }

    fn stop_unwell<O: Extend<Effect>, S: Sink>(
        &mut self,
        instance: u32,
        turn: &mut Turn<'_, O, S>,
    ) {
        let row = self.instances[instance];
        if row.life == Life::Idle {
            self.leave_idle(instance);
            self.stop(instance, StopReason::Unhealthy, turn);
        } else {
            self.lose_running(row.function, instance, turn);
            self.stop(instance, StopReason::Unhealthy, turn);
        }
        self.start_wanted(row.function, turn);
    }
}
