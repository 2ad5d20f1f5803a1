//! Planning to the end against value iteration on the same model.

use cloudlot_qlearn::{
    ActionId, Backup, Config, Counts, Dense, Learner, Plan, Planner, PlannerConfig, Rule, StateId,
    Transition, stream,
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

#[test]
fn the_rules_that_value_what_they_do_plan_for_what_they_do() {
    let log = [
        Transition::new(
            StateId(0),
            ActionId(0),
            0.0,
            StateId(1),
            cloudlot_qlearn::Mask::all(3),
        ),
        Transition {
            end: cloudlot_qlearn::End::Terminated,
            ..Transition::new(
                StateId(1),
                ActionId(0),
                3.5,
                StateId(2),
                cloudlot_qlearn::Mask::all(3),
            )
        },
    ];
    let (learner, _) = seen(&log, Rule::ExpectedSarsa, sweeping(9, 0.0));
    let mean = 0.1 * (3.5 + 2.0 * INITIAL) / 3.0 + 0.9 * 3.5;
    let value = learner.value(StateId(0), ActionId(0)).unwrap();
    assert!((value - 0.9 * mean).abs() < 1e-12);
}
