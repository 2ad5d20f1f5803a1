//! How a row is looked at, by learners and by the policies that they publish.

use super::Refused;
use crate::explore::Row;
use crate::values::Values;
use crate::{ACTIONS_MAX, Mask};

/// Shows a row with those actions that are allowed and among `all`, which the tables have.
#[inline]
pub(crate) fn look_at<V: Values, T>(
    values: &V,
    twin: Option<&V>,
    all: Mask,
    state: V::State,
    mask: Mask,
    look: impl FnOnce(Row<'_>) -> T,
) -> Result<T, Refused> {
    if !values.contains(state) {
        return Err(Refused::State);
    }
    let mask = mask.and(all);
    if mask.is_empty() {
        return Err(Refused::NoAction);
    }
    let Some(twin) = twin else {
        return Ok(values.with_row(state, |values, visits| {
            look(Row {
                values,
                visits,
                mask,
            })
        }));
    };
    // Double Q-learning acts on the mean of its tables.
    let mut mean = [0.0; ACTIONS_MAX];
    let mut counts = [0; ACTIONS_MAX];
    let actions = values.actions();
    values.with_row(state, |a, a_visits| {
        twin.with_row(state, |b, b_visits| {
            for action in 0..actions {
                mean[action] = 0.5 * a[action] + 0.5 * b[action];
                counts[action] = a_visits[action].saturating_add(b_visits[action]);
            }
        });
    });
    Ok(look(Row {
        values: &mean[..actions],
        visits: &counts[..actions],
        mask,
    }))
}
