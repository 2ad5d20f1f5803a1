//! Every way to learn, to explore and to practise.

use cloudlot_qlearn::{
    Agent, Backup, Config, Dense, Explore, Learner, Limits, Plan, Planner, PlannerConfig, Practice,
    Replay, ReplayConfig, Rule, Save, Schedule, StepSize, Target, Ties, Trace,
};

use crate::world::World;

pub(crate) const RULES: [Rule; 13] = [
    Rule::QLearning,
    Rule::DoubleQ,
    Rule::Sarsa,
    Rule::ExpectedSarsa,
    Rule::NStepSarsa { steps: 1 },
    Rule::NStepSarsa { steps: 5 },
    Rule::TreeBackup {
        steps: 3,
        target: Target::Greedy,
    },
    Rule::TreeBackup {
        steps: 4,
        target: Target::Exploring,
    },
    Rule::WatkinsLambda {
        lambda: 0.8,
        trace: Trace::Replacing,
    },
    Rule::WatkinsLambda {
        lambda: 0.9,
        trace: Trace::Accumulating,
    },
    Rule::SarsaLambda {
        lambda: 0.7,
        trace: Trace::Accumulating,
    },
    Rule::SarsaLambda {
        lambda: 0.95,
        trace: Trace::Replacing,
    },
    Rule::SarsaLambda {
        lambda: 0.9,
        trace: Trace::Dutch,
    },
];

const LINE: Schedule = Schedule::Linear {
    from: 1.0,
    to: 0.05,
    over: 150,
};
const FALLING: Schedule = Schedule::Geometric {
    from: 0.9,
    factor: 0.99,
    floor: 0.01,
};
const HALVING: Schedule = Schedule::Harmonic {
    from: 0.8,
    half: 40,
    floor: 0.02,
};

pub(crate) const EXPLORERS: [Explore; 7] = [
    Explore::Greedy {
        ties: Ties::Uniform,
    },
    Explore::epsilon(0.3),
    Explore::EpsilonGreedy {
        epsilon: LINE,
        ties: Ties::Lowest,
    },
    Explore::EpsilonGreedy {
        epsilon: FALLING,
        ties: Ties::Uniform,
    },
    Explore::Boltzmann {
        temperature: HALVING,
    },
    Explore::Boltzmann {
        temperature: Schedule::Constant(0.1),
    },
    Explore::Ucb { bonus: 0.7 },
];

pub(crate) const STEP_SIZES: [StepSize; 3] = [
    StepSize::Constant(0.1),
    StepSize::rescaled_linear(1e-4),
    StepSize::Power {
        exponent: 0.6,
        floor: 0.001,
    },
];

/// How many ways there are to practise; the first is not at all.
pub(crate) const PRACTICES: usize = 5;

pub(crate) fn practice(number: usize, actions: usize) -> Option<Practice> {
    let limits = Limits {
        states: 600,
        outcomes: 2,
        horizon: 9,
    };
    let plan = match number {
        0 => return None,
        1 => {
            let config = ReplayConfig {
                capacity: 20,
                batch: 4,
            };
            return Some(Replay::new(config).unwrap().into());
        }
        2 => Plan::DynaQ {
            backups: 3,
            backup: Backup::Expected,
        },
        3 => Plan::DynaQ {
            backups: 3,
            backup: Backup::Sample,
        },
        _ => Plan::Sweeping {
            backups: 2,
            threshold: 1e-3,
        },
    };
    let config = PlannerConfig {
        plan,
        limits,
        tries: u32::from(number == 4),
    };
    Some(Planner::new(config, actions).unwrap().into())
}

pub(crate) fn learner(world: &World, config: Config) -> Learner {
    let table = Dense::new(world.table.states(), world.table.actions(), 0.1).unwrap();
    Learner::new(table, config).unwrap()
}

pub(crate) fn agent(world: &World, config: Config, practising: usize, seed: u64) -> Agent {
    let mut agent = Agent::new(learner(world, config), seed, 0);
    agent.practice = practice(practising, world.table.actions());
    agent
}

/// What `saved` leaves behind.
pub(crate) fn text(saved: &impl Save) -> String {
    let mut text = Vec::new();
    saved.save(&mut text).unwrap();
    String::from_utf8(text).unwrap()
}
