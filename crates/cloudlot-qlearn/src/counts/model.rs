//! A counted model as a given one, to be solved.

use super::Counts;
use crate::StateId;
use crate::exact::{Branch, Model, ModelError};

impl Counts<StateId> {
    /// The model as it was counted, of `states` states, with episodes that begin evenly in `start`.
    ///
    /// An action is legal where it was seen; a state without any is terminal. A model knows no
    /// durations: every step counts as one base interval.
    ///
    /// # Errors
    /// If a state that was seen is not among `states`, or the starts are no states with actions.
    ///
    /// ```
    /// # use cloudlot_qlearn::{ActionId, Counts, Limits, Mask, StateId, Transition};
    /// # use cloudlot_qlearn::exact::value_iteration;
    /// let mut counts = Counts::new(2, Limits::default())?;
    /// counts.observe(&Transition::new(StateId(0), ActionId(1), 3.0, StateId(0), Mask::all(2)));
    /// let model = counts.to_model(1, &[StateId(0)])?;
    /// assert_eq!(model.mask(StateId(0)), Mask::NONE.with(ActionId(1)));
    /// let solution = value_iteration(&model, 0.5, 1e-12, 1_000)?;
    /// assert!((solution.values[0] - 6.0).abs() < 1e-9);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn to_model(&self, states: u32, start: &[StateId]) -> Result<Model, ModelError> {
        let mut builder = Model::builder(states, self.actions);
        for (state, action) in self.pairs() {
            let total: u32 = self.outcomes(state, action).map(|tally| tally.count).sum();
            for tally in self.outcomes(state, action) {
                let branch = Branch {
                    probability: f64::from(tally.count) / f64::from(total),
                    next: tally.next,
                    reward: tally.reward,
                    terminated: tally.terminated,
                };
                builder.branch(state, action, branch);
            }
        }
        let acts: std::collections::BTreeSet<StateId> =
            self.pairs().map(|(state, _)| state).collect();
        for state in (0..states)
            .map(StateId)
            .filter(|state| !acts.contains(state))
        {
            builder.terminal(state);
        }
        let share = u32::try_from(start.len()).map_or(0.0, |count| 1.0 / f64::from(count));
        for state in start {
            builder.start(*state, share);
        }
        builder.build()
    }
}
