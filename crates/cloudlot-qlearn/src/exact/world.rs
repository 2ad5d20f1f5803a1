//! A model to act in: chance instead of probabilities.

use super::Model;
use crate::{ActionId, End, Environment, Mask, Outcome, Start, StateId, Stream, stream, unit};

/// An [`Environment`] that samples a [`Model`].
///
/// An action that is not legal changes nothing: the agent stays where it is, and is paid the lowest
/// reward of the model, at most 0, so that breaking the rules never pays; [`World::refused`] counts
/// these.
/// After an episode has ended by itself, steps go on saying so, for nothing, until the next reset;
/// after one that was cut short the world goes on, but every further step is cut short as well.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use cloudlot_qlearn::exact::{Model, World};
/// # use cloudlot_qlearn::{ActionId, End, Environment, StateId};
/// let model = Model::builder(2, 1)
///     .goes(StateId(0), ActionId(0), 0.5, StateId(0), 0.0)
///     .ends(StateId(0), ActionId(0), 0.5, StateId(1), 1.0)
///     .terminal(StateId(1))
///     .start(StateId(0), 1.0)
///     .build()?;
/// let mut world = World::new(&model, Some(3));
/// let mut earned = 0.0;
/// for episode in 0..1_000 {
///     world.reset((episode == 0).then_some(7));
///     loop {
///         let outcome = world.step(ActionId(0));
///         earned += outcome.reward;
///         if outcome.end != End::Running {
///             break;
///         }
///     }
/// }
/// // Three steps are enough in seven episodes of eight.
/// assert!((earned - 875.0).abs() < 50.0);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct World {
    actions: usize,
    cells: Vec<Cell>,
    options: Vec<Choice>,
    masks: Vec<Mask>,
    starts: Vec<(f64, StateId)>,
    lowest: f64,
    steps_max: Option<u32>,
    rng: Stream,
    state: StateId,
    over: bool,
    steps: u32,
    refused: u64,
}

/// Where the choices of a state and an action are; none where it is not legal.
#[derive(Clone, Copy, Debug)]
struct Cell {
    first: u32,
    count: u32,
}

/// A branch, taken if chance is below `below` and not below that of the one before.
#[derive(Clone, Copy, Debug)]
struct Choice {
    below: f64,
    reward: f64,
    next: StateId,
    end: End,
}

impl World {
    /// A world of this model that cuts episodes short after `steps_max` steps, if that is given; at
    /// least one step is always made. It begins as if reset with seed 0.
    #[must_use]
    pub fn new(model: &Model, steps_max: Option<u32>) -> Self {
        let mut world = Self {
            actions: model.actions(),
            cells: Vec::with_capacity(model.states() * model.actions()),
            options: Vec::new(),
            masks: model.state_ids().map(|state| model.mask(state)).collect(),
            starts: Vec::new(),
            lowest: 0.0,
            steps_max,
            rng: stream(0, 0),
            state: StateId(0),
            over: false,
            steps: 0,
            refused: 0,
        };
        for state in model.state_ids() {
            for action in (0..u16::MAX).map(ActionId).take(model.actions()) {
                world.add(model, state, action);
            }
        }
        let mut below = 0.0;
        for &(state, probability) in model.start() {
            below += probability;
            world.starts.push((below, state));
        }
        world.reset(Some(0));
        world
    }

    /// Where the agent is.
    #[must_use]
    pub fn state(&self) -> StateId {
        self.state
    }

    /// How often an action was not legal, in all.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused
    }

    fn add(&mut self, model: &Model, state: StateId, action: ActionId) {
        let branches = model.branches(state, action);
        let index = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let (first, count) = (index(self.options.len()), index(branches.len()));
        self.cells.push(Cell { first, count });
        let mut below = 0.0;
        for branch in branches {
            below += branch.probability;
            self.lowest = self.lowest.min(branch.reward);
            self.options.push(Choice {
                below,
                reward: branch.reward,
                next: branch.next,
                end: if branch.terminated {
                    End::Terminated
                } else {
                    End::Running
                },
            });
        }
    }

    /// Draws a branch; nothing is drawn where there is but one.
    #[inline]
    fn draw(&mut self, cell: Cell) -> Option<Choice> {
        let first = StateId(cell.first).index();
        let choices = self
            .options
            .get(first..first + StateId(cell.count).index())?;
        let (last, others) = choices.split_last()?;
        if others.is_empty() {
            return Some(*last);
        }
        let chance = unit(&mut self.rng);
        // Counted, not searched for: where to stop could not be predicted.
        let passed = others
            .iter()
            .map(|choice| usize::from(choice.below <= chance));
        Some(choices[passed.sum::<usize>()])
    }

    fn refuse(&mut self) -> Choice {
        self.refused += 1;
        Choice {
            below: 1.0,
            reward: self.lowest,
            next: self.state,
            end: End::Running,
        }
    }

    fn cut(&self) -> bool {
        self.steps_max.is_some_and(|most| self.steps >= most)
    }
}

impl Environment for World {
    type State = StateId;

    fn reset(&mut self, seed: Option<u64>) -> Start {
        if let Some(seed) = seed {
            self.rng = stream(seed, 0);
        }
        let (last, others) = self.starts.split_last().expect("a model has a start");
        self.state = if others.is_empty() {
            last.1
        } else {
            let chance = unit(&mut self.rng);
            self.starts[others.partition_point(|(below, _)| *below <= chance)].1
        };
        self.over = false;
        self.steps = 0;
        Start {
            state: self.state,
            mask: self.masks[self.state.index()],
        }
    }

    #[inline]
    fn step(&mut self, action: ActionId) -> Outcome {
        let outcome = |state, mask, reward, end| Outcome {
            state,
            mask,
            reward,
            end,
            dt: 1.0,
        };
        if self.over {
            return outcome(
                self.state,
                self.masks[self.state.index()],
                0.0,
                End::Terminated,
            );
        }
        let legal = action.index() < self.actions;
        let cell = self.state.index() * self.actions + action.index();
        let cell = if legal {
            self.cells[cell]
        } else {
            Cell { first: 0, count: 0 }
        };
        let choice = match self.draw(cell) {
            Some(choice) => choice,
            None => self.refuse(),
        };
        self.state = choice.next;
        self.over = choice.end == End::Terminated;
        self.steps = self.steps.saturating_add(1);
        let end = if !self.over && self.cut() {
            End::Truncated
        } else {
            choice.end
        };
        outcome(
            self.state,
            self.masks[self.state.index()],
            choice.reward,
            end,
        )
    }
}
