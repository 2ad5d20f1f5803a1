//! The ways of choosing over any mask: ε-greedy, Boltzmann, UCB1.

use rand::Rng;

use super::peak::first;
use super::{Decision, Peak, Reason, Row, Ties};
use crate::ActionId;
use crate::stream::{below, unit};

#[inline]
pub(super) fn greedy<R: Rng + ?Sized>(row: Row<'_>, ties: Ties, rng: &mut R) -> Decision {
    let peak = Peak::of(row.values, row.mask);
    let (action, probability) = peak.pick(ties, rng);
    Decision {
        action,
        reason: Reason::Greedy,
        probability,
        gap: peak.gap(),
    }
}

#[inline]
pub(super) fn epsilon_greedy<R: Rng + ?Sized>(
    row: Row<'_>,
    epsilon: f64,
    ties: Ties,
    rng: &mut R,
) -> Decision {
    let peak = Peak::of(row.values, row.mask);
    let allowed = row.mask.len();
    let any = epsilon / f64::from(allowed);
    let gap = peak.gap();
    if epsilon > 0.0 && unit(rng) < epsilon {
        let action = row.mask.nth(below(rng, allowed)).unwrap_or_default();
        return Decision {
            action,
            reason: Reason::Explore,
            probability: any + (1.0 - epsilon) * peak.share(action, ties),
            gap,
        };
    }
    let (action, share) = peak.pick(ties, rng);
    Decision {
        action,
        reason: Reason::Greedy,
        probability: any + (1.0 - epsilon) * share,
        gap,
    }
}

pub(super) fn spread(row: Row<'_>, epsilon: f64, ties: Ties, out: &mut [f64]) {
    let peak = Peak::of(row.values, row.mask);
    let any = epsilon / f64::from(row.mask.len());
    for action in row.mask.iter() {
        out[action.index()] = any + (1.0 - epsilon) * peak.share(action, ties);
    }
}

/// Relative to the best one, so that values of any size neither overflow nor vanish altogether.
pub(super) fn boltzmann_weight(value: f64, peak: &Peak, temperature: f64) -> f64 {
    libm::exp((value - peak.value) / temperature)
}

pub(super) fn boltzmann_total(row: Row<'_>, peak: &Peak, temperature: f64) -> f64 {
    row.mask
        .iter()
        .map(|action| boltzmann_weight(row.values[action.index()], peak, temperature))
        .sum()
}

pub(super) fn boltzmann<R: Rng + ?Sized>(row: Row<'_>, temperature: f64, rng: &mut R) -> Decision {
    let peak = Peak::of(row.values, row.mask);
    let total = boltzmann_total(row, &peak, temperature);
    let mut left = unit(rng) * total;
    // Rounding may leave a crumb after the last action: then it is an action that can be chosen.
    let mut chosen = (first(peak.winners), 1.0);
    for action in row.mask.iter() {
        let weight = boltzmann_weight(row.values[action.index()], &peak, temperature);
        if weight > 0.0 {
            chosen = (action, weight);
            left -= weight;
            if left < 0.0 {
                break;
            }
        }
    }
    let (action, weight) = chosen;
    Decision {
        action,
        reason: if peak.winners.allows(action) {
            Reason::Greedy
        } else {
            Reason::Explore
        },
        probability: weight / total,
        gap: peak.gap(),
    }
}

/// The scores of UCB1; infinite where an action was never taken.
pub(super) fn ucb_score(row: Row<'_>, bonus: f64, action: ActionId) -> f64 {
    let total: u64 = row
        .mask
        .iter()
        .map(|a| u64::from(row.visits[a.index()]))
        .sum();
    let visits = row.visits[action.index()];
    if visits == 0 {
        return f64::INFINITY;
    }
    let spread = libm::log(crate::schedule::real(total)) / f64::from(visits);
    row.values[action.index()] + bonus * spread.sqrt()
}

pub(super) fn ucb(row: Row<'_>, bonus: f64) -> Decision {
    let peak = Peak::of(row.values, row.mask);
    let mut best = (first(row.mask), f64::NEG_INFINITY);
    for action in row.mask.iter() {
        let score = ucb_score(row, bonus, action);
        if score > best.1 {
            best = (action, score);
        }
    }
    Decision {
        action: best.0,
        reason: if peak.winners.allows(best.0) {
            Reason::Greedy
        } else {
            Reason::Explore
        },
        probability: 1.0,
        gap: peak.gap(),
    }
}
