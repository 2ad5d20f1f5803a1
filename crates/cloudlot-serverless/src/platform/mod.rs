//! The platform: a state machine that is told what happened and says what is to be done. It does nothing
//! itself, so that the same code serves real calls and simulated ones.
//!
//! This file routes. Who gets which instance is in `binding`, how instances move in `instances`, how calls end in
//! `ending`, and what time brings in `time`, who makes room in `pool`, and starts ahead of calls are in `prewarm`.

mod binding;
mod breaker;
mod cancel;
mod drain;
mod ending;
mod event;
mod evict;
mod fair;
mod function;
mod grace;
mod guard;
mod health;
mod hosts;
mod instances;
mod keep_alive;
mod keys;
mod letters;
mod life;
mod list;
mod owners;
mod pool;
mod prewarm;
mod quota;
mod record;
mod retry;
mod rows;
mod slab;
mod target;
mod temperature;
mod time;
mod turns;
mod version;
mod view;
mod worth;

pub use breaker::Breaker;
pub use cancel::{Cancelling, Standing, Status};
pub use event::{
    AttemptId, Call, CallId, Effect, Event, Exit, InstanceId, Limit, Outcome, Source, StopReason,
};
pub use evict::{Evicts, Spares};
pub use function::{Binding, Function, Reuse, Settings};
pub use health::Health;
pub use hosts::{Discord, Host, HostId, Hosting, Rebalance};
pub use keep_alive::{KeepAlive, Prewarm, Rest, Resting};
pub use keys::{Key, KeyMemory};
pub use life::Life;
pub use owners::Owner;
pub use pool::{Frees, Full, Pool};
pub use record::{Move, Record, Sink, Totals};
pub use retry::{Backoff, Retries};
pub use temperature::Temperature;
pub use turns::Turns;
pub use view::View;

use cloudlot_core::Timestamp;

use cloudlot_core::ledger::Ledger;

use crate::FunctionId;
use crate::choose::Choose;
use hosts::Hosts;
use keys::Keys;
use owners::Owners;
use rows::{FunctionRow, InstanceRow, Pending};
use slab::Slab;
use temperature::Codes;
use time::Agenda;
use worth::Worth;

/// Functions, their instances and their calls.
///
/// A driver reports events and carries out effects. At equal times it reports in the order of [`Event`]'s variants. Each
/// call that arrives gets exactly one [`Effect::Reply`].
///
/// Cost: an event on the warm path touches a handful of rows and allocates nothing once tables have grown to their size.
/// ```
/// use cloudlot_core::{Bytes, Timestamp};
/// use cloudlot_serverless::{Call, CallId, Effect, Event, FixedWindow, Function, Platform, Settings, Source};
/// use std::time::Duration;
///
/// let mut platform = Platform::new(Settings::default(), FixedWindow(Duration::from_secs(600)));
/// let hello = platform.add(Function::new(Bytes::mib(128)));
/// let call = Call { id: CallId::new(1), function: hello, payload: 0, source: Source::Request, key: None };
/// let mut effects = Vec::new();
/// platform.handle(Event::Arrived(call), Timestamp::ZERO, &mut effects, &mut ());
/// assert!(matches!(effects[..], [Effect::Start { function, .. }] if function == hello));
/// ```
#[derive(Clone, Debug)]
pub struct Platform<K> {
    settings: Settings,
    keep_alive: K,
    functions: Vec<FunctionRow>,
    instances: Slab<InstanceRow>,
    calls: Slab<Pending>,
    keys: Keys,
    hosts: Hosts,
    codes: Codes,
    owners: Owners,
    /// Owners with functions that wait for memory, where turns go by weight.
    owners_short: fair::Turns,
    /// Whether those who wait for memory are served just now.
    serving_short: bool,
    /// Whether a function's next call is taken whoever else of its owner waits.
    own_turn: bool,
    worth: Worth,
    /// Those that make room now; empty in between.
    victims: Vec<u32>,
    draining: bool,
    agenda: Agenda,
    totals: Totals,
}

/// When it is, and who hears what comes of it.
struct Turn<'a, O, S> {
    now: Timestamp,
    out: &'a mut O,
    sink: &'a mut S,
}

impl<O: Extend<Effect>, S> Turn<'_, O, S> {
    fn ask(&mut self, effect: Effect) {
        self.out.extend(std::iter::once(effect));
    }
}

impl<K: KeepAlive> Platform<K> {
    /// A platform without functions.
    #[must_use]
    pub fn new(mut settings: Settings, keep_alive: K) -> Self {
        let mut hosts = Hosts::new(settings.hosts.seed);
        if let Some(pool) = settings.pool {
            (settings.hosts.frees, settings.hosts.full) = (pool.frees, pool.full);
            hosts.add(Host::new(pool.memory), Timestamp::ZERO);
        }
        Self {
            settings,
            keep_alive,
            functions: Vec::new(),
            instances: Slab::new(),
            calls: Slab::new(),
            keys: Keys::new(),
            hosts,
            codes: Codes::new(),
            owners: Owners::new(),
            owners_short: fair::Turns::new(),
            serving_short: false,
            own_turn: false,
            worth: Worth::new(),
            victims: Vec::new(),
            draining: false,
            agenda: Agenda::new(),
            totals: Totals::ZERO,
        }
    }

    /// Takes a function in; they are numbered from zero in this order.
    ///
    /// # Panics
    /// If there are 2^32 already, or its owner was not added.
    pub fn add(&mut self, function: Function) -> FunctionId {
        let id = u32::try_from(self.functions.len()).expect("fewer than 2^32 functions");
        let known = self.owners.knows(function.owner);
        assert!(known, "{} was added before its functions", function.owner);
        self.functions.push(FunctionRow::new(function));
        self.enrol(id);
        if function.provisioned > 0 || function.prepared {
            self.look_first(id);
        }
        let id = FunctionId::new(id);
        self.keep_alive.added(id, &function);
        id
    }

    /// Takes a host in; they are numbered from zero in this order. From the first one on, what no host has room for waits. A host
    /// that joins later is told by [`Event::HostJoined`].
    ///
    /// # Panics
    /// If there are 2^32 already.
    pub fn add_host(&mut self, host: Host) -> HostId {
        self.hosts.add(host, Timestamp::ZERO)
    }

    /// From now on this chooser is asked where the settings say so.
    pub fn choose_by(&mut self, chooser: Box<dyn Choose>) {
        self.hosts.chooser = Some(chooser);
    }

    /// Takes in what happened at `now`. What is to be done goes to `out`, to be carried out in that order;
    /// what is to be told goes to `sink`.
    pub fn handle(
        &mut self,
        event: Event,
        now: Timestamp,
        out: &mut impl Extend<Effect>,
        sink: &mut impl Sink,
    ) {
        let turn = &mut Turn { now, out, sink };
        match event {
            Event::Ready(instance) => self.ready(instance, turn),
            Event::Done { attempt, exit } => self.done(attempt, exit, turn),
            Event::Lost(instance) => self.lost(instance, turn),
            Event::Stopped(instance) => self.stopped(instance, turn),
            Event::HostLost(host) => self.host_lost(host, turn),
            Event::HostDraining(host) => self.host_draining(host, turn),
            Event::HostBack(host) => self.host_back(host, turn),
            Event::HostJoined(host) => self.host_joined(host, turn),
            Event::Arrived(call) => self.arrived(call, turn),
            Event::Prepared(function) => self.prepared(function.number(), turn),
            Event::Target {
                function,
                instances,
            } => self.set_target(function.number(), instances, turn),
            Event::Cancel(call) => self.cancel(call, turn),
            Event::Healthy(instance) => self.healthy(instance),
            Event::Unhealthy(instance) => self.unhealthy(instance, turn),
            Event::Drain => self.begin_to_drain(turn),
            Event::Rebalance => self.rebalance(turn),
            Event::Tick => self.tick(turn),
        }
        self.serve_short(turn);
    }

    /// What happened so far.
    #[must_use]
    pub const fn totals(&self) -> &Totals {
        &self.totals
    }

    /// The policy, and what it learned.
    #[must_use]
    pub const fn keep_alive(&self) -> &K {
        &self.keep_alive
    }

    /// Who holds what on which host; nothing if there is no host.
    #[must_use]
    pub const fn ledger(&self) -> Option<&Ledger> {
        self.hosts.ledger()
    }

    /// Where an instance is; nothing if it is gone, or if there are no hosts.
    #[must_use]
    pub fn host_of(&self, instance: InstanceId) -> Option<HostId> {
        let host = self.hosts.host_of(self.instances.find(instance.0)?)?;
        u32::try_from(host).ok().map(HostId::new)
    }

    /// The chooser, and what it learned.
    #[must_use]
    pub fn chooser(&self) -> Option<&dyn Choose> {
        self.hosts.chooser.as_deref()
    }

    /// How many instances there are in any state.
    #[must_use]
    pub const fn instances(&self) -> usize {
        self.instances.len()
    }

    /// How many successes of calls with a key are remembered.
    #[must_use]
    pub fn remembered(&self) -> usize {
        self.keys.remembered()
    }

    /// How many calls have no answer yet.
    #[must_use]
    pub const fn pending(&self) -> usize {
        self.calls.len()
    }
}
