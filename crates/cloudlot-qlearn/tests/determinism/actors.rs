//! Actors: what they learn depends on the seed and on how many they are, and on nothing else.

use std::ops::ControlFlow;

use cloudlot_qlearn::{
    ActionId, Actors, ActorsConfig, ActorsError, Config, End, Environment, Learner, Mask, Outcome,
    Refused, Round, Save, Start, StateId, Stream, Transition, stream,
};
use proptest::prelude::*;
use proptest::sample::select;
use rand::Rng;

use crate::settings::{EXPLORERS, RULES, learner, text};
use crate::world::World;

const BYTES_MAX: u64 = 1 << 20;

fn worlds(actors: u32) -> Vec<World> {
    vec![World::lake(0); actors as usize]
}

fn onward(_: &Round<'_>) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// The same in the plainest way: one loop after the other, no threads, no seats.
fn naive(mut learner: Learner, config: ActorsConfig, root: u64, rounds: u64) -> Learner {
    type At = (StateId, Mask, Option<(ActionId, f64)>, u64);
    let ahead = learner.config().rule.needs_next_action();
    let mut lives: Vec<(World, Stream, bool, Option<At>)> = (0..config.actors)
        .map(|a| (World::lake(0), stream(root, u64::from(a)), true, None))
        .collect();
    for _ in 0..rounds {
        let policy = learner.policy();
        for (world, chance, fresh, at) in &mut lives {
            for _ in 0..config.steps {
                let (state, mask, chosen, taken) = at.take().unwrap_or_else(|| {
                    let seed = std::mem::take(fresh).then(|| chance.next_u64());
                    let start = world.reset(seed);
                    (start.state, start.mask, None, 0)
                });
                let mut choose = |state, mask| {
                    let decision = policy.decide(state, mask, chance).unwrap();
                    (decision.action, decision.probability)
                };
                let (action, probability) = chosen.unwrap_or_else(|| choose(state, mask));
                let outcome = world.step(action);
                let mut end = outcome.end;
                if end == End::Running && taken + 1 == config.episode_steps {
                    end = End::Truncated;
                }
                let next =
                    (ahead && end != End::Terminated).then(|| choose(outcome.state, outcome.mask));
                learner
                    .observe(&Transition {
                        next_mask: outcome.mask,
                        next_action: next.map(|next| next.0),
                        probability,
                        end,
                        dt: outcome.dt,
                        ..Transition::new(state, action, outcome.reward, outcome.state, mask)
                    })
                    .unwrap();
                if end == End::Running {
                    *at = Some((outcome.state, outcome.mask, next, taken + 1));
                }
            }
            learner.finish().unwrap();
        }
    }
    learner
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn threads_and_stops_change_nothing(
        rule in select(&RULES),
        explore in select(&EXPLORERS),
        actors in 1_u32..7,
        steps in 1_u32..30,
        episode_steps in 1_u64..40,
        root in any::<u64>(),
        before in 0_u64..6,
        after in 1_u64..6,
    ) {
        let config = Config { rule, explore, ..Config::default() };
        let first = learner(&World::lake(0), config);
        let numbers = ActorsConfig { actors, steps, episode_steps };
        let mut whole = Actors::new(first.clone(), numbers, root)?;
        whole.run(&mut worlds(actors), before + after, 1, onward)?;
        for threads in [0, 2, 3, 8] {
            let mut others = Actors::new(first.clone(), numbers, root)?;
            let mut their_worlds = worlds(actors);
            others.run(&mut their_worlds, before, threads, onward)?;
            let saved = text(&others);
            let mut others: Actors = Actors::load(saved.as_bytes(), BYTES_MAX)?;
            prop_assert_eq!(text(&others), saved);
            prop_assert_eq!(others.reader().version(), before);
            others.run(&mut their_worlds, after, threads, onward)?;
            prop_assert_eq!(text(&others), text(&whole));
        }
        let plain = naive(first, numbers, root, before + after);
        prop_assert_eq!(whole.learner(), &plain);
    }
}

#[test]
fn the_number_of_actors_and_the_seed_do_change_the_bytes() {
    let first = learner(&World::lake(0), Config::default());
    let run = |actors, root| {
        let numbers = ActorsConfig {
            actors,
            steps: 20,
            episode_steps: 100,
        };
        let mut crowd = Actors::new(first.clone(), numbers, root).unwrap();
        crowd.run(&mut worlds(actors), 5, 2, onward).unwrap();
        text(crowd.learner())
    };
    assert_eq!(run(3, 1), run(3, 1));
    assert_ne!(run(3, 1), run(3, 2));
    assert_ne!(run(3, 1), run(2, 1));
}

#[test]
fn rounds_are_told_published_and_can_be_ended() {
    let numbers = ActorsConfig {
        actors: 4,
        steps: 25,
        episode_steps: 10,
    };
    let mut crowd = Actors::new(learner(&World::lake(0), Config::default()), numbers, 9).unwrap();
    let mut reader = crowd.reader();
    let mut told = Vec::new();
    crowd
        .run(&mut worlds(4), 100, 2, |round| {
            assert_eq!(*round.policy, round.learner.policy());
            assert_eq!(reader.latest(), &round.policy);
            assert_eq!(reader.version(), round.number + 1);
            assert!(round.reward > 0.0 && round.episodes >= 8);
            told.push((round.number, round.steps));
            if round.number == 2 {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        })
        .unwrap();
    assert_eq!(told, [(0, 100), (1, 100), (2, 100)]);
    assert_eq!((crowd.rounds(), crowd.learner().steps()), (3, 300));
}

/// A world with one step that cannot be.
#[derive(Clone)]
struct Trap {
    world: World,
    left: u32,
    bad: Outcome,
}

impl Environment for Trap {
    type State = StateId;

    fn reset(&mut self, seed: Option<u64>) -> Start {
        self.world.reset(seed)
    }

    fn step(&mut self, action: ActionId) -> Outcome {
        let outcome = self.world.step(action);
        self.left = self.left.wrapping_sub(1);
        if self.left == 0 { self.bad } else { outcome }
    }
}

#[test]
fn what_a_world_should_not_show_is_told_with_its_place() {
    let sound = Outcome {
        state: StateId(1),
        mask: Mask::all(4),
        reward: 0.0,
        end: End::Running,
        dt: 1.0,
    };
    let cases = [
        (
            Outcome {
                reward: f64::NAN,
                ..sound
            },
            None,
        ),
        (
            Outcome {
                state: StateId(16),
                ..sound
            },
            Some(Refused::Next),
        ),
        (
            Outcome {
                mask: Mask::NONE,
                ..sound
            },
            Some(Refused::NoNextAction),
        ),
        (Outcome { dt: 0.0, ..sound }, Some(Refused::Duration(0.0))),
    ];
    let numbers = ActorsConfig {
        actors: 5,
        steps: 10,
        episode_steps: 1000,
    };
    for rule in RULES {
        let config = Config {
            rule,
            ..Config::default()
        };
        for (bad, expected) in cases {
            let run = |threads| {
                let mut traps: Vec<Trap> = (0..5)
                    .map(|a| Trap {
                        world: World::lake(0),
                        left: if a == 2 { 24 } else { 0 },
                        bad,
                    })
                    .collect();
                let first = learner(&World::lake(0), config);
                let mut crowd = Actors::new(first, numbers, 4).unwrap();
                let failed = crowd.run(&mut traps, 10, threads, onward).unwrap_err();
                let ActorsError::Refused {
                    round,
                    actor,
                    step,
                    refused,
                } = failed
                else {
                    panic!("{failed}")
                };
                assert_eq!((round, actor, step), (2, 2, 3));
                if let Some(expected) = expected.filter(|_| !rule.needs_next_action()) {
                    assert_eq!(refused, expected);
                }
                // Two rounds of all, the third of two actors, and three steps.
                assert_eq!(crowd.learner().steps(), 2 * 50 + 20 + 3);
                let saved = text(&crowd);
                let mut back: Actors = Actors::load(saved.as_bytes(), BYTES_MAX).unwrap();
                let mut same = traps.clone();
                crowd.run(&mut traps, 3, threads, onward).unwrap();
                back.run(&mut same, 3, 1, onward).unwrap();
                assert_eq!(text(&back), text(&crowd));
                (saved, text(&crowd))
            };
            assert_eq!(run(1), run(3));
        }
    }
}

#[test]
fn numbers_that_do_not_fit_are_refused() {
    let first = learner(&World::lake(0), Config::default());
    let good = ActorsConfig {
        actors: 2,
        steps: 1,
        episode_steps: 1,
    };
    for bad in [
        ActorsConfig { actors: 0, ..good },
        ActorsConfig {
            actors: 65_537,
            ..good
        },
        ActorsConfig { steps: 0, ..good },
        ActorsConfig {
            steps: (1 << 24) + 1,
            ..good
        },
        ActorsConfig {
            episode_steps: 0,
            ..good
        },
    ] {
        let refused = Actors::new(first.clone(), bad, 1).unwrap_err();
        assert_eq!(refused, ActorsError::Config(bad));
    }
    let mut crowd = Actors::new(first, good, 1).unwrap();
    let refused = crowd.run(&mut worlds(3), 1, 1, onward);
    assert_eq!(
        refused,
        Err(ActorsError::Worlds {
            found: 3,
            actors: 2
        })
    );
}

#[test]
fn new_worlds_are_entered_with_fresh_seeds() {
    let numbers = ActorsConfig {
        actors: 2,
        steps: 7,
        episode_steps: 1000,
    };
    let mut crowd = Actors::new(learner(&World::lake(0), Config::default()), numbers, 1).unwrap();
    crowd.run(&mut worlds(2), 3, 1, onward).unwrap();
    let mut back: Actors = Actors::load(text(&crowd).as_bytes(), BYTES_MAX).unwrap();
    for crowd in [&mut crowd, &mut back] {
        crowd.enter_new_worlds();
        crowd.run(&mut worlds(2), 3, 2, onward).unwrap();
    }
    assert_eq!(text(&back), text(&crowd));
}
