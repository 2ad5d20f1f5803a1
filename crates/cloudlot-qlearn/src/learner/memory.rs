//! What a rule remembers from step to step, for those that learn from more than the last one.

use serde::{Deserialize, Serialize};

use super::traces::Traces;
use super::window::Window;
use crate::Rule;

/// Nothing for the rules that learn from a single step.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Memory<S> {
    #[default]
    Nothing,
    Window(Window<S>),
    Traces(Traces<S>),
}

impl<S> Memory<S> {
    /// What `rule` starts with.
    pub(crate) fn of(rule: Rule) -> Self {
        match rule {
            Rule::NStepSarsa { steps } | Rule::TreeBackup { steps, .. } => {
                Self::Window(Window::new(steps as usize))
            }
            Rule::WatkinsLambda { .. } | Rule::SarsaLambda { .. } => {
                Self::Traces(Traces::default())
            }
            Rule::QLearning | Rule::DoubleQ | Rule::Sarsa | Rule::ExpectedSarsa => Self::Nothing,
        }
    }
}
