//! What is deployed, what is not, and how often the gate errs.

use cloudlot_qlearn::offline::{
    Baseline, Confidence, Estimator, EvaluationError, Gate, Objection, TargetPolicy, gate,
};
use cloudlot_qlearn::stream;

use crate::reference::REFERENCE;

#[test]
fn the_reference_world_is_understood() {
    let (target, behaviour) = REFERENCE.policies();
    assert!((REFERENCE.exact(&target) - REFERENCE.exact_value).abs() < 1e-12);
    // The mean return of 300 logged episodes lies near it.
    let logged = REFERENCE.estimates.behaviour_mean_return;
    assert!((REFERENCE.exact(&behaviour) - logged).abs() < 0.15);
}

#[test]
fn a_much_better_policy_is_deployed_by_either_estimator() {
    let (log, target, values) = (REFERENCE.log(), REFERENCE.target(), REFERENCE.values());
    for estimator in [
        Estimator::WeightedPerDecision,
        Estimator::DoublyRobust(&values),
    ] {
        for against in [Baseline::Mean, Baseline::Upper] {
            let rule = Gate {
                estimator,
                against,
                ..Gate::default()
            };
            let verdict = gate(&log, &target, &rule).unwrap();
            assert!(verdict.deploys(), "{verdict}");
            assert!(verdict.needed < verdict.estimate.lower);
        }
    }
}

#[test]
fn every_objection_is_named_with_its_numbers() {
    let (log, target) = (REFERENCE.log(), REFERENCE.target());
    let strict = Gate {
        margin: 5.0,
        least_sample: 100.0,
        most_unsupported: -1.0,
        ..Gate::default()
    };
    let verdict = gate(&log, &target, &strict).unwrap();
    assert!(!verdict.deploys());
    assert!(matches!(
        verdict.against[..],
        [
            Objection::Bound { .. },
            Objection::Sample { least: 100.0, .. },
            Objection::Unsupported {
                share: 0.0,
                most: -1.0
            },
        ]
    ));
    let text = verdict.to_string();
    assert!(
        text.starts_with("keep the baseline: the lower bound 0."),
        "{text}"
    );
    assert!(
        text.contains("the log is worth 50.7 episodes of the policy's own, not 100.0"),
        "{text}"
    );
    assert!(text.contains("; estimate 1.027112 in [0."), "{text}");
    assert!(
        text.ends_with("300 episodes worth 50.7, 0.0 % unsupported"),
        "{text}"
    );
}

#[test]
fn numbers_that_are_none_deploy_nothing() {
    let (log, target) = (REFERENCE.log(), REFERENCE.target());
    for rule in [
        Gate {
            margin: f64::NAN,
            ..Gate::default()
        },
        Gate {
            least_sample: f64::NAN,
            ..Gate::default()
        },
        Gate {
            most_unsupported: f64::NAN,
            ..Gate::default()
        },
    ] {
        assert!(!gate(&log, &target, &rule).unwrap().deploys());
    }
    let level = Confidence {
        level: f64::NAN,
        ..Confidence::default()
    };
    let rule = Gate {
        confidence: level,
        ..Gate::default()
    };
    assert!(matches!(
        gate(&log, &target, &rule),
        Err(EvaluationError::Level(_))
    ));
}

#[test]
fn a_margin_below_zero_lets_a_policy_pass_that_is_not_better() {
    let log = REFERENCE.log();
    let (_, behaviour) = REFERENCE.policies();
    let same = TargetPolicy::stochastic(behaviour).unwrap();
    assert!(!gate(&log, &same, &Gate::default()).unwrap().deploys());
    let lenient = Gate {
        margin: -0.5,
        ..Gate::default()
    };
    assert!(gate(&log, &same, &lenient).unwrap().deploys());
}

/// A mixture of the behaviour and a policy that avoids what the target prefers, truly a little worse
/// than the behaviour.
fn slightly_worse() -> TargetPolicy {
    let (target, behaviour) = REFERENCE.policies();
    let worse = &behaviour - &((&target - &behaviour) * 0.1);
    let (truly, logged) = (REFERENCE.exact(&worse), REFERENCE.exact(&behaviour));
    assert!(truly < logged && logged - truly < 0.1, "{truly} {logged}");
    TargetPolicy::stochastic(worse).unwrap()
}

#[test]
fn a_slightly_worse_policy_is_hardly_ever_deployed() {
    const LOGS: u32 = 150;
    let worse = slightly_worse();
    let mut rng = stream(20_261_121, 1);
    let confidence = Confidence {
        replicates: 199,
        ..Confidence::default()
    };
    let mut deployed = 0;
    for _ in 0..LOGS {
        let log = REFERENCE.fresh(300, &mut rng);
        let rule = Gate {
            confidence,
            ..Gate::default()
        };
        deployed += u32::from(gate(&log, &worse, &rule).unwrap().deploys());
    }
    assert!(deployed <= LOGS * 3 / 100, "{deployed} of {LOGS}");
}
