//! Properties of any tasks in any order, by what a reader of the host can check.

use crate::{START, id, roomy};
use cloudlot_core::task::{
    Ageing, CpuId, EntityId, Finished, Host, HostSpec, Placement, Progress, Task, TaskId,
    TaskState, Work,
};
use cloudlot_core::{Bytes, Timestamp};
use proptest::prelude::*;
use proptest::sample::Index;
use std::collections::BTreeMap;
use std::time::Duration;

const CPUS: [u64; 3] = [4_000, 4_000, 1_001];
const MEMORY: Bytes = Bytes::mib(1_000);
const ENTITIES: u64 = 4;

fn host(placement: Placement) -> Host {
    let ageing = Ageing {
        patience: Duration::from_secs(3),
        kept: 250,
    };
    Host::new(HostSpec {
        over_provision: 1_500,
        placement,
        ageing,
        ..HostSpec::new(CPUS, MEMORY)
    })
    .unwrap()
}

fn cpus() -> impl Iterator<Item = CpuId> {
    (0..3).map(CpuId::new)
}

/// All that must hold of a host at any time.
fn assert_sound(host: &Host) {
    let running: Vec<&Progress> = host
        .tasks()
        .filter(|task| task.state == TaskState::Running)
        .collect();
    let mut sums: BTreeMap<TaskId, (u64, u64)> = BTreeMap::new();
    let mut seats: BTreeMap<TaskId, Vec<CpuId>> = BTreeMap::new();
    for (cpu, capacity) in cpus().zip(CPUS) {
        let demanded: u64 = host.sharers(cpu).map(|sharer| sharer.demand).sum();
        let granted: u64 = host.sharers(cpu).map(|sharer| sharer.grant).sum();
        assert_eq!(
            granted,
            demanded.min(capacity),
            "no power idle, none made up"
        );
        for sharer in host.sharers(cpu) {
            assert!(sharer.grant <= sharer.demand);
            let sum = sums.entry(sharer.task).or_default();
            *sum = (sum.0 + sharer.demand, sum.1 + sharer.grant);
            seats.entry(sharer.task).or_default().push(cpu);
        }
    }
    for task in host.tasks() {
        let seated = sums.get(&task.task.id).copied().unwrap_or_default();
        assert_eq!(seated, (task.demand, task.grant), "{task:?}");
        let seats = seats.get(&task.task.id).cloned().unwrap_or_default();
        assert_eq!(seats, task.cpus, "one list of places");
        if task.state != TaskState::Running {
            assert!(seats.is_empty());
        }
    }
    for task in &running {
        assert_eq!(u32::try_from(task.cpus.len()), Ok(task.task.cpus));
        assert!(task.grant >= task.task.least.min(task.demand), "{task:?}");
        assert!(task.remaining.is_zero() || task.demand > 0, "{task:?}");
        assert_eq!(task.short_since.is_some(), task.grant < task.demand);
    }
    let memory: u64 = running.iter().map(|task| task.task.memory.get()).sum();
    assert_eq!(host.memory_utilisation().used, memory);
    assert!(memory <= MEMORY.get());
    let mut ceilings = 0;
    for entity in (0..ENTITIES).map(EntityId::new) {
        let own = running.iter().filter(|task| task.task.entity == entity);
        let demand: u64 = own.map(|task| task.demand).sum();
        let ceiling = host.ceiling(entity).unwrap_or(0);
        assert!(demand <= ceiling);
        ceilings += ceiling;
    }
    assert_eq!(host.provisioned().used, ceilings);
    assert!(ceilings <= host.provisioned().total);
    let queued = host.tasks().filter(|task| task.state == TaskState::Queued);
    assert_eq!(queued.count(), host.queue().count());
}

#[derive(Clone, Debug)]
enum Step {
    Provision(u64, u64),
    Deprovision(u64),
    Submit(Task),
    Finish(Index),
    Fail(Index),
    Remove(Index),
    Wait(Duration),
}

fn task() -> impl Strategy<Value = Task> {
    let amounts = (0..6_000_u64, 1..=4_u32, 0..700_u64, 0..4_u32);
    let bounds = (
        prop_oneof![3 => Just(0), 1 => 0..2_000_u64],
        prop_oneof![3 => Just(u64::MAX), 1 => 0..3_000_u64],
    );
    (0..40_u64, 0..ENTITIES, amounts, bounds).prop_map(
        |(number, entity, amounts, (least, most))| {
            let (work, cpus, mib, weight) = amounts;
            Task {
                cpus,
                memory: Bytes::mib(mib),
                weight,
                least,
                most,
                ..Task::new(id(number), EntityId::new(entity), Work::mi(work))
            }
        },
    )
}

fn step() -> impl Strategy<Value = Step> {
    let wait = prop_oneof![0..3_000_000_000_u64, 0..10_u64];
    prop_oneof![
        2 => (0..ENTITIES, 0..6_000_u64).prop_map(|(entity, most)| Step::Provision(entity, most)),
        1 => (0..ENTITIES).prop_map(Step::Deprovision),
        8 => task().prop_map(Step::Submit),
        1 => any::<Index>().prop_map(Step::Finish),
        1 => any::<Index>().prop_map(Step::Fail),
        1 => any::<Index>().prop_map(Step::Remove),
        4 => wait.prop_map(|nanos| Step::Wait(Duration::from_nanos(nanos))),
    ]
}

fn placement() -> impl Strategy<Value = Placement> {
    prop_oneof![Just(Placement::RoundRobin), Just(Placement::LeastLoaded)]
}

/// Does `step` at the host's time; what is refused must change nothing.
fn take(host: &mut Host, step: &Step) -> Vec<Finished> {
    let now = host.now();
    let known = |host: &Host, index: &Index| {
        let tasks: Vec<TaskId> = host.tasks().map(|task| task.task.id).collect();
        (!tasks.is_empty()).then(|| tasks[index.index(tasks.len())])
    };
    let before = host.clone();
    let refused = match step {
        Step::Provision(entity, ceiling) => {
            let entity = EntityId::new(*entity);
            host.provision(entity, *ceiling, now).is_err()
        }
        Step::Deprovision(entity) => host.deprovision(EntityId::new(*entity)).is_err(),
        Step::Submit(task) => host.submit(*task, now).is_err(),
        Step::Finish(index) => {
            known(host, index).is_some_and(|task| host.finish(task, now).is_err())
        }
        Step::Fail(index) => known(host, index).is_some_and(|task| host.fail(task, now).is_err()),
        Step::Remove(index) => {
            known(host, index).is_some_and(|task| host.remove(task, now).is_none())
        }
        Step::Wait(time) => return host.advance(now + *time),
    };
    if refused {
        assert_eq!(format!("{before:?}"), format!("{host:?}"));
    }
    Vec::new()
}

/// Grants of tasks with these (work, weight) on one CPU of 4,000, submitted in `order`.
fn shared(tasks: &[(u64, u32)], order: &[usize]) -> Vec<u64> {
    let mut host = roomy(&[4_000], Bytes::ZERO);
    let entity = EntityId::new(1);
    host.provision(entity, 4_000_000, START).unwrap();
    for &index in order {
        let (work, weight) = tasks[index];
        let number = u64::try_from(index).unwrap();
        let task = Task::new(id(number), entity, Work::mi(work));
        host.submit(Task { weight, ..task }, START).unwrap();
    }
    host.tasks().map(|task| task.grant).collect()
}

/// Σ grants = min(capacity, Σ demand), and one more unit would bring nobody above those who have
/// most per weight.
fn assert_max_min(capacity: u64, tasks: &[(u64, u32)], grants: &[u64]) {
    let wanted: u64 = tasks.iter().map(|task| task.0).sum();
    assert_eq!(grants.iter().sum::<u64>(), capacity.min(wanted));
    let with = || tasks.iter().zip(grants);
    let below = |a: (u64, u32), b: (u64, u32)| a.0 * u64::from(b.1) < b.0 * u64::from(a.1);
    let mut highest = (0, 1);
    for ((_, weight), grant) in with() {
        if below(highest, (*grant, *weight)) {
            highest = (*grant, *weight);
        }
    }
    for ((demand, weight), grant) in with() {
        assert!(grant <= demand);
        assert!(grant == demand || !below((grant + 1, *weight), highest));
    }
}

#[test]
fn ten_thousand_tasks_share_one_cpu() {
    for (count, largest) in [(10_000_u64, 7), (10_000, 1), (9_999, 4_000), (3_000, 3)] {
        let mut host = roomy(&[40_000], Bytes::ZERO);
        let amounts = |number: u64| {
            let weight = u32::try_from(1 + number * 5 % 9).unwrap();
            (1 + number * 31 % largest, weight)
        };
        let tasks: Vec<(u64, u32)> = (0..count).map(amounts).collect();
        for entity in 0..2 {
            let ceiling = 20_000_000;
            host.provision(EntityId::new(entity), ceiling, START)
                .unwrap();
        }
        let all = (0..count).rev().map(|number| {
            let (work, weight) = amounts(number);
            let entity = EntityId::new(number % 2);
            let task = Task::new(id(number), entity, Work::mi(work));
            Task { weight, ..task }
        });
        assert!(host.submit_all(all, START).is_empty());
        let grants: Vec<u64> = host.tasks().map(|task| task.grant).collect();
        assert_max_min(40_000, &tasks, &grants);
        if largest < 10 {
            // Few lengths, so few moments at which all is divided afresh.
            assert_eq!(u64::try_from(host.advance(Timestamp::MAX).len()), Ok(count));
        }
    }
}

proptest! {
    #[test]
    fn tasks_on_one_cpu_share_it_max_min_in_whatever_order(
        tasks in prop::collection::vec((1..6_000_u64, 1..5_u32), 2..=64),
        keys in prop::collection::vec(any::<u64>(), 64),
    ) {
        let in_order: Vec<usize> = (0..tasks.len()).collect();
        let mut shuffled = in_order.clone();
        shuffled.sort_by_key(|index| keys[*index]);
        let grants = shared(&tasks, &in_order);
        assert_max_min(4_000, &tasks, &grants);
        prop_assert_eq!(shared(&tasks, &shuffled), grants);
    }

    #[test]
    fn who_left_leaves_no_trace_in_the_grants_of_others(
        tasks in prop::collection::vec((1..6_000_u64, 1..5_u32), 2..=20),
        left in any::<Index>(),
    ) {
        let all: Vec<usize> = (0..tasks.len()).collect();
        let left = left.index(tasks.len());
        let mut stay = all.clone();
        stay.remove(left);
        let mut host = roomy(&[4_000], Bytes::ZERO);
        host.provision(EntityId::new(1), 4_000_000, START).unwrap();
        for (number, (work, weight)) in (0..).zip(&tasks) {
            let task = Task::new(id(number), EntityId::new(1), Work::mi(*work));
            host.submit(Task { weight: *weight, ..task }, START).unwrap();
        }
        host.remove(id(u64::try_from(left).unwrap()), START);
        let grants: Vec<u64> = host.tasks().map(|task| task.grant).collect();
        prop_assert_eq!(grants, shared(&tasks, &stay));
    }

    #[test]
    fn any_sequence_keeps_the_books_and_ends_with_nothing_held(
        placement in placement(),
        steps in prop::collection::vec(step(), 0..80),
    ) {
        let mut host = host(placement);
        for step in &steps {
            take(&mut host, step);
            assert_sound(&host);
        }
        let tasks: Vec<TaskId> = host.tasks().map(|task| task.task.id).collect();
        for (turn, task) in tasks.into_iter().enumerate() {
            // By all three ways out; those that were out already say so.
            let now = host.now();
            match turn % 3 {
                0 => drop(host.finish(task, now)),
                1 => drop(host.fail(task, now)),
                _ => drop(host.remove(task, now)),
            }
            assert_sound(&host);
        }
        for entity in 0..ENTITIES {
            let _ceiling_or_none = host.deprovision(EntityId::new(entity));
        }
        prop_assert_eq!(host.utilisation().used, 0);
        prop_assert_eq!(host.memory_free(), MEMORY);
        prop_assert_eq!(host.provisioned().used, 0);
        prop_assert_eq!(host.next_deadline(), None);
        prop_assert!(cpus().all(|cpu| host.sharers(cpu).next().is_none()));
        // Nothing is left of guarantees or load either: a new task gets what the first would.
        let free = CPUS[0] * 3 / 4;
        host.provision(EntityId::new(9), 13_000, host.now()).unwrap();
        let task = Task::new(id(99), EntityId::new(9), Work::mi(9_000));
        let least = free;
        let state = host.submit(Task { least, ..task }, host.now());
        prop_assert_eq!(state, Ok(TaskState::Running));
        let grant = host.progress(id(99)).map(|task| task.grant);
        prop_assert_eq!(grant, Some(CPUS[0]));
    }

    #[test]
    fn one_long_wait_is_many_short_ones(
        placement in placement(),
        steps in prop::collection::vec(step(), 0..40),
        pieces in 1..9_u32,
    ) {
        let (mut whole, mut pieced) = (host(placement), host(placement));
        for step in &steps {
            let finished = take(&mut whole, step);
            if let Step::Wait(time) = step {
                let until = pieced.now() + *time;
                let mut in_pieces = Vec::new();
                for _ in 0..pieces {
                    in_pieces.extend(pieced.advance((pieced.now() + *time / pieces).min(until)));
                }
                in_pieces.extend(pieced.advance(until));
                prop_assert_eq!(in_pieces, finished);
            } else {
                take(&mut pieced, step);
            }
            prop_assert_eq!(format!("{whole:?}"), format!("{pieced:?}"));
        }
    }

    #[test]
    fn a_task_is_done_when_its_grants_come_to_its_work_and_not_before(
        placement in placement(),
        tasks in prop::collection::vec((task(), 0..900_u64), 0..30),
    ) {
        let mut host = host(placement);
        for entity in 0..ENTITIES {
            host.provision(EntityId::new(entity), 3_000, START).unwrap();
        }
        // What grants have come to before the last stretch, and in it.
        let mut done: BTreeMap<TaskId, (u128, u128)> = BTreeMap::new();
        let mut go = |host: &mut Host, until: Timestamp| {
            let running = host.tasks().filter(|task| task.state == TaskState::Running);
            let grants: Vec<_> = running.map(|task| (task.task.id, task.grant)).collect();
            let from = host.now();
            host.advance(until);
            for (task, grant) in grants {
                let stretch = u128::from(grant) * host.now().since(from).as_nanos();
                let sum = done.entry(task).or_default();
                *sum = (sum.0 + sum.1, stretch);
            }
        };
        for (task, millis) in tasks {
            let arrival = host.now() + Duration::from_millis(millis);
            while let Some(at) = host.next_deadline().filter(|at| *at < arrival) {
                go(&mut host, at);
            }
            go(&mut host, arrival);
            let _taken = host.submit(task, arrival);
        }
        while let Some(at) = host.next_deadline() {
            go(&mut host, at);
        }
        for task in host.tasks() {
            let work = task.task.work.as_milli_instructions();
            let (before, last) = done.get(&task.task.id).copied().unwrap_or_default();
            prop_assert!(before + last >= work && (before < work || work == 0), "{task:?}");
        }
    }

    #[test]
    fn all_that_is_submitted_gets_done(
        placement in placement(),
        tasks in prop::collection::vec(task(), 0..40),
    ) {
        let mut host = host(placement);
        for entity in 0..ENTITIES {
            host.provision(EntityId::new(entity), 3_000, START).unwrap();
        }
        let asked = tasks.len();
        let refused = host.submit_all(tasks, START).len();
        let finished = host.advance(Timestamp::MAX);
        prop_assert_eq!(finished.len() + refused, asked);
        prop_assert!(finished.is_sorted_by_key(|done| done.at));
        prop_assert!(host.tasks().all(|task| task.remaining.is_zero()));
    }
}
