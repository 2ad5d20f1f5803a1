//! What the original got wrong, each as it is to be.

use crate::{START, grants, grants_on_one_cpu, id, roomy, submit, submit_on};
use cloudlot_core::Bytes;
use cloudlot_core::task::{
    CpuId, DeprovisionError, EntityId, Host, HostSpec, Placement, ProvisionError, SubmitError,
    Task, TaskState, Work,
};

#[test]
fn a_third_task_on_a_full_cpu_takes_its_share() {
    assert_eq!(
        grants_on_one_cpu(&[3_000, 3_000, 3_000]),
        [1_334, 1_333, 1_333]
    );
}

#[test]
fn shares_are_fair_in_whatever_order_tasks_come() {
    assert_eq!(grants_on_one_cpu(&[1_000, 1_000, 1_000, 3_000]), [1_000; 4]);
    assert_eq!(grants_on_one_cpu(&[3_000, 1_000, 1_000, 1_000]), [1_000; 4]);
    assert_eq!(
        grants_on_one_cpu(&[500, 3_000, 1_000, 3_000]),
        [500, 1_250, 1_000, 1_250]
    );
}

#[test]
fn a_task_without_memory_takes_no_cpu() {
    let mut host = roomy(&[4_000], Bytes::mib(100));
    submit(&mut host, 1, 1_000);
    let entity = EntityId::new(1);
    let memory = Bytes::mib(60);
    let task = |number| Task {
        memory,
        ..Task::new(id(number), entity, Work::mi(1_000))
    };
    host.provision(entity, 4_000, START).unwrap();
    assert_eq!(host.submit(task(2), START), Ok(TaskState::Running));
    assert_eq!(host.submit(task(3), START), Ok(TaskState::Queued));
    assert_eq!(grants(&host), [1_000, 1_000, 0]);
    assert_eq!(host.utilisation().used, 2_000);
    assert_eq!(host.memory_free(), Bytes::mib(40));
    assert_eq!(host.queue().collect::<Vec<_>>(), [id(3)]);
    assert!(host.progress(id(3)).unwrap().cpus.is_empty());

    // With the room comes all of it.
    host.finish(id(2), START).unwrap();
    assert_eq!(grants(&host), [1_000, 0, 1_000]);
    assert_eq!(host.memory_free(), Bytes::mib(40));
}

#[test]
fn a_task_is_taken_once() {
    let mut host = roomy(&[4_000], Bytes::mib(100));
    submit(&mut host, 1, 1_000);
    let again = Task::new(id(1), EntityId::new(1), Work::mi(500));
    assert_eq!(host.submit(again, START), Err(SubmitError::Known(id(1))));
    assert_eq!(
        host.submit_all([again], START),
        [(id(1), SubmitError::Known(id(1)))]
    );
    assert_eq!(host.utilisation().used, 1_000);
    host.fail(id(1), START).unwrap();
    assert_eq!(host.utilisation().used, 0);
    assert_eq!(host.submit(again, START), Err(SubmitError::Known(id(1))));
    host.remove(id(1), START).unwrap();
    assert_eq!(host.submit(again, START), Ok(TaskState::Running));
}

#[test]
fn a_task_goes_where_there_is_room() {
    let spec = HostSpec {
        over_provision: 2_000,
        ..HostSpec::new([5_000, 5_000], Bytes::ZERO)
    };
    for (placement, expected) in [
        (Placement::RoundRobin, vec![2_500, 1_000, 2_500]),
        (Placement::LeastLoaded, vec![5_000, 1_000, 4_000]),
    ] {
        let mut host = Host::new(HostSpec {
            placement,
            ..spec.clone()
        })
        .unwrap();
        submit(&mut host, 0, 5_000);
        submit(&mut host, 1, 1_000);
        submit(&mut host, 2, 5_000);
        assert_eq!(host.utilisation().used, expected.iter().sum::<u64>());
        assert_eq!(grants(&host), expected);
    }
}

#[test]
fn a_task_on_more_cpus_than_there_are_is_refused() {
    let mut host = roomy(&[4_000, 4_000], Bytes::ZERO);
    host.provision(EntityId::new(1), 4_000, START).unwrap();
    let task = |cpus| Task {
        cpus,
        ..Task::new(id(1), EntityId::new(1), Work::mi(4_000))
    };
    let (asked, total) = (4, 2);
    let refused = SubmitError::TooManyCpus { asked, total };
    assert_eq!(host.submit(task(4), START), Err(refused));
    assert_eq!(host.submit(task(0), START), Err(SubmitError::NoCpu));
    assert_eq!(host.progress(id(1)), None);
    assert_eq!(host.submit(task(2), START), Ok(TaskState::Running));
}

#[test]
fn a_share_is_split_to_the_unit() {
    let mut host = roomy(&[4_000; 3], Bytes::ZERO);
    submit_on(&mut host, 1, 3, 1_000, 1_000);
    assert_eq!(host.progress(id(1)).unwrap().grant, 1_000);
    let parts = (0..3).map(|cpu| host.cpu_utilisation(CpuId::new(cpu)).unwrap().used);
    assert_eq!(parts.collect::<Vec<_>>(), [334, 333, 333]);
}

#[test]
fn provisioning_again_replaces_the_ceiling_and_loses_none() {
    let mut host = Host::new(HostSpec::new([4_000], Bytes::ZERO)).unwrap();
    let [a, b] = [1, 2].map(EntityId::new);
    host.provision(a, 3_000, START).unwrap();
    // Not 3,000 + 3,500, which would not fit.
    host.provision(a, 3_500, START).unwrap();
    assert_eq!(host.provisioned().used, 3_500);
    let (asked, room) = (4_500, 4_000);
    let refused = ProvisionError::NoRoom { asked, room };
    assert_eq!(host.provision(a, asked, START), Err(refused));
    assert_eq!(host.ceiling(a), Some(3_500));
    host.provision(a, 1_000, START).unwrap();
    host.provision(b, 3_000, START).unwrap();
    assert_eq!(host.deprovision(a), Ok(1_000));
    assert_eq!(
        host.deprovision(a),
        Err(DeprovisionError::NotProvisioned(a))
    );
    assert_eq!(host.provisioned().used, 3_000);
}
