//! The ledger against a naive model: random commands in small worlds, the same answers, the same state.
//!
//! After every command the ledger shows what the model counts, nothing is further above a limit than before, and a view that
//! follows shows the same. Every hundred commands the state is audited, replayed from the journal and compared. Each seed
//! plays in a world in which some sorts of commands do not occur, so that the others get far. A run that fails is cut down
//! to few commands, which the failure prints.

#![expect(
    clippy::unwrap_used,
    reason = "what the helpers unwrap is part of what is tested"
)]

use chance::Chance;
use cloudlot_core::Seeds;
use commands::{Command, Op, Shape};

mod acts;
mod ask;
mod chance;
mod commands;
mod compare;
mod legal;
mod model;
mod operators;
mod plans;
mod run;
mod shrink;

/// Commands of all tests together: a million.
const TESTS: u64 = 8;
const COMMANDS: u64 = 1_000_000 / TESTS;
/// Commands of one seed.
const LENGTH: u64 = 500;

const EVEN: &[(Op, u64)] = &[
    (Op::Add, 4),
    (Op::Update, 2),
    (Op::SetState, 3),
    (Op::Remove, 2),
    (Op::SetLimit, 2),
    (Op::LiftLimit, 1),
    (Op::Reserve, 16),
    (Op::Place, 16),
    (Op::Confirm, 12),
    (Op::Release, 6),
    (Op::ReleasePart, 4),
    (Op::Resize, 6),
    (Op::Extend, 4),
    (Op::Evict, 3),
    (Op::Advance, 4),
    (Op::Expire, 2),
    (Op::Adopt, 2),
    (Op::Draft, 5),
    (Op::Commit, 5),
    (Op::Sync, 5),
    (Op::Restore, 1),
];

const PLANS: &[(Op, u64)] = &[
    (Op::Add, 2),
    (Op::Update, 1),
    (Op::SetState, 1),
    (Op::SetLimit, 1),
    (Op::Reserve, 4),
    (Op::Confirm, 6),
    (Op::Release, 3),
    (Op::Expire, 2),
    (Op::Draft, 14),
    (Op::Commit, 14),
    (Op::Sync, 6),
    (Op::Restore, 1),
];

const SMALL: Shape = Shape {
    name: "small",
    nodes: 2,
    capacity: 8,
    amount: 4,
    parts: false,
    labels: false,
    owners: &["default"],
    keys: 0,
    journal: 1 << 16,
    ended_keys: 0,
    edges: false,
    weights: EVEN,
};

/// The commands of one seed.
fn script(shape: &Shape, seed: u64) -> Vec<Command> {
    let mut chance = Chance::new(Seeds::new(seed).stream(shape.name));
    let kept: Vec<(Op, u64)> = shape
        .weights
        .iter()
        .filter(|_| !chance.one_in(5))
        .copied()
        .collect();
    let all: u64 = kept.iter().map(|(_, weight)| weight).sum();
    let mut script: Vec<Command> = (0..shape.nodes)
        .map(|_| (Op::Add, chance.number()))
        .collect();
    while script.len() < usize::try_from(LENGTH).unwrap() && all > 0 {
        let mut draw = chance.below(all);
        let op = kept.iter().find(|(_, weight)| {
            let here = draw < *weight;
            draw = draw.wrapping_sub(*weight);
            here
        });
        script.extend(op.map(|(op, _)| (*op, chance.number())));
    }
    script
}

/// Plays many seeds in a world.
fn play(shape: &Shape) {
    for seed in 0..COMMANDS / LENGTH {
        let script = script(shape, seed);
        if let Err((_, why)) = shrink::outcome(shape, &script) {
            let (few, last) = shrink::shrink(shape, &script);
            panic!(
                "world `{}`, seed {seed}: {why}\ncut down to {} commands, {last}:\n{few:?}",
                shape.name,
                few.len()
            );
        }
    }
}

#[test]
fn a_small_world_is_as_the_model_says() {
    play(&SMALL);
}

#[test]
fn nested_owners_and_their_limits_are_as_the_model_says() {
    play(&Shape {
        name: "owners",
        owners: &["default", "org", "org/a", "org/a/ci", "org/b", "organ"],
        ..SMALL
    });
}

#[test]
fn parts_and_gangs_are_as_the_model_says() {
    play(&Shape {
        name: "parts",
        nodes: 6,
        parts: true,
        ..SMALL
    });
}

#[test]
fn labels_and_company_are_as_the_model_says() {
    play(&Shape {
        name: "labels",
        nodes: 4,
        capacity: 20,
        labels: true,
        ..SMALL
    });
}

#[test]
fn keys_and_repetitions_are_as_the_model_says() {
    play(&Shape {
        name: "keys",
        keys: 3,
        ended_keys: 2,
        journal: 8,
        ..SMALL
    });
}

#[test]
fn numbers_near_the_edge_are_as_the_model_says() {
    play(&Shape {
        name: "edges",
        nodes: 3,
        edges: true,
        owners: &["org", "org/a"],
        ..SMALL
    });
}

#[test]
fn plans_on_views_that_are_behind_are_as_the_model_says() {
    play(&Shape {
        name: "plans",
        nodes: 4,
        capacity: 12,
        parts: true,
        labels: true,
        keys: 6,
        ended_keys: 1,
        journal: 64,
        weights: PLANS,
        ..SMALL
    });
}

#[test]
fn everything_at_once_is_as_the_model_says() {
    play(&Shape {
        name: "everything",
        nodes: 8,
        capacity: 30,
        amount: 6,
        parts: true,
        labels: true,
        owners: &["default", "org", "org/a", "org/b"],
        keys: 8,
        ended_keys: 4,
        ..SMALL
    });
}
