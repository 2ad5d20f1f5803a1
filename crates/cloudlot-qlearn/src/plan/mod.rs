//! Planning: learning from a counted model between one real step and the next.
//!
//! A planner backs up only pairs of state and action that were really seen; what was never tried keeps
//! its initial value. A full backup sets a value to the mean over the counted outcomes, which is right if the
//! world is as counted: the certainty-equivalent estimate. It is meant for tables, where one
//! value can be set without moving others.

mod config;
mod file;
mod queue;
mod sweep;

pub use config::{Backup, Plan, PlanError};

use rand::Rng;
use serde::{Deserialize, Serialize};

use self::file::PlannerFile;
use self::queue::Queue;
use self::sweep::Sweep;
use crate::stream::below;
use crate::{Counts, End, Learner, Limits, Refused, StateId, Transition, Values};

/// A model, and what is done with it after each step.
///
/// ```
/// # use cloudlot_qlearn::*;
/// let mut learner = Learner::new(Dense::new(3, 1, 0.0)?, Config::default())?;
/// let mut planner = Planner::new(Plan::default(), 1, Limits::default())?;
/// let mut stream = stream(1, 0);
/// let all = Mask::all(1);
/// let (first, second, third) = (StateId(0), StateId(1), StateId(2));
/// for step in [
///     Transition::new(first, ActionId(0), 0.0, second, all),
///     Transition { end: End::Terminated, ..Transition::new(second, ActionId(0), 1.0, third, all) },
/// ] {
///     learner.observe(&step)?;
///     planner.practise(&mut learner, &step, &mut stream);
/// }
/// // The first state has heard of the reward, though it was not visited again.
/// assert!((learner.value(first, ActionId(0))? - 0.99).abs() < 1e-12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(
    try_from = "PlannerFile<S>",
    into = "PlannerFile<S>",
    bound(
        serialize = "S: Copy + Serialize",
        deserialize = "S: Copy + Ord + Deserialize<'de>"
    )
)]
pub struct Planner<S = StateId> {
    plan: Plan,
    counts: Counts<S>,
    sweep: Sweep,
}

impl<S: Copy + Ord> Planner<S> {
    /// A planner that has seen nothing, for a table with so many actions.
    ///
    /// # Errors
    /// Where a number is outside its range.
    pub fn new(plan: Plan, actions: usize, limits: Limits) -> Result<Self, PlanError> {
        plan.check()?;
        Ok(Self {
            plan,
            counts: Counts::new(actions, limits)?,
            sweep: Sweep::default(),
        })
    }

    /// Counts a transition that the learner has just learned from, then plans; says how many
    /// backups were made.
    pub fn practise<V, R>(
        &mut self,
        learner: &mut Learner<V>,
        step: &Transition<S>,
        rng: &mut R,
    ) -> u32
    where
        V: Values<State = S>,
        R: Rng + ?Sized,
    {
        let seen = self.counts.count(step);
        match self.plan {
            Plan::DynaQ { backups, backup } => self.dream(learner, backups, backup, rng),
            Plan::Sweeping { backups, threshold } => {
                if let Some(place) = seen {
                    self.sweep.note(&self.counts, learner, threshold, place);
                }
                self.sweep.run(&self.counts, learner, threshold, backups)
            }
        }
    }

    /// Plans without a new transition, as in a pause: `backups` at most. Says how many were made;
    /// fewer mean that sweeping has nothing left to do.
    pub fn plan<V, R>(&mut self, learner: &mut Learner<V>, backups: u32, rng: &mut R) -> u32
    where
        V: Values<State = S>,
        R: Rng + ?Sized,
    {
        match self.plan {
            Plan::DynaQ { backup, .. } => self.dream(learner, backups, backup, rng),
            Plan::Sweeping { threshold, .. } => {
                self.sweep.run(&self.counts, learner, threshold, backups)
            }
        }
    }

    /// Dyna-Q: backups of pairs that are drawn evenly from those that were seen.
    fn dream<V, R>(
        &self,
        learner: &mut Learner<V>,
        backups: u32,
        backup: Backup,
        rng: &mut R,
    ) -> u32
    where
        V: Values<State = S>,
        R: Rng + ?Sized,
    {
        let seen = self.counts.seen();
        let amount = u32::try_from(seen.len()).unwrap_or(u32::MAX);
        if amount == 0 {
            return 0;
        }
        let mut done = 0;
        for _ in 0..backups {
            let cell = seen[below(rng, amount) as usize];
            let made = match backup {
                Backup::Expected => back_up(&self.counts, learner, cell).is_ok(),
                Backup::Sample => {
                    let step = imagine(&self.counts, cell, rng);
                    learner.rehearse(&step, rng).is_ok()
                }
            };
            done += u32::from(made);
        }
        done
    }

    /// What is done after each step.
    #[must_use]
    pub const fn config(&self) -> Plan {
        self.plan
    }

    /// The model.
    #[must_use]
    pub const fn counts(&self) -> &Counts<S> {
        &self.counts
    }

    /// How many pairs wait for a backup; of sweeping only.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.sweep.queue.len()
    }
}

/// What a pair is worth by the model: the mean over its outcomes.
fn goal<V: Values>(
    counts: &Counts<V::State>,
    learner: &Learner<V>,
    cell: u32,
) -> Result<f64, Refused> {
    let (mut sum, mut total) = (0.0, 0.0);
    for tally in counts.tallies(cell) {
        let after = if tally.terminated {
            0.0
        } else {
            let (next, mask) = counts.known(tally.next);
            learner.discount_over(tally.dt) * learner.worth(next, mask)?
        };
        let weight = f64::from(tally.count);
        sum += weight * (tally.reward + after);
        total += weight;
    }
    Ok(sum / total)
}

fn back_up<V: Values>(
    counts: &Counts<V::State>,
    learner: &mut Learner<V>,
    cell: u32,
) -> Result<(), Refused> {
    let goal = goal(counts, learner, cell)?;
    let (slot, action) = counts.place(cell);
    learner.settle(counts.known(slot).0, action, goal)
}

/// A transition as it may have been, drawn from the counts of a pair.
fn imagine<S: Copy, R: Rng + ?Sized>(counts: &Counts<S>, cell: u32, rng: &mut R) -> Transition<S> {
    let tallies = counts.tallies(cell);
    let mut rank = below(rng, counts.total(cell));
    let drawn = tallies.iter().find(|tally| {
        let here = rank < tally.count;
        rank = rank.saturating_sub(tally.count);
        here
    });
    let tally = drawn.unwrap_or(&tallies[0]);
    let (slot, action) = counts.place(cell);
    let (next, next_mask) = counts.known(tally.next);
    let (state, mask) = counts.known(slot);
    Transition {
        // The mask may have changed since the action was done.
        mask: mask.with(action),
        next_mask,
        end: if tally.terminated {
            End::Terminated
        } else {
            End::Running
        },
        dt: tally.dt,
        ..Transition::new(state, action, tally.reward, next, mask)
    }
}
