//! The rules that remember, against the naive models, on random logs.

use cloudlot_qlearn::{
    Config, Dense, End, Explore, Learner, Rule, Schedule, StateId, StepSize, Target, Trace, Values,
};
use proptest::prelude::*;

use crate::logs::{ACTIONS, STATES, log};
use crate::oracle::{After, Naive, Transition};
use crate::shared::{FEATURES, Shared};

fn step_size() -> impl Strategy<Value = StepSize> {
    prop_oneof![
        (0.01..=1.0).prop_map(StepSize::Constant),
        Just(StepSize::default()),
        Just(StepSize::Power {
            exponent: 0.6,
            floor: 0.0
        }),
    ]
}

fn trace() -> impl Strategy<Value = Trace> {
    prop_oneof![
        Just(Trace::Accumulating),
        Just(Trace::Replacing),
        Just(Trace::Dutch),
    ]
}

fn explore() -> impl Strategy<Value = Explore> {
    prop_oneof![
        (0.0..=1.0).prop_map(Explore::epsilon),
        (0.2..3.0).prop_map(|temperature| Explore::Boltzmann {
            temperature: Schedule::Constant(temperature),
        }),
    ]
}

/// A discount and a step size.
fn numbers() -> impl Strategy<Value = (f64, StepSize)> {
    (prop_oneof![0.0..1.0, Just(1.0)], step_size())
}

fn config((discount, step_size): (f64, StepSize), rule: Rule, explore: Explore) -> Config {
    Config {
        rule,
        discount,
        step_size,
        explore,
    }
}

fn learned<V: Values<State = StateId> + Clone>(
    table: V,
    config: Config,
    log: &[Transition],
) -> Learner<V> {
    let mut learner = Learner::new(table, config).unwrap();
    for step in log {
        learner.observe(step).unwrap();
    }
    learner.finish().unwrap();
    learner
}

fn dense(config: Config, log: &[Transition]) -> Dense {
    let table = Dense::new(STATES, ACTIONS, 0.0).unwrap();
    learned(table, config, log).values().clone()
}

fn same(table: &Dense, naive: &Naive) -> Result<(), TestCaseError> {
    for ((state, action), ours) in table.view().indexed_iter() {
        let theirs = naive.table[state][action];
        let scale = theirs.abs().max(1.0);
        prop_assert!(
            (ours - theirs).abs() <= 1e-11 * scale,
            "state {state} action {action}: {ours}, not {theirs}"
        );
    }
    Ok(())
}

proptest! {
    #[test]
    fn n_step_sarsa_is_what_it_is_defined_to_be(
        log in log(60),
        steps in 1..8_u32,
        numbers in numbers(),
    ) {
        let rule = Rule::NStepSarsa { steps };
        let table = dense(config(numbers, rule, Explore::default()), &log);
        let mut naive = Naive::new(numbers.0, numbers.1);
        naive.n_steps(&log, steps as usize, After::Announced);
        same(&table, &naive)?;
    }

    #[test]
    fn a_greedy_tree_backup_is_what_it_is_defined_to_be(
        log in log(60),
        steps in 1..8_u32,
        numbers in numbers(),
    ) {
        let rule = Rule::TreeBackup { steps, target: Target::Greedy };
        let table = dense(config(numbers, rule, Explore::default()), &log);
        let mut naive = Naive::new(numbers.0, numbers.1);
        naive.n_steps(&log, steps as usize, After::Greedy);
        same(&table, &naive)?;
    }

    #[test]
    fn an_exploring_tree_backup_is_what_it_is_defined_to_be(
        log in log(60),
        steps in 1..8_u32,
        numbers in numbers(),
        explore in explore(),
    ) {
        let rule = Rule::TreeBackup { steps, target: Target::Exploring };
        let table = dense(config(numbers, rule, explore), &log);
        let mut naive = Naive::new(numbers.0, numbers.1);
        naive.n_steps(&log, steps as usize, After::Exploring(explore));
        same(&table, &naive)?;
    }

    #[test]
    fn listed_traces_are_those_of_the_whole_table(
        log in log(60),
        lambda in 0.0..=1.0,
        trace in trace(),
        numbers in numbers(),
    ) {
        // Without a fading λ and a bounded trace, values may grow without end, and so do roundings.
        let lambda = if trace == Trace::Accumulating { 0.9 * lambda } else { lambda };
        let explore = Explore::default();
        for (rule, after) in [
            (Rule::WatkinsLambda { lambda, trace }, After::Greedy),
            (Rule::SarsaLambda { lambda, trace }, After::Announced),
        ] {
            let table = dense(config(numbers, rule, explore), &log);
            let mut naive = Naive::new(numbers.0, numbers.1);
            naive.traces(&log, lambda, trace, after);
            same(&table, &naive)?;
        }
    }

    #[test]
    fn rules_without_a_past_are_the_rules_of_one_step(
        log in log(60),
        trace in trace(),
        numbers in numbers(),
        explore in explore(),
    ) {
        let table = |rule| dense(config(numbers, rule, explore), &log);
        let steps = 1;
        let lambda = 0.0;
        let q_learning = table(Rule::QLearning);
        prop_assert_eq!(&table(Rule::TreeBackup { steps, target: Target::Greedy }), &q_learning);
        prop_assert_eq!(&table(Rule::WatkinsLambda { lambda, trace }), &q_learning);
        let sarsa = table(Rule::Sarsa);
        prop_assert_eq!(&table(Rule::NStepSarsa { steps }), &sarsa);
        prop_assert_eq!(&table(Rule::SarsaLambda { lambda, trace }), &sarsa);
        let expected = table(Rule::ExpectedSarsa);
        prop_assert_eq!(&table(Rule::TreeBackup { steps, target: Target::Exploring }), &expected);
    }

    #[test]
    fn dutch_traces_of_shared_cells_are_those_of_the_vector_formula(
        log in log(40),
        lambda in 0.0..=1.0,
        alpha in 0.01..=1.0,
    ) {
        let rule = Rule::SarsaLambda { lambda, trace: Trace::Dutch };
        let config = config((0.9, StepSize::Constant(alpha)), rule, Explore::default());
        let table = learned(Shared::new(STATES, ACTIONS), config, &log);
        let naive = by_vector(&log, lambda, alpha);
        for (ours, theirs) in table.values().weights.iter().zip(naive.weights) {
            let scale = theirs.abs().max(1.0);
            prop_assert!((ours - theirs).abs() <= 1e-10 * scale, "{ours}, not {theirs}");
        }
    }

    #[test]
    fn shared_cells_without_a_past_are_moved_as_by_one_step(
        log in log(40),
        trace in trace(),
        numbers in numbers(),
    ) {
        let table = |rule| {
            let config = config(numbers, rule, Explore::default());
            learned(Shared::new(STATES, ACTIONS), config, &log).values().weights.clone()
        };
        let sarsa = table(Rule::Sarsa);
        let windows = table(Rule::NStepSarsa { steps: 1 });
        prop_assert_eq!(&windows, &sarsa);
        let traces = table(Rule::SarsaLambda { lambda: 0.0, trace });
        for (ours, theirs) in traces.iter().zip(&sarsa) {
            let scale = theirs.abs().max(1.0);
            prop_assert!((ours - theirs).abs() <= 1e-10 * scale, "{ours}, not {theirs}");
        }
    }
}

/// `e ← e + a·φ − a·(e·φ)·φ`, `w ← w + δ·e`, `e ← γλ·e` over all weights, with `a` for each feature.
fn by_vector(log: &[Transition], lambda: f64, alpha: f64) -> Shared {
    let mut table = Shared::new(STATES, ACTIONS);
    let mut traces = vec![0.0; table.weights.len()];
    let mut announced = None;
    let each = alpha / FEATURES as f64;
    for step in log {
        if announced != Some((step.state, step.executed)) {
            traces.fill(0.0);
        }
        let cells = table.active(step.state, step.executed);
        let feature = |cell: usize| if cells.contains(&cell) { 1.0 } else { 0.0 };
        let gamma = libm::pow(0.9, step.dt);
        let over = step.end == End::Terminated;
        let next = step.next_action.unwrap();
        let after = if over {
            0.0
        } else {
            gamma * table.value(step.next, next)
        };
        let error = step.reward + after - table.value(step.state, step.executed);
        let along: f64 = cells.iter().map(|cell| traces[*cell]).sum();
        for (cell, trace) in traces.iter_mut().enumerate() {
            *trace += each * feature(cell) - each * along * feature(cell);
            table.weights[cell] += error * *trace;
            *trace *= gamma * lambda;
        }
        announced = (step.end == End::Running).then_some((step.next, next));
    }
    table
}
