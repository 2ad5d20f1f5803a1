//! What a policy is worth in each state.

use ndarray::Array1;

use super::chain::Chain;
use super::error::check_discount;
use super::{Model, Policy, SolveError};

/// The value of each state under a policy: the mean sum of discounted rewards. Terminal states are
/// worth 0.
///
/// Exact up to rounding, by elimination, for up to 2,000 states; swept for above.
/// A discount of 1 is fine where the policy comes to an end, or where no reward comes any more.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use cloudlot_qlearn::{ActionId, StateId, exact::{Model, Policy, SolveError, evaluate}};
/// let (stay, leave) = (ActionId(0), ActionId(1));
/// let model = Model::builder(1, 2)
///     .goes(StateId(0), stay, 1.0, StateId(0), -1.0)
///     .ends(StateId(0), leave, 1.0, StateId(0), -1.0)
///     .start(StateId(0), 1.0)
///     .build()?;
/// assert_eq!(evaluate(&model, &Policy::uniform(&model), 1.0)?[0], -2.0);
///
/// let forever = Policy::deterministic(&model, &[stay])?;
/// assert_eq!(evaluate(&model, &forever, 0.75)?[0], -4.0);
/// assert_eq!(evaluate(&model, &forever, 1.0), Err(SolveError::Endless { state: 0 }));
/// # Ok(())
/// # }
/// ```
///
/// Source: Puterman, "Markov Decision Processes" (1994), theorem 6.1.1.
///
/// # Errors
///
/// A discount outside 0 to 1, a policy of another model, or undiscounted rewards that never dry up.
pub fn evaluate(model: &Model, policy: &Policy, discount: f64) -> Result<Array1<f64>, SolveError> {
    check_discount(discount)?;
    let values = Chain::new(model, policy)?.values(discount)?;
    Ok(Array1::from_vec(values))
}
