//! What is refused: garbage for models, policies and settings. Nothing panics.

use cloudlot_qlearn::exact::{
    Branch, Model, ModelError, ModelFile, Policy, PolicyError, SolveError, average,
    epsilon_soft_optimum, evaluate, evaluate_within, greedy, optimal_average,
    optimum_values_within, value_iteration, values_within,
};
use cloudlot_qlearn::{ActionId, Mask, StateId};
use ndarray::{Array2, array};
use proptest::prelude::*;
use serde_json::{Value, json};

const LAKE: &str = include_str!("../data/frozenlake4x4_slippery.json");

/// The lake with one place of its JSON replaced.
fn changed(pointer: &str, value: Value) -> Result<Model, ModelError> {
    let mut json: Value = serde_json::from_str(LAKE).unwrap();
    *json.pointer_mut(pointer).unwrap() = value;
    serde_json::from_value::<ModelFile>(json)
        .unwrap()
        .try_into()
}

#[test]
fn a_model_that_is_not_right_is_refused_by_its_place() {
    let cases = [
        (
            "/P/6/1/0/0",
            json!(0.9),
            "action 1 in state 6: probabilities sum to 1.5666666666666",
        ),
        (
            "/P/6/1/0/0",
            json!(-0.1),
            "action 1 in state 6: -0.1 is not a probability",
        ),
        (
            "/P/6/1/0/0",
            json!(1.5),
            "action 1 in state 6: 1.5 is not a probability",
        ),
        (
            "/P/6/1/0/1",
            json!(16),
            "action 1 in state 6: next state 16 is not among 16",
        ),
        ("/P/6/1/0/2", json!(1e200), "action 1 in state 6: reward 1"),
        (
            "/P/6",
            json!([]),
            "state 6 has no action and is not terminal",
        ),
        (
            "/P/6",
            json!([[], [], [], [], [[1.0, 0, 0.0, false]]]),
            "action 4 in state 6 is not among 4",
        ),
        ("/n_states", json!(15), "state 15 is not among 15"),
        (
            "/n_states",
            json!(17),
            "state 16 has no action and is not terminal",
        ),
        (
            "/n_states",
            json!(u64::MAX),
            "18446744073709551615 states of 4 actions",
        ),
        (
            "/n_states",
            json!(4_294_967_295_u32),
            "4294967295 states of 4 actions",
        ),
        (
            "/n_states",
            json!(0),
            "0 states of 4 actions: a model has 1 to 16777216 cells",
        ),
        ("/n_actions", json!(0), "a model has 1 to 64 actions, not 0"),
        (
            "/n_actions",
            json!(65),
            "a model has 1 to 64 actions, not 65",
        ),
        (
            "/n_actions",
            json!(65_537),
            "a model has 1 to 64 actions, not 65537",
        ),
        (
            "/terminal_states",
            json!([5, 16]),
            "state 16 is not among 16",
        ),
        (
            "/terminal_states",
            json!([0]),
            "episodes begin in state 0, which is terminal",
        ),
        (
            "/initial_state_distribution",
            json!({}),
            "probabilities of starts sum to 0, not 1",
        ),
        (
            "/initial_state_distribution",
            json!({"0": 0.5}),
            "probabilities of starts sum to 0.5, not 1",
        ),
        (
            "/initial_state_distribution",
            json!({"0": -1.0}),
            "start in state 0: -1 is not a probability",
        ),
        (
            "/initial_state_distribution",
            json!({"99": 1.0}),
            "state 99 is not among 16",
        ),
    ];
    for (pointer, value, message) in cases {
        let refused = changed(pointer, value.clone()).unwrap_err().to_string();
        assert!(refused.starts_with(message), "{pointer} {value}: {refused}");
    }
    assert!(
        changed("/P/5", json!([[[9.0, 99, 1e300, false]]])).is_ok(),
        "rows of a terminal state"
    );
}

#[test]
fn text_that_is_no_model_is_refused() {
    for text in [
        "",
        "[]",
        "null",
        "{}",
        r#"{"P": 3}"#,
        r#"{"P": [[[[1.0, -1, 0.0, true]]]], "initial_state_distribution": {"0": 1.0}}"#,
        r#"{"P": [[[[1.0, 0, 0.0]]]], "initial_state_distribution": {"0": 1.0}}"#,
        r#"{"P": [[[[1.0, 0, null, true]]]], "initial_state_distribution": {"0": 1.0}}"#,
        r#"{"P": [[[[1.0, 0, 1e999, true]]]], "initial_state_distribution": {"0": 1.0}}"#,
        r#"{"P": [[[[1.0, 0, 0.0, true]]]], "initial_state_distribution": {"zero": 1.0}}"#,
        r#"{"P": [[[[1.0, 0, 0.0, true]]]], "initial_state_distribution": {"-1": 1.0}}"#,
        r#"{"P": [], "initial_state_distribution": {"0": 1.0}}"#,
        r#"{"P": [[]], "initial_state_distribution": {"0": 1.0}}"#,
    ] {
        assert!(serde_json::from_str::<Model>(text).is_err(), "{text}");
    }
}

fn strange() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<f64>(),
        Just(f64::NAN),
        Just(f64::INFINITY),
        Just(1e150),
        Just(-0.0),
        0.0..=1.0,
        Just(0.5),
        Just(1.0),
    ]
}

/// A probability, as a rule.
fn likely() -> impl Strategy<Value = f64> {
    prop_oneof![6 => Just(1.0), 2 => Just(0.5), 1 => Just(0.0), 1 => strange()]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Whatever is built is refused or can be solved; nothing panics and no value is NaN.
    #[test]
    fn a_strange_model_is_refused_or_solved(
        (states, actions) in (0..4_u32, 0..3_u16),
        branches in prop::collection::vec(
            (0..4_u32, 0..2_u16, likely(), 0..4_u32, strange(), any::<bool>()), 0..9),
        starts in prop::collection::vec((0..4_u32, likely()), 0..3),
        terminal in prop::collection::vec(0..4_u32, 0..3),
    ) {
        let mut builder = Model::builder(states, actions);
        for (state, action, probability, next, reward, terminated) in branches {
            let branch = Branch { probability, next: StateId(next), reward, terminated };
            builder.branch(StateId(state), ActionId(action), branch);
        }
        for (state, probability) in starts {
            builder.start(StateId(state), probability);
        }
        for state in terminal {
            builder.terminal(StateId(state));
        }
        if let Ok(model) = builder.build() {
            let solution = value_iteration(&model, 0.9, 1e-9, 50_000).unwrap();
            prop_assert!(solution.values.iter().all(|v| v.is_finite()));
            prop_assert!(solution.q.iter().all(|q| !q.is_nan()));
            let _ = value_iteration(&model, 1.0, 1e-9, 100);
            let _ = evaluate(&model, &Policy::uniform(&model), 1.0);
            let _ = average(&model, &Policy::uniform(&model));
            let _ = optimal_average(&model, 1e-9, 100);
        }
    }

    /// One number of a file replaced: refused, or a model whose solution is a number.
    #[test]
    fn a_mutated_file_is_refused_or_solved(
        place in 0..16_usize, action in 0..4_usize, field in 0..3_usize, number in any::<i64>(),
        scale in prop_oneof![Just(1.0), Just(1e-19), Just(1e300)],
    ) {
        let mut json: Value = serde_json::from_str(LAKE).unwrap();
        #[expect(clippy::cast_precision_loss, reason = "any number will do")]
        let number = number as f64 * scale;
        json["P"][place][action][0][field] = json!(number);
        if let Ok(model) = serde_json::from_value::<Model>(json) {
            let solution = value_iteration(&model, 0.9, 1e-9, 10_000).unwrap();
            prop_assert!(solution.values.iter().all(|v| v.is_finite()));
        }
    }

    #[test]
    fn strange_policies_are_refused(row in prop::collection::vec(strange(), 2)) {
        let model = choice();
        let table = Array2::from_shape_vec((1, 2), row.clone()).unwrap();
        let sum: f64 = row.iter().sum();
        let fine = row.iter().all(|p| (0.0..=1.0).contains(p)) && (sum - 1.0).abs() < 1e-9;
        prop_assert_eq!(Policy::stochastic(&model, table).is_ok(), fine);
    }
}

/// One state: stay for nothing, or leave for 1.
fn choice() -> Model {
    Model::builder(1, 2)
        .goes(StateId(0), ActionId(0), 1.0, StateId(0), 0.0)
        .ends(StateId(0), ActionId(1), 1.0, StateId(0), 1.0)
        .start(StateId(0), 1.0)
        .build()
        .unwrap()
}

#[test]
fn settings_outside_their_range_are_refused() {
    let model = choice();
    let policy = Policy::uniform(&model);
    for discount in [-0.1, 1.000_001, f64::NAN, f64::INFINITY] {
        let refused = |error: SolveError| assert!(matches!(error, SolveError::Discount { .. }));
        refused(value_iteration(&model, discount, 1e-9, 10).unwrap_err());
        refused(epsilon_soft_optimum(&model, discount, 0.1).unwrap_err());
        refused(evaluate(&model, &policy, discount).unwrap_err());
        refused(values_within(&model, &policy, 3, discount).unwrap_err());
        refused(optimum_values_within(&model, 3, discount).unwrap_err());
    }
    for tolerance in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let refused = |error: SolveError| assert!(matches!(error, SolveError::Tolerance { .. }));
        refused(value_iteration(&model, 0.9, tolerance, 10).unwrap_err());
        refused(optimal_average(&model, tolerance, 10).unwrap_err());
    }
    for epsilon in [-0.1, 1.1, f64::NAN] {
        assert!(matches!(
            epsilon_soft_optimum(&model, 0.9, epsilon),
            Err(SolveError::Policy(PolicyError::Epsilon { .. }))
        ));
    }
}

#[test]
fn what_is_no_policy_of_a_model_is_refused() {
    let model = choice()
        .restricted(&[Mask::NONE.with(ActionId(1))])
        .unwrap();
    let stay = PolicyError::Illegal {
        state: 0,
        action: 0,
    };
    assert_eq!(Policy::deterministic(&model, &[ActionId(0)]), Err(stay));
    assert_eq!(Policy::stochastic(&model, array![[1.0, 0.0]]), Err(stay));
    assert_eq!(
        Policy::deterministic(&model, &[ActionId(9)]),
        Err(PolicyError::Illegal {
            state: 0,
            action: 9
        })
    );
    let shape = |error: PolicyError| assert!(matches!(error, PolicyError::Shape { .. }));
    shape(Policy::deterministic(&model, &[]).unwrap_err());
    shape(Policy::stochastic(&model, array![[1.0]]).unwrap_err());
    shape(Policy::greedy(&model, &array![[1.0, 2.0], [3.0, 4.0]]).unwrap_err());
    assert_eq!(
        Policy::greedy(&model, &array![[1.0, f64::NAN]]),
        Err(PolicyError::NoValue { state: 0 })
    );
    // A policy of another model is looked at again.
    let other = Policy::deterministic(&choice(), &[ActionId(0)]).unwrap();
    assert_eq!(
        evaluate_within(&model, &other, 5),
        Err(SolveError::Policy(stay))
    );
    assert_eq!(evaluate(&model, &other, 0.5), Err(SolveError::Policy(stay)));
    assert_eq!(
        greedy(&[f64::NAN, f64::NEG_INFINITY], Mask::all(2)),
        Some(ActionId(1))
    );
    assert_eq!(greedy(&[f64::NAN], Mask::all(2)), None);
}

#[test]
fn masks_that_leave_nothing_are_refused() {
    let model = choice();
    assert_eq!(
        model.restricted(&[]),
        Err(ModelError::Masks {
            masks: 0,
            states: 1
        })
    );
    assert_eq!(
        model.restricted(&[Mask::NONE]),
        Err(ModelError::NoAction { state: 0 })
    );
}

#[test]
fn an_undiscounted_world_that_goes_on_earning_is_refused() {
    let loops = |there, back| {
        Model::builder(2, 1)
            .goes(StateId(0), ActionId(0), 1.0, StateId(1), there)
            .goes(StateId(1), ActionId(0), 1.0, StateId(0), back)
            .start(StateId(0), 1.0)
            .build()
            .unwrap()
    };
    for (there, back) in [(1.0, 1.0), (-1.0, -1.0), (1.0, -1.0), (0.0, 1e-3)] {
        let model = loops(there, back);
        let best = value_iteration(&model, 1.0, 1e-9, 1_000);
        assert!(
            matches!(best, Err(SolveError::NotConverged { sweeps: 1_000, .. })),
            "{best:?}"
        );
        let policy = evaluate(&model, &Policy::uniform(&model), 1.0);
        assert_eq!(policy, Err(SolveError::Endless { state: 0 }));
    }
    assert_eq!(
        value_iteration(&loops(0.0, 0.0), 1.0, 1e-9, 10)
            .unwrap()
            .values,
        array![0.0, 0.0]
    );
    // To stay for nothing is the best there is, and fine.
    let model = Model::builder(1, 2)
        .goes(StateId(0), ActionId(0), 1.0, StateId(0), 0.0)
        .ends(StateId(0), ActionId(1), 1.0, StateId(0), -1.0)
        .start(StateId(0), 1.0)
        .build()
        .unwrap();
    assert_eq!(
        value_iteration(&model, 1.0, 1e-9, 10).unwrap().q,
        array![[0.0, -1.0]]
    );
}

#[test]
fn an_average_of_what_ends_is_refused() {
    let model = choice();
    let ends = SolveError::Ends { state: 0 };
    assert_eq!(average(&model, &Policy::uniform(&model)), Err(ends));
    assert_eq!(optimal_average(&model, 1e-9, 100), Err(ends));
    let stay = Policy::deterministic(&model, &[ActionId(0)]).unwrap();
    assert_eq!(average(&model, &stay), Ok(0.0));
}

#[test]
fn questions_about_what_is_not_there_have_answers() {
    let model = choice();
    assert_eq!(model.mask(StateId(9)), Mask::NONE);
    assert!(!model.is_terminal(StateId(9)));
    assert!(model.branches(StateId(9), ActionId(0)).is_empty());
    assert!(model.branches(StateId(0), ActionId(2)).is_empty());
    assert_eq!(model.start_value(&array![]), 0.0);
    assert_eq!(model.action_values(&array![], 0.9), array![[0.0, 1.0]]);
}
