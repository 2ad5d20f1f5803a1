//! The greedy policy as a table.

use std::io::{self, Write};

use serde::{Deserialize, Serialize};

use super::csv::line;
use crate::values::Values;
use crate::{ActionId, Learner, Mask, Refused, StateId};

/// What is best in one state.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct PolicyRow<S = StateId> {
    /// The state.
    pub state: S,
    /// The best allowed action, the lowest of equals.
    pub action: ActionId,
    /// What it is worth.
    pub value: f64,
    /// By how much it exceeds the second best; nothing where it is the only one.
    pub gap: Option<f64>,
    /// How often it was learned from.
    pub visits: u32,
}

/// What is best in each of `states`, under the mask of each. States where nothing is allowed are left
/// out.
///
/// # Errors
/// If a state is unknown.
pub fn policy_rows<V: Values>(
    learner: &Learner<V>,
    states: impl IntoIterator<Item = V::State>,
    mask: impl Fn(V::State) -> Mask,
) -> Result<Vec<PolicyRow<V::State>>, Refused> {
    let mut rows = Vec::new();
    for state in states {
        let explained = match learner.explain(state, mask(state)) {
            Err(Refused::NoAction) => continue,
            explained => explained?,
        };
        let best = explained.candidates[explained.best.index()];
        rows.push(PolicyRow {
            state,
            action: best.action,
            value: best.value,
            gap: explained.gap,
            visits: best.visits,
        });
    }
    Ok(rows)
}

/// Writes a policy as comma-separated values: `state,action,value,gap,visits`, with names for states and
/// actions.
///
/// ```
/// # use cloudlot_qlearn::export::{policy_rows, write_policy};
/// # use cloudlot_qlearn::*;
/// let learner = Learner::new(Dense::new(2, 2, 0.5)?, Config::default())?;
/// let rows = policy_rows(&learner, (0..2).map(StateId), |_| Mask::all(2))?;
/// let mut text = Vec::new();
/// let names = ["grow", "hold"];
/// write_policy(&mut text, &rows, |s| format!("queue {}", s.0), |a| names[a.index()].to_owned())?;
/// let text = String::from_utf8(text)?;
/// assert!(text.starts_with("state,action,value,gap,visits\nqueue 0,grow,0.5,0,0\n"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// If the writer fails.
pub fn write_policy<S: Copy>(
    to: &mut impl Write,
    rows: &[PolicyRow<S>],
    describe: impl Fn(S) -> String,
    name: impl Fn(ActionId) -> String,
) -> io::Result<()> {
    line(to, ["state", "action", "value", "gap", "visits"])?;
    for row in rows {
        let gap = row.gap.map(|gap| gap.to_string()).unwrap_or_default();
        line(
            to,
            [
                describe(row.state),
                name(row.action),
                row.value.to_string(),
                gap,
                row.visits.to_string(),
            ],
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Config, Dense};

    #[test]
    fn the_table_is_the_greedy_policy() {
        let mut table = Dense::new(3, 4, 0.0).unwrap();
        for (state, action, value) in [(0, 2, 1.0), (1, 3, 0.5), (2, 0, -1.0)] {
            table.add(StateId(state), ActionId(action), value);
        }
        let learner = Learner::new(table, Config::default()).unwrap();
        let mask = |state: StateId| match state.0 {
            1 => Mask::from_bits(0b1000),
            2 => Mask::NONE,
            _ => Mask::all(4),
        };
        let rows = policy_rows(&learner, (0..3).map(StateId), mask).unwrap();
        let told: Vec<_> = rows
            .iter()
            .map(|row| (row.state.0, row.action.0, row.value, row.gap))
            .collect();
        assert_eq!(told, [(0, 2, 1.0, Some(1.0)), (1, 3, 0.5, None)]);
        let unknown = policy_rows(&learner, [StateId(3)], |_| Mask::all(4));
        assert_eq!(unknown, Err(Refused::State));
    }
}
