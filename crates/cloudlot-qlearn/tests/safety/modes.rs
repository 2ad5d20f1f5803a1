//! Who acts, and what is told beside it.

use cloudlot_qlearn::safety::{Guard, Mode, SafeAgent, SafetyConfig, Unshielded};
use cloudlot_qlearn::{
    ActionId, Explore, Mask, Planner, PlannerConfig, Reason, Schedule, StateId, below, stream,
};

use rand::Rng;

use crate::agent;

fn safe(mode: Mode) -> SafeAgent<ActionId> {
    let config = SafetyConfig {
        mode,
        ..SafetyConfig::default()
    };
    let greedy = agent(4, 9, Explore::epsilon(0.0), 1);
    SafeAgent::new(greedy, config, ActionId(2), Unshielded).unwrap()
}

#[test]
fn the_watching_learner_learns_the_baseline_and_takes_no_chances() {
    let mut safe = safe(Mode::Observe);
    let stream_before = safe.agent.stream.clone();
    for now in 0..50 {
        let decision = safe.decide(StateId(1), Mask::all(5), now).unwrap();
        assert_eq!(
            (decision.action, decision.reason, decision.recommended),
            (ActionId(2), Reason::Baseline, None)
        );
        let step = decision.transition(StateId(1), 1.0, StateId(1), decision.safe);
        safe.observe(&step).unwrap();
    }
    assert_eq!(safe.agent.stream, stream_before);
    assert_eq!(safe.agent.learner.steps(), 50);
    assert_eq!(safe.guard().tally().baseline, 50);
}

#[test]
fn a_recommendation_is_what_control_would_do() {
    let mut advised = safe(Mode::Recommend);
    let mut acting = safe(Mode::Control);
    for state in (0..4).map(StateId) {
        let mask = Mask::all(5).without(ActionId(u16::try_from(state.0).unwrap()));
        let beside = advised.decide(state, mask, 0).unwrap();
        let done = acting.decide(state, mask, 0).unwrap();
        assert_eq!(beside.recommended, Some(done.action));
        assert!(mask.allows(beside.action));
        assert_eq!(done.recommended, None);
    }
}

#[test]
fn handing_over_keeps_what_was_learned() {
    let mut safe = safe(Mode::Observe);
    let before = safe.agent.clone();
    safe.set_mode(Mode::Control);
    assert_eq!(safe.agent, before);
    let decision = safe.decide(StateId(1), Mask::all(5), 0).unwrap();
    assert_eq!(decision.reason, Reason::Greedy);
}

#[test]
fn a_stored_guard_goes_on_as_if_never_stopped() {
    let config = r#"{"sizes":[5,1,0,-1,-5],"cooldown":{"changes":2,"window":60,"gap":7},"visits_min":3,
        "budget":{"deviations":1,"period":20,"burst":2},
        "drift":{"warm_up":20,"calibration":30,"limit":{"ratio":3.0}}}"#;
    let config: SafetyConfig = serde_json::from_str(config).unwrap();
    let wild = agent(4, 0, Explore::epsilon(0.5), 9);
    let mut going = SafeAgent::new(wild, config, ActionId(1), Unshielded).unwrap();
    let mut rng = stream(4, 4);
    for now in 0..400 {
        let text = serde_json::to_string(going.guard()).unwrap();
        let guard: Guard = serde_json::from_str(&text).unwrap();
        let agent = going.agent.clone();
        let mut resumed = SafeAgent::resume(agent, guard, ActionId(1), Unshielded).unwrap();
        let state = StateId(below(&mut rng, 4));
        let decision = going.decide(state, Mask::all(5), now).unwrap();
        assert_eq!(resumed.decide(state, Mask::all(5), now), Ok(decision));
        let step = decision.transition(state, 0.5, StateId(0), decision.safe);
        going.observe(&step).unwrap();
        resumed.observe(&step).unwrap();
        assert_eq!(resumed, going);
    }
}

#[test]
fn a_guard_without_limits_decides_as_the_agent_does() {
    let explorers = [
        Explore::epsilon(0.3),
        Explore::Ucb { bonus: 1.0 },
        Explore::Boltzmann {
            temperature: Schedule::Constant(0.5),
        },
    ];
    for explore in explorers {
        for hopeful in [false, true] {
            let mut alone = agent(4, 0, explore, 7);
            if hopeful {
                let config = PlannerConfig {
                    tries: 3,
                    ..PlannerConfig::default()
                };
                alone = alone.with_practice(Planner::new(config, 5).unwrap());
            }
            let config = SafetyConfig::default();
            let mut guarded =
                SafeAgent::new(alone.clone(), config, ActionId(2), Unshielded).unwrap();
            let mut rng = stream(4, 4);
            let mut state = StateId(0);
            for now in 0..500 {
                let mask = Mask::from_bits(rng.next_u64()).with(ActionId(1));
                let expected = alone.decide(state, mask).unwrap();
                let decision = guarded.decide(state, mask, now).unwrap();
                assert_eq!(decision.action, expected.action);
                assert_eq!(decision.proposed, expected.action);
                assert_eq!(
                    (decision.reason, decision.gap),
                    (expected.reason, expected.gap)
                );
                assert!((decision.probability - expected.probability).abs() < 1e-12);
                let next = StateId(below(&mut rng, 4));
                let step = decision.transition(state, f64::from(next.0), next, Mask::all(5));
                assert_eq!(alone.observe(&step), guarded.observe(&step));
                state = next;
            }
            assert_eq!(guarded.agent, alone);
        }
    }
}
