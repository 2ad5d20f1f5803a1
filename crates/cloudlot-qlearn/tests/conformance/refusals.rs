//! What is refused leaves a learner as it was, to the bit, whatever its rule.

use cloudlot_qlearn::{
    ActionId, Config, Dense, End, Explore, Learner, Mask, Refused, Rule, Sparse, StateId, StepSize,
    Target, Trace, Transition, Values,
};
use proptest::prelude::*;

use crate::logs::{ACTIONS, STATES, log};
use crate::shared::Shared;

/// Every rule, some of them with several settings.
pub(crate) fn rules() -> Vec<Rule> {
    let mut rules = vec![
        Rule::QLearning,
        Rule::DoubleQ,
        Rule::Sarsa,
        Rule::ExpectedSarsa,
    ];
    for steps in [1, 2, 5] {
        rules.push(Rule::NStepSarsa { steps });
        for target in [Target::Greedy, Target::Exploring] {
            rules.push(Rule::TreeBackup { steps, target });
        }
    }
    for trace in [Trace::Accumulating, Trace::Replacing, Trace::Dutch] {
        for lambda in [0.0, 0.9, 1.0] {
            rules.push(Rule::WatkinsLambda { lambda, trace });
            rules.push(Rule::SarsaLambda { lambda, trace });
        }
    }
    rules
}

fn config(rule: Rule) -> Config {
    Config {
        rule,
        explore: Explore::epsilon(0.3),
        ..Config::default()
    }
}

/// All that is wrong with a step, and why it is refused.
fn spoiled(step: &Transition, rule: Rule) -> Vec<(Transition, Refused)> {
    let step = Transition {
        end: End::Running,
        ..*step
    };
    let far = StateId(u32::try_from(STATES).unwrap());
    let mut all = vec![
        (Transition { state: far, ..step }, Refused::State),
        (
            Transition {
                state: StateId(u32::MAX),
                ..step
            },
            Refused::State,
        ),
        (Transition { next: far, ..step }, Refused::Next),
        (
            Transition {
                next: far,
                end: End::Terminated,
                ..step
            },
            Refused::Next,
        ),
        (
            Transition {
                mask: Mask::NONE,
                ..step
            },
            Refused::Action(step.executed.0),
        ),
        (
            Transition {
                mask: step.mask.without(step.executed),
                ..step
            },
            Refused::Action(step.executed.0),
        ),
    ];
    for action in [3, 63, 64, u16::MAX] {
        let wrong = Transition {
            executed: ActionId(action),
            mask: Mask::from_bits(u64::MAX),
            ..step
        };
        all.push((wrong, Refused::Action(action)));
        if rule.needs_next_action() {
            let wrong = Transition {
                next_action: Some(ActionId(action)),
                ..step
            };
            all.push((wrong, Refused::NextAction(Some(action))));
        }
    }
    for end in [End::Running, End::Truncated] {
        for next_mask in [Mask::NONE, Mask::from_bits(1 << ACTIONS)] {
            let wrong = Transition {
                next_mask,
                end,
                ..step
            };
            all.push((wrong, Refused::NoNextAction));
        }
        if rule.needs_next_action() {
            let wrong = Transition {
                next_action: None,
                end,
                ..step
            };
            all.push((wrong, Refused::NextAction(None)));
        }
    }
    for reward in [f64::NAN, f64::INFINITY, -f64::INFINITY, 1.1e150, -f64::MAX] {
        all.push((Transition { reward, ..step }, Refused::Reward(reward)));
    }
    for probability in [0.0, -0.1, 1.0 + f64::EPSILON, 2.0, f64::NAN, f64::INFINITY] {
        let wrong = Transition {
            probability,
            ..step
        };
        all.push((wrong, Refused::Probability(probability)));
    }
    for dt in [0.0, -0.0, -1.0, f64::NAN, f64::INFINITY, -f64::INFINITY] {
        all.push((Transition { dt, ..step }, Refused::Duration(dt)));
    }
    all
}

/// Everything about a learner, each number to the last digit.
fn all_of<V: Values + std::fmt::Debug>(learner: &Learner<V>) -> String {
    format!("{learner:?}")
}

/// Refusals are compared as text, so that NaN is like NaN.
fn text(refused: Refused) -> String {
    format!("{refused:?}")
}

fn is_sound(table: &Dense) -> bool {
    table.view().iter().all(|value| value.is_finite())
}

/// Values that leave the numbers when they are added up.
fn extreme() -> impl Strategy<Value = Vec<f64>> {
    let value = prop_oneof![
        2 => -1.0..1.0,
        1 => Just(f64::MAX),
        1 => Just(-f64::MAX),
        1 => -1e300..1e300,
    ];
    prop::collection::vec(value, (2 * STATES + 1) * ACTIONS)
}

fn hostile_reward() -> impl Strategy<Value = f64> {
    prop_oneof![
        Just(1e150),
        Just(-1e150),
        Just(0.0),
        Just(5e-324),
        -1.0..1.0
    ]
}

fn hostile_dt() -> impl Strategy<Value = f64> {
    prop_oneof![Just(1.0), Just(5e-324), Just(f64::MAX), 0.0001..10.0]
}

/// A log with rewards and durations at the ends of their ranges.
fn hostile_log() -> impl Strategy<Value = Vec<Transition>> {
    let hostile = prop::collection::vec((hostile_reward(), hostile_dt()), 40);
    (log(40), hostile).prop_map(|(log, hostile)| {
        log.into_iter()
            .zip(hostile)
            .map(|(step, (reward, dt))| Transition { reward, dt, ..step })
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_wrong_step_is_refused_for_its_fault_and_changes_nothing(log in log(20)) {
        for rule in rules() {
            let table = Dense::new(STATES, ACTIONS, 0.0).unwrap();
            let mut learner = Learner::new(table, config(rule)).unwrap();
            for step in &log {
                learner.observe(step).unwrap();
            }
            let before = all_of(&learner);
            let untouched = learner.clone();
            for (wrong, why) in spoiled(&log[log.len() - 1], rule) {
                let refused = learner.observe(&wrong).unwrap_err();
                prop_assert_eq!(text(refused), text(why), "{:?} of {:?}", wrong, rule);
                prop_assert_eq!(&learner, &untouched);
                prop_assert_eq!(all_of(&learner), &before[..], "{:?} of {:?}", wrong, rule);
            }
        }
    }

    #[test]
    fn rewards_of_any_legal_size_leave_numbers(log in hostile_log()) {
        for rule in rules() {
            // An accumulated trace grows with every visit, and a value with it: the table may
            // diverge, and says so below.
            let grows = matches!(
                rule,
                Rule::WatkinsLambda { trace: Trace::Accumulating, .. }
                    | Rule::SarsaLambda { trace: Trace::Accumulating, .. }
            );
            let table = Dense::new(STATES, ACTIONS, 0.0).unwrap();
            let mut learner = Learner::new(table, config(rule)).unwrap();
            for step in &log {
                let learned = learner.observe(step);
                prop_assert!(grows || learned.is_ok());
                prop_assert!(is_sound(learner.values()), "{:?}", rule);
            }
        }
    }

    #[test]
    fn values_that_diverge_are_refused_and_stay(
        log in log(20),
        values in extreme(),
        alpha in prop_oneof![Just(1.0), 0.1..1.0],
    ) {
        for rule in rules() {
            let config = Config { step_size: StepSize::Constant(alpha), ..config(rule) };
            let mut table = Dense::new(STATES, ACTIONS, 0.0).unwrap();
            for (cell, value) in values.iter().take(STATES * ACTIONS).enumerate() {
                table.add_to_cell(cell, *value);
            }
            let learner = Learner::new(table, config).unwrap();
            try_out(learner, &log, is_sound)?;
        }
    }

    #[test]
    fn rows_that_are_made_on_demand_are_not_made_by_a_refusal(
        log in log(20),
        values in extreme(),
        state in 0..5_u32,
    ) {
        for rule in rules() {
            let config = Config { step_size: StepSize::Constant(0.9), ..config(rule) };
            let mut table = Sparse::new(STATES, ACTIONS, 0.0).unwrap();
            for (action, value) in (0..3).zip(&values) {
                table.add(StateId(state), ActionId(action), *value);
            }
            let learner = Learner::new(table, config).unwrap();
            try_out(learner, &log, |table| {
                table.rows().all(|(_, row, _)| row.iter().all(|value| value.is_finite()))
            })?;
        }
    }

    #[test]
    fn shared_cells_that_diverge_are_refused_and_stay(
        log in log(20),
        values in extreme(),
        alpha in prop_oneof![Just(1.0), 0.1..1.0],
    ) {
        // The one-step rules move a value as a whole, see below; these look at each cell.
        for rule in rules().into_iter().skip(4) {
            let config = Config { step_size: StepSize::Constant(alpha), ..config(rule) };
            let mut table = Shared::new(STATES, ACTIONS);
            table.weights.copy_from_slice(&values);
            let learner = Learner::new(table, config).unwrap();
            try_out(learner, &log, |table| table.weights.iter().all(|w| w.is_finite()))?;
        }
    }
}

proptest! {
    #[test]
    fn shared_cells_stay_numbers_while_their_sums_diverge(
        log in log(20),
        values in extreme(),
    ) {
        for rule in rules().into_iter().take(4) {
            let config = Config { step_size: StepSize::Constant(1.0), ..config(rule) };
            let mut table = Shared::new(STATES, ACTIONS);
            for (weight, value) in table.weights.iter_mut().zip(&values) {
                *weight = value.clamp(-2e300, 2e300);
            }
            let learner = Learner::new(table, config).unwrap();
            try_out(learner, &log, |table| table.weights.iter().all(|w| w.is_finite()))?;
        }
    }
}

/// Learns a log step by step, and holds every refusal against a copy.
fn try_out<V: Values<State = StateId> + Clone + PartialEq + std::fmt::Debug>(
    mut learner: Learner<V>,
    log: &[Transition],
    is_sound: impl Fn(&V) -> bool,
) -> Result<(), TestCaseError> {
    let rule = learner.config().rule;
    for step in log {
        let before = learner.clone();
        match learner.observe(step) {
            Ok(_) => prop_assert!(is_sound(learner.values()), "{:?}", rule),
            Err(refused) => {
                prop_assert!(matches!(refused, Refused::Diverged(_)), "{:?}", refused);
                prop_assert_eq!(all_of(&learner), all_of(&before), "{:?}", rule);
            }
        }
    }
    let before = learner.clone();
    if learner.finish().is_err() {
        prop_assert_eq!(all_of(&learner), all_of(&before), "{:?}", rule);
    }
    Ok(())
}

#[test]
fn an_end_that_diverges_late_takes_back_what_it_wrote() {
    let rule = Rule::NStepSarsa { steps: 5 };
    let step_size = StepSize::Constant(1.0);
    let discount = 1.0;
    let config = Config {
        rule,
        step_size,
        discount,
        ..Config::default()
    };
    let mut table = Dense::new(3, 1, 0.1).unwrap();
    table.add(StateId(1), ActionId(0), -8e299);
    table.add(StateId(2), ActionId(0), 6e299);
    let mut learner = Learner::new(table, config).unwrap();
    let only = ActionId(0);
    let step = |state, next, end| Transition {
        next_action: Some(only),
        end,
        ..Transition::new(StateId(state), only, 0.0, StateId(next), Mask::all(1))
    };
    learner.observe(&step(0, 1, End::Running)).unwrap();
    let before = learner.clone();
    // State 0 moves to 6e299, then state 1 would have to move by 1.4e300.
    let refused = learner.observe(&step(1, 2, End::Truncated));
    assert_eq!(refused, Err(Refused::Diverged(1.4e300)));
    assert_eq!(learner, before);
    assert_eq!(learner.values().cell(0), 0.1);
    // Without the step that diverges the rest can be learned.
    assert_eq!(learner.finish(), Ok(()));
    assert_eq!(learner.values().cell(0), -8e299);
}
