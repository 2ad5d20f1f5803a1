//! How a planner lies in a file, and what is refused when it is read.

use serde::{Deserialize, Serialize};

use super::{Hopes, Plan, PlanError, Planner, PlannerConfig, Queue, Sweep};
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
    tries: u32,
    counts: Counts<S>,
    sweep: SweepFile,
    hope_sweep: SweepFile,
    /// The bits of the hopes.
    hopes: Vec<u64>,
    /// The bits of the lowest value found, and of what is hoped of the untried.
    range: Option<(u64, u64)>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SweepFile {
    /// The cells that wait, and the bits of their priority.
    waiting: Vec<(u32, u64)>,
    /// The bits of what each state was last said to be worth.
    told: Vec<Option<u64>>,
}

impl From<Sweep> for SweepFile {
    fn from(sweep: Sweep) -> Self {
        let cells = sweep.queue.iter();
        Self {
            waiting: cells
                .map(|(cell, urgency)| (cell, urgency.to_bits()))
                .collect(),
            told: sweep.told,
        }
    }
}

impl SweepFile {
    fn check<S: Copy>(self, counts: &Counts<S>) -> Result<Sweep, PlanError> {
        if self.told.len() > counts.slots().len() {
            return Err(PlanError::Told(self.told.len()));
        }
        let mut queue = Queue::default();
        for (cell, bits) in self.waiting {
            let urgency = f64::from_bits(bits);
            let legal = urgency > 0.0 && urgency < f64::INFINITY && !queue.contains(cell);
            if !legal || !counts.has(cell) {
                return Err(PlanError::Waiting(cell));
            }
            queue.set(cell, urgency);
        }
        Ok(Sweep {
            queue,
            told: self.told,
        })
    }
}

impl<S: Copy> From<Planner<S>> for PlannerFile<S> {
    fn from(planner: Planner<S>) -> Self {
        let range = planner.hopes.range;
        Self {
            plan: planner.config.plan,
            tries: planner.config.tries,
            counts: planner.counts,
            sweep: planner.sweep.into(),
            hope_sweep: planner.hope_sweep.into(),
            hopes: planner.hopes.values,
            range: range.map(|(lowest, height)| (lowest.to_bits(), height.to_bits())),
        }
    }
}

impl<S: Copy + Ord> TryFrom<PlannerFile<S>> for Planner<S> {
    type Error = PlanError;

    fn try_from(file: PlannerFile<S>) -> Result<Self, PlanError> {
        file.plan.check()?;
        let cells = file.counts.slots().len() * file.counts.actions();
        let finite = |bits: &u64| f64::from_bits(*bits).is_finite();
        let range = file.range.as_ref();
        if file.hopes.len() > cells
            || !file.hopes.iter().all(finite)
            || range.is_some_and(|(lowest, height)| !finite(lowest) || !finite(height))
        {
            return Err(PlanError::Hopes(file.hopes.len()));
        }
        Ok(Self {
            config: PlannerConfig {
                plan: file.plan,
                limits: file.counts.limits(),
                tries: file.tries,
            },
            sweep: file.sweep.check(&file.counts)?,
            hope_sweep: file.hope_sweep.check(&file.counts)?,
            hopes: Hopes {
                values: file.hopes,
                range: file
                    .range
                    .map(|(lowest, height)| (f64::from_bits(lowest), f64::from_bits(height))),
            },
            counts: file.counts,
        })
    }
}
