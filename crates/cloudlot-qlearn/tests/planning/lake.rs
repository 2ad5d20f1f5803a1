//! Planning in a world of chance.

use cloudlot_qlearn::{
    Agent, Config, Dense, Environment, Learner, Mask, Planner, PlannerConfig, StateId,
};

use crate::world::Table;

const DISCOUNT: f64 = 0.99;

fn lake() -> Table {
    Table::read(include_str!("../data/frozenlake4x4_slippery.json"))
}

/// What the best actions by a table are worth at the start, exactly.
fn worth(agent: &Agent) -> f64 {
    let world = lake();
    let mut values = [0.0; 16];
    for _ in 0..2_000 {
        for state in 0..16 {
            let id = StateId(u32::try_from(state).unwrap());
            let action = agent.learner.best(id, Mask::all(4)).unwrap().action;
            let branches = world.branches[state][action.index()].iter();
            values[state] = branches
                .map(|(chance, next, reward, ended)| {
                    let after = if *ended { 0.0 } else { values[*next as usize] };
                    chance * (reward + DISCOUNT * after)
                })
                .sum();
        }
    }
    values[0]
}

fn agent(tries: Option<u32>, seed: u64) -> Agent {
    let learner = Learner::new(Dense::new(16, 4, 0.0).unwrap(), Config::default()).unwrap();
    let agent = Agent::new(learner, seed, 0);
    let Some(tries) = tries else {
        return agent;
    };
    let config = PlannerConfig {
        tries,
        ..PlannerConfig::default()
    };
    agent.with_practice(Planner::new(config, 4).unwrap())
}

/// What seven seeds know after 5,000 steps, sorted.
fn known(tries: Option<u32>) -> Vec<f64> {
    let mut known: Vec<_> = (0..7)
        .map(|seed| {
            let mut agent = agent(tries, seed);
            let mut world = lake();
            world.reset(Some(seed));
            while agent.learner.steps() < 5_000 {
                agent.run(&mut world, 100).unwrap();
            }
            worth(&agent)
        })
        .collect();
    known.sort_by(f64::total_cmp);
    known
}

/// The optimum is 0.542. Measured with these seven seeds, lowest and median: 0 and 0.418 without planning, 0.365 and
/// 0.469 with it, 0.435 and 0.531 with more tries.
#[test]
fn planning_knows_a_slippery_lake_long_before_plain_learning_does() {
    let (plain, planned, patient) = (known(None), known(Some(1)), known(Some(5)));
    assert!(
        planned[0] > plain[0] + 0.2 && planned[3] > plain[3],
        "{plain:?} {planned:?}"
    );
    assert!(patient[0] > 0.4 && patient[3] > 0.53, "{patient:?}");
}
