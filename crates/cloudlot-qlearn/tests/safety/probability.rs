//! The probability that is told is the one that holds.

use std::collections::BTreeMap;

use cloudlot_qlearn::safety::{Budget, Cooldown, Mode, Pace, SafeAgent, SafetyConfig, Shielding};
use cloudlot_qlearn::{ActionId, Explore, Mask, Reason, Schedule, StateId, stream};

use crate::{SIZES, agent};

const DRAWS: u32 = 4000;

/// What is done in one situation over many draws: how often, and the probability told.
fn outcomes(
    config: &SafetyConfig,
    explore: Explore,
    visits: u32,
) -> BTreeMap<ActionId, (u32, f64)> {
    // +5 is never safe.
    let shield = |_: StateId, action: ActionId, _: Mask| action != ActionId(0);
    let safe = SafeAgent::new(
        agent(3, visits, explore, 5),
        config.clone(),
        ActionId(2),
        shield,
    );
    let safe = safe.unwrap();
    let mut seen = BTreeMap::new();
    for draw in 0..DRAWS {
        let mut safe = safe.clone();
        safe.agent.stream = stream(11, u64::from(draw));
        let decision = safe.decide(StateId(1), Mask::all(5), 0).unwrap();
        let entry = seen
            .entry(decision.action)
            .or_insert((0, decision.probability));
        entry.0 += 1;
        assert_eq!(entry.1, decision.probability, "one answer for one action");
    }
    seen
}

#[test]
fn the_probabilities_of_all_that_is_done_sum_to_one_and_match_the_draws() {
    let explorers = [
        Explore::epsilon(0.4),
        Explore::Boltzmann {
            temperature: Schedule::Constant(2.0),
        },
        Explore::Greedy {
            ties: cloudlot_qlearn::Ties::Uniform,
        },
    ];
    let empty = Budget {
        deviations: 0,
        period: 1,
        burst: 0,
        pace: Pace::Time,
    };
    for explore in explorers {
        for shielding in [Shielding::Preemptive, Shielding::PostPosed] {
            for (visits, budget, step_max) in [
                (0, None, 5),
                (9, None, 5),
                (9, Some(empty), 5),
                (0, Some(empty), 1),
                (9, None, 1),
            ] {
                let config = SafetyConfig {
                    shielding,
                    budget,
                    visits_min: 5,
                    sizes: SIZES.to_vec(),
                    cooldown: Some(Cooldown {
                        step_max,
                        ..Cooldown::default()
                    }),
                    ..SafetyConfig::default()
                };
                let seen = outcomes(&config, explore, visits);
                let total: f64 = seen.values().map(|(_, p)| p).sum();
                assert!((total - 1.0).abs() < 1e-12, "{seen:?} for {config:?}");
                for (count, p) in seen.values() {
                    let spread = (p * (1.0 - p) / f64::from(DRAWS)).sqrt();
                    let share = f64::from(*count) / f64::from(DRAWS);
                    assert!((share - p).abs() <= 5.0 * spread + 1e-9, "{share} for {p}");
                }
            }
        }
    }
}

#[test]
fn proposals_that_end_in_one_action_add_up() {
    // The best of state 1 is +5 or -5, which a step of one brings to +1 and -1.
    let config = SafetyConfig {
        shielding: Shielding::PostPosed,
        sizes: SIZES.to_vec(),
        cooldown: Some(Cooldown {
            step_max: 1,
            ..Cooldown::default()
        }),
        ..SafetyConfig::default()
    };
    let seen = outcomes(&config, Explore::epsilon(1.0), 9);
    let told: Vec<_> = seen.iter().map(|(action, (_, p))| (action.0, *p)).collect();
    // +5 and +1 end in +1; -1 and -5 end in -1.
    let expected = [(1, 0.4), (2, 0.2), (3, 0.4)];
    for ((action, p), (expected_action, expected_p)) in told.iter().zip(expected) {
        assert_eq!(*action, expected_action);
        assert!((p - expected_p).abs() < 1e-12);
    }
}

#[test]
fn what_the_baseline_does_is_certain() {
    for mode in [Mode::Observe, Mode::Recommend] {
        let config = SafetyConfig {
            mode,
            ..SafetyConfig::default()
        };
        let seen = outcomes(&config, Explore::epsilon(1.0), 0);
        assert_eq!(
            seen.into_iter().collect::<Vec<_>>(),
            [(ActionId(2), (DRAWS, 1.0))]
        );
    }
}

#[test]
fn a_transition_carries_what_was_wanted_and_what_was_done() {
    let config = SafetyConfig {
        shielding: Shielding::PostPosed,
        ..SafetyConfig::default()
    };
    let only_hold = |_: StateId, action: ActionId, _: Mask| action == ActionId(2);
    let greedy = Explore::epsilon(0.0);
    let mut safe = SafeAgent::new(agent(3, 0, greedy, 1), config, ActionId(2), only_hold).unwrap();
    let decision = safe.decide(StateId(0), Mask::all(5), 0).unwrap();
    assert_eq!(decision.reason, Reason::Shield);
    assert_eq!(decision.action, ActionId(2));
    assert_ne!(decision.proposed, decision.action);
    let step = decision.transition(StateId(0), 1.0, StateId(1), Mask::all(5));
    assert_eq!(
        (step.proposed, step.executed),
        (decision.proposed, ActionId(2))
    );
    let before = safe.agent.learner.values().view().to_owned();
    safe.observe(&step).unwrap();
    let after = safe.agent.learner.values().view();
    assert_ne!(before[[0, 2]], after[[0, 2]], "the executed action learns");
    let proposed = decision.proposed.index();
    assert_eq!(before[[0, proposed]], after[[0, proposed]]);
}
