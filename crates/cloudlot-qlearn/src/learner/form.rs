//! Learners in a checkpoint: what is written, and what is believed of it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::memory::Memory;
use super::traces::Traces;
use super::window::Window;
use super::{Config, Learner};
use crate::checkpoint::{CheckpointError, Persist, Save};
use crate::{End, Rule};

/// The most steps that a learner counts to: beyond them real numbers could not tell them apart.
pub(crate) const STEPS_MAX: u64 = 1 << 53;

/// A learner as it is written. The exploration rate follows from the schedule and the steps.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LearnerForm<T, S> {
    config: Config,
    steps: u64,
    episodes: u64,
    values: T,
    twin: Option<T>,
    memory: Memory<S>,
}

impl<V: Persist> Save for Learner<V> {
    type Form = LearnerForm<V::Form, V::State>;

    fn form(&self) -> Self::Form {
        LearnerForm {
            config: self.config,
            steps: self.steps,
            episodes: self.episodes,
            values: self.values.form(),
            twin: self.twin.as_ref().map(Persist::form),
            memory: self.memory.clone(),
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
        let mut learner = Self::over(form.config, values, twin);
        learner.steps = form.steps;
        learner.episodes = form.episodes;
        learner.memory = form.memory;
        learner.reschedule();
        learner.check_memory()?;
        Ok(learner)
    }
}

impl<V: Persist> Learner<V> {
    /// Whether the rule could have kept that in mind.
    fn check_memory(&self) -> Result<(), CheckpointError> {
        let kept = match (&self.memory, self.config.rule) {
            (
                Memory::Nothing,
                Rule::QLearning | Rule::DoubleQ | Rule::Sarsa | Rule::ExpectedSarsa,
            ) => true,
            (
                Memory::Window(window),
                Rule::NStepSarsa { steps } | Rule::TreeBackup { steps, .. },
            ) => self.could_wait(window, steps),
            (Memory::Traces(traces), Rule::WatkinsLambda { .. } | Rule::SarsaLambda { .. }) => {
                self.could_trace(traces)
            }
            _ => false,
        };
        let fault = "such a memory of the steps before";
        kept.then_some(()).ok_or(CheckpointError::Impossible(fault))
    }

    /// Fewer steps than make a return, each where the one before it led.
    fn could_wait(&self, window: &Window<V::State>, length: u32) -> bool {
        let steps = &window.steps;
        let joined = steps.iter().zip(steps.iter().skip(1));
        steps.len() < length as usize
            && joined.into_iter().all(|(a, b)| a.step.next == b.step.state)
            && steps.iter().all(|past| {
                past.step.end == End::Running
                    && self.check(&past.step).is_ok()
                    && past.discount.to_bits() == self.discount(&past.step).to_bits()
            })
    }

    /// Each cell once, and only behind a step that was announced.
    fn could_trace(&self, traces: &Traces<V::State>) -> bool {
        let cells: BTreeSet<usize> = traces.active.iter().map(|(cell, _)| *cell).collect();
        let known = cells
            .last()
            .is_none_or(|last| *last < self.values.cell_count());
        let announced = match traces.announced {
            Some((state, next)) => {
                self.values.contains(state) && next.is_some_and(|next| self.all.allows(next))
            }
            None => traces.active.is_empty(),
        };
        known
            && announced
            && cells.len() == traces.active.len()
            && traces.active.iter().all(|(_, trace)| trace.is_finite())
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
