//! Why something cannot be solved.

use thiserror::Error;

/// Why something is not a policy of a model.
#[derive(Clone, Copy, PartialEq, Debug, Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// A table of another shape than the model.
    #[error("a table of {rows} by {columns} for {states} states and {actions} actions")]
    Shape {
        /// Its rows.
        rows: usize,
        /// Its columns.
        columns: usize,
        /// The states of the model.
        states: usize,
        /// The actions of the model.
        actions: usize,
    },
    /// A number outside 0 to 1, or none at all.
    #[error("action {action} in state {state}: {probability} is not a probability")]
    Probability {
        /// Where.
        state: u32,
        /// Which action.
        action: u16,
        /// The number given.
        probability: f64,
    },
    /// An action that is not legal there, but would be done.
    #[error("action {action} is not legal in state {state}")]
    Illegal {
        /// Where.
        state: u32,
        /// Which action.
        action: u16,
    },
    /// Probabilities that are not those of one choice.
    #[error("state {state}: probabilities of actions sum to {sum}, not 1")]
    Sum {
        /// Where.
        state: u32,
        /// What they sum to.
        sum: f64,
    },
    /// No legal action has a value that is a number.
    #[error("state {state}: no legal action has a value")]
    NoValue {
        /// Where.
        state: u32,
    },
    /// A share of exploration outside 0 to 1.
    #[error("an exploration of {epsilon} is not a probability")]
    Epsilon {
        /// The number given.
        epsilon: f64,
    },
}

/// Why a model, or a policy in it, has no solution here.
#[derive(Clone, Copy, PartialEq, Debug, Error)]
#[non_exhaustive]
pub enum SolveError {
    /// A discount outside 0 to 1.
    #[error("a discount of {discount} is not from 0 to 1")]
    Discount {
        /// The number given.
        discount: f64,
    },
    /// A tolerance that is not above zero.
    #[error("a tolerance of {tolerance} is not above 0")]
    Tolerance {
        /// The number given.
        tolerance: f64,
    },
    /// Values still changed at the last sweep. With a discount of 1 they may have no limit.
    #[error(
        "values still change by {residual:e} after {sweeps} sweeps at a discount of {discount}"
    )]
    NotConverged {
        /// The discount asked for; 1 for averages.
        discount: f64,
        /// By how much they changed in the last sweep.
        residual: f64,
        /// How many sweeps were made.
        sweeps: u32,
    },
    /// Undiscounted rewards that never dry up, so that their sum is never done.
    #[error("undiscounted rewards from state {state} never come to an end")]
    Endless {
        /// One of the states from which they go on.
        state: u32,
    },
    /// An average over for ever was asked for, but episodes end.
    #[error("episodes end in state {state}: there is no long-run average")]
    Ends {
        /// Where.
        state: u32,
    },
    /// Too many states for a dense solution.
    #[error("{states} states that lead to one another, at most {most} are solved")]
    TooMany {
        /// How many.
        states: usize,
        /// How many are possible.
        most: usize,
    },
    /// The policy is none of this model.
    #[error(transparent)]
    Policy(#[from] PolicyError),
}

pub(super) fn check_discount(discount: f64) -> Result<(), SolveError> {
    if (0.0..=1.0).contains(&discount) {
        Ok(())
    } else {
        Err(SolveError::Discount { discount })
    }
}

pub(super) fn check_tolerance(tolerance: f64) -> Result<(), SolveError> {
    if tolerance.is_finite() && tolerance > 0.0 {
        Ok(())
    } else {
        Err(SolveError::Tolerance { tolerance })
    }
}
