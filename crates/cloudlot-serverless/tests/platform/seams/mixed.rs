//! All settings and all events at once.

use super::yard::{Ahead, Is, Yard};
use cloudlot_core::{Bytes, OwnerId};
use cloudlot_serverless::{
    Backoff, Binding, Breaker, CallId, Cancelling, Event, Evicts, Exit, Frees, Full, Function,
    FunctionId, Health, Host, HostChoice, HostId, Hosting, KeyMemory, Owner, Platform, Prewarm,
    Rebalance, Retries, Reuse, Settings, Source, Spares, Turns,
};
use proptest::prelude::*;
use std::num::{NonZeroU8, NonZeroU32};
use std::time::Duration;

#[derive(Clone, Debug)]
enum Step {
    Call(u32, Source, Option<(u128, u64)>),
    Ready(usize),
    Done(usize, Exit),
    Lost(usize),
    Stopped(usize),
    Well(usize, bool),
    Prepared(u32),
    Cancel(u64),
    HostLost(u32),
    HostBack(u32),
    HostDraining(u32),
    HostJoined(u64),
    Rebalance,
    Target(u32, u32),
    Replace(u32, Box<Function>),
    Pass(u64),
    Drain,
}

const fn nanos(count: u64) -> Duration {
    Duration::from_nanos(count)
}

fn step() -> impl Strategy<Value = Step> {
    let some = || 0..64_usize;
    let source = prop::sample::select(vec![Source::Request, Source::Event]);
    let exit = prop::sample::select(vec![Exit::Success, Exit::Failure]);
    let key = prop::option::weighted(0.2, (0..3_u128, 0..2_u64));
    prop_oneof![
        16 => (0..4_u32, source, key).prop_map(|(function, source, key)| Step::Call(function, source, key)),
        12 => some().prop_map(Step::Ready),
        12 => (some(), exit).prop_map(|(index, exit)| Step::Done(index, exit)),
        2 => some().prop_map(Step::Lost),
        8 => some().prop_map(Step::Stopped),
        2 => (some(), any::<bool>()).prop_map(|(index, well)| Step::Well(index, well)),
        1 => (0..4_u32).prop_map(Step::Prepared),
        3 => (0..40_u64).prop_map(Step::Cancel),
        1 => (0..4_u32).prop_map(Step::HostLost),
        2 => (0..4_u32).prop_map(Step::HostBack),
        2 => (0..4_u32).prop_map(Step::HostDraining),
        1 => (1..12_u64).prop_map(Step::HostJoined),
        3 => Just(Step::Rebalance),
        2 => (0..4_u32, 0..3_u32).prop_map(|(function, count)| Step::Target(function, count)),
        2 => (0..4_u32, function()).prop_map(|(number, is)| Step::Replace(number, Box::new(is))),
        8 => (0..12_u64).prop_map(Step::Pass),
        1 => Just(Step::Drain),
    ]
}

fn breaker() -> impl Strategy<Value = Breaker> {
    (1..3_u8, 1..4_u8, 0..10_u64, 1..3_u8).prop_map(|(failures, of, open, probes)| Breaker {
        failures: NonZeroU8::new(failures).unwrap(),
        of: NonZeroU8::new(of).unwrap(),
        open: nanos(open),
        probes: NonZeroU8::new(probes).unwrap(),
    })
}

fn function() -> impl Strategy<Value = Function> {
    let some = |most: u64| prop::option::weighted(0.4, (1..most).prop_map(nanos));
    let limits = (
        some(12),
        some(30),
        prop::option::weighted(0.3, 1..4_u32),
        prop::option::weighted(0.2, 0..4_u32),
    );
    let retries = (0..3_u16, any::<bool>(), 0..4_u64, 5..60_u64);
    let slots = (
        prop::sample::select(vec![1, 1, 2, 3]),
        prop::sample::select(vec![0, 0, 0, 1, 2]),
        0..4_u32,
        any::<bool>(),
    );
    let breaker = prop::option::weighted(0.4, breaker());
    ((0..7_u64, 0..3_u64), limits, retries, slots, breaker).prop_map(
        |((memory, millicores), limits, retries, slots, breaker)| Function {
            millicores,
            timeout: limits.0,
            patience: limits.1,
            instances: limits.2.and_then(NonZeroU32::new),
            queue: limits.3,
            concurrency: NonZeroU32::new(slots.0).unwrap(),
            provisioned: slots.1,
            owner: OwnerId::new(slots.2),
            prepared: slots.3,
            code: Bytes::new(memory),
            idempotent: retries.1,
            retries: Retries {
                most: retries.0,
                backoff: Backoff {
                    first: nanos(retries.2),
                    longest: nanos(5),
                },
                oldest: nanos(retries.3),
            },
            breaker,
            ..Function::new(Bytes::new(memory))
        },
    )
}

const REUSES: [Reuse; 8] = [
    Reuse::MostRecent,
    Reuse::MostRecent,
    Reuse::ArrayFirst,
    Reuse::LeastRecent,
    Reuse::LeastLoaded,
    Reuse::Random,
    Reuse::RoundRobin,
    Reuse::Hashed { bound_percent: 125 },
];

fn hosting() -> impl Strategy<Value = Hosting> {
    (
        prop::sample::select(vec![
            HostChoice::FirstFit,
            HostChoice::LeastLoaded,
            HostChoice::Locality,
            HostChoice::Hashed { bound_percent: 125 },
        ]),
        prop::sample::select(vec![Frees::WhenGone, Frees::AtOnce]),
        prop::sample::select(vec![Full::Wait, Full::Refuse]),
        (
            prop::option::weighted(0.3, 0..20_u64),
            0..40_u32,
            0..4_usize,
        ),
    )
        .prop_map(|(choice, frees, full, rebalance)| Hosting {
            choice,
            frees,
            full,
            rebalance: Rebalance {
                every: rebalance.0.map(nanos),
                tolerance_percent: rebalance.1,
                moves: rebalance.2,
            },
            seed: 7,
        })
}

fn settings() -> impl Strategy<Value = Settings> {
    let health = (0..9_u64, 1..3_u8, any::<bool>()).prop_map(|(every, misses, busy)| Health {
        every: nanos(every),
        misses: NonZeroU8::new(misses).unwrap(),
        busy,
    });
    (
        prop::sample::select(vec![Binding::Early, Binding::Late, Binding::LateShared]),
        prop::sample::select(REUSES.to_vec()),
        hosting(),
        prop::sample::select(vec![Evicts::OnlyNeeded, Evicts::InOrder, Evicts::InVain]),
        prop::sample::select(vec![Spares::Nobody, Spares::Young]),
        prop::option::of((0..9_u64).prop_map(Bytes::new)),
        prop::option::weighted(0.4, (0..9_u64).prop_map(nanos)),
        prop::option::weighted(0.3, health),
        prop::option::of((0..6_u64).prop_map(Bytes::new)),
        prop::sample::select(vec![Cancelling::Stops, Cancelling::Leaves]),
    )
        .prop_map(
            |(binding, reuse, hosts, evicts, spares, code, grace, health, lead, cancelling)| {
                Settings {
                    binding,
                    reuse,
                    restart: Backoff {
                        first: nanos(2),
                        longest: nanos(9),
                    },
                    hosts,
                    evicts,
                    spares,
                    code,
                    grace,
                    health,
                    turns: lead.map_or(Turns::Round, |lead| Turns::Fair { lead }),
                    cancelling,
                    keys: KeyMemory {
                        keep: nanos(20),
                        most: 3,
                    },
                    ..Settings::DEFAULT
                }
            },
        )
}

fn owner(path: &'static str) -> impl Strategy<Value = Owner> {
    let some = |most: u32| prop::option::weighted(0.4, 1..most);
    (1..4_u32, some(12), some(4), some(3), some(4)).prop_map(
        move |(weight, memory, instances, calls, queue)| Owner {
            weight: NonZeroU32::new(weight).unwrap(),
            memory: memory.map(|it| Bytes::new(it.into())),
            instances: instances.and_then(NonZeroU32::new),
            calls: calls.and_then(NonZeroU32::new),
            queue,
            ..Owner::new(path.parse().unwrap())
        },
    )
}

fn policy() -> impl Strategy<Value = Ahead> {
    let keep = prop_oneof![(0..25_u64).prop_map(nanos), Just(Duration::MAX)];
    let prewarm = prop::option::weighted(0.3, (0..20_u64, 0..20_u64));
    (keep, prewarm).prop_map(|(keep, prewarm)| {
        let prewarm = prewarm.map(|(after, keep)| Prewarm {
            after: nanos(after),
            keep: nanos(keep),
        });
        Ahead(keep, prewarm)
    })
}

fn pick<T: Copy>(all: &[T], index: usize) -> Option<T> {
    (!all.is_empty()).then(|| all[index % all.len()])
}

fn take(yard: &mut Yard, step: &Step) {
    let id = |function: u32| FunctionId::new(function);
    let everybody = || yard.instances.keys().copied().collect::<Vec<_>>();
    let event = match *step {
        Step::Call(function, source, key) => return yard.call(function, source, key),
        Step::Pass(time) => return yard.pass(time),
        Step::Replace(function, ref is) => return yard.replace(function, **is),
        Step::Ready(index) => pick(&yard.all(Is::Starting), index).map(Event::Ready),
        Step::Done(index, exit) => {
            pick(&yard.running(), index).map(|attempt| Event::Done { attempt, exit })
        }
        Step::Lost(index) => pick(&everybody(), index).map(Event::Lost),
        Step::Stopped(index) => pick(&yard.all(Is::Stopping), index).map(Event::Stopped),
        Step::Well(index, well) => pick(&yard.asked, index).map(|instance| match well {
            true => Event::Healthy(instance),
            false => Event::Unhealthy(instance),
        }),
        Step::Prepared(function) => Some(Event::Prepared(id(function))),
        Step::Cancel(call) => Some(Event::Cancel(CallId::new(call))),
        Step::HostLost(host) => Some(Event::HostLost(HostId::new(host))),
        Step::HostBack(host) => Some(Event::HostBack(HostId::new(host))),
        Step::HostDraining(host) => Some(Event::HostDraining(HostId::new(host))),
        Step::HostJoined(memory) => Some(Event::HostJoined(Host {
            memory: Bytes::new(memory),
            millicores: 3,
        })),
        Step::Rebalance => Some(Event::Rebalance),
        Step::Target(function, instances) => Some(Event::Target {
            function: id(function),
            instances,
        }),
        Step::Drain => Some(Event::Drain),
    };
    if let Some(event) = event {
        yard.tell(event);
    }
}

fn host() -> impl Strategy<Value = Host> {
    (0..16_u64, 0..7_u64).prop_map(|(memory, millicores)| Host {
        memory: Bytes::new(memory),
        millicores,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]
    #[test]
    fn whatever_is_set_and_whatever_happens_each_call_gets_one_reply_and_nothing_is_left(
        functions in prop::collection::vec(function(), 3),
        owners in (owner("org"), owner("org/a"), owner("org/b")),
        hosts in prop::collection::vec(host(), 0..4),
        settings in settings(),
        policy in policy(),
        steps in prop::collection::vec(step(), 0..90),
        kept: bool,
    ) {
        let plain = |is: Function| if kept { is } else { Function { provisioned: 0, ..is } };
        let steps = steps.into_iter().filter(|step| kept || !matches!(step, Step::Target(..)));
        let mut platform = Platform::new(settings, policy);
        // Idle instances of one owner are not those of another to stop, though they share a limit.
        let above = if kept {
            owners.0
        } else {
            Owner { memory: None, instances: None, ..owners.0 }
        };
        for owner in [above, owners.1, owners.2] {
            platform.add_owner(owner).unwrap();
        }
        functions.iter().for_each(|&it| _ = platform.add(plain(it)));
        hosts.iter().for_each(|&it| _ = platform.add_host(it));
        let mut yard = Yard::new(platform);
        for step in steps {
            match step {
                Step::Replace(function, is) => yard.replace(function, plain(*is)),
                step => take(&mut yard, &step),
            }
        }
        // Whoever waits for a host gets one.
        for host in 0..16 {
            yard.tell(Event::HostBack(HostId::new(host)));
        }
        if !kept {
            // Nobody has to stay, so each gets its turn without a drain.
            yard.work(400);
            prop_assert_eq!(yard.platform.pending(), 0);
        }
        yard.tell(Event::Drain);
        yard.settle();
        prop_assert_eq!((yard.platform.instances(), yard.platform.pending()), (0, 0));
        prop_assert_eq!(u64::try_from(yard.replies.len()).unwrap(), yard.calls);
        let totals = yard.platform.totals();
        prop_assert_eq!(totals.calls, totals.replies);
        if let Some(ledger) = yard.platform.ledger() {
            prop_assert_eq!(ledger.state().reservation_count(), 0);
        }
    }
}
