//! Checksums of whole runs, written down: every build on every machine has to find them.

use cloudlot_qlearn::{Config, Explore, Rule, Save, Schedule, Target, Ties, Trace};

use crate::settings::agent;
use crate::world::{Life, World};

const LINE: Explore = Explore::EpsilonGreedy {
    epsilon: Schedule::Linear {
        from: 1.0,
        to: 0.05,
        over: 4_000,
    },
    ties: Ties::Uniform,
};
const WARM: Explore = Explore::Boltzmann {
    temperature: Schedule::Harmonic {
        from: 1.0,
        half: 500,
        floor: 0.05,
    },
};

fn digest(file: &str, rule: Rule, explore: Explore, practice: usize) -> String {
    let world = World::read(file, 1);
    let config = Config {
        rule,
        explore,
        ..Config::default()
    };
    let mut life = Life::new(agent(&world, config, practice, 20), world);
    life.live(6_000);
    format!("{:08x}", life.agent.checkpoint().checksum())
}

#[test]
fn a_run_ends_in_the_bytes_that_are_written_down() {
    let taxi = "taxi.json";
    let lake = "frozenlake8x8_slippery.json";
    let tree = Rule::TreeBackup {
        steps: 4,
        target: Target::Exploring,
    };
    let watkins = Rule::WatkinsLambda {
        lambda: 0.8,
        trace: Trace::Replacing,
    };
    let sarsa = Rule::SarsaLambda {
        lambda: 0.9,
        trace: Trace::Dutch,
    };
    let found = [
        digest(taxi, Rule::QLearning, Explore::epsilon(0.1), 0),
        digest(taxi, Rule::DoubleQ, LINE, 1),
        digest(taxi, Rule::ExpectedSarsa, WARM, 0),
        digest(lake, Rule::NStepSarsa { steps: 5 }, LINE, 0),
        digest(lake, tree, WARM, 0),
        digest(lake, watkins, Explore::epsilon(0.1), 0),
        digest(lake, sarsa, Explore::Ucb { bonus: 0.5 }, 0),
        digest(lake, Rule::QLearning, LINE, 3),
        digest(lake, Rule::QLearning, WARM, 4),
    ];
    assert_eq!(found, GOLDEN);
}

/// Found by a build without optimisation; a change of a rule, an explorer or the format changes them.
const GOLDEN: [&str; 9] = [
    "04837990", "5a7f689f", "7a6a7527", "89db2d5c", "5f5d00dc", "e8141004", "6ea98df7", "0ceaa4e1",
    "f3911ff0",
];
