//! The settings of a learner.

use serde::{Deserialize, Serialize};

use crate::{Explore, Rule, StepSize};

/// What a learner does, in numbers.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How a value learns.
    pub rule: Rule,
    /// What a reward one base interval later is worth today, in [0, 1].
    pub discount: f64,
    /// How far a value moves.
    pub step_size: StepSize,
    /// How actions are chosen.
    pub explore: Explore,
}

impl Default for Config {
    /// Q-learning with a discount of 0.99, a rescaled step size and ε = 0.1.
    fn default() -> Self {
        Self {
            rule: Rule::default(),
            discount: 0.99,
            step_size: StepSize::default(),
            explore: Explore::default(),
        }
    }
}

/// A setting outside its range.
#[derive(Clone, Copy, PartialEq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// Not in [0, 1].
    #[error("the discount is {0}; it lies between 0 and 1")]
    Discount(f64),
    /// A step size that is not in (0, 1], or would be at some time.
    #[error("a step size lies above 0 and at most at 1, and {0:?} leaves that")]
    StepSize(StepSize),
    /// An ε outside [0, 1], a temperature that is not above zero, or a bonus below zero.
    #[error(
        "an epsilon lies between 0 and 1, a temperature above 0, a bonus not below 0, and {0:?} leaves that"
    )]
    Explore(Explore),
    /// A λ outside [0, 1], or a window of no steps or more than 65,536.
    #[error("a lambda lies between 0 and 1, a window has 1 to 65536 steps, and {0:?} leaves that")]
    Rule(Rule),
}

impl Config {
    /// The longest window of an n-step rule.
    pub const STEPS_MAX: u32 = 65_536;

    /// Whether every number is in its range.
    ///
    /// # Errors
    /// Names the first that is not.
    pub fn check(&self) -> Result<(), ConfigError> {
        if !(0.0..=1.0).contains(&self.discount) {
            return Err(ConfigError::Discount(self.discount));
        }
        if !self.step_size.is_legal() {
            return Err(ConfigError::StepSize(self.step_size));
        }
        if !self.explore.is_legal() {
            return Err(ConfigError::Explore(self.explore));
        }
        let legal = match self.rule {
            Rule::NStepSarsa { steps } | Rule::TreeBackup { steps, .. } => {
                (1..=Self::STEPS_MAX).contains(&steps)
            }
            Rule::WatkinsLambda { lambda, .. } | Rule::SarsaLambda { lambda, .. } => {
                (0.0..=1.0).contains(&lambda)
            }
            Rule::QLearning | Rule::DoubleQ | Rule::Sarsa | Rule::ExpectedSarsa => true,
        };
        if legal {
            Ok(())
        } else {
            Err(ConfigError::Rule(self.rule))
        }
    }
}
