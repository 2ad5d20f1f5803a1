//! What the original promised and did not do: guarantees, progress, starvation, a queue.

use crate::{START, grants, id, roomy, seconds, submit, submit_on};
use cloudlot_core::task::{
    Ageing, CpuId, DeprovisionError, EntityId, Host, HostSpec, ProvisionError, SubmitError, Task,
    TaskState, Work,
};
use cloudlot_core::{Bytes, Timestamp};
use std::time::Duration;

#[test]
fn a_new_ceiling_changes_what_runs() {
    let mut host = roomy(&[4_000], Bytes::ZERO);
    submit_on(&mut host, 1, 1, 3_000, 1_000);
    assert_eq!(grants(&host), [1_000]);
    host.provision(EntityId::new(1), 2_000, seconds(1)).unwrap();
    assert_eq!(grants(&host), [2_000]);
    let end = seconds(2);
    assert_eq!(host.next_deadline(), Some(end));
    assert_eq!(host.advance(end).len(), 1);
}

#[test]
fn siblings_divide_the_ceiling_of_their_entity() {
    let mut host = roomy(&[4_000, 4_000], Bytes::ZERO);
    let entity = EntityId::new(1);
    host.provision(entity, 3_000, START).unwrap();
    for (number, weight) in [(1, 1), (2, 2)] {
        let task = Task::new(id(number), entity, Work::mi(9_000));
        host.submit(Task { weight, ..task }, START).unwrap();
    }
    // One on each CPU, and both CPUs half empty: the ceiling holds.
    assert_eq!(grants(&host), [1_000, 2_000]);
    let in_use = DeprovisionError::InUse { entity, tasks: 2 };
    assert_eq!(host.deprovision(entity), Err(in_use));
}

#[test]
fn a_guarantee_is_kept_against_any_weight() {
    let mut host = roomy(&[4_000], Bytes::ZERO);
    for number in [1, 2] {
        host.provision(EntityId::new(number), 4_000, START).unwrap();
    }
    let task = |number| Task::new(id(number), EntityId::new(number), Work::mi(4_000));
    let least = 1_500;
    host.submit(Task { least, ..task(1) }, START).unwrap();
    let weight = 1_000_000;
    host.submit(Task { weight, ..task(2) }, START).unwrap();
    assert_eq!(grants(&host), [1_500, 2_500]);
    let (asked, promised) = (1_000, 1_500);
    let refused = ProvisionError::Promised { asked, promised };
    assert_eq!(host.provision(EntityId::new(1), asked, START), Err(refused));
}

#[test]
fn guarantees_are_never_promised_twice() {
    // Of 4,000 a quarter is kept for the aged.
    let mut host = roomy(&[4_000, 1_000], Bytes::ZERO);
    host.provision(EntityId::new(1), 9_000, START).unwrap();
    let task = |number, cpus, least| Task {
        cpus,
        least,
        ..Task::new(id(number), EntityId::new(1), Work::mi(9_000))
    };
    let refused = SubmitError::BeyondCpus {
        each: 3_001,
        asked: 1,
        large: 0,
    };
    assert_eq!(host.submit(task(1, 1, 3_001), START), Err(refused));
    let refused = SubmitError::BeyondCpus {
        each: 751,
        asked: 2,
        large: 1,
    };
    assert_eq!(host.submit(task(1, 2, 1_501), START), Err(refused));
    let (least, ceiling) = (9_001, 9_000);
    let refused = SubmitError::BeyondCeiling { least, ceiling };
    assert_eq!(host.submit(task(1, 1, least), START), Err(refused));

    assert_eq!(
        host.submit(task(1, 1, 2_000), START),
        Ok(TaskState::Running)
    );
    assert_eq!(host.submit(task(2, 1, 1_001), START), Ok(TaskState::Queued));
    assert_eq!(
        host.submit(task(3, 1, 1_000), START),
        Ok(TaskState::Running)
    );
    host.fail(id(1), START).unwrap();
    assert_eq!(host.progress(id(2)).unwrap().state, TaskState::Running);
}

#[test]
fn what_can_never_run_is_refused() {
    let mut host = roomy(&[4_000], Bytes::mib(100));
    let task = Task::new(id(1), EntityId::new(1), Work::mi(1));
    let refused = SubmitError::NotProvisioned(EntityId::new(1));
    assert_eq!(host.submit(task, START), Err(refused));
    host.provision(EntityId::new(1), 0, START).unwrap();
    let (least, ceiling) = (1, 0);
    let refused = SubmitError::BeyondCeiling { least, ceiling };
    assert_eq!(host.submit(task, START), Err(refused));
    host.provision(EntityId::new(1), 10, START).unwrap();
    let (asked, total) = (Bytes::mib(101), Bytes::mib(100));
    let large = Task {
        memory: asked,
        ..task
    };
    let refused = SubmitError::TooMuchMemory { asked, total };
    assert_eq!(host.submit(large, START), Err(refused));
    let (least, most) = (5, 4);
    let torn = Task {
        least,
        most,
        ..task
    };
    let refused = SubmitError::LeastAboveMost { least, most };
    assert_eq!(host.submit(torn, START), Err(refused));
    assert_eq!(host.tasks().count(), 0);
    assert_eq!(host.submit(task, START), Ok(TaskState::Running));
}

#[test]
fn progress_follows_the_grant() {
    let mut host = roomy(&[4_000], Bytes::ZERO);
    submit(&mut host, 1, 3_000);
    submit(&mut host, 2, 3_000);
    submit(&mut host, 3, 500);
    // 1,750 each and 500: the third is done after a second, the others have 1,250 left and 2,000
    // each.
    let finished = host.advance(seconds(1));
    assert_eq!(
        (finished.len(), finished[0].task, finished[0].at),
        (1, id(3), seconds(1))
    );
    let left = |host: &Host, number| host.progress(id(number)).unwrap().remaining;
    assert_eq!(left(&host, 1), Work::mi(1_250));
    assert_eq!(grants(&host), [2_000, 2_000, 0]);
    host.advance(seconds(1) + Duration::from_nanos(1));
    let nanosecond = 2_000;
    assert_eq!(
        left(&host, 2).as_milli_instructions(),
        Work::mi(1_250).as_milli_instructions() - nanosecond
    );
    let end = seconds(1) + Duration::from_millis(625);
    assert_eq!(host.next_deadline(), Some(end));
    let finished = host.advance(seconds(9));
    let ends: Vec<_> = finished.iter().map(|done| (done.task, done.at)).collect();
    assert_eq!(ends, [(id(1), end), (id(2), end)]);
    assert!(host.tasks().all(|task| task.state == TaskState::Done));
    assert_eq!((host.next_deadline(), host.utilisation().used), (None, 0));
}

#[test]
fn what_ended_stays_ended() {
    let mut host = roomy(&[4_000], Bytes::ZERO);
    submit(&mut host, 1, 3_000);
    host.fail(id(1), seconds(0)).unwrap();
    let failed = host.progress(id(1)).unwrap().clone();
    assert_eq!(
        (failed.state, failed.ended),
        (TaskState::Failed, Some(START))
    );
    assert!(host.finish(id(1), seconds(1)).is_err());
    assert!(host.fail(id(1), seconds(1)).is_err());
    assert!(host.fail(id(7), seconds(1)).is_err());
    assert_eq!(host.progress(id(1)), Some(&failed));
    assert_eq!(host.remove(id(1), seconds(1)), Some(failed));
    assert_eq!(host.remove(id(1), seconds(1)), None);
}

#[test]
fn a_task_without_work_is_done_at_once() {
    let mut host = roomy(&[4_000], Bytes::ZERO);
    submit_on(&mut host, 1, 1, 0, 10);
    assert_eq!(host.advance(START).len(), 1);
}

#[test]
fn time_that_runs_backwards_stands_still() {
    let mut host = roomy(&[1], Bytes::ZERO);
    submit_on(&mut host, 1, 1, 1_000_000, 1);
    host.advance(seconds(5));
    let before = host.progress(id(1)).unwrap().remaining;
    host.advance(seconds(3));
    assert_eq!(
        (host.now(), host.progress(id(1)).unwrap().remaining),
        (seconds(5), before)
    );
    // Nor does the end of time stop it.
    host.advance(Timestamp::MAX);
    assert_eq!(host.progress(id(1)).unwrap().state, TaskState::Done);
}

#[test]
fn a_task_starves_when_patience_ends_and_not_before() {
    let mut host = roomy(&[4_000], Bytes::ZERO);
    for number in 1..=5 {
        submit_on(&mut host, number, 1, 100_000, 4_000);
    }
    let patience = Ageing::default().patience;
    let almost = START + (patience - Duration::from_nanos(1));
    host.advance(almost);
    assert!(host.starving(almost).is_empty());
    assert_eq!(grants(&host), [800; 5]);
    host.advance(START + patience);
    assert_eq!(host.starving(host.now()).len(), 5);
    // The first of them has the quarter that is kept.
    assert_eq!(grants(&host), [1_000, 750, 750, 750, 750]);
    host.remove(id(1), START + patience);
    assert_eq!(grants(&host), [1_000; 4]);
}

#[test]
fn a_large_task_is_not_bypassed_for_ever() {
    let mut host = roomy(&[1_000], Bytes::mib(100));
    host.provision(EntityId::new(1), 100_000, START).unwrap();
    let task = |number, mib| Task {
        memory: Bytes::mib(mib),
        ..Task::new(id(number), EntityId::new(1), Work::mi(1_500))
    };
    host.submit(task(1, 60), START).unwrap();
    assert_eq!(host.submit(task(2, 100), START), Ok(TaskState::Queued));
    // Small ones come without end, and always before the last one leaves.
    let mut started = None;
    for second in 1..60 {
        host.submit(task(2 + second, 60), seconds(second)).unwrap();
        let large = host.progress(id(2)).unwrap();
        started = started.or(large.started);
    }
    // Its patience ends at 10 s; whatever ran then has ended 1.5 s later.
    assert!(started.unwrap() <= seconds(12), "{started:?}");
}

#[test]
fn patience_ends_to_the_nanosecond() {
    let nanosecond = Duration::from_nanos(1);
    let patience = Ageing::default().patience;
    for (waited, overtakes) in [(patience - nanosecond, true), (patience, false)] {
        let mut host = roomy(&[1_000], Bytes::mib(100));
        host.provision(EntityId::new(1), 1_000, START).unwrap();
        let task = |number, mib| Task {
            memory: Bytes::mib(mib),
            ..Task::new(id(number), EntityId::new(1), Work::mi(60_000))
        };
        host.submit(task(1, 60), START).unwrap();
        host.submit(task(2, 100), START).unwrap();
        let state = host.submit(task(3, 10), START + waited).unwrap();
        assert_eq!(state == TaskState::Running, overtakes);
    }
}

#[test]
fn load_is_what_is_asked_for_each_unit_of_capacity_and_leaves_with_the_task() {
    let mut host = roomy(&[4_000, 1_000], Bytes::ZERO);
    let mut place = |number, work| {
        submit(&mut host, number, work);
        host.progress(id(number)).unwrap().cpus[0].number()
    };
    assert_eq!(place(1, 2_000), 0);
    assert_eq!(place(2, 600), 1);
    // A half and 0.6.
    assert_eq!(place(3, 1_200), 0);
    // 0.8 and 0.6.
    assert_eq!(place(4, 1), 1);
    host.remove(id(1), START);
    submit(&mut host, 5, 1);
    assert_eq!(host.progress(id(5)).unwrap().cpus, [CpuId::new(0)]);
}

#[test]
fn an_entity_that_is_full_holds_up_nobody_else() {
    let mut host = roomy(&[1_000], Bytes::ZERO);
    host.provision(EntityId::new(1), 1, START).unwrap();
    host.provision(EntityId::new(2), 9, START).unwrap();
    let task = |number, entity| Task::new(id(number), EntityId::new(entity), Work::mi(1_000));
    assert_eq!(host.submit(task(1, 1), START), Ok(TaskState::Running));
    assert_eq!(host.submit(task(2, 1), START), Ok(TaskState::Queued));
    assert_eq!(host.submit(task(3, 2), seconds(99)), Ok(TaskState::Running));
    assert_eq!(host.submit(task(4, 1), seconds(99)), Ok(TaskState::Queued));
    host.finish(id(1), seconds(99)).unwrap();
    assert_eq!(host.queue().collect::<Vec<_>>(), [id(4)]);
}

#[test]
fn siblings_overtake_while_patience_lasts_and_no_longer() {
    let mut host = roomy(&[1_000], Bytes::ZERO);
    let entity = EntityId::new(1);
    host.provision(entity, 10, START).unwrap();
    let task = |number, least| Task {
        least,
        ..Task::new(id(number), entity, Work::mi(1_000))
    };
    assert_eq!(host.submit(task(1, 7), START), Ok(TaskState::Running));
    assert_eq!(host.submit(task(2, 5), START), Ok(TaskState::Queued));
    assert_eq!(host.submit(task(3, 1), seconds(9)), Ok(TaskState::Running));
    assert_eq!(host.submit(task(4, 1), seconds(10)), Ok(TaskState::Queued));
    host.fail(id(1), seconds(10)).unwrap();
    assert_eq!(host.queue().count(), 0);
}

#[test]
fn a_machine_that_makes_no_sense_is_refused() {
    assert!(Host::new(HostSpec::new([], Bytes::ZERO)).is_err());
    assert!(Host::new(HostSpec::new([1, 0], Bytes::ZERO)).is_err());
    assert!(Host::new(HostSpec::new([u64::MAX, 1], Bytes::ZERO)).is_err());
    let spec = HostSpec {
        over_provision: u32::MAX,
        ..HostSpec::new([u64::MAX], Bytes::ZERO)
    };
    let mut host = Host::new(spec).unwrap();
    submit_on(&mut host, 1, 1, u64::MAX, u64::MAX);
    assert_eq!(grants(&host), [u64::MAX]);
}
