//! First placing and repair: vCPUs that have no seat get one, the others stay.
//!
//! Source: longest processing time first (Graham 1969): at most 4/3 - 1/(3m) times the best peak
//! when every vCPU is placed from scratch.

use super::Moves;
use super::board::{Board, Seat};

/// Seats every vCPU that is pinned where it cannot run.
pub(super) fn repair(board: &Board<'_>, moves: &mut Moves) {
    let lost = |player: usize| board.players[player].seat == Seat::Lost;
    seat_all(
        board,
        moves,
        &lost,
        "nothing that it was pinned to is usable",
    );
}

/// Seats every vCPU that floats.
pub(super) fn settle(board: &Board<'_>, moves: &mut Moves) {
    let floating = |player: usize| board.players[player].seat == Seat::Floating;
    seat_all(board, moves, &floating, "first placing");
}

fn seat_all(board: &Board<'_>, moves: &mut Moves, which: &dyn Fn(usize) -> bool, reason: &str) {
    let mut waiting: Vec<usize> = (0..board.players.len())
        .filter(|&player| which(player) && !board.players[player].allowed.is_empty())
        .collect();
    if waiting.is_empty() {
        return;
    }
    for &player in &waiting {
        moves.seats[player] = Seat::Lost;
    }
    let mut loads = board.loads(&moves.seats);
    waiting.sort_by(|&a, &b| {
        let estimate = |player: usize| board.players[player].vcpu.estimate;
        estimate(b).total_cmp(&estimate(a)).then(a.cmp(&b))
    });
    for player in waiting {
        let place = least_loaded(board, player, &loads);
        loads[place] += board.players[player].vcpu.estimate;
        let id = board.pcpus[place].sample.id;
        moves.seat(
            player,
            place,
            format!("{reason}: {id} is the least loaded it may use"),
        );
    }
}

/// The least loaded place that a vCPU may take; among equals one whose sibling threads are idle,
/// then one on the node where it was, then the lowest number.
fn least_loaded(board: &Board<'_>, player: usize, loads: &[f64]) -> usize {
    let sample = |place: usize| &board.pcpus[place].sample;
    let siblings = |place: usize| {
        let same = |other: &usize| *other != place && sample(*other).core == sample(place).core;
        (0..loads.len())
            .filter(same)
            .map(|other| loads[other])
            .sum::<f64>()
    };
    let home = board
        .last_seen(&board.players[player])
        .map(|place| sample(place).node);
    let key = |place: usize| {
        let load = loads[place] / sample(place).speed;
        (
            load,
            siblings(place),
            home.is_some_and(|node| node != sample(place).node),
            place,
        )
    };
    let order = |a: &usize, b: &usize| {
        let (a, b) = (key(*a), key(*b));
        a.0.total_cmp(&b.0)
            .then(a.1.total_cmp(&b.1))
            .then(a.2.cmp(&b.2))
            .then(a.3.cmp(&b.3))
    };
    let allowed = &board.players[player].allowed;
    *allowed
        .iter()
        .min_by(|a, b| order(a, b))
        .expect("a vCPU without a place is never waiting")
}
