//! The walk along the cliff: while it explores, Q-learning pays for the shortest path, and SARSA
//! and Expected SARSA keep their distance. With a step size of 1 SARSA diverges, Expected SARSA
//! does not.
//!
//! Source: Sutton and Barto, 2nd edition, example 6.6 and section 6.6.

use cloudlot_qlearn::{
    ActionId, Agent, Config, Dense, End, Environment, Explore, Learner, Mask, Outcome, Rule, Start,
    StateId, StepSize,
};
use serde_json::Value;

use crate::{Runs, reference};

const RUNS: u64 = 60;
const EPISODES: usize = 1000;
/// How many runs are behind the references.
const REFERENCE_RUNS: f64 = 300.0;

/// Where an action leads, what it earns, and whether that is the end.
#[derive(Clone, Copy)]
struct Way {
    next: StateId,
    reward: f64,
    end: End,
}

/// The ground truth as a world; nothing in it is left to chance.
struct Cliff {
    ways: Vec<[Way; 4]>,
    at: StateId,
}

impl Cliff {
    const START: StateId = StateId(36);

    fn new() -> Self {
        let text = include_str!("../data/cliffwalking.json");
        let file: Value = serde_json::from_str(text).unwrap();
        let rows = file["P"].as_array().unwrap();
        Self {
            ways: rows
                .iter()
                .map(|row| [0, 1, 2, 3].map(|action| way(&row[action][0])))
                .collect(),
            at: Self::START,
        }
    }
}

fn way(outcome: &Value) -> Way {
    assert_eq!(outcome[0], 1.0);
    Way {
        next: StateId(u32::try_from(outcome[1].as_u64().unwrap()).unwrap()),
        reward: outcome[2].as_f64().unwrap(),
        end: if outcome[3].as_bool().unwrap() {
            End::Terminated
        } else {
            End::Running
        },
    }
}

impl Environment for Cliff {
    type State = StateId;

    fn reset(&mut self, _: Option<u64>) -> Start {
        self.at = Self::START;
        Start {
            state: self.at,
            mask: Mask::all(4),
        }
    }

    fn step(&mut self, action: ActionId) -> Outcome {
        let way = self.ways[self.at.index()][action.index()];
        self.at = way.next;
        Outcome {
            state: way.next,
            mask: Mask::all(4),
            reward: way.reward,
            end: way.end,
            dt: 1.0,
        }
    }
}

/// The mean returns of the first hundred episodes, of those from 400 to 500, and of the last 200.
fn returns(rule: Rule, alpha: f64) -> [Runs; 3] {
    let config = Config {
        rule,
        discount: 1.0,
        step_size: StepSize::Constant(alpha),
        explore: Explore::epsilon(0.1),
    };
    let mut world = Cliff::new();
    let mut means = [const { Vec::new() }; 3];
    for run in 0..RUNS {
        let learner = Learner::new(Dense::new(48, 4, 0.0).unwrap(), config).unwrap();
        let mut agent = Agent::new(learner, 1, run);
        let mut totals = Vec::with_capacity(EPISODES);
        for _ in 0..EPISODES {
            let episode = agent.run(&mut world, 1_000_000).unwrap();
            assert_eq!(episode.end, End::Terminated);
            totals.push(episode.total);
        }
        for (list, part) in means.iter_mut().zip([0..100, 400..500, 800..1000]) {
            list.push(Runs::of(&totals[part]).mean);
        }
    }
    means.map(|list| Runs::of(&list))
}

fn follows(entry: &str, rule: Rule, alpha: f64) {
    let rows = reference("cliff_online_return");
    let keys = ["mean_first_100", "mean_400_500", "mean_last_200"];
    for (key, ours) in keys.into_iter().zip(returns(rule, alpha)) {
        let theirs = rows[entry][key].as_f64().unwrap();
        let error = ours.error_to(REFERENCE_RUNS, ours.variance);
        assert!(
            (ours.mean - theirs).abs() <= 3.0 * error,
            "{entry}, {key}: {} within {error}, not {theirs}",
            ours.mean
        );
    }
}

#[test]
fn q_learning_pays_for_the_shortest_path() {
    follows("q_learning_alpha_0.1", Rule::QLearning, 0.1);
    follows("q_learning_alpha_0.5", Rule::QLearning, 0.5);
    follows("q_learning_alpha_1.0", Rule::QLearning, 1.0);
}

#[test]
fn sarsa_keeps_its_distance() {
    follows("sarsa_alpha_0.1", Rule::Sarsa, 0.1);
    follows("sarsa_alpha_0.5", Rule::Sarsa, 0.5);
}

#[test]
fn sarsa_diverges_with_a_step_size_of_one() {
    let [_, _, last] = returns(Rule::Sarsa, 1.0);
    // The reference has -257, from runs that differ by orders of magnitude.
    assert!(last.mean < -100.0, "{}", last.mean);
}

#[test]
fn expected_sarsa_keeps_its_distance_with_every_step_size() {
    follows("expected_sarsa_alpha_0.1", Rule::ExpectedSarsa, 0.1);
    follows("expected_sarsa_alpha_0.5", Rule::ExpectedSarsa, 0.5);
    follows("expected_sarsa_alpha_1.0", Rule::ExpectedSarsa, 1.0);
}
