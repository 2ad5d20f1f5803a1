//! Hosts that come, are lost, come back and are emptied.

use cloudlot_core::ResourceState;

use super::{Host, HostId};
use crate::platform::binding::Start;
use crate::platform::event::StopReason;
use crate::platform::keep_alive::KeepAlive;
use crate::platform::life::Life;
use crate::platform::record::Sink;
use crate::platform::{Effect, Platform, Turn};

/// Whose fault it is that an instance is lost.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::platform) enum Blame {
    /// Its own, or nobody's.
    Instance,
    /// Its host's: that says nothing of the function.
    Host,
}

impl<K: KeepAlive> Platform<K> {
    pub(in crate::platform) fn host_joined<O: Extend<Effect>, S: Sink>(
        &mut self,
        host: Host,
        turn: &mut Turn<'_, O, S>,
    ) {
        let first = self.hosts.is_empty();
        self.hosts.add(host, turn.now);
        // Until now there was no limit.
        for function in (0..).take(if first { self.functions.len() } else { 0 }) {
            self.refuse_misfits(function, turn);
        }
    }

    /// Every instance of the host is lost, and it gets none until it is back.
    pub(in crate::platform) fn host_lost<O: Extend<Effect>, S: Sink>(
        &mut self,
        host: HostId,
        turn: &mut Turn<'_, O, S>,
    ) {
        if !self.hosts.knows(host) {
            self.totals.late += 1;
            return;
        }
        self.hosts.set_state(host, ResourceState::Failed, turn.now);
        self.hosts.forget(host);
        // Those that wait go first: nobody shall be sent to them.
        for life in [Life::Idle, Life::Stopping, Life::Starting, Life::Busy] {
            for instance in self.on(host, life) {
                self.lose(instance, Blame::Host, turn);
            }
        }
    }

    /// The host takes starts again; one that was lost is empty.
    pub(in crate::platform) fn host_back<O: Extend<Effect>, S: Sink>(
        &mut self,
        host: HostId,
        turn: &mut Turn<'_, O, S>,
    ) {
        if !self.hosts.knows(host) {
            self.totals.late += 1;
            return;
        }
        self.hosts
            .set_state(host, ResourceState::Available, turn.now);
        for life in [Life::Starting, Life::Busy] {
            for instance in self.on(host, life) {
                let row = &mut self.instances[instance];
                if row.retires != Some(StopReason::HostDrains) {
                    continue;
                }
                row.retires = None;
                self.functions[row.function as usize].retiring -= 1;
                if life == Life::Busy {
                    // There may be calls that wait for the room on it.
                    self.offer(instance, Start::Warm, turn);
                }
            }
        }
    }

    /// The host gets no start; what runs there may end, what is idle goes.
    pub(in crate::platform) fn host_draining<O: Extend<Effect>, S: Sink>(
        &mut self,
        host: HostId,
        turn: &mut Turn<'_, O, S>,
    ) {
        if !self.hosts.knows(host) {
            self.totals.late += 1;
            return;
        }
        self.hosts
            .set_state(host, ResourceState::Draining, turn.now);
        let mut functions = Vec::new();
        for instance in self.on(host, Life::Idle) {
            functions.push(self.instances[instance].function);
            self.leave_idle(instance);
            self.stop(instance, StopReason::HostDrains, turn);
        }
        for life in [Life::Starting, Life::Busy] {
            for instance in self.on(host, life) {
                functions.push(self.instances[instance].function);
                if self.instances[instance].retires.is_none() {
                    self.retire(instance, StopReason::HostDrains);
                }
            }
        }
        functions.sort_unstable();
        functions.dedup();
        for function in functions {
            self.start_wanted(function, turn);
        }
    }

    /// The instances of a host in one state, by place. Looks at all instances.
    fn on(&self, host: HostId, life: Life) -> Vec<u32> {
        let places = (0..).zip(&self.hosts.homes);
        let here = places.filter(|(_, home)| home.host == host.number());
        let all = here.map(|(place, _)| place);
        all.filter(|&place| self.instances[place].life == life)
            .collect()
    }

    /// Takes an instance out of the set of those that are idle.
    pub(in crate::platform) fn leave_idle(&mut self, instance: u32) {
        let function = self.instances[instance].function;
        let idle = &mut self.functions[function as usize].idle;
        idle.retain(|&other| other != instance);
    }
}
