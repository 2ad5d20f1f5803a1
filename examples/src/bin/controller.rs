//! A controller of its own: a render farm that places frames on its own type of machine, with its own order and its own
//! score, and says why a frame waits.

use cloudlot_core::ledger::Ledger;
use cloudlot_core::{Faults, Request, Resource, ResourceId, Timestamp, cores, gib};
use cloudlot_policy::engine::{Allocator, AsResource, Engine};
use cloudlot_policy::order::{Order, Precedence, Rank};
use cloudlot_policy::place::{Ask, Reads, SCALE, Score};
use std::time::Duration;

/// The farm's own type of node.
struct Blade {
    serial: u32,
    cores: u64,
    watts: u32,
}

impl AsResource for Blade {
    fn as_resource(&self) -> Result<Resource, Faults> {
        Resource::node(format!("blade-{}", self.serial))
            .capacity([cores(self.cores), gib(4 * self.cores)])
            .label("watts", self.watts.to_string())
            .build()
    }
}

/// The shot that is due first goes first: a request's label says when, in hours from the start.
struct DueFirst;

impl Order for DueFirst {
    fn name(&self) -> &str {
        "due-first"
    }

    fn rank(&self, request: &Request, since: Timestamp) -> Rank {
        let due = request
            .labels()
            .get("due")
            .and_then(|hours| hours.parse().ok());
        let due = due.unwrap_or(u32::MAX);
        Rank(i128::from(due) << 64 | i128::from(since.as_nanos()))
    }

    fn precedence(&self) -> Precedence {
        Precedence::Rank
    }
}

/// Machines that draw less power are better.
struct Frugal;

impl Score for Frugal {
    fn name(&self) -> &str {
        "frugal"
    }

    fn score(&self, ask: &Ask<'_>, rows: &[ResourceId], out: &mut [i64]) {
        for (on, out) in rows.iter().zip(out) {
            let blade = ask.state().resource(*on);
            let watts = blade.and_then(|blade| blade.labels().get("watts")?.parse::<i64>().ok());
            *out = SCALE - watts.unwrap_or(SCALE).clamp(0, SCALE);
        }
    }

    fn reads(&self) -> Reads {
        Reads::Description
    }
}

fn frame(shot: &str, due: u32, count: u64) -> Result<Request, Faults> {
    Request::new(shot)
        .owner("studio")
        .part([cores(count)])
        .label("due", due.to_string())
        .build()
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let at = |seconds| Timestamp::ZERO + Duration::from_secs(seconds);
    let allocator = Allocator::builder()
        .order(DueFirst)
        .score(Frugal, 1)
        .build();
    let mut engine = Engine::new(Ledger::new(), allocator);
    for (serial, count, watts) in [(1, 16, 700), (2, 8, 250), (3, 8, 300)] {
        engine.add(
            &Blade {
                serial,
                cores: count,
                watts,
            },
            at(0),
        )?;
    }

    println!("{}", engine.explain(&frame("storm", 9, 8)?, at(0)));
    for (shot, due, count) in [
        ("storm", 9, 8),
        ("chase", 2, 12),
        ("sunrise", 5, 8),
        ("finale", 1, 8),
    ] {
        engine.submit(frame(shot, due, count)?, at(0))?;
    }
    let names: Vec<String> = engine
        .waiting()
        .map(|(_, it)| it.request.name().to_owned())
        .collect();
    let report = engine.step(at(0));
    for (ticket, grant) in &report.granted {
        let reservation = engine
            .state()
            .reservation(grant.id)
            .ok_or("it was granted just now")?;
        let on = reservation
            .holds()
            .iter()
            .filter_map(|hold| engine.state().resource(hold.resource()));
        let on: Vec<&str> = on.map(Resource::name).collect();
        println!(
            "{} runs on {}",
            names[usize::try_from(ticket.number())?],
            on.join(", ")
        );
    }

    let waits: Vec<Request> = engine.waiting().map(|(_, it)| it.request.clone()).collect();
    for request in waits {
        print!("{}", engine.explain(&request, at(1)));
    }
    if let Some((_, grant)) = report.granted.first() {
        engine.confirm(grant.id, at(2))?;
        engine.release(grant.id, at(600))?; // the frame is done; nobody has to poll for the next
    }
    println!(
        "{} more at {:?}",
        engine.step(at(600)).granted.len(),
        at(600)
    );
    Ok(())
}
