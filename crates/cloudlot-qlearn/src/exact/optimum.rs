//! The best that can be done, and the best that can be done while exploring.

use ndarray::{Array1, Array2};

use super::chain::Chain;
use super::error::{check_discount, check_tolerance};
use super::linear::DENSE_MAX;
use super::{Model, Policy, PolicyError, SolveError, best_actions, greedy};
use crate::{ActionId, Mask, StateId};

/// How close to the best an action counts as one of the best, relative to values above 1.
const TIE: f64 = 1e-9;

/// How often a policy is improved after the sweeps. One or two rounds are usual.
const ROUNDS_MAX: u32 = 50;

/// The values of the best behaviour.
#[derive(Clone, PartialEq, Debug)]
pub struct Solution {
    /// What each state is worth; 0 where it is terminal.
    pub values: Array1<f64>,
    /// What each action is worth; −∞ where it is not legal, 0 where the state is terminal.
    pub q: Array2<f64>,
    /// By how much, at most, one more backup would change a value.
    pub residual: f64,
    /// How many sweeps were made.
    pub sweeps: u32,
}

/// The best values and action values of a model.
///
/// Sweeps over all states until no value changes by more than `tolerance`, then improves the greedy
/// policy by solving for its values until nothing gets better. So for up to 2,000 states the result
/// is exact up to rounding, whatever the tolerance. Above, values are as good as the sweeps: off by
/// up to `tolerance / (1 - discount)`.
///
/// With a discount of 1 the values are the limit of what can be had within ever more steps. It
/// exists where every good policy comes to an end, and where rewards dry up. Then ask for a small
/// tolerance: the improvement only helps policies that do end.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use cloudlot_qlearn::{ActionId, StateId, exact::{Model, SolveError, value_iteration}};
/// let model = Model::builder(1, 1)
///     .goes(StateId(0), ActionId(0), 1.0, StateId(0), 1.0)
///     .start(StateId(0), 1.0)
///     .build()?;
/// assert!((value_iteration(&model, 0.99, 1e-9, 10_000)?.values[0] - 100.0).abs() < 1e-12);
///
/// let refused = value_iteration(&model, 1.0, 1e-9, 10_000);
/// assert!(matches!(refused, Err(SolveError::NotConverged { sweeps: 10_000, .. })));
/// # Ok(())
/// # }
/// ```
///
/// Sources: Bellman, "Dynamic Programming" (1957); Howard, "Dynamic Programming and Markov
/// Processes" (1960), for the improvement.
///
/// # Errors
///
/// A discount outside 0 to 1, a tolerance that is not above 0, or values that still change by more
/// after `sweeps_max` sweeps.
pub fn value_iteration(
    model: &Model,
    discount: f64,
    tolerance: f64,
    sweeps_max: u32,
) -> Result<Solution, SolveError> {
    check_tolerance(tolerance)?;
    let problem = Problem {
        model,
        discount,
        epsilon: 0.0,
    };
    problem.solve(tolerance, sweeps_max)
}

/// The best values of behaviour that draws from all legal actions with probability `epsilon`.
///
/// SARSA and Expected SARSA head for these when their exploration stays. The greedy policy of
/// [`Solution::q`] with the same `epsilon` earns them.
///
/// Source: Sutton and Barto, "Reinforcement Learning" (2018), section 5.4.
///
/// # Errors
///
/// A discount or an `epsilon` outside 0 to 1, or values without a limit.
pub fn epsilon_soft_optimum(
    model: &Model,
    discount: f64,
    epsilon: f64,
) -> Result<Solution, SolveError> {
    if !(0.0..=1.0).contains(&epsilon) {
        return Err(PolicyError::Epsilon { epsilon }.into());
    }
    let problem = Problem {
        model,
        discount,
        epsilon,
    };
    problem.solve(1e-12, 1_000_000)
}

struct Problem<'a> {
    model: &'a Model,
    discount: f64,
    epsilon: f64,
}

impl Problem<'_> {
    fn solve(&self, tolerance: f64, sweeps_max: u32) -> Result<Solution, SolveError> {
        check_discount(self.discount)?;
        let (swept, sweeps) = self.sweep(tolerance, sweeps_max)?;
        let small = self.model.states() <= DENSE_MAX;
        let values = Array1::from_vec(if small { self.improve(swept) } else { swept });
        Ok(Solution {
            residual: self.residual(values.as_slice().unwrap_or_default()),
            q: self.model.action_values(&values, self.discount),
            values,
            sweeps,
        })
    }

    /// Value iteration from zeros.
    fn sweep(&self, tolerance: f64, sweeps_max: u32) -> Result<(Vec<f64>, u32), SolveError> {
        let mut values = vec![0.0; self.model.states()];
        let mut residual = f64::INFINITY;
        for sweep in 1..=sweeps_max {
            let next = self.backups(&values);
            residual = distance(&next, &values);
            values = next;
            // Rounding alone moves a value by this much.
            if residual <= tolerance.max(rounding(&values)) {
                return Ok((values, sweep));
            }
        }
        let (discount, sweeps) = (self.discount, sweeps_max);
        Err(SolveError::NotConverged {
            discount,
            residual,
            sweeps,
        })
    }

    /// Policy iteration from values that are nearly right; keeps them where it does not help.
    fn improve(&self, swept: Vec<f64>) -> Vec<f64> {
        let mut best_residual = self.residual(&swept).max(rounding(&swept));
        let (mut best, mut values) = (swept.clone(), swept);
        let mut before = None;
        for _ in 0..ROUNDS_MAX {
            let actions = self.choose(&values);
            if before.as_ref() == Some(&actions) {
                break;
            }
            let Some(solved) = self.values_of(&actions) else {
                break;
            };
            let residual = self.residual(&solved);
            if residual <= best_residual {
                best_residual = residual.max(rounding(&solved));
                best.clone_from(&solved);
            }
            values = solved;
            before = Some(actions);
        }
        best
    }

    fn values_of(&self, actions: &[ActionId]) -> Option<Vec<f64>> {
        let policy = Policy::soft(self.model, actions, self.epsilon).ok()?;
        Chain::new(self.model, &policy)
            .ok()?
            .values(self.discount)
            .ok()
    }

    /// The best action of each state. Without a discount, of equals one that leads to an end: the
    /// lowest may lead nowhere, and then its values say nothing.
    fn choose(&self, values: &[f64]) -> Vec<ActionId> {
        let q = self
            .model
            .action_values(&Array1::from(values.to_vec()), self.discount);
        let rows = || self.model.state_ids().zip(q.rows());
        let best = rows().map(|(state, row)| greedy(row, self.model.mask(state)));
        let mut actions: Vec<_> = best.map(Option::unwrap_or_default).collect();
        if self.discount == 1.0 {
            let scale = values
                .iter()
                .fold(1.0_f64, |scale, value| scale.max(value.abs()));
            let tied = rows()
                .map(|(state, row)| best_actions(row, TIE * scale).and(self.model.mask(state)));
            self.lead_to_an_end(&tied.collect::<Vec<_>>(), &mut actions);
        }
        actions
    }

    /// Chooses among `tied`, from the ends backwards, what comes nearer to an end.
    fn lead_to_an_end(&self, tied: &[Mask], actions: &mut [ActionId]) {
        let mut led: Vec<bool> = self
            .model
            .state_ids()
            .map(|s| self.model.is_terminal(s))
            .collect();
        loop {
            let closer = |state: &StateId| {
                let leads = |action: &ActionId| {
                    let mut branches = self.model.branches(*state, *action).iter();
                    branches.any(|branch| branch.terminated || led[branch.next.index()])
                };
                let action = tied[state.index()].iter().find(leads)?;
                Some((*state, action))
            };
            let open = self.model.state_ids().filter(|state| !led[state.index()]);
            let found: Vec<_> = open.filter_map(|state| closer(&state)).collect();
            if found.is_empty() {
                return;
            }
            for (state, action) in found {
                led[state.index()] = true;
                actions[state.index()] = action;
            }
        }
    }

    fn residual(&self, values: &[f64]) -> f64 {
        distance(&self.backups(values), values)
    }

    fn backups(&self, values: &[f64]) -> Vec<f64> {
        self.model
            .state_ids()
            .map(|state| self.backup(state, values))
            .collect()
    }

    fn backup(&self, state: StateId, values: &[f64]) -> f64 {
        let mask = self.model.mask(state);
        let (mut best, mut sum) = (f64::NEG_INFINITY, 0.0);
        for action in mask.iter() {
            let worth = self.model.backup(state, action, values, self.discount);
            best = best.max(worth);
            sum += worth;
        }
        if mask.is_empty() {
            0.0
        } else if self.epsilon == 0.0 {
            best
        } else {
            (1.0 - self.epsilon) * best + self.epsilon * (sum / f64::from(mask.len()))
        }
    }
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter()
        .zip(b)
        .fold(0.0, |most, (a, b)| most.max((a - b).abs()))
}

fn rounding(values: &[f64]) -> f64 {
    4.0 * f64::EPSILON
        * values
            .iter()
            .fold(0.0_f64, |most, value| most.max(value.abs()))
}
