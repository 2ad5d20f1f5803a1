//! The rules that tell earlier steps: Watkins Q(λ) and SARSA(λ).
//!
//! A trace says what part of an error reaches a cell. Only the cells that an episode touched have
//! one, in a short list; what has faded is dropped from it. A trace carries the step size of the
//! visit that left it, so that a well-known cell stays calm when a new one behind it moves far.
//! A step that the last one did not announce, by its state or its action, begins anew.
//! Source: van Seijen and Sutton, "True Online TD(λ)" (2014).

use serde::{Deserialize, Serialize};

use super::one_step::is_credible;
use super::{Learner, Memory, Refused, Update};
use crate::values::Values;
use crate::{ActionId, End, Trace, Transition};

/// A trace below this has faded: dropping it changes a value by some 10⁻¹³ of the errors to come.
const FADED: f64 = 1e-14;

/// The traces of an episode.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Traces<S> {
    /// Cells and their traces, in the order in which the episode first touched them.
    pub(crate) active: Vec<(usize, f64)>,
    /// Where the last step led, and what was to be done there.
    pub(crate) announced: Option<(S, Option<ActionId>)>,
    /// The next list while it is made, and empty otherwise.
    #[serde(skip)]
    draft: Vec<(usize, f64)>,
    /// The cells of the step, and empty otherwise.
    #[serde(skip)]
    touched: Vec<usize>,
}

impl<S> Default for Traces<S> {
    fn default() -> Self {
        Self {
            active: Vec::new(),
            announced: None,
            draft: Vec::new(),
            touched: Vec::new(),
        }
    }
}

impl<S: Copy + PartialEq> Traces<S> {
    /// Drafts the traces that a step finds. One that was not announced finds none.
    fn begin(&mut self, step: &Transition<S>) {
        self.draft.clear();
        if self.announced == Some((step.state, Some(step.executed))) {
            self.draft.extend_from_slice(&self.active);
        }
    }

    /// Lets the traces of the touched cells grow.
    fn grow(&mut self, trace: Trace, step_size: f64) {
        let share = touch(&mut self.draft, &self.touched, trace, step_size);
        for cell in self.touched.drain(..) {
            match self.draft.iter_mut().find(|(active, _)| *active == cell) {
                Some((_, trace)) => *trace += share,
                None => self.draft.push((cell, share)),
            }
        }
    }

    /// Whether every cell of the draft can move by what reaches it of an error.
    fn can_carry<V: Values>(&self, td_error: f64, values: &V) -> bool {
        self.draft
            .iter()
            .all(|&(cell, trace)| (values.cell(cell) + td_error * trace).is_finite())
    }

    /// Takes the draft over, as far as it reaches the next step.
    fn keep(&mut self, step: &Transition<S>, kept: f64) {
        for (_, trace) in &mut self.draft {
            *trace *= kept;
        }
        self.draft.retain(|(_, trace)| trace.abs() >= FADED);
        std::mem::swap(&mut self.active, &mut self.draft);
        self.draft.clear();
        self.announced = (step.end == End::Running).then_some((step.next, step.next_action));
    }

    /// Begins anew.
    pub(super) fn clear(&mut self) {
        self.active.clear();
        self.announced = None;
    }
}

/// Makes room in the traces of the cells that a step touches, and says by how much each grows.
fn touch(traces: &mut [(usize, f64)], touched: &[usize], trace: Trace, step_size: f64) -> f64 {
    let count = u32::try_from(touched.len().max(1)).unwrap_or(u32::MAX);
    let share = step_size / f64::from(count);
    let theirs = traces.iter_mut().filter(|(cell, _)| touched.contains(cell));
    match trace {
        Trace::Accumulating => share,
        Trace::Replacing => {
            theirs.for_each(|(_, trace)| *trace = 0.0);
            share
        }
        Trace::Dutch => share * (1.0 - theirs.map(|(_, trace)| *trace).sum::<f64>()),
    }
}

impl<V: Values> Learner<V> {
    pub(super) fn watkins(
        &mut self,
        step: &Transition<V::State>,
        lambda: f64,
        trace: Trace,
    ) -> Result<Update, Refused> {
        if step.end == End::Terminated {
            return self.by_traces(step, trace, step.reward, 0.0);
        }
        let discount = self.discount(step);
        let best = self.values.best(step.next, step.next_mask.and(self.all));
        // What follows an exploration says nothing about the greedy policy.
        let greedy = step
            .next_action
            .is_some_and(|next| self.values.value(step.next, next) == best);
        let kept = if greedy { discount * lambda } else { 0.0 };
        self.by_traces(step, trace, step.reward + discount * best, kept)
    }

    pub(super) fn sarsa_lambda(
        &mut self,
        step: &Transition<V::State>,
        lambda: f64,
        trace: Trace,
    ) -> Result<Update, Refused> {
        match (step.end, step.next_action) {
            (End::Running | End::Truncated, Some(next)) => {
                let discount = self.discount(step);
                let goal = step.reward + discount * self.values.value(step.next, next);
                self.by_traces(step, trace, goal, discount * lambda)
            }
            _ => self.by_traces(step, trace, step.reward, 0.0),
        }
    }

    /// Moves the value of a step towards `goal` and the earlier ones by what their traces carry;
    /// then the traces keep a part of themselves.
    fn by_traces(
        &mut self,
        step: &Transition<V::State>,
        trace: Trace,
        goal: f64,
        kept: f64,
    ) -> Result<Update, Refused> {
        let Memory::Traces(traces) = &mut self.memory else {
            return Ok(Update::default());
        };
        let values = &mut self.values;
        let td_error = goal - values.value(step.state, step.executed);
        if !is_credible(td_error) {
            return Err(Refused::Diverged(td_error));
        }
        let visits = values
            .with_row(step.state, |_, visits| visits[step.executed.index()])
            .saturating_add(1);
        let step_size = self.config.step_size.at(visits, self.config.discount);

        traces.begin(step);
        let touched = &mut traces.touched;
        values.cells(step.state, step.executed, |cell| touched.push(cell));
        traces.grow(trace, step_size);
        if !traces.can_carry(td_error, values) {
            traces.draft.clear();
            return Err(Refused::Diverged(td_error));
        }

        for &(cell, trace) in &traces.draft {
            values.add_to_cell(cell, td_error * trace);
        }
        values.visit(step.state, step.executed);
        let kept = if step.end == End::Running { kept } else { 0.0 };
        traces.keep(step, kept);
        Ok(Update {
            td_error,
            step_size,
            visits,
        })
    }

    pub(super) fn clear_traces(&mut self) {
        if let Memory::Traces(traces) = &mut self.memory {
            traces.clear();
        }
    }
}
