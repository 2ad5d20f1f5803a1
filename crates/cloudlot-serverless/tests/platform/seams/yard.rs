//! A back end by hand: it does what it is asked for when it is told to, and keeps book.

use cloudlot_core::{RequestKey, Timestamp};
use cloudlot_serverless::{
    AttemptId, Call, CallId, Effect, Event, Exit, Function, FunctionId, HostId, InstanceId,
    KeepAlive, Key, Outcome, Platform, Prewarm, Rest, Resting, Source,
};
use std::collections::BTreeMap;
use std::time::Duration;

/// Keeps instances for so long, and may start one ahead.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ahead(pub(crate) Duration, pub(crate) Option<Prewarm>);

impl KeepAlive for Ahead {
    fn rest(&mut self, _: &Resting) -> Rest {
        Rest {
            keep: self.0,
            prewarm: self.1,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Is {
    Starting,
    Ready,
    Stopping,
}

pub(crate) struct Yard {
    pub(crate) platform: Platform<Ahead>,
    pub(crate) now: Timestamp,
    wake: Option<Timestamp>,
    pub(crate) instances: BTreeMap<InstanceId, (Is, Vec<AttemptId>)>,
    hosts: BTreeMap<InstanceId, HostId>,
    pub(crate) replies: BTreeMap<u64, Outcome>,
    /// Who was asked whether it is well.
    pub(crate) asked: Vec<InstanceId>,
    pub(crate) preparing: Vec<FunctionId>,
    pub(crate) calls: u64,
    told: u64,
    /// All that was asked for.
    pub(crate) log: Vec<Effect>,
}

impl Yard {
    pub(crate) fn new(platform: Platform<Ahead>) -> Self {
        Self {
            wake: platform.wakes_at(),
            platform,
            now: Timestamp::ZERO,
            instances: BTreeMap::new(),
            hosts: BTreeMap::new(),
            replies: BTreeMap::new(),
            asked: Vec::new(),
            preparing: Vec::new(),
            calls: 0,
            told: 0,
            log: Vec::new(),
        }
    }

    pub(crate) fn tell(&mut self, event: Event) {
        match event {
            Event::Ready(id) => {
                if let Some(is) = self
                    .instances
                    .get_mut(&id)
                    .filter(|is| is.0 == Is::Starting)
                {
                    is.0 = Is::Ready;
                }
            }
            Event::Done { attempt, .. } => {
                for (_, attempts) in self.instances.values_mut() {
                    attempts.retain(|&other| other != attempt);
                }
            }
            Event::Lost(id) | Event::Stopped(id) => _ = self.instances.remove(&id),
            Event::HostLost(host) => {
                let hosts = &self.hosts;
                self.instances.retain(|id, _| hosts.get(id) != Some(&host));
            }
            _ => {}
        }
        self.told += 1;
        let mut effects = Vec::new();
        self.platform.handle(event, self.now, &mut effects, &mut ());
        self.carry_out(&effects, &format!("{event:?}"));
    }

    pub(crate) fn replace(&mut self, function: u32, is: Function) {
        let mut effects = Vec::new();
        let function = FunctionId::new(function);
        self.platform
            .replace(function, is, self.now, &mut effects, &mut ());
        self.carry_out(&effects, "replaced");
    }

    fn carry_out(&mut self, effects: &[Effect], why: &str) {
        for &effect in effects {
            self.log.push(effect);
            match effect {
                Effect::Start { instance, host, .. } => {
                    let before = self.instances.insert(instance, (Is::Starting, Vec::new()));
                    assert_eq!(before, None);
                    if let Some(host) = host {
                        self.hosts.insert(instance, host);
                    }
                }
                Effect::Run {
                    instance, attempt, ..
                } => {
                    let (is, attempts) = self.instances.get_mut(&instance).unwrap();
                    assert_eq!(*is, Is::Ready, "{why}");
                    attempts.push(attempt);
                }
                // Of those that are lost with a host, one may be told to stop.
                Effect::Stop { instance, .. } => {
                    if let Some((is, attempts)) = self.instances.get_mut(&instance) {
                        assert_ne!(*is, Is::Stopping, "{why}");
                        *is = Is::Stopping;
                        attempts.clear();
                    }
                }
                Effect::Check { instance } => self.asked.push(instance),
                Effect::Prepare(function) => self.preparing.push(function),
                Effect::Reply { call, outcome, .. } => {
                    let before = self.replies.insert(call.number(), outcome);
                    assert_eq!(before, None, "one reply a call");
                }
                Effect::WakeAt(at) => self.wake = Some(at),
                Effect::Discard(_) | Effect::Kill { .. } | Effect::DeadLetter { .. } => {}
            }
        }
        let found = self.platform.audit();
        assert!(found.is_empty(), "{why}: {found:?}");
        assert_eq!(self.platform.instances(), self.instances.len(), "{why}");
    }

    pub(crate) fn call(&mut self, function: u32, source: Source, key: Option<(u128, u64)>) {
        let call = Call {
            id: CallId::new(self.calls),
            function: FunctionId::new(function),
            payload: 0,
            source,
            key: key.map(|(name, digest)| Key {
                name: RequestKey(name),
                digest,
            }),
        };
        self.calls += 1;
        self.tell(Event::Arrived(call));
    }

    pub(crate) fn request(&mut self, function: u32) {
        self.call(function, Source::Request, None);
    }

    pub(crate) fn all(&self, is: Is) -> Vec<InstanceId> {
        let such = self.instances.iter().filter(|(_, it)| it.0 == is);
        such.map(|(&id, _)| id).collect()
    }

    pub(crate) fn running(&self) -> Vec<AttemptId> {
        let all = self.instances.values();
        all.flat_map(|(_, attempts)| attempts.clone()).collect()
    }

    pub(crate) fn ready_all(&mut self) {
        for id in self.all(Is::Starting) {
            self.tell(Event::Ready(id));
        }
    }

    pub(crate) fn finish_all(&mut self) {
        for attempt in self.running() {
            let exit = Exit::Success;
            self.tell(Event::Done { attempt, exit });
        }
    }

    pub(crate) fn stop_all(&mut self) {
        for id in self.all(Is::Stopping) {
            self.tell(Event::Stopped(id));
        }
    }

    /// Time goes on; a tick comes when it is asked for.
    pub(crate) fn pass(&mut self, nanos: u64) {
        let until = self.now + Duration::from_nanos(nanos);
        while let Some(at) = self.wake.filter(|&at| at <= until) {
            self.now = self.now.max(at);
            self.wake = None;
            self.tell(Event::Tick);
        }
        self.now = until;
    }

    /// Whatever is under way ends as it should, until nothing is.
    pub(crate) fn settle(&mut self) {
        assert!(self.work(2_000), "it never ends");
    }

    /// The same for so many rounds, and whether it came to an end.
    pub(crate) fn work(&mut self, rounds: u32) -> bool {
        for _ in 0..rounds {
            let before = self.told;
            self.ready_all();
            self.finish_all();
            self.stop_all();
            for id in std::mem::take(&mut self.asked) {
                self.tell(Event::Healthy(id));
            }
            for function in std::mem::take(&mut self.preparing) {
                self.tell(Event::Prepared(function));
            }
            if let Some(at) = self.wake.take() {
                self.now = self.now.max(at);
                self.tell(Event::Tick);
            } else if before == self.told {
                return true;
            }
        }
        false
    }
}
