//! The sampled world against the model it samples.

use cloudlot_qlearn::exact::{Model, Policy, World, evaluate_within};
use cloudlot_qlearn::{ActionId, End, Environment, Mask, StateId, below, stream};
use proptest::prelude::*;

fn lake() -> Model {
    serde_json::from_str(include_str!("../data/frozenlake4x4_slippery.json")).unwrap()
}

fn taxi() -> Model {
    serde_json::from_str(include_str!("../data/taxi.json")).unwrap()
}

#[test]
fn outcomes_come_as_often_as_the_model_says() {
    let model = lake();
    let mut world = World::new(&model, None);
    let mut rng = stream(5, 1);
    let mut counts = vec![[0_u32; 16]; 16 * 4];
    let mut start = world.reset(Some(5));
    for _ in 0..400_000 {
        let action = start.mask.nth(below(&mut rng, start.mask.len())).unwrap();
        let outcome = world.step(action);
        let branches = model.branches(start.state, action);
        let branch = branches.iter().find(|b| b.next == outcome.state).unwrap();
        assert_eq!(outcome.reward, branch.reward);
        assert_eq!(outcome.end == End::Terminated, branch.terminated);
        assert_eq!(outcome.mask, model.mask(outcome.state));
        assert_eq!(outcome.dt, 1.0);
        counts[start.state.index() * 4 + action.index()][outcome.state.index()] += 1;
        (start.state, start.mask) = (outcome.state, outcome.mask);
        if outcome.end != End::Running {
            start = world.reset(None);
        }
    }
    for state in model.state_ids() {
        for action in model.mask(state).iter() {
            let row = counts[state.index() * 4 + action.index()];
            let tried = f64::from(row.iter().sum::<u32>());
            assert!(tried > 500.0, "{state:?} {action:?}: {tried}");
            for branch in model.branches(state, action) {
                let p = branch.probability;
                let seen = f64::from(row[branch.next.index()]);
                // Five standard errors of a binomial count.
                let wide = 5.0 * (p * (1.0 - p) * tried).sqrt();
                assert!(
                    (seen - p * tried).abs() <= wide,
                    "{state:?} {action:?}: {seen} of {tried}"
                );
            }
        }
    }
}

#[test]
fn starts_come_as_often_as_the_model_says() {
    let model = taxi();
    let mut world = World::new(&model, None);
    let mut counts = vec![0_u32; model.states()];
    world.reset(Some(11));
    for _ in 0..300_000 {
        counts[world.reset(None).state.index()] += 1;
    }
    let started = counts.iter().filter(|count| **count > 0).count();
    assert_eq!(started, model.start().len());
    for (state, chance) in model.start() {
        let seen = f64::from(counts[state.index()]);
        let wide = 5.0 * (chance * 300_000.0).sqrt();
        assert!(
            (seen - chance * 300_000.0).abs() < wide,
            "{state:?}: {seen}"
        );
    }
}

#[test]
fn a_sampled_return_within_a_limit_is_the_evaluated_one() {
    let model = lake();
    let policy = Policy::uniform(&model);
    let mut world = World::new(&model, Some(6));
    let mut rng = stream(8, 1);
    let (mut earned, mut truncated) = (0.0, 0);
    world.reset(Some(8));
    for _ in 0..200_000 {
        let mut mask = world.reset(None).mask;
        for step in 1.. {
            let outcome = world.step(mask.nth(below(&mut rng, mask.len())).unwrap());
            mask = outcome.mask;
            earned += outcome.reward;
            assert!(step <= 6);
            if outcome.end != End::Running {
                assert!(step == 6 || outcome.end == End::Terminated);
                truncated += u32::from(outcome.end == End::Truncated);
                break;
            }
        }
    }
    let expected = evaluate_within(&model, &policy, 6).unwrap();
    let wide = 5.0 * (expected / 200_000.0).sqrt();
    assert!(
        (earned / 200_000.0 - expected).abs() < wide,
        "{earned} {expected}"
    );
    assert!(truncated > 1_000);
}

#[test]
fn a_goal_reached_at_the_limit_is_a_goal() {
    let (first, goal, only) = (StateId(0), StateId(1), ActionId(0));
    let model = Model::builder(2, 1)
        .ends(first, only, 1.0, goal, 4.0)
        .terminal(goal)
        .start(first, 1.0)
        .build()
        .unwrap();
    let mut world = World::new(&model, Some(1));
    let outcome = world.step(only);
    assert_eq!(
        (outcome.end, outcome.state, outcome.reward),
        (End::Terminated, goal, 4.0)
    );
    assert_eq!(outcome.mask, Mask::NONE);
    // The end stays the end, for nothing, until somebody begins anew.
    let outcome = world.step(only);
    assert_eq!(
        (outcome.end, outcome.state, outcome.reward),
        (End::Terminated, goal, 0.0)
    );
    assert_eq!(world.refused(), 0);
    assert_eq!(world.reset(None).state, first);
    assert_eq!(world.step(only).reward, 4.0);
}

#[test]
fn to_arrive_in_a_terminal_state_is_to_end() {
    let (first, goal, only) = (StateId(0), StateId(1), ActionId(0));
    let model = Model::builder(2, 1)
        .goes(first, only, 1.0, goal, 4.0)
        .goes(goal, only, 1.0, first, 9.0)
        .terminal(goal)
        .start(first, 1.0)
        .build()
        .unwrap();
    let mut world = World::new(&model, None);
    assert_eq!(world.step(only).end, End::Terminated);
    assert_eq!(world.step(only).reward, 0.0);
}

#[test]
fn an_end_in_a_state_with_rows_is_not_gone_past() {
    let only = ActionId(0);
    let model = Model::builder(1, 1)
        .ends(StateId(0), only, 1.0, StateId(0), 2.0)
        .start(StateId(0), 1.0)
        .build()
        .unwrap();
    let mut world = World::new(&model, None);
    assert_eq!(world.step(only).reward, 2.0);
    assert_eq!(world.step(only).reward, 0.0);
}

#[test]
fn an_illegal_action_changes_nothing_and_is_counted() {
    let model = taxi();
    let masks: Vec<Mask> = model.state_ids().map(|_| Mask::all(5)).collect();
    let mut world = World::new(&model.restricted(&masks).unwrap(), None);
    let start = world.reset(Some(1));
    for action in [5, 6, 63, 64, u16::MAX] {
        let outcome = world.step(ActionId(action));
        assert_eq!((outcome.state, outcome.end), (start.state, End::Running));
        assert_eq!((outcome.mask, outcome.reward), (start.mask, -10.0));
    }
    assert_eq!(world.refused(), 5);
    world.step(ActionId(0));
    assert_eq!(world.refused(), 5);
}

#[test]
fn where_nothing_is_left_to_chance_nothing_is_drawn() {
    let model = lake();
    let sure: Model = serde_json::from_str(include_str!("../data/frozenlake4x4_det.json")).unwrap();
    let walk = |model: &Model| {
        let mut world = World::new(model, None);
        (0..40)
            .map(|_| world.step(ActionId(0)).state)
            .collect::<Vec<_>>()
    };
    assert!(walk(&sure).iter().all(|state| *state == StateId(0)));
    assert!(walk(&model).iter().any(|state| *state != StateId(0)));
}

proptest! {
    #[test]
    fn the_same_seed_gives_the_same_world(
        seed in any::<u64>(),
        actions in prop::collection::vec(0..7_u16, 1..200),
        before in prop::collection::vec(0..4_u16, 0..20),
    ) {
        let model = lake();
        let (mut one, mut two) = (World::new(&model, Some(9)), World::new(&model, Some(9)));
        for action in before {
            two.step(ActionId(action));
        }
        prop_assert_eq!(one.reset(Some(seed)), two.reset(Some(seed)));
        for action in actions {
            let outcome = one.step(ActionId(action));
            prop_assert_eq!(outcome, two.step(ActionId(action)));
            if outcome.end != End::Running {
                prop_assert_eq!(one.reset(None), two.reset(None));
            }
        }
    }
}
