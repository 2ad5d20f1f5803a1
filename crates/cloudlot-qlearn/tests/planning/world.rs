//! Worlds from the reference files, and the exact worth of a policy in one without chance.

use cloudlot_qlearn::{
    ActionId, Agent, Dense, End, Environment, Mask, Outcome, Start, StateId, Stream, below, stream,
    unit,
};
use serde_json::Value;

/// Probability, next state, reward, terminated.
pub(crate) type Branch = (f64, u32, f64, bool);

/// A world that is given as a table of branches.
#[derive(Clone)]
pub(crate) struct Table {
    pub(crate) branches: Vec<Vec<Vec<Branch>>>,
    starts: Vec<u32>,
    masks: Vec<Mask>,
    state: usize,
    chance: Stream,
}

impl Table {
    pub(crate) fn read(text: &str) -> Self {
        let file: Value = serde_json::from_str(text).unwrap();
        let branches: Vec<Vec<Vec<Branch>>> = serde_json::from_value(file["P"].clone()).unwrap();
        let starts = file["initial_state_distribution"].as_object().unwrap();
        let actions = branches[0].len();
        Self {
            masks: vec![Mask::all(actions); branches.len()],
            branches,
            starts: starts.keys().map(|key| key.parse().unwrap()).collect(),
            state: 0,
            chance: stream(0, 0),
        }
    }

    pub(crate) fn taxi() -> Self {
        Self::read(include_str!("../data/taxi.json"))
    }

    /// Taxi with the actions that do something.
    pub(crate) fn masked_taxi() -> Self {
        let mut taxi = Self::taxi();
        let file: Value = serde_json::from_str(include_str!("../data/taxi.json")).unwrap();
        let rows: Vec<Vec<u8>> = serde_json::from_value(file["action_mask"].clone()).unwrap();
        taxi.masks = rows
            .iter()
            .map(|row| {
                let allowed = (0..).zip(row).filter(|(_, allowed)| **allowed == 1);
                allowed.fold(Mask::NONE, |mask, (action, _)| mask.with(ActionId(action)))
            })
            .collect();
        taxi
    }

    /// The mean total over all starts of the best actions, for at most 200 steps; exact in a world
    /// without chance.
    pub(crate) fn worth(&self, agent: &Agent<Dense>) -> f64 {
        let mut total = 0.0;
        for start in &self.starts {
            let mut state = *start;
            for _ in 0..200 {
                let mask = self.masks[state as usize];
                let action = agent.learner.best(StateId(state), mask).unwrap().action;
                let (_, next, reward, ended) = self.branches[state as usize][action.index()][0];
                total += reward;
                state = next;
                if ended {
                    break;
                }
            }
        }
        total / self.starts.len() as f64
    }
}

impl Environment for Table {
    type State = StateId;

    fn reset(&mut self, seed: Option<u64>) -> Start {
        if let Some(seed) = seed {
            self.chance = stream(seed, 1);
        }
        let amount = u32::try_from(self.starts.len()).unwrap();
        self.state = self.starts[below(&mut self.chance, amount) as usize] as usize;
        Start {
            state: StateId(u32::try_from(self.state).unwrap()),
            mask: self.masks[self.state],
        }
    }

    fn step(&mut self, action: ActionId) -> Outcome {
        let branches = &self.branches[self.state][action.index()];
        let mut left = unit(&mut self.chance);
        let drawn = branches.iter().find(|branch| {
            let here = left < branch.0;
            left -= branch.0;
            here
        });
        let (_, next, reward, ended) = *drawn.unwrap_or(&branches[branches.len() - 1]);
        self.state = next as usize;
        Outcome {
            state: StateId(next),
            mask: self.masks[self.state],
            reward,
            end: if ended { End::Terminated } else { End::Running },
            dt: 1.0,
        }
    }
}
