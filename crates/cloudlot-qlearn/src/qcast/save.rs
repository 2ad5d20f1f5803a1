//! A controller in a checkpoint: settings, agent and memory.

use serde::{Deserialize, Serialize};

use super::{Qcast, QcastConfig, QcastMemory};
use crate::{Agent, AgentForm, CheckpointError, DenseForm, Save, StateId};

/// A controller as it is written.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QcastForm {
    config: QcastConfig,
    agent: AgentForm<DenseForm, StateId>,
    memory: QcastMemory,
}

impl Save for Qcast {
    type Form = QcastForm;

    fn form(&self) -> QcastForm {
        QcastForm {
            config: self.config.clone(),
            agent: self.safe.agent.form(),
            memory: self.memory(),
        }
    }

    fn from_form(form: QcastForm) -> Result<Self, CheckpointError> {
        let agent = Agent::from_form(form.agent)?;
        Self::resume(form.config, agent, form.memory)
            .map_err(|_| CheckpointError::Impossible("such a controller"))
    }
}
