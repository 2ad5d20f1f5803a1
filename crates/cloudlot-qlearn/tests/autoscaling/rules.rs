//! The opponents: rules as operators write them, with the settings that suit a pattern best.

use std::collections::BTreeMap;

use cloudlot_qlearn::ActionId;
use cloudlot_qlearn::exact::{Model, Policy, average};
use serde::{Deserialize, Serialize};

use super::pattern::Pattern;
use super::service::{REPLICAS_MAX, Service};

/// A rule with its settings; ratios in tenths, so that no comparison depends on rounding.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Rule {
    /// Adds or removes where the load of a replica leaves a band.
    Threshold {
        /// Tenths of a replica's capacity above which `step` replicas are added.
        up: u32,
        /// Tenths below which one is removed.
        down: u32,
        /// How many are added.
        step: i32,
        /// What part of the queue counts as load, in halves.
        queue: u32,
        /// Whether starting replicas count as there.
        pending: bool,
    },
    /// `ceil(ready · load / target)`, but nothing where that ratio is within a tenth of one.
    ///
    /// Source: the Kubernetes documentation, "Horizontal Pod Autoscaling".
    Hpa {
        /// Tenths of a replica's capacity.
        target: u32,
        /// What part of the queue counts as load, in halves.
        queue: u32,
    },
    /// Always so many replicas.
    Fixed(u32),
}

impl Rule {
    /// What the rule does in a state.
    pub(crate) fn action(self, pattern: &Pattern, state: Service) -> ActionId {
        let load = |queue| 2 * pattern.rates[state.phase] + queue * state.queue;
        let here = i32::try_from(state.replicas()).unwrap();
        let wish = match self {
            Self::Threshold {
                up,
                down,
                step,
                queue,
                pending,
            } => {
                let by = if pending {
                    state.replicas()
                } else {
                    state.ready
                };
                // load / 2 / by against tenths.
                match 5 * load(queue) {
                    tenths if tenths > up * by => step,
                    tenths if tenths < down * by => -1,
                    _ => 0,
                }
            }
            Self::Hpa { target, queue } => {
                let (asked, there) = (50 * load(queue), 10 * target * state.ready);
                if asked.abs_diff(there) * 10 <= there {
                    0
                } else {
                    i32::try_from((5 * load(queue)).div_ceil(target)).unwrap() - here
                }
            }
            Self::Fixed(replicas) => i32::try_from(replicas).unwrap() - here,
        };
        state.towards(wish)
    }

    /// What it does in every state.
    pub(crate) fn actions(self, pattern: &Pattern) -> Vec<ActionId> {
        let states = Service::all();
        states
            .into_iter()
            .map(|s| self.action(pattern, s))
            .collect()
    }

    /// Every threshold rule of the grid.
    pub(crate) fn thresholds() -> Vec<Self> {
        let mut rules = Vec::new();
        for up in 5..=18 {
            for down in 2..=up.min(11) {
                for step in [1, 2] {
                    for queue in 0..=2 {
                        for pending in [false, true] {
                            rules.push(Self::Threshold {
                                up,
                                down,
                                step,
                                queue,
                                pending,
                            });
                        }
                    }
                }
            }
        }
        rules
    }

    /// Every HPA of the grid.
    pub(crate) fn hpas() -> Vec<Self> {
        let all = (3..=15).flat_map(|target| (0..=2).map(move |queue| Self::Hpa { target, queue }));
        all.collect()
    }

    /// Every fixed pool.
    pub(crate) fn pools() -> Vec<Self> {
        (1..=REPLICAS_MAX).map(Self::Fixed).collect()
    }
}

/// What a policy costs in an interval in the long run, in what a replica costs in one.
pub(crate) fn cost(model: &Model, actions: &[ActionId]) -> f64 {
    -average(model, &Policy::deterministic(model, actions).unwrap()).unwrap()
}

/// The cheapest of some rules and its cost, of equals the first. Rules that do the same are priced once.
pub(crate) fn calibrate(pattern: &Pattern, model: &Model, rules: &[Rule]) -> (Rule, f64) {
    let mut priced = BTreeMap::new();
    let mut best = (rules[0], f64::INFINITY);
    for rule in rules {
        let actions = rule.actions(pattern);
        let cost = *priced
            .entry(actions)
            .or_insert_with_key(|actions| cost(model, actions));
        if cost < best.1 - 1e-12 {
            best = (*rule, cost);
        }
    }
    best
}
