//! A policy decides as its learner did when it was taken.

use cloudlot_qlearn::{Config, Mask, Refused, StateId, stream};
use proptest::prelude::*;
use proptest::sample::select;

use crate::settings::{EXPLORERS, RULES, agent};
use crate::world::{Life, World};

proptest! {
    #[test]
    fn a_policy_is_the_learner_of_its_moment(
        rule in select(&RULES),
        explore in select(&EXPLORERS),
        seed in any::<u64>(),
        steps in 0_u64..200,
    ) {
        let world = World::lake(seed);
        let config = Config { rule, explore, ..Config::default() };
        let mut life = Life::new(agent(&world, config, 0, seed), world);
        life.live(steps);
        let policy = life.agent.learner.policy();
        let before = life.agent.learner.clone();
        life.live(50);
        prop_assert_eq!(policy.steps(), steps);
        prop_assert_eq!(policy.exploration_rate(), before.exploration_rate());
        prop_assert_eq!(policy.values(), before.values());
        prop_assert_eq!(policy.twin(), before.twin());
        let (mut one, mut two) = (stream(seed, 1), stream(seed, 1));
        let (mut out_one, mut out_two) = ([0.0; 4], [0.0; 4]);
        for state in (0..16).map(StateId) {
            for mask in (1..16).map(Mask::from_bits) {
                prop_assert_eq!(policy.best(state, mask), before.best(state, mask));
                prop_assert_eq!(
                    policy.decide(state, mask, &mut one),
                    before.decide(state, mask, &mut two)
                );
                policy.probabilities(state, mask, &mut out_one)?;
                before.probabilities(state, mask, &mut out_two)?;
                prop_assert_eq!(out_one, out_two);
            }
        }
        prop_assert_eq!(one, two);
    }
}

#[test]
fn a_policy_refuses_what_its_learner_refuses() {
    let world = World::lake(1);
    let policy = agent(&world, Config::default(), 0, 1).learner.policy();
    let all = Mask::all(4);
    assert_eq!(policy.best(StateId(16), all), Err(Refused::State));
    assert_eq!(policy.best(StateId(0), Mask::NONE), Err(Refused::NoAction));
    let far = Mask::from_bits(1 << 4);
    assert_eq!(
        policy.decide(StateId(0), far, &mut stream(1, 1)),
        Err(Refused::NoAction)
    );
    assert_eq!(
        policy.probabilities(StateId(0), all, &mut [0.0; 3]),
        Err(Refused::Room(3))
    );
}
