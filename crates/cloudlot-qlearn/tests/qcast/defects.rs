//! What was wrong with the engine that the preset replaces, each by its number in the list of defects.

use cloudlot_qlearn::qcast::{Qcast, QcastConfig};
use cloudlot_qlearn::safety::Mode;
use cloudlot_qlearn::{Explore, Reason};

use crate::{Service, measured};

/// Runs against a service; the time of decision `n` is `30 n`.
fn live(qcast: &mut Qcast, service: &mut Service, decisions: std::ops::Range<u64>) {
    for decision in decisions {
        let step = qcast.step(&service.measure(), decision * 30).unwrap();
        service.scale(step.change);
    }
}

#[test]
fn defect_2_slow_and_fast_are_not_the_same_state() {
    let qcast = Qcast::new(QcastConfig::default(), 1).unwrap();
    let state = |ms| {
        qcast
            .state(&measured([0.5, 0.5, ms, 0.0, 0.0, 0.0, 5.0]))
            .unwrap()
    };
    let states = [0.95, 100.0, 1000.0].map(state);
    assert!(states[0] < states[1] && states[1] < states[2]);
}

#[test]
fn defect_4_the_step_size_falls_when_all_is_known_and_rises_when_the_world_changes() {
    let mut config = QcastConfig::recommended();
    // A baseline that holds acts throughout, so that only the world makes a difference.
    config.safety.mode = Mode::Observe;
    config.baseline.up = 1e9;
    config.baseline.down = 0.0;
    config.replay = None;
    let mut qcast = Qcast::new(config, 1).unwrap();
    let mut service = Service::new(5.2, 8, 3);
    live(&mut qcast, &mut service, 0..2);
    let begun = qcast.statistics().step_size;
    live(&mut qcast, &mut service, 2..20_000);
    let settled = qcast.statistics().step_size;
    // The same state, but every answer now comes later.
    service.load = 5.9;
    let mut risen = 0.0_f64;
    for decision in 20_000..20_200 {
        live(&mut qcast, &mut service, decision..decision + 1);
        risen = risen.max(qcast.statistics().step_size);
    }
    assert!(begun > 0.25, "{begun}");
    assert!(settled < 0.05, "{settled}");
    assert!(risen > 3.0 * settled, "{settled} to {risen}");
}

#[test]
fn defect_5_the_fresh_transition_is_always_learned_and_told() {
    let mut qcast = Qcast::new(QcastConfig::published(), 1).unwrap();
    let mut service = Service::new(5.0, 8, 3);
    let mut last = None;
    for decision in 0..300 {
        let values = service.measure();
        let before = qcast.safe().agent.learner.clone();
        let step = qcast.step(&values, decision * 30).unwrap();
        if let Some((state, action)) = last {
            let visits = |learner: &cloudlot_qlearn::Learner| {
                let table = learner.values().visits();
                (
                    table.sum(),
                    table[[cloudlot_qlearn::StateId::index(state), action]],
                )
            };
            let now = qcast.safe().agent.learner.clone();
            let (all, cell) = visits(&before);
            assert_eq!(visits(&now), (all + 1, cell + 1), "one sample, one visit");
            let update = step.update.unwrap();
            let after = before.best(step.state, step.decision.safe).unwrap();
            let worth = before.values().view()[[step.state.index(), after.action.index()]];
            let value = before.values().view()[[state.index(), action]];
            let error = step.reward.unwrap() + 0.95 * worth - value;
            assert!(
                (update.td_error - error).abs() < 1e-12,
                "the error before the write"
            );
            assert_eq!(update.step_size, 0.1);
        }
        last = Some((step.state, step.decision.action.index()));
        service.scale(step.change);
    }
    assert_eq!(qcast.replayed(), 299);
}

#[test]
fn defect_6_exploration_is_not_inflated_where_all_is_known() {
    let mut config = QcastConfig::recommended();
    config.learner.explore = Explore::epsilon(0.2);
    config.scaled.max = 2;
    config.axes.truncate(1);
    let mut qcast = Qcast::new(config, 1).unwrap();
    let mut service = Service::new(0.0, 1, 3);
    let first = qcast.step(&service.measure(), 0).unwrap();
    assert!((first.epsilon - 0.4).abs() < 1e-12, "nothing is known yet");
    service.scale(first.change);
    live(&mut qcast, &mut service, 1..30_000);
    let settled = qcast.step(&service.measure(), 900_000).unwrap();
    assert!(settled.epsilon < 0.2 * 1.05, "{}", settled.epsilon);
    assert!(settled.epsilon >= 0.2);
}

#[test]
fn defect_7_visits_are_visits_and_looking_leaves_no_trace() {
    let mut qcast = Qcast::new(QcastConfig::default(), 1).unwrap();
    let mut service = Service::new(5.0, 8, 3);
    live(&mut qcast, &mut service, 0..400);
    let table = qcast.safe().agent.learner.values();
    let cells = table.visits().iter().filter(|&&visits| visits > 0).count();
    assert_eq!(qcast.statistics().cells, u64::try_from(cells).unwrap());
    assert_eq!(
        table.visits().iter().map(|&v| u64::from(v)).sum::<u64>(),
        399
    );
    let before = qcast.clone();
    let values = service.measure();
    let state = qcast.state(&values).unwrap();
    let _ = (
        qcast.reward(&values, 1),
        qcast.epsilon(state, qcast.mask(8)),
    );
    let _ = qcast.safe().agent.learner.best(state, qcast.mask(8));
    assert_eq!(qcast, before);
}

#[test]
fn defect_8_epsilon_outlives_a_restart() {
    let mut qcast = Qcast::new(QcastConfig::published(), 1).unwrap();
    live(&mut qcast, &mut Service::new(5.0, 8, 3), 0..200);
    let agent = qcast.safe().agent.clone();
    let text = serde_json::to_string(&qcast.memory()).unwrap();
    let memory = serde_json::from_str(&text).unwrap();
    let again = Qcast::resume(qcast.config().clone(), agent, memory).unwrap();
    let rate = |qcast: &Qcast| qcast.safe().agent.learner.exploration_rate();
    assert!(rate(&again) < 0.4);
    assert_eq!(again, qcast);
}

#[test]
fn defect_9_an_action_is_judged_by_the_next_measurement() {
    let mut config = QcastConfig::published();
    config.replay = None;
    let mut qcast = Qcast::new(config, 1).unwrap();
    let fine = measured([0.7, 0.7, 50.0, 0.0, 0.0, 0.0, 8.0]);
    let slow = measured([0.7, 0.7, 600.0, 0.0, 0.0, 0.0, 8.0]);
    let first = qcast.step(&slow, 0).unwrap();
    assert_eq!((first.reward, first.update), (None, None));
    let second = qcast.step(&fine, 30).unwrap();
    assert_eq!(
        second.reward,
        Some(1.0),
        "what came after, not what was before"
    );
    let table = qcast.safe().agent.learner.values().view();
    let cell = [first.state.index(), first.decision.action.index()];
    assert!(
        (table[cell] - 0.1).abs() < 1e-15,
        "the first action earned it"
    );
    assert_eq!(qcast.step(&slow, 60).unwrap().reward, Some(-0.25));
}

#[test]
fn defect_9_an_irregular_interval_discounts_by_its_length() {
    let values = |state: f64| measured([state, 0.7, 50.0, 0.0, 0.0, 0.0, 8.0]);
    for (wait, dt) in [(30, 1.0), (60, 2.0), (15, 0.5), (0, 1.0)] {
        let mut qcast = Qcast::new(QcastConfig::published(), 1).unwrap();
        // A loop in one state, so that the second update bootstraps from what the first one wrote.
        qcast.step(&values(0.7), 0).unwrap();
        qcast.step(&values(0.7), 30).unwrap();
        let before = qcast.safe().agent.learner.clone();
        let learned = qcast.step(&values(0.7), 30 + wait).unwrap();
        let update = learned.update.unwrap();
        let best = before.best(learned.state, learned.decision.safe).unwrap();
        let worth = before.values().view()[[learned.state.index(), best.action.index()]];
        let options: Vec<f64> = before.values().view().row(learned.state.index()).to_vec();
        let goal = 1.0 + f64::powf(0.95, dt) * worth;
        let fits = options
            .iter()
            .any(|value| (goal - value - update.td_error).abs() < 1e-12);
        assert!(fits, "after {wait}");
    }
}

#[test]
fn defect_12_there_is_a_baseline_and_idling_is_not_rewarded() {
    let mut config = QcastConfig::default();
    config.safety.mode = Mode::Observe;
    config.safety.cooldown = None;
    let mut qcast = Qcast::new(config, 1).unwrap();
    for (cpu, change) in [(0.9, 1), (0.8, 0), (0.5, 0), (0.3, 0), (0.2, -1)] {
        let values = measured([cpu, 0.5, 50.0, 0.0, 0.0, 0.1, 8.0]);
        let step = qcast.step(&values, 0).unwrap();
        assert_eq!(
            (step.change, step.decision.reason),
            (change, Reason::Baseline)
        );
    }
    let worth = |cpu, memory| qcast.reward(&measured([cpu, memory, 50.0, 0.0, 0.0, 0.1, 8.0]), 0);
    assert!(worth(0.7, 0.7).unwrap() > worth(0.05, 0.05).unwrap() + 0.1);
    assert_eq!(qcast.statistics().transitions, 4);
}
