//! Settings and memories that make no sense are refused.

use cloudlot_qlearn::qcast::{AdaptiveStep, Qcast, QcastConfig, QcastError, QcastMemory, Shape};
use cloudlot_qlearn::{Agent, Axis, Dense, Learner, ReplayConfig, Rule};

use crate::measured;

fn refused(change: impl FnOnce(&mut QcastConfig)) -> QcastError {
    let mut config = QcastConfig::default();
    assert_eq!(config.check(), Ok(()));
    change(&mut config);
    Qcast::new(config, 1).unwrap_err()
}

#[test]
fn settings_out_of_range_are_refused_with_their_number() {
    let no_hold = refused(|c| c.scaled.changes = vec![1, -1]);
    assert!(matches!(no_hold, QcastError::Scaled { actions: 2, .. }));
    assert!(matches!(
        refused(|c| c.scaled.min = 101),
        QcastError::Scaled { min: 101, .. }
    ));
    for weight in [-0.1, 1.1, f64::NAN] {
        assert_eq!(
            refused(|c| c.terms[0].weight = weight),
            QcastError::Term("cpu".to_owned())
        );
    }
    for target in [0.0, -1.0, f64::INFINITY, f64::NAN] {
        let shape = Shape::Within { target };
        assert_eq!(
            refused(|c| c.terms[1].shape = shape),
            QcastError::Term("memory".to_owned())
        );
    }
    assert!(matches!(
        refused(|c| c.baseline.down = 0.9),
        QcastError::Threshold { .. }
    ));
    assert_eq!(refused(|c| c.churn = -1.0), QcastError::Number(-1.0));
    assert_eq!(refused(|c| c.interval = 0), QcastError::Interval);
    let rule = Rule::Sarsa;
    assert_eq!(refused(|c| c.learner.rule = rule), QcastError::Rule(rule));
    let adaptive = AdaptiveStep {
        weight: 0.1,
        least: 0.0,
        most: 0.5,
    };
    assert_eq!(
        refused(|c| c.adaptive_step = Some(adaptive)),
        QcastError::AdaptiveStep(adaptive)
    );
    assert!(matches!(
        refused(|c| c.learner.discount = 2.0),
        QcastError::Learner(_)
    ));
    let none = ReplayConfig {
        capacity: 0,
        batch: 1,
    };
    assert!(matches!(
        refused(|c| c.replay = Some(none)),
        QcastError::Replay(_)
    ));
    let twice = Axis::linear("cpu", "ratio", 0.0, 1.0, 2).unwrap();
    assert!(matches!(
        refused(|c| c.axes.push(twice)),
        QcastError::Axes(_)
    ));
}

#[test]
fn an_agent_or_a_memory_of_something_else_is_refused() {
    let config = QcastConfig::default();
    let small = Agent::new(
        Learner::new(Dense::new(10, 5, 0.0).unwrap(), config.learner).unwrap(),
        1,
        0,
    );
    let fit = QcastError::Fit {
        states: 10,
        actions: 5,
    };
    let refused = Qcast::resume(config.clone(), small, QcastMemory::default());
    assert_eq!(refused.unwrap_err(), fit);

    let mut qcast = Qcast::new(config.clone(), 1).unwrap();
    qcast
        .step(&measured([0.5, 0.5, 50.0, 0.0, 0.0, 0.0, 5.0]), 0)
        .unwrap();
    let text = serde_json::to_string(&qcast.memory()).unwrap();
    let agent = || qcast.safe().agent.clone();
    let resumed = |text: &str| {
        let memory = serde_json::from_str(text).unwrap();
        Qcast::resume(config.clone(), agent(), memory)
    };
    assert_eq!(resumed(&text), Ok(qcast.clone()));
    let state = qcast
        .state(&measured([0.5, 0.5, 50.0, 0.0, 0.0, 0.0, 5.0]))
        .unwrap()
        .0;
    let far = text.replace(&format!("\"state\":{state}"), "\"state\":720");
    assert_ne!(far, text);
    assert_eq!(resumed(&far), Err(QcastError::Pending));
    let unlikely = text.replace("\"probability\":0.25", "\"probability\":0.0");
    assert_ne!(unlikely, text);
    assert_eq!(resumed(&unlikely), Err(QcastError::Pending));
}

#[test]
fn settings_survive_a_file() {
    for config in [QcastConfig::published(), QcastConfig::recommended()] {
        let text = serde_json::to_string(&config).unwrap();
        assert_eq!(serde_json::from_str::<QcastConfig>(&text).unwrap(), config);
        let odd = text.replace("\"churn\"", "\"churm\"");
        assert!(serde_json::from_str::<QcastConfig>(&odd).is_err());
    }
}
