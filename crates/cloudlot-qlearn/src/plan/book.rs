//! What a planner can write its backups into: the learner's table, or the hopes.

use crate::{Counts, Learner, Refused, Values};

/// Values of the states and pairs of a counted model.
pub(super) trait Book<S> {
    /// What a state is worth.
    fn worth(&self, counts: &Counts<S>, slot: u32) -> Result<f64, Refused>;

    /// What a pair is worth.
    fn value(&self, counts: &Counts<S>, cell: u32) -> Result<f64, Refused>;

    /// Sets what a pair is worth.
    fn settle(&mut self, counts: &Counts<S>, cell: u32, goal: f64) -> Result<(), Refused>;

    /// What a value `dt` base intervals later is worth now, for 1.
    fn discount_over(&self, dt: f64) -> f64;

    /// What a pair is worth by the model: the mean over its outcomes.
    fn goal(&self, counts: &Counts<S>, cell: u32) -> Result<f64, Refused>
    where
        S: Copy,
    {
        let (mut sum, mut total) = (0.0, 0.0);
        for tally in counts.tallies(cell) {
            let after = if tally.terminated {
                0.0
            } else {
                self.discount_over(tally.dt) * self.worth(counts, tally.next)?
            };
            let weight = f64::from(tally.count);
            sum += weight * (tally.reward + after);
            total += weight;
        }
        Ok(sum / total)
    }

    /// A full backup.
    fn back_up(&mut self, counts: &Counts<S>, cell: u32) -> Result<(), Refused>
    where
        S: Copy,
    {
        let goal = self.goal(counts, cell)?;
        self.settle(counts, cell, goal)
    }
}

impl<V: Values> Book<V::State> for Learner<V> {
    fn worth(&self, counts: &Counts<V::State>, slot: u32) -> Result<f64, Refused> {
        let (state, mask) = counts.known(slot);
        self.worth(state, mask)
    }

    fn value(&self, counts: &Counts<V::State>, cell: u32) -> Result<f64, Refused> {
        let (slot, action) = counts.place(cell);
        self.value(counts.known(slot).0, action)
    }

    fn settle(&mut self, counts: &Counts<V::State>, cell: u32, goal: f64) -> Result<(), Refused> {
        let (slot, action) = counts.place(cell);
        self.settle(counts.known(slot).0, action, goal)
    }

    fn discount_over(&self, dt: f64) -> f64 {
        self.discount_over(dt)
    }
}
