//! The numbers of the original's tests.

use crate::{START, grants, id, roomy, submit, submit_on};
use cloudlot_core::Bytes;
use cloudlot_core::task::{
    CpuId, EntityId, Host, HostSpec, Placement, ProvisionError, Utilisation,
};

/// The machine of the original's tests: 8 CPUs of 5,000 MI/s, promised one and a half times over.
fn eight(placement: Placement) -> Host {
    let spec = HostSpec {
        over_provision: 1_500,
        placement,
        ..HostSpec::new([5_000; 8], Bytes::mib(31_298))
    };
    Host::new(spec).unwrap()
}

/// The seven tasks of the original's tests: CPUs, work, ceiling.
const MIX: [(u32, u64, u64); 7] = [
    (2, 8_000, 8_000),
    (1, 4_000, 4_000),
    (2, 9_000, 10_000),
    (2, 9_000, 10_000),
    (1, 2_000, 2_000),
    (1, 6_000, 5_000),
    (1, 4_000, 5_000),
];

fn mixed(placement: Placement) -> f64 {
    let mut host = eight(placement);
    for (number, (cpus, work, ceiling)) in (0..).zip(MIX) {
        submit_on(&mut host, number, cpus, work, ceiling);
    }
    host.utilisation().ratio()
}

#[test]
fn one_cpu_is_used_as_far_as_it_is_demanded() {
    let mut host = roomy(&[4_000], Bytes::ZERO);
    submit(&mut host, 1, 3_000);
    assert_eq!(host.utilisation().ratio(), 0.75);

    let mut host = roomy(&[4_000], Bytes::ZERO);
    submit(&mut host, 1, 2_000);
    submit(&mut host, 2, 2_000);
    assert_eq!(host.utilisation().ratio(), 1.0);
    assert_eq!(grants(&host), [2_000, 2_000]);
}

#[test]
fn two_that_want_too_much_share_and_the_one_that_stays_expands() {
    let mut host = roomy(&[4_000], Bytes::ZERO);
    submit(&mut host, 1, 3_000);
    submit(&mut host, 2, 3_000);
    assert_eq!(grants(&host), [2_000, 2_000]);
    assert_eq!(host.utilisation().ratio(), 1.0);
    // Both have less than they demand, but not yet for long.
    assert!(host.starving(START).is_empty());
    assert!(host.tasks().all(|task| task.short_since == Some(START)));

    host.remove(id(1), START);
    assert_eq!(grants(&host), [3_000]);
    assert_eq!(host.utilisation().ratio(), 0.75);
    assert!(host.tasks().all(|task| task.short_since.is_none()));
}

#[test]
fn a_grant_is_the_work_up_to_the_ceiling() {
    let mut host = eight(Placement::RoundRobin);
    submit_on(&mut host, 1, 1, 2_500, 4_000);
    assert_eq!(host.utilisation().ratio(), 0.0625);

    let mut host = eight(Placement::RoundRobin);
    submit_on(&mut host, 1, 1, 4_500, 4_000);
    assert_eq!(host.utilisation().ratio(), 0.1);
}

#[test]
fn a_task_on_two_cpus_uses_both_alike() {
    let mut host = eight(Placement::RoundRobin);
    submit_on(&mut host, 1, 2, 7_412, 7_500);
    assert_eq!(host.utilisation().ratio(), 0.1853);
    for cpu in [0, 1].map(CpuId::new) {
        assert_eq!(host.cpu_utilisation(cpu).unwrap().ratio(), 0.7412);
    }
    assert_eq!(host.sharers(CpuId::new(2)).count(), 0);
    assert_eq!(host.progress(id(1)).unwrap().cpus, [0, 1].map(CpuId::new));
}

#[test]
fn seven_tasks_use_85_per_cent_in_turn_and_90_by_load() {
    assert_eq!(mixed(Placement::RoundRobin), 0.85);
    assert_eq!(mixed(Placement::LeastLoaded), 0.9);
}

#[test]
fn admission_goes_to_one_and_a_half_times_and_no_further() {
    let mut host = eight(Placement::LeastLoaded);
    let [a, b, c] = [1, 2, 3].map(EntityId::new);
    host.provision(a, 40_000, START).unwrap();
    host.provision(b, 20_000, START).unwrap();
    let (used, total) = (60_000, 60_000);
    assert_eq!(host.provisioned(), Utilisation { used, total });
    let refused = ProvisionError::NoRoom {
        asked: 500,
        room: 0,
    };
    assert_eq!(host.provision(c, 500, START), Err(refused));
    assert_eq!(host.ceiling(c), None);

    // What is given back can be given again.
    assert_eq!(host.deprovision(b), Ok(20_000));
    assert_eq!(host.provision(c, 500, START), Ok(()));
    let room = 19_500;
    let asked = 20_000;
    let refused = ProvisionError::NoRoom { asked, room };
    assert_eq!(host.provision(b, asked, START), Err(refused));
    assert_eq!(host.provision(b, room, START), Ok(()));
}
