//! Stopped, saved, loaded and continued is the same as never stopped.

use cloudlot_qlearn::{
    ActionId, Agent, CheckpointError, Config, Dimension, End, Explore, Learner, Linear, Mask,
    Persist, Rule, Save, Schedule, Sparse, StateId, StepSize, Ties, TileCoder, Transition, stream,
    unit,
};
use proptest::prelude::*;
use proptest::sample::select;

use crate::settings::{EXPLORERS, PRACTICES, RULES, STEP_SIZES, agent, text};
use crate::world::{Life, World};

const BYTES_MAX: u64 = 1 << 20;

fn assert_a_stop_is_not_noticed<V>(mut life: Life<V>, before: u64, after: u64)
where
    V: Persist<State = StateId> + Clone + PartialEq + std::fmt::Debug,
{
    life.live(before);
    let saved = text(&life.agent);
    let mut other = life.clone();
    other.agent = Agent::load(saved.as_bytes(), BYTES_MAX).unwrap();
    assert!(other.agent == life.agent, "loaded as saved");
    assert_eq!(text(&other.agent), saved);
    life.live(after);
    other.live(after);
    assert_eq!(text(&other.agent), text(&life.agent));
    assert!(after < 5 || text(&life.agent) != saved);
}

#[test]
fn every_rule_explorer_and_practice_goes_on_where_it_stopped() {
    let world = World::lake(5);
    for (number, rule) in (1_u64..).zip(RULES) {
        for (explorer, explore) in EXPLORERS.into_iter().enumerate() {
            for practice in 0..PRACTICES {
                let config = Config {
                    rule,
                    explore,
                    step_size: STEP_SIZES[(explorer + practice) % 3],
                    ..Config::default()
                };
                let agent = agent(&world, config, practice, number);
                assert_a_stop_is_not_noticed(Life::new(agent, world.clone()), 17 * number, 40);
            }
        }
    }
}

proptest! {
    #[test]
    fn a_stop_at_any_step_is_not_noticed(
        rule in select(&RULES),
        explore in select(&EXPLORERS),
        step_size in select(&STEP_SIZES),
        discount in 0.0..=1.0,
        practice in 0..PRACTICES,
        seed in any::<u64>(),
        before in 0_u64..300,
        after in 0_u64..100,
    ) {
        let world = World::lake(seed);
        let config = Config { rule, discount, step_size, explore };
        let agent = agent(&world, config, practice, seed);
        assert_a_stop_is_not_noticed(Life::new(agent, world), before, after);
    }

    #[test]
    fn the_seed_decides_the_bytes(
        rule in select(&RULES),
        practice in 0..PRACTICES,
        seed in any::<u64>(),
    ) {
        let world = World::lake(1);
        let config = Config { rule, ..Config::default() };
        let run = |seed| {
            let mut life = Life::new(agent(&world, config, practice, seed), world.clone());
            life.live(50);
            text(&life.agent)
        };
        prop_assert_eq!(run(seed), run(seed));
        prop_assert_ne!(run(seed), run(seed ^ 1));
    }
}

#[test]
fn a_table_of_rows_goes_on_where_it_stopped() {
    for (number, rule) in (1_u64..).zip(RULES) {
        let world = World::lake(number);
        let config = Config {
            rule,
            ..Config::default()
        };
        let table = Sparse::new(1_000_000, 4, 0.1).unwrap();
        let agent = Agent::new(Learner::new(table, config).unwrap(), number, 0);
        assert_a_stop_is_not_noticed(Life::new(agent, world), 3 * number, 60);
    }
}

#[test]
fn an_approximation_goes_on_where_it_stopped() {
    let square = Dimension {
        from: 0.0,
        to: 1.0,
        tiles: 3,
    };
    let coder = TileCoder::new(4, &[square, square]).unwrap();
    let mut chance = stream(6, 6);
    let mut walk = Vec::new();
    let mut at = coder.tiles(&[0.5, 0.5]).unwrap();
    for number in 0..200 {
        let next = coder
            .tiles(&[unit(&mut chance), unit(&mut chance)])
            .unwrap();
        let step = Transition::new(
            at,
            ActionId(number % 3),
            unit(&mut chance),
            next,
            Mask::all(3),
        );
        walk.push(Transition {
            next_action: Some(ActionId((number + 1) % 3)),
            end: if number % 37 == 36 {
                End::Truncated
            } else {
                End::Running
            },
            ..step
        });
        at = next;
    }
    for rule in RULES {
        let config = Config {
            rule,
            step_size: StepSize::Constant(0.2),
            ..Config::default()
        };
        let values = Linear::new(&coder, 3, 0.3).unwrap();
        let mut whole = Agent::new(Learner::new(values, config).unwrap(), 1, 0);
        for (number, step) in walk.iter().enumerate() {
            if number % 20 == 3 {
                let saved = text(&whole);
                let back: Agent<Linear> = Agent::load(saved.as_bytes(), BYTES_MAX).unwrap();
                assert_eq!(back, whole);
                assert_eq!(text(&back), saved);
                let mut other = back;
                for step in &walk[number..] {
                    other.observe(step).unwrap();
                }
                let mut stayed = whole.clone();
                for step in &walk[number..] {
                    stayed.observe(step).unwrap();
                }
                assert_eq!(text(&other), text(&stayed));
            }
            whole.observe(step).unwrap();
        }
    }
}

#[test]
fn a_falling_rate_reaches_its_floor_across_a_stop() {
    // The first engine of this kind: from 1 by 0.995 a decision down to 0.01, reached at number 919.
    let epsilon = Schedule::Geometric {
        from: 1.0,
        factor: 0.995,
        floor: 0.01,
    };
    let config = Config {
        explore: Explore::EpsilonGreedy {
            epsilon,
            ties: Ties::Uniform,
        },
        ..Config::default()
    };
    let world = World::lake(3);
    let mut life = Life::new(agent(&world, config, 1, 3), world);
    life.live(918);
    life.agent = Agent::load(text(&life.agent).as_bytes(), BYTES_MAX).unwrap();
    assert!(life.agent.learner.exploration_rate() > 0.01);
    life.live(1);
    assert_eq!(life.agent.learner.exploration_rate(), 0.01);
}

#[test]
fn a_learner_alone_can_be_saved() {
    let world = World::lake(2);
    let config = Config {
        rule: Rule::DoubleQ,
        ..Config::default()
    };
    let mut life = Life::new(agent(&world, config, 0, 2), world);
    life.live(100);
    let learner = life.agent.learner;
    let text = text(&learner);
    let back = Learner::<cloudlot_qlearn::Dense>::load(text.as_bytes(), BYTES_MAX).unwrap();
    assert_eq!(back, learner);
    // And is not taken for an agent.
    let refused = Agent::<cloudlot_qlearn::Dense>::load(text.as_bytes(), BYTES_MAX);
    assert!(matches!(refused, Err(CheckpointError::Text { .. })));
}

#[test]
fn a_checkpoint_travels_in_other_formats() {
    let world = World::lake(2);
    let rule = Rule::NStepSarsa { steps: 4 };
    let config = Config {
        rule,
        ..Config::default()
    };
    let mut life = Life::new(agent(&world, config, 3, 2), world);
    life.live(100);
    let checkpoint = life.agent.checkpoint();
    let tree = serde_json::to_value(&checkpoint).unwrap();
    let back = serde_json::from_value(tree).unwrap();
    assert_eq!(checkpoint, back);
    assert_eq!(Agent::restore(back).unwrap(), life.agent);
}

#[test]
fn a_file_is_replaced_whole() {
    let world = World::lake(2);
    let mut life = Life::new(agent(&world, Config::default(), 4, 2), world);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("agent.json");
    for _ in 0..3 {
        life.live(30);
        life.agent.save_to(&path).unwrap();
        let back: Agent = Agent::load_from(&path, BYTES_MAX).unwrap();
        assert_eq!(back, life.agent);
    }
    let names: Vec<_> = std::fs::read_dir(directory.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names, ["agent.json"]);

    let gone = directory.path().join("nowhere/agent.json");
    assert!(matches!(
        life.agent.save_to(&gone),
        Err(CheckpointError::Io(_))
    ));
    assert!(matches!(
        Agent::<cloudlot_qlearn::Dense>::load_from(&gone, BYTES_MAX),
        Err(CheckpointError::Io(_))
    ));
    // A file that cannot be replaced stays, and nothing stays beside it.
    let occupied = directory.path().join("occupied");
    std::fs::create_dir_all(occupied.join("inside")).unwrap();
    assert!(life.agent.save_to(&occupied).is_err());
    assert!(!directory.path().join(".occupied.new").exists());
}
