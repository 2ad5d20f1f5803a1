//! Which host takes a start: asks the rule, or the chooser.

use cloudlot_core::Timestamp;
use std::time::Duration;

use super::{HostId, Hosts};
use crate::FunctionId;
use crate::choose::{Asked, Candidate, Free, HostChoice, HostLoad, Question, Size, Wanted};
use crate::platform::event::CallId;
use crate::platform::function::Reuse;
use crate::platform::keep_alive::KeepAlive;
use crate::platform::life::Life;
use crate::platform::record::Record;
use crate::platform::slab::NONE;
use crate::platform::{Platform, Turn};

/// How many a chooser chooses from.
const FEW: usize = 8;

/// A candidate and its number: of a host, or the index among idle instances.
pub(super) type Ranked = (usize, Candidate);

/// How many of the last hosts of a function are remembered.
const PREPARED: usize = 8;

impl Hosts {
    /// A host with room for one more instance of this function; nothing if there is none.
    pub(in crate::platform) fn choose(
        &mut self,
        rule: HostChoice,
        function: u32,
        need: Size,
        now: Timestamp,
    ) -> Option<usize> {
        if rule == HostChoice::Learned && self.chooser.is_some() {
            return self.ask_for_host(function, need, now);
        }
        let prepared = self.prepared.get(function as usize);
        let asked = Asked {
            loads: &self.loads,
            need,
            function,
            prepared: prepared.map_or(&[], Vec::as_slice),
        };
        rule.choose(&asked, &mut self.luck)
    }

    fn ask_for_host(&mut self, function: u32, need: Size, now: Timestamp) -> Option<usize> {
        self.candidates.clear();
        for (host, load) in self.loads.iter().enumerate() {
            if !load.fits(need) {
                continue;
            }
            let candidate = candidate(&self.loads, host);
            let after = self
                .candidates
                .partition_point(|(_, other)| other.held <= candidate.held);
            if after < FEW {
                self.candidates.truncate(FEW - 1);
                self.candidates.insert(after, (host, candidate));
            }
        }
        self.ask(function, Wanted::Host, now)
    }

    /// The number of whom the chooser names among the candidates.
    fn ask(&mut self, function: u32, wanted: Wanted, now: Timestamp) -> Option<usize> {
        let question = Question {
            function: FunctionId::new(function),
            wanted,
        };
        let shown: [Candidate; FEW] = std::array::from_fn(|index| {
            let ranked = self.candidates.get(index);
            ranked.map_or(Candidate::NOBODY, |&(_, candidate)| candidate)
        });
        let shown = &shown[..self.candidates.len()];
        let first = self.candidates.first()?.0;
        let chooser = self.chooser.as_mut()?;
        let named = chooser.choose(&question, shown, now);
        Some(
            self.candidates
                .get(named)
                .map_or(first, |&(number, _)| number),
        )
    }

    /// An instance of this function got ready here.
    pub(in crate::platform) fn remember(&mut self, function: u32, instance: u32) {
        let Some(host) = self
            .host_of(instance)
            .and_then(|host| u32::try_from(host).ok())
        else {
            return;
        };
        let function = function as usize;
        if self.prepared.len() <= function {
            self.prepared.resize(function + 1, Vec::new());
        }
        let hosts = &mut self.prepared[function];
        hosts.retain(|&other| other != host);
        hosts.insert(0, host);
        hosts.truncate(PREPARED);
    }

    /// Whatever was prepared there is lost.
    pub(super) fn forget(&mut self, host: HostId) {
        for hosts in &mut self.prepared {
            hosts.retain(|&other| other != host.number());
        }
    }
}

/// A host as a candidate.
fn candidate(loads: &[HostLoad], host: usize) -> Candidate {
    let load = &loads[host];
    Candidate {
        host: u32::try_from(host).ok().map(HostId::new),
        held: load.held_share(),
        used: load.used_share(),
        running: load.running,
        calls: 0,
        idle: Duration::ZERO,
    }
}

impl<K: KeepAlive> Platform<K> {
    /// An instance with room for a call, by rules that look at all of them; an idle one leaves its function's set.
    pub(in crate::platform) fn choose_free(
        &mut self,
        function: u32,
        call: CallId,
        now: Timestamp,
    ) -> Option<u32> {
        let row = &self.functions[function as usize];
        let (instances, hosts) = (&self.instances, &mut self.hosts);
        let homes = &hosts.homes;
        let look = |instance: u32| {
            let home = homes.get(instance as usize);
            let host = home.filter(|home| home.host != NONE);
            let host = host.map(|home| home.host as usize);
            (instances[instance].calls, host)
        };
        let free = Free {
            open: &row.open,
            idle: &row.idle,
            look,
            loads: &hosts.loads,
            function,
        };
        let index = if self.settings.reuse == Reuse::Learned && hosts.chooser.is_some() {
            hosts.candidates.clear();
            for index in (0..free.count()).rev().take(FEW) {
                let instance = free.at(index);
                let row = &instances[instance];
                let idle = match row.life {
                    Life::Idle => now.since(row.since),
                    _ => Duration::ZERO,
                };
                let host = look(instance).1;
                let on = host.map_or(Candidate::NOBODY, |host| candidate(&hosts.loads, host));
                let calls = row.calls;
                hosts
                    .candidates
                    .push((index, Candidate { calls, idle, ..on }));
            }
            hosts.ask(function, Wanted::Instance(call), now)?
        } else {
            free.choose(self.settings.reuse, &mut hosts.luck)?
        };
        let row = &mut self.functions[function as usize];
        Some(match index.checked_sub(row.open.len()) {
            None => row.open[index],
            Some(index) => row.idle.remove(index),
        })
    }

    /// Tells the chooser how a call went that ran on a host.
    pub(in crate::platform) fn tell_chooser(&mut self, record: &Record, instance: u32) {
        let Some(chooser) = &mut self.hosts.chooser else {
            return;
        };
        let home = self.hosts.homes.get(instance as usize);
        if record.started.is_some()
            && let Some(home) = home.filter(|home| home.host != NONE)
        {
            chooser.observe(record, HostId::new(home.host));
        }
    }

    /// What one instance of a function holds.
    pub(in crate::platform) fn size_of(&self, function: u32) -> Size {
        let is = &self.functions[function as usize].is;
        Size {
            memory: is.memory.get(),
            millicores: is.millicores,
        }
    }

    /// Makes room for an instance in its place, on this host or on whichever the rule names.
    pub(in crate::platform) fn settle<O, S>(
        &mut self,
        instance: u32,
        function: u32,
        on: Option<HostId>,
        turn: &Turn<'_, O, S>,
    ) -> Option<HostId> {
        if self.hosts.is_empty() {
            return None;
        }
        let need = self.size_of(function);
        let rule = self.settings.hosts.choice;
        let on = on.map(|host| host.number() as usize);
        let host = on
            .or_else(|| self.hosts.choose(rule, function, need, turn.now))
            .expect("who makes an instance has looked for room");
        self.hosts
            .settle((instance, function), need, host, turn.now);
        u32::try_from(host).ok().map(HostId::new)
    }
}
