//! Nothing illegal is ever done, whatever masks, shields, baselines and clocks do.

use cloudlot_qlearn::safety::{
    Baseline, Budget, Cooldown, Drift, DriftLimit, Mode, Pace, SafeAgent, SafeDecision,
    SafetyConfig, Shield, Shielding,
};
use cloudlot_qlearn::{ActionId, Explore, Mask, Refused, Schedule, StateId, Stream, below, stream};
use rand::Rng;

use crate::{SIZES, Step, agent};

/// A shield and a baseline that answer whatever their number says, legal or not.
#[derive(Clone, Copy)]
struct Hostile(u64);

impl Shield<StateId> for Hostile {
    fn allows(&self, state: StateId, action: ActionId, _: Mask) -> bool {
        match self.0 % 4 {
            0 => false,
            1 => true,
            _ => (self.0 >> ((u64::from(state.0) + u64::from(action.0)) % 60)) & 1 == 1,
        }
    }

    fn nearest(&self, _: StateId, _: ActionId, _: Mask) -> Option<ActionId> {
        (self.0 & 64 == 0).then_some(ActionId(u16::try_from(self.0 >> 48).unwrap()))
    }
}

impl Baseline<StateId> for Hostile {
    fn action(&self, _: StateId, _: Mask) -> ActionId {
        ActionId(u16::try_from(self.0 >> 32 & 7).unwrap())
    }
}

fn settings(rng: &mut Stream) -> SafetyConfig {
    let draw = rng.next_u64();
    let modes = [Mode::Observe, Mode::Recommend, Mode::Control, Mode::Control];
    SafetyConfig {
        mode: modes[(draw & 3) as usize],
        shielding: if draw & 4 == 0 {
            Shielding::Preemptive
        } else {
            Shielding::PostPosed
        },
        sizes: if draw & 8 == 0 {
            SIZES.to_vec()
        } else {
            vec![]
        },
        cooldown: (draw & 16 == 0).then(|| Cooldown {
            changes: 1 + below(rng, 3),
            window: u64::from(below(rng, 100)),
            gap: u64::from(below(rng, 20)),
            reversal: u64::from(below(rng, 50)),
            step_max: u64::from(below(rng, 7)),
        }),
        visits_min: below(rng, 4),
        budget: (draw & 32 == 0).then(|| Budget {
            deviations: below(rng, 3),
            period: 1 + u64::from(below(rng, 30)),
            burst: below(rng, 3),
            pace: if draw & 64 == 0 {
                Pace::Time
            } else {
                Pace::Decisions
            },
        }),
        drift: (draw & 128 == 0).then_some(Drift {
            weight: 0.1,
            warm_up: 10,
            calibration: 20,
            limit: DriftLimit::Ratio(1.5),
            tolerance: 0.0,
        }),
    }
}

fn explore(rng: &mut Stream) -> Explore {
    match below(rng, 4) {
        0 => Explore::epsilon(1.0),
        1 => Explore::epsilon(0.2),
        2 => Explore::Boltzmann {
            temperature: Schedule::Constant(0.5),
        },
        _ => Explore::Ucb { bonus: 1.0 },
    }
}

fn check(hostile: Hostile, state: StateId, mask: Mask, decision: &SafeDecision) {
    let action = decision.action;
    assert!(mask.allows(action), "{decision:?} outside {mask:?}");
    let passes = |action| hostile.allows(state, action, mask);
    if mask.iter().any(passes) {
        assert!(passes(action), "{decision:?} is not safe");
    } else {
        let wish = hostile.action(state, mask);
        let expected = if mask.allows(wish) {
            wish
        } else {
            mask.nth(0).unwrap()
        };
        assert_eq!(action, expected, "the last resort");
    }
    assert!(decision.probability > 0.0 && decision.probability <= 1.0);
    assert!(decision.safe.allows(action));
}

#[test]
fn a_million_decisions_are_legal_whatever_the_rules_and_the_clock_do() {
    let mut rng = stream(1, 1);
    let all = Mask::all(5);
    for world in 0..1000 {
        let agent = agent(4, 0, explore(&mut rng), world);
        let config = settings(&mut rng);
        let mut safe = SafeAgent::new(agent, config, Hostile(0), Hostile(0)).unwrap();
        let mut now = 0_u64;
        for _ in 0..1000 {
            let hostile = Hostile(rng.next_u64());
            (safe.baseline, safe.shield) = (hostile, hostile);
            now = match below(&mut rng, 100) {
                0 => rng.next_u64(),
                1 => 0,
                wait => now.saturating_add(u64::from(wait) / 4),
            };
            // Bits past the table's actions are of no account.
            let mask = Mask::from_bits(rng.next_u64());
            let state = StateId(below(&mut rng, 5));
            let offered = safe.safe(state, mask);
            let decision = match safe.decide(state, mask, now) {
                Ok(decision) => {
                    assert_eq!(decision.safe, offered);
                    decision
                }
                Err(refused) => {
                    let known = state.0 < 4;
                    assert_eq!(known, refused == Refused::NoAction);
                    assert!(!known || mask.and(all).is_empty());
                    continue;
                }
            };
            check(hostile, state, mask.and(all), &decision);
            let reward = f64::from(below(&mut rng, 3));
            let next = StateId(below(&mut rng, 4));
            let step: Step = decision.transition(state, reward, next, all);
            safe.observe(&step).unwrap();
        }
        assert!(safe.guard().tally().decisions() <= 1000);
    }
}

#[test]
fn a_refused_decision_changes_nothing() {
    let config = settings(&mut stream(3, 0));
    let safe = SafeAgent::new(
        agent(2, 0, Explore::epsilon(1.0), 1),
        config,
        ActionId(2),
        Hostile(2),
    )
    .unwrap();
    let mut asked = safe.clone().agent;
    let mut guarded = safe;
    let before = guarded.guard().clone();
    assert_eq!(
        guarded.decide(StateId(0), Mask::NONE, 9),
        Err(Refused::NoAction)
    );
    assert_eq!(
        guarded.decide(StateId(2), Mask::all(5), 9),
        Err(Refused::State)
    );
    assert_eq!(*guarded.guard(), before);
    assert_eq!(guarded.agent, asked);
    // The same stream goes on as if nothing had been asked.
    let expected = asked.decide(StateId(0), Mask::all(5)).unwrap();
    assert_eq!(guarded.agent.decide(StateId(0), Mask::all(5)), Ok(expected));
}
