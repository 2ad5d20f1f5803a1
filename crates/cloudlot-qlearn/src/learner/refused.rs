//! Why a question or a transition is refused.

/// A decision or an observation that cannot be; nothing was changed.
#[derive(Clone, Copy, PartialEq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// The table has no such state.
    #[error("the table does not contain the state")]
    State,
    /// The table does not contain the next state.
    #[error("the table does not contain the next state")]
    Next,
    /// No action of the table is allowed.
    #[error("no action is allowed")]
    NoAction,
    /// No action of the table is allowed in the next state, and the episode has not terminated.
    #[error("no action is allowed in the next state")]
    NoNextAction,
    /// An action that is not in the state's mask, or not in the table.
    #[error("action {0} is not allowed")]
    Action(u16),
    /// The rule learns from the next action, and it is missing or not allowed.
    #[error("the rule needs the next action, and {}", match .0 {
        None => "none is given".to_owned(),
        Some(action) => format!("action {action} is not allowed there"),
    })]
    NextAction(Option<u16>),
    /// A reward that is not finite, or beyond belief.
    #[error("the reward is {0}")]
    Reward(f64),
    /// A probability outside (0, 1].
    #[error("the probability of the action is {0}")]
    Probability(f64),
    /// A duration that is not above zero, or not finite.
    #[error("the step took {0}")]
    Duration(f64),
    /// The update would leave the numbers: the approximation diverges.
    #[error("the values diverge: an update by {0}")]
    Diverged(f64),
    /// The caller's slice has not one place for every action.
    #[error("{0} places for the probabilities of the actions")]
    Room(usize),
}
