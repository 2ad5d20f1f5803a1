//! Cool-down, trust and budget over many decisions.

use cloudlot_qlearn::safety::{
    Budget, Cooldown, Drift, DriftLimit, Pace, SafeAgent, SafetyConfig, SafetyError, Unshielded,
};
use cloudlot_qlearn::{ActionId, Explore, Mask, Reason, StateId};
use proptest::prelude::*;

use crate::{SIZES, agent};

const HOLD: ActionId = ActionId(2);

proptest! {
    #[test]
    fn changes_keep_to_their_windows(
        waits in prop::collection::vec(0_u64..30, 1..300),
        changes in 1_u32..4,
        window in 1_u64..120,
        seed in any::<u64>(),
    ) {
        let config = SafetyConfig {
            sizes: SIZES.to_vec(),
            cooldown: Some(Cooldown { changes, window, ..Cooldown::default() }),
            ..SafetyConfig::default()
        };
        let wild = agent(4, 0, Explore::epsilon(1.0), seed);
        let mut safe = SafeAgent::new(wild, config, ActionId(0), Unshielded).unwrap();
        let (mut now, mut done) = (0, Vec::new());
        for wait in waits {
            now += wait;
            let decision = safe.decide(StateId(0), Mask::all(5), now).unwrap();
            if decision.action != HOLD {
                done.push(now);
            }
        }
        for (rank, &time) in done.iter().enumerate() {
            let within = done[rank..].iter().filter(|&&t| t - time < window).count();
            prop_assert!(within <= changes as usize);
        }
    }

    #[test]
    fn deviations_keep_to_their_budget(
        waits in prop::collection::vec(0_u64..30, 1..300),
        deviations in 0_u32..3,
        burst in 0_u32..4,
        period in 1_u64..100,
        seed in any::<u64>(),
    ) {
        let config = SafetyConfig {
            budget: Some(Budget { deviations, period, burst, pace: Pace::Time }),
            ..SafetyConfig::default()
        };
        let wild = agent(4, 9, Explore::epsilon(0.7), seed);
        let mut safe = SafeAgent::new(wild, config, HOLD, Unshielded).unwrap();
        let mask = Mask::all(5);
        let best = safe.agent.learner.best(StateId(2), mask).unwrap().action;
        let (mut now, mut count) = (0, 0);
        for wait in waits {
            now += wait;
            let decision = safe.decide(StateId(2), mask, now).unwrap();
            count += u64::from(decision.action != best);
            prop_assert!(decision.action == best || decision.reason == Reason::Explore);
            prop_assert!(count * period <= u64::from(burst) * period + now * u64::from(deviations));
        }
        prop_assert_eq!(safe.guard().tally().deviations, count);
    }
}

/// A world where -1 is best, though nobody knows; the baseline holds.
fn learn(config: SafetyConfig, explore: Explore, decisions: u64) -> (Vec<ActionId>, u64) {
    let mut blank = agent(1, 0, explore, 3);
    let table = cloudlot_qlearn::Dense::new(1, 5, 0.0).unwrap();
    blank.learner = cloudlot_qlearn::Learner::new(table, *blank.learner.config()).unwrap();
    let mut safe = SafeAgent::new(blank, config, HOLD, Unshielded).unwrap();
    let mut done = Vec::new();
    for now in 0..decisions {
        let decision = safe.decide(StateId(0), Mask::all(5), now).unwrap();
        done.push(decision.action);
        let reward = if decision.action == ActionId(3) {
            1.0
        } else {
            0.0
        };
        let mut step = decision.transition(StateId(0), reward, StateId(0), decision.safe);
        step.end = cloudlot_qlearn::End::Terminated;
        safe.observe(&step).unwrap();
    }
    (done, safe.guard().tally().deviations)
}

#[test]
fn without_a_budget_the_untried_stays_untried() {
    let config = SafetyConfig {
        visits_min: 10,
        budget: Some(Budget {
            deviations: 0,
            period: 1,
            burst: 0,
            pace: Pace::Decisions,
        }),
        ..SafetyConfig::default()
    };
    let (done, deviations) = learn(config, Explore::epsilon(0.5), 500);
    assert!(done.iter().all(|&action| action == HOLD));
    assert_eq!(deviations, 0);
}

#[test]
fn the_budget_pays_until_the_better_action_is_trusted() {
    let config = SafetyConfig {
        visits_min: 10,
        budget: Some(Budget {
            deviations: 1,
            period: 10,
            burst: 1,
            pace: Pace::Decisions,
        }),
        ..SafetyConfig::default()
    };
    let (done, deviations) = learn(config, Explore::epsilon(0.5), 2000);
    let first = done.iter().filter(|&&a| a == ActionId(3)).count();
    assert!(first > 1000, "{first}");
    let tail = done[1900..].iter().filter(|&&a| a == ActionId(3)).count();
    assert!(tail >= 89, "all but the tenth that may explore: {tail}");
    assert!(deviations <= 201, "{deviations}");
    // Before ten visits it is done by exploration only: at most one decision in ten.
    let early = done[..80].iter().filter(|&&a| a != HOLD).count();
    assert!(early <= 9, "{early}");
}

#[test]
fn settings_out_of_range_are_refused() {
    let base = || SafetyConfig {
        sizes: SIZES.to_vec(),
        ..SafetyConfig::default()
    };
    let drift = |drift| SafetyConfig {
        drift: Some(drift),
        ..base()
    };
    let budget = Budget {
        deviations: 1,
        period: 0,
        burst: 1,
        pace: Pace::Time,
    };
    let cases = [
        (
            SafetyConfig {
                sizes: vec![1, 0],
                ..base()
            },
            SafetyError::Sizes {
                sizes: 2,
                actions: 5,
            },
        ),
        (
            SafetyConfig {
                cooldown: Some(Cooldown {
                    changes: 0,
                    ..Cooldown::default()
                }),
                ..base()
            },
            SafetyError::Changes(0),
        ),
        (
            SafetyConfig {
                budget: Some(budget),
                ..base()
            },
            SafetyError::Period,
        ),
        (
            drift(Drift {
                weight: 0.0,
                ..Drift::default()
            }),
            SafetyError::Weight(0.0),
        ),
        (
            drift(Drift {
                calibration: 1,
                ..Drift::default()
            }),
            SafetyError::Calibration(1),
        ),
        (
            drift(Drift {
                limit: DriftLimit::Ratio(f64::INFINITY),
                ..Drift::default()
            }),
            SafetyError::Limit(f64::INFINITY),
        ),
    ];
    assert_eq!(base().check(5), Ok(()));
    for (config, error) in cases {
        assert_eq!(config.check(5), Err(error));
        let refused = SafeAgent::new(agent(1, 0, Explore::default(), 0), config, HOLD, Unshielded);
        assert_eq!(refused.unwrap_err(), error);
    }
    let not_a_number = drift(Drift {
        weight: f64::NAN,
        ..Drift::default()
    });
    assert!(matches!(not_a_number.check(5), Err(SafetyError::Weight(w)) if w.is_nan()));
}
