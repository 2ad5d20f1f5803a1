//! How a counted model lies in a file, and what is refused when it is read.

use serde::{Deserialize, Serialize};

use super::{Counts, Limits, Tally};
use crate::{ActionId, Mask, Transition};

/// A model cannot be like this.
#[derive(Clone, Copy, PartialEq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CountsError {
    /// Too few or too many actions.
    #[error("{0} actions; a model has 1 to 64")]
    Actions(usize),
    /// A limit outside its range.
    #[error("{0:?}: at least 2 states and at most 2^26, 1 outcome, and a horizon of 2")]
    Limits(Limits),
    /// More states than the limit, or one twice.
    #[error("state number {0} is there twice, or one too many")]
    State(usize),
    /// A pair that cannot be, is there twice, or has no outcome or too many.
    #[error("pair number {0} is there twice, has no place, or not 1 outcome up to the limit")]
    Pair(usize),
    /// An outcome out of order or into nowhere, or with numbers that cannot be.
    #[error("outcome {outcome} of pair number {pair} is out of order or out of range")]
    Outcome {
        /// Which pair, in the order of the file.
        pair: usize,
        /// Which of its outcomes.
        outcome: usize,
    },
}

/// A model as text: states and pairs in the order in which they were first seen.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CountsFile<S> {
    limits: Limits,
    actions: u16,
    states: Vec<(S, Mask)>,
    pairs: Vec<Pair>,
}

/// All outcomes of an action; a state is given by its place in the list of states.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pair {
    state: u32,
    action: ActionId,
    outcomes: Vec<Tally<u32>>,
}

impl<S: Copy> From<Counts<S>> for CountsFile<S> {
    fn from(counts: Counts<S>) -> Self {
        let pairs = counts.seen.iter().map(|cell| {
            let (state, action) = counts.place(*cell);
            Pair {
                state,
                action,
                outcomes: counts.tallies(*cell).to_vec(),
            }
        });
        Self {
            pairs: pairs.collect(),
            limits: counts.limits,
            actions: counts.actions,
            states: counts
                .states
                .iter()
                .map(|known| (known.state, known.mask))
                .collect(),
        }
    }
}

impl<S: Copy + Ord> TryFrom<CountsFile<S>> for Counts<S> {
    type Error = CountsError;

    fn try_from(file: CountsFile<S>) -> Result<Self, CountsError> {
        let mut counts = Self::new(usize::from(file.actions), file.limits)?;
        for (number, (state, mask)) in file.states.into_iter().enumerate() {
            let slot = counts.intern(state);
            if slot.is_none_or(|slot| slot as usize != number) {
                return Err(CountsError::State(number));
            }
            counts.states[number].mask = mask;
        }
        for (number, pair) in file.pairs.into_iter().enumerate() {
            counts.put(number, pair)?;
        }
        Ok(counts)
    }
}

impl<S: Copy + Ord> Counts<S> {
    fn put(&mut self, number: usize, pair: Pair) -> Result<(), CountsError> {
        let fits = (pair.state as usize) < self.states.len() && pair.action.0 < self.actions;
        let amount = 1..=self.limits.outcomes as usize;
        if !fits || !amount.contains(&pair.outcomes.len()) {
            return Err(CountsError::Pair(number));
        }
        let cell = self.cell_at(pair.state, pair.action);
        if !self.tallies(cell).is_empty() {
            return Err(CountsError::Pair(number));
        }
        let mut before = None;
        for (outcome, tally) in pair.outcomes.iter().enumerate() {
            let key = Some((tally.next, tally.terminated));
            if before >= key || !self.is_legal(tally) {
                return Err(CountsError::Outcome {
                    pair: number,
                    outcome,
                });
            }
            before = key;
        }
        self.seen.push(cell);
        for tally in &pair.outcomes {
            self.append(cell, tally.next, tally.terminated, tally.reward, tally.dt);
        }
        self.cells[cell as usize] = pair.outcomes;
        Ok(())
    }

    fn is_legal(&self, tally: &Tally<u32>) -> bool {
        let next = self.states.get(tally.next as usize);
        next.is_some_and(|known| tally.terminated || !known.mask.is_empty())
            && (1..self.limits.horizon).contains(&tally.count)
            && tally.reward.abs() <= Transition::<S>::REWARD_MAX
            && tally.dt > 0.0
            && tally.dt < f64::INFINITY
    }
}
