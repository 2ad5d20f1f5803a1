//! A step allocates nothing, whatever the rule, once everything has grown to its size.

use cloudlot_qlearn::exact::{Model, ModelFile, World};
use cloudlot_qlearn::{
    Agent, Config, Dense, Environment, Explore, Learner, Rule, Schedule, Target, Ties, Trace,
};

const RULES: [Rule; 8] = [
    Rule::QLearning,
    Rule::DoubleQ,
    Rule::Sarsa,
    Rule::ExpectedSarsa,
    Rule::NStepSarsa { steps: 5 },
    Rule::TreeBackup {
        steps: 5,
        target: Target::Exploring,
    },
    Rule::WatkinsLambda {
        lambda: 0.8,
        trace: Trace::Replacing,
    },
    Rule::SarsaLambda {
        lambda: 0.8,
        trace: Trace::Dutch,
    },
];

fn explorers() -> [Explore; 4] {
    let falling = Schedule::Geometric {
        from: 1.0,
        factor: 0.999,
        floor: 0.1,
    };
    [
        Explore::epsilon(0.1),
        Explore::EpsilonGreedy {
            epsilon: falling,
            ties: Ties::Lowest,
        },
        Explore::Boltzmann {
            temperature: falling,
        },
        Explore::Ucb { bonus: 0.5 },
    ]
}

#[test]
fn a_step_of_any_rule_with_any_explorer_allocates_nothing() {
    let file: ModelFile = serde_json::from_str(include_str!("../data/taxi.json")).unwrap();
    let model = Model::try_from(file).unwrap();
    for rule in RULES {
        for explore in explorers() {
            let config = Config {
                rule,
                explore,
                ..Config::default()
            };
            let table = Dense::new(500, 6, 0.0).unwrap();
            let mut agent = Agent::new(Learner::new(table, config).unwrap(), 1, 0);
            let mut world = World::new(&model, Some(200));
            world.reset(Some(1));
            let mut live = |steps: u64| {
                let mut left = steps;
                while left > 0 {
                    left -= agent.run(&mut world, left).unwrap().steps;
                }
            };
            live(20_000);
            let count = allocation_counter::measure(|| live(5_000)).count_total;
            assert_eq!(count, 0, "{rule:?}, {explore:?}");
        }
    }
}
