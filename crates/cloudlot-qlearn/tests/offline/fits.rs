//! Values fitted to logs, and learning from them.

use std::num::NonZeroUsize;

use cloudlot_qlearn::offline::{Confidence, Evaluation, Fit, Header, Log, TargetPolicy, learn};
use cloudlot_qlearn::{
    ActionId, Config, Dense, End, Learner, Mask, Refused, Rule, StateId, StepSize, Transition,
    Values, stream,
};
use ndarray::{Array2, array};

use crate::reference::REFERENCE;

/// From 0 action 0 stays and earns 1; action 1 goes to 1, from where both end the episode and
/// earn 3 and 0.
fn chain() -> Log {
    let mask = Mask::all(2);
    let of = |state, action, reward, next| {
        Transition::new(
            StateId(state),
            ActionId(action),
            reward,
            StateId(next),
            mask,
        )
    };
    let end = End::Terminated;
    let steps = [
        of(0, 0, 1.0, 0),
        of(0, 1, 0.0, 1),
        Transition {
            end,
            ..of(1, 0, 3.0, 0)
        },
        Transition {
            dt: 2.0,
            ..of(0, 1, 0.0, 1)
        },
        Transition {
            end,
            ..of(1, 1, 0.0, 0)
        },
    ];
    Log::new(Header::new(3, 2, 0.5).unwrap(), steps).unwrap()
}

#[test]
fn a_fit_is_the_exact_value_of_what_was_counted() {
    let target = array![[0.5, 0.5], [0.75, 0.25], [0.0, 0.0]];
    let target = TargetPolicy::stochastic(target).unwrap();
    let fit = Fit {
        unseen: -7.0,
        tolerance: 0.0,
        ..Fit::default()
    };
    let fitted = fit.stationary(&chain(), &target).unwrap();
    assert_eq!(fitted.residual, 0.0);
    let values = fitted.values.at(0).to_owned();
    // One of two steps to state 1, worth 2.25, takes twice as long: discounts of 0.5 and 0.25.
    let leave = 0.375 * 2.25;
    let stay = (1.0 + 0.25 * leave) / 0.75;
    let expected = array![[stay, leave], [3.0, 0.0], [-7.0, -7.0]];
    assert!(
        (&values - &expected).iter().all(|by| by.abs() < 1e-12),
        "{values}"
    );
}

#[test]
fn a_fit_that_does_not_settle_says_so() {
    let always_stay = TargetPolicy::stochastic(array![[1.0, 0.0], [1.0, 0.0], [1.0, 0.0]]).unwrap();
    let log = Log::new(Header::new(3, 2, 1.0).unwrap(), chain().steps().to_vec()).unwrap();
    let fit = Fit {
        sweeps: 100,
        ..Fit::default()
    };
    let fitted = fit.stationary(&log, &always_stay).unwrap();
    assert_eq!((fitted.sweeps, fitted.residual), (100, 1.0));
    assert_eq!(fitted.values.at(0)[(0, 0)], 100.0);
}

#[test]
fn fits_of_a_long_log_come_near_the_exact_value() {
    let log = REFERENCE.fresh(20_000, &mut stream(5, 5));
    let target = REFERENCE.target();
    let horizon = NonZeroUsize::new(REFERENCE.horizon).unwrap();
    let values = Fit::default().within(&log, &target, horizon).unwrap();
    assert_eq!(values.horizon(), Some(REFERENCE.horizon));
    let (policy, _) = REFERENCE.policies();
    let found: f64 = (&values.at(0).row(0) * &policy.row(0)).sum();
    assert!((found - REFERENCE.exact_value).abs() < 0.02, "{found}");
}

#[test]
fn a_fit_on_the_other_half_narrows_the_doubly_robust_bounds() {
    let log = REFERENCE.fresh(1_000, &mut stream(6, 6));
    let target = REFERENCE.target();
    let (fitted_on, judged_on) = (log.select(|k| k % 2 == 0), log.select(|k| k % 2 == 1));
    assert_eq!(
        fitted_on.episodes().len() + judged_on.episodes().len(),
        1_000
    );
    let horizon = NonZeroUsize::new(REFERENCE.horizon).unwrap();
    let values = Fit::default().within(&fitted_on, &target, horizon).unwrap();
    let evaluation = Evaluation::new(&judged_on, &target).unwrap();
    let plain = evaluation.per_decision(Confidence::default()).unwrap();
    let robust = evaluation
        .doubly_robust(&values, Confidence::default())
        .unwrap();
    assert!(
        robust.upper - robust.lower < 0.6 * (plain.upper - plain.lower),
        "{robust:?} {plain:?}"
    );
    assert!(robust.lower <= REFERENCE.exact_value && REFERENCE.exact_value <= robust.upper);
}

fn learner(rule: Rule) -> Learner {
    let config = Config {
        rule,
        discount: 0.5,
        step_size: StepSize::Constant(0.5),
        ..Config::default()
    };
    Learner::new(Dense::new(3, 2, 0.0).unwrap(), config).unwrap()
}

#[test]
fn many_passes_learn_the_optimum_of_what_was_logged() {
    let mut learner = learner(Rule::QLearning);
    // Without the step of another length, whose discount would have to be averaged.
    let log = chain().select(|episode| episode == 0);
    let learned = learn(&mut learner, &log, 200).unwrap();
    assert_eq!(learned.steps, 600);
    assert!(
        learned.errors[0] > 1.0 && learned.errors[199] < 1e-12,
        "{:?}",
        learned.errors
    );
    // Staying for ever is worth 2, leaving half of 3.
    let expected = array![[2.0, 1.5], [3.0, 0.0], [0.0, 0.0]];
    let found = learner.values().view();
    assert!(
        (&found - &expected).iter().all(|by| by.abs() < 1e-9),
        "{found}"
    );
    let frozen = TargetPolicy::frozen(&learner);
    assert_eq!(
        frozen.probability(StateId(0), Mask::all(2), ActionId(0)),
        1.0
    );
    assert_eq!(
        frozen.probability(StateId(0), Mask::from_bits(2), ActionId(1)),
        1.0
    );
}

#[test]
fn rules_on_the_next_action_learn_what_the_behaviour_did() {
    let mut learner = learner(Rule::Sarsa);
    let log = chain().select(|episode| episode == 0);
    learn(&mut learner, &log, 200).unwrap();
    // After staying the behaviour left: 1 + 0.5 · 1.5.
    assert!((learner.values().value(StateId(0), ActionId(0)) - 1.75).abs() < 1e-9);
}

#[test]
fn a_frozen_double_learner_acts_on_the_mean_of_its_tables() {
    let mut learner = learner(Rule::DoubleQ);
    learn(&mut learner, &chain(), 7).unwrap();
    let frozen = TargetPolicy::frozen(&learner);
    for state in [StateId(0), StateId(1), StateId(2)] {
        let best = learner.best(state, Mask::all(2)).unwrap().action;
        assert_eq!(frozen.probability(state, Mask::all(2), best), 1.0);
    }
}

#[test]
fn a_step_that_the_learner_refuses_is_named() {
    let small = Learner::new(Dense::new(1, 2, 0.0).unwrap(), Config::default());
    let found = learn(&mut small.unwrap(), &chain(), 1).unwrap_err();
    assert_eq!((found.pass, found.episode, found.step), (0, 0, 1));
    assert_eq!(found.refused, Refused::Next);
    let untold = Transition {
        end: End::Truncated,
        ..chain().steps()[0]
    };
    let log = Log::new(*chain().header(), [untold]).unwrap();
    assert!(learn(&mut learner(Rule::Sarsa), &log, 1).is_err());
    assert!(learn(&mut learner(Rule::QLearning), &log, 1).is_ok());
}

#[test]
fn a_policy_that_was_learned_from_a_log_passes_the_gate_on_another() {
    use cloudlot_qlearn::offline::{Gate, gate};
    let mut rng = stream(8, 8);
    let (first, second) = (
        REFERENCE.fresh(3_000, &mut rng),
        REFERENCE.fresh(3_000, &mut rng),
    );
    let config = Config {
        discount: REFERENCE.gamma,
        ..Config::default()
    };
    let mut learner = Learner::new(Dense::new(7, 3, 0.0).unwrap(), config).unwrap();
    learn(&mut learner, &first, 20).unwrap();
    let verdict = gate(&second, &TargetPolicy::frozen(&learner), &Gate::default()).unwrap();
    assert!(verdict.deploys(), "{verdict}");
    let worst: Array2<f64> = -&learner.values().view();
    let worst = TargetPolicy::greedy(worst, 0.0).unwrap();
    let verdict = gate(&second, &worst, &Gate::default());
    assert!(!verdict.is_ok_and(|verdict| verdict.deploys()));
}
