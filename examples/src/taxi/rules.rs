//! The policy for one passenger, as a map and as rules in words.

use super::world::{SIDE, Situation, Slice, name};
use cloudlot_qlearn::export::{PolicyRule, PolicyRules};
use cloudlot_qlearn::{ActionId, Axis, Discretiser, StateId};
use serde::Serialize;

/// What to do in each cell of the grid.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(super) struct Sheet {
    /// Which passenger.
    pub(super) slice: String,
    /// The grid from north to south: an arrow, `P` for pickup, `D` for dropoff, `.` at the end.
    pub(super) map: Vec<String>,
    /// The same in words; every cell is covered by one.
    pub(super) rules: Vec<String>,
}

impl Sheet {
    /// `best` gives nothing where the ride is over.
    pub(super) fn of(slice: Slice, best: impl Fn(StateId) -> Option<ActionId>) -> Self {
        let at = |row, column| {
            best(
                Situation {
                    row,
                    column,
                    passenger: slice.passenger,
                    destination: slice.destination,
                }
                .state(),
            )
        };
        let sign = |action: Option<ActionId>| action.map_or('.', sign);
        let line = |row| (0..SIDE).map(|column| sign(at(row, column))).collect();
        let rules = PolicyRules::of(&grid(), |cell| at(cell.0 / SIDE, cell.0 % SIDE));
        Self {
            slice: slice.to_string(),
            map: (0..SIDE).map(line).collect(),
            rules: rules.rules().iter().map(words).collect(),
        }
    }
}

const fn sign(action: ActionId) -> char {
    match action.0 {
        0 => 'v',
        1 => '^',
        2 => '>',
        3 => '<',
        4 => 'P',
        _ => 'D',
    }
}

/// The cells of the grid, by row and column.
fn grid() -> Discretiser {
    let axis = |name| Axis::linear(name, "1", 0.0, f64::from(SIDE), SIDE);
    let axes = [axis("row"), axis("column")];
    let axes = axes.map(|axis| axis.expect("rows and columns are bins"));
    Discretiser::new(axes.into()).expect("two axes span a grid")
}

/// A rule over whole rows and columns, both ends included.
fn words(rule: &PolicyRule) -> String {
    let mut parts = Vec::new();
    for (axis, &(first, last)) in ["row", "column"].iter().zip(&rule.bins) {
        match (first, last) {
            (0, last) if last + 1 == SIDE => {}
            (first, last) if first == last => parts.push(format!("{axis} {first}")),
            (first, last) => parts.push(format!("{axis}s {first} to {last}")),
        }
    }
    let place = if parts.is_empty() {
        "everywhere".to_owned()
    } else {
        parts.join(", ")
    };
    let action = rule
        .action
        .map_or_else(|| "the ride is over".to_owned(), name);
    format!("{place}: {action}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_cover_whole_rows_and_columns() {
        let slice: Slice = "taxi:R".parse().unwrap();
        let best = |state| {
            let now = Situation::of(state)?;
            Some(ActionId(if now.row < 2 {
                0
            } else if now.column == 0 {
                5
            } else {
                3
            }))
        };
        let sheet = Sheet::of(slice, best);
        assert_eq!(sheet.map, ["vvvvv", "vvvvv", "D<<<<", "D<<<<", "D<<<<"]);
        assert_eq!(
            sheet.rules,
            [
                "rows 0 to 1: south",
                "rows 2 to 4, column 0: dropoff",
                "rows 2 to 4, columns 1 to 4: west",
            ]
        );
        let never = Sheet::of(slice, |_| None);
        assert_eq!(never.rules, ["everywhere: the ride is over"]);
    }
}
