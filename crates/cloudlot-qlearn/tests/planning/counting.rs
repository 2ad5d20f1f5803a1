//! The counted model against one that counts naively.

use cloudlot_qlearn::{
    ActionId, Counts, CountsError, End, Limits, Mask, StateId, Tally, Transition,
};
use proptest::prelude::*;

use crate::log::{ACTIONS, STATES, log};

/// All that the model should know, in lists that are searched from the front.
#[derive(Default)]
struct Naive {
    states: Vec<(StateId, Mask)>,
    outcomes: Vec<((StateId, ActionId), Vec<Tally>)>,
}

impl Naive {
    fn rank(&mut self, state: StateId) -> usize {
        let at = self.states.iter().position(|known| known.0 == state);
        at.unwrap_or_else(|| {
            self.states.push((state, Mask::NONE));
            self.states.len() - 1
        })
    }

    fn observe(&mut self, step: &Transition, limits: Limits) {
        let (state, next) = (self.rank(step.state), self.rank(step.next));
        let terminated = step.end == End::Terminated;
        self.states[state].1 = step.mask;
        if !terminated {
            self.states[next].1 = step.next_mask;
        }
        let key = (step.state, step.executed);
        if !self.outcomes.iter().any(|pair| pair.0 == key) {
            self.outcomes.push((key, Vec::new()));
        }
        let order: Vec<StateId> = self.states.iter().map(|known| known.0).collect();
        let rank = |tally: &Tally| {
            let state = order.iter().position(|state| *state == tally.next);
            (state, tally.terminated)
        };
        let pair = self.outcomes.iter_mut().find(|pair| pair.0 == key).unwrap();
        let tallies = &mut pair.1;
        let same = |tally: &Tally| tally.next == step.next && tally.terminated == terminated;
        if let Some(tally) = tallies.iter_mut().find(|tally| same(tally)) {
            let before = f64::from(tally.count);
            tally.count += 1;
            tally.reward = (tally.reward * before + step.reward) / (before + 1.0);
            tally.dt = (tally.dt * before + step.dt) / (before + 1.0);
        } else {
            if tallies.len() == limits.outcomes as usize {
                let rarest = tallies.iter().map(|tally| tally.count).min().unwrap();
                let at = tallies
                    .iter()
                    .position(|tally| tally.count == rarest)
                    .unwrap();
                tallies.remove(at);
            }
            tallies.push(Tally {
                next: step.next,
                terminated,
                count: 1,
                reward: step.reward,
                dt: step.dt,
            });
            tallies.sort_by_key(rank);
        }
        if tallies.iter().map(|tally| tally.count).sum::<u32>() >= limits.horizon {
            for tally in tallies.iter_mut() {
                tally.count = (tally.count / 2).max(u32::from(same(tally)));
            }
            tallies.retain(|tally| tally.count > 0);
        }
    }
}

fn close(a: &Tally, b: &Tally) -> bool {
    (a.next, a.terminated, a.count) == (b.next, b.terminated, b.count)
        && (a.reward - b.reward).abs() < 1e-9
        && (a.dt - b.dt).abs() < 1e-9
}

proptest! {
    #[test]
    fn the_model_is_what_counting_gives(
        log in log(200),
        outcomes in 1_u32..8,
        horizon in prop_oneof![2_u32..20, Just(u32::MAX)],
    ) {
        let limits = Limits { outcomes, horizon, ..Limits::default() };
        let mut counts = Counts::new(ACTIONS, limits).unwrap();
        let mut naive = Naive::default();
        for step in &log {
            prop_assert!(counts.observe(step));
            naive.observe(step, limits);
        }
        prop_assert!(counts.states().eq(naive.states.iter().map(|known| known.0)));
        prop_assert!(counts.pairs().eq(naive.outcomes.iter().map(|pair| pair.0)));
        for (state, mask) in &naive.states {
            prop_assert_eq!(counts.mask(*state), *mask);
        }
        for ((state, action), tallies) in &naive.outcomes {
            let counted: Vec<_> = counts.outcomes(*state, *action).collect();
            prop_assert_eq!(counted.len(), tallies.len());
            for (counted, tally) in counted.iter().zip(tallies) {
                prop_assert!(close(counted, tally), "{:?} is not {:?}", counted, tally);
            }
        }
    }

    #[test]
    fn predecessors_are_the_pairs_that_led_there_without_an_end(
        log in log(200),
        outcomes in 1_u32..8,
        horizon in prop_oneof![2_u32..20, Just(u32::MAX)],
    ) {
        let limits = Limits { outcomes, horizon, ..Limits::default() };
        let mut counts = Counts::new(ACTIONS, limits).unwrap();
        for step in &log {
            counts.observe(step);
        }
        for state in (0..).map(StateId).take(STATES) {
            let mut listed: Vec<_> = counts.predecessors(state).collect();
            let mut searched: Vec<_> = counts.pairs().collect();
            searched.retain(|(from, action)| {
                let mut tallies = counts.outcomes(*from, *action);
                tallies.any(|tally| tally.next == state && !tally.terminated)
            });
            listed.sort();
            searched.sort();
            prop_assert_eq!(listed, searched);
        }
    }

    #[test]
    fn a_model_comes_back_from_text_as_it_was(log in log(100), outcomes in 1_u32..8) {
        let limits = Limits { outcomes, ..Limits::default() };
        let mut counts = Counts::<StateId>::new(ACTIONS, limits).unwrap();
        for step in &log {
            // Powers of two have exact means, whatever the reader of numbers does.
            counts.observe(&Transition { reward: 0.5, dt: 1.0, ..*step });
        }
        let text = serde_json::to_string(&counts).unwrap();
        prop_assert_eq!(&serde_json::from_str::<Counts>(&text).unwrap(), &counts);
    }

    #[test]
    fn past_the_limit_a_state_is_not_counted(log in log(100), states in 2_u32..5) {
        let limits = Limits { states, ..Limits::default() };
        let mut counts = Counts::new(ACTIONS, limits).unwrap();
        for step in &log {
            counts.observe(step);
            prop_assert!(counts.states().len() <= states as usize);
        }
        let known: Vec<_> = counts.states().collect();
        for (state, action) in counts.pairs() {
            prop_assert!(counts.outcomes(state, action).all(|tally| known.contains(&tally.next)));
        }
    }
}

#[test]
fn a_model_that_cannot_be_is_refused() {
    let zero = Limits {
        outcomes: 0,
        ..Limits::default()
    };
    for actions in [0, 65, 1 << 20] {
        let refused = Counts::<StateId>::new(actions, Limits::default());
        assert_eq!(refused, Err(CountsError::Actions(actions)));
    }
    assert_eq!(
        Counts::<StateId>::new(2, zero),
        Err(CountsError::Limits(zero))
    );
    let mut counts = Counts::new(2, Limits::default()).unwrap();
    let all = Mask::all(2);
    counts.observe(&Transition::new(
        StateId(4),
        ActionId(1),
        1.0,
        StateId(5),
        all,
    ));
    let text = serde_json::to_string(&counts).unwrap();
    for (from, to) in [
        (r#""actions":2"#, r#""actions":0"#),
        (r#""horizon":65536"#, r#""horizon":1"#),
        ("[[4,3],[5,3]]", "[[4,3],[4,3]]"),
        ("[[4,3],[5,3]]", "[[4,3],[5,0]]"),
        (r#""state":0"#, r#""state":2"#),
        (r#""action":1"#, r#""action":2"#),
        (r#""next":1"#, r#""next":2"#),
        (r#""count":1"#, r#""count":0"#),
        (r#""count":1"#, r#""count":65536"#),
        (r#""reward":1.0"#, r#""reward":1e200"#),
        (r#""dt":1.0"#, r#""dt":0.0"#),
        (r#""dt":1.0"#, r#""dt":-1.0"#),
    ] {
        let mutated = text.replace(from, to);
        assert_ne!(mutated, text, "{from}");
        assert!(serde_json::from_str::<Counts>(&mutated).is_err(), "{to}");
    }
}
