//! The reference log and the world it comes from.

use std::sync::LazyLock;

use cloudlot_qlearn::offline::{ActionValues, Header, Log, TargetPolicy};
use cloudlot_qlearn::{ActionId, End, Mask, StateId, Stream, Transition, below, unit};
use ndarray::{Array2, Array3};
use serde::Deserialize;

/// State, action, reward, next state, and whether it is terminal.
type Step = (u32, u16, f64, u32, bool);

#[derive(Deserialize)]
pub(crate) struct Reference {
    pub(crate) gamma: f64,
    pub(crate) horizon: usize,
    #[serde(rename = "P")]
    outcomes: Vec<Vec<Vec<(f64, u32)>>>,
    #[serde(rename = "R")]
    rewards: Vec<Vec<f64>>,
    terminal: u32,
    target_pi: Vec<Vec<f64>>,
    behaviour: Vec<Vec<f64>>,
    episodes: Vec<Vec<Step>>,
    #[serde(rename = "Q_hat")]
    values: Vec<Option<Vec<Vec<f64>>>>,
    pub(crate) exact_value: f64,
    pub(crate) estimates: Estimates,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Estimates {
    pub(crate) importance_sampling: f64,
    pub(crate) weighted_importance_sampling: f64,
    pub(crate) per_decision_is: f64,
    pub(crate) weighted_per_decision_is: f64,
    pub(crate) doubly_robust: f64,
    pub(crate) effective_sample_size: f64,
    pub(crate) behaviour_mean_return: f64,
}

pub(crate) static REFERENCE: LazyLock<Reference> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../data/off_policy_evaluation.json")).unwrap()
});

fn rows(rows: &[Vec<f64>]) -> Array2<f64> {
    let shape = (rows.len(), rows[0].len());
    Array2::from_shape_vec(shape, rows.concat()).unwrap()
}

impl Reference {
    pub(crate) fn header(&self) -> Header {
        Header::new(7, 3, self.gamma).unwrap()
    }

    pub(crate) fn log(&self) -> Log {
        let steps = self.episodes.iter().flat_map(|episode| {
            let last = episode.len() - 1;
            episode.iter().enumerate().map(move |(k, step)| {
                let (state, action, reward, next, terminated) = *step;
                self.step(state, action, reward, next, self.end(terminated, k == last))
            })
        });
        Log::new(self.header(), steps).unwrap()
    }

    fn end(&self, terminated: bool, last: bool) -> End {
        match (terminated, last) {
            (true, _) => End::Terminated,
            (false, true) => End::Truncated,
            (false, false) => End::Running,
        }
    }

    fn step(&self, state: u32, action: u16, reward: f64, next: u32, end: End) -> Transition {
        let (state, next) = (StateId(state), StateId(next));
        Transition {
            probability: self.behaviour[state.index()][usize::from(action)],
            end,
            ..Transition::new(state, ActionId(action), reward, next, Mask::all(3))
        }
    }

    pub(crate) fn target(&self) -> TargetPolicy {
        TargetPolicy::stochastic(rows(&self.target_pi)).unwrap()
    }

    pub(crate) fn values(&self) -> ActionValues {
        let layers: Vec<f64> = self
            .values
            .iter()
            .flatten()
            .flatten()
            .flatten()
            .copied()
            .collect();
        let layers = Array3::from_shape_vec((self.horizon, 7, 3), layers).unwrap();
        ActionValues::by_steps_to_go(layers).unwrap()
    }

    /// What a policy earns from state 0 within the horizon, from the world's own chances.
    pub(crate) fn exact(&self, policy: &Array2<f64>) -> f64 {
        let mut values = vec![0.0; 7];
        for _ in 0..self.horizon {
            let worth = |state: usize| {
                let mut worth = 0.0;
                for (action, probability) in policy.row(state).iter().enumerate() {
                    let outcomes = self.outcomes[state][action].iter();
                    let next: f64 = outcomes.map(|(p, next)| p * values[*next as usize]).sum();
                    worth += probability * (self.rewards[state][action] + self.gamma * next);
                }
                worth
            };
            // The terminal state stays worth nothing.
            values = (0..7)
                .map(|s| {
                    if s == self.terminal as usize {
                        0.0
                    } else {
                        worth(s)
                    }
                })
                .collect();
        }
        values[0]
    }

    /// The target, and the behaviour that made the log.
    pub(crate) fn policies(&self) -> (Array2<f64>, Array2<f64>) {
        (rows(&self.target_pi), rows(&self.behaviour))
    }

    /// A fresh log of `episodes` from the same world and the same uniform behaviour.
    pub(crate) fn fresh(&self, episodes: usize, rng: &mut Stream) -> Log {
        let mut steps = Vec::new();
        for _ in 0..episodes {
            let mut state = 0;
            for k in 1..=self.horizon {
                let action = u16::try_from(below(rng, 3)).unwrap();
                let outcomes = &self.outcomes[state as usize][usize::from(action)];
                let next = drawn(outcomes, unit(rng));
                let end = self.end(next == self.terminal, k == self.horizon);
                let reward = self.rewards[state as usize][usize::from(action)];
                steps.push(self.step(state, action, reward, next, end));
                state = next;
                if end != End::Running {
                    break;
                }
            }
        }
        Log::new(self.header(), steps).unwrap()
    }
}

fn drawn(outcomes: &[(f64, u32)], mut at: f64) -> u32 {
    for (probability, next) in outcomes {
        if at < *probability {
            return *next;
        }
        at -= probability;
    }
    outcomes.last().unwrap().1
}
