//! Learning without a new sample: from a model, or from what was seen before.
//!
//! Nothing here counts as a visit or a step, so that step sizes and schedules stay those of the
//! samples that were really taken.

use rand::Rng;

use super::one_step::is_credible;
use super::{Half, Learner, Refused, Update};
use crate::explore::{self, Decision, Peak, Reason, Row};
use crate::rule::Target;
use crate::stream::below;
use crate::values::Values;
use crate::{ACTIONS_MAX, ActionId, End, Mask, Rule, Transition};

impl<V: Values> Learner<V> {
    /// What a state is worth to the rule: the best allowed value, or for the rules that value what
    /// they do, the mean under the exploring policy. Of two tables their mean counts.
    ///
    /// # Errors
    /// If the state is unknown or no known action is allowed.
    pub fn worth(&self, state: V::State, mask: Mask) -> Result<f64, Refused> {
        match self.config.rule {
            Rule::Sarsa
            | Rule::ExpectedSarsa
            | Rule::NStepSarsa { .. }
            | Rule::SarsaLambda { .. }
            | Rule::TreeBackup {
                target: Target::Exploring,
                ..
            } => self.expected(state, mask),
            Rule::QLearning
            | Rule::DoubleQ
            | Rule::WatkinsLambda { .. }
            | Rule::TreeBackup {
                target: Target::Greedy,
                ..
            } => self.look(state, mask, |row| Peak::of(row.values, row.mask).value),
        }
    }

    /// What an action is worth; of two tables their mean.
    ///
    /// # Errors
    /// If the state or the action is unknown.
    pub fn value(&self, state: V::State, action: ActionId) -> Result<f64, Refused> {
        self.known(state, action)?;
        let value = self.values.value(state, action);
        Ok(match &self.twin {
            None => value,
            Some(twin) => 0.5 * value + 0.5 * twin.value(state, action),
        })
    }

    /// Chooses an action as [`Learner::decide`] does, but by other values than the table's.
    ///
    /// The gap is that of the table, and what is not the best by the table is exploration.
    pub(crate) fn decide_by<R: Rng + ?Sized>(
        &self,
        state: V::State,
        mask: Mask,
        fill: impl FnOnce(&Row<'_>, &mut [f64]),
        rng: &mut R,
    ) -> Result<Decision, Refused> {
        self.look(state, mask, |row| {
            let mut values = [0.0; ACTIONS_MAX];
            let values = &mut values[..row.values.len()];
            fill(&row, values);
            let other = Row { values, ..row };
            let mut decision = self.config.explore.choose(other, self.rate, rng);
            let best = explore::best(row.values, row.mask);
            let value = |action: ActionId| row.values[action.index()];
            if value(decision.action) < value(best.action) {
                decision.reason = Reason::Explore;
            }
            decision.gap = best.gap;
            decision
        })
    }

    /// What a value `dt` base intervals later is worth now, for 1.
    #[must_use]
    #[inline]
    pub fn discount_over(&self, dt: f64) -> f64 {
        if dt == 1.0 {
            self.config.discount
        } else {
            libm::pow(self.config.discount, dt)
        }
    }

    /// Sets the value of an action to what a model says, in both tables where there are two.
    ///
    /// This is a full backup with a step size of one; it is not counted as an update.
    ///
    /// # Errors
    /// If the state or the action is unknown or `goal` is no number or beyond belief; nothing is changed then.
    pub fn settle(&mut self, state: V::State, action: ActionId, goal: f64) -> Result<(), Refused> {
        self.known(state, action)?;
        if !is_credible(goal) {
            return Err(Refused::Diverged(goal));
        }
        for values in std::iter::once(&mut self.values).chain(&mut self.twin) {
            let delta = goal - values.value(state, action);
            values.add(state, action, delta);
        }
        Ok(())
    }

    /// Learns once more from a transition that was seen before, with the step size of now.
    ///
    /// The goal is one step away whatever the rule: [`Learner::worth`] of the next state, since the
    /// policy has changed since then. Two tables toss a coin.
    ///
    /// # Errors
    /// As [`Learner::observe`], but for the next action, which is not looked at.
    pub fn rehearse<R: Rng + ?Sized>(
        &mut self,
        step: &Transition<V::State>,
        rng: &mut R,
    ) -> Result<Update, Refused> {
        self.check_once(step)?;
        let ended = step.end == End::Terminated;
        let discount = self.discount_over(step.dt);
        let (half, after) = match &self.twin {
            _ if ended => (self.half(rng), 0.0),
            None => (Half::A, discount * self.worth(step.next, step.next_mask)?),
            Some(twin) => {
                let half = self.half(rng);
                let (learning, judging) = match half {
                    Half::A => (&self.values, twin),
                    Half::B => (twin, &self.values),
                };
                let mask = step.next_mask.and(self.all);
                let next = learning.with_row(step.next, |row, _| explore::best(row, mask));
                (half, discount * judging.value(step.next, next.action))
            }
        };
        let values = match (half, &mut self.twin) {
            (Half::B, Some(twin)) => twin,
            _ => &mut self.values,
        };
        let (state, action) = (step.state, step.executed);
        let td_error = step.reward + after - values.value(state, action);
        if !is_credible(td_error) {
            return Err(Refused::Diverged(td_error));
        }
        let visits = values.with_row(state, |_, visits| visits[action.index()]);
        let step_size = self
            .config
            .step_size
            .at(visits.max(1), self.config.discount);
        values.add(state, action, step_size * td_error);
        Ok(Update {
            td_error,
            step_size,
            visits,
        })
    }

    fn half<R: Rng + ?Sized>(&self, rng: &mut R) -> Half {
        if self.twin.is_some() && below(rng, 2) == 1 {
            Half::B
        } else {
            Half::A
        }
    }

    fn known(&self, state: V::State, action: ActionId) -> Result<(), Refused> {
        if !self.values.contains(state) {
            return Err(Refused::State);
        }
        if !self.all.allows(action) {
            return Err(Refused::Action(action.0));
        }
        Ok(())
    }
}
