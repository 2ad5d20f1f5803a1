//! The worlds of the reference data, played by chance.

use std::path::Path;
use std::sync::Arc;

use cloudlot_qlearn::{
    ActionId, Agent, Dense, End, Environment, Mask, Outcome, Start, StateId, Stream, Transition,
    Values, stream, unit,
};
use serde_json::Value;

/// What each action may lead to: probability, next state, reward, and whether it ends there.
type Outcomes = Vec<(f64, u32, f64, bool)>;

/// A transition table.
#[derive(Debug)]
pub(crate) struct Table {
    rows: Vec<Vec<Outcomes>>,
    masks: Vec<Mask>,
    starts: Vec<(f64, u32)>,
}

impl Table {
    pub(crate) fn states(&self) -> usize {
        self.rows.len()
    }

    pub(crate) fn actions(&self) -> usize {
        self.rows[0].len()
    }

    pub(crate) fn mask(&self, state: u32) -> Mask {
        self.masks[state as usize]
    }
}

/// Somebody's place in a table; a clone goes its own way.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) table: Arc<Table>,
    chance: Stream,
    state: u32,
}

impl World {
    /// The world of a file among the reference data.
    pub(crate) fn read(name: &str, seed: u64) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/data")
            .join(name);
        let file: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let rows: Vec<Vec<Outcomes>> = serde_json::from_value(file["P"].clone()).unwrap();
        let masks = rows.iter().enumerate().map(|(state, row)| {
            let listed = file["action_mask"].get(state).and_then(Value::as_array);
            let open = |a: usize| listed.is_none_or(|listed| listed[a] == 1);
            (0..row.len())
                .filter(|a| open(*a))
                .map(|a| ActionId(a.try_into().unwrap()))
                .fold(Mask::NONE, Mask::with)
        });
        let starts = file["initial_state_distribution"].as_object().unwrap();
        let table = Table {
            masks: masks.collect(),
            starts: starts
                .iter()
                .map(|(state, chance)| (chance.as_f64().unwrap(), state.parse().unwrap()))
                .collect(),
            rows,
        };
        Self {
            table: Arc::new(table),
            chance: stream(seed, u64::MAX),
            state: 0,
        }
    }

    /// A slippery lake of 16 states.
    pub(crate) fn lake(seed: u64) -> Self {
        Self::read("frozenlake4x4_slippery.json", seed)
    }

    fn draw(&mut self, chances: impl Iterator<Item = f64>) -> usize {
        let mut left = unit(&mut self.chance);
        let mut last = 0;
        for (place, chance) in chances.enumerate() {
            last = place;
            left -= chance;
            if left < 0.0 {
                break;
            }
        }
        last
    }
}

impl Environment for World {
    type State = StateId;

    fn reset(&mut self, seed: Option<u64>) -> Start {
        if let Some(seed) = seed {
            self.chance = stream(seed, u64::MAX);
        }
        let table = Arc::clone(&self.table);
        self.state = table.starts[self.draw(table.starts.iter().map(|start| start.0))].1;
        Start {
            state: StateId(self.state),
            mask: table.mask(self.state),
        }
    }

    fn step(&mut self, action: ActionId) -> Outcome {
        let table = Arc::clone(&self.table);
        let outcomes = &table.rows[self.state as usize][action.index()];
        let (_, next, reward, ends) = outcomes[self.draw(outcomes.iter().map(|o| o.0))];
        self.state = next;
        Outcome {
            state: StateId(next),
            mask: table.mask(next),
            // Uneven, so that sums and products have many digits.
            reward: reward + f64::from(next % 7) / 70.0,
            end: if ends { End::Terminated } else { End::Running },
            dt: if next % 3 == 0 { 1.5 } else { 1.0 },
        }
    }
}

/// A life in a world that can be stopped after any step.
#[derive(Clone, Debug)]
pub(crate) struct Life<V: Values<State = StateId> = Dense> {
    pub(crate) agent: Agent<V>,
    pub(crate) world: World,
    at: Option<Stand>,
    steps: u64,
}

/// Where somebody is, and what it will do there if it has decided ahead.
type Stand = (StateId, Mask, Option<(ActionId, f64)>);

impl<V: Values<State = StateId>> Life<V> {
    pub(crate) fn new(agent: Agent<V>, world: World) -> Self {
        Self {
            agent,
            world,
            at: None,
            steps: 0,
        }
    }

    /// Acts and learns for some steps; every 23rd is the last that is looked at in its episode.
    pub(crate) fn live(&mut self, steps: u64) {
        for _ in 0..steps {
            self.step();
        }
    }

    fn step(&mut self) {
        let ahead = self.agent.learner.config().rule.needs_next_action();
        let (state, mask, chosen) = self.at.take().unwrap_or_else(|| {
            let start = self.world.reset(None);
            (start.state, start.mask, None)
        });
        let (action, probability) = chosen.unwrap_or_else(|| self.choose(state, mask));
        let outcome = self.world.step(action);
        self.steps += 1;
        let end = match outcome.end {
            End::Running if self.steps.is_multiple_of(23) => End::Truncated,
            end => end,
        };
        let following =
            (ahead && end != End::Terminated).then(|| self.choose(outcome.state, outcome.mask));
        self.agent
            .observe(&Transition {
                state,
                mask,
                proposed: action,
                executed: action,
                probability,
                reward: outcome.reward,
                next: outcome.state,
                next_mask: outcome.mask,
                next_action: following.map(|next| next.0),
                end,
                dt: outcome.dt,
            })
            .unwrap();
        self.at = (end == End::Running).then_some((outcome.state, outcome.mask, following));
    }

    fn choose(&mut self, state: StateId, mask: Mask) -> (ActionId, f64) {
        let decision = self.agent.decide(state, mask).unwrap();
        (decision.action, decision.probability)
    }
}
