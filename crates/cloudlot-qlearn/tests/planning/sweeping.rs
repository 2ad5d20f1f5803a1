//! Planning to the end against value iteration on the same model.

use cloudlot_qlearn::exact::value_iteration as value_iteration_exact;
use cloudlot_qlearn::{
    ActionId, Backup, Config, Counts, Dense, End, Learner, Mask, Plan, Planner, PlannerConfig,
    Refused, Rule, StateId, Transition, stream,
};
use proptest::prelude::*;

use crate::log::{ACTIONS, STATES, log};

const INITIAL: f64 = 0.5;

fn learner(rule: Rule) -> Learner {
    let config = Config {
        rule,
        discount: 0.9,
        ..Config::default()
    };
    Learner::new(Dense::new(STATES, ACTIONS, INITIAL).unwrap(), config).unwrap()
}

/// A learner and a planner that have seen a log.
fn seen(log: &[Transition], rule: Rule, plan: Plan) -> (Learner, Planner) {
    let mut learner = learner(rule);
    let config = PlannerConfig {
        plan,
        ..PlannerConfig::default()
    };
    let mut planner = Planner::new(config, ACTIONS).unwrap();
    let mut stream = stream(1, 0);
    for step in log {
        learner.observe(step).unwrap();
        planner.practise(&mut learner, step, &mut stream);
    }
    (learner, planner)
}

/// The fixed point on the counts, found by going over everything again and again.
fn value_iteration(counts: &Counts) -> [[f64; ACTIONS]; STATES] {
    let mut q = [[INITIAL; ACTIONS]; STATES];
    for _ in 0..600 {
        let before = q;
        for (state, action) in counts.pairs() {
            let (mut sum, mut total) = (0.0, 0.0);
            for tally in counts.outcomes(state, action) {
                let allowed = counts.mask(tally.next);
                let next = allowed
                    .iter()
                    .map(|next| before[tally.next.index()][next.index()]);
                let best = next.fold(f64::NEG_INFINITY, f64::max);
                let after = if tally.terminated {
                    0.0
                } else {
                    0.9_f64.powf(tally.dt) * best
                };
                sum += f64::from(tally.count) * (tally.reward + after);
                total += f64::from(tally.count);
            }
            q[state.index()][action.index()] = sum / total;
        }
    }
    q
}

fn distance(learner: &Learner, q: &[[f64; ACTIONS]; STATES]) -> f64 {
    let view = learner.values().view();
    let distances = view
        .indexed_iter()
        .map(|((s, a), value)| (value - q[s][a]).abs());
    distances.fold(0.0, f64::max)
}

fn sweeping(backups: u32, threshold: f64) -> Plan {
    Plan::Sweeping { backups, threshold }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn sweeping_to_the_end_is_value_iteration(log in log(80), backups in 1_u32..5) {
        for rule in [Rule::QLearning, Rule::DoubleQ] {
            let (mut learner, mut planner) = seen(&log, rule, sweeping(backups, 1e-12));
            let mut stream = stream(2, 0);
            let done = planner.plan(&mut learner, 1_000_000, &mut stream);
            prop_assert!(done < 1_000_000);
            prop_assert_eq!(planner.waiting(), 0);
            let q = value_iteration(planner.counts());
            prop_assert!(distance(&learner, &q) < 1e-9);
        }
    }

    #[test]
    fn dyna_ends_where_value_iteration_does(log in log(40)) {
        let plan = Plan::DynaQ { backups: 2, backup: Backup::Expected };
        let (mut learner, mut planner) = seen(&log, Rule::QLearning, plan);
        planner.plan(&mut learner, 20_000, &mut stream(2, 0));
        prop_assert!(distance(&learner, &value_iteration(planner.counts())) < 1e-9);
    }

    #[test]
    fn what_was_not_seen_keeps_its_value(log in log(80)) {
        for plan in [
            sweeping(9, 0.0),
            Plan::DynaQ { backups: 9, backup: Backup::Expected },
            Plan::DynaQ { backups: 9, backup: Backup::Sample },
        ] {
            let (learner, _) = seen(&log, Rule::QLearning, plan);
            for ((s, a), value) in learner.values().view().indexed_iter() {
                let visits = log
                    .iter()
                    .filter(|step| step.state.index() == s && step.executed.index() == a);
                let visits = u32::try_from(visits.count()).unwrap();
                prop_assert_eq!(learner.values().visits()[[s, a]], visits);
                prop_assert!(visits > 0 || *value == INITIAL);
            }
        }
    }

    #[test]
    fn when_nobody_waits_no_pair_is_further_than_the_threshold(log in log(80)) {
        let (mut learner, mut planner) = seen(&log, Rule::QLearning, sweeping(2, 0.01));
        planner.plan(&mut learner, 1_000_000, &mut stream(2, 0));
        let exact = value_iteration(planner.counts());
        // A distance of θ from the backup is at most θ / (1 - discount) from the fixed point.
        prop_assert!(distance(&learner, &exact) <= 0.1 + 1e-9);
    }
}

/// Unseen actions are not legal in the model that is given away, so everything is tried here first.
#[test]
fn planning_agrees_with_the_exact_solution_of_the_counted_model() {
    let mut log = Vec::new();
    for round in 0..40_u32 {
        for state in 0..6_u32 {
            for action in 0..3_u16 {
                let next = (state * 5 + u32::from(action) + round * round) % 6;
                let reward = f64::from((state + 2 * round) % 7) - 3.0;
                let end = if next == 5 && round % 3 == 0 {
                    End::Terminated
                } else {
                    End::Running
                };
                let all = Mask::all(ACTIONS);
                let step =
                    Transition::new(StateId(state), ActionId(action), reward, StateId(next), all);
                log.push(Transition { end, ..step });
            }
        }
    }
    let (mut learner, mut planner) = seen(&log, Rule::QLearning, sweeping(3, 1e-12));
    planner.plan(&mut learner, 1_000_000, &mut stream(2, 0));
    let model = planner.counts().to_model(6, &[StateId(0)]).unwrap();
    let solution = value_iteration_exact(&model, 0.9, 1e-12, 100_000).unwrap();
    for ((s, a), value) in learner.values().view().indexed_iter() {
        assert!((value - solution.q[[s, a]]).abs() < 1e-9);
    }
    assert!(planner.counts().to_model(5, &[StateId(0)]).is_err());
    assert!(planner.counts().to_model(6, &[]).is_err());
}

#[test]
fn the_rules_that_value_what_they_do_plan_for_what_they_do() {
    let log = [
        Transition::new(StateId(0), ActionId(0), 0.0, StateId(1), Mask::all(3)),
        Transition {
            end: End::Terminated,
            ..Transition::new(StateId(1), ActionId(0), 3.5, StateId(2), Mask::all(3))
        },
    ];
    let (learner, _) = seen(&log, Rule::ExpectedSarsa, sweeping(9, 0.0));
    let mean = 0.1 * (3.5 + 2.0 * INITIAL) / 3.0 + 0.9 * 3.5;
    let value = learner.value(StateId(0), ActionId(0)).unwrap();
    assert!((value - 0.9 * mean).abs() < 1e-12);
}

#[test]
fn a_value_is_set_to_what_can_be_and_else_left_alone() {
    for rule in [Rule::QLearning, Rule::DoubleQ] {
        let mut learner = learner(rule);
        let (state, action) = (StateId(2), ActionId(1));
        learner.settle(state, action, 7.0).unwrap();
        assert_eq!(learner.value(state, action), Ok(7.0));
        assert_eq!(learner.values().visits().sum(), 0);
        let before = learner.clone();
        for goal in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e301] {
            let refused = learner.settle(state, action, goal).unwrap_err();
            assert!(matches!(refused, Refused::Diverged(_)));
        }
        let far = learner.settle(StateId(6), action, 1.0);
        assert_eq!(far, Err(Refused::State));
        let unknown = learner.settle(state, ActionId(3), 1.0);
        assert_eq!(unknown, Err(Refused::Action(3)));
        assert_eq!(learner.value(StateId(6), action), Err(Refused::State));
        assert!(learner == before);
    }
}
