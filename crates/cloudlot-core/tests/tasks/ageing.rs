//! The two bounds on waiting, under arrivals that never stop.

use crate::{START, id, roomy, seconds};
use cloudlot_core::task::{
    Ageing, CpuId, EntityId, Host, HostSpec, Placement, Progress, Task, TaskId, TaskState, Work,
};
use cloudlot_core::{Bytes, Timestamp};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(2);
const ENTITY: EntityId = EntityId::new(1);

fn host(cpus: &[u64], memory: Bytes) -> Host {
    let ageing = Ageing {
        patience: PATIENCE,
        kept: 250,
    };
    let mut host = Host::new(HostSpec {
        over_provision: u32::MAX,
        placement: Placement::LeastLoaded,
        ageing,
        ..HostSpec::new(cpus, memory)
    })
    .unwrap();
    host.provision(ENTITY, 1_000_000_000, START).unwrap();
    host
}

/// What the bound on starvation allows a task on one CPU, and what it has used up of it, in
/// thousandths of an instruction of what is kept.
#[derive(Clone, Copy, Debug)]
struct Allowance {
    work: u128,
    used: u128,
}

/// Goes to `until` from deadline to deadline, and checks all aged tasks on the way.
fn watch(host: &mut Host, until: Timestamp, allowances: &mut BTreeMap<(TaskId, CpuId), Allowance>) {
    while host.now() < until {
        for (task, cpu) in aged(host) {
            let allowance = Allowance {
                work: ahead(host, &task, cpu),
                used: 0,
            };
            allowances.entry((task.task.id, cpu)).or_insert(allowance);
        }
        let unserved: Vec<(TaskId, CpuId)> = aged(host)
            .filter(|(task, cpu)| !is_served(host, task.task.id, *cpu))
            .map(|(task, cpu)| (task.task.id, cpu))
            .collect();
        let before = host.now();
        let next = host.next_deadline().map_or(until, |at| at.min(until));
        host.advance(next);
        for key in unserved {
            let kept = host.kept(key.1).unwrap();
            let allowance = allowances.get_mut(&key).unwrap();
            allowance.used += host.now().since(before).as_nanos() * u128::from(kept);
            assert!(allowance.used <= allowance.work, "{key:?}: {allowance:?}");
        }
    }
}

fn aged(host: &Host) -> impl Iterator<Item = (Progress, CpuId)> {
    let aged = host.tasks().filter(|task| task.aged.is_some());
    aged.flat_map(|task| task.cpus.iter().map(|cpu| (task.clone(), *cpu)))
}

/// The remaining work of a task and of those on `cpu` that starved before it, with a nanosecond
/// of what is kept for the rounding at the end of each.
fn ahead(host: &Host, task: &Progress, cpu: CpuId) -> u128 {
    let rank = |task: &Progress| (task.aged, task.task.id);
    let kept = u128::from(host.kept(cpu).unwrap());
    host.sharers(cpu)
        .filter_map(|sharer| host.progress(sharer.task))
        .filter(|other| other.aged.is_some() && rank(other) <= rank(task))
        .map(|other| other.remaining.as_milli_instructions() + kept)
        .sum()
}

fn is_served(host: &Host, task: TaskId, cpu: CpuId) -> bool {
    let kept = host.kept(cpu).unwrap();
    let own = host.sharers(cpu).find(|sharer| sharer.task == task);
    own.is_none_or(|own| own.grant >= own.demand.min(kept))
}

#[test]
fn a_small_task_among_great_ones_ends_in_bounded_time() {
    let mut host = host(&[1_000], Bytes::ZERO);
    let victim = Task {
        weight: 1,
        ..Task::new(id(0), ENTITY, Work::mi(500))
    };
    host.submit(victim, START).unwrap();
    // Every second two more of a thousand times its weight, each with a minute of work.
    let mut number = 1;
    for second in 0..60 {
        for _ in 0..2 {
            let great = Task::new(id(number), ENTITY, Work::mi(60_000));
            let weight = 1_000;
            host.submit(Task { weight, ..great }, seconds(second))
                .unwrap();
            number += 1;
        }
    }
    // It arrived first, and began to starve then. Aged after two seconds it has 250 MI/s kept
    // for it: two more seconds.
    let ended = host.progress(id(0)).and_then(|task| task.ended);
    assert!(ended.is_some_and(|ended| ended <= seconds(4)), "{ended:?}");
}

#[test]
fn without_ageing_it_would_not() {
    let over_provision = u32::MAX;
    let kept = 0;
    let ageing = Ageing {
        kept,
        patience: PATIENCE,
    };
    let mut host = Host::new(HostSpec {
        over_provision,
        ageing,
        ..HostSpec::new([1_000], Bytes::ZERO)
    })
    .unwrap();
    host.provision(ENTITY, 1_000_000_000, START).unwrap();
    let task = |number, work| Task::new(id(number), ENTITY, Work::mi(work));
    host.submit(task(0, 500), START).unwrap();
    for number in 1..=60 {
        let weight = 1_000;
        let great = Task {
            weight,
            ..task(number, 60_000)
        };
        host.submit(great, seconds(number - 1)).unwrap();
    }
    host.advance(seconds(60));
    assert_eq!(host.progress(id(0)).unwrap().state, TaskState::Running);
}

#[test]
fn a_quarter_is_kept_by_default() {
    let host = roomy(&[4_000], Bytes::ZERO);
    assert_eq!(host.kept(CpuId::new(0)), Some(1_000));
    assert_eq!(host.kept(CpuId::new(1)), None);
}

/// (milliseconds since the last arrival, work, weight, CPUs, guarantee, MiB)
type Arrival = (u64, u64, u32, u32, u64, u64);

fn arrivals() -> impl Strategy<Value = Vec<Arrival>> {
    let arrival = (
        0..700_u64,
        1..9_000_u64,
        prop_oneof![0..3_u32, 1_000..=1_000_000_u32],
        1..=2_u32,
        prop_oneof![3 => Just(0), 1 => 0..300_u64],
        0..60_u64,
    );
    prop::collection::vec(arrival, 1..40)
}

fn arrive(number: u64, arrival: Arrival) -> Task {
    let (_, work, weight, cpus, least, mib) = arrival;
    Task {
        weight,
        cpus,
        least,
        memory: Bytes::mib(mib),
        ..Task::new(id(number), ENTITY, Work::mi(work))
    }
}

proptest! {
    #[test]
    fn an_aged_task_is_unserved_no_longer_than_the_bound(arrivals in arrivals()) {
        let mut host = host(&[1_000, 601], Bytes::gib(100));
        let mut allowances = BTreeMap::new();
        let mut at = START;
        for (number, arrival) in (0..).zip(arrivals) {
            at = at + Duration::from_millis(arrival.0);
            watch(&mut host, at, &mut allowances);
            host.submit(arrive(number, arrival), at).unwrap();
        }
        watch(&mut host, at + Duration::from_secs(3_600), &mut allowances);
        prop_assert!(host.tasks().all(|task| task.state == TaskState::Done));
    }

    #[test]
    fn nobody_overtakes_a_task_that_has_waited_for_as_long_as_patience(arrivals in arrivals()) {
        let mut host = host(&[1_000, 601], Bytes::mib(100));
        let mut at = START;
        for (number, arrival) in (0..).zip(arrivals) {
            at = at + Duration::from_millis(arrival.0);
            host.submit(arrive(number, arrival), at).unwrap();
        }
        host.advance(Timestamp::MAX);
        let came = |task: &Progress| (task.arrived, task.task.id);
        for patient in host.tasks() {
            let from = patient.arrived + PATIENCE;
            let until = patient.started.unwrap();
            for younger in host.tasks().filter(|task| came(task) > came(patient)) {
                let started = younger.started.unwrap();
                prop_assert!(started < from || started >= until, "{younger:?}\n{patient:?}");
            }
            // So it starts when those that ran before or came before have ended.
            let before = host.tasks().filter(|other| {
                came(other) < came(patient) || other.started.unwrap() < from
            });
            let last = before.filter_map(|other| other.ended).max().unwrap_or(START);
            prop_assert!(until <= from.max(last));
        }
    }
}
