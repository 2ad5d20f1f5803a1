//! Agents that practise: refusals, determinism, and going on from a checkpoint.

use cloudlot_qlearn::{
    ActionId, Agent, Backup, Config, Dense, End, Environment, Learner, Mask, Plan, Planner,
    PlannerConfig, Practice, Reason, Refused, Replay, ReplayConfig, Rule, Save, StateId,
    Transition,
};
use proptest::prelude::*;

use crate::log::{ACTIONS, STATES, log};
use crate::world::Table;

fn planner(plan: Plan, actions: usize) -> Practice {
    let config = PlannerConfig {
        plan,
        ..PlannerConfig::default()
    };
    Planner::new(config, actions).unwrap().into()
}

/// One of each kind.
fn practices(actions: usize) -> Vec<Practice> {
    let dyna = |backup| Plan::DynaQ { backups: 5, backup };
    vec![
        planner(Plan::default(), actions),
        planner(dyna(Backup::Expected), actions),
        planner(dyna(Backup::Sample), actions),
        Replay::new(ReplayConfig::default()).unwrap().into(),
    ]
}

fn agent(practice: Practice, states: usize, actions: usize, rule: Rule) -> Agent {
    let config = Config {
        rule,
        ..Config::default()
    };
    let learner = Learner::new(Dense::new(states, actions, 0.0).unwrap(), config).unwrap();
    Agent::new(learner, 9, 0).with_practice(practice)
}

/// Everything that is wrong with a transition, one at a time.
fn spoiled(step: &Transition) -> Vec<(Transition, Refused)> {
    let far = StateId(u32::try_from(STATES).unwrap());
    let action = ActionId(u16::try_from(ACTIONS).unwrap());
    let running = Transition {
        end: End::Running,
        ..*step
    };
    vec![
        (
            Transition {
                state: far,
                ..*step
            },
            Refused::State,
        ),
        (Transition { next: far, ..*step }, Refused::Next),
        (
            Transition {
                executed: action,
                ..*step
            },
            Refused::Action(action.0),
        ),
        (
            Transition {
                mask: step.mask.without(step.executed),
                ..*step
            },
            Refused::Action(step.executed.0),
        ),
        (
            Transition {
                reward: f64::INFINITY,
                ..*step
            },
            Refused::Reward(f64::INFINITY),
        ),
        (Transition { dt: 0.0, ..*step }, Refused::Duration(0.0)),
        (
            Transition {
                next_mask: Mask::NONE,
                ..running
            },
            Refused::NoNextAction,
        ),
        (
            Transition {
                probability: 0.0,
                ..*step
            },
            Refused::Probability(0.0),
        ),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_refusal_leaves_table_model_replay_and_stream_as_they_were(log in log(40)) {
        for practice in practices(ACTIONS) {
            for rule in [Rule::QLearning, Rule::DoubleQ] {
                let mut agent = agent(practice.clone(), STATES, ACTIONS, rule);
                for step in &log {
                    agent.observe(step).unwrap();
                    let before = agent.clone();
                    for (wrong, why) in spoiled(step) {
                        prop_assert_eq!(agent.observe(&wrong), Err(why));
                    }
                    prop_assert!(agent == before);
                }
            }
        }
    }

    #[test]
    fn practice_comes_back_from_text_and_goes_on_as_if_nothing_had_been(log in log(60)) {
        for practice in practices(ACTIONS) {
            let mut agent = agent(practice, STATES, ACTIONS, Rule::QLearning);
            let half = log.len() / 2;
            // With equal rewards and durations the means of the model are exact as text.
            let steps: Vec<_> = log.iter().map(|step| Transition { reward: 1.0, dt: 1.0, ..*step }).collect();
            for step in &steps[..half] {
                agent.observe(step).unwrap();
            }
            let text = serde_json::to_string(agent.practice.as_ref().unwrap()).unwrap();
            let practice: Practice = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(agent.practice.as_ref(), Some(&practice));
            let mut other = agent.clone();
            other.practice = Some(practice);
            for step in &steps[half..] {
                agent.observe(step).unwrap();
                other.observe(step).unwrap();
                let decided = agent.decide(step.next, step.mask);
                prop_assert_eq!(decided, other.decide(step.next, step.mask));
            }
            prop_assert!(agent == other);
        }
    }

    #[test]
    fn an_agent_comes_back_from_its_checkpoint_with_its_practice(log in log(60)) {
        for practice in practices(ACTIONS) {
            let mut agent = agent(practice, STATES, ACTIONS, Rule::QLearning);
            for (step, part) in log.iter().zip(1_u32..) {
                let reward = step.reward / f64::from(part);
                agent.observe(&Transition { reward, ..*step }).unwrap();
            }
            let mut text = Vec::new();
            agent.save(&mut text).unwrap();
            prop_assert!(Agent::load(&text[..], 10_000_000).unwrap() == agent);
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_agent() {
    for practice in practices(6) {
        let run = || {
            let mut agent = agent(practice.clone(), 500, 6, Rule::QLearning);
            let mut world = Table::taxi();
            world.reset(Some(4));
            for _ in 0..5 {
                agent.run(&mut world, 100).unwrap();
            }
            agent
        };
        let (first, second) = (run(), run());
        assert_eq!(first, second);
        let text = |agent: &Agent| serde_json::to_string(&agent.practice).unwrap();
        assert_eq!(text(&first), text(&second));
    }
}

/// One state; action 0 earns 1, the others are unknown.
fn knows_one_action(tries: u32) -> Agent {
    let config = PlannerConfig {
        tries,
        ..PlannerConfig::default()
    };
    let practice = Planner::new(config, ACTIONS).unwrap().into();
    let mut agent = agent(practice, STATES, ACTIONS, Rule::QLearning);
    let all = Mask::all(ACTIONS);
    let step = Transition::new(StateId(0), ActionId(0), 1.0, StateId(0), all);
    for _ in 0..50 {
        agent.observe(&step).unwrap();
    }
    agent
}

#[test]
fn the_untried_is_explored_and_the_best_stays_the_best_known() {
    let mut agent = knows_one_action(1);
    let all = Mask::all(ACTIONS);
    let mut chosen = [0; ACTIONS];
    for _ in 0..300 {
        let decision = agent.decide(StateId(0), all).unwrap();
        chosen[decision.action.index()] += 1;
        if decision.action != ActionId(0) {
            assert_eq!(decision.reason, Reason::Explore);
            // Two untried actions share nine tenths; any may come from the last tenth.
            assert!((decision.probability - (0.45 + 0.1 / 3.0)).abs() < 1e-12);
        }
        assert!(decision.gap.is_some_and(|gap| gap > 50.0));
    }
    assert!(
        chosen[0] < 30 && chosen[1] > 100 && chosen[2] > 100,
        "{chosen:?}"
    );
    let best = agent.learner.best(StateId(0), all).unwrap();
    assert_eq!(best.action, ActionId(0));
    // The mask is stronger than hope.
    let mask = Mask::NONE.with(ActionId(0));
    assert_eq!(agent.decide(StateId(0), mask).unwrap().action, ActionId(0));
}

#[test]
fn without_tries_the_values_decide() {
    let mut agent = knows_one_action(0);
    let all = Mask::all(ACTIONS);
    let decisions = (0..300).map(|_| agent.decide(StateId(0), all).unwrap());
    let greedy = decisions.filter(|decision| decision.action == ActionId(0));
    assert!(greedy.count() > 250);
}

#[test]
fn a_planner_of_another_shape_does_no_harm() {
    let all = Mask::all(ACTIONS);
    for actions in [1, 2, ACTIONS, 60] {
        for practice in practices(actions) {
            let mut agent = agent(practice, STATES, ACTIONS, Rule::QLearning);
            for round in 0..40_u32 {
                let state = StateId(round % 6);
                let action = agent.decide(state, all).unwrap().action;
                let next = StateId((round + 1) % 6);
                agent
                    .observe(&Transition::new(state, action, 1.0, next, all))
                    .unwrap();
            }
        }
    }
}
