//! What a target would have earned where a log was made: five estimators.
//!
//! A truncated episode counts for what was logged of it, in all five alike; nothing is guessed for
//! what might have come. So target and behaviour are compared over the same time.

use serde::Serialize;

use super::bound::{Bounded, count};
use super::ratio::Ratios;
use super::target::shape;
use super::{ActionValues, Confidence, Log, TargetPolicy};
use crate::Transition;

/// How the episodes of the behaviour are turned into what the target would have earned.
#[derive(Clone, Copy, Debug)]
pub enum Estimator<'a> {
    /// Whole returns by whole weights. No bias, the widest.
    ImportanceSampling,
    /// The same, by the sum of weights rather than the number of episodes. Some bias, narrower.
    WeightedImportanceSampling,
    /// Each reward by the weight of the steps up to it. No bias, narrower than whole returns.
    PerDecision,
    /// The same, by the sum of weights at each step. Little bias, narrow: the first choice.
    WeightedPerDecision,
    /// A guess of the values, corrected step by step by what was seen. No bias where the guess comes
    /// from elsewhere, and the narrowest where it is good.
    DoublyRobust(&'a ActionValues),
}

/// What a policy earns in an episode, and how sure that is. In JSON an infinite bound is `null`.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Estimate {
    /// The estimate.
    pub value: f64,
    /// The lower bound; minus infinity where the log says too little.
    pub lower: f64,
    /// The upper bound; infinity where the log says too little.
    pub upper: f64,
    /// How many episodes of the target's own the log is worth.
    pub effective_sample_size: f64,
    /// How many episodes there are.
    pub episodes: usize,
    /// How much of what the target does in the logged steps was never done in the same state anywhere in
    /// the log, from 0 to 1. No estimator can know what that earns.
    pub unsupported: f64,
}

/// Why there is no estimate.
#[derive(Clone, Copy, PartialEq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EvaluationError {
    /// No episode to judge by.
    #[error("the log is empty")]
    Empty,
    /// Bounds need two episodes.
    #[error("{episodes} episodes say nothing of how they vary")]
    Few {
        /// How many there are.
        episodes: usize,
    },
    /// A table for other states or actions than those of the log.
    #[error("a table of {} by {} for a log of {} by {}", .found.0, .found.1, .expected.0, .expected.1)]
    Shape {
        /// States and actions of the log.
        expected: (usize, usize),
        /// States and actions of the table.
        found: (usize, usize),
    },
    /// The target does nothing that is allowed in a logged step.
    #[error("episode {episode}, step {step}: the target does nothing that is allowed there")]
    Forbidden {
        /// The episode.
        episode: usize,
        /// The step in its episode.
        step: usize,
    },
    /// A weight, or a reward by its weight, that is too large for a number.
    #[error("episode {episode}, step {step}: the weight is too large")]
    Weight {
        /// The episode.
        episode: usize,
        /// The step in its episode.
        step: usize,
    },
    /// A sum over episodes that is too large for a number.
    #[error("the sum over the episodes is too large")]
    Overflow,
    /// The target would have gone through none of the episodes.
    #[error("no episode is one that the target could have had")]
    NoWeight,
    /// An episode is longer than the values are for.
    #[error("episode {episode} has {steps} steps, the values are for {horizon}")]
    Horizon {
        /// The episode.
        episode: usize,
        /// Its steps.
        steps: usize,
        /// The steps that the values are for.
        horizon: usize,
    },
    /// No worth of what was never done.
    #[error("{0:?} for what was never done")]
    Unseen(f64),
    /// No level of confidence.
    #[error("a level of {0:?}, not in (0, 1)")]
    Level(f64),
    /// Too few replicates for the level.
    #[error("{0} replicates are too few for the level")]
    Replicates(u32),
    /// An episode gives what was said to be impossible.
    #[error("episode {episode} gives {value:?}, not in [{low:?}, {high:?}]")]
    Range {
        /// The episode.
        episode: usize,
        /// What it gives.
        value: f64,
        /// The least that was said to be possible.
        low: f64,
        /// The most.
        high: f64,
    },
}

/// A log seen with the eyes of a target: each step with its weight.
///
/// ```
/// # use cloudlot_qlearn::offline::{Confidence, Evaluation, Header, Log, TargetPolicy};
/// # use cloudlot_qlearn::{ActionId, End, Mask, StateId, Transition};
/// # use ndarray::array;
/// // One state, two actions tossed for; the second earns 1.
/// let toss = |action: u16| Transition {
///     probability: 0.5,
///     end: End::Terminated,
///     ..Transition::new(StateId(0), ActionId(action), f64::from(action), StateId(0), Mask::all(2))
/// };
/// let log = Log::new(Header::new(1, 2, 1.0)?, (0..100).map(|k| toss(k % 2)))?;
/// let target = TargetPolicy::stochastic(array![[0.1, 0.9]])?;
/// let estimate = Evaluation::new(&log, &target)?.weighted_per_decision(Confidence::default())?;
/// assert!((estimate.value - 0.9).abs() < 1e-12);
/// assert!(estimate.lower > 0.5);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Evaluation<'a> {
    log: &'a Log,
    target: &'a TargetPolicy,
    steps: Vec<Weighed>,
    /// What each episode earned, discounted.
    returns: Vec<f64>,
    effective_sample_size: f64,
    unsupported: f64,
}

/// A step as the target sees it.
#[derive(Clone, Copy, Debug)]
struct Weighed {
    /// How much likelier the target is to do this than the behaviour was.
    ratio: f64,
    /// The product of the ratios of the episode so far.
    weight: f64,
    /// The reward, discounted to the start of the episode.
    gain: f64,
}

impl<'a> Evaluation<'a> {
    /// Weighs every step of `log` for `target`.
    ///
    /// # Errors
    /// An empty log, a target for other states or actions, a step where it does
    /// nothing that is allowed, a weight that is too large for a number, or no episode with any weight.
    pub fn new(log: &'a Log, target: &'a TargetPolicy) -> Result<Self, EvaluationError> {
        if log.steps().is_empty() {
            return Err(EvaluationError::Empty);
        }
        if !target.fits(log) {
            return Err(EvaluationError::Shape {
                expected: shape(log.header()),
                found: target.shape(),
            });
        }
        let mut steps = Vec::with_capacity(log.steps().len());
        let mut returns = Vec::with_capacity(log.episodes().len());
        for (episode, logged) in log.episodes().enumerate() {
            let (mut weight, mut discount, mut earned) = (1.0, 1.0, 0.0);
            for (step, transition) in logged.iter().enumerate() {
                let ratio = ratio(target, transition)
                    .ok_or(EvaluationError::Forbidden { episode, step })?;
                weight *= ratio;
                let gain = discount * transition.reward;
                if !(weight * gain).is_finite() || !weight.is_finite() {
                    return Err(EvaluationError::Weight { episode, step });
                }
                earned += gain;
                discount *= log.header().discount_over(transition.dt);
                steps.push(Weighed {
                    ratio,
                    weight,
                    gain,
                });
            }
            returns.push(earned);
        }
        let mut evaluation = Self {
            log,
            target,
            steps,
            returns,
            effective_sample_size: 0.0,
            unsupported: unsupported(log, target),
        };
        evaluation.effective_sample_size =
            effective(evaluation.finals()).ok_or(EvaluationError::NoWeight)?;
        Ok(evaluation)
    }

    /// By the estimator of that name.
    ///
    /// # Errors
    /// As that estimator.
    pub fn estimate(
        &self,
        estimator: Estimator<'_>,
        confidence: Confidence,
    ) -> Result<Estimate, EvaluationError> {
        match estimator {
            Estimator::ImportanceSampling => self.importance_sampling(confidence),
            Estimator::WeightedImportanceSampling => self.weighted_importance_sampling(confidence),
            Estimator::PerDecision => self.per_decision(confidence),
            Estimator::WeightedPerDecision => self.weighted_per_decision(confidence),
            Estimator::DoublyRobust(values) => self.doubly_robust(values, confidence),
        }
    }

    /// The mean over episodes of the return by the weight of the whole episode.
    ///
    /// Source: Precup, Sutton and Singh (2000).
    ///
    /// # Errors
    /// Bounds that cannot be had, as [`Confidence`] says, or sums that are too large.
    pub fn importance_sampling(&self, confidence: Confidence) -> Result<Estimate, EvaluationError> {
        let values: Vec<_> = self
            .finals()
            .zip(&self.returns)
            .map(|(weight, earned)| weight * earned)
            .collect();
        Ok(self.told(confidence.mean(&values)?))
    }

    /// The returns by the weights of their episodes, over the sum of the weights.
    ///
    /// Source: Precup, Sutton and Singh (2000).
    ///
    /// # Errors
    /// Bounds that cannot be had, as [`Confidence`] says, or sums that are too large.
    pub fn weighted_importance_sampling(
        &self,
        confidence: Confidence,
    ) -> Result<Estimate, EvaluationError> {
        let rows: Vec<_> = self
            .finals()
            .zip(&self.returns)
            .map(|(weight, earned)| [weight * earned, weight])
            .collect();
        let ends = (1..=rows.len()).collect();
        Ok(self.told(confidence.ratios(&Ratios::new(rows, ends))?))
    }

    /// The mean over episodes of each reward by the weight of the steps up to it.
    ///
    /// Source: Precup, Sutton and Singh (2000).
    ///
    /// # Errors
    /// Bounds that cannot be had, as [`Confidence`] says, or sums that are too large.
    pub fn per_decision(&self, confidence: Confidence) -> Result<Estimate, EvaluationError> {
        let values: Vec<_> = self
            .episodes()
            .map(|steps| steps.iter().map(|step| step.weight * step.gain).sum())
            .collect();
        Ok(self.told(confidence.mean(&values)?))
    }

    /// The sum over steps of the rewards by their weights, over the sum of the weights at that step; an
    /// episode that is over keeps its last weight there.
    ///
    /// Source: Thomas, "Safe Reinforcement Learning" (2015), the consistent weighted per-decision
    /// estimator.
    ///
    /// # Errors
    /// Bounds that cannot be had, as [`Confidence`] says, or sums that are too large.
    pub fn weighted_per_decision(
        &self,
        confidence: Confidence,
    ) -> Result<Estimate, EvaluationError> {
        let rows = self
            .steps
            .iter()
            .map(|step| [step.weight * step.gain, step.weight])
            .collect();
        let ends = self.log.ranges().map(|range| range.end).collect();
        Ok(self.told(confidence.ratios(&Ratios::new(rows, ends))?))
    }

    /// The mean over episodes of the guessed values, corrected at each step by what was seen.
    ///
    /// Source: Jiang and Li (2016).
    ///
    /// # Errors
    /// Values for other states or actions, or for shorter episodes; bounds that cannot be had, as
    /// [`Confidence`] says, or sums that are too large.
    pub fn doubly_robust(
        &self,
        values: &ActionValues,
        confidence: Confidence,
    ) -> Result<Estimate, EvaluationError> {
        let expected = shape(self.log.header());
        if values.shape() != expected {
            return Err(EvaluationError::Shape {
                expected,
                found: values.shape(),
            });
        }
        let mut corrected = Vec::with_capacity(self.returns.len());
        for (episode, (logged, steps)) in self.log.episodes().zip(self.episodes()).enumerate() {
            if let Some(horizon) = values.horizon().filter(|horizon| logged.len() > *horizon) {
                return Err(EvaluationError::Horizon {
                    episode,
                    steps: logged.len(),
                    horizon,
                });
            }
            corrected.push(self.correct(values, logged, steps));
        }
        Ok(self.told(confidence.mean(&corrected)?))
    }

    /// What the behaviour itself earned, with the bounds of a mean.
    ///
    /// # Errors
    /// Bounds that cannot be had, as [`Confidence`] says, or sums that are too large.
    pub fn behaviour_mean(&self, confidence: Confidence) -> Result<Estimate, EvaluationError> {
        Ok(Estimate {
            effective_sample_size: count(self.returns.len()),
            unsupported: 0.0,
            ..self.told(confidence.mean(&self.returns)?)
        })
    }

    /// How many episodes of the target's own the log is worth: the square of the sum of weights over
    /// the sum of their squares.
    ///
    /// Source: Kong, "A Note on Importance Sampling using Standardized Weights" (1992).
    #[must_use]
    pub const fn effective_sample_size(&self) -> f64 {
        self.effective_sample_size
    }

    /// How much of what the target does is not in the log, as in [`Estimate::unsupported`].
    #[must_use]
    pub const fn unsupported(&self) -> f64 {
        self.unsupported
    }

    /// From the last step back: the guess of the state, and the target's share of what the step
    /// showed the guess of the action to be wrong by.
    fn correct(&self, values: &ActionValues, logged: &[Transition], steps: &[Weighed]) -> f64 {
        let mut value = 0.0;
        for (step, (transition, weighed)) in logged.iter().zip(steps).enumerate().rev() {
            let state = transition.state;
            let mut guess = 0.0;
            self.target
                .each(state, transition.mask, |action, probability| {
                    guess += probability * values.value(step, state, action);
                });
            // What the target never does corrects nothing, however far off it lies.
            if weighed.ratio > 0.0 {
                let discount = self.log.header().discount_over(transition.dt);
                let seen = transition.reward + discount * value;
                guess += weighed.ratio * (seen - values.value(step, state, transition.executed));
            }
            value = guess;
        }
        value
    }

    fn episodes(&self) -> impl ExactSizeIterator<Item = &[Weighed]> {
        self.log.ranges().map(|range| &self.steps[range])
    }

    /// The weight of each whole episode.
    fn finals(&self) -> impl Iterator<Item = f64> {
        self.log
            .ranges()
            .map(|range| self.steps[range.end - 1].weight)
    }

    fn told(&self, bounded: Bounded) -> Estimate {
        Estimate {
            value: bounded.value,
            lower: bounded.lower,
            upper: bounded.upper,
            effective_sample_size: self.effective_sample_size,
            episodes: self.returns.len(),
            unsupported: self.unsupported,
        }
    }
}

/// How much likelier `target` is to do what was done; nothing where it can do nothing.
fn ratio(target: &TargetPolicy, step: &Transition) -> Option<f64> {
    let mut probability = 0.0;
    let any = target.each(step.state, step.mask, |action, its| {
        if action == step.executed {
            probability = its;
        }
    });
    any.then_some(probability / step.probability)
}

/// The effective sample size of `weights`, in units of the largest so that no square runs over;
/// nothing without any weight.
fn effective(weights: impl Iterator<Item = f64>) -> Option<f64> {
    let weights: Vec<_> = weights.collect();
    let largest = weights.iter().copied().fold(0.0, f64::max);
    if largest <= 0.0 {
        return None;
    }
    let (mut sum, mut squares) = (0.0, 0.0);
    for weight in weights {
        let share = weight / largest;
        sum += share;
        squares += share * share;
    }
    Some(sum * sum / squares)
}

/// The target's share of actions that are done in no step from the same state.
fn unsupported(log: &Log, target: &TargetPolicy) -> f64 {
    let (states, actions) = shape(log.header());
    let mut done = vec![false; states * actions];
    for step in log.steps() {
        done[step.state.index() * actions + step.executed.index()] = true;
    }
    let mut missing = 0.0;
    for step in log.steps() {
        target.each(step.state, step.mask, |action, probability| {
            if !done[step.state.index() * actions + action.index()] {
                missing += probability;
            }
        });
    }
    missing / count(log.steps().len())
}
