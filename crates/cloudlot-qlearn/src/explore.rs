//! Which action to take: the best one, or another for the sake of learning.
//!
//! Works on one row of values and visits. Every way of choosing exists twice on purpose: as a
//! draw, and as the probabilities of what the draw may give; tests hold them against each other.

use std::hint::select_unpredictable;

use rand::Rng;
use serde::{Deserialize, Serialize};

use crate::stream::{UNIT_STEPS, below, unit, unit_steps};
use crate::{ActionId, Mask, Schedule};

/// Who wins among equally good actions.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ties {
    /// The first one, so that the same table always gives the same answer.
    Lowest,
    /// Each with the same chance, so that a table of equal values is explored evenly.
    #[default]
    Uniform,
}

/// How actions are chosen while learning.
///
/// Optimism is not a choice of action but of the table's initial value: greedy choice over values
/// that start at the best possible return tries everything.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Explore {
    /// The best action.
    Greedy {
        /// Who wins among equals.
        ties: Ties,
    },
    /// With probability ε any allowed action, else the best one.
    EpsilonGreedy {
        /// ε, in [0, 1].
        epsilon: Schedule,
        /// Who wins among equals.
        ties: Ties,
    },
    /// An action with a probability proportional to `exp(value / temperature)`.
    Boltzmann {
        /// The temperature, above zero, in units of value.
        temperature: Schedule,
    },
    /// The best of `value + bonus · √(ln(visits of all) / visits)`; what was never done comes first.
    ///
    /// Source: Auer, Cesa-Bianchi, Fischer, UCB1 (2002).
    Ucb {
        /// In units of value; not negative.
        bonus: f64,
    },
}

impl Default for Explore {
    /// ε-greedy with ε = 0.1 and uniform ties.
    fn default() -> Self {
        Self::epsilon(0.1)
    }
}

impl Explore {
    /// ε-greedy with a constant ε and uniform ties.
    #[must_use]
    pub const fn epsilon(epsilon: f64) -> Self {
        Self::EpsilonGreedy {
            epsilon: Schedule::Constant(epsilon),
            ties: Ties::Uniform,
        }
    }

    pub(crate) fn is_legal(&self) -> bool {
        match *self {
            Self::Greedy { .. } => true,
            Self::EpsilonGreedy { epsilon, .. } => epsilon.stays_within(0.0, 1.0),
            Self::Boltzmann { temperature } => temperature.stays_within(1e-300, 1e300),
            Self::Ucb { bonus } => bonus.is_finite() && bonus >= 0.0,
        }
    }

    /// The number that the schedule gives after `steps` steps: ε, the temperature, or nothing to say.
    pub(crate) fn rate(&self, steps: u64) -> f64 {
        match self {
            Self::EpsilonGreedy { epsilon, .. } => epsilon.at(steps),
            Self::Boltzmann { temperature } => temperature.at(steps),
            Self::Greedy { .. } | Self::Ucb { .. } => 0.0,
        }
    }

    /// Whether [`Explore::rate`] ever changes.
    pub(crate) fn is_steady(&self) -> bool {
        !matches!(
            self,
            Self::EpsilonGreedy { epsilon: s, .. } | Self::Boltzmann { temperature: s }
                if !matches!(s, Schedule::Constant(_))
        )
    }
}

/// Why an action was chosen.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// It has the best value.
    Greedy,
    /// Chance asked for exploration.
    Explore,
    /// What was chosen was not safe; this is the nearest that is.
    Shield,
    /// The last change is too recent for another one.
    Cooldown,
    /// Too little is known here: the baseline acts.
    Baseline,
    /// The budget for exploration is used up.
    Budget,
    /// Learning went astray: the baseline acts until somebody resets the switch.
    Killed,
}

/// An action, with what is needed to judge it later.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct Decision {
    /// What to do.
    pub action: ActionId,
    /// Why.
    pub reason: Reason,
    /// How likely this action was in this state, in (0, 1].
    pub probability: f64,
    /// By how much the best allowed value exceeds the second best; nothing with one action.
    pub gap: Option<f64>,
}

/// The best of a row.
#[derive(Clone, Copy)]
pub(crate) struct Peak {
    pub(crate) value: f64,
    /// The best of the others; minus infinity where there are none.
    second: f64,
    /// All actions with the best value.
    winners: Mask,
}

impl Peak {
    /// Of the allowed part of `row`, which must not be empty.
    #[inline]
    pub(crate) fn of(row: &[f64], mask: Mask) -> Self {
        let mut peak = Self {
            value: f64::NEG_INFINITY,
            second: f64::NEG_INFINITY,
            winners: Mask::NONE,
        };
        let mut bit = 1;
        for &value in row {
            if mask.bits() & bit != 0 {
                let higher = value > peak.value;
                let level = value == peak.value;
                let lower = peak.value.min(value);
                peak.second = peak.second.max(lower);
                let kept = if level { peak.winners.bits() } else { 0 };
                let winners = if higher | level {
                    kept | bit
                } else {
                    peak.winners.bits()
                };
                peak.winners = Mask::from_bits(winners);
                peak.value = peak.value.max(value);
            }
            bit <<= 1;
        }
        peak
    }

    #[inline]
    fn gap(&self) -> Option<f64> {
        (self.second > f64::NEG_INFINITY).then_some(self.value - self.second)
    }

    /// The winner, and its share of the greedy probability.
    #[inline]
    fn pick<R: Rng + ?Sized>(&self, ties: Ties, rng: &mut R) -> (ActionId, f64) {
        let count = self.winners.len();
        if count > 1 && ties == Ties::Uniform {
            let rank = below(rng, count);
            let action = self.winners.nth(rank).unwrap_or_default();
            (action, 1.0 / f64::from(count))
        } else {
            (first(self.winners), 1.0)
        }
    }

    /// The share of the greedy probability that `action` has.
    #[inline]
    fn share(&self, action: ActionId, ties: Ties) -> f64 {
        match ties {
            Ties::Uniform if self.winners.allows(action) => 1.0 / f64::from(self.winners.len()),
            Ties::Lowest if first(self.winners) == action => 1.0,
            _ => 0.0,
        }
    }
}

/// The lowest action of a set that is not empty.
#[inline]
fn first(mask: Mask) -> ActionId {
    ActionId(u16::try_from(mask.bits().trailing_zeros()).unwrap_or_default())
}

/// A row as an explorer sees it.
#[derive(Clone, Copy)]
pub(crate) struct Row<'a> {
    pub(crate) values: &'a [f64],
    pub(crate) visits: &'a [u32],
    /// Not empty, and within the row.
    pub(crate) mask: Mask,
}

impl Explore {
    /// Draws an action. `rate` is [`Explore::rate`] of now.
    #[inline]
    pub(crate) fn choose<R: Rng + ?Sized>(&self, row: Row<'_>, rate: f64, rng: &mut R) -> Decision {
        match *self {
            Self::Greedy { ties } => greedy(row, ties, rng),
            Self::EpsilonGreedy { ties, .. } => epsilon_greedy(row, rate, ties, rng),
            Self::Boltzmann { .. } => boltzmann(row, rate, rng),
            Self::Ucb { bonus } => ucb(row, bonus),
        }
    }

    /// Writes the probability of every action into `out`, zero where one is not allowed.
    pub(crate) fn distribution(&self, row: Row<'_>, rate: f64, out: &mut [f64]) {
        out.fill(0.0);
        match *self {
            Self::Greedy { ties } => spread(row, 0.0, ties, out),
            Self::EpsilonGreedy { ties, .. } => spread(row, rate, ties, out),
            Self::Boltzmann { .. } => {
                let peak = Peak::of(row.values, row.mask);
                let total = boltzmann_total(row, &peak, rate);
                for action in row.mask.iter() {
                    let weight = boltzmann_weight(row.values[action.index()], &peak, rate);
                    out[action.index()] = weight / total;
                }
            }
            Self::Ucb { bonus } => out[ucb(row, bonus).action.index()] = 1.0,
        }
    }

    /// The part of `chance`, the probability of `action`, that a draw tells as exploration.
    pub(crate) fn exploring_part(
        &self,
        row: Row<'_>,
        rate: f64,
        (action, chance): (ActionId, f64),
    ) -> f64 {
        match self {
            Self::EpsilonGreedy { .. } => rate / f64::from(row.mask.len()),
            _ if Peak::of(row.values, row.mask).winners.allows(action) => 0.0,
            _ => chance,
        }
    }
}

impl Explore {
    /// Writes what the choice goes by into `out`, minus infinity where an action is not allowed.
    pub(crate) fn scores(&self, row: Row<'_>, out: &mut [f64]) {
        out.fill(f64::NEG_INFINITY);
        for action in row.mask.iter() {
            out[action.index()] = match *self {
                Self::Ucb { bonus } => ucb_score(row, bonus, action),
                _ => row.values[action.index()],
            };
        }
    }
}

/// The best action, the lowest of equals.
#[inline]
pub(crate) fn best(values: &[f64], mask: Mask) -> Decision {
    let peak = Peak::of(values, mask);
    Decision {
        action: first(peak.winners),
        reason: Reason::Greedy,
        probability: 1.0,
        gap: peak.gap(),
    }
}

#[inline]
fn greedy<R: Rng + ?Sized>(row: Row<'_>, ties: Ties, rng: &mut R) -> Decision {
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
fn epsilon_greedy<R: Rng + ?Sized>(
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

fn spread(row: Row<'_>, epsilon: f64, ties: Ties, out: &mut [f64]) {
    let peak = Peak::of(row.values, row.mask);
    let any = epsilon / f64::from(row.mask.len());
    for action in row.mask.iter() {
        out[action.index()] = any + (1.0 - epsilon) * peak.share(action, ties);
    }
}

/// Relative to the best one, so that values of any size neither overflow nor vanish altogether.
fn boltzmann_weight(value: f64, peak: &Peak, temperature: f64) -> f64 {
    libm::exp((value - peak.value) / temperature)
}

fn boltzmann_total(row: Row<'_>, peak: &Peak, temperature: f64) -> f64 {
    row.mask
        .iter()
        .map(|action| boltzmann_weight(row.values[action.index()], peak, temperature))
        .sum()
}

fn boltzmann<R: Rng + ?Sized>(row: Row<'_>, temperature: f64, rng: &mut R) -> Decision {
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
fn ucb_score(row: Row<'_>, bonus: f64, action: ActionId) -> f64 {
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

fn ucb(row: Row<'_>, bonus: f64) -> Decision {
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
