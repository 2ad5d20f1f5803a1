//! Long-run averages: what a step earns in a world that never ends.

use ndarray::Array1;

use super::chain::Chain;
use super::error::check_tolerance;
use super::linear::{self, DENSE_MAX};
use super::{Model, Policy, SolveError, greedy};
use crate::ActionId;

/// The best long-run average, and how to get it.
#[derive(Clone, PartialEq, Debug)]
pub struct AverageOptimum {
    /// What a step earns on average.
    pub average: f64,
    /// By how much a state is better to be in than state 0, in all.
    pub bias: Array1<f64>,
    /// The action of each state that earns it.
    pub actions: Vec<ActionId>,
    /// The average is at most this far from the best one.
    pub gap: f64,
    /// How many sweeps were made.
    pub sweeps: u32,
}

/// What a policy earns per step in the long run, over all starts. A cost is a negative reward.
///
/// Works for chains that fall into several parts, too: each part has its own average, and what
/// counts is how likely it is reached.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use cloudlot_qlearn::{ActionId, StateId, exact::{Model, Policy, average}};
/// let (low, high, act) = (StateId(0), StateId(1), ActionId(0));
/// let model = Model::builder(2, 1)
///     .goes(low, act, 0.75, low, 0.0)
///     .goes(low, act, 0.25, high, 0.0)
///     .goes(high, act, 0.5, low, -3.0)
///     .goes(high, act, 0.5, high, -3.0)
///     .start(low, 1.0)
///     .build()?;
/// assert_eq!(average(&model, &Policy::uniform(&model))?, -1.0);
/// # Ok(())
/// # }
/// ```
///
/// Source: Puterman, "Markov Decision Processes" (1994), section 8.2.
///
/// # Errors
///
/// A policy of another model, one under which episodes end, or more than 2,000 states in one part.
pub fn average(model: &Model, policy: &Policy) -> Result<f64, SolveError> {
    let chain = Chain::new(model, policy)?;
    if let Some(state) = model.state_ids().find(|state| chain.ends[state.index()]) {
        return Err(SolveError::Ends { state: state.0 });
    }
    let mut averages = vec![0.0; chain.states()];
    let mut known = vec![false; chain.states()];
    for class in closed_classes(&chain) {
        let mean = class_average(&chain, &class)?;
        for state in class {
            averages[state] = mean;
            known[state] = true;
        }
    }
    let passing: Vec<bool> = known.iter().map(|known| !known).collect();
    chain.solve(&passing, &mut averages, &vec![0.0; chain.states()], 1.0)?;
    Ok(model.start_value(&Array1::from_vec(averages)))
}

/// The largest long-run average that any policy earns, and one that earns it.
///
/// Sweeps until the bounds on the average are no more than `tolerance` apart, half of each step
/// staying put so that cycles do no harm. The average given is that of the policy found, exactly,
/// for up to 2,000 states; the middle of the bounds above.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use cloudlot_qlearn::{ActionId, StateId, exact::{Model, optimal_average}};
/// let (rest, work) = (ActionId(0), ActionId(1));
/// let (fresh, tired) = (StateId(0), StateId(1));
/// let model = Model::builder(2, 2)
///     .goes(fresh, rest, 1.0, fresh, 0.0)
///     .goes(fresh, work, 1.0, tired, 3.0)
///     .goes(tired, rest, 1.0, fresh, 0.0)
///     .goes(tired, work, 1.0, tired, 1.0)
///     .start(fresh, 1.0)
///     .build()?;
/// let best = optimal_average(&model, 1e-10, 10_000)?;
/// assert_eq!((best.average, best.actions), (1.5, vec![work, rest]));
/// # Ok(())
/// # }
/// ```
///
/// Source: White, "Dynamic Programming, Markov Chains, and the Method of Successive Approximations"
/// (1963); Puterman, "Markov Decision Processes" (1994), section 8.5.
///
/// # Errors
///
/// Episodes that end, a tolerance that is not above 0, or bounds that do not come together in
/// `sweeps_max` sweeps, as where the best average depends on where one begins.
pub fn optimal_average(
    model: &Model,
    tolerance: f64,
    sweeps_max: u32,
) -> Result<AverageOptimum, SolveError> {
    check_tolerance(tolerance)?;
    check_endless(model)?;
    let mut bias = vec![0.0; model.states()];
    let mut gap = f64::INFINITY;
    for sweeps in 1..=sweeps_max {
        let gains = gains(model, &bias);
        let low = gains.iter().copied().fold(f64::INFINITY, f64::min);
        let high = gains.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let largest = bias
            .iter()
            .fold(high.abs(), |most, value| most.max(value.abs()));
        gap = high - low;
        if gap <= tolerance.max(8.0 * f64::EPSILON * largest) {
            return optimum(model, bias, low, high, sweeps);
        }
        for (value, gain) in bias.iter_mut().zip(&gains) {
            *value += 0.5 * gain;
        }
        let origin = bias[0];
        for value in &mut bias {
            *value -= origin;
        }
    }
    let (discount, residual, sweeps) = (1.0, gap, sweeps_max);
    Err(SolveError::NotConverged {
        discount,
        residual,
        sweeps,
    })
}

fn check_endless(model: &Model) -> Result<(), SolveError> {
    for state in model.state_ids() {
        let mut branches = model
            .mask(state)
            .iter()
            .flat_map(|a| model.branches(state, a));
        if model.is_terminal(state) || branches.any(|branch| branch.terminated) {
            return Err(SolveError::Ends { state: state.0 });
        }
    }
    Ok(())
}

/// By how much the best step is better than staying, in each state.
fn gains(model: &Model, bias: &[f64]) -> Vec<f64> {
    let best = |state| {
        let actions = model.mask(state).iter();
        actions
            .map(|action| model.backup(state, action, bias, 1.0))
            .fold(f64::MIN, f64::max)
    };
    model
        .state_ids()
        .zip(bias)
        .map(|(state, value)| best(state) - value)
        .collect()
}

fn optimum(
    model: &Model,
    bias: Vec<f64>,
    low: f64,
    high: f64,
    sweeps: u32,
) -> Result<AverageOptimum, SolveError> {
    let bias = Array1::from_vec(bias);
    let q = model.action_values(&bias, 1.0);
    let rows = model.state_ids().zip(q.rows());
    let actions: Vec<_> = rows
        .map(|(state, row)| greedy(row, model.mask(state)).unwrap_or_default())
        .collect();
    let average = match average(model, &Policy::deterministic(model, &actions)?) {
        Ok(average) => average,
        Err(SolveError::TooMany { .. } | SolveError::NotConverged { .. }) => {
            f64::midpoint(low, high)
        }
        Err(other) => return Err(other),
    };
    let gap = high - low;
    Ok(AverageOptimum {
        average,
        bias,
        actions,
        gap,
        sweeps,
    })
}

/// The sets of states that are never left and in which every state leads to every other.
fn closed_classes(chain: &Chain) -> Vec<Vec<usize>> {
    let mut settled = vec![false; chain.states()];
    let mut classes = Vec::new();
    for state in 0..chain.states() {
        if settled[state] {
            continue;
        }
        let reached = chain.reached(state);
        let mut only = vec![false; chain.states()];
        only[state] = true;
        let reaching = chain.reaching(only);
        if (0..chain.states()).all(|other| !reached[other] || reaching[other]) {
            classes.push(
                (0..chain.states())
                    .filter(|other| reached[*other])
                    .collect(),
            );
        }
        // Whatever leads here belongs to the same class, or is left for ever.
        for (settled, reaching) in settled.iter_mut().zip(reaching) {
            *settled |= reaching;
        }
    }
    classes
}

fn class_average(chain: &Chain, class: &[usize]) -> Result<f64, SolveError> {
    if class.len() > DENSE_MAX {
        return Err(SolveError::TooMany {
            states: class.len(),
            most: DENSE_MAX,
        });
    }
    let mut rows = vec![vec![0.0; class.len()]; class.len()];
    for (row, state) in rows.iter_mut().zip(class) {
        for (next, probability) in chain.links(*state) {
            if let Ok(place) = class.binary_search(next) {
                row[place] += probability;
            }
        }
    }
    let weights = linear::stationary(rows);
    Ok(weights
        .iter()
        .zip(class)
        .map(|(weight, state)| weight * chain.rewards[*state])
        .sum())
}
