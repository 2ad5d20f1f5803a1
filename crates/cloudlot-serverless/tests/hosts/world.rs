//! A back end that keeps book of its own, so that the platform's can be checked against it.

use cloudlot_core::Timestamp;
use cloudlot_serverless::{
    AttemptId, Call, CallId, Effect, Event, Exit, FixedWindow, Frees, Function, FunctionId, Host,
    HostId, InstanceId, Outcome, Platform, Settings, Source, StopReason,
};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Is {
    Starting,
    Idle,
    Running,
    Stopping,
}

#[derive(Clone, Debug)]
pub(crate) struct Instance {
    pub(crate) function: FunctionId,
    pub(crate) host: HostId,
    pub(crate) is: Is,
    /// What runs there; also what the platform has given up.
    pub(crate) attempts: Vec<AttemptId>,
}

pub(crate) struct World {
    pub(crate) platform: Platform<FixedWindow>,
    pub(crate) frees: Frees,
    pub(crate) functions: Vec<Function>,
    pub(crate) hosts: Vec<Host>,
    pub(crate) closed: BTreeSet<HostId>,
    pub(crate) instances: BTreeMap<InstanceId, Instance>,
    pub(crate) replies: BTreeMap<CallId, Outcome>,
    pub(crate) wake: Option<Timestamp>,
    pub(crate) now: Timestamp,
    pub(crate) calls: u64,
    told: u64,
    /// Where the last start went.
    pub(crate) last: Option<HostId>,
}

impl World {
    pub(crate) fn new(
        settings: Settings,
        window: Duration,
        functions: &[Function],
        hosts: &[Host],
    ) -> Self {
        let mut platform = Platform::new(settings, FixedWindow(window));
        functions.iter().for_each(|&it| _ = platform.add(it));
        hosts.iter().for_each(|&it| _ = platform.add_host(it));
        let wake = platform.wakes_at();
        Self {
            platform,
            frees: settings.hosts.frees,
            functions: functions.to_vec(),
            hosts: hosts.to_vec(),
            closed: BTreeSet::new(),
            instances: BTreeMap::new(),
            replies: BTreeMap::new(),
            wake,
            now: Timestamp::ZERO,
            calls: 0,
            told: 0,
            last: None,
        }
    }

    /// Tells the platform, does what it asks for, and checks that all books agree.
    pub(crate) fn tell(&mut self, event: Event) -> Vec<Effect> {
        let gone = |host: HostId| move |_: &InstanceId, it: &mut Instance| it.host != host;
        match event {
            Event::HostLost(host) => {
                self.closed.insert(host);
                self.instances.retain(gone(host));
            }
            Event::HostDraining(host) => _ = self.closed.insert(host),
            Event::HostBack(host) => _ = self.closed.remove(&host),
            Event::HostJoined(host) => self.hosts.push(host),
            Event::Ready(id) => self.set(id, Is::Idle),
            Event::Done { attempt, .. } => {
                let runs = |it: &&mut Instance| it.attempts.contains(&attempt);
                if let Some(instance) = self.instances.values_mut().find(runs) {
                    instance.attempts.retain(|&other| other != attempt);
                    if instance.attempts.is_empty() && instance.is == Is::Running {
                        instance.is = Is::Idle;
                    }
                }
            }
            Event::Lost(id) | Event::Stopped(id) => _ = self.instances.remove(&id),
            Event::Arrived(_)
            | Event::Prepared(_)
            | Event::Healthy(_)
            | Event::Unhealthy(_)
            | Event::Cancel(_)
            | Event::Target { .. }
            | Event::Drain
            | Event::Rebalance
            | Event::Tick => {}
        }
        self.told += 1;
        let mut effects = Vec::new();
        self.platform.handle(event, self.now, &mut effects, &mut ());
        effects.iter().for_each(|&effect| self.carry_out(effect));
        let found = self.platform.audit();
        assert!(found.is_empty(), "{event:?}: {found:?}");
        self.check_books();
        effects
    }

    fn set(&mut self, id: InstanceId, is: Is) {
        if let Some(instance) = self.instances.get_mut(&id) {
            instance.is = is;
        }
    }

    fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Start {
                instance,
                function,
                host,
                ..
            } => {
                let host = host.expect("there are hosts");
                assert!(!self.closed.contains(&host), "a start on a closed host");
                self.last = Some(host);
                let new = Instance {
                    function,
                    host,
                    is: Is::Starting,
                    attempts: Vec::new(),
                };
                assert!(self.instances.insert(instance, new).is_none());
            }
            Effect::Run {
                instance, attempt, ..
            } => {
                let it = self
                    .instances
                    .get_mut(&instance)
                    .expect("a run on an instance");
                assert!(matches!(it.is, Is::Idle | Is::Running), "{it:?}");
                it.is = Is::Running;
                it.attempts.push(attempt);
            }
            Effect::Stop { instance, why } => {
                let it = self
                    .instances
                    .get_mut(&instance)
                    .expect("the end of an instance");
                assert!(it.is == Is::Idle || it.is == Is::Running && why == StopReason::TimedOut);
                it.is = Is::Stopping;
                it.attempts.clear();
            }
            Effect::Prepare(_)
            | Effect::Discard(_)
            | Effect::Kill { .. }
            | Effect::Check { .. }
            | Effect::DeadLetter { .. } => {}
            Effect::Reply { call, outcome, .. } => {
                let before = self.replies.insert(call, outcome);
                assert_eq!(before, None, "one reply a call");
            }
            Effect::WakeAt(at) => self.wake = Some(at),
        }
    }

    fn check_books(&self) {
        assert_eq!(self.platform.instances(), self.instances.len());
        for (&id, instance) in &self.instances {
            assert_eq!(self.platform.host_of(id), Some(instance.host));
        }
        let hosts = (0..).map(HostId::new).zip(&self.hosts);
        for (host, limit) in hosts {
            let (memory, millicores) = self.held(host, |is| {
                is != Is::Stopping || self.frees == Frees::WhenGone
            });
            assert!(memory <= limit.memory.get() && millicores <= limit.millicores);
        }
    }

    /// What is held on a host by instances in some states.
    pub(crate) fn held(&self, host: HostId, states: impl Fn(Is) -> bool) -> (u64, u64) {
        let here = self.instances.values().filter(|it| it.host == host);
        here.filter(|it| states(it.is)).fold((0, 0), |sum, it| {
            let is = &self.functions[it.function.number() as usize];
            (sum.0 + is.memory.get(), sum.1 + is.millicores)
        })
    }

    pub(crate) fn all(&self, is: impl Fn(Is) -> bool) -> Vec<InstanceId> {
        let such = self.instances.iter().filter(|(_, it)| is(it.is));
        such.map(|(&id, _)| id).collect()
    }

    pub(crate) fn arrive(&mut self, function: u32) -> Vec<Effect> {
        self.arrive_from(function, Source::Request)
    }

    pub(crate) fn arrive_from(&mut self, function: u32, source: Source) -> Vec<Effect> {
        let call = Call {
            id: CallId::new(self.calls),
            function: FunctionId::new(function),
            payload: 0,
            source,
            key: None,
        };
        self.calls += 1;
        self.tell(Event::Arrived(call))
    }

    /// Ends what runs longest on an instance.
    pub(crate) fn finish(&mut self, instance: InstanceId, exit: Exit) -> Vec<Effect> {
        let attempt = self.instances[&instance].attempts[0];
        self.tell(Event::Done { attempt, exit })
    }

    /// Time goes on; a tick comes when it is asked for.
    pub(crate) fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some(at) = self.wake.filter(|&at| at <= until) {
            self.now = self.now.max(at);
            self.wake = None;
            self.tell(Event::Tick);
        }
        self.now = until;
    }

    /// One call that runs and ends; its instance is idle then.
    pub(crate) fn warm(&mut self, function: u32) -> InstanceId {
        let effects = self.arrive(function);
        let started = effects.iter().find_map(|effect| match effect {
            Effect::Start { instance, .. } => Some(*instance),
            _ => None,
        });
        if let Some(instance) = started {
            self.tell(Event::Ready(instance));
        }
        let running = self.all(|is| is == Is::Running);
        let [instance] = running[..] else {
            panic!("{running:?}")
        };
        self.finish(instance, Exit::Success);
        instance
    }

    /// Whatever is under way ends as it should, until nothing is.
    pub(crate) fn settle(&mut self) {
        for _ in 0..10_000 {
            let before = self.told;
            for id in self.all(|is| is == Is::Starting) {
                self.tell(Event::Ready(id));
            }
            for id in self.all(|is| is == Is::Running) {
                self.finish(id, Exit::Success);
            }
            for id in self.all(|is| is == Is::Stopping) {
                self.tell(Event::Stopped(id));
            }
            if let Some(at) = self.wake.take() {
                self.now = self.now.max(at);
                self.tell(Event::Tick);
            } else if before == self.told {
                return;
            }
        }
        panic!("it never ends");
    }
}
