//! Which host takes a start: asks the rule, or the chooser.

use cloudlot_core::Timestamp;
use std::time::Duration;

use super::{HostId, Hosts};
use crate::FunctionId;
use crate::choose::{Asked, Candidate, HostChoice, Question, Size, Wanted};
use crate::platform::event::CallId;
use crate::platform::function::Reuse;
use crate::platform::keep_alive::KeepAlive;
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
            let candidate = self.candidate(host, Duration::ZERO);
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

    fn candidate(&self, host: usize, idle: Duration) -> Candidate {
        let load = &self.loads[host];
        Candidate {
            host: u32::try_from(host).ok().map(HostId::new),
            held: load.held_share(),
            used: load.used_share(),
            running: load.running,
            idle,
        }
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

impl<K: KeepAlive> Platform<K> {
    /// Which of a function's idle instances serves a call, by rules that look at hosts or at chance.
    pub(in crate::platform) fn choose_idle(
        &mut self,
        function: u32,
        call: CallId,
        now: Timestamp,
    ) -> Option<usize> {
        let idle = &self.functions[function as usize].idle;
        let hosts = &mut self.hosts;
        if self.settings.reuse == Reuse::Learned && hosts.chooser.is_some() {
            hosts.candidates.clear();
            for (index, &instance) in idle.iter().enumerate().rev().take(FEW) {
                let since = now.since(self.instances[instance].since);
                let candidate = match hosts.host_of(instance) {
                    Some(host) => hosts.candidate(host, since),
                    None => Candidate {
                        idle: since,
                        ..Candidate::NOBODY
                    },
                };
                hosts.candidates.push((index, candidate));
            }
            return hosts.ask(function, Wanted::Instance(call), now);
        }
        let homes = &hosts.homes;
        let host = |instance: u32| {
            let home = homes.get(instance as usize)?;
            (home.host != NONE).then_some(home.host as usize)
        };
        let idle = crate::choose::Idle {
            instances: idle,
            host,
            loads: &hosts.loads,
            function,
        };
        idle.choose(self.settings.reuse, &mut hosts.luck)
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
