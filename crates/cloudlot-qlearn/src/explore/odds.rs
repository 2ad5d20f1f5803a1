//! The short path of most decisions: ε-greedy where everything is allowed, with as few instructions as it takes.

use std::hint::select_unpredictable;

use rand::Rng;

use super::{Decision, Reason, Ties};
use crate::ActionId;
use crate::stream::{UNIT_STEPS, below, unit_steps};

/// ε-greedy over rows of which everything is allowed: what [`Explore::choose`] gives with the same
/// draws, on the short path of most decisions. What follows from ε is worked out once.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Odds {
    epsilon: f64,
    /// Of the 2⁵³ numbers that [`unit`] draws among, how many are below ε.
    below_epsilon: u64,
    /// How likely an action is that is not the best, and how likely the only best one is.
    chances: [f64; 2],
    ties: Ties,
}

impl Odds {
    pub(crate) fn new(epsilon: f64, actions: usize, ties: Ties) -> Self {
        let any = epsilon / f64::from(u32::try_from(actions).unwrap_or(u32::MAX));
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a whole number of at most 2^53, as epsilon lies in [0, 1]"
        )]
        let below_epsilon = libm::ceil(epsilon * UNIT_STEPS) as u64;
        Self {
            epsilon,
            below_epsilon,
            chances: [any, any + (1.0 - epsilon)],
            ties,
        }
    }

    #[inline(always)]
    pub(crate) fn choose<R: Rng + ?Sized>(&self, row: &[f64], rng: &mut R) -> Decision {
        if self.below_epsilon > 0 && unit_steps(rng) < self.below_epsilon {
            let drawn = below(rng, u32::try_from(row.len()).unwrap_or(u32::MAX));
            return self.explored(row, u16::try_from(drawn).unwrap_or_default());
        }
        let (lowest, value) = lowest_winner(row);
        let (action, probability) = match equals_of(self.ties, row, value) {
            1 => (lowest, self.chances[1]),
            equals => {
                let action = nth_winner(row, value, below(rng, equals));
                (action, self.chance_among(equals))
            }
        };
        Decision {
            action: ActionId(action),
            reason: Reason::Greedy,
            probability,
            gap: gap_to(row, lowest, value),
        }
    }

    /// What was drawn from all actions.
    #[inline(always)]
    fn explored(&self, row: &[f64], action: u16) -> Decision {
        let (lowest, value) = lowest_winner(row);
        let wins = match self.ties {
            Ties::Lowest => action == lowest,
            Ties::Uniform => row[usize::from(action)] == value,
        };
        let equals = equals_of(self.ties, row, value);
        Decision {
            action: ActionId(action),
            reason: Reason::Explore,
            // By a place, not by a branch: which one it is cannot be foretold.
            probability: if wins && equals > 1 {
                self.chance_among(equals)
            } else {
                self.chances[usize::from(wins)]
            },
            gap: gap_to(row, lowest, value),
        }
    }

    /// How likely one of some equally good actions is.
    fn chance_among(&self, equals: u32) -> f64 {
        self.chances[0] + (1.0 - self.epsilon) * (1.0 / f64::from(equals))
    }
}

/// The first of the highest values of a row, and the value. Rows of four to eight take one path without
/// a loop: a cup of the first four and the last four, in order, where who comes later must be higher to
/// win; so it does not matter that some may play twice.
#[inline(always)]
fn lowest_winner(row: &[f64]) -> (u16, f64) {
    if !(4..=8).contains(&row.len()) {
        return lowest_winner_elsewhere(row);
    }
    let (Some(head), Some(tail)) = (row.first_chunk::<4>(), row.last_chunk::<4>()) else {
        return lowest_winner_elsewhere(row);
    };
    let skipped = u16::try_from(row.len() - 4).unwrap_or_default();
    let [a, b, c, d] = *tail;
    let mut last = of_two((2, c), (3, d));
    if row.len() > 6 {
        last = of_two(of_two((0, a), (1, b)), last);
    }
    of_two(of_four(*head), (last.0 + skipped, last.1))
}

#[inline(always)]
fn of_four([a, b, c, d]: [f64; 4]) -> (u16, f64) {
    of_two(of_two((0, a), (1, b)), of_two((2, c), (3, d)))
}

/// Which one it is cannot be foretold, so no branch.
#[inline(always)]
fn of_two(first: (u16, f64), second: (u16, f64)) -> (u16, f64) {
    let wins = second.1 > first.1;
    (
        select_unpredictable(wins, second.0, first.0),
        select_unpredictable(wins, second.1, first.1),
    )
}

/// Cold only so that the path above stays in one piece.
#[cold]
#[inline(never)]
fn lowest_winner_elsewhere(row: &[f64]) -> (u16, f64) {
    let mut best = (0, f64::NEG_INFINITY);
    for (action, &value) in (0..).zip(row) {
        if value > best.1 {
            best = (action, value);
        }
    }
    best
}

/// How many share what is greedy: those with the highest value, or the lowest of them alone.
#[inline(always)]
fn equals_of(ties: Ties, row: &[f64], value: f64) -> u32 {
    match ties {
        Ties::Lowest => 1,
        Ties::Uniform => count_of(row, value),
    }
}

#[inline(never)]
fn count_of(row: &[f64], value: f64) -> u32 {
    row.iter().map(|&q| u32::from(q == value)).sum()
}

#[cold]
fn nth_winner(row: &[f64], value: f64, rank: u32) -> u16 {
    let winners = (0..).zip(row).filter(|&(_, &q)| q == value);
    winners
        .map(|(action, _)| action)
        .nth(rank as usize)
        .unwrap_or_default()
}

/// By how much a row's best value exceeds that of every other action.
#[inline]
fn gap_to(row: &[f64], best: u16, value: f64) -> Option<f64> {
    let others = (0..).zip(row).filter(|&(action, _)| action != best);
    others.map(|(_, &q)| value - q).reduce(f64::min)
}
