//! All tables are one table: the same commands, the same answers, to the last bit.

use proptest::prelude::*;

use super::{Dense, Linear, Sparse, Values};
use crate::{
    ActionId, Config, Dimension, End, Explore, Half, Learner, Mask, Rule, StateId, StepSize,
    Target, TileCoder, Tiles, Trace, Transition, stream,
};

const STATES: u32 = 6;
const ACTIONS: u16 = 3;

const RULES: [Rule; 13] = [
    Rule::QLearning,
    Rule::DoubleQ,
    Rule::Sarsa,
    Rule::ExpectedSarsa,
    Rule::NStepSarsa { steps: 1 },
    Rule::NStepSarsa { steps: 3 },
    Rule::TreeBackup {
        steps: 2,
        target: Target::Greedy,
    },
    Rule::TreeBackup {
        steps: 3,
        target: Target::Exploring,
    },
    Rule::WatkinsLambda {
        lambda: 0.8,
        trace: Trace::Accumulating,
    },
    Rule::WatkinsLambda {
        lambda: 0.9,
        trace: Trace::Replacing,
    },
    Rule::SarsaLambda {
        lambda: 0.8,
        trace: Trace::Accumulating,
    },
    Rule::SarsaLambda {
        lambda: 0.9,
        trace: Trace::Replacing,
    },
    Rule::SarsaLambda {
        lambda: 0.5,
        trace: Trace::Dutch,
    },
];

/// One thing to do to a table.
#[derive(Clone, Copy, Debug)]
enum Command {
    Visit(u32, u16),
    Add(u32, u16, f64),
    AddToCells(u32, u16, f64),
}

/// A transition with states by number; some are refused.
type Step = Transition<u32>;

fn commands() -> impl Strategy<Value = Vec<Command>> {
    let at = || (0..STATES, 0..ACTIONS);
    let command = prop_oneof![
        at().prop_map(|(s, a)| Command::Visit(s, a)),
        (at(), -5.0..5.0).prop_map(|((s, a), delta)| Command::Add(s, a, delta)),
        (at(), -5.0..5.0).prop_map(|((s, a), delta)| Command::AddToCells(s, a, delta)),
    ];
    prop::collection::vec(command, 0..60)
}

prop_compose! {
    fn step()(
        (state, next) in (0..STATES, 0..=STATES),
        (action, next_action) in (0..ACTIONS, prop::option::weighted(0.95, 0..ACTIONS)),
        (mask, next_mask) in (0_u64..8, 0_u64..8),
        reward in prop_oneof![20 => -3.0..3.0, 1 => Just(f64::NAN)],
        end in prop_oneof![8 => Just(End::Running), 1 => Just(End::Terminated), 1 => Just(End::Truncated)],
        dt in prop_oneof![3 => Just(1.0), 1 => 0.5..3.0],
    ) -> Step {
        let next_mask = next_action.map_or(next_mask, |a| next_mask | 1 << a);
        Transition {
            next_mask: Mask::from_bits(next_mask),
            next_action: next_action.map(ActionId),
            end,
            dt,
            ..Transition::new(state, ActionId(action), reward, next, Mask::from_bits(mask | 1 << action))
        }
    }
}

/// Steps of which most begin where the one before led, with the action that was announced.
fn steps() -> impl Strategy<Value = Vec<Step>> {
    let joined = prop::bool::weighted(0.8);
    prop::collection::vec((step(), joined), 1..40).prop_map(|drawn| {
        let mut steps: Vec<Step> = Vec::new();
        for (mut step, joined) in drawn {
            let before = steps.last().filter(|before| joined && before.next < STATES);
            if let Some((before, action)) =
                before.and_then(|before| Some((before, before.next_action?)))
            {
                step = Transition {
                    state: before.next,
                    proposed: action,
                    executed: action,
                    ..step
                };
                step.mask = step.mask.with(action);
            }
            steps.push(step);
        }
        steps
    })
}

/// Rows of values and counts, as they show.
fn shown<V: Values>(table: &V, name: impl Fn(u32) -> V::State) -> Vec<(Vec<u64>, Vec<u32>)> {
    let row = |values: &[f64], visits: &[u32]| {
        (
            values.iter().map(|value| value.to_bits()).collect(),
            visits.to_vec(),
        )
    };
    (0..STATES)
        .map(|state| table.with_row(name(state), row))
        .collect()
}

/// Does the commands, and tells all that can be seen of them.
fn obey<V: Values>(
    mut table: V,
    name: impl Fn(u32) -> V::State,
    commands: &[Command],
) -> Vec<String> {
    let mut told = Vec::new();
    for command in commands {
        match *command {
            Command::Visit(s, a) => told.push(table.visit(name(s), ActionId(a)).to_string()),
            Command::Add(s, a, delta) => table.add(name(s), ActionId(a), delta),
            Command::AddToCells(s, a, delta) => {
                let mut cells = Vec::new();
                table.cells(name(s), ActionId(a), |cell| cells.push(cell));
                for cell in cells {
                    table.add_to_cell(cell, delta);
                    told.push(format!("{}", table.cell(cell)));
                }
            }
        }
        told.push(format!("{:?}", shown(&table, &name)));
    }
    let all = Mask::all(usize::from(ACTIONS));
    for state in (0..STATES).map(name) {
        told.push(format!(
            "{} {}",
            table.best(state, all),
            table.value(state, ActionId(1))
        ));
    }
    told
}

/// Learns from the steps, and tells all that can be seen of it.
fn learn<V: Values + Clone>(
    table: V,
    name: impl Fn(u32) -> V::State,
    config: Config,
    steps: &[Step],
) -> Vec<String> {
    let mut learner = Learner::new(table, config).unwrap();
    let mut rng = stream(1, 1);
    let mut told = Vec::new();
    for (at, step) in steps.iter().enumerate() {
        let step = Transition {
            state: name(step.state),
            mask: step.mask,
            proposed: step.proposed,
            executed: step.executed,
            probability: step.probability,
            reward: step.reward,
            next: name(step.next),
            next_mask: step.next_mask,
            next_action: step.next_action,
            end: step.end,
            dt: step.dt,
        };
        let half = if at % 3 == 0 { Half::A } else { Half::B };
        told.push(format!("{:?}", learner.observe_half(&step, half)));
        told.push(format!(
            "{:?}",
            learner.decide(step.state, step.mask, &mut rng)
        ));
        told.push(format!("{:?}", shown(learner.values(), &name)));
        told.extend(
            learner
                .twin()
                .map(|twin| format!("{:?}", shown(twin, &name))),
        );
    }
    told
}

/// A coder whose one grid has a tile for each state and one beyond, and the tiles of each.
fn one_hot() -> (TileCoder, impl Fn(u32) -> Tiles) {
    let line = |tiles: u32| {
        let line = Dimension {
            from: 0.0,
            to: f64::from(tiles),
            tiles,
        };
        TileCoder::new(1, &[line]).unwrap()
    };
    // The tile after the last one belongs to the upper edge: a coder of one state less has a tile for each.
    let wider = line(STATES);
    (line(STATES - 1), move |state| {
        wider.tiles(&[f64::from(state)]).unwrap()
    })
}

proptest! {
    #[test]
    fn every_table_obeys_alike(commands in commands(), initial in prop_oneof![4 => -2.0..2.0, 1 => Just(-0.0)]) {
        let dense = Dense::new(STATES as usize, usize::from(ACTIONS), initial).unwrap();
        let sparse = Sparse::new(STATES as usize, usize::from(ACTIONS), initial).unwrap();
        let (coder, tiles) = one_hot();
        let linear = Linear::new(&coder, usize::from(ACTIONS), initial).unwrap();
        let told = obey(dense, StateId, &commands);
        prop_assert_eq!(&obey(sparse, StateId, &commands), &told);
        prop_assert_eq!(&obey(linear, tiles, &commands), &told);
    }

    #[test]
    fn every_table_learns_alike_by_every_rule(
        steps in steps(),
        rule in prop::sample::select(&RULES[..]),
        initial in prop_oneof![4 => -2.0..2.0, 1 => Just(-0.0)],
    ) {
        let config = Config {
            rule,
            discount: 0.9,
            step_size: StepSize::Power { exponent: 0.6, floor: 0.01 },
            explore: Explore::default(),
        };
        let dense = Dense::new(STATES as usize, usize::from(ACTIONS), initial).unwrap();
        let sparse = Sparse::new(STATES as usize, usize::from(ACTIONS), initial).unwrap();
        let (coder, tiles) = one_hot();
        let linear = Linear::new(&coder, usize::from(ACTIONS), initial).unwrap();
        let told = learn(dense, StateId, config, &steps);
        prop_assert_eq!(&learn(sparse, StateId, config, &steps), &told);
        prop_assert_eq!(&learn(linear, tiles, config, &steps), &told);
    }
}
