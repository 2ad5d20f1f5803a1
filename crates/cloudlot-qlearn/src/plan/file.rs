//! How a planner lies in a file, and what is refused when it is read.

use serde::{Deserialize, Serialize};

use super::{Plan, PlanError, Planner, Sweep};
use crate::Counts;

/// A planner as text. The numbers that decide the future are written as bits, so that none is lost.
#[derive(Serialize, Deserialize)]
#[serde(
    deny_unknown_fields,
    bound(
        serialize = "S: Copy + Serialize",
        deserialize = "S: Copy + Ord + Deserialize<'de>"
    )
)]
pub(super) struct PlannerFile<S> {
    plan: Plan,
    counts: Counts<S>,
    /// The pairs that wait, by their place among those seen, and the bits of their priority.
    waiting: Vec<(u32, u64)>,
    /// The bits of what each state was last said to be worth.
    told: Vec<Option<u64>>,
}

impl<S: Copy> From<Planner<S>> for PlannerFile<S> {
    fn from(planner: Planner<S>) -> Self {
        let cells = planner.sweep.queue.iter();
        Self {
            waiting: cells
                .map(|(cell, urgency)| (cell, urgency.to_bits()))
                .collect(),
            told: planner.sweep.told,
            plan: planner.plan,
            counts: planner.counts,
        }
    }
}

impl<S: Copy + Ord> TryFrom<PlannerFile<S>> for Planner<S> {
    type Error = PlanError;

    fn try_from(file: PlannerFile<S>) -> Result<Self, PlanError> {
        file.plan.check()?;
        if file.told.len() > file.counts.states().len() {
            return Err(PlanError::Told(file.told.len()));
        }
        let mut sweep = Sweep {
            told: file.told,
            ..Sweep::default()
        };
        let known = file.counts.seen();
        for (cell, bits) in file.waiting {
            let urgency = f64::from_bits(bits);
            let legal = urgency > 0.0 && urgency < f64::INFINITY && !sweep.queue.contains(cell);
            if !legal || !known.contains(&cell) {
                return Err(PlanError::Waiting(cell));
            }
            sweep.queue.set(cell, urgency);
        }
        Ok(Self {
            plan: file.plan,
            counts: file.counts,
            sweep,
        })
    }
}
