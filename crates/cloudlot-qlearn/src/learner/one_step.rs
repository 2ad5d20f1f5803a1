//! What every observation goes through, and the rules that learn from a single step.

use super::{Config, Learner, Refused, Update, look_at};
use crate::explore::Row;
use crate::values::Values;
use crate::{ACTIONS_MAX, End, Mask, Rule, Transition};

impl<V: Values> Learner<V> {
    /// Shows a row with those actions that are allowed and known.
    #[inline]
    pub(crate) fn look<T>(
        &self,
        state: V::State,
        mask: Mask,
        look: impl FnOnce(Row<'_>) -> T,
    ) -> Result<T, Refused> {
        look_at(
            &self.values,
            self.twin.as_ref(),
            self.all,
            state,
            mask,
            look,
        )
    }

    /// Whether a transition can be learned from by the rule.
    pub(crate) fn check(&self, step: &Transition<V::State>) -> Result<(), Refused> {
        self.check_once(step)?;
        if step.end != End::Terminated
            && self.config.rule.needs_next_action()
            && !step
                .next_action
                .is_some_and(|next| step.next_mask.and(self.all).allows(next))
        {
            return Err(Refused::NextAction(step.next_action.map(|next| next.0)));
        }
        Ok(())
    }

    /// Whether a transition can be learned from at all, the next action aside.
    pub(super) fn check_once(&self, step: &Transition<V::State>) -> Result<(), Refused> {
        if !self.values.contains(step.state) {
            return Err(Refused::State);
        }
        if !self.values.contains(step.next) {
            return Err(Refused::Next);
        }
        if !step.mask.and(self.all).allows(step.executed) {
            return Err(Refused::Action(step.executed.0));
        }
        let believed = step.reward.abs() <= Transition::<V::State>::REWARD_MAX;
        if !believed {
            return Err(Refused::Reward(step.reward));
        }
        if !step.is_probable() {
            return Err(Refused::Probability(step.probability));
        }
        let lasts = step.dt > 0.0 && step.dt < f64::INFINITY;
        if !lasts {
            return Err(Refused::Duration(step.dt));
        }
        if step.end != End::Terminated && step.next_mask.and(self.all).is_empty() {
            return Err(Refused::NoNextAction);
        }
        Ok(())
    }

    /// What a value one step later is worth now.
    #[inline]
    pub(super) fn discount(&self, step: &Transition<V::State>) -> f64 {
        self.discount_over(step.dt)
    }

    #[inline]
    pub(super) fn q_learning(&mut self, step: &Transition<V::State>) -> Result<Update, Refused> {
        // By a branch, not by a factor of zero: what lies past the end may be anything.
        let after = if step.end == End::Terminated {
            0.0
        } else {
            self.discount(step) * self.values.best(step.next, step.next_mask.and(self.all))
        };
        self.move_towards(step, step.reward + after)
    }

    /// Moves the value of what was done towards `goal`.
    #[inline]
    pub(super) fn move_towards(
        &mut self,
        step: &Transition<V::State>,
        goal: f64,
    ) -> Result<Update, Refused> {
        move_value(&self.config, &mut self.values, step, goal)
    }

    /// Counts an observation that was accepted.
    #[inline]
    pub(super) fn count(&mut self, step: &Transition<V::State>) {
        self.steps += 1;
        self.episodes += u64::from(step.end != End::Running);
    }

    /// The last step of an episode, which is often a usual one but for that, and every other step.
    ///
    /// Cold only so that the usual step stays in one piece.
    #[cold]
    #[inline(never)]
    pub(crate) fn observe_otherwise(
        &mut self,
        step: &Transition<V::State>,
    ) -> Result<Update, Refused> {
        if step.end != End::Running
            && let Some(update) = self.values.learn_plainly(&self.plain, step)
        {
            self.count(step);
            return Ok(update);
        }
        self.observe_in_general(step)
    }

    /// Every rule and every step, out of the way of the usual step of the plain rule.
    #[inline(never)]
    pub(super) fn observe_in_general(
        &mut self,
        step: &Transition<V::State>,
    ) -> Result<Update, Refused> {
        self.check(step)?;
        let update = self.observe_by_rule(step)?;
        self.count(step);
        self.reschedule();
        Ok(update)
    }

    /// Looks up the exploration rate after a step was counted.
    pub(super) fn reschedule(&mut self) {
        if !self.config.explore.is_steady() {
            self.set_rate();
        }
    }

    fn observe_by_rule(&mut self, step: &Transition<V::State>) -> Result<Update, Refused> {
        match self.config.rule {
            Rule::QLearning => self.q_learning(step),
            Rule::DoubleQ => self.double_q(step, self.toss()),
            Rule::Sarsa => self.sarsa(step),
            Rule::ExpectedSarsa => self.expected_sarsa(step),
            Rule::NStepSarsa { steps } | Rule::TreeBackup { steps, .. } => {
                self.by_window(step, steps)
            }
            Rule::WatkinsLambda { lambda, trace } => self.watkins(step, lambda, trace),
            Rule::SarsaLambda { lambda, trace } => self.sarsa_lambda(step, lambda, trace),
        }
    }

    fn sarsa(&mut self, step: &Transition<V::State>) -> Result<Update, Refused> {
        let after = match (step.end, step.next_action) {
            (End::Running | End::Truncated, Some(next)) => {
                self.discount(step) * self.values.value(step.next, next)
            }
            _ => 0.0,
        };
        self.move_towards(step, step.reward + after)
    }

    fn expected_sarsa(&mut self, step: &Transition<V::State>) -> Result<Update, Refused> {
        let after = if step.end == End::Terminated {
            0.0
        } else {
            self.discount(step) * self.expected(step.next, step.next_mask)?
        };
        self.move_towards(step, step.reward + after)
    }

    /// The mean value of a state under the exploring policy.
    pub(super) fn expected(&self, state: V::State, mask: Mask) -> Result<f64, Refused> {
        let mut chance = [0.0; ACTIONS_MAX];
        self.look(state, mask, |row| {
            let chance = &mut chance[..row.values.len()];
            self.config.explore.distribution(row, self.rate, chance);
            chance.iter().zip(row.values).map(|(p, q)| p * q).sum()
        })
    }
}

/// Whether a value can move by `td_error` and stay a number, and so can the cells that share it.
///
/// Rewards are below 10¹⁵⁰ in size, and so are their sums for a lifetime. What lies far beyond has
/// diverged, and is stopped while there is still room above.
#[inline]
pub(super) fn is_credible(td_error: f64) -> bool {
    td_error.abs() <= 1e300
}

/// Moves the value of what was done in a table towards `goal`.
#[inline]
pub(super) fn move_value<V: Values>(
    config: &Config,
    values: &mut V,
    step: &Transition<V::State>,
    goal: f64,
) -> Result<Update, Refused> {
    let td_error = goal - values.value(step.state, step.executed);
    if !is_credible(td_error) {
        return Err(Refused::Diverged(td_error));
    }
    let visits = values.visit(step.state, step.executed);
    let step_size = config.step_size.at(visits, config.discount);
    values.add(step.state, step.executed, step_size * td_error);
    Ok(Update {
        td_error,
        step_size,
        visits,
    })
}
