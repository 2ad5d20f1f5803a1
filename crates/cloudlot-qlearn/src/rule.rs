//! The rules of learning, as data.

use serde::{Deserialize, Serialize};

/// How an eligibility trace grows when its cell is visited again.
///
/// A trace is counted in parts of the step size that the visit had: with one that shrinks, what a
/// new cell finds out moves a well-known one only a little.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trace {
    /// By one.
    Accumulating,
    /// To one.
    #[default]
    Replacing,
    /// To one by the step size: `1 + (1 − α) · trace`.
    ///
    /// Source: van Seijen and Sutton (2014).
    Dutch,
}

/// What policy a tree backup values.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// The one that always takes the best action.
    #[default]
    Greedy,
    /// The one that acts, with its exploration.
    Exploring,
}

/// How a value learns from experience.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Rule {
    /// From the best action that is allowed next. Source: Watkins (1989).
    #[default]
    QLearning,
    /// One table names the best next action, the other values it, so that chance is not mistaken
    /// for worth. Source: van Hasselt (2010).
    DoubleQ,
    /// From the action that is taken next. Source: Rummery and Niranjan (1994).
    Sarsa,
    /// From the mean over what the exploring policy may do next. Source: van Seijen et al. (2009).
    ExpectedSarsa,
    /// From the next `steps` rewards and the action after them; fewer where the episode ends, or
    /// where a step does not begin where the last one led.
    /// Source: Sutton and Barto, 2nd edition, section 7.2.
    NStepSarsa {
        /// At least one.
        steps: u32,
    },
    /// From the next `steps` rewards, as far as the target would have gone along; from there on
    /// its values stand for them.
    /// Source: Precup, Sutton, Singh (2000).
    TreeBackup {
        /// At least one.
        steps: u32,
        /// Whose value is learned.
        target: Target,
    },
    /// Q-learning that tells earlier steps, back to the last exploration. Source: Watkins (1989).
    WatkinsLambda {
        /// What a trace keeps from step to step beside the discount, in [0, 1].
        lambda: f64,
        /// How a trace grows.
        trace: Trace,
    },
    /// SARSA that tells earlier steps. Source: Rummery and Niranjan (1994).
    SarsaLambda {
        /// What a trace keeps from step to step beside the discount, in [0, 1].
        lambda: f64,
        /// How a trace grows.
        trace: Trace,
    },
}

impl Rule {
    /// Whether a transition must name the next action.
    #[must_use]
    #[inline]
    pub const fn needs_next_action(&self) -> bool {
        matches!(
            self,
            Self::Sarsa
                | Self::NStepSarsa { .. }
                | Self::SarsaLambda { .. }
                | Self::WatkinsLambda { .. }
        )
    }
}
