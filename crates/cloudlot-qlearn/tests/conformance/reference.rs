//! The ground-truth files, read.

use cloudlot_qlearn::{ActionId, Dense, End, Half, Mask, StateId, Transition};
use serde_json::Value;

/// A ground-truth file, whole.
pub(crate) fn read(name: &str) -> Value {
    let path = format!("{}/tests/data/{name}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// The log of the update rules, each step with the half that a coin chose.
pub(crate) fn log(file: &Value) -> Vec<(Transition, Half)> {
    file["transitions"]
        .as_array()
        .unwrap()
        .iter()
        .map(logged)
        .collect()
}

fn logged(row: &Value) -> (Transition, Half) {
    let step = Transition {
        end: match (flag(&row[4]), flag(&row[5])) {
            (true, _) => End::Terminated,
            (false, true) => End::Truncated,
            (false, false) => End::Running,
        },
        next_action: Some(action(&row[6])),
        ..Transition::new(
            state(&row[0]),
            action(&row[1]),
            number(&row[2]),
            state(&row[3]),
            Mask::all(3),
        )
    };
    let half = if row[7] == 0 { Half::A } else { Half::B };
    (step, half)
}

fn flag(value: &Value) -> bool {
    value.as_bool().unwrap()
}

fn state(value: &Value) -> StateId {
    StateId(u32::try_from(value.as_u64().unwrap()).unwrap())
}

fn action(value: &Value) -> ActionId {
    ActionId(u16::try_from(value.as_u64().unwrap()).unwrap())
}

/// A number; the files write infinity as a word, and nothing where there is no number.
pub(crate) fn number(value: &Value) -> f64 {
    match value {
        Value::Null => f64::NEG_INFINITY,
        Value::String(word) if word == "inf" => f64::INFINITY,
        value => value.as_f64().unwrap(),
    }
}

/// A list of numbers.
pub(crate) fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(number).collect()
}

/// The largest difference between a table and the rows of a file.
pub(crate) fn distance(table: &Dense, rows: &Value) -> f64 {
    let expected: Vec<_> = rows.as_array().unwrap().iter().flat_map(numbers).collect();
    assert_eq!(table.view().len(), expected.len());
    table
        .view()
        .iter()
        .zip(expected)
        .map(|(ours, theirs)| (ours - theirs).abs())
        .fold(0.0, f64::max)
}
