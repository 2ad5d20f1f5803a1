//! Which action to take: the best one, or another for the sake of learning.
//!
//! Works on one row of values and visits. Every way of choosing exists twice on purpose: as a
//! draw, and as the probabilities of what the draw may give; tests hold them against each other.

mod draw;
mod odds;
mod peak;

pub(crate) use odds::Odds;
pub(crate) use peak::Peak;

use rand::Rng;
use serde::{Deserialize, Serialize};

use self::draw::{
    boltzmann, boltzmann_total, boltzmann_weight, epsilon_greedy, greedy, spread, ucb, ucb_score,
};
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
        action: peak.lowest(),
        reason: Reason::Greedy,
        probability: 1.0,
        gap: peak.gap(),
    }
}
