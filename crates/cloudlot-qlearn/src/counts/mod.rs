//! A model that is counted together: what each action led to, how often, and what it earned.
//!
//! States are numbered in the order in which they were first seen, so memory grows with what was seen
//! and not with what could be. What to do with the model is the business of the planner.

mod file;
mod model;

pub use file::CountsError;

use std::collections::BTreeMap;

use rand::Rng;
use serde::{Deserialize, Serialize};

use self::file::CountsFile;
use crate::stream::below;
use crate::{ACTIONS_MAX, ActionId, End, Mask, StateId, Transition};

/// How much a model remembers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// How many states, 2 to 2²⁶. A transition from or to one more is not counted.
    pub states: u32,
    /// How many outcomes of one action in one state, at least 1. For one more the rarest is
    /// forgotten, of equals the one whose state was seen first.
    pub outcomes: u32,
    /// When the counts of an action reach this, at least 2, all of them are halved, rounding down: a
    /// world that changes outweighs its past. What falls to zero is forgotten, but not the newest.
    pub horizon: u32,
}

impl Default for Limits {
    /// A million states with 64 outcomes for each action, and a horizon of 65,536.
    fn default() -> Self {
        Self {
            states: 1 << 20,
            outcomes: 64,
            horizon: 1 << 16,
        }
    }
}

/// One thing that an action led to.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tally<S = StateId> {
    /// Where it led.
    pub next: S,
    /// Whether the episode was over by itself. An episode that was cut short counts as going on.
    pub terminated: bool,
    /// How often; above zero.
    pub count: u32,
    /// What it earned on average.
    pub reward: f64,
    /// How long it took on average, in units of the base interval.
    pub dt: f64,
}

/// What was seen of a world: for each action in each state, the outcomes and how often each came.
///
/// ```
/// # use cloudlot_qlearn::{ActionId, Counts, Limits, Mask, StateId, Transition};
/// let mut counts = Counts::new(2, Limits::default())?;
/// let step = Transition::new(StateId(7), ActionId(1), 2.0, StateId(9), Mask::all(2));
/// counts.observe(&step);
/// counts.observe(&Transition { reward: 4.0, ..step });
/// let seen: Vec<_> = counts.outcomes(StateId(7), ActionId(1)).collect();
/// assert_eq!((seen[0].next, seen[0].count, seen[0].reward), (StateId(9), 2, 3.0));
/// assert!(counts.predecessors(StateId(9)).eq([(StateId(7), ActionId(1))]));
/// # Ok::<(), cloudlot_qlearn::CountsError>(())
/// ```
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(
    try_from = "CountsFile<S>",
    into = "CountsFile<S>",
    bound(
        serialize = "S: Copy + Serialize",
        deserialize = "S: Copy + Ord + Deserialize<'de>"
    )
)]
pub struct Counts<S = StateId> {
    limits: Limits,
    actions: u16,
    slots: BTreeMap<S, u32>,
    states: Vec<Known<S>>,
    /// A row for each slot; each cell sorted by slot and then by whether it terminated.
    cells: Vec<Vec<Tally<u32>>>,
    /// The cells with outcomes, in the order in which they were first seen.
    seen: Vec<u32>,
}

/// What is known of a state itself.
#[derive(Clone, PartialEq, Debug)]
struct Known<S> {
    state: S,
    /// What was allowed there when it was last looked at.
    mask: Mask,
    /// The cells that led here without an end, lowest first.
    predecessors: Vec<u32>,
}

impl<S: Copy + Ord> Counts<S> {
    /// Nothing seen yet.
    ///
    /// # Errors
    /// Where the number of actions or a limit is outside its range.
    pub fn new(actions: usize, limits: Limits) -> Result<Self, CountsError> {
        let Some(narrow) = u16::try_from(actions)
            .ok()
            .filter(|_| (1..=ACTIONS_MAX).contains(&actions))
        else {
            return Err(CountsError::Actions(actions));
        };
        if !(2..=1 << 26).contains(&limits.states) || limits.outcomes == 0 || limits.horizon < 2 {
            return Err(CountsError::Limits(limits));
        }
        Ok(Self {
            limits,
            actions: narrow,
            slots: BTreeMap::new(),
            states: Vec::new(),
            cells: Vec::new(),
            seen: Vec::new(),
        })
    }

    /// Counts a transition, and says whether there was room for its states.
    ///
    /// The transition must be one that a learner accepted; an action that the model does not have is
    /// not counted.
    pub fn observe(&mut self, step: &Transition<S>) -> bool {
        self.count(step).is_some()
    }

    /// The outcomes of an action, in the order in which their states were first seen.
    pub fn outcomes(&self, state: S, action: ActionId) -> impl Iterator<Item = Tally<S>> {
        let cell = self.cell(state, action);
        let tallies = cell.map_or(&[][..], |cell| self.tallies(cell));
        tallies.iter().map(|tally| Tally {
            next: self.states[tally.next as usize].state,
            terminated: tally.terminated,
            count: tally.count,
            reward: tally.reward,
            dt: tally.dt,
        })
    }

    /// The states and actions that led to `state` without an end.
    pub fn predecessors(&self, state: S) -> impl Iterator<Item = (S, ActionId)> {
        let slot = self.slot(state);
        let cells = slot.map_or(&[][..], |slot| self.predecessor_cells(slot));
        cells.iter().map(|cell| {
            let (slot, action) = self.place(*cell);
            (self.states[slot as usize].state, action)
        })
    }

    /// What was allowed in a state when it was last looked at; nothing for a state that was not
    /// seen, or only behind an end.
    #[must_use]
    pub fn mask(&self, state: S) -> Mask {
        let slot = self.slots.get(&state);
        slot.map_or(Mask::NONE, |slot| self.states[*slot as usize].mask)
    }

    /// The states, in the order in which they were first seen.
    pub fn states(&self) -> impl ExactSizeIterator<Item = S> {
        self.states.iter().map(|known| known.state)
    }

    /// The pairs of state and action that have outcomes, in the order in which they were first seen.
    pub fn pairs(&self) -> impl ExactSizeIterator<Item = (S, ActionId)> {
        self.seen.iter().map(|cell| {
            let (slot, action) = self.place(*cell);
            (self.states[slot as usize].state, action)
        })
    }

    /// How many actions a state has.
    #[must_use]
    pub fn actions(&self) -> usize {
        usize::from(self.actions)
    }

    /// How much is remembered.
    #[must_use]
    pub const fn limits(&self) -> Limits {
        self.limits
    }

    /// Counts a transition, and names the cell and the slot of the next state.
    pub(crate) fn count(&mut self, step: &Transition<S>) -> Option<(u32, u32)> {
        if step.executed.index() >= self.actions() {
            return None;
        }
        let slot = self.intern(step.state)?;
        let next = self.intern(step.next)?;
        let terminated = step.end == End::Terminated;
        self.states[slot as usize].mask = step.mask;
        if !terminated {
            self.states[next as usize].mask = step.next_mask;
        }
        let cell = self.cell_at(slot, step.executed);
        self.tally(cell, next, terminated, step.reward, step.dt);
        Some((cell, next))
    }

    fn intern(&mut self, state: S) -> Option<u32> {
        if let Some(slot) = self.slots.get(&state) {
            return Some(*slot);
        }
        let slot = u32::try_from(self.states.len()).ok()?;
        if slot >= self.limits.states {
            return None;
        }
        self.slots.insert(state, slot);
        self.states.push(Known {
            state,
            mask: Mask::NONE,
            predecessors: Vec::new(),
        });
        self.cells
            .resize_with(self.cells.len() + self.actions(), Vec::new);
        Some(slot)
    }

    fn tally(&mut self, cell: u32, next: u32, terminated: bool, reward: f64, dt: f64) {
        let tallies = &mut self.cells[cell as usize];
        if tallies.is_empty() {
            self.seen.push(cell);
        }
        let key = (next, terminated);
        match tallies.binary_search_by_key(&key, |tally| (tally.next, tally.terminated)) {
            Ok(at) => {
                let tally = &mut tallies[at];
                tally.count = tally.count.saturating_add(1);
                let share = 1.0 / f64::from(tally.count);
                tally.reward += (reward - tally.reward) * share;
                tally.dt += (dt - tally.dt) * share;
            }
            Err(_) => self.append(cell, next, terminated, reward, dt),
        }
        self.age(cell, key);
    }

    /// Puts in an outcome that was not there before.
    fn append(&mut self, cell: u32, next: u32, terminated: bool, reward: f64, dt: f64) {
        if self.cells[cell as usize].len() >= self.limits.outcomes as usize {
            let tallies = &self.cells[cell as usize];
            let rarest = (0..tallies.len()).min_by_key(|at| tallies[*at].count);
            if let Some(rarest) = rarest {
                let gone = self.cells[cell as usize].remove(rarest);
                self.unlink(cell, gone);
            }
        }
        let tallies = &mut self.cells[cell as usize];
        let at =
            tallies.partition_point(|tally| (tally.next, tally.terminated) < (next, terminated));
        tallies.insert(
            at,
            Tally {
                next,
                terminated,
                count: 1,
                reward,
                dt,
            },
        );
        if !terminated {
            let cells = &mut self.states[next as usize].predecessors;
            if let Err(at) = cells.binary_search(&cell) {
                cells.insert(at, cell);
            }
        }
    }

    /// Halves the counts of a cell that has reached the horizon; the newest outcome stays.
    fn age(&mut self, cell: u32, newest: (u32, bool)) {
        if self.total(cell) < self.limits.horizon {
            return;
        }
        let mut tallies = std::mem::take(&mut self.cells[cell as usize]);
        tallies.retain_mut(|tally| {
            tally.count /= 2;
            if (tally.next, tally.terminated) == newest {
                tally.count = tally.count.max(1);
            }
            if tally.count == 0 {
                self.unlink(cell, *tally);
            }
            tally.count > 0
        });
        self.cells[cell as usize] = tallies;
    }

    fn unlink(&mut self, cell: u32, gone: Tally<u32>) {
        if gone.terminated {
            return;
        }
        let cells = &mut self.states[gone.next as usize].predecessors;
        if let Ok(at) = cells.binary_search(&cell) {
            cells.remove(at);
        }
    }

    fn cell(&self, state: S, action: ActionId) -> Option<u32> {
        self.cell_in(self.slot(state)?, action)
    }

    pub(crate) fn slot(&self, state: S) -> Option<u32> {
        self.slots.get(&state).copied()
    }
}

/// What a planner sees: slots and cells instead of states and actions.
impl<S: Copy> Counts<S> {
    pub(crate) fn tallies(&self, cell: u32) -> &[Tally<u32>] {
        &self.cells[cell as usize]
    }

    /// Whether there is such a cell, and it has outcomes.
    pub(crate) fn has(&self, cell: u32) -> bool {
        let tallies = self.cells.get(cell as usize);
        tallies.is_some_and(|tallies| !tallies.is_empty())
    }

    /// How often a cell was counted, as far as it is remembered.
    pub(crate) fn total(&self, cell: u32) -> u32 {
        let counts = self.tallies(cell).iter().map(|tally| tally.count);
        counts.fold(0, u32::saturating_add)
    }

    pub(crate) fn predecessor_cells(&self, slot: u32) -> &[u32] {
        &self.states[slot as usize].predecessors
    }

    /// The state of a slot, and what was last allowed there.
    pub(crate) fn known(&self, slot: u32) -> (S, Mask) {
        let known = &self.states[slot as usize];
        (known.state, known.mask)
    }

    pub(crate) fn slots(&self) -> std::ops::Range<u32> {
        0..u32::try_from(self.states.len()).unwrap_or(u32::MAX)
    }

    /// The cell of an action, if the model has it: the table may have more.
    pub(crate) fn cell_in(&self, slot: u32, action: ActionId) -> Option<u32> {
        (action.0 < self.actions).then(|| self.cell_at(slot, action))
    }

    /// The cell of an action that the model has.
    pub(crate) fn cell_at(&self, slot: u32, action: ActionId) -> u32 {
        slot * u32::from(self.actions) + u32::from(action.0)
    }

    /// The slot and the action of a cell.
    pub(crate) fn place(&self, cell: u32) -> (u32, ActionId) {
        let actions = u32::from(self.actions);
        let action = u16::try_from(cell % actions).unwrap_or_default();
        (cell / actions, ActionId(action))
    }

    /// A cell with outcomes, drawn evenly; nothing before the first.
    pub(crate) fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> Option<u32> {
        let amount = u32::try_from(self.seen.len()).unwrap_or(u32::MAX);
        self.seen.get(below(rng, amount) as usize).copied()
    }
}
