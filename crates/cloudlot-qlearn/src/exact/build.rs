//! Building a model, and what is refused.

use std::collections::BTreeMap;

use thiserror::Error;

use super::{Branch, Model};
use crate::{ACTIONS_MAX, ActionId, Mask, StateId, Transition};

/// Why something is not a model.
#[derive(Clone, Copy, PartialEq, Debug, Error)]
#[non_exhaustive]
pub enum ModelError {
    /// No action, or more than a mask can hold.
    #[error("a model has 1 to {ACTIONS_MAX} actions, not {actions}")]
    Actions {
        /// How many were asked for.
        actions: usize,
    },
    /// No state, or more than tables may have.
    #[error(
        "{states} states of {actions} actions: a model has 1 to {} cells",
        Model::CELLS_MAX
    )]
    States {
        /// How many were asked for.
        states: usize,
        /// How many actions each has.
        actions: usize,
    },
    /// A state that the model does not have.
    #[error("state {state} is not among {states}")]
    NoSuchState {
        /// The state named.
        state: u32,
        /// How many there are.
        states: usize,
    },
    /// An action that the model does not have.
    #[error("action {action} in state {state} is not among {actions}")]
    NoSuchAction {
        /// Where.
        state: u32,
        /// The action named.
        action: u16,
        /// How many there are.
        actions: usize,
    },
    /// A branch into nowhere.
    #[error("action {action} in state {state}: next state {next} is not among {states}")]
    Next {
        /// Where.
        state: u32,
        /// Which action.
        action: u16,
        /// Where it leads.
        next: u32,
        /// How many states there are.
        states: usize,
    },
    /// A probability outside 0 to 1, or none at all.
    #[error("action {action} in state {state}: {probability} is not a probability")]
    Probability {
        /// Where.
        state: u32,
        /// Which action.
        action: u16,
        /// The number given.
        probability: f64,
    },
    /// Probabilities that are not those of one action.
    #[error("action {action} in state {state}: probabilities sum to {sum}, not 1")]
    Sum {
        /// Where.
        state: u32,
        /// Which action.
        action: u16,
        /// What they sum to.
        sum: f64,
    },
    /// A reward that is not finite, or too large to be summed.
    #[error(
        "action {action} in state {state}: reward {reward} is not a number up to {:e} in size",
        Transition::<StateId>::REWARD_MAX
    )]
    Reward {
        /// Where.
        state: u32,
        /// Which action.
        action: u16,
        /// The number given.
        reward: f64,
    },
    /// A state that is not terminal but has nothing to do.
    #[error("state {state} has no action and is not terminal")]
    NoAction {
        /// Which.
        state: u32,
    },
    /// An episode would begin where it ends.
    #[error("episodes begin in state {state}, which is terminal")]
    StartTerminal {
        /// Where.
        state: u32,
    },
    /// A probability of a start outside 0 to 1, or none at all.
    #[error("start in state {state}: {probability} is not a probability")]
    StartProbability {
        /// Where.
        state: u32,
        /// The number given.
        probability: f64,
    },
    /// Starts that are not a distribution; 0 where there is no start.
    #[error("probabilities of starts sum to {sum}, not 1")]
    StartSum {
        /// What they sum to.
        sum: f64,
    },
    /// Not one mask for each state.
    #[error("{masks} masks for {states} states")]
    Masks {
        /// How many masks were given.
        masks: usize,
        /// How many states there are.
        states: usize,
    },
}

/// A [`Model`] in the making; nothing is checked before [`ModelBuilder::build`].
///
/// ```
/// # use cloudlot_qlearn::{ActionId, StateId, exact::{Model, ModelError}};
/// let mut builder = Model::builder(2, 1);
/// builder.goes(StateId(0), ActionId(0), 1.0, StateId(1), -1.0).start(StateId(0), 1.0);
/// assert_eq!(builder.build(), Err(ModelError::NoAction { state: 1 }));
/// assert!(builder.terminal(StateId(1)).build().is_ok());
/// ```
#[derive(Clone, Debug)]
pub struct ModelBuilder {
    states: u32,
    actions: u16,
    rows: BTreeMap<(u32, u16), Vec<Branch>>,
    terminal: Vec<StateId>,
    start: BTreeMap<u32, f64>,
}

impl ModelBuilder {
    pub(super) fn new(states: u32, actions: u16) -> Self {
        Self {
            states,
            actions,
            rows: BTreeMap::new(),
            terminal: Vec::new(),
            start: BTreeMap::new(),
        }
    }

    /// Adds a branch: with this probability `action` leads to `next`, and the episode goes on.
    pub fn goes(
        &mut self,
        state: StateId,
        action: ActionId,
        probability: f64,
        next: StateId,
        reward: f64,
    ) -> &mut Self {
        let terminated = false;
        self.branch(
            state,
            action,
            Branch {
                probability,
                next,
                reward,
                terminated,
            },
        )
    }

    /// Adds a branch: with this probability `action` leads to `next`, and the episode is over.
    pub fn ends(
        &mut self,
        state: StateId,
        action: ActionId,
        probability: f64,
        next: StateId,
        reward: f64,
    ) -> &mut Self {
        let terminated = true;
        self.branch(
            state,
            action,
            Branch {
                probability,
                next,
                reward,
                terminated,
            },
        )
    }

    /// Adds a branch of an action.
    pub fn branch(&mut self, state: StateId, action: ActionId, branch: Branch) -> &mut Self {
        self.rows
            .entry((state.0, action.0))
            .or_default()
            .push(branch);
        self
    }

    /// Nothing comes after this state; what its actions would do is not looked at.
    pub fn terminal(&mut self, state: StateId) -> &mut Self {
        self.terminal.push(state);
        self
    }

    /// With this probability an episode begins in `state`; the last word counts.
    pub fn start(&mut self, state: StateId, probability: f64) -> &mut Self {
        self.start.insert(state.0, probability);
        self
    }

    /// Checks everything and gives the model. Branches without any probability are left out.
    ///
    /// # Errors
    ///
    /// The first thing that is not right, in the order of states and actions.
    pub fn build(&self) -> Result<Model, ModelError> {
        let (states, actions) = self.shape()?;
        let mut model = Model {
            actions,
            first: Vec::with_capacity(states * actions + 1),
            branches: Vec::new(),
            masks: vec![Mask::NONE; states],
            terminal: vec![false; states],
            start: Vec::new(),
        };
        for state in &self.terminal {
            *model
                .terminal
                .get_mut(state.index())
                .ok_or(ModelError::NoSuchState {
                    state: state.0,
                    states,
                })? = true;
        }
        self.check_rows(&model)?;
        for state in model.state_ids() {
            self.fill(&mut model, state)?;
        }
        model.first.push(model.branches.len());
        model.start = self.starts(&model)?;
        Ok(model)
    }

    fn shape(&self) -> Result<(usize, usize), ModelError> {
        let (states, actions) = (StateId(self.states).index(), usize::from(self.actions));
        if actions == 0 || actions > ACTIONS_MAX {
            return Err(ModelError::Actions { actions });
        }
        if states == 0 || states > Model::CELLS_MAX / actions {
            return Err(ModelError::States { states, actions });
        }
        Ok((states, actions))
    }

    fn check_rows(&self, model: &Model) -> Result<(), ModelError> {
        let (states, actions) = (model.states(), model.actions());
        for ((state, action), row) in &self.rows {
            let (state, action) = (*state, *action);
            let Some(terminal) = model.terminal.get(StateId(state).index()) else {
                return Err(ModelError::NoSuchState { state, states });
            };
            if usize::from(action) >= actions {
                return Err(ModelError::NoSuchAction {
                    state,
                    action,
                    actions,
                });
            }
            if !terminal {
                check_row(state, action, row, states)?;
            }
        }
        Ok(())
    }

    /// Appends the cells of one state.
    fn fill(&self, model: &mut Model, state: StateId) -> Result<(), ModelError> {
        let terminal = model.terminal[state.index()];
        let mut mask = Mask::NONE;
        for action in (0..self.actions).map(ActionId) {
            model.first.push(model.branches.len());
            let row = self.rows.get(&(state.0, action.0)).filter(|_| !terminal);
            for branch in row.into_iter().flatten().filter(|b| b.probability > 0.0) {
                model.branches.push(Branch {
                    terminated: branch.terminated || model.terminal[branch.next.index()],
                    ..*branch
                });
                mask = mask.with(action);
            }
        }
        model.masks[state.index()] = mask;
        if mask.is_empty() && !terminal {
            return Err(ModelError::NoAction { state: state.0 });
        }
        Ok(())
    }

    fn starts(&self, model: &Model) -> Result<Vec<(StateId, f64)>, ModelError> {
        let states = model.states();
        let mut starts = Vec::new();
        for (&state, &probability) in &self.start {
            let Some(&terminal) = model.terminal.get(StateId(state).index()) else {
                return Err(ModelError::NoSuchState { state, states });
            };
            if !is_probability(probability) {
                return Err(ModelError::StartProbability { state, probability });
            }
            if probability > 0.0 {
                if terminal {
                    return Err(ModelError::StartTerminal { state });
                }
                starts.push((StateId(state), probability));
            }
        }
        // A sum from -0.0 would be shown with its sign where there is nothing to sum.
        let sum = starts
            .iter()
            .fold(0.0, |sum, (_, probability)| sum + probability);
        if !is_one(sum) {
            return Err(ModelError::StartSum { sum });
        }
        Ok(starts)
    }
}

fn check_row(state: u32, action: u16, row: &[Branch], states: usize) -> Result<(), ModelError> {
    let mut sum = 0.0;
    for branch in row {
        let (next, probability, reward) = (branch.next, branch.probability, branch.reward);
        if !is_probability(probability) {
            return Err(ModelError::Probability {
                state,
                action,
                probability,
            });
        }
        if next.index() >= states {
            let next = next.0;
            return Err(ModelError::Next {
                state,
                action,
                next,
                states,
            });
        }
        if !reward.is_finite() || reward.abs() > Transition::<StateId>::REWARD_MAX {
            return Err(ModelError::Reward {
                state,
                action,
                reward,
            });
        }
        sum += probability;
    }
    if row.is_empty() || is_one(sum) {
        Ok(())
    } else {
        Err(ModelError::Sum { state, action, sum })
    }
}

fn is_probability(number: f64) -> bool {
    (0.0..=1.0 + Model::SUM_TOLERANCE).contains(&number)
}

fn is_one(sum: f64) -> bool {
    (sum - 1.0).abs() <= Model::SUM_TOLERANCE
}
