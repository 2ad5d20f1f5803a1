//! Anything happens in any order.

use crate::world::{Is, World};
use cloudlot_core::{Bytes, Timestamp};
use cloudlot_serverless::{
    Backoff, Binding, Effect, Event, Exit, Frees, Full, Function, FunctionId, Host, HostChoice,
    HostId, Hosting, InstanceId, Outcome, Rebalance, Retries, Reuse, Settings, Source,
};
use proptest::prelude::*;
use std::num::NonZeroU32;
use std::time::Duration;

#[derive(Clone, Copy, Debug)]
enum Step {
    Arrive(u32, Source),
    Ready(usize),
    Done(usize, Exit),
    Lost(usize),
    Stopped(usize),
    HostLost(u32),
    HostBack(u32),
    HostDraining(u32),
    HostJoined(u64),
    Rebalance,
    Target(u32, u32),
    Pass(u64),
    /// Something is reported that was over long ago.
    Late(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let some = 0..64_usize;
    let source = prop::sample::select(vec![Source::Request, Source::Event]);
    let exit = prop::sample::select(vec![Exit::Success, Exit::Failure]);
    prop_oneof![
        8 => (0..3_u32, source).prop_map(|(function, source)| Step::Arrive(function, source)),
        6 => some.clone().prop_map(Step::Ready),
        6 => (some.clone(), exit).prop_map(|(index, exit)| Step::Done(index, exit)),
        1 => some.clone().prop_map(Step::Lost),
        4 => some.clone().prop_map(Step::Stopped),
        1 => (0..5_u32).prop_map(Step::HostLost),
        1 => (0..5_u32).prop_map(Step::HostBack),
        1 => (0..5_u32).prop_map(Step::HostDraining),
        1 => (1..12_u64).prop_map(Step::HostJoined),
        2 => Just(Step::Rebalance),
        1 => (0..3_u32, 0..3_u32).prop_map(|(function, count)| Step::Target(function, count)),
        4 => (0..12_u64).prop_map(Step::Pass),
        1 => some.prop_map(Step::Late),
    ]
}

fn function() -> impl Strategy<Value = Function> {
    let some = |most: u64| prop::option::of((1..most).prop_map(Duration::from_nanos));
    let amounts = (0..7_u64, 0..3_u64);
    let limits = (some(12), some(30), prop::option::weighted(0.2, 1..4_u32));
    let slots = (
        prop::sample::select(vec![1, 1, 2, 3]),
        prop::sample::select(vec![0, 0, 0, 1]),
    );
    (amounts, limits, 0..3_u16, slots).prop_map(
        |((memory, millicores), (timeout, patience, instances), most, slots)| Function {
            millicores,
            concurrency: NonZeroU32::new(slots.0).unwrap_or(NonZeroU32::MIN),
            provisioned: slots.1,
            timeout,
            patience,
            instances: instances.and_then(NonZeroU32::new),
            retries: Retries {
                most,
                backoff: Backoff {
                    first: Duration::from_nanos(2),
                    longest: Duration::from_nanos(5),
                },
                oldest: Duration::from_nanos(60),
            },
            ..Function::new(Bytes::new(memory))
        },
    )
}

pub(crate) const CHOICES: [HostChoice; 9] = [
    HostChoice::FirstFit,
    HostChoice::BestFit,
    HostChoice::LeastLoaded,
    HostChoice::RoundRobin,
    HostChoice::Random,
    HostChoice::TwoChoices,
    HostChoice::Hashed { bound_percent: 125 },
    HostChoice::Locality,
    HostChoice::Learned,
];

const REUSES: [Reuse; 9] = [
    Reuse::MostRecent,
    Reuse::ArrayFirst,
    Reuse::LeastRecent,
    Reuse::LeastLoaded,
    Reuse::Random,
    Reuse::TwoChoices,
    Reuse::RoundRobin,
    Reuse::Hashed { bound_percent: 125 },
    Reuse::Learned,
];

fn settings() -> impl Strategy<Value = Settings> {
    let bindings = vec![Binding::Early, Binding::Late, Binding::LateShared];
    let rebalance = (prop::option::of(3..20_u64), 0..40_u32, 0..4_usize);
    (
        prop::sample::select(bindings),
        prop::sample::select(REUSES.to_vec()),
        prop::sample::select(CHOICES.to_vec()),
        prop::sample::select(vec![Frees::WhenGone, Frees::AtOnce]),
        prop::sample::select(vec![Full::Wait, Full::Refuse]),
        rebalance,
    )
        .prop_map(
            |(binding, reuse, choice, frees, full, rebalance)| Settings {
                binding,
                reuse,
                restart: Backoff {
                    first: Duration::from_nanos(2),
                    longest: Duration::from_nanos(9),
                },
                hosts: Hosting {
                    choice,
                    frees,
                    full,
                    rebalance: Rebalance {
                        every: rebalance.0.map(Duration::from_nanos),
                        tolerance_percent: rebalance.1,
                        moves: rebalance.2,
                    },
                    seed: 7,
                },
                ..Settings::DEFAULT
            },
        )
}

fn host() -> impl Strategy<Value = Host> {
    (0..16_u64, 0..7_u64).prop_map(|(memory, millicores)| Host {
        memory: Bytes::new(memory),
        millicores,
    })
}

fn pick(ids: &[InstanceId], index: usize) -> Option<InstanceId> {
    (!ids.is_empty()).then(|| ids[index % ids.len()])
}

fn take(world: &mut World, step: Step, old: &mut Vec<InstanceId>) {
    let event = match step {
        Step::Arrive(function, source) => return arrive(world, function, source),
        Step::Done(index, exit) => {
            let running = world.all(|is| is == Is::Running);
            if let Some(id) = pick(&running, index) {
                world.finish(id, exit);
            }
            return;
        }
        Step::Pass(nanos) => return world.pass(Duration::from_nanos(nanos)),
        Step::Ready(index) => pick(&world.all(|is| is == Is::Starting), index).map(Event::Ready),
        Step::Lost(index) => pick(&world.all(|_| true), index).map(Event::Lost),
        Step::Stopped(index) => {
            pick(&world.all(|is| is == Is::Stopping), index).map(Event::Stopped)
        }
        Step::HostLost(host) => Some(Event::HostLost(HostId::new(host))),
        Step::HostBack(host) => Some(Event::HostBack(HostId::new(host))),
        Step::HostDraining(host) => Some(Event::HostDraining(HostId::new(host))),
        Step::HostJoined(memory) => Some(Event::HostJoined(Host {
            memory: Bytes::new(memory),
            millicores: 3,
        })),
        Step::Rebalance => Some(Event::Rebalance),
        Step::Target(function, instances) => Some(Event::Target {
            function: FunctionId::new(function),
            instances,
        }),
        Step::Late(index) => {
            let gone: Vec<InstanceId> = old
                .iter()
                .copied()
                .filter(|id| !world.instances.contains_key(id))
                .collect();
            pick(&gone, index).map(Event::Ready)
        }
    };
    old.extend(world.all(|_| true));
    old.truncate(100);
    match event {
        // A host that nobody knows changes nothing.
        Some(Event::HostLost(host) | Event::HostBack(host) | Event::HostDraining(host))
            if host.number() as usize >= world.hosts.len() =>
        {
            let late = world.platform.totals().late;
            let effects = world.tell(event.expect("it is one"));
            world.closed.remove(&host);
            assert_eq!((effects, world.platform.totals().late), (vec![], late + 1));
        }
        Some(event) => _ = world.tell(event),
        None => {}
    }
}

/// A call comes; if it is sent away for want of room, there was none.
fn arrive(world: &mut World, function: u32, source: Source) {
    let need = &world.functions[function as usize];
    let (memory, millicores) = (need.memory.get(), need.millicores);
    let hosts = (0..).map(HostId::new).zip(world.hosts.clone());
    let has_room = |(host, limit): &(HostId, Host)| {
        let held = world.in_the_way(*host);
        let fits = held.0 + memory <= limit.memory.get() && held.1 + millicores <= limit.millicores;
        fits && !world.closed.contains(host)
    };
    let room: Vec<HostId> = hosts.filter(has_room).map(|(host, _)| host).collect();
    let sent_away = |effect: &Effect| {
        let outcome = Outcome::NoRoom;
        matches!(effect, Effect::Reply { outcome: other, .. } if *other == outcome)
    };
    let effects = world.arrive_from(function, source);
    // What room there was may go to those that wait for longer.
    let taken = effects.iter().any(|it| matches!(it, Effect::Start { .. }));
    if effects.iter().any(sent_away) && !taken {
        assert_eq!(room, [], "sent away though there is room");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]
    #[test]
    fn ledger_and_instances_agree_whatever_happens_and_nothing_is_left(
        functions in prop::collection::vec(function(), 3),
        settings in settings(),
        hosts in prop::collection::vec(host(), 1..4),
        steps in prop::collection::vec(step(), 0..80),
        window in 0..25_u64,
    ) {
        let mut world = World::new(settings, Duration::from_nanos(window), &functions, &hosts);
        let mut old = Vec::new();
        for &step in &steps {
            take(&mut world, step, &mut old);
        }
        // Whoever waits for a host gets one.
        for host in (0..).map(HostId::new).take(world.hosts.len()) {
            world.tell(Event::HostBack(host));
        }
        world.tell(Event::Drain);
        world.settle();
        let replies = u64::try_from(world.replies.len()).expect("few");
        prop_assert_eq!(replies, world.calls);
        prop_assert_eq!((world.platform.instances(), world.platform.pending()), (0, 0));
        let ledger = world.platform.ledger().expect("there are hosts");
        prop_assert_eq!(ledger.state().reservation_count(), 0);
        prop_assert!(world.now >= Timestamp::ZERO);
    }
}
