//! What is refused, and where it says so.

use cloudlot_qlearn::offline::{
    ActionValues, ActionValuesError, Confidence, Evaluation, EvaluationError, Fault, Fit, Header,
    HeaderError, Log, LogError, MeanBound, TargetPolicy, TargetPolicyError,
};
use cloudlot_qlearn::{ActionId, End, Mask, StateId, Transition};
use ndarray::{Array2, Array3, array};

const SURE: Confidence = Confidence {
    level: 0.95,
    mean: MeanBound::StudentT,
    replicates: 39,
    seed: 0,
};

fn header() -> Header {
    Header::new(3, 2, 0.9).unwrap()
}

/// A legal step from state 0 to state 1.
fn step() -> Transition {
    Transition {
        probability: 0.5,
        ..Transition::new(StateId(0), ActionId(1), 1.0, StateId(1), Mask::all(2))
    }
}

/// Two legal episodes, the second with a second step that may be wrong.
fn log_with(second: Transition) -> Result<Log, LogError> {
    let over = Transition {
        end: End::Terminated,
        ..step()
    };
    let on = Transition {
        next: StateId(0),
        ..step()
    };
    Log::new(header(), [over, on, second])
}

#[test]
fn a_step_that_is_not_legal_is_named() {
    let legal = Transition {
        end: End::Truncated,
        ..step()
    };
    assert!(log_with(legal).is_ok());
    let state = |state| Fault::State {
        state: StateId(state),
        states: 3,
    };
    let action = |action| Fault::Action {
        action: ActionId(action),
        actions: 2,
    };
    let mask = |bits| Fault::Mask { bits, actions: 2 };
    for (wrong, fault) in [
        (
            Transition {
                state: StateId(3),
                ..legal
            },
            state(3),
        ),
        (
            Transition {
                next: StateId(u32::MAX),
                ..legal
            },
            state(u32::MAX),
        ),
        (
            Transition {
                executed: ActionId(2),
                ..legal
            },
            action(2),
        ),
        (
            Transition {
                proposed: ActionId(u16::MAX),
                ..legal
            },
            action(u16::MAX),
        ),
        (
            Transition {
                next_action: Some(ActionId(64)),
                ..legal
            },
            action(64),
        ),
        (
            Transition {
                mask: Mask::all(3),
                ..legal
            },
            mask(7),
        ),
        (
            Transition {
                next_mask: Mask::from_bits(1 << 63),
                ..legal
            },
            mask(1 << 63),
        ),
        (
            Transition {
                mask: Mask::all(1),
                ..legal
            },
            Fault::Forbidden(ActionId(1)),
        ),
        (
            Transition {
                next_mask: Mask::all(1),
                next_action: Some(ActionId(1)),
                ..legal
            },
            Fault::Forbidden(ActionId(1)),
        ),
        (
            Transition {
                probability: 0.0,
                ..legal
            },
            Fault::Probability(0.0),
        ),
        (
            Transition {
                probability: -0.5,
                ..legal
            },
            Fault::Probability(-0.5),
        ),
        (
            Transition {
                probability: 1.5,
                ..legal
            },
            Fault::Probability(1.5),
        ),
        (
            Transition {
                reward: f64::INFINITY,
                ..legal
            },
            Fault::Reward(f64::INFINITY),
        ),
        (
            Transition {
                reward: -1e151,
                ..legal
            },
            Fault::Reward(-1e151),
        ),
        (Transition { dt: 0.0, ..legal }, Fault::Duration(0.0)),
        (
            Transition {
                dt: f64::INFINITY,
                ..legal
            },
            Fault::Duration(f64::INFINITY),
        ),
        (
            Transition {
                state: StateId(2),
                ..legal
            },
            Fault::Gap {
                expected: StateId(0),
                found: StateId(2),
            },
        ),
    ] {
        let found = log_with(wrong).unwrap_err();
        assert_eq!(
            found,
            LogError {
                episode: 1,
                step: 1,
                fault
            }
        );
    }
    for wrong in [
        Transition {
            probability: f64::NAN,
            ..legal
        },
        Transition {
            reward: f64::NAN,
            ..legal
        },
        Transition {
            dt: f64::NAN,
            ..legal
        },
    ] {
        assert!(log_with(wrong).is_err());
    }
}

#[test]
fn an_episode_without_an_end_is_named() {
    let found = log_with(step()).unwrap_err();
    assert_eq!(
        found.to_string(),
        "episode 1, step 2: the episode has no end"
    );
    assert!(Log::new(header(), []).is_ok());
}

#[test]
fn after_a_terminated_end_nothing_is_looked_at() {
    let odd = Transition {
        end: End::Terminated,
        next_mask: Mask::from_bits(u64::MAX),
        next_action: Some(ActionId(9)),
        ..step()
    };
    assert!(log_with(odd).is_ok());
}

#[test]
fn headers_out_of_range_are_refused() {
    assert_eq!(Header::new(0, 2, 0.9), Err(HeaderError::States));
    assert_eq!(Header::new(1, 0, 0.9), Err(HeaderError::Actions(0)));
    assert_eq!(Header::new(1, 65, 0.9), Err(HeaderError::Actions(65)));
    for discount in [0.0, -0.1, 1.1, f64::INFINITY, f64::NAN] {
        assert!(Header::new(1, 1, discount).is_err());
    }
}

#[test]
fn targets_that_are_no_policies_are_refused() {
    use TargetPolicyError as Error;
    let of = TargetPolicy::stochastic;
    assert_eq!(
        of(array![[0.5, 0.4]]),
        Err(Error::Sum { state: 0, sum: 0.9 })
    );
    assert!(matches!(
        of(array![[1.0, 0.0], [-0.5, 1.5]]),
        Err(Error::Probability {
            state: 1,
            action: 0,
            ..
        })
    ));
    assert!(matches!(
        of(array![[f64::NAN]]),
        Err(Error::Probability { .. })
    ));
    assert_eq!(
        of(Array2::zeros((3, 0))),
        Err(Error::Actions { actions: 0 })
    );
    assert_eq!(
        of(Array2::zeros((3, 65))),
        Err(Error::Actions { actions: 65 })
    );
    let greedy = TargetPolicy::greedy;
    assert!(matches!(
        greedy(array![[f64::NAN]], 0.0),
        Err(Error::Value { .. })
    ));
    assert!(matches!(
        greedy(array![[1.0]], f64::NAN),
        Err(Error::Epsilon(_))
    ));
    assert_eq!(greedy(array![[1.0]], -0.1), Err(Error::Epsilon(-0.1)));
    assert_eq!(
        greedy(Array2::zeros((1, 0)), 0.0),
        Err(Error::Actions { actions: 0 })
    );
}

#[test]
fn values_that_are_no_numbers_are_refused() {
    let wrong = ActionValues::stationary(array![[0.0, 1.0], [f64::INFINITY, 0.0]]);
    assert!(matches!(
        wrong,
        Err(ActionValuesError::Value {
            layer: 0,
            state: 1,
            action: 0,
            ..
        })
    ));
    let empty = ActionValues::by_steps_to_go(Array3::zeros((0, 3, 2)));
    assert_eq!(empty, Err(ActionValuesError::Empty));
}

/// Episodes of one step each, from state 0: what was done, how likely, and what it earned.
fn bandit(steps: &[(u16, f64, f64)]) -> Log {
    let steps = steps
        .iter()
        .map(|(action, probability, reward)| Transition {
            executed: ActionId(*action),
            probability: *probability,
            reward: *reward,
            end: End::Terminated,
            ..step()
        });
    Log::new(header(), steps).unwrap()
}

fn always(action: u16) -> TargetPolicy {
    let mut rows = Array2::zeros((3, 2));
    rows.column_mut(usize::from(action)).fill(1.0);
    TargetPolicy::stochastic(rows).unwrap()
}

#[test]
fn logs_that_say_nothing_are_refused() {
    let of = |log: &Log| Evaluation::new(log, &always(0)).map(|_| ());
    assert_eq!(of(&bandit(&[])), Err(EvaluationError::Empty));
    // The target would have gone through none of it.
    let other = bandit(&[(1, 0.5, 1.0), (1, 0.5, 2.0)]);
    assert_eq!(of(&other), Err(EvaluationError::NoWeight));
    let wide = TargetPolicy::stochastic(array![[1.0, 0.0, 0.0]]).unwrap();
    assert!(matches!(
        Evaluation::new(&other, &wide),
        Err(EvaluationError::Shape {
            expected: (3, 2),
            found: (1, 3)
        })
    ));
}

#[test]
fn a_single_episode_has_no_bounds() {
    let (log, target) = (bandit(&[(0, 0.5, 1.0)]), always(0));
    let evaluation = Evaluation::new(&log, &target).unwrap();
    let few = Err(EvaluationError::Few { episodes: 1 });
    assert_eq!(evaluation.per_decision(SURE), few);
    assert_eq!(evaluation.weighted_per_decision(SURE), few);
}

#[test]
fn a_target_that_may_do_nothing_is_named() {
    let only_second = Transition {
        mask: Mask::from_bits(2),
        end: End::Terminated,
        ..step()
    };
    let legal = Transition {
        end: End::Terminated,
        ..step()
    };
    let log = Log::new(header(), [legal, only_second]).unwrap();
    let found = Evaluation::new(&log, &always(0)).unwrap_err();
    assert_eq!(
        found,
        EvaluationError::Forbidden {
            episode: 1,
            step: 0
        }
    );
    // A greedy one does the best of what is left.
    let greedy = TargetPolicy::greedy(Array2::zeros((3, 2)), 0.0).unwrap();
    assert!(Evaluation::new(&log, &greedy).is_ok());
}

#[test]
fn weights_past_all_numbers_are_refused_where_they_arise() {
    let tiny = Transition {
        executed: ActionId(0),
        probability: 1e-200,
        next: StateId(0),
        ..step()
    };
    let over = Transition {
        end: End::Terminated,
        ..tiny
    };
    let log = Log::new(header(), [over, tiny, over]).unwrap();
    let found = Evaluation::new(&log, &always(0)).unwrap_err();
    assert_eq!(
        found,
        EvaluationError::Weight {
            episode: 1,
            step: 1
        }
    );
    let huge = Transition {
        reward: 1e150,
        ..over
    };
    let log = Log::new(header(), [over, huge]).unwrap();
    let found = Evaluation::new(&log, &always(0)).unwrap_err();
    assert_eq!(
        found,
        EvaluationError::Weight {
            episode: 1,
            step: 0
        }
    );
}

#[test]
fn sums_past_all_numbers_are_refused() {
    // Each weighted reward is a number; their squares are not.
    let log = bandit(&[(0, 1e-100, 1e100), (0, 1e-100, -1e100), (0, 1e-100, 1e100)]);
    let target = always(0);
    let evaluation = Evaluation::new(&log, &target).unwrap();
    let size = evaluation.effective_sample_size();
    assert!((size - 3.0).abs() < 1e-12);
    let drawn = Confidence {
        mean: MeanBound::Bootstrap,
        ..SURE
    };
    assert_eq!(
        evaluation.importance_sampling(SURE),
        Err(EvaluationError::Overflow)
    );
    assert_eq!(
        evaluation.importance_sampling(drawn),
        Err(EvaluationError::Overflow)
    );
    // By their own sum the weights cancel.
    let weighted = evaluation.weighted_importance_sampling(SURE).unwrap();
    assert!((weighted.value - 1e100 / 3.0).abs() < 1e88);
}

#[test]
fn long_products_that_vanish_are_zero_and_no_more() {
    let rare = Transition {
        executed: ActionId(0),
        probability: 1.0,
        next: StateId(0),
        ..step()
    };
    let mut steps = vec![rare; 2000];
    steps.push(Transition {
        end: End::Truncated,
        ..rare
    });
    steps.extend(
        [Transition {
            end: End::Terminated,
            ..rare
        }; 2],
    );
    let log = Log::new(header(), steps).unwrap();
    let target = TargetPolicy::greedy(array![[0.0, 1.0], [0.0, 1.0], [0.0, 1.0]], 0.5).unwrap();
    let evaluation = Evaluation::new(&log, &target).unwrap();
    for estimate in [
        evaluation.importance_sampling(SURE),
        evaluation.weighted_per_decision(SURE),
    ] {
        let estimate = estimate.unwrap();
        assert!(
            estimate.value.is_finite() && !estimate.lower.is_nan(),
            "{estimate:?}"
        );
    }
}

#[test]
fn few_episodes_with_weight_have_no_bounds_to_speak_of() {
    // One of fifty episodes is one that the target could have had.
    let mut steps = vec![(1, 0.5, 0.0); 50];
    steps[7] = (0, 0.5, 3.0);
    let (log, target) = (bandit(&steps), always(0));
    let evaluation = Evaluation::new(&log, &target).unwrap();
    let sure = Confidence {
        replicates: 999,
        ..SURE
    };
    let estimate = evaluation.weighted_importance_sampling(sure).unwrap();
    assert_eq!(estimate.value, 3.0);
    assert_eq!(estimate.effective_sample_size, 1.0);
    assert_eq!(
        (estimate.lower, estimate.upper),
        (f64::NEG_INFINITY, f64::INFINITY)
    );
}

#[test]
fn what_was_never_done_is_reported() {
    // State 0: only action 1 is ever done; states 1 and 2 do not occur.
    let log = bandit(&[(1, 1.0, 1.0), (1, 1.0, 2.0), (1, 1.0, 3.0)]);
    let target = TargetPolicy::stochastic(array![[0.3, 0.7], [1.0, 0.0], [1.0, 0.0]]).unwrap();
    let evaluation = Evaluation::new(&log, &target).unwrap();
    assert!((evaluation.unsupported() - 0.3).abs() < 1e-12);
    assert_eq!(evaluation.behaviour_mean(SURE).unwrap().unsupported, 0.0);
}

#[test]
fn impossible_confidence_is_refused() {
    let (log, target) = (bandit(&[(0, 0.5, 1.0), (0, 0.5, 2.0)]), always(0));
    let evaluation = Evaluation::new(&log, &target).unwrap();
    for level in [0.0, 1.0, -1.0, 2.0, f64::NAN] {
        let sure = Confidence { level, ..SURE };
        assert!(matches!(
            evaluation.per_decision(sure),
            Err(EvaluationError::Level(_))
        ));
        assert!(matches!(
            evaluation.weighted_per_decision(sure),
            Err(EvaluationError::Level(_))
        ));
    }
    let few = Confidence {
        replicates: 38,
        ..SURE
    };
    let found = evaluation.weighted_per_decision(few);
    assert_eq!(found, Err(EvaluationError::Replicates(38)));
    for (low, high) in [(0.0, 1.5), (f64::NAN, 9.0), (9.0, 0.0)] {
        let sure = Confidence {
            mean: MeanBound::Bernstein { low, high },
            ..SURE
        };
        assert!(matches!(
            evaluation.behaviour_mean(sure),
            Err(EvaluationError::Range { .. })
        ));
    }
}

#[test]
fn values_for_another_log_are_refused() {
    let on = Transition {
        next: StateId(0),
        ..step()
    };
    let over = Transition {
        end: End::Terminated,
        ..step()
    };
    let log = Log::new(header(), [over, on, on, over]).unwrap();
    let target = always(1);
    let evaluation = Evaluation::new(&log, &target).unwrap();
    let other = ActionValues::stationary(Array2::zeros((2, 2))).unwrap();
    let found = evaluation.doubly_robust(&other, SURE);
    assert_eq!(
        found,
        Err(EvaluationError::Shape {
            expected: (3, 2),
            found: (2, 2)
        })
    );
    let short = ActionValues::by_steps_to_go(Array3::zeros((2, 3, 2))).unwrap();
    let found = evaluation.doubly_robust(&short, SURE);
    assert_eq!(
        found,
        Err(EvaluationError::Horizon {
            episode: 1,
            steps: 3,
            horizon: 2
        })
    );
    let enough = ActionValues::by_steps_to_go(Array3::zeros((3, 3, 2))).unwrap();
    assert!(evaluation.doubly_robust(&enough, SURE).is_ok());
}

#[test]
fn fits_that_cannot_be_are_refused() {
    let log = bandit(&[(0, 0.5, 1.0)]);
    let wide = TargetPolicy::stochastic(array![[1.0, 0.0, 0.0]]).unwrap();
    assert!(matches!(
        Fit::default().stationary(&log, &wide),
        Err(EvaluationError::Shape { .. })
    ));
    let unseen = Fit {
        unseen: f64::INFINITY,
        ..Fit::default()
    };
    let found = unseen.stationary(&log, &always(0)).unwrap_err();
    assert_eq!(found, EvaluationError::Unseen(f64::INFINITY));
}
