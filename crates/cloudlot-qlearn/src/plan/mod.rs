//! Planning: learning from a counted model between one real step and the next.
//!
//! A planner backs up only pairs of state and action that were really seen; what was never tried keeps
//! its initial value. A full backup sets a value to the mean over the counted outcomes, which is right if the
//! world is as counted: the certainty-equivalent estimate. It is meant for tables, where one
//! value can be set without moving others.

mod book;
mod config;
mod file;
mod hope;
mod queue;
mod sweep;

pub use config::{Backup, Plan, PlanError, PlannerConfig};

use rand::Rng;
use serde::{Deserialize, Serialize};

use self::book::Book;
use self::file::PlannerFile;
use self::hope::{Hopeful, Hopes};
use self::queue::Queue;
use self::sweep::Sweep;
use crate::explore::Row;
use crate::stream::below;
use crate::{Counts, End, Learner, StateId, Transition, Values};

/// A model, and what is done with it after each step.
///
/// ```
/// # use cloudlot_qlearn::*;
/// let mut learner = Learner::new(Dense::new(3, 1, 0.0)?, Config::default())?;
/// let mut planner = Planner::new(PlannerConfig::default(), 1)?;
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
    config: PlannerConfig,
    counts: Counts<S>,
    sweep: Sweep,
    hopes: Hopes,
    hope_sweep: Sweep,
}

impl<S: Copy + Ord> Planner<S> {
    /// A planner that has seen nothing, for a table with so many actions.
    ///
    /// # Errors
    /// Where a number is outside its range.
    pub fn new(config: PlannerConfig, actions: usize) -> Result<Self, PlanError> {
        config.plan.check()?;
        Ok(Self {
            config,
            counts: Counts::new(actions, config.limits)?,
            sweep: Sweep::default(),
            hopes: Hopes::default(),
            hope_sweep: Sweep::default(),
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
        if let (Some(place), Plan::Sweeping { threshold, .. }) = (seen, self.config.plan) {
            self.sweep.note(&self.counts, learner, threshold, place);
        }
        let backups = match self.config.plan {
            Plan::DynaQ { backups, .. } | Plan::Sweeping { backups, .. } => backups,
        };
        let done = self.plan(learner, backups, rng);
        if self.config.tries > 0 {
            self.hope(learner, seen, backups, rng);
        }
        done
    }

    /// Plans without a new transition, as in a pause: `backups` at most. Says how many were made;
    /// fewer mean that sweeping has nothing left to do.
    pub fn plan<V, R>(&mut self, learner: &mut Learner<V>, backups: u32, rng: &mut R) -> u32
    where
        V: Values<State = S>,
        R: Rng + ?Sized,
    {
        match self.config.plan {
            Plan::DynaQ { backup, .. } => self.dream(learner, backups, backup, rng),
            Plan::Sweeping { threshold, .. } => {
                self.sweep.run(&self.counts, learner, threshold, backups)
            }
        }
    }

    /// Dyna-Q: backups of pairs that are drawn evenly from those that were seen.
    fn dream<V, R>(
        &mut self,
        learner: &mut Learner<V>,
        backups: u32,
        backup: Backup,
        rng: &mut R,
    ) -> u32
    where
        V: Values<State = S>,
        R: Rng + ?Sized,
    {
        let mut done = 0;
        for _ in 0..backups {
            let Some(cell) = self.counts.draw(rng) else {
                return done;
            };
            let made = match backup {
                Backup::Expected => learner.back_up(&self.counts, cell).is_ok(),
                Backup::Sample => {
                    let step = imagine(&self.counts, cell, rng);
                    learner.rehearse(&step, rng).is_ok()
                }
            };
            done += u32::from(made);
        }
        done
    }

    /// As many full backups of the hopes.
    fn hope<V, R>(
        &mut self,
        learner: &Learner<V>,
        seen: Option<(u32, u32)>,
        backups: u32,
        rng: &mut R,
    ) where
        V: Values<State = S>,
        R: Rng + ?Sized,
    {
        let mut book = Hopeful {
            hopes: &mut self.hopes,
            learner,
            tries: self.config.tries,
        };
        let mut raised = false;
        if let Some((cell, _)) = seen {
            let found = Book::value(learner, &self.counts, cell);
            raised = found.is_ok_and(|value| book.hopes.hear(value));
            // What has just become known does not wait for its first value; nothing is changed if
            // that is out of reach.
            let _ = book.back_up(&self.counts, cell);
        }
        match self.config.plan {
            Plan::DynaQ { .. } => {
                for _ in 0..backups {
                    if let Some(cell) = self.counts.draw(rng) {
                        let _ = book.back_up(&self.counts, cell);
                    }
                }
            }
            Plan::Sweeping { threshold, .. } => {
                if let Some(place) = seen {
                    self.hope_sweep.note(&self.counts, &book, threshold, place);
                }
                if raised {
                    self.hope_sweep.note_all(&self.counts, &book, threshold);
                }
                self.hope_sweep
                    .run(&self.counts, &mut book, threshold, backups);
            }
        }
    }

    /// Writes what the actions of a state could be worth; see [`PlannerConfig::tries`].
    pub(crate) fn fill_hopes(&self, state: S, row: &Row<'_>, out: &mut [f64]) {
        self.hopes
            .fill(&self.counts, self.config.tries, state, row, out);
    }

    /// The settings.
    #[must_use]
    pub const fn config(&self) -> PlannerConfig {
        self.config
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
