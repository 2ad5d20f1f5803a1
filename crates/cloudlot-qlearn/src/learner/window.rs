//! The rules that wait for the next few rewards: n-step SARSA and n-step tree backup.
//!
//! The last steps stay in a ring until the return of the oldest is complete: when the ring is
//! full, or when the episode ends. Then they are learned oldest first, each with the table as the
//! one before it left it; their visits are counted together, after the last. Source: Sutton and Barto, 2nd edition, sections 7.2 and 7.5.

use std::collections::VecDeque;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::one_step::is_credible;
use super::{Learner, Memory, Refused, Update};
use crate::explore::best;
use crate::values::Values;
use crate::{ACTIONS_MAX, End, Rule, Target, Transition};

/// A step whose return is not complete.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Past<S> {
    pub(crate) step: Transition<S>,
    /// What the value of `step.next` is worth at `step.state`.
    pub(crate) discount: f64,
}

/// The steps that wait, oldest first. Each begins where the one before it led.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Window<S> {
    pub(crate) steps: VecDeque<Past<S>>,
    /// Cells that were written, with what they held: empty but during an observation.
    #[serde(skip)]
    written: Vec<(usize, f64)>,
}

impl<S> Window<S> {
    /// Room for `steps` steps; their returns are complete before there are more.
    pub(crate) fn new(steps: usize) -> Self {
        Self {
            steps: VecDeque::with_capacity(steps),
            written: Vec::with_capacity(steps),
        }
    }
}

impl<V: Values> Learner<V> {
    /// Takes in one more step and learns what is complete with it.
    ///
    /// A step that does not begin where the last one led has lost its past: the steps that wait are
    /// learned as at a truncated end.
    pub(super) fn by_window(
        &mut self,
        step: &Transition<V::State>,
        length: u32,
    ) -> Result<Update, Refused> {
        self.with_window(|learner, window| {
            let steps = &mut window.steps;
            let broken = steps
                .back()
                .is_some_and(|last| last.step.next != step.state);
            let begin = if broken { steps.len() } else { 0 };
            let discount = learner.discount(step);
            steps.push_back(Past {
                step: *step,
                discount,
            });
            let end = steps.len();
            let complete = if step.end != End::Running {
                end
            } else if end - begin == length as usize {
                begin + 1
            } else {
                begin
            };
            let learned = learner
                .learn(window, 0..begin, begin)
                .and_then(|before| Ok(learner.learn(window, begin..end, complete)?.or(before)));
            learner.close(window, learned, complete, 1)
        })
    }

    /// Learns from the steps that wait, as at a truncated end.
    pub(super) fn close_window(&mut self) -> Result<(), Refused> {
        self.with_window(|learner, window| {
            let end = window.steps.len();
            let learned = learner.learn(window, 0..end, end);
            learner.close(window, learned, end, 0)
        })?;
        Ok(())
    }

    fn with_window(
        &mut self,
        work: impl FnOnce(&mut Self, &mut Window<V::State>) -> Result<Update, Refused>,
    ) -> Result<Update, Refused> {
        let mut memory = std::mem::take(&mut self.memory);
        let result = match &mut memory {
            Memory::Window(window) => work(self, window),
            Memory::Nothing | Memory::Traces(_) => Ok(Update::default()),
        };
        self.memory = memory;
        result
    }

    /// Moves the values of the steps of `run` that lie before `complete`, and says how the last
    /// one moved. Their visits are not counted yet, so that everything can be taken back.
    fn learn(
        &mut self,
        window: &mut Window<V::State>,
        run: Range<usize>,
        complete: usize,
    ) -> Result<Option<Update>, Refused> {
        let mut last = None;
        for first in run.start..complete {
            let goal = match self.config.rule {
                Rule::TreeBackup { target, .. } => {
                    self.backed_up(&window.steps, first..run.end, target)?
                }
                _ => self.sampled(&window.steps, first..run.end),
            };
            last = Some(self.move_past(window, first, goal)?);
        }
        Ok(last)
    }

    /// Forgets the `complete` oldest steps and counts their visits, or takes back what was written
    /// and forgets the `taken` newest steps.
    fn close(
        &mut self,
        window: &mut Window<V::State>,
        learned: Result<Option<Update>, Refused>,
        complete: usize,
        taken: usize,
    ) -> Result<Update, Refused> {
        match learned {
            Ok(update) => {
                window.written.clear();
                for past in window.steps.drain(..complete) {
                    self.values.visit(past.step.state, past.step.executed);
                }
                // A table that makes its rows on demand makes this one now, so that a refusal to
                // come finds it made.
                if let Some(past) = window.steps.back() {
                    let (state, action) = (past.step.state, past.step.executed);
                    self.values.cells(state, action, |_| {});
                }
                Ok(update.unwrap_or_default())
            }
            Err(refused) => {
                for (cell, content) in window.written.drain(..).rev() {
                    restore(&mut self.values, cell, content);
                }
                window.steps.truncate(window.steps.len() - taken);
                Err(refused)
            }
        }
    }

    /// The rewards of a run, then the value of the action after them.
    fn sampled(&self, steps: &VecDeque<Past<V::State>>, run: Range<usize>) -> f64 {
        let last = &steps[run.end - 1].step;
        let after = match (last.end, last.next_action) {
            (End::Running | End::Truncated, Some(next)) => self.values.value(last.next, next),
            _ => 0.0,
        };
        steps
            .range(run)
            .rev()
            .fold(after, |sum, past| past.step.reward + past.discount * sum)
    }

    /// The rewards of a run, as far as the target would have gone along.
    fn backed_up(
        &self,
        steps: &VecDeque<Past<V::State>>,
        run: Range<usize>,
        target: Target,
    ) -> Result<f64, Refused> {
        let mut sum = 0.0;
        for (place, past) in run.clone().zip(steps.range(run.clone())).rev() {
            let done = (place + 1 < run.end).then(|| (&steps[place + 1].step, sum));
            sum = past.step.reward;
            if past.step.end != End::Terminated {
                sum += past.discount * self.next_value(past, done, target)?;
            }
        }
        Ok(sum)
    }

    /// What the target expects after a step, where for the action that was `done` there its
    /// return is known.
    fn next_value(
        &self,
        past: &Past<V::State>,
        done: Option<(&Transition<V::State>, f64)>,
        target: Target,
    ) -> Result<f64, Refused> {
        let (state, mask) = (past.step.next, past.step.next_mask);
        match target {
            Target::Greedy => self.look(state, mask, |row| {
                let greedy = best(row.values, row.mask).action;
                match done {
                    Some((step, sum)) if step.executed == greedy => sum,
                    _ => row.values[greedy.index()],
                }
            }),
            Target::Exploring => self.look(state, mask, |row| {
                let mut chance = [0.0; ACTIONS_MAX];
                let chance = &mut chance[..row.values.len()];
                self.config.explore.distribution(row, self.rate, chance);
                let worth = |action| match done {
                    Some((step, sum)) if step.executed == action => sum,
                    _ => row.values[action.index()],
                };
                // What the target never does counts for nothing, also where it is not finite.
                row.mask
                    .iter()
                    .filter(|action| chance[action.index()] > 0.0)
                    .map(|action| chance[action.index()] * worth(action))
                    .sum()
            }),
        }
    }

    /// Moves the value of a step in the window towards its return.
    fn move_past(
        &mut self,
        window: &mut Window<V::State>,
        place: usize,
        goal: f64,
    ) -> Result<Update, Refused> {
        let (state, action) = {
            let step = &window.steps[place].step;
            (step.state, step.executed)
        };
        let td_error = goal - self.values.value(state, action);
        if !is_credible(td_error) {
            return Err(Refused::Diverged(td_error));
        }
        // The steps before this one are learned, but their visits are not counted yet.
        let uncounted = window
            .steps
            .range(..place)
            .filter(|past| past.step.state == state && past.step.executed == action)
            .count();
        let visits = self
            .values
            .with_row(state, |_, visits| visits[action.index()])
            .saturating_add(u32::try_from(uncounted).unwrap_or(u32::MAX))
            .saturating_add(1);
        let step_size = self.config.step_size.at(visits, self.config.discount);
        let delta = step_size * td_error;

        let before = window.written.len();
        let written = &mut window.written;
        self.values
            .cells(state, action, |cell| written.push((cell, 0.0)));
        for (cell, content) in &mut written[before..] {
            *content = self.values.cell(*cell);
        }
        let bounded = |(_, content): &(usize, f64)| (content + delta).is_finite();
        if !written[before..].iter().all(bounded) {
            written.truncate(before);
            return Err(Refused::Diverged(td_error));
        }
        self.values.add(state, action, delta);
        Ok(Update {
            td_error,
            step_size,
            visits,
        })
    }
}

/// Gives a cell its former content back, to the last digit.
fn restore<V: Values>(values: &mut V, cell: usize, content: f64) {
    // One addition rounds; what it leaves over is smaller by a factor of 2⁵², so a few suffice.
    for _ in 0..4 {
        let missing = content - values.cell(cell);
        if missing == 0.0 {
            break;
        }
        values.add_to_cell(cell, missing);
    }
}
