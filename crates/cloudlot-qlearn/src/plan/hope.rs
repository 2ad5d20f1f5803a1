//! What could be: values for exploring, in which the untried is as good as the best that was found.
//!
//! The learner's table says what is best as far as is known, and stays clean of hope. An agent explores by
//! the hopes, so that it goes, over many steps if need be, to where something was not tried yet, but
//! not where even the best could not make up for the way. As pairs become known, hopes become values.
//!
//! Source: after Brafman and Tennenholtz, "R-max" (2002), with the best value found in place of
//! the largest reward for ever, which nobody would have to tell.

use super::Book;
use crate::explore::Row;
use crate::{ActionId, Counts, Learner, Mask, Refused, Values};

/// The share of the range of values seen by which a new best raises the hopes beyond itself, so
/// that a slow rise does not raise them each time.
const MARGIN: f64 = 0.1;

/// Values of pairs as they could be. What is hoped of the untried never falls: in a world that has
/// become worse the untried is tried all the sooner.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Hopes {
    /// The bits of the value of each cell that was tried often enough; others may hold anything.
    pub(super) values: Vec<u64>,
    /// The lowest value that was found, and what is hoped of the untried; nothing before the first.
    pub(super) range: Option<(f64, f64)>,
}

impl Hopes {
    /// Takes in a value that was found; says whether that raises what is hoped of the untried.
    pub(super) fn hear(&mut self, value: f64) -> bool {
        let Some((lowest, height)) = &mut self.range else {
            self.range = Some((value, value));
            return true;
        };
        *lowest = lowest.min(value);
        let raised = value > *height;
        if raised {
            *height = value + MARGIN * (value - *lowest);
        }
        raised
    }

    /// What an action could be worth: what the hopes say if it was counted often enough, what the learner
    /// says if it learned often enough elsewhere, and otherwise as much as the best.
    fn hope<S: Copy>(
        &self,
        counts: &Counts<S>,
        tries: u32,
        slot: Option<u32>,
        row: &Row<'_>,
        action: ActionId,
    ) -> f64 {
        let cell = slot.and_then(|slot| counts.cell_in(slot, action));
        if let Some(cell) = cell.filter(|cell| counts.total(*cell) >= tries)
            && let Some(bits) = self.values.get(cell as usize)
        {
            return f64::from_bits(*bits);
        }
        let value = row.values[action.index()];
        match self.range {
            Some((_, height)) if row.visits[action.index()] < tries => value.max(height),
            _ => value,
        }
    }

    /// Writes what the actions of a state could be worth.
    pub(super) fn fill<S: Copy + Ord>(
        &self,
        counts: &Counts<S>,
        tries: u32,
        state: S,
        row: &Row<'_>,
        out: &mut [f64],
    ) {
        let slot = counts.slot(state);
        for action in row.mask.iter() {
            out[action.index()] = self.hope(counts, tries, slot, row, action);
        }
    }

    fn set(&mut self, cell: u32, value: f64) {
        let at = cell as usize;
        if self.values.len() <= at {
            self.values.resize(at + 1, 0);
        }
        self.values[at] = value.to_bits();
    }
}

/// The hopes as a book: what is behind them is the learner's table.
pub(super) struct Hopeful<'a, V: Values> {
    pub(super) hopes: &'a mut Hopes,
    pub(super) learner: &'a Learner<V>,
    pub(super) tries: u32,
}

impl<V: Values> Book<V::State> for Hopeful<'_, V> {
    fn worth(&self, counts: &Counts<V::State>, slot: u32) -> Result<f64, Refused> {
        let (state, mask) = counts.known(slot);
        self.learner.look(state, mask, |row| {
            let hopes = row.mask.iter().map(|action| {
                self.hopes
                    .hope(counts, self.tries, Some(slot), &row, action)
            });
            hopes.fold(f64::NEG_INFINITY, f64::max)
        })
    }

    fn value(&self, counts: &Counts<V::State>, cell: u32) -> Result<f64, Refused> {
        let (slot, action) = counts.place(cell);
        let mask = Mask::NONE.with(action);
        self.learner.look(counts.known(slot).0, mask, |row| {
            self.hopes
                .hope(counts, self.tries, Some(slot), &row, action)
        })
    }

    fn settle(&mut self, _: &Counts<V::State>, cell: u32, goal: f64) -> Result<(), Refused> {
        if !goal.is_finite() {
            return Err(Refused::Diverged(goal));
        }
        self.hopes.set(cell, goal);
        Ok(())
    }

    fn discount_over(&self, dt: f64) -> f64 {
        self.learner.discount_over(dt)
    }
}
