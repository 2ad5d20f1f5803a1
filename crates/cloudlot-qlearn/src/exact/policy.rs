//! Policies as tables of probabilities, and the best actions of rows of values.

use ndarray::{Array2, ArrayView1, ArrayView2};

use super::{Model, PolicyError};
use crate::{ActionId, Mask, StateId};

/// What is done in each state of a model, and how likely.
#[derive(Clone, PartialEq, Debug)]
pub struct Policy {
    probabilities: Array2<f64>,
}

impl Policy {
    /// The policy with these probabilities: a row for each state, a column for each action. Rows of
    /// terminal states are not looked at.
    ///
    /// ```
    /// # use cloudlot_qlearn::{ActionId, StateId, exact::{Model, Policy}};
    /// # let model = Model::builder(1, 2)
    /// #     .ends(StateId(0), ActionId(0), 1.0, StateId(0), 0.0)
    /// #     .ends(StateId(0), ActionId(1), 1.0, StateId(0), 0.0)
    /// #     .start(StateId(0), 1.0)
    /// #     .build()?;
    /// assert!(Policy::stochastic(&model, ndarray::array![[0.25, 0.75]]).is_ok());
    /// assert!(Policy::stochastic(&model, ndarray::array![[0.25, 0.25]]).is_err());
    /// # Ok::<(), cloudlot_qlearn::exact::ModelError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Another shape than the model's, a number that is no probability, an action that is not legal,
    /// or a state whose probabilities do not sum to 1.
    pub fn stochastic(model: &Model, probabilities: Array2<f64>) -> Result<Self, PolicyError> {
        let policy = Self { probabilities };
        policy.check(model)?;
        Ok(policy)
    }

    /// The policy that does one action in each state. What it says of terminal states is not looked
    /// at.
    ///
    /// # Errors
    ///
    /// Not one action for each state, or one that is not legal there.
    pub fn deterministic(model: &Model, actions: &[ActionId]) -> Result<Self, PolicyError> {
        Self::soft(model, actions, 0.0)
    }

    /// Does one action in each state, but with probability `epsilon` any legal one.
    pub(super) fn soft(
        model: &Model,
        actions: &[ActionId],
        epsilon: f64,
    ) -> Result<Self, PolicyError> {
        check_shape(model, actions.len(), model.actions())?;
        let mut policy = Self::nothing(model);
        for (state, action) in live(model).map(|state| (state, actions[state.index()])) {
            if !model.mask(state).allows(action) {
                let (state, action) = (state.0, action.0);
                return Err(PolicyError::Illegal { state, action });
            }
            policy.spread(state, model.mask(state), epsilon);
            policy.probabilities[[state.index(), action.index()]] += 1.0 - epsilon;
        }
        Ok(policy)
    }

    /// The policy that draws from all legal actions alike.
    #[must_use]
    pub fn uniform(model: &Model) -> Self {
        let mut policy = Self::nothing(model);
        for state in live(model) {
            policy.spread(state, model.mask(state), 1.0);
        }
        policy
    }

    /// The policy that does the legal action of the highest value, of equals the lowest.
    ///
    /// With a discount of 1 this need not be a good policy even for exact values: among equals it
    /// may pick one that leads nowhere, for ever.
    ///
    /// # Errors
    ///
    /// A table of another shape than the model's, or a state whose legal actions have no value.
    pub fn greedy<'a>(
        model: &Model,
        q: impl Into<ArrayView2<'a, f64>>,
    ) -> Result<Self, PolicyError> {
        Self::epsilon_greedy(model, q, 0.0)
    }

    /// The policy that is greedy, but with probability `epsilon` draws from all legal actions alike.
    ///
    /// # Errors
    ///
    /// A table of another shape than the model's, a state whose legal actions have no value, or an
    /// `epsilon` outside 0 to 1.
    pub fn epsilon_greedy<'a>(
        model: &Model,
        q: impl Into<ArrayView2<'a, f64>>,
        epsilon: f64,
    ) -> Result<Self, PolicyError> {
        let q = q.into();
        check_shape(model, q.nrows(), q.ncols())?;
        if !(0.0..=1.0).contains(&epsilon) {
            return Err(PolicyError::Epsilon { epsilon });
        }
        let mut actions = vec![ActionId::default(); model.states()];
        for state in live(model) {
            actions[state.index()] = greedy(q.row(state.index()), model.mask(state))
                .ok_or(PolicyError::NoValue { state: state.0 })?;
        }
        Self::soft(model, &actions, epsilon)
    }

    /// The probabilities: a row for each state, a column for each action; zeros where the state is
    /// terminal.
    #[must_use]
    pub fn probabilities(&self) -> ArrayView2<'_, f64> {
        self.probabilities.view()
    }

    /// Whether this is a policy of `model`.
    pub(super) fn check(&self, model: &Model) -> Result<(), PolicyError> {
        check_shape(
            model,
            self.probabilities.nrows(),
            self.probabilities.ncols(),
        )?;
        for state in live(model) {
            let mask = model.mask(state);
            let mut sum = 0.0;
            for (action, &probability) in (0..)
                .map(ActionId)
                .zip(self.probabilities.row(state.index()))
            {
                if !(0.0..=1.0 + Model::SUM_TOLERANCE).contains(&probability) {
                    let (state, action) = (state.0, action.0);
                    return Err(PolicyError::Probability {
                        state,
                        action,
                        probability,
                    });
                }
                if probability > 0.0 && !mask.allows(action) {
                    let (state, action) = (state.0, action.0);
                    return Err(PolicyError::Illegal { state, action });
                }
                sum += probability;
            }
            if (sum - 1.0).abs() > Model::SUM_TOLERANCE {
                return Err(PolicyError::Sum {
                    state: state.0,
                    sum,
                });
            }
        }
        Ok(())
    }

    fn nothing(model: &Model) -> Self {
        Self {
            probabilities: Array2::zeros((model.states(), model.actions())),
        }
    }

    fn spread(&mut self, state: StateId, mask: Mask, share: f64) {
        for action in mask.iter() {
            self.probabilities[[state.index(), action.index()]] += share / f64::from(mask.len());
        }
    }
}

/// The allowed action of the highest value, of equals the lowest; none where no value is a number.
///
/// ```
/// # use cloudlot_qlearn::{ActionId, Mask, exact::greedy};
/// let row = [1.0, 3.0, 3.0, 7.0];
/// assert_eq!(greedy(&row, Mask::all(4)), Some(ActionId(3)));
/// assert_eq!(greedy(&row, Mask::all(3)), Some(ActionId(1)));
/// assert_eq!(greedy(&row, Mask::NONE), None);
/// ```
#[must_use]
pub fn greedy<'a>(row: impl Into<ArrayView1<'a, f64>>, mask: Mask) -> Option<ActionId> {
    let mut best: Option<(ActionId, f64)> = None;
    for (action, &value) in (0..).map(ActionId).zip(row.into()) {
        let better = best.is_none_or(|(_, highest)| value > highest);
        if mask.allows(action) && better && !value.is_nan() {
            best = Some((action, value));
        }
    }
    best.map(|(action, _)| action)
}

/// All actions whose value is at most `within` below the highest of the row.
///
/// ```
/// # use cloudlot_qlearn::{ActionId, Mask, exact::best_actions};
/// let row = [2.0, 1.0, 2.0 - 1e-12, f64::NEG_INFINITY];
/// assert_eq!(best_actions(&row, 1e-9), Mask::NONE.with(ActionId(0)).with(ActionId(2)));
/// ```
#[must_use]
pub fn best_actions<'a>(row: impl Into<ArrayView1<'a, f64>>, within: f64) -> Mask {
    let row = row.into();
    let highest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let best = (0..)
        .map(ActionId)
        .zip(row)
        .filter(|(_, value)| **value >= highest - within);
    best.fold(Mask::NONE, |mask, (action, _)| mask.with(action))
}

/// The states in which something is done.
fn live(model: &Model) -> impl Iterator<Item = StateId> + use<'_> {
    model.state_ids().filter(|state| !model.is_terminal(*state))
}

fn check_shape(model: &Model, rows: usize, columns: usize) -> Result<(), PolicyError> {
    let (states, actions) = (model.states(), model.actions());
    if (rows, columns) == (states, actions) {
        return Ok(());
    }
    Err(PolicyError::Shape {
        rows,
        columns,
        states,
        actions,
    })
}
