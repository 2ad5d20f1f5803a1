//! Learners in a checkpoint: what is written, and what is believed of it.

use serde::{Deserialize, Serialize};

use super::{Config, Learner};
use crate::checkpoint::{CheckpointError, Persist, Save};
use crate::{Mask, Rule};

/// The most steps that a learner counts to: beyond them real numbers could not tell them apart.
pub(crate) const STEPS_MAX: u64 = 1 << 53;

/// A learner as it is written. The exploration rate follows from the schedule and the steps.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LearnerForm<T> {
    config: Config,
    steps: u64,
    episodes: u64,
    values: T,
    twin: Option<T>,
}

impl<V: Persist> Save for Learner<V> {
    type Form = LearnerForm<V::Form>;

    fn form(&self) -> Self::Form {
        LearnerForm {
            config: self.config,
            steps: self.steps,
            episodes: self.episodes,
            values: self.values.form(),
            twin: self.twin.as_ref().map(Persist::form),
        }
    }

    fn from_form(form: Self::Form) -> Result<Self, CheckpointError> {
        form.config.check()?;
        if form.episodes > form.steps || form.steps > STEPS_MAX {
            return Err(CheckpointError::Counters {
                steps: form.steps,
                episodes: form.episodes,
            });
        }
        let (values, twin) = tables::<V>(&form.config, form.values, form.twin)?;
        Ok(Self {
            all: Mask::all(values.actions()),
            rate: form.config.explore.rate(form.steps),
            config: form.config,
            values,
            twin,
            steps: form.steps,
            episodes: form.episodes,
        })
    }
}

/// The tables, two of one shape where the rule has two.
fn tables<V: Persist>(
    config: &Config,
    values: V::Form,
    twin: Option<V::Form>,
) -> Result<(V, Option<V>), CheckpointError> {
    if twin.is_some() != (config.rule == Rule::DoubleQ) {
        return Err(CheckpointError::Twin);
    }
    let table = |table| move |fault| CheckpointError::Table { table, fault };
    let values = V::restore(values).map_err(table("first"))?;
    let twin = twin.map(V::restore).transpose().map_err(table("second"))?;
    if twin.as_ref().is_some_and(|twin| !twin.same_shape(&values)) {
        return Err(CheckpointError::Twin);
    }
    Ok((values, twin))
}
