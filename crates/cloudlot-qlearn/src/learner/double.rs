//! Double Q-learning: one table names the best next action, the other says what it is worth.

use super::{Half, Learner, Refused, Update};
use crate::explore::best;
use crate::stream::mix;
use crate::values::Values;
use crate::{End, Transition};

impl<V: Values> Learner<V> {
    /// Learns into a given half, as [`Learner::observe`] does otherwise.
    ///
    /// With any rule but [`Rule::DoubleQ`](crate::Rule::DoubleQ) there is one table, and `half` is of no account.
    ///
    /// # Errors
    /// As [`Learner::observe`].
    pub fn observe_half(
        &mut self,
        step: &Transition<V::State>,
        half: Half,
    ) -> Result<Update, Refused> {
        if self.twin.is_none() {
            return self.observe(step);
        }
        self.check(step)?;
        let update = self.double_q(step, half)?;
        self.count(step);
        self.reschedule();
        Ok(update)
    }

    /// A coin that needs no generator: strict turns would always give a world of period two the
    /// same table in the same state.
    pub(super) fn toss(&self) -> Half {
        if mix(self.steps) & 1 == 0 {
            Half::A
        } else {
            Half::B
        }
    }

    pub(super) fn double_q(
        &mut self,
        step: &Transition<V::State>,
        half: Half,
    ) -> Result<Update, Refused> {
        let discount = self.discount(step);
        let mask = step.next_mask.and(self.all);
        let Some(twin) = &mut self.twin else {
            return self.q_learning(step);
        };
        let (learning, judging) = match half {
            Half::A => (&mut self.values, &*twin),
            Half::B => (twin, &self.values),
        };
        let after = if step.end == End::Terminated {
            0.0
        } else {
            let next = learning.with_row(step.next, |values, _| best(values, mask));
            discount * judging.value(step.next, next.action)
        };
        super::one_step::move_value(&self.config, learning, step, step.reward + after)
    }
}
