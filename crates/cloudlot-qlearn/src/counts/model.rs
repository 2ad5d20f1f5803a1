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
            // Counts out of a file may be more together than a count can be.
            let counts = self.outcomes(state, action).map(|tally| tally.count);
            let total: f64 = counts.map(f64::from).sum();
            for tally in self.outcomes(state, action) {
                let branch = Branch {
                    probability: f64::from(tally.count) / total,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ActionId;

    #[test]
    fn counts_that_are_too_many_for_a_count_make_a_model() {
        let most = u32::MAX;
        let outcome = |next: u32| {
            let count = most - 1;
            format!(r#"{{"next":{next},"terminated":false,"count":{count},"reward":1.0,"dt":1.0}}"#)
        };
        let text = format!(
            r#"{{"limits":{{"states":2,"outcomes":2,"horizon":{most}}},"actions":1,
                "states":[[0,1],[1,1]],
                "pairs":[{{"state":0,"action":0,"outcomes":[{},{}]}}]}}"#,
            outcome(0),
            outcome(1)
        );
        let counts: Counts = serde_json::from_str(&text).unwrap();
        let model = counts.to_model(2, &[StateId(0)]).unwrap();
        let branches = model.branches(StateId(0), ActionId(0));
        assert!(branches.iter().all(|branch| branch.probability == 0.5));
    }
}
