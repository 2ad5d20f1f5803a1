//! The replay ring against a queue.

use std::collections::VecDeque;

use cloudlot_qlearn::{
    Agent, Config, Dense, End, Learner, Replay, ReplayConfig, ReplayError, StateId, Transition,
    stream,
};
use proptest::prelude::*;

use crate::log::{ACTIONS, STATES, log, step};

fn learner() -> Learner {
    Learner::new(Dense::new(STATES, ACTIONS, 0.0).unwrap(), Config::default()).unwrap()
}

fn replay(capacity: u32, batch: u32) -> Replay {
    Replay::new(ReplayConfig { capacity, batch }).unwrap()
}

proptest! {
    #[test]
    fn the_ring_is_a_queue_that_forgets_its_oldest(log in log(60), capacity in 1_u32..20) {
        let mut ring = replay(capacity, 0);
        let mut queue = VecDeque::new();
        let mut stream = stream(3, 0);
        prop_assert_eq!(ring.draw(&mut stream), None);
        for step in log {
            ring.push(step);
            queue.push_back(step);
            if queue.len() > capacity as usize {
                queue.pop_front();
            }
            prop_assert!(ring.iter().eq(&queue));
            prop_assert_eq!(ring.len(), queue.len());
            prop_assert!(queue.contains(ring.draw(&mut stream).unwrap()));
        }
        let text = serde_json::to_string(&ring).unwrap();
        prop_assert_eq!(&serde_json::from_str::<Replay>(&text).unwrap(), &ring);
    }

    #[test]
    fn the_fresh_transition_is_learned_first_and_alone_is_counted(log in log(100)) {
        let mut agent = Agent::new(learner(), 1, 0).with_practice(replay(10, 4));
        for step in &log {
            let mut alone = agent.learner.clone();
            prop_assert_eq!(agent.observe(step).unwrap(), alone.observe(step).unwrap());
            prop_assert_eq!(agent.learner.values().visits(), alone.values().visits());
            prop_assert_eq!(agent.learner.steps(), alone.steps());
            prop_assert_eq!(agent.learner.episodes(), alone.episodes());
        }
    }

    #[test]
    fn a_ring_of_one_learns_the_fresh_transition_again(log in log(60)) {
        let mut agent = Agent::new(learner(), 1, 0).with_practice(replay(1, 1));
        let mut naive = [[0.0; ACTIONS]; STATES];
        let mut visits = [[0_u32; ACTIONS]; STATES];
        for step in &log {
            agent.observe(step).unwrap();
            let (s, a) = (step.state.index(), step.executed.index());
            visits[s][a] += 1;
            for _ in 0..2 {
                let next = step.next_mask.iter().map(|next| naive[step.next.index()][next.index()]);
                let best = next.fold(f64::NEG_INFINITY, f64::max);
                // An episode that was cut short bootstraps.
                let after = if step.end == End::Terminated {
                    0.0
                } else {
                    0.99_f64.powf(step.dt) * best
                };
                let alpha = Config::default().step_size.at(visits[s][a], 0.99);
                naive[s][a] += alpha * (step.reward + after - naive[s][a]);
            }
        }
        for ((s, a), value) in agent.learner.values().view().indexed_iter() {
            prop_assert!((value - naive[s][a]).abs() < 1e-9);
        }
    }

    #[test]
    fn every_transition_of_the_ring_is_drawn(steps in proptest::collection::vec(step(), 8)) {
        let mut ring = replay(8, 0);
        for (number, step) in (0..).zip(&steps) {
            ring.push(Transition { reward: f64::from(number), ..*step });
        }
        let mut stream = stream(5, 0);
        let mut drawn = [0; 8];
        for _ in 0..800 {
            let reward = ring.draw(&mut stream).unwrap().reward;
            drawn[(0..8).position(|number| f64::from(number) == reward).unwrap()] += 1;
        }
        // 100 each on average, with a standard deviation of 9.4.
        prop_assert!(drawn.iter().all(|count| (50..150).contains(count)), "{:?}", drawn);
    }
}

#[test]
fn a_ring_that_cannot_be_is_refused() {
    let config = ReplayConfig {
        capacity: 0,
        batch: 1,
    };
    assert_eq!(Replay::<StateId>::new(config), Err(ReplayError::Capacity));
    let empty = r#"{"config":{"capacity":2,"batch":1},"steps":[],"oldest":0}"#;
    assert!(serde_json::from_str::<Replay>(empty).is_ok());
    for (from, to) in [
        ("\"oldest\":0", "\"oldest\":1"),
        ("capacity\":2", "capacity\":0"),
    ] {
        let mutated = empty.replace(from, to);
        assert_ne!(mutated, empty);
        assert!(serde_json::from_str::<Replay>(&mutated).is_err(), "{to}");
    }
}
