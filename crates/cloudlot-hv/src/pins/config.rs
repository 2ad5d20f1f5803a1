//! The parameters of the vCPU planner, and its two named profiles.

use crate::usage::EstimateConfig;

/// How [`plan_pins`](super::plan_pins) judges and acts.
#[derive(Clone, PartialEq, Debug)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(deny_unknown_fields)
)]
pub struct PinConfig {
    /// How samples become estimates.
    pub estimate: EstimateConfig,
    /// What balance means, and how it is reached.
    pub goal: PinGoal,
    /// Below this mean load, in cores a pCPU, nothing is worth a pin.
    pub idle_load: f64,
    /// Standard deviations of its own noise that an imbalance must stand out by.
    pub trigger_deviations: f64,
    /// Cycles in a row that the imbalance must last.
    pub trigger_cycles: u32,
    /// Whether work outside guests counts as load.
    pub count_background: bool,
    /// Cycles that a vCPU stays where it was moved to.
    pub dwell_cycles: u32,
    /// Whether a vCPU may go on before that if its estimate changed since, or its pCPU is saturated.
    pub dwell_yields: bool,
    /// Cycles after a trigger fired in which a vCPU that moved since then may move on: one imbalance
    /// is worked off in one go.
    pub work_off_cycles: u32,
    /// A vCPU that comes back within this many seconds doubles its dwell, up to as long.
    pub bounce_seconds: u64,
    /// Moves of one vCPU within an hour, at most.
    pub hourly_moves: u32,
    /// Seconds for which a pCPU that the host refused is left out.
    pub refusal_seconds: u64,
}

/// What balance means, and how it is reached.
#[derive(Clone, PartialEq, Debug)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(deny_unknown_fields, tag = "kind", rename_all = "kebab-case")
)]
pub enum PinGoal {
    /// The population standard deviation of pCPU loads stays within a bound; the fewest
    /// migrations that do it, all in one cycle. Every vCPU gets a pCPU of its own choice.
    Spread {
        /// The bound, in percentage points.
        points: f64,
        /// Where the bound is out of reach: points above the least possible that are good enough.
        slack: f64,
        /// Cycles after which an imbalance is acted on even if demand has not settled.
        patience: u32,
        /// Search nodes that one plan may cost.
        work: u64,
    },
    /// No pCPU stands out above the mean; a few moves a cycle, each worth its cost. vCPUs that
    /// float are left to the host's scheduler until one does.
    Peak {
        /// Cores above the mean that are tolerated.
        excess: f64,
        /// Cores by which a step must lower the higher of the two pCPUs it touches, …
        gain: f64,
        /// … and standard deviations of the hot pCPU's load.
        gain_deviations: f64,
        /// Part of all vCPUs that may move in a cycle; at least `budget_least`.
        budget: f64,
        /// Moves a cycle that are always allowed.
        budget_least: usize,
        /// A pCPU with this load is acted on at once …
        urgent_load: f64,
        /// … if its vCPUs wait for this part of the time …
        urgent_steal: f64,
        /// … and another pCPU they may use is loaded this little.
        urgent_room: f64,
        /// What two busy threads of one core are worth, in cores.
        sibling_capacity: f64,
    },
}

impl PinConfig {
    /// For hosts that earn money: moves only what stands out from noise, and little at a time.
    ///
    /// Figures: a simulation of 24 vCPUs on 8 pCPUs under AR(1) noise, where they gave 0.2 to 1.3
    /// pins per 100 vCPU-minutes at a mean peak load within 2 % of the best.
    #[must_use]
    pub fn production() -> Self {
        Self {
            estimate: EstimateConfig {
                alpha: 0.3,
                plain_start: false,
                variance_alpha: 0.05,
                change_cores: 0.1,
                change_part: 0.0,
                change_deviations: 4.0,
                change_samples: 2,
            },
            goal: PinGoal::Peak {
                excess: 0.10,
                gain: 0.03,
                gain_deviations: 1.5,
                budget: 0.10,
                budget_least: 2,
                urgent_load: 0.95,
                urgent_steal: 0.05,
                urgent_room: 0.70,
                sibling_capacity: 1.3,
            },
            idle_load: 0.0,
            count_background: true,
            dwell_yields: false,
            work_off_cycles: 8,
            ..Self::course()
        }
    }

    /// The contract of the operating-systems course that this scheduler began with: a standard
    /// deviation of at most 5 points, soon, with every vCPU pinned, and then quiet.
    ///
    /// The estimate is the mean of the samples since the load last changed: right after a change
    /// that is the last sample, and from then on it only gets quieter.
    #[must_use]
    pub fn course() -> Self {
        Self {
            estimate: EstimateConfig {
                alpha: 1.0 / 30.0,
                plain_start: true,
                variance_alpha: 0.05,
                change_cores: 0.03,
                change_part: 0.15,
                change_deviations: 0.0,
                change_samples: 1,
            },
            goal: PinGoal::Spread {
                points: 5.0,
                slack: 0.5,
                patience: 4,
                work: cloudlot_policy::pack::search::WORK,
            },
            idle_load: 0.05,
            trigger_deviations: 3.0,
            trigger_cycles: 2,
            count_background: false,
            dwell_cycles: 6,
            dwell_yields: true,
            work_off_cycles: 0,
            bounce_seconds: 600,
            hourly_moves: 20,
            refusal_seconds: 600,
        }
    }

    /// Checks what the types cannot.
    ///
    /// # Errors
    /// Names the first field whose value makes no sense.
    pub fn validate(&self) -> Result<(), PinConfigError> {
        let estimate = &self.estimate;
        let parts = [
            ("estimate.alpha", estimate.alpha),
            ("estimate.variance_alpha", estimate.variance_alpha),
        ];
        let mut amounts = vec![
            ("estimate.change_cores", estimate.change_cores),
            ("estimate.change_part", estimate.change_part),
            ("estimate.change_deviations", estimate.change_deviations),
            ("idle_load", self.idle_load),
            ("trigger_deviations", self.trigger_deviations),
        ];
        match &self.goal {
            PinGoal::Spread { points, slack, .. } => {
                amounts.extend([("goal.points", *points), ("goal.slack", *slack)]);
            }
            PinGoal::Peak {
                excess,
                gain,
                gain_deviations,
                budget,
                urgent_load,
                urgent_steal,
                urgent_room,
                sibling_capacity,
                ..
            } => {
                amounts.extend([
                    ("goal.excess", *excess),
                    ("goal.gain", *gain),
                    ("goal.gain_deviations", *gain_deviations),
                    ("goal.budget", *budget),
                    ("goal.urgent_load", *urgent_load),
                    ("goal.urgent_steal", *urgent_steal),
                    ("goal.urgent_room", *urgent_room),
                ]);
                if !(1.0..=2.0).contains(sibling_capacity) {
                    return Err(PinConfigError {
                        field: "goal.sibling_capacity",
                        value: *sibling_capacity,
                        range: "from 1 to 2",
                    });
                }
            }
        }
        for (field, value) in parts {
            if !(value > 0.0 && value <= 1.0) {
                return Err(PinConfigError {
                    field,
                    value,
                    range: "above 0 and at most 1",
                });
            }
        }
        for (field, value) in amounts {
            if !(0.0..=1e6).contains(&value) {
                return Err(PinConfigError {
                    field,
                    value,
                    range: "from 0 to 1000000",
                });
            }
        }
        Ok(())
    }
}

/// A parameter outside its range.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
#[error("{field} is {value}, and must be {range}")]
pub struct PinConfigError {
    /// Which.
    pub field: &'static str,
    /// What it is.
    pub value: f64,
    /// What it may be.
    pub range: &'static str,
}
