//! Random models: every solution against the plainest way to the same numbers.

use std::collections::BTreeSet;

use cloudlot_qlearn::exact::{
    Branch, Model, Policy, SolveError, average, epsilon_soft_optimum, evaluate, evaluate_within,
    optimal_average, optimum_values_within, optimum_within, value_iteration, values_within,
};
use cloudlot_qlearn::{ActionId, Mask, StateId};
use ndarray::{Array1, Array2};
use proptest::prelude::*;

/// An action: not legal, or weights, next states and rewards; and how much of it ends the episode.
type Row = Option<(Vec<(u32, u32, i32)>, u32)>;

fn rows(states: u32, actions: u16, ending: bool) -> impl Strategy<Value = Vec<Vec<Row>>> {
    let branch = (1..8_u32, 0..states, -4..5_i32);
    let ends = if ending { 0..3_u32 } else { 0..1 };
    let row = proptest::option::weighted(0.8, (prop::collection::vec(branch, 1..4), ends));
    let state = prop::collection::vec(row, usize::from(actions));
    prop::collection::vec(state, StateId(states).index())
}

fn model_of(rows: &[Vec<Row>]) -> Model {
    let mut builder = Model::builder(u32::try_from(rows.len()).unwrap(), 3);
    for (state, actions) in (0..).map(StateId).zip(rows) {
        for (action, row) in (0..).map(ActionId).zip(actions) {
            let Some((branches, ends)) = row else {
                continue;
            };
            let sum = f64::from(ends + branches.iter().map(|(weight, ..)| weight).sum::<u32>());
            for &(weight, next, reward) in branches {
                let (next, reward) = (StateId(next), f64::from(reward));
                builder.goes(state, action, f64::from(weight) / sum, next, reward);
            }
            builder.ends(state, action, f64::from(*ends) / sum, state, 7.0);
        }
        if actions.iter().all(Option::is_none) {
            builder.terminal(state);
        }
    }
    let live: Vec<_> = (0..)
        .map(StateId)
        .zip(rows)
        .filter(|(_, row)| row.iter().any(Option::is_some))
        .collect();
    for (state, _) in &live {
        builder.start(*state, 1.0 / f64::from(u32::try_from(live.len()).unwrap()));
    }
    builder.build().unwrap()
}

fn models(ending: bool) -> impl Strategy<Value = Model> {
    let shapes = (1..7_u32).prop_flat_map(move |states| rows(states, 3, ending));
    let some = |rows: &Vec<Vec<Row>>| rows.iter().flatten().any(Option::is_some);
    shapes
        .prop_filter("a start", some)
        .prop_map(|rows| model_of(&rows))
}

/// Models without an end: no state without actions.
fn continuing() -> impl Strategy<Value = Model> {
    let shapes = (1..7_u32).prop_flat_map(|states| rows(states, 3, false));
    let live = |rows: &Vec<Vec<Row>>| rows.iter().all(|row| row.iter().any(Option::is_some));
    shapes
        .prop_filter("no end", live)
        .prop_map(|rows| model_of(&rows))
}

/// Weights, made a policy of a model.
fn policy_of(model: &Model, weights: &[u32]) -> Policy {
    let mut table = Array2::zeros((model.states(), model.actions()));
    let mut weights = weights.iter().cycle();
    for state in model.state_ids() {
        let legal: Vec<_> = model.mask(state).iter().collect();
        let drawn: Vec<u32> = legal.iter().map(|_| *weights.next().unwrap()).collect();
        let sum: u32 = drawn.iter().sum();
        for (action, weight) in legal.iter().zip(&drawn) {
            let share = f64::from(*weight) / f64::from(sum);
            let alike = 1.0 / f64::from(model.mask(state).len());
            table[[state.index(), action.index()]] = if sum == 0 { alike } else { share };
        }
    }
    Policy::stochastic(model, table).unwrap()
}

fn lowest(model: &Model) -> Policy {
    let first = |state| model.mask(state).nth(0).unwrap_or_default();
    Policy::deterministic(model, &model.state_ids().map(first).collect::<Vec<_>>()).unwrap()
}

/// The worth of an action, from the branches alone.
fn worth(model: &Model, state: StateId, action: ActionId, discount: f64, after: &[f64]) -> f64 {
    let mut sum = 0.0;
    for branch in model.branches(state, action) {
        sum += branch.probability * branch.reward;
        if !branch.terminated {
            sum += branch.probability * discount * after[branch.next.index()];
        }
    }
    sum
}

/// A thousand plain backups of `choose`, which makes one value of those of the legal actions.
fn iterate(model: &Model, discount: f64, choose: impl Fn(StateId, &[f64]) -> f64) -> Vec<f64> {
    let mut values = vec![0.0; model.states()];
    for _ in 0..1_000 {
        let of = |state| {
            let legal = model.mask(state).iter();
            let worths: Vec<_> = legal
                .map(|a| worth(model, state, a, discount, &values))
                .collect();
            if worths.is_empty() {
                0.0
            } else {
                choose(state, &worths)
            }
        };
        values = model.state_ids().map(of).collect();
    }
    values
}

fn highest(worths: &[f64]) -> f64 {
    worths.iter().copied().reduce(f64::max).unwrap()
}

fn mean(worths: &[f64]) -> f64 {
    worths.iter().sum::<f64>() / f64::from(u32::try_from(worths.len()).unwrap())
}

fn apart(a: &Array1<f64>, b: &[f64]) -> f64 {
    a.iter()
        .zip(b)
        .fold(0.0, |most, (a, b)| most.max((a - b).abs()))
}

/// The branches that a policy may take from a state.
fn taken(model: &Model, policy: &Policy, state: StateId) -> Vec<(f64, Branch)> {
    let chance = |action: ActionId| policy.probabilities()[[state.index(), action.index()]];
    let legal = model
        .mask(state)
        .iter()
        .filter(|action| chance(*action) > 0.0);
    legal
        .flat_map(|a| {
            model
                .branches(state, a)
                .iter()
                .map(move |b| (chance(a), *b))
        })
        .collect()
}

fn may_end(model: &Model, policy: &Policy, state: StateId) -> bool {
    model.is_terminal(state)
        || taken(model, policy, state)
            .iter()
            .any(|(_, b)| b.terminated)
}

fn mean_reward(model: &Model, policy: &Policy, state: StateId) -> f64 {
    let taken = taken(model, policy, state);
    taken
        .iter()
        .map(|(chance, b)| chance * b.probability * b.reward)
        .sum()
}

fn reached(model: &Model, policy: &Policy, from: StateId) -> BTreeSet<StateId> {
    let mut reached = BTreeSet::from([from]);
    for _ in 0..model.states() {
        let steps = reached
            .iter()
            .flat_map(|state| taken(model, policy, *state));
        let next: Vec<_> = steps
            .filter(|(_, b)| !b.terminated)
            .map(|(_, b)| b.next)
            .collect();
        reached.extend(next);
    }
    reached
}

/// What a step earns at best from each state, after many, over whole cycles of up to 7 states.
fn late_rates(model: &Model) -> Array1<f64> {
    let within = |steps| optimum_values_within(model, steps, 1.0).unwrap();
    (within(5_420) - within(5_000)) / 420.0
}

/// All that can happen in so many steps, one branch after the other.
fn brute(model: &Model, policy: Option<&Policy>, state: StateId, steps: u32, discount: f64) -> f64 {
    if steps == 0 {
        return 0.0;
    }
    let of = |action: ActionId| {
        let mut sum = 0.0;
        for branch in model.branches(state, action) {
            let over = branch.terminated;
            let after = || brute(model, policy, branch.next, steps - 1, discount);
            sum +=
                branch.probability * (branch.reward + if over { 0.0 } else { discount * after() });
        }
        sum
    };
    let legal = model.mask(state).iter();
    match policy {
        Some(policy) => legal
            .map(|a| policy.probabilities()[[state.index(), a.index()]] * of(a))
            .sum(),
        None => legal.map(of).reduce(f64::max).unwrap_or(0.0),
    }
}

proptest! {
    #[test]
    fn the_optimum_is_what_long_iteration_finds(model in models(true), percent in 0..98_u32) {
        let discount = f64::from(percent) / 100.0;
        let solution = value_iteration(&model, discount, 1e-6, 100_000).unwrap();
        let naive = iterate(&model, discount, |_, worths| highest(worths));
        prop_assert!(apart(&solution.values, &naive) < 1e-6);
        prop_assert!(discount > 0.95 || apart(&solution.values, &naive) < 1e-11);
        prop_assert!(solution.residual < 1e-11);
        let greedy = Policy::greedy(&model, &solution.q).unwrap();
        let earned = evaluate(&model, &greedy, discount).unwrap();
        prop_assert!(apart(&solution.values, earned.as_slice().unwrap()) < 1e-10);
    }

    #[test]
    fn no_policy_is_better_than_the_optimum(
        model in models(true),
        weights in prop::collection::vec(0..5_u32, 18),
    ) {
        let best = value_iteration(&model, 0.9, 1e-9, 100_000).unwrap().values;
        let any = evaluate(&model, &policy_of(&model, &weights), 0.9).unwrap();
        for (best, any) in best.iter().zip(&any) {
            prop_assert!(*any <= best + 1e-10);
        }
    }

    #[test]
    fn the_soft_optimum_is_what_long_iteration_finds(model in models(true), tenths in 0..11_u32) {
        let epsilon = f64::from(tenths) / 10.0;
        let solution = epsilon_soft_optimum(&model, 0.9, epsilon).unwrap();
        let soft = |_, w: &[f64]| (1.0 - epsilon) * highest(w) + epsilon * mean(w);
        prop_assert!(apart(&solution.values, &iterate(&model, 0.9, soft)) < 1e-11);
        let policy = Policy::epsilon_greedy(&model, &solution.q, epsilon).unwrap();
        let earned = evaluate(&model, &policy, 0.9).unwrap();
        prop_assert!(apart(&solution.values, earned.as_slice().unwrap()) < 1e-10);
    }

    #[test]
    fn a_policy_is_worth_what_long_iteration_finds(
        model in models(true),
        weights in prop::collection::vec(0..5_u32, 18),
        percent in 0..98_u32,
    ) {
        let discount = f64::from(percent) / 100.0;
        let policy = policy_of(&model, &weights);
        let naive = iterate(&model, discount, |state, worths| {
            let row = policy.probabilities();
            let legal = model.mask(state).iter().map(|a| row[[state.index(), a.index()]]);
            legal.zip(worths).map(|(chance, worth)| chance * worth).sum()
        });
        let found = evaluate(&model, &policy, discount).unwrap();
        prop_assert!(apart(&found, &naive) < 1e-6);
        prop_assert!(discount > 0.95 || apart(&found, &naive) < 1e-11);
    }

    /// With a discount of 1 a value is either the limit of ever longer limits, or refused because
    /// there is none.
    #[test]
    fn an_undiscounted_value_is_a_limit_or_refused(
        model in models(true),
        weights in prop::collection::vec(0..5_u32, 18),
    ) {
        let policy = policy_of(&model, &weights);
        let long = |steps| values_within(&model, &policy, steps, 1.0).unwrap();
        match evaluate(&model, &policy, 1.0) {
            Ok(values) => {
                let found = long(200_000);
                prop_assert!(apart(&values, found.as_slice().unwrap()) < 1e-7, "{values} {found}");
            }
            Err(SolveError::Endless { state }) => {
                // It can neither end nor come to where nothing is earned for ever.
                for later in reached(&model, &policy, StateId(state)) {
                    prop_assert!(!may_end(&model, &policy, later));
                    let mut all = reached(&model, &policy, later).into_iter();
                    prop_assert!(all.any(|at| mean_reward(&model, &policy, at) != 0.0));
                }
            }
            Err(other) => prop_assert!(false, "{other}"),
        }
    }

    #[test]
    fn a_time_limit_is_what_all_branches_say(
        rows in rows(3, 3, true),
        weights in prop::collection::vec(0..5_u32, 9),
        steps in 0..4_u32,
        half in any::<bool>(),
    ) {
        prop_assume!(rows.iter().flatten().any(Option::is_some));
        let model = model_of(&rows);
        let policy = policy_of(&model, &weights);
        let discount = if half { 0.5 } else { 1.0 };
        let found = values_within(&model, &policy, steps, discount).unwrap();
        let best = optimum_within(&model, steps).unwrap();
        let (mut earned, mut most) = (0.0, 0.0);
        for &(state, chance) in model.start() {
            let expected = brute(&model, Some(&policy), state, steps, discount);
            prop_assert!((found[state.index()] - expected).abs() < 1e-11);
            earned += chance * brute(&model, Some(&policy), state, steps, 1.0);
            most += chance * brute(&model, None, state, steps, 1.0);
        }
        prop_assert!((evaluate_within(&model, &policy, steps).unwrap() - earned).abs() < 1e-11);
        prop_assert!((best - most).abs() < 1e-11);
    }

    /// The average of a policy is what a step earns after very many.
    #[test]
    fn an_average_is_what_many_steps_earn(model in continuing()) {
        for policy in [lowest(&model), Policy::uniform(&model)] {
            let found = average(&model, &policy).unwrap();
            let (long, longer) = (5_000, 5_420);
            let within = |steps| evaluate_within(&model, &policy, steps).unwrap();
            // 420 steps are a whole number of cycles of up to 7 states.
            let naive = (within(longer) - within(long)) / 420.0;
            prop_assert!((found - naive).abs() < 1e-6, "{found} {naive}");
        }
    }

    #[test]
    fn no_policy_earns_more_than_the_best_average(
        model in continuing(),
        weights in prop::collection::vec(0..5_u32, 18),
    ) {
        match optimal_average(&model, 1e-9, 20_000) {
            Ok(best) => {
                let policy = Policy::deterministic(&model, &best.actions).unwrap();
                let earned = average(&model, &policy).unwrap();
                prop_assert!((earned - best.average).abs() <= 1e-9);
                let any = average(&model, &policy_of(&model, &weights)).unwrap();
                prop_assert!(any <= best.average + best.gap + 1e-9);
                for rate in late_rates(&model) {
                    prop_assert!((rate - best.average).abs() < 1e-6, "{rate} {}", best.average);
                }
            }
            Err(SolveError::NotConverged { .. }) => {
                // Then the best average depends on where one begins.
                let rates = late_rates(&model);
                let (low, high) = rates.iter().fold((f64::MAX, f64::MIN), |(low, high), rate| {
                    (low.min(*rate), high.max(*rate))
                });
                prop_assert!(high - low > 1e-6, "{rates}");
            }
            Err(other) => prop_assert!(false, "{other}"),
        }
    }

    #[test]
    fn a_restricted_model_keeps_what_its_masks_allow(model in models(true), bits in any::<u64>()) {
        let masks: Vec<Mask> = model.state_ids().map(|s| Mask::from_bits(bits >> (3 * s.0))).collect();
        let allowed = |state: StateId| model.mask(state).and(masks[state.index()]);
        let stuck = |state: &StateId| !model.is_terminal(*state) && allowed(*state).is_empty();
        match model.restricted(&masks) {
            Ok(fewer) => {
                for state in model.state_ids() {
                    prop_assert_eq!(fewer.mask(state), allowed(state));
                    for action in fewer.mask(state).iter() {
                        prop_assert_eq!(fewer.branches(state, action), model.branches(state, action));
                    }
                }
            }
            Err(_) => prop_assert!(model.state_ids().any(|state| stuck(&state))),
        }
    }
}

#[test]
fn an_average_counts_the_parts_by_how_likely_they_are_reached() {
    // From the middle, a third goes to the side that earns 3, the rest to where 1 and 2 alternate.
    let only = ActionId(0);
    let model = Model::builder(4, 1)
        .goes(StateId(0), only, 1.0 / 3.0, StateId(1), 50.0)
        .goes(StateId(0), only, 2.0 / 3.0, StateId(2), -20.0)
        .goes(StateId(1), only, 1.0, StateId(1), 3.0)
        .goes(StateId(2), only, 1.0, StateId(3), 1.0)
        .goes(StateId(3), only, 1.0, StateId(2), 2.0)
        .start(StateId(0), 1.0)
        .build()
        .unwrap();
    let found = average(&model, &Policy::uniform(&model)).unwrap();
    assert!((found - 2.0).abs() < 1e-15, "{found}");
    assert!(matches!(
        optimal_average(&model, 1e-9, 1_000),
        Err(SolveError::NotConverged { sweeps: 1_000, .. })
    ));
}

/// A birth-death chain with more states than are solved densely; its average is known.
#[test]
fn large_models_are_swept() {
    let (states, only) = (2_500_u32, ActionId(0));
    let mut builder = Model::builder(states, 1);
    for state in 0..states {
        let (down, up) = (state.saturating_sub(1), (state + 1).min(states - 1));
        builder.goes(
            StateId(state),
            only,
            0.75,
            StateId(down),
            f64::from(u8::from(state == 0)),
        );
        builder.goes(
            StateId(state),
            only,
            0.25,
            StateId(up),
            f64::from(u8::from(state == 0)),
        );
    }
    let model = builder.start(StateId(0), 1.0).build().unwrap();
    let policy = Policy::uniform(&model);
    let values = evaluate(&model, &policy, 0.9).unwrap();
    let swept = value_iteration(&model, 0.9, 1e-13, 10_000).unwrap().values;
    assert!(apart(&values, swept.as_slice().unwrap()) < 1e-11);
    // v0 = 1 + 0.9 (3/4 v0 + 1/4 v1) and v(n) = v0 xⁿ with 0.9 (3/4 + x²/4) = x.
    let x = (1.0 - (1.0_f64 - 4.0 * 0.9 * 0.75 * 0.9 * 0.25).sqrt()) / (2.0 * 0.9 * 0.25);
    let v0 = 1.0 / (1.0 - 0.9 * (0.75 + 0.25 * x));
    assert!((values[0] - v0).abs() < 1e-11, "{} {v0}", values[0]);
    assert!(matches!(
        average(&model, &policy),
        Err(SolveError::TooMany { states: 2_500, .. })
    ));
    let best = optimal_average(&model, 1e-10, 1_000_000).unwrap();
    assert!((best.average - 2.0 / 3.0).abs() < 1e-9, "{}", best.average);
}
