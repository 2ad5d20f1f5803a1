//! The drift switch fires when the world changes, and only then.

use cloudlot_qlearn::safety::{Drift, DriftLimit, SafeAgent, SafetyConfig, Unshielded};
use cloudlot_qlearn::{ActionId, Explore, Mask, Reason, Refused, StateId, below, stream, unit};

use crate::agent;

const HOLD: ActionId = ActionId(2);

/// Five states in a ring; the reward is noise around `state`, plus `shift` once the world changes.
struct World {
    rng: cloudlot_qlearn::Stream,
    state: StateId,
    shift: f64,
}

fn live(safe: &mut SafeAgent<ActionId>, world: &mut World, steps: u64) -> bool {
    for now in 0..steps {
        let decision = safe.decide(world.state, Mask::all(5), now).unwrap();
        let noise = unit(&mut world.rng) - 0.5;
        let reward = f64::from(world.state.0) + noise + world.shift * f64::from(decision.action.0);
        let next = StateId((world.state.0 + 1 + below(&mut world.rng, 2)) % 5);
        let step = decision.transition(world.state, reward, next, Mask::all(5));
        safe.observe(&step).unwrap();
        world.state = next;
        if safe.guard().drift().has_fired() {
            return true;
        }
    }
    false
}

fn start(seed: u64, limit: DriftLimit) -> (SafeAgent<ActionId>, World) {
    let config = SafetyConfig {
        drift: Some(Drift {
            warm_up: 3000,
            limit,
            ..Drift::default()
        }),
        ..SafetyConfig::default()
    };
    let learner = agent(5, 0, Explore::epsilon(0.1), seed);
    let safe = SafeAgent::new(learner, config, HOLD, Unshielded).unwrap();
    let world = World {
        rng: stream(seed, 1),
        state: StateId(0),
        shift: 0.0,
    };
    (safe, world)
}

#[test]
fn a_steady_world_does_not_fire_and_a_changed_one_does() {
    for limit in [DriftLimit::Sigmas(8.0), DriftLimit::Ratio(2.0)] {
        for seed in 0..10 {
            let (mut safe, mut world) = start(seed, limit);
            assert!(!live(&mut safe, &mut world, 30_000), "seed {seed}");
            world.shift = -20.0;
            assert!(live(&mut safe, &mut world, 2_000), "seed {seed}");
        }
    }
}

#[test]
fn what_was_killed_follows_the_baseline_until_it_is_reset() {
    let (mut safe, mut world) = start(1, DriftLimit::Sigmas(8.0));
    live(&mut safe, &mut world, 5_000);
    world.shift = 20.0;
    assert!(live(&mut safe, &mut world, 2_000));
    for now in 0..100 {
        let decision = safe.decide(world.state, Mask::all(5), now).unwrap();
        assert_eq!(
            (decision.action, decision.reason, decision.probability),
            (HOLD, Reason::Killed, 1.0)
        );
        let step = decision.transition(world.state, 1.0, world.state, Mask::all(5));
        safe.observe(&step).unwrap();
    }
    safe.reset_drift();
    let decision = safe.decide(world.state, Mask::all(5), 0).unwrap();
    assert_ne!(decision.reason, Reason::Killed);
}

#[test]
fn values_that_diverge_fire_at_once_and_a_refused_number_does_not() {
    let (mut safe, world) = start(1, DriftLimit::Sigmas(8.0));
    let decision = safe.decide(world.state, Mask::all(5), 0).unwrap();
    let step = decision.transition(world.state, f64::NAN, world.state, Mask::all(5));
    assert!(matches!(safe.observe(&step), Err(Refused::Reward(_))));
    assert!(!safe.guard().drift().has_fired());

    // As far apart as a model may set them: their difference is a number still, but beyond belief.
    let (next, all) = (StateId(1), Mask::all(5));
    let learner = &mut safe.agent.learner;
    for action in all.iter() {
        learner.settle(world.state, action, -1e300).unwrap();
        learner.settle(next, action, 1e300).unwrap();
    }
    let step = decision.transition(world.state, 0.0, next, all);
    let refused = safe.observe(&step);
    assert!(matches!(refused, Err(Refused::Diverged(error)) if error.is_finite()));
    assert!(safe.guard().drift().has_fired());
}
