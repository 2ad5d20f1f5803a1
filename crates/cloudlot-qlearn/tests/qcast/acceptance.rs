//! C1 to C3, C5 and C7 of the acceptance list.

use cloudlot_qlearn::qcast::{Measured, Qcast, QcastConfig, QcastError};
use cloudlot_qlearn::{Discretiser, Explore, Reading, Save, below, stream};

use crate::{Service, measured};

fn published() -> Qcast {
    Qcast::new(QcastConfig::published(), 1).unwrap()
}

#[test]
fn c1_the_reward_is_the_published_table() {
    let qcast = published();
    let reward = |values| qcast.reward(&measured(values), 0).unwrap();
    for (response, errors) in [(100.0, 0.01), (3.0, 0.0), (0.0, 0.01)] {
        assert_eq!(reward([0.7, 0.7, response, errors, 0.0, 0.0, 5.0]), 1.0);
    }
    // 200 ms is worth nothing: three quarters are left.
    assert_eq!(reward([0.7, 0.7, 200.0, 0.01, 0.0, 0.0, 5.0]), 0.75);
    // From 600 ms on the term is clipped at -1.
    let slow: Vec<_> = [500.0, 600.0, 601.0, 1e9]
        .map(|response| reward([0.7, 0.7, response, 0.01, 0.0, 0.0, 5.0]))
        .to_vec();
    assert_eq!(slow, [0.0, -0.25, -0.25, -0.25]);
    let term = |ms: f64| qcast.config().terms[2].value(&[Measured::new("response", ms, "ms")]);
    assert_eq!(term(600.0), Ok(-1.0));
    assert_eq!(term(1e9), Ok(-1.0));
    assert_eq!(term(200.0), Ok(0.0));
    // 20 points off the target cost a fifth of a quarter.
    let off = reward([0.9, 0.5, 50.0, 0.0, 0.0, 0.0, 5.0]);
    assert!((off - 0.9).abs() < 1e-15);
    // As published, cold starts, cost and churn are of no account.
    assert_eq!(reward([0.7, 0.7, 50.0, 0.0, 99.0, 99.0, 5.0]), 1.0);
    assert_eq!(
        qcast.reward(&measured([0.7, 0.7, 1.0, 0.0, 0.0, 0.0, 5.0]), 5),
        Ok(1.0)
    );
}

#[test]
fn c1_the_recommended_reward_counts_cold_starts_cost_and_churn() {
    let qcast = Qcast::new(QcastConfig::recommended(), 1).unwrap();
    let reward = |cold, cost, change| {
        let values = measured([0.7, 0.7, 50.0, 0.0, cold, cost, 5.0]);
        qcast.reward(&values, change).unwrap()
    };
    let calm = reward(0.0, 0.0, 0);
    assert!((calm - 0.8).abs() < 1e-12);
    for less in [
        reward(1.0, 0.0, 0),
        reward(0.0, 0.1, 0),
        reward(0.0, 0.0, 1),
    ] {
        assert!((calm - less - 0.01).abs() < 1e-12);
    }
    assert!((calm - reward(0.0, 0.0, -5) - 0.05).abs() < 1e-12);
    assert!(reward(0.0, 0.0, i64::MIN) >= calm - 1.0);
}

#[test]
fn c2_bins_tell_apart_what_differs() {
    let compact = published().space().clone();
    let million = Discretiser::new(QcastConfig::published_axes()).unwrap();
    assert_eq!((compact.states(), million.states()), (720, 1_000_000));
    for space in [compact, million] {
        let axis = |name| {
            space
                .axes()
                .iter()
                .find(|axis| axis.name() == name)
                .unwrap()
        };
        let bins =
            [10.0, 50.0, 100.0, 200.0, 500.0, 1000.0].map(|ms| axis("response").bin(ms).unwrap());
        assert!(bins.is_sorted_by(|a, b| a < b), "{bins:?}");
        let bins = [0.001, 0.01, 0.05].map(|ratio| axis("errors").bin(ratio).unwrap());
        assert!(bins.is_sorted_by(|a, b| a < b), "{bins:?}");
        for axis in space.axes() {
            for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1.0, -1e-9] {
                assert!(axis.bin(bad).is_err(), "{} {bad}", axis.name());
            }
        }
    }
}

#[test]
fn c2_what_is_no_measurement_is_refused_and_changes_nothing() {
    let mut qcast = published();
    let good = measured([0.5, 0.5, 50.0, 0.0, 0.0, 0.0, 5.0]);
    qcast.step(&good, 0).unwrap();
    let before = qcast.clone();
    for name in ["cpu", "memory", "response", "errors", "instances"] {
        let at = good.iter().position(|m| m.name == name).unwrap();
        for bad in [f64::NAN, f64::INFINITY, -1.0] {
            let mut values = good;
            values[at].reading.value = bad;
            let refused = qcast.step(&values, 30);
            assert!(
                matches!(refused, Err(QcastError::Reading(_))),
                "{name} {bad}"
            );
        }
        let mut seconds = good;
        seconds[at].reading = Reading::new(0.05, "s");
        assert!(matches!(
            qcast.step(&seconds, 30),
            Err(QcastError::Reading(_))
        ));
        let less: Vec<_> = good.iter().copied().filter(|m| m.name != name).collect();
        let missing = QcastError::Missing(name.to_owned());
        assert_eq!(qcast.step(&less, 30), Err(missing));
    }
    assert_eq!(qcast, before);
    // The decision still waits, and its effect counts when it is measured at last.
    assert!(qcast.step(&good, 60).unwrap().reward.is_some());
}

#[test]
fn c3_epsilon_is_at_its_floor_from_decision_919_on() {
    let mut qcast = published();
    let mut service = Service::new(5.0, 8, 3);
    for decision in 0..1000_u64 {
        let step = qcast.step(&service.measure(), decision * 30).unwrap();
        service.scale(step.change);
        if decision == 0 {
            assert_eq!(step.epsilon, 1.0);
        }
        assert_eq!(step.epsilon == 0.01, decision >= 919, "decision {decision}");
        assert_eq!(qcast.statistics().epsilon, step.epsilon);
    }
}

#[test]
fn c3_a_checkpoint_goes_on_to_the_bit() {
    for config in [QcastConfig::published(), QcastConfig::recommended()] {
        let mut qcast = Qcast::new(config, 5).unwrap();
        let mut service = Service::new(6.0, 8, 3);
        for decision in 0..300 {
            let step = qcast.step(&service.measure(), decision * 30).unwrap();
            service.scale(step.change);
        }
        let mut text = Vec::new();
        qcast.save(&mut text).unwrap();
        let mut loaded = Qcast::load(&text[..], 10_000_000).unwrap();
        assert_eq!(loaded, qcast);
        assert_eq!(loaded.replayed(), 299);
        for decision in 300..500 {
            let values = service.measure();
            let step = qcast.step(&values, decision * 30).unwrap();
            assert_eq!(loaded.step(&values, decision * 30), Ok(step));
            service.scale(step.change);
        }
        assert_eq!(loaded, qcast);
        let (mut left, mut right) = (Vec::new(), Vec::new());
        qcast.save(&mut left).unwrap();
        loaded.save(&mut right).unwrap();
        assert_eq!(left, right);
    }
}

#[test]
fn c5_the_same_seed_decides_the_same_and_another_does_not() {
    let run = |seed| {
        let mut qcast = Qcast::new(QcastConfig::default(), seed).unwrap();
        let mut service = Service::new(6.0, 8, 3);
        let mut changes = Vec::new();
        for decision in 0..300 {
            let step = qcast.step(&service.measure(), decision * 30).unwrap();
            service.scale(step.change);
            changes.push(step.change);
        }
        (changes, qcast)
    };
    assert_eq!(run(7), run(7));
    assert_ne!(run(7).0, run(8).0);
}

#[test]
fn c7_the_range_is_never_left_and_a_steady_load_sees_few_changes() {
    let mut config = QcastConfig::recommended();
    config.learner.explore = Explore::epsilon(1.0);
    for seed in 0..5 {
        let mut qcast = Qcast::new(config.clone(), seed).unwrap();
        let mut service = Service::new(6.0, 8, seed);
        let mut changed: Vec<u64> = Vec::new();
        for decision in 0..2000 {
            let now = decision * 5;
            let step = qcast.step(&service.measure(), now).unwrap();
            service.scale(step.change);
            assert_eq!(service.instances, step.target);
            assert!((1..=100).contains(&step.target));
            if step.change != 0 {
                changed.push(now);
            }
        }
        let busiest = changed
            .iter()
            .map(|&from| {
                changed
                    .iter()
                    .filter(|&&t| t >= from && t < from + 60)
                    .count()
            })
            .max();
        assert_eq!(busiest, Some(2), "changes a minute");
    }
}

#[test]
fn c7_the_mask_holds_wherever_the_count_is() {
    let mut config = QcastConfig::published();
    config.learner.explore = Explore::epsilon(1.0);
    let mut qcast = Qcast::new(config, 3).unwrap();
    let mut rng = stream(1, 2);
    for decision in 0..20_000 {
        let count = [0, 1, 2, 5, 6, 95, 96, 99, 100, 101, 104, 300][below(&mut rng, 12) as usize];
        let values = measured([0.5, 0.5, 50.0, 0.0, 0.0, 0.0, f64::from(count)]);
        let step = qcast.step(&values, decision).unwrap();
        let count = i64::from(count);
        let after = count + step.change;
        let outside = |n: i64| (1 - n).max(n - 100).max(0);
        let legal = step.change == 0 || outside(after) == 0 || outside(after) < outside(count);
        assert!(legal, "{count} to {after}");
        assert!(
            qcast
                .mask(count.unsigned_abs())
                .allows(step.decision.action)
        );
    }
}
