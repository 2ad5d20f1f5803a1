//! Tasks on a host: the numbers that the first CloudLot stated, what it got wrong, and the rules
//! that hold for any tasks.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod ageing;
mod defects;
mod model;
mod numbers;
mod rules;

use cloudlot_core::task::{EntityId, Host, HostSpec, Task, TaskId, TaskState, Work};
use cloudlot_core::{Bytes, Timestamp};
use std::time::Duration;

pub(crate) const START: Timestamp = Timestamp::ZERO;

pub(crate) fn id(number: u64) -> TaskId {
    TaskId::new(number)
}

pub(crate) fn seconds(count: u64) -> Timestamp {
    START + Duration::from_secs(count)
}

/// A host whose limit on ceilings does not matter.
pub(crate) fn roomy(cpus: &[u64], memory: Bytes) -> Host {
    let over_provision = 1_000_000;
    Host::new(HostSpec {
        over_provision,
        ..HostSpec::new(cpus, memory)
    })
    .unwrap()
}

/// A task of `work` MI whose entity of the same number has that as its ceiling.
pub(crate) fn submit(host: &mut Host, number: u64, work: u64) -> TaskState {
    submit_on(host, number, 1, work, work)
}

pub(crate) fn submit_on(
    host: &mut Host,
    number: u64,
    cpus: u32,
    work: u64,
    ceiling: u64,
) -> TaskState {
    let entity = EntityId::new(number);
    let now = host.now();
    host.provision(entity, ceiling, now).unwrap();
    let task = Task::new(id(number), entity, Work::mi(work));
    host.submit(Task { cpus, ..task }, now).unwrap()
}

pub(crate) fn grants(host: &Host) -> Vec<u64> {
    host.tasks().map(|task| task.grant).collect()
}

pub(crate) fn grants_on_one_cpu(demands: &[u64]) -> Vec<u64> {
    let mut host = roomy(&[4_000], Bytes::ZERO);
    for (number, demand) in (0..).zip(demands) {
        assert_eq!(submit(&mut host, number, *demand), TaskState::Running);
    }
    grants(&host)
}
