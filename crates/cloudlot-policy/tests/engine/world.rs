//! Small worlds.

use cloudlot_core::ledger::Ledger;
use cloudlot_core::{Request, RequestBuilder, Resource, Timestamp, cores, gib};
use cloudlot_policy::engine::{Allocator, Engine, Outcome};
use std::time::Duration;

pub(crate) fn at(seconds: u64) -> Timestamp {
    Timestamp::ZERO + Duration::from_secs(seconds)
}

/// An engine on nodes `n0`, `n1`, … with so many cores and four times as many GiB each.
pub(crate) fn engine(allocator: Allocator, cores_each: &[u64]) -> Engine {
    let mut engine = Engine::new(Ledger::new(), allocator);
    for (n, count) in cores_each.iter().enumerate() {
        let node = Resource::node(format!("n{n}")).capacity([cores(*count), gib(4 * count)]);
        engine.add(&node, at(0)).unwrap();
    }
    engine
}

/// A request of one piece that nobody has to confirm soon.
pub(crate) fn job(name: &str, owner: &str, count: u64) -> RequestBuilder {
    Request::new(name)
        .owner(owner)
        .part([cores(count)])
        .hold_for(Duration::from_secs(1_000_000))
}

/// Submits a request and says its number.
pub(crate) fn submit(engine: &mut Engine, job: RequestBuilder, seconds: u64) -> u64 {
    engine
        .submit(job.build().unwrap(), at(seconds))
        .unwrap()
        .number()
}

/// Takes a step, and says the numbers of those who were granted, in order.
pub(crate) fn step(engine: &mut Engine, seconds: u64) -> Vec<u64> {
    let report = engine.step(at(seconds));
    report
        .granted
        .iter()
        .map(|(ticket, _)| ticket.number())
        .collect()
}

/// Takes as much as is asked, at once.
pub(crate) fn take(engine: &mut Engine, job: RequestBuilder) -> cloudlot_core::ledger::Grant {
    match engine.place(&job.build().unwrap(), at(0)) {
        Outcome::Granted(grant) => grant,
        Outcome::Preempted(made) => made.grant,
        Outcome::Refused(no) => panic!("{}", no.why),
    }
}
