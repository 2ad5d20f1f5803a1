//! What can be had within a time limit.

use ndarray::Array1;

use super::chain::Chain;
use super::error::check_discount;
use super::{Model, Policy, SolveError};

/// The mean sum of rewards that a policy earns in the first `steps` steps, over all starts.
///
/// This is what an evaluation run of an agent measures, without its noise.
///
/// Source: Puterman, "Markov Decision Processes" (1994), section 4.2.
///
/// # Errors
///
/// A policy of another model.
pub fn evaluate_within(model: &Model, policy: &Policy, steps: u32) -> Result<f64, SolveError> {
    Ok(model.start_value(&values_within(model, policy, steps, 1.0)?))
}

/// The mean sum of discounted rewards that a policy earns in `steps` steps, from each state.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use cloudlot_qlearn::{ActionId, StateId, exact::{Model, Policy, values_within}};
/// let model = Model::builder(1, 1)
///     .goes(StateId(0), ActionId(0), 1.0, StateId(0), 1.0)
///     .start(StateId(0), 1.0)
///     .build()?;
/// let only = Policy::uniform(&model);
/// assert_eq!(values_within(&model, &only, 3, 0.5)?[0], 1.75);
/// assert_eq!(values_within(&model, &only, 0, 0.5)?[0], 0.0);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// A discount outside 0 to 1, or a policy of another model.
pub fn values_within(
    model: &Model,
    policy: &Policy,
    steps: u32,
    discount: f64,
) -> Result<Array1<f64>, SolveError> {
    check_discount(discount)?;
    let chain = Chain::new(model, policy)?;
    let worth =
        |values: &[f64], state| chain.rewards[state] + discount * chain.mean_after(state, values);
    Ok(repeat(model.states(), steps, worth))
}

/// The largest mean sum of rewards that can be earned in `steps` steps, over all starts.
///
/// The policy behind it knows how many steps are left, so no table of states alone earns more.
///
/// # Errors
///
/// None today; the result is one so that the signatures are alike.
pub fn optimum_within(model: &Model, steps: u32) -> Result<f64, SolveError> {
    Ok(model.start_value(&optimum_values_within(model, steps, 1.0)?))
}

/// The largest mean sum of discounted rewards that can be earned in `steps` steps, from each state.
///
/// Source: Bellman, "Dynamic Programming" (1957), chapter III.
///
/// # Errors
///
/// A discount outside 0 to 1.
pub fn optimum_values_within(
    model: &Model,
    steps: u32,
    discount: f64,
) -> Result<Array1<f64>, SolveError> {
    check_discount(discount)?;
    let states: Vec<_> = model.state_ids().collect();
    let worth = |values: &[f64], state: usize| {
        let actions = model.mask(states[state]).iter();
        let worths = actions.map(|action| model.backup(states[state], action, values, discount));
        worths.reduce(f64::max).unwrap_or(0.0)
    };
    Ok(repeat(model.states(), steps, worth))
}

/// Applies one backup `steps` times to zeros; fewer times where nothing changes any more.
fn repeat(states: usize, steps: u32, worth: impl Fn(&[f64], usize) -> f64) -> Array1<f64> {
    let mut values = vec![0.0; states];
    for _ in 0..steps {
        let next: Vec<f64> = (0..states).map(|state| worth(&values, state)).collect();
        if next == values {
            break;
        }
        values = next;
    }
    Array1::from_vec(values)
}
