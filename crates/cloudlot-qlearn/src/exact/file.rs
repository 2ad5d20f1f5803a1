//! A model as text.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Branch, Model, ModelError};
use crate::{ActionId, StateId};

/// `[probability, next, reward, terminated]` of every outcome of an action.
type Row = Vec<(f64, u32, f64, bool)>;

/// A model as plain lists, the form it has in text; nothing is checked yet.
///
/// The names are those of the common tables of transitions: `P[state][action]` is a list of
/// `[probability, next, reward, terminated]`, and an empty list is an action that is not legal.
/// Fields that are not known are passed over.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use cloudlot_qlearn::exact::{Model, ModelFile};
/// let file: ModelFile = serde_json::from_str(
///     r#"{"P": [[[[1.0, 0, -1.0, true]]]], "initial_state_distribution": {"0": 1.0}}"#,
/// )?;
/// let model = Model::try_from(file.clone())?;
/// assert_eq!(ModelFile::from(model).transitions, file.transitions);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct ModelFile {
    /// `[probability, next, reward, terminated]` of every outcome, by state and action. The rows of
    /// terminal states are not looked at.
    #[serde(rename = "P")]
    pub transitions: Vec<Vec<Row>>,
    /// How many states there are; where it is not given, as many as have rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n_states: Option<usize>,
    /// How many actions there are; where it is not given, as many as the longest state has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n_actions: Option<usize>,
    /// How likely an episode begins in a state.
    pub initial_state_distribution: BTreeMap<u32, f64>,
    /// The states after which nothing comes.
    #[serde(default)]
    pub terminal_states: Vec<u32>,
    /// After how many steps an episode is cut short; a [`Model`] knows no such limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_episode_steps: Option<u32>,
}

impl TryFrom<ModelFile> for Model {
    type Error = ModelError;

    fn try_from(file: ModelFile) -> Result<Self, ModelError> {
        let longest = file.transitions.iter().map(Vec::len).max().unwrap_or(0);
        let actions = file.n_actions.unwrap_or(longest);
        let states = file.n_states.unwrap_or(file.transitions.len());
        let mut builder = Self::builder(
            u32::try_from(states).map_err(|_| ModelError::States { states, actions })?,
            u16::try_from(actions).map_err(|_| ModelError::Actions { actions })?,
        );
        for (state, rows) in (0..).map(StateId).zip(file.transitions) {
            for (action, row) in (0..=u16::MAX).map(ActionId).zip(rows) {
                for (probability, next, reward, terminated) in row {
                    let next = StateId(next);
                    builder.branch(
                        state,
                        action,
                        Branch {
                            probability,
                            next,
                            reward,
                            terminated,
                        },
                    );
                }
            }
        }
        for state in file.terminal_states {
            builder.terminal(StateId(state));
        }
        for (state, probability) in file.initial_state_distribution {
            builder.start(StateId(state), probability);
        }
        builder.build()
    }
}

impl From<Model> for ModelFile {
    fn from(model: Model) -> Self {
        let plain = |b: &Branch| (b.probability, b.next.0, b.reward, b.terminated);
        let row = |state, action| model.branches(state, action).iter().map(plain).collect();
        let actions = || (0..u16::MAX).map(ActionId).take(model.actions());
        let rows = |state| actions().map(|action| row(state, action)).collect();
        let is_terminal = |state: &StateId| model.is_terminal(*state);
        Self {
            transitions: model.state_ids().map(rows).collect(),
            n_states: Some(model.states()),
            n_actions: Some(model.actions()),
            initial_state_distribution: model.start().iter().map(|(s, p)| (s.0, *p)).collect(),
            terminal_states: model.state_ids().filter(is_terminal).map(|s| s.0).collect(),
            max_episode_steps: None,
        }
    }
}
