//! From names and numbers to what the learner sees, and from what it sees to what it learns.

use super::{Measured, Qcast, QcastError, Seen};
use crate::{ActionId, End, Reading, ReadingError, StepSize, Update};

/// The reading of a name.
pub(super) fn find<'a>(measured: &[Measured<'a>], name: &str) -> Result<Reading<'a>, QcastError> {
    let found = measured.iter().find(|measured| measured.name == name);
    found
        .map(|measured| measured.reading)
        .ok_or_else(|| QcastError::Missing(name.to_owned()))
}

/// The value of a name in a unit: finite and not negative.
pub(super) fn value(measured: &[Measured<'_>], name: &str, unit: &str) -> Result<f64, QcastError> {
    let Reading { value, unit: given } = find(measured, name)?;
    let axis = name.to_owned();
    if given != unit {
        return Err(QcastError::Reading(ReadingError::Unit {
            axis,
            unit: unit.to_owned(),
            given: given.chars().take(crate::NAME_MAX).collect(),
        }));
    }
    if !value.is_finite() {
        return Err(QcastError::Reading(ReadingError::NotFinite { axis, value }));
    }
    if value < 0.0 {
        return Err(QcastError::Reading(ReadingError::Below {
            axis,
            value,
            limit: 0.0,
            unit: unit.to_owned(),
        }));
    }
    Ok(value)
}

/// A count as it was measured, its fraction cut off.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "not negative and finite; what is past the range is at its end"
)]
const fn count(value: f64) -> u64 {
    value as u64
}

impl Qcast {
    pub(super) fn see(&self, measured: &[Measured<'_>]) -> Result<Seen, QcastError> {
        let count = count(value(measured, &self.config.scaled.name, "1")?);
        let change = self
            .pending
            .map_or(0, |pending| self.change(pending.decision.action));
        Ok(Seen {
            state: self.state(measured)?,
            count,
            mask: self.mask(count),
            reward: self.reward(measured, change)?,
            baseline: self.threshold(measured)?,
        })
    }

    /// Learns from the decision that waits, if one does: its reward, and what it taught.
    pub(super) fn close(
        &mut self,
        seen: &Seen,
        now: u64,
        end: End,
    ) -> Result<Option<(f64, Update)>, QcastError> {
        let Some(pending) = self.pending else {
            return Ok(None);
        };
        let decision = pending.decision;
        let mut step = decision.transition(pending.state, seen.reward, seen.state, seen.mask);
        step.end = end;
        // A clock that stood still or ran back says nothing of how long it took.
        let passed = now.saturating_sub(pending.at);
        if passed > 0 {
            step.dt = crate::schedule::real(passed) / crate::schedule::real(self.config.interval);
        }
        if let Some(adaptive) = &self.config.adaptive_step {
            let floor = adaptive.at(self.signal.agreement());
            let step_size = with_floor(self.config.learner.step_size, floor);
            self.safe.agent.learner.set_step_size(step_size)?;
        }
        let update = self.safe.observe(&step)?;
        if let Some(adaptive) = &self.config.adaptive_step {
            self.signal.watch(adaptive, update.td_error);
        }
        self.statistics
            .learned(seen.reward, &update, end != End::Running);
        Ok(Some((seen.reward, update)))
    }

    /// By how much an action changes what is scaled.
    pub(super) fn change(&self, action: ActionId) -> i64 {
        let changes = &self.config.scaled.changes;
        changes.get(action.index()).copied().unwrap_or(0)
    }

    fn threshold(&self, measured: &[Measured<'_>]) -> Result<ActionId, QcastError> {
        let rule = &self.config.baseline;
        let level = value(measured, &rule.name, &rule.unit)?;
        let wish = i64::from(level > rule.up) - i64::from(level < rule.down);
        let changes = (0..).map(ActionId).zip(&self.config.scaled.changes);
        let nearest = changes.min_by_key(|(_, change)| change.abs_diff(wish));
        Ok(nearest.map_or_else(ActionId::default, |(action, _)| action))
    }
}

/// A step size that never falls below `floor`; a constant one becomes it.
fn with_floor(step_size: StepSize, floor: f64) -> StepSize {
    match step_size {
        StepSize::Constant(_) => StepSize::Constant(floor),
        StepSize::Rescaled {
            start,
            pace,
            floor: least,
        } => StepSize::Rescaled {
            start,
            pace,
            floor: least.max(floor),
        },
        StepSize::Power {
            exponent,
            floor: least,
        } => StepSize::Power {
            exponent,
            floor: least.max(floor),
        },
    }
}
