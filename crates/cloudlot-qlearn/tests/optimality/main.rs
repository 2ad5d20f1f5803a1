//! With default settings, every one of twenty seeds learns the best policy within its budget of
//! updates. Policies are judged exactly, never by sampled returns.
//!
//! Ground truth: `tests/data`; every greedy policy takes the lowest of equal actions.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use cloudlot_qlearn::exact::{Model, ModelFile, Policy, World, evaluate_within};
use cloudlot_qlearn::{
    ActionId, Agent, Config, Dense, End, Environment, Learner, Mask, StateId, Transition, below,
    stream, unit,
};
use serde_json::Value;

const SEEDS: u64 = 20;
/// For a task that has no limit: no sensible policy takes so long.
const UNLIMITED: u32 = 1_000;
/// What exact evaluation may lose to rounding.
const ROUNDING: f64 = 1e-9;

struct Task {
    model: Model,
    steps_max: u32,
}

impl Task {
    fn of(json: &str) -> Self {
        let file: ModelFile = serde_json::from_str(json).unwrap();
        Self {
            steps_max: file.max_episode_steps.unwrap_or(UNLIMITED),
            model: Model::try_from(file).unwrap(),
        }
    }

    /// An agent after so many updates.
    fn trained(&self, config: Config, updates: u64, seed: u64) -> Agent {
        let table = Dense::new(self.model.states(), self.model.actions(), 0.0).unwrap();
        let mut agent = Agent::new(Learner::new(table, config).unwrap(), seed, 0);
        let mut world = World::new(&self.model, Some(self.steps_max));
        world.reset(Some(seed));
        let mut done = 0;
        while done < updates {
            done += agent.run(&mut world, updates - done).unwrap().steps;
        }
        assert_eq!(agent.learner.steps(), updates);
        agent
    }

    /// The exact return of the greedy policy within the time limit.
    fn worth(&self, agent: &Agent) -> f64 {
        let greedy = Policy::greedy(&self.model, agent.learner.values().view()).unwrap();
        evaluate_within(&self.model, &greedy, self.steps_max).unwrap()
    }

    /// The worst worth of all seeds.
    fn worst(&self, config: Config, updates: u64) -> f64 {
        (0..SEEDS)
            .map(|seed| self.worth(&self.trained(config, updates, seed)))
            .fold(f64::INFINITY, f64::min)
    }
}

#[test]
fn every_seed_drives_the_taxi_best() {
    let task = Task::of(include_str!("../data/taxi.json"));
    let worst = task.worst(Config::default(), 2_000_000);
    assert!(worst >= 7.93 - ROUNDING, "{worst}");
}

#[test]
fn every_seed_walks_the_cliff_best() {
    let task = Task::of(include_str!("../data/cliffwalking.json"));
    let worst = task.worst(Config::default(), 500_000);
    assert!(worst >= -13.0 - ROUNDING, "{worst}");
}

#[test]
fn every_seed_crosses_the_small_lake_best() {
    let task = Task::of(include_str!("../data/frozenlake4x4_slippery.json"));
    let worst = task.worst(Config::default(), 4_000_000);
    assert!(worst >= 0.740 - ROUNDING, "{worst}");
}

#[test]
fn every_seed_crosses_the_large_lake_best() {
    let task = Task::of(include_str!("../data/frozenlake8x8_slippery.json"));
    let config = Config {
        discount: 0.999,
        ..Config::default()
    };
    let worst = task.worst(config, 20_000_000);
    assert!(worst >= 0.885 - ROUNDING, "{worst}");
}

/// As the reference measures it: every update from a state and an action drawn evenly.
#[test]
fn every_seed_comes_within_two_hundredths_of_the_true_values() {
    let json = include_str!("../data/frozenlake4x4_slippery.json");
    let task = Task::of(json);
    let file: Value = serde_json::from_str(json).unwrap();
    let truth = file["solutions"]["0.99"]["Q"].as_array().unwrap();
    for seed in 0..SEEDS {
        let learner = uniformly(&task.model, 4_000_000, seed);
        let mut worst: f64 = 0.0;
        for (state, row) in truth.iter().enumerate() {
            for (action, value) in row.as_array().unwrap().iter().enumerate() {
                let learned = learner.values().view()[[state, action]];
                worst = worst.max((learned - value.as_f64().unwrap()).abs());
            }
        }
        assert!(worst <= 0.02, "seed {seed}: {worst}");
    }
}

fn uniformly(model: &Model, updates: u64, seed: u64) -> Learner {
    let table = Dense::new(model.states(), model.actions(), 0.0).unwrap();
    let mut learner = Learner::new(table, Config::default()).unwrap();
    let mut draws = stream(seed, 0);
    let states: Vec<StateId> = model
        .state_ids()
        .filter(|state| !model.is_terminal(*state))
        .collect();
    let all = Mask::all(model.actions());
    for _ in 0..updates {
        let state = states[below(&mut draws, u32::try_from(states.len()).unwrap()) as usize];
        let action = below(&mut draws, u32::try_from(model.actions()).unwrap());
        let action = ActionId(u16::try_from(action).unwrap());
        let mut left = unit(&mut draws);
        let branches = model.branches(state, action);
        let branch = branches
            .iter()
            .find(|branch| {
                left -= branch.probability;
                left < 0.0
            })
            .unwrap_or(branches.last().unwrap());
        let mut step = Transition::new(state, action, branch.reward, branch.next, all);
        if branch.terminated {
            step.end = End::Terminated;
        }
        learner.observe(&step).unwrap();
    }
    learner
}
