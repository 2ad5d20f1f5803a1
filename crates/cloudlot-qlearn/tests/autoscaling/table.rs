//! The tables as files: written from the service and the patterns, read like any other model.

use std::path::PathBuf;

use cloudlot_qlearn::ActionId;
use cloudlot_qlearn::exact::{Model, ModelFile, optimal_average};
use serde::{Deserialize, Serialize};

use super::pattern::{PATTERNS, Pattern};
use super::rules::{Rule, calibrate};
use super::service::{CHANGES, DAY, PHASES};

/// What a file says beside the model itself.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) struct Told {
    env_id: String,
    decisions_per_day: u32,
    phase_rates: [u32; PHASES],
    replica_changes: [i32; 4],
    /// The least cost of an interval in the long run.
    pub(crate) optimal_cost: f64,
    /// What earns it, by state.
    pub(crate) optimal_actions: Vec<ActionId>,
    /// The cheapest rules of each kind.
    pub(crate) threshold: Priced,
    pub(crate) hpa: Priced,
    pub(crate) fixed: Priced,
}

/// A rule, and what an interval costs under it in the long run.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) struct Priced {
    pub(crate) rule: Rule,
    pub(crate) cost: f64,
}

/// A file as it is written: what it tells, then the model.
#[derive(Serialize)]
struct Table {
    #[serde(flatten)]
    told: Told,
    #[serde(rename = "P_format")]
    format: &'static str,
    #[serde(flatten)]
    model: ModelFile,
}

/// The text of a pattern's file, worked out anew: two runs give the same bytes.
fn text(pattern: &Pattern) -> String {
    let model = pattern.model();
    let best = optimal_average(&model, 1e-9, 200_000).unwrap();
    let priced = |rules: &[Rule]| {
        let (rule, cost) = calibrate(pattern, &model, rules);
        let cost = round(cost);
        Priced { rule, cost }
    };
    let told = Told {
        env_id: format!("Autoscaling-{}", pattern.name),
        decisions_per_day: DAY,
        phase_rates: pattern.rates,
        replica_changes: CHANGES,
        optimal_cost: round(-best.average),
        optimal_actions: best.actions,
        threshold: priced(&Rule::thresholds()),
        hpa: priced(&Rule::hpas()),
        fixed: priced(&Rule::pools()),
    };
    let table = Table {
        told,
        format: "P[s][a] = list of [probability, next_state, reward, terminated]",
        model: ModelFile::from(model),
    };
    serde_json::to_string(&table).unwrap() + "\n"
}

/// Nine decimals: fewer than the solver's own error touches.
fn round(value: f64) -> f64 {
    (value * 1e9).round() / 1e9
}

fn path(pattern: &Pattern) -> PathBuf {
    let data = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data");
    PathBuf::from(data).join(format!("autoscaling_{}.json", pattern.name))
}

/// What the file of a pattern says, and its model.
pub(crate) fn read(pattern: &Pattern) -> (Told, Model) {
    let text = std::fs::read_to_string(path(pattern)).unwrap();
    let file: ModelFile = serde_json::from_str(&text).unwrap();
    let told = serde_json::from_str(&text).unwrap();
    (told, Model::try_from(file).unwrap())
}

#[test]
#[ignore = "writes the files; run it after a change of the service, a pattern or a grid"]
fn write_the_tables() {
    for pattern in &PATTERNS {
        std::fs::write(path(pattern), text(pattern)).unwrap();
    }
}

#[test]
fn the_tables_are_what_the_service_gives() {
    for pattern in &PATTERNS {
        let stored = std::fs::read_to_string(path(pattern)).unwrap();
        assert!(stored == text(pattern), "{} differs", pattern.name);
    }
}
