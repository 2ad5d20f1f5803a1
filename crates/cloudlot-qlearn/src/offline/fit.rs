//! Action values of a target, fitted to a log: fitted Q evaluation on counts.
//!
//! Each logged pair of state and action is worth its mean reward and, discounted, what the target is
//! worth where the pair led. Pairs that were never done, and states where the
//! target does nothing, are worth what [`Fit::unseen`] says.
//!
//! Source: Le, Voloshin and Yue, "Batch Policy Learning under Constraints" (2019), with a table for
//! the regression.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use ndarray::{Array2, Array3};
use serde::{Deserialize, Serialize};

use super::bound::count;
use super::target::shape;
use super::values::ActionValues;
use super::{EvaluationError, Log, TargetPolicy};
use crate::{End, Mask, StateId};

/// How action values are fitted.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Fit {
    /// What a pair is worth that was never done; finite.
    pub unseen: f64,
    /// How many sweeps there are at most.
    pub sweeps: u32,
    /// A sweep that changes no value by more ends the fit.
    pub tolerance: f64,
}

impl Default for Fit {
    fn default() -> Self {
        Self {
            unseen: 0.0,
            sweeps: 10_000,
            tolerance: 1e-9,
        }
    }
}

/// Values that were fitted.
#[derive(Clone, PartialEq, Debug)]
pub struct Fitted {
    /// The values.
    pub values: ActionValues,
    /// How much the last sweep changed, at most; above the tolerance where the sweeps ran out.
    pub residual: f64,
    /// How many sweeps there were.
    pub sweeps: u32,
}

impl Fit {
    /// Values of `target` that hold at any time. A truncated episode would have gone on.
    ///
    /// # Errors
    /// A target for other states or actions than those of the log, an unseen worth that is not finite,
    /// or values that are too large for a number.
    pub fn stationary(&self, log: &Log, target: &TargetPolicy) -> Result<Fitted, EvaluationError> {
        let counts = self.counts(log, target)?;
        let mut values = Array2::from_elem(shape(log.header()), self.unseen);
        let (mut residual, mut sweeps) = (f64::INFINITY, 0);
        while sweeps < self.sweeps && residual > self.tolerance {
            let next = counts.sweep(&values, target, self.unseen, self.unseen);
            residual = (&next - &values)
                .iter()
                .fold(0.0, |most, by| by.abs().max(most));
            values = next;
            sweeps += 1;
        }
        let values = ActionValues::stationary(values).map_err(|_| EvaluationError::Overflow)?;
        Ok(Fitted {
            values,
            residual,
            sweeps,
        })
    }

    /// Values of `target` in episodes that are cut after `horizon` steps, one layer a step to go.
    ///
    /// # Errors
    /// As [`Fit::stationary`].
    pub fn within(
        &self,
        log: &Log,
        target: &TargetPolicy,
        horizon: NonZeroUsize,
    ) -> Result<ActionValues, EvaluationError> {
        let counts = self.counts(log, target)?;
        let (states, actions) = shape(log.header());
        let mut layers = Vec::new();
        // With no step to go nothing is earned, seen or not.
        let (mut values, mut after) = (Array2::zeros((states, actions)), 0.0);
        for _ in 0..horizon.get() {
            values = counts.sweep(&values, target, after, self.unseen);
            after = self.unseen;
            layers.extend(values.iter().copied());
        }
        let shape = (horizon.get(), states, actions);
        let layers =
            Array3::from_shape_vec(shape, layers).map_err(|_| EvaluationError::Overflow)?;
        ActionValues::by_steps_to_go(layers).map_err(|_| EvaluationError::Overflow)
    }

    fn counts(&self, log: &Log, target: &TargetPolicy) -> Result<Counts, EvaluationError> {
        if !self.unseen.is_finite() {
            return Err(EvaluationError::Unseen(self.unseen));
        }
        Counts::of(log, target)
    }
}

/// What followed each pair of state and action, counted.
struct Counts {
    pairs: BTreeMap<(StateId, usize), Pair>,
}

#[derive(Default)]
struct Pair {
    times: usize,
    reward: f64,
    /// Where it led, behind which mask, and the sum of the discounts.
    led: BTreeMap<(StateId, u64), f64>,
}

impl Counts {
    fn of(log: &Log, target: &TargetPolicy) -> Result<Self, EvaluationError> {
        if !target.fits(log) {
            return Err(EvaluationError::Shape {
                expected: shape(log.header()),
                found: target.shape(),
            });
        }
        let mut pairs = BTreeMap::<_, Pair>::new();
        for step in log.steps() {
            let pair = pairs
                .entry((step.state, step.executed.index()))
                .or_default();
            pair.times += 1;
            pair.reward += step.reward;
            if step.end != End::Terminated {
                let led = (step.next, step.next_mask.bits());
                *pair.led.entry(led).or_default() += log.header().discount_over(step.dt);
            }
        }
        Ok(Self { pairs })
    }

    /// Each pair's worth, if what follows is worth `values`, or `after` where the target does nothing.
    fn sweep(
        &self,
        values: &Array2<f64>,
        target: &TargetPolicy,
        after: f64,
        unseen: f64,
    ) -> Array2<f64> {
        let mut next = Array2::from_elem(values.dim(), unseen);
        for ((state, action), pair) in &self.pairs {
            let mut worth = pair.reward;
            for ((then, mask), discount) in &pair.led {
                let does = target.each(*then, Mask::from_bits(*mask), |action, probability| {
                    worth += discount * probability * values[(then.index(), action.index())];
                });
                if !does {
                    worth += discount * after;
                }
            }
            next[(state.index(), *action)] = worth / count(pair.times);
        }
        next
    }
}
