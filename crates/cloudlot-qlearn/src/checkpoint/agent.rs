//! Agents in a checkpoint.

use serde::{Deserialize, Serialize};

use super::{CheckpointError, Persist, Save, Words};
use crate::Agent;
use crate::learner::{Learner, LearnerForm};

/// An agent as it is written.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgentForm<T> {
    learner: LearnerForm<T>,
    stream: Words,
}

impl<V: Persist> Save for Agent<V> {
    type Form = AgentForm<V::Form>;

    fn form(&self) -> Self::Form {
        AgentForm {
            learner: self.learner.form(),
            stream: Words::of(&self.stream),
        }
    }

    fn from_form(form: Self::Form) -> Result<Self, CheckpointError> {
        Ok(Self {
            stream: form.stream.stream(0)?,
            learner: Learner::from_form(form.learner)?,
        })
    }
}
