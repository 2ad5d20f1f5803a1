//! Agents in a checkpoint.

use serde::{Deserialize, Serialize};

use super::{CheckpointError, Persist, Save, Words};
use crate::learner::{Learner, LearnerForm};
use crate::{Agent, Practice};

/// An agent as it is written.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(
    deny_unknown_fields,
    bound(
        serialize = "T: Serialize, S: Copy + Serialize",
        deserialize = "T: Deserialize<'de>, S: Copy + Ord + Deserialize<'de>"
    )
)]
pub struct AgentForm<T, S> {
    learner: LearnerForm<T, S>,
    stream: Words,
    practice: Option<Practice<S>>,
}

impl<V: Persist> Save for Agent<V> {
    type Form = AgentForm<V::Form, V::State>;

    fn form(&self) -> Self::Form {
        AgentForm {
            learner: self.learner.form(),
            stream: Words::of(&self.stream),
            practice: self.practice.clone(),
        }
    }

    fn from_form(form: Self::Form) -> Result<Self, CheckpointError> {
        Ok(Self {
            stream: form.stream.stream(0)?,
            learner: Learner::from_form(form.learner)?,
            practice: form.practice,
        })
    }
}
