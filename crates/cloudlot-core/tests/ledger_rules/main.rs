//! The rules of the ledger, each by the smallest example that shows it: what is granted, and what is refused.
//!
//! What holds for every sequence of commands is shown against a model in `ledger_model`.

#![expect(
    clippy::unwrap_used,
    reason = "what the helpers unwrap is part of what is tested"
)]

use cloudlot_core::ledger::{Booking, Hold, Holds, Ledger, View, audit};
use cloudlot_core::{
    Amounts, Kind, OwnerPath, Quantity, Request, RequestBuilder, ReservationId, Resource,
    ResourceId, Timestamp,
};
use std::time::Duration;

mod advance;
mod capacity;
mod drafts;
mod journal;
mod keys;
mod limits;
mod numbers;
mod order;
mod plans;
mod time;
mod tree;

/// A moment, in seconds.
fn at(seconds: u64) -> Timestamp {
    Timestamp::ZERO + secs(seconds)
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn cpu(amount: u64) -> Amounts {
    Amounts::of([(Kind::CPU, amount)])
}

fn q(amount: u64) -> Quantity {
    Quantity::new(Kind::CPU, amount)
}

fn mem(amount: u64) -> Quantity {
    Quantity::new(Kind::MEMORY, amount)
}

fn owner(path: &str) -> OwnerPath {
    path.parse().unwrap()
}

/// A resource that offers so many base units of processor time.
fn node(name: &str, amount: u64) -> Resource {
    Resource::node(name).capacity([q(amount)]).build().unwrap()
}

/// A ledger with one node.
fn one_node(amount: u64) -> (Ledger, ResourceId) {
    let mut ledger = Ledger::new();
    let id = ledger.add(node("n1", amount), at(0)).unwrap();
    (ledger, id)
}

/// A ledger with two nodes.
fn two_nodes(amount: u64) -> (Ledger, ResourceId, ResourceId) {
    let (mut ledger, first) = one_node(amount);
    let second = ledger.add(node("n2", amount), at(0)).unwrap();
    (ledger, first, second)
}

fn ask(amount: u64) -> RequestBuilder {
    Request::new("work").part([q(amount)]).hold_for(secs(30))
}

fn want(amount: u64) -> Request {
    ask(amount).build().unwrap()
}

/// Reserves and confirms, so that it stays.
fn keep(ledger: &mut Ledger, amount: u64, on: ResourceId) -> ReservationId {
    let now = ledger.now();
    let grant = ledger.reserve(&want(amount), on, now).unwrap();
    ledger.confirm(grant.id, now).unwrap();
    grant.id
}

fn hold(on: ResourceId, amount: u64) -> Holds {
    Holds::one(Hold::new(on, &cpu(amount)))
}

/// What a request would hold on one resource, as a booking.
fn booking(request: &Request, on: ResourceId, amount: u64) -> Booking {
    Booking::of(request, hold(on, amount))
}

/// Asserts that nothing is wrong, and that a copy and a replay show the same.
fn sound(ledger: &Ledger) {
    assert_eq!(audit(ledger.state()), []);
    assert_eq!(View::of(ledger).state(), ledger.state());
    let replayed = Ledger::replay(ledger.checkpoint(), &[]).unwrap();
    assert_eq!(replayed.state(), ledger.state());
    assert_eq!(replayed.next_deadline(), ledger.next_deadline());
}
