//! The guard: its settings, what it remembers, and one decision through all stages.

use serde::{Deserialize, Serialize};

use super::cooldown::keep;
use super::rules::{nearest, size};
use super::stages::{Scene, chance_of, judge};
use super::{
    Baseline, Bucket, Changes, DriftGauge, Mode, ReasonCounts, SafetyConfig, Shield, Shielding,
};
use crate::explore::{self, Row};
use crate::values::Values;
use crate::{ACTIONS_MAX, ActionId, Agent, Learner, Mask, Practice, Reason, Refused, Transition};

/// What was decided, and all that is needed to judge it later.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct SafeDecision {
    /// What to do.
    pub action: ActionId,
    /// Which stage had the last word.
    pub reason: Reason,
    /// What the learner wanted: while the baseline acts, its best action.
    pub proposed: ActionId,
    /// What the guard would have let the learner do, if the mode is to recommend.
    pub recommended: Option<ActionId>,
    /// How likely `action` was under the whole behaviour, stages included, in (0, 1].
    pub probability: f64,
    /// By how much the best value offered exceeds the second best; nothing with one action.
    pub gap: Option<f64>,
    /// What was safe: the mask to learn with, on both sides of a transition.
    pub safe: Mask,
}

impl SafeDecision {
    /// The transition that this decision began, running and of unit length, with `reward` for what
    /// was done. `next_mask` is the safe mask of the decision that followed.
    #[must_use]
    pub const fn transition<S>(
        &self,
        state: S,
        reward: f64,
        next: S,
        next_mask: Mask,
    ) -> Transition<S> {
        let mut step = Transition::new(state, self.action, reward, next, next_mask);
        step.mask = self.safe;
        step.proposed = self.proposed;
        step.probability = self.probability;
        step
    }
}

/// The guard's settings and memory, apart from the caller's rules: all of it can be stored.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Guard {
    /// The settings.
    pub(super) config: SafetyConfig,
    pub(super) changes: Changes,
    pub(super) bucket: Bucket,
    pub(super) gauge: DriftGauge,
    pub(super) tally: ReasonCounts,
}

/// What the caller's rules say about one moment.
struct Moment {
    offered: Mask,
    safe: Mask,
    free: Mask,
    baseline: ActionId,
}

impl Guard {
    /// A guard that remembers nothing.
    #[must_use]
    pub fn new(config: SafetyConfig) -> Self {
        Self {
            config,
            ..Self::default()
        }
    }

    /// The settings.
    #[must_use]
    pub const fn config(&self) -> &SafetyConfig {
        &self.config
    }

    /// How often which stage had its way.
    #[must_use]
    pub const fn tally(&self) -> &ReasonCounts {
        &self.tally
    }

    /// The drift switch.
    #[must_use]
    pub const fn drift(&self) -> &DriftGauge {
        &self.gauge
    }

    /// One decision: looks, draws, judges, and takes note of what will be done.
    pub(super) fn decide<V: Values>(
        &mut self,
        agent: &mut Agent<V>,
        (shield, baseline): (&impl Shield<V::State>, &impl Baseline<V::State>),
        (state, mask): (V::State, Mask),
        now: u64,
        rate: f64,
    ) -> Result<SafeDecision, Refused> {
        let mask = mask.and(Mask::all(agent.learner.values().actions()));
        // An unknown state or an empty mask is refused before anything is asked or changed.
        agent.learner.best(state, mask)?;
        let moment = self.moment(shield, baseline, (state, mask), now);
        if let Some(budget) = &self.config.budget {
            self.bucket.fill(budget, now);
        }
        let corrected = |proposed| shield.nearest(state, proposed, moment.safe);
        let decision = match self.config.mode {
            Mode::Control => self.control(agent, (state, rate), &moment, corrected)?,
            Mode::Observe | Mode::Recommend => {
                self.follow(&agent.learner, state, &moment, corrected)?
            }
        };
        self.tally.count(decision.reason);
        let size = size(&self.config.sizes, decision.action);
        self.tally.changes = self.tally.changes.saturating_add(u64::from(size != 0));
        if let Some(limits) = &self.config.cooldown {
            self.changes.note(limits, size, now);
        }
        Ok(decision)
    }

    /// Watches an error, or one that could not be learned from.
    pub(super) fn watch(&mut self, td_error: f64) {
        if let Some(drift) = &self.config.drift {
            self.gauge.watch(drift, td_error);
        }
    }

    fn moment<S: Copy>(
        &self,
        shield: &impl Shield<S>,
        baseline: &impl Baseline<S>,
        (state, mask): (S, Mask),
        now: u64,
    ) -> Moment {
        let sizes = &self.config.sizes;
        let wish = baseline.action(state, mask);
        let safe = safe_mask(shield, state, mask, wish);
        let free = match &self.config.cooldown {
            Some(limits) => limits.calm(&self.changes, sizes, safe, now),
            None => safe,
        };
        Moment {
            offered: match self.config.shielding {
                Shielding::Preemptive => safe,
                Shielding::PostPosed => mask,
            },
            safe,
            free,
            baseline: nearest(sizes, wish, free).unwrap_or(wish),
        }
    }

    fn scene<'a>(&'a self, row: Row<'a>, moment: &Moment) -> Scene<'a> {
        Scene {
            values: row.values,
            visits: row.visits,
            safe: moment.safe,
            free: moment.free,
            baseline: moment.baseline,
            sizes: &self.config.sizes,
            visits_min: self.config.visits_min,
            pays: match &self.config.budget {
                Some(budget) => self.bucket.has_token(budget),
                None => true,
            },
            killed: self.gauge.has_fired(),
        }
    }

    /// The learner acts.
    fn control<V: Values>(
        &mut self,
        agent: &mut Agent<V>,
        (state, rate): (V::State, f64),
        moment: &Moment,
        corrected: impl Fn(ActionId) -> Option<ActionId>,
    ) -> Result<SafeDecision, Refused> {
        let Agent {
            learner,
            stream,
            practice,
        } = agent;
        let explore = learner.config().explore;
        let hopeful = practice.as_ref().and_then(Practice::hopeful);
        let (mut hopes, mut chances) = ([0.0; ACTIONS_MAX], [0.0; ACTIONS_MAX]);
        let (draw, verdict, probability, costs) = learner.look(state, moment.offered, |row| {
            let actions = row.values.len();
            // An agent with a planner explores by its hopes; what is worse by the table is a try then.
            let drawn = hopeful.map_or(row, |planner| {
                planner.fill_hopes(state, &row, &mut hopes[..actions]);
                Row {
                    values: &hopes[..actions],
                    ..row
                }
            });
            let best = explore::best(row.values, row.mask);
            let worse = |action: ActionId| {
                hopeful.is_some() && row.values[action.index()] < row.values[best.action.index()]
            };
            let mut draw = explore.choose(drawn, rate, stream);
            draw.gap = best.gap;
            if worse(draw.action) {
                draw.reason = Reason::Explore;
            }
            let scene = self.scene(row, moment);
            let judged = |action, explores| judge(&scene, (action, explores), || corrected(action));
            let verdict = judged(draw.action, draw.reason == Reason::Explore);
            explore.distribution(drawn, rate, &mut chances[..actions]);
            let proposals = row.mask.iter().map(|action| {
                let chance = chances[action.index()];
                let tried = if worse(action) {
                    chance
                } else {
                    explore.exploring_part(drawn, rate, (action, chance))
                };
                (action, chance, tried)
            });
            let probability = chance_of(verdict.action, proposals, judged);
            (draw, verdict, probability, scene.costs(verdict))
        })?;
        if costs {
            self.tally.deviations = self.tally.deviations.saturating_add(1);
            if let Some(budget) = &self.config.budget {
                self.bucket.spend(budget);
            }
        }
        Ok(SafeDecision {
            action: verdict.action,
            reason: verdict.changed_by.unwrap_or(draw.reason),
            proposed: draw.action,
            recommended: None,
            probability,
            gap: draw.gap,
            safe: moment.safe,
        })
    }

    /// The baseline acts.
    fn follow<V: Values>(
        &self,
        learner: &Learner<V>,
        state: V::State,
        moment: &Moment,
        corrected: impl Fn(ActionId) -> Option<ActionId>,
    ) -> Result<SafeDecision, Refused> {
        let best = learner.best(state, moment.offered)?;
        let verdict = learner.look(state, moment.offered, |row| {
            judge(&self.scene(row, moment), (best.action, false), || {
                corrected(best.action)
            })
        })?;
        Ok(SafeDecision {
            action: moment.baseline,
            reason: Reason::Baseline,
            proposed: best.action,
            recommended: (self.config.mode == Mode::Recommend).then_some(verdict.action),
            probability: 1.0,
            gap: best.gap,
            safe: moment.safe,
        })
    }
}

/// What the shield lets pass; where that is nothing, the baseline's wish or the lowest of the mask.
pub(super) fn safe_mask<S: Copy>(
    shield: &impl Shield<S>,
    state: S,
    mask: Mask,
    wish: ActionId,
) -> Mask {
    let safe = keep(mask, |action| shield.allows(state, action, mask));
    if !safe.is_empty() {
        return safe;
    }
    let only = Some(wish).filter(|&wish| mask.allows(wish));
    only.or(mask.nth(0))
        .map_or(mask, |action| Mask::NONE.with(action))
}
