//! The preset in numbers and names.

use serde::{Deserialize, Serialize};

use super::{AdaptiveStep, QcastError, Shape, Term};
use crate::safety::{Budget, Cooldown, Pace, SafetyConfig};
use crate::{
    ACTIONS_MAX, Axis, AxisError, Config, Explore, ReplayConfig, Schedule, StepSize, Ties,
};

/// A rule on one measure: grow above one value, shrink below another.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Threshold {
    /// Which measure.
    pub name: String,
    /// Its unit.
    pub unit: String,
    /// Above this, one more.
    pub up: f64,
    /// Below this, one fewer.
    pub down: f64,
}

/// What is scaled, and how far.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scaled {
    /// The measure that counts it; its unit is `1`.
    pub name: String,
    /// The fewest.
    pub min: u64,
    /// The most.
    pub max: u64,
    /// What each action adds; one of them is zero.
    pub changes: Vec<i64>,
}

/// An adaptive controller of one number, in numbers and names.
///
/// The names are those of [`Measured`](super::Measured); which resources they stand for is the caller's business.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QcastConfig {
    /// What makes a state. [`QcastConfig::published_axes`] has a million states.
    pub axes: Vec<Axis>,
    /// What is scaled.
    pub scaled: Scaled,
    /// The terms of the reward.
    pub terms: Vec<Term>,
    /// What a change by one costs, in units of reward; a change costs 1 at most.
    pub churn: f64,
    /// What acts while little is known.
    pub baseline: Threshold,
    /// How it learns.
    pub learner: Config,
    /// What every value is before it is learned.
    pub initial: f64,
    /// What is learned again from the past after each step.
    pub replay: Option<ReplayConfig>,
    /// A step size that follows the errors; it takes the place of a floor of the learner's.
    pub adaptive_step: Option<AdaptiveStep>,
    /// How much larger ε is where nothing is known; see [`boosted`](super::boosted).
    pub boost: f64,
    /// The time between two decisions, in the caller's unit: one step of discount.
    pub interval: u64,
    /// The guard. Its sizes are those of `scaled`.
    pub safety: SafetyConfig,
}

impl Default for QcastConfig {
    /// [`QcastConfig::recommended`].
    fn default() -> Self {
        Self::recommended()
    }
}

impl QcastConfig {
    /// The preset to begin with: 720 states, terms for cold starts, cost and churn, at most two changes a
    /// minute, the baseline where little is known, and at most one decision in five to try something.
    /// There is no drift switch: what it fires at depends on the service. Time is in seconds.
    #[must_use]
    pub fn recommended() -> Self {
        Self {
            axes: axes(compact()),
            terms: vec![
                Term::new("cpu", "ratio", 0.2, Shape::Near { target: 0.7 }),
                Term::new("memory", "ratio", 0.1, Shape::Near { target: 0.7 }),
                Term::new("response", "ms", 0.25, Shape::Within { target: 100.0 }),
                Term::new("errors", "ratio", 0.25, Shape::Within { target: 0.01 }),
                Term::new("cold_starts", "1", 0.1, Shape::Cost { scale: 10.0 }),
                Term::new("cost", "1", 0.1, Shape::Cost { scale: 1.0 }),
            ],
            churn: 0.01,
            learner: Config {
                step_size: StepSize::default(),
                ..Self::published().learner
            },
            adaptive_step: Some(AdaptiveStep {
                weight: 0.02,
                least: 0.005,
                most: 0.3,
            }),
            boost: 1.0,
            safety: SafetyConfig {
                cooldown: Some(Cooldown {
                    changes: 2,
                    window: 60,
                    reversal: 60,
                    ..Cooldown::default()
                }),
                visits_min: 8,
                budget: Some(Budget {
                    deviations: 1,
                    period: 5,
                    burst: 5,
                    pace: Pace::Decisions,
                }),
                ..SafetyConfig::default()
            },
            ..Self::published()
        }
    }

    /// The constants of the engine that this preset replaces, with a compact state: four equal terms, α = 0.1,
    /// γ = 0.95, ε from 1 to 0.01 by 0.995 a decision, five actions between 1 and 100.
    #[must_use]
    pub fn published() -> Self {
        let quarter = |name, unit, shape| Term::new(name, unit, 0.25, shape);
        Self {
            axes: axes(compact()),
            scaled: Scaled {
                name: "instances".to_owned(),
                min: 1,
                max: 100,
                changes: vec![5, 1, 0, -1, -5],
            },
            terms: vec![
                quarter("cpu", "ratio", Shape::Near { target: 0.7 }),
                quarter("memory", "ratio", Shape::Near { target: 0.7 }),
                quarter("response", "ms", Shape::Within { target: 100.0 }),
                quarter("errors", "ratio", Shape::Within { target: 0.01 }),
            ],
            churn: 0.0,
            baseline: Threshold {
                name: "cpu".to_owned(),
                unit: "ratio".to_owned(),
                up: 0.8,
                down: 0.3,
            },
            learner: Config {
                discount: 0.95,
                step_size: StepSize::Constant(0.1),
                explore: Explore::EpsilonGreedy {
                    epsilon: Schedule::Geometric {
                        from: 1.0,
                        factor: 0.995,
                        floor: 0.01,
                    },
                    ties: Ties::Uniform,
                },
                ..Config::default()
            },
            initial: 0.0,
            replay: Some(ReplayConfig::default()),
            adaptive_step: None,
            boost: 0.0,
            interval: 30,
            safety: SafetyConfig::default(),
        }
    }

    /// Six axes of ten bins as in the engine that this preset replaces, but with response time and errors on a
    /// logarithmic scale: a million states, which nobody visits in a year.
    #[must_use]
    pub fn published_axes() -> Vec<Axis> {
        axes([
            Axis::linear("cpu", "ratio", 0.0, 1.0, 10),
            Axis::linear("memory", "ratio", 0.0, 1.0, 10),
            Axis::logarithmic("response", "ms", 5.0, 5_000.0, 10),
            Axis::logarithmic("errors", "ratio", 1e-4, 1.0, 10),
            Axis::linear("instances", "1", 0.0, 100.0, 10),
            Axis::linear("demand", "req/s", 0.0, 1_000.0, 10),
        ])
    }

    /// Whether all of it makes sense together.
    ///
    /// # Errors
    /// Names the first number that does not.
    pub fn check(&self) -> Result<(), QcastError> {
        let Scaled {
            min, max, changes, ..
        } = &self.scaled;
        if min > max || changes.len() > ACTIONS_MAX || !changes.contains(&0) {
            return Err(QcastError::Scaled {
                min: *min,
                max: *max,
                actions: changes.len(),
            });
        }
        if let Some(term) = self.terms.iter().find(|term| !term.is_legal()) {
            return Err(QcastError::Term(term.name.clone()));
        }
        let Threshold { up, down, .. } = self.baseline;
        if !(down.is_finite() && up.is_finite() && down <= up) {
            return Err(QcastError::Threshold { up, down });
        }
        let numbers = [self.churn, self.boost];
        if let Some(&bad) = numbers.iter().find(|n| !(**n >= 0.0 && n.is_finite())) {
            return Err(QcastError::Number(bad));
        }
        if self.interval == 0 {
            return Err(QcastError::Interval);
        }
        if let Some(adaptive) = self.adaptive_step.filter(|adaptive| !adaptive.is_legal()) {
            return Err(QcastError::AdaptiveStep(adaptive));
        }
        if self.learner.rule.needs_next_action() {
            return Err(QcastError::Rule(self.learner.rule));
        }
        self.learner.check()?;
        Ok(self.guard().check(changes.len())?)
    }

    /// The settings of the guard, with the sizes of the actions.
    pub(super) fn guard(&self) -> SafetyConfig {
        SafetyConfig {
            sizes: self.scaled.changes.clone(),
            ..self.safety.clone()
        }
    }
}

/// 5 · 6 · 4 · 6 states. The edges of response and errors lie between the values that
/// matter, 10 to 1000 ms and 0.1 to 5 %.
fn compact() -> [Result<Axis, AxisError>; 4] {
    [
        Axis::edges("cpu", "ratio", &[0.0, 0.3, 0.55, 0.75, 0.9, 1.0]),
        Axis::edges(
            "response",
            "ms",
            &[0.0, 20.0, 75.0, 150.0, 350.0, 750.0, 1500.0],
        ),
        Axis::edges("errors", "ratio", &[0.0, 5e-4, 5e-3, 0.03, 1.0]),
        Axis::edges("instances", "1", &[0.0, 2.0, 4.0, 8.0, 16.0, 40.0, 100.0]),
    ]
}

/// None of the measures is ever negative.
fn axes<const N: usize>(axes: [Result<Axis, AxisError>; N]) -> Vec<Axis> {
    axes.into_iter()
        .map(|axis| {
            axis.and_then(|axis| axis.at_least(0.0))
                .expect("the preset's axes are well formed")
        })
        .collect()
}
