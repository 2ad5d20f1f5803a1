//! How many decisions an agent with a planner needs in Taxi.

use cloudlot_qlearn::{
    Agent, Backup, Config, Dense, End, Environment, Learner, Plan, Planner, PlannerConfig,
    Practice, Replay, ReplayConfig, Transition,
};

use crate::world::Table;

fn agent(practice: impl Into<Practice>, seed: u64) -> Agent {
    let learner = Learner::new(Dense::new(500, 6, 0.0).unwrap(), Config::default()).unwrap();
    Agent::new(learner, seed, 0).with_practice(practice)
}

fn planner(plan: Plan) -> Planner {
    let config = PlannerConfig {
        plan,
        ..PlannerConfig::default()
    };
    Planner::new(config, 6).unwrap()
}

/// After how many steps the best actions are worth 7.0, and the optimum of 7.93, as seen every 500
/// steps of at most 20,000; 20,000 and more where they never are.
fn steps_to(mut world: Table, mut agent: Agent, seed: u64) -> [u64; 2] {
    let mut reached = [u64::MAX; 2];
    let mut here = world.reset(Some(seed));
    let mut length = 0;
    for steps in 1..=20_000 {
        let decision = agent.decide(here.state, here.mask).unwrap();
        assert!(here.mask.allows(decision.action));
        let outcome = world.step(decision.action);
        length += 1;
        let end = match outcome.end {
            End::Running if length == 200 => End::Truncated,
            end => end,
        };
        agent
            .observe(&Transition {
                probability: decision.probability,
                next_mask: outcome.mask,
                end,
                ..Transition::new(
                    here.state,
                    decision.action,
                    outcome.reward,
                    outcome.state,
                    here.mask,
                )
            })
            .unwrap();
        (here.state, here.mask) = (outcome.state, outcome.mask);
        if end != End::Running {
            here = world.reset(None);
            length = 0;
        }
        if steps % 500 == 0 {
            let worth = world.worth(&agent);
            for (reached, goal) in reached.iter_mut().zip([7.0, 7.93]) {
                if worth >= goal - 1e-9 {
                    *reached = steps.min(*reached);
                }
            }
            if reached[1] < u64::MAX {
                break;
            }
        }
    }
    reached
}

/// The steps of each seed, sorted: to 7.0 and to the optimum.
fn sorted(
    world: &Table,
    seeds: std::ops::Range<u64>,
    make: impl Fn() -> Practice,
) -> [Vec<u64>; 2] {
    let runs: Vec<_> = seeds
        .map(|seed| steps_to(world.clone(), agent(make(), seed), seed))
        .collect();
    [0, 1].map(|goal| {
        let mut steps: Vec<_> = runs.iter().map(|run| run[goal]).collect();
        steps.sort_unstable();
        steps
    })
}

fn by_default() -> Practice {
    Planner::new(PlannerConfig::default(), 6).unwrap().into()
}

#[test]
fn the_default_planner_needs_a_thirtieth_of_the_decisions_of_a_tutorial() {
    let [seven, _] = sorted(&Table::taxi(), 0..11, by_default);
    // The reference: 121,000 without planning, 9,000 for tuned Dyna-Q. Measured here: 4,000.
    assert!(seven[5] <= 4_500, "{seven:?}");
}

#[test]
fn the_default_planner_finds_the_optimum_with_every_seed() {
    let [_, best] = sorted(&Table::taxi(), 100..119, by_default);
    assert!(best[18] <= 6_000, "{best:?}");
}

#[test]
fn with_a_mask_no_seed_stalls() {
    let [seven, best] = sorted(&Table::masked_taxi(), 0..30, by_default);
    // The reference: a median of 4,000, and some seeds that stall. Measured here: 2,000.
    assert!(seven[15] <= 2_500, "{seven:?}");
    assert!(best[29] <= 5_000, "{best:?}");
}

#[test]
fn dyna_q_keeps_to_the_reference_and_no_seed_stalls() {
    let plan = Plan::DynaQ {
        backups: 10,
        backup: Backup::Expected,
    };
    let [seven, best] = sorted(&Table::taxi(), 0..5, || planner(plan).into());
    assert!(seven[2] <= 9_000 && best[4] <= 12_000, "{seven:?} {best:?}");
    let [seven, best] = sorted(&Table::masked_taxi(), 0..5, || planner(plan).into());
    assert!(seven[2] <= 5_000 && best[4] <= 8_000, "{seven:?} {best:?}");
    let sampled = Plan::DynaQ {
        backups: 30,
        backup: Backup::Sample,
    };
    let [_, best] = sorted(&Table::masked_taxi(), 0..3, || planner(sampled).into());
    assert!(best[2] <= 8_000, "{best:?}");
}

#[test]
fn replay_keeps_to_the_reference() {
    let replay = || Replay::new(ReplayConfig::default()).unwrap().into();
    let [seven, _] = sorted(&Table::taxi(), 0..5, replay);
    assert!(seven[2] <= 14_000, "{seven:?}");
}
