//! The goal `spread`: a bounded standard deviation, reached with the fewest migrations, at once.
//!
//! The search itself is [`cloudlot_policy::pack`]'s; here the board becomes its bins and items.

use super::board::{Board, Seat, deviation, mean};
use super::{Moves, PinConfig, PinHistory, trigger};
use cloudlot_policy::pack::{self, Assignment, Balance, Item};

/// The numbers of [`PinGoal::Spread`](super::PinGoal::Spread).
#[derive(Clone, Copy)]
pub(super) struct Goal {
    pub(super) points: f64,
    pub(super) slack: f64,
    pub(super) patience: u32,
    pub(super) work: u64,
}

/// Plans if it is time to; says whether the balance is bad enough to act on.
pub(super) fn plan(
    board: &Board<'_>,
    past: &PinHistory,
    config: &PinConfig,
    goal: Goal,
    moves: &mut Moves,
) -> bool {
    let loads = board.loads(&moves.seats);
    if mean(&loads) < config.idle_load {
        return false;
    }
    let floats = board
        .players
        .iter()
        .any(|player| player.seat == Seat::Floating && player.can_move());
    let spread = trigger::spread(&loads, &board.variances());
    let uneven = spread.value > goal.points / 100.0 + config.trigger_deviations * spread.deviation;
    if !(floats || uneven) {
        return false;
    }
    let lasted = past.triggered_cycles().saturating_add(1);
    let settled = board
        .players
        .iter()
        .all(|player| !player.vcpu.movable || player.vcpu.samples >= 2);
    if (settled && lasted >= config.trigger_cycles) || lasted > goal.patience {
        rearrange(board, config, goal, floats, moves);
    }
    true
}

fn rearrange(board: &Board<'_>, config: &PinConfig, goal: Goal, floats: bool, moves: &mut Moves) {
    let movable: Vec<usize> = (0..board.players.len())
        .filter(|&player| board.players[player].can_move())
        .collect();
    let Some(balance) = balance(board, &movable, &moves.seats) else {
        return;
    };
    let Some(answer) = search(board, &balance, goal, config, floats) else {
        return;
    };
    let mut seats = moves.seats.clone();
    for (&player, &place) in movable.iter().zip(&answer.bins) {
        seats[player] = Seat::Pinned(place);
    }
    let (now, then) = (board.loads(&moves.seats), board.loads(&seats));
    let (now, then) = (Loads::of(&now), Loads::of(&then));
    if !floats && !worth_it(board, config, &moves.seats, &seats, &now, &then) {
        return;
    }
    for &player in &movable {
        if let (Seat::Pinned(place), true) = (seats[player], seats[player] != moves.seats[player]) {
            let why = reason(board, player, place, &now, &then);
            moves.seat(player, place, why);
        }
    }
}

/// The best assignment, if it is worth leaving the present one for.
///
/// Where the bound is out of reach, the present one is good enough within the slack; and since
/// that is judged on noisy loads, noise must not carry it over that edge.
fn search(
    board: &Board<'_>,
    balance: &Balance,
    goal: Goal,
    config: &PinConfig,
    floats: bool,
) -> Option<Assignment> {
    let bound = |slack: f64| pack::Goal {
        spread: parts(goal.points / 100.0),
        slack: parts(slack),
    };
    let noise = trigger::spread(&board.loads(&board.seats()), &board.variances()).deviation;
    let slack = goal.slack / 100.0;
    let lenient = pack::balance(
        balance,
        bound(slack + config.trigger_deviations * noise),
        goal.work,
    );
    if lenient.moves == 0 && !floats {
        return None;
    }
    Some(if lenient.reached {
        lenient
    } else {
        pack::balance(balance, bound(slack), goal.work)
    })
}

/// Whether the fall of the spread stands out from the noise of the demands that it rests on.
fn worth_it(
    board: &Board<'_>,
    config: &PinConfig,
    from: &[Seat],
    to: &[Seat],
    now: &Loads<'_>,
    then: &Loads<'_>,
) -> bool {
    let slope = |loads: &Loads<'_>, seat: Seat| match seat {
        Seat::Pinned(place) => loads.slope(place),
        Seat::Floating | Seat::Lost => 0.0,
    };
    let players = board.players.iter().zip(from.iter().zip(to));
    let variance: f64 = players
        .map(|(player, (from, to))| {
            (slope(now, *from) - slope(then, *to)).powi(2) * player.vcpu.variance
        })
        .sum();
    now.spread - then.spread > config.trigger_deviations * variance.sqrt()
}

/// Loads with their mean and spread.
struct Loads<'a> {
    loads: &'a [f64],
    mean: f64,
    spread: f64,
}

impl<'a> Loads<'a> {
    fn of(loads: &'a [f64]) -> Self {
        Self {
            loads,
            mean: mean(loads),
            spread: deviation(loads),
        }
    }

    /// How the spread changes with the load of one place.
    fn slope(&self, place: usize) -> f64 {
        if self.spread > 0.0 {
            (self.loads[place] - self.mean) / (self.loads.len() as f64 * self.spread)
        } else {
            0.0
        }
    }
}

/// The board as bins and items: everybody who cannot move is part of a bin.
fn balance(board: &Board<'_>, movable: &[usize], seats: &[Seat]) -> Option<Balance> {
    let mut fixed = seats.to_vec();
    movable
        .iter()
        .for_each(|&player| fixed[player] = Seat::Lost);
    let base = board
        .loads(&fixed)
        .iter()
        .map(|load| parts(*load))
        .collect();
    let everywhere = board.pcpus.len();
    let item = |&player: &usize| {
        let who = &board.players[player];
        let home = match seats[player] {
            Seat::Pinned(place) => Some(place),
            Seat::Floating | Seat::Lost => board.last_seen(who),
        };
        let allowed = (who.allowed.len() < everywhere).then(|| who.allowed.clone());
        Item {
            load: parts(who.vcpu.estimate),
            home,
            allowed,
        }
    };
    Balance::new(base, movable.iter().map(item).collect()).ok()
}

/// Cores as whole parts per million, so that the search is exact.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "loads are small and not negative"
)]
fn parts(cores: f64) -> u64 {
    (cores * 1e6).round() as u64
}

fn reason(
    board: &Board<'_>,
    player: usize,
    place: usize,
    now: &Loads<'_>,
    then: &Loads<'_>,
) -> String {
    let who = &board.players[player];
    let goes = match board.last_seen(who) {
        Some(from) if from == place => "stays where it was seen".to_owned(),
        Some(from) => format!(
            "leaves {} ({:.0} %) with {:.0} %",
            board.pcpus[from].sample.id,
            now.loads[from] * 100.0,
            who.vcpu.estimate * 100.0
        ),
        None => format!("brings {:.0} %", who.vcpu.estimate * 100.0),
    };
    format!(
        "{goes}; spread {:.1} to {:.1} points",
        now.spread * 100.0,
        then.spread * 100.0
    )
}
