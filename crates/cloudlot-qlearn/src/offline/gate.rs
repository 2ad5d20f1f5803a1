//! Whether a policy may be deployed, by what a log says of it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Confidence, Estimate, Estimator, Evaluation, EvaluationError, Log, TargetPolicy};

/// What a policy must show before it is deployed.
///
/// Source: Thomas, Theocharous and Ghavamzadeh, "High Confidence Policy Improvement" (2015): deploy on
/// a lower bound, never on an estimate.
#[derive(Clone, Copy, Debug)]
pub struct Gate<'a> {
    /// The estimator whose lower bound counts.
    pub estimator: Estimator<'a>,
    /// How sure its bounds and those of the baseline are.
    pub confidence: Confidence,
    /// What the lower bound must beat.
    pub against: Baseline,
    /// By how much it must do so, in units of the return; below zero, how much worse is borne.
    pub margin: f64,
    /// How many episodes of the target's own the log must be worth at least.
    pub least_sample: f64,
    /// How much of what the target does may be missing from the log, from 0 to 1.
    pub most_unsupported: f64,
}

impl Default for Gate<'_> {
    /// The weighted per-decision estimate at 95 % against the logged mean, without margin, from a sample
    /// worth 30 episodes, with at most 1 % of the target's actions never seen.
    fn default() -> Self {
        Self {
            estimator: Estimator::WeightedPerDecision,
            confidence: Confidence::default(),
            against: Baseline::Mean,
            margin: 0.0,
            least_sample: 30.0,
            most_unsupported: 0.01,
        }
    }
}

/// What is taken for the worth of the behaviour.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Baseline {
    /// The mean of what it earned.
    #[default]
    Mean,
    /// The upper bound of that mean: then luck of the behaviour, too, is allowed for.
    Upper,
}

/// The answer, with the numbers it stands on.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Verdict {
    /// What speaks against it; empty where it is deployed.
    pub against: Vec<Objection>,
    /// What the policy is taken to earn.
    pub estimate: Estimate,
    /// What the behaviour earned.
    pub baseline: Estimate,
    /// What the lower bound had to beat.
    pub needed: f64,
}

/// Why a policy is not deployed.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Objection {
    /// The lower bound does not beat what it must.
    Bound {
        /// The lower bound.
        lower: f64,
        /// What it must beat.
        needed: f64,
    },
    /// The log is worth too few episodes of the policy's own.
    Sample {
        /// How many it is worth.
        size: f64,
        /// How many are asked for.
        least: f64,
    },
    /// Too much of what the policy does was never done in the log.
    Unsupported {
        /// How much.
        share: f64,
        /// How much is borne.
        most: f64,
    },
}

/// Judges `target` by `log`.
///
/// ```
/// # use cloudlot_qlearn::offline::{Gate, Header, Log, TargetPolicy, gate};
/// # use cloudlot_qlearn::{ActionId, End, Mask, StateId, Transition};
/// # use ndarray::array;
/// let toss = |action: u16| Transition {
///     probability: 0.5,
///     end: End::Terminated,
///     ..Transition::new(StateId(0), ActionId(action), f64::from(action), StateId(0), Mask::all(2))
/// };
/// let log = Log::new(Header::new(1, 2, 1.0)?, (0..200).map(|k| toss(k % 2)))?;
/// assert!(gate(&log, &TargetPolicy::stochastic(array![[0.1, 0.9]])?, &Gate::default())?.deploys());
/// let worse = gate(&log, &TargetPolicy::stochastic(array![[0.6, 0.4]])?, &Gate::default())?;
/// assert!(worse.to_string().starts_with("keep the baseline: the lower bound"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// There is no estimate: then nothing may be deployed either.
pub fn gate(log: &Log, target: &TargetPolicy, gate: &Gate<'_>) -> Result<Verdict, EvaluationError> {
    let evaluation = Evaluation::new(log, target)?;
    let estimate = evaluation.estimate(gate.estimator, gate.confidence)?;
    let baseline = evaluation.behaviour_mean(gate.confidence)?;
    let needed = gate.margin
        + match gate.against {
            Baseline::Mean => baseline.value,
            Baseline::Upper => baseline.upper,
        };
    Ok(Verdict {
        against: gate.objections(&estimate, needed),
        estimate,
        baseline,
        needed,
    })
}

impl Gate<'_> {
    /// Every comparison is one that a number which is none fails.
    fn objections(&self, estimate: &Estimate, needed: f64) -> Vec<Objection> {
        let lower = estimate.lower;
        let (size, least) = (estimate.effective_sample_size, self.least_sample);
        let (share, most) = (estimate.unsupported, self.most_unsupported);
        [
            (lower > needed, Objection::Bound { lower, needed }),
            (size >= least, Objection::Sample { size, least }),
            (share <= most, Objection::Unsupported { share, most }),
        ]
        .into_iter()
        .filter_map(|(passes, objection)| (!passes).then_some(objection))
        .collect()
    }
}

impl Verdict {
    /// Whether nothing speaks against the policy.
    #[must_use]
    pub const fn deploys(&self) -> bool {
        self.against.is_empty()
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.deploys() {
            write!(
                f,
                "deploy: the lower bound {:.6} beats {:.6}",
                self.estimate.lower, self.needed
            )?;
        } else {
            write!(f, "keep the baseline: ")?;
            for (k, objection) in self.against.iter().enumerate() {
                write!(f, "{}{objection}", if k > 0 { ", " } else { "" })?;
            }
        }
        write!(
            f,
            "; estimate {:.6} in [{:.6}, {:.6}], baseline {:.6} in [{:.6}, {:.6}], \
             {} episodes worth {:.1}, {:.1} % unsupported",
            self.estimate.value,
            self.estimate.lower,
            self.estimate.upper,
            self.baseline.value,
            self.baseline.lower,
            self.baseline.upper,
            self.estimate.episodes,
            self.estimate.effective_sample_size,
            100.0 * self.estimate.unsupported
        )
    }
}

impl fmt::Display for Objection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bound { lower, needed } => {
                write!(f, "the lower bound {lower:.6} does not beat {needed:.6}")
            }
            Self::Sample { size, least } => write!(
                f,
                "the log is worth {size:.1} episodes of the policy's own, not {least:.1}"
            ),
            Self::Unsupported { share, most } => write!(
                f,
                "{:.1} % of what the policy does was never done, more than {:.1} %",
                100.0 * share,
                100.0 * most
            ),
        }
    }
}
