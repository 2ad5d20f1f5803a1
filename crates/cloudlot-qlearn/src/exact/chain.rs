//! A model under one policy: a Markov chain with rewards.

use super::linear::{self, DENSE_MAX};
use super::{Model, Policy, PolicyError, SolveError};
use crate::{ActionId, StateId};

/// By how much values may still change, relative to the largest, where they are swept for.
const SWEPT_ENOUGH: f64 = 1e-15;

/// How many sweeps are tried where there are too many states for a dense solution.
const SWEEPS_MAX: u32 = 1_000_000;

/// What follows what, and what it earns on average. Nothing follows a terminated branch.
pub(super) struct Chain {
    first: Vec<usize>,
    links: Vec<(usize, f64)>,
    /// The mean reward of a step from each state.
    pub(super) rewards: Vec<f64>,
    /// Whether a step from a state may be the last; also for terminal states.
    pub(super) ends: Vec<bool>,
}

impl Chain {
    pub(super) fn new(model: &Model, policy: &Policy) -> Result<Self, PolicyError> {
        policy.check(model)?;
        let mut chain = Self {
            first: vec![0],
            links: Vec::new(),
            rewards: vec![0.0; model.states()],
            ends: vec![false; model.states()],
        };
        for state in model.state_ids() {
            chain.ends[state.index()] = model.is_terminal(state);
            let row = policy.probabilities();
            for (action, &chosen) in (0..).map(ActionId).zip(row.row(state.index())) {
                if chosen > 0.0 {
                    chain.add(model, state, action, chosen);
                }
            }
            chain.first.push(chain.links.len());
        }
        Ok(chain)
    }

    fn add(&mut self, model: &Model, state: StateId, action: ActionId, chosen: f64) {
        for branch in model.branches(state, action) {
            let probability = chosen * branch.probability;
            self.rewards[state.index()] += probability * branch.reward;
            if branch.terminated {
                self.ends[state.index()] = true;
            } else {
                self.links.push((branch.next.index(), probability));
            }
        }
    }

    pub(super) fn states(&self) -> usize {
        self.rewards.len()
    }

    /// Where a step from `state` leads, and how likely.
    pub(super) fn links(&self, state: usize) -> &[(usize, f64)] {
        &self.links[self.first[state]..self.first[state + 1]]
    }

    /// The mean of `values` after a step from `state`.
    pub(super) fn mean_after(&self, state: usize, values: &[f64]) -> f64 {
        self.links(state)
            .iter()
            .map(|(next, p)| p * values[*next])
            .sum()
    }

    /// The states from which one of the `targets` can be reached; the targets themselves, too.
    pub(super) fn reaching(&self, mut targets: Vec<bool>) -> Vec<bool> {
        let mut before = vec![Vec::new(); self.states()];
        for state in 0..self.states() {
            for (next, _) in self.links(state) {
                before[*next].push(state);
            }
        }
        let mut open: Vec<usize> = (0..self.states()).filter(|state| targets[*state]).collect();
        while let Some(state) = open.pop() {
            for &earlier in &before[state] {
                if !targets[earlier] {
                    targets[earlier] = true;
                    open.push(earlier);
                }
            }
        }
        targets
    }

    /// The states that can be reached from `from`, that one included.
    pub(super) fn reached(&self, from: usize) -> Vec<bool> {
        let mut reached = vec![false; self.states()];
        reached[from] = true;
        let mut open = vec![from];
        while let Some(state) = open.pop() {
            for &(next, _) in self.links(state) {
                if !reached[next] {
                    reached[next] = true;
                    open.push(next);
                }
            }
        }
        reached
    }

    /// The values of all states: the sums of discounted rewards.
    pub(super) fn values(&self, discount: f64) -> Result<Vec<f64>, SolveError> {
        let mut unknown = vec![true; self.states()];
        if discount == 1.0 {
            // Where no reward can come any more the sum is zero, even if it goes on for ever.
            unknown = self.reaching(self.rewards.iter().map(|reward| *reward != 0.0).collect());
            let settled = self
                .ends
                .iter()
                .zip(&unknown)
                .map(|(ends, unknown)| *ends || !unknown);
            let settling = self.reaching(settled.collect());
            if let Some(state) = settling.iter().position(|settling| !settling) {
                return Err(endless(state));
            }
        }
        let mut values = vec![0.0; self.states()];
        self.solve(&unknown, &mut values, &self.rewards, discount)?;
        Ok(values)
    }

    /// Replaces the unknown among `values`: each is its reward and the discounted mean after it.
    pub(super) fn solve(
        &self,
        unknown: &[bool],
        values: &mut [f64],
        rewards: &[f64],
        discount: f64,
    ) -> Result<(), SolveError> {
        let states: Vec<usize> = (0..self.states()).filter(|state| unknown[*state]).collect();
        if states.len() > DENSE_MAX {
            return self.sweep(&states, values, rewards, discount);
        }
        let mut place = vec![None; self.states()];
        for (index, state) in states.iter().enumerate() {
            place[*state] = Some(index);
        }
        let mut matrix = vec![vec![0.0; states.len()]; states.len()];
        let mut right = Vec::with_capacity(states.len());
        for (row, &state) in states.iter().enumerate() {
            matrix[row][row] += 1.0;
            let mut constant = rewards[state];
            for &(next, probability) in self.links(state) {
                match place[next] {
                    Some(column) => matrix[row][column] -= discount * probability,
                    None => constant += discount * probability * values[next],
                }
            }
            right.push(constant);
        }
        let first = states.first().copied().unwrap_or(0);
        let solved = linear::solve(matrix, right).ok_or(endless(first))?;
        for (state, value) in states.into_iter().zip(solved) {
            values[state] = value;
        }
        Ok(())
    }

    fn sweep(
        &self,
        states: &[usize],
        values: &mut [f64],
        rewards: &[f64],
        discount: f64,
    ) -> Result<(), SolveError> {
        let mut residual = f64::INFINITY;
        for _ in 0..SWEEPS_MAX {
            let (mut largest, mut change) = (0.0_f64, 0.0_f64);
            for &state in states {
                let value = rewards[state] + discount * self.mean_after(state, values);
                change = change.max((value - values[state]).abs());
                largest = largest.max(value.abs());
                values[state] = value;
            }
            residual = change;
            if change <= SWEPT_ENOUGH * largest {
                return Ok(());
            }
        }
        let sweeps = SWEEPS_MAX;
        Err(SolveError::NotConverged {
            discount,
            residual,
            sweeps,
        })
    }
}

fn endless(state: usize) -> SolveError {
    SolveError::Endless {
        state: u32::try_from(state).unwrap_or(u32::MAX),
    }
}
