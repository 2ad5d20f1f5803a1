//! C4: on a world that is solved exactly, the preset ends at the optimum.

use cloudlot_qlearn::qcast::{Measured, Qcast, QcastConfig, Scaled, Shape, Term, Threshold};
use cloudlot_qlearn::{ActionId, Axis, Config, Explore, StateId, StepSize, stream, unit};

const LOADS: [f64; 2] = [0.8, 2.6];
const STAYS: f64 = 0.85;
const DISCOUNT: f64 = 0.9;

/// One to four instances under a load that is low or high.
fn config() -> QcastConfig {
    let axis = |name, edges: &[f64]| Axis::edges(name, "1", edges).unwrap();
    QcastConfig {
        axes: vec![
            axis("load", &[0.0, 1.5, 3.0]),
            axis("instances", &[1.0, 2.0, 3.0, 4.0, 5.0]),
        ],
        scaled: Scaled {
            name: "instances".to_owned(),
            min: 1,
            max: 4,
            changes: vec![1, 0, -1],
        },
        terms: vec![
            Term::new("share", "ratio", 0.7, Shape::Within { target: 0.75 }),
            Term::new("instances", "1", 0.3, Shape::Cost { scale: 4.0 }),
        ],
        churn: 0.05,
        baseline: Threshold {
            name: "load".to_owned(),
            unit: "1".to_owned(),
            up: 2.0,
            down: 1.0,
        },
        learner: Config {
            discount: DISCOUNT,
            step_size: StepSize::rescaled_linear(0.0),
            explore: Explore::epsilon(1.0),
            ..Config::default()
        },
        replay: None,
        interval: 30,
        ..QcastConfig::published()
    }
}

fn measured(load: usize, instances: u32) -> [Measured<'static>; 3] {
    let instances = f64::from(instances);
    [
        Measured::new("load", LOADS[load], "1"),
        Measured::new("instances", instances, "1"),
        Measured::new("share", LOADS[load] / instances, "ratio"),
    ]
}

/// The exact values by value iteration: by load, by instances less one, by action.
fn solve(qcast: &Qcast) -> [[[f64; 3]; 4]; 2] {
    let mut values = [[[f64::NEG_INFINITY; 3]; 4]; 2];
    let mut best = [[0.0_f64; 4]; 2];
    for _ in 0..2000 {
        for (load, rows) in values.iter_mut().enumerate() {
            for (instances, row) in (1_u32..).zip(rows) {
                for action in qcast.mask(u64::from(instances)).iter() {
                    let change = qcast.config().scaled.changes[action.index()];
                    let next = u32::try_from(i64::from(instances) + change).unwrap();
                    let worth = |to: usize| {
                        let chance = if to == load { STAYS } else { 1.0 - STAYS };
                        let reward = qcast.reward(&measured(to, next), change).unwrap();
                        chance * (reward + DISCOUNT * best[to][next as usize - 1])
                    };
                    row[action.index()] = worth(0) + worth(1);
                }
            }
        }
        best = values.map(|rows| rows.map(|row| row.into_iter().fold(f64::NEG_INFINITY, f64::max)));
    }
    values
}

#[test]
fn c4_the_policy_is_the_optimal_one_and_the_values_are_within_a_hundredth() {
    for seed in 0..3 {
        let mut qcast = Qcast::new(config(), seed).unwrap();
        let exact = solve(&qcast);
        let mut rng = stream(seed, 5);
        let (mut load, mut instances) = (0, 2);
        for decision in 0..600_000 {
            let step = qcast
                .step(&measured(load, instances), decision * 30)
                .unwrap();
            instances = u32::try_from(step.target).unwrap();
            if unit(&mut rng) >= STAYS {
                load = 1 - load;
            }
        }
        let learner = &qcast.safe().agent.learner;
        let largest = exact.as_flattened().as_flattened().iter().copied();
        let largest = largest
            .filter(|v| v.is_finite())
            .map(f64::abs)
            .fold(0.0, f64::max);
        for (state, row) in (0..).map(StateId).zip(exact.as_flattened()) {
            let mask = qcast.mask(u64::from(state.0 % 4 + 1));
            let chosen = learner.best(state, mask).unwrap().action;
            let optimal = (0..3)
                .map(ActionId)
                .max_by(|a, b| row[a.index()].total_cmp(&row[b.index()]));
            assert_eq!(
                Some(chosen),
                optimal,
                "seed {seed}, state {state:?}: {row:?}"
            );
            for action in mask.iter() {
                let learned = learner.values().view()[[state.index(), action.index()]];
                let off = (learned - row[action.index()]).abs() / largest;
                assert!(off < 0.01, "seed {seed}, {state:?} {action:?}: {off}");
            }
        }
    }
}
