//! Learned room for load: trained on some seeds, chosen on others, frozen, and judged on further ones beside the rules.

use std::time::Duration;

use cloudlot_serverless::scale::learned::{Headroom, HeadroomConfig};
use cloudlot_serverless::scale::{Bill, Fixed, Scaler};

use super::loads::{LOADS, Load, MEMORY};
use super::rules::{ByThreshold, GIVEN, calibrated, hpa, kpa, predictive, threshold};
use super::statistics::{RUNS, dearer, spread};

/// Seeds to train on, to choose among what was learned, and to judge by. Rules are calibrated on the first of those to train on.
/// Settings were worked out with a block from 20,000 on in sight. The block to judge by was taken afterwards, once, and nothing was changed since.
const TRAINING: u64 = 100;
const CHOOSING: std::ops::Range<u64> = 10_000..10_000 + RUNS as u64;
const JUDGING: std::ops::Range<u64> = 60_000..60_000 + RUNS as u64;

type Learner = Headroom<ByThreshold>;

/// What acts after training: what was learned, or the rule where nothing learned was better for sure.
pub(crate) struct Chosen {
    learner: Learner,
    /// After how many seeds it was taken; nothing if the rule acts.
    after: Option<u64>,
}

impl Chosen {
    fn actor(&self, load: Load) -> Box<dyn Scaler> {
        let rule = threshold(calibrated(&load).0);
        match self.after {
            Some(_) => Box::new(self.learner.control(rule).unwrap()),
            None => Box::new(rule),
        }
    }
}

fn seconds(bill: &Bill) -> f64 {
    bill.total().as_secs_f64()
}

/// Trains on so many seeds. A few times on the way what was learned is frozen and tried on the seeds to choose by; the cheapest is taken
/// of those that are cheaper than the calibrated threshold for sure. Where there is none, the threshold stays.
fn train(load: Load, seeds: u64) -> Chosen {
    let of = calibrated(&load).0;
    let mut learner = Headroom::new(threshold(of), HeadroomConfig::new(MEMORY), 7).unwrap();
    let on_choosing = |scaler: &dyn Fn() -> Box<dyn Scaler>| -> Vec<f64> {
        CHOOSING
            .map(|seed| seconds(&load.scaled(seed, scaler()).0))
            .collect()
    };
    let rule = on_choosing(&|| Box::new(threshold(of)));
    let mut least = rule.iter().sum::<f64>();
    let mut chosen = Chosen {
        learner: learner.clone(),
        after: None,
    };
    for seed in 1..=seeds {
        learner.train(threshold(of));
        learner = load.scaled(TRAINING + seed, learner).1;
        if !seed.is_multiple_of((seeds / 10).max(10)) {
            continue;
        }
        let tried = on_choosing(&|| Box::new(learner.control(threshold(of)).unwrap()));
        let cost = tried.iter().sum::<f64>();
        if cost < least && dearer(&tried, &rule).upper() < 0.0 {
            least = cost;
            chosen = Chosen {
                learner: learner.clone(),
                after: Some(seed),
            };
        }
    }
    chosen
}

fn costs(run: impl Fn(u64) -> Bill) -> Vec<f64> {
    JUDGING.map(|seed| seconds(&run(seed))).collect()
}

/// The table of one load: every policy, its cost, and how much dearer it is than the calibrated threshold. The learned one comes first.
fn table(load: Load, chosen: &Chosen, all: bool) -> Vec<(&'static str, Vec<f64>)> {
    let (of, pool) = calibrated(&load);
    let kept = |window| costs(|seed| load.kept(seed, Duration::from_secs(window)));
    let by = |scaler: &dyn Fn() -> Box<dyn Scaler>| costs(|seed| load.scaled(seed, scaler()).0);
    let mut rows = vec![
        ("learned, frozen", by(&|| chosen.actor(load))),
        ("threshold, calibrated", by(&|| Box::new(threshold(of)))),
        ("fixed pool, calibrated", by(&|| Box::new(Fixed(pool)))),
        ("keep-alive 10 min", kept(600)),
    ];
    if all {
        rows.extend([
            ("threshold 0.8/0.3", by(&|| Box::new(threshold(GIVEN)))),
            ("keep-alive 1 min", kept(60)),
            ("KPA 50 %", by(&|| Box::new(kpa(50)))),
            ("HPA 50 %, 1 min", by(&|| Box::new(hpa(0.5, 4, 60)))),
            ("Holt-Winters P90", by(&|| Box::new(predictive(0.5)))),
        ]);
    }
    println!("{}: chosen after {:?} seeds", load.name, chosen.after);
    for (name, costs) in &rows {
        let by = dearer(costs, &rows[1].1);
        println!(
            "| {} | {name} | {:.0} | {:+.1} ± {:.1} |",
            load.name,
            spread(costs),
            100.0 * by.mean,
            100.0 * by.radius
        );
    }
    rows
}

/// The gate: no dearer than the calibrated threshold by more than 5 %.
fn gate(load: Load, rows: &[(&'static str, Vec<f64>)]) {
    let by = dearer(&rows[0].1, &rows[1].1);
    assert!(by.upper() <= 0.05, "{}: {by:?}", load.name);
}

/// A small run, with the gate, and cheaper than the ones named.
fn judge(load: Load, cheaper_than: &[&str]) {
    let rows = table(load, &train(load, 30), false);
    gate(load, &rows);
    let ours = &rows[0].1;
    for (name, theirs) in &rows[1..] {
        let by = dearer(ours, theirs);
        assert!(
            !cheaper_than.contains(name) || by.upper() < 0.0,
            "{} against {name}: {by:?}",
            load.name
        );
    }
}

#[test]
fn on_a_steady_load_the_gate_holds() {
    judge(LOADS[0], &["keep-alive 10 min"]);
}

#[test]
fn on_a_diurnal_load_it_is_cheaper_than_all_three() {
    let all = [
        "threshold, calibrated",
        "fixed pool, calibrated",
        "keep-alive 10 min",
    ];
    judge(LOADS[1], &all);
}

#[test]
fn on_a_bursty_load_it_is_cheaper_than_the_threshold() {
    judge(LOADS[2], &["threshold, calibrated"]);
}

#[test]
fn on_a_load_with_a_spike_it_is_cheaper_than_the_threshold() {
    judge(LOADS[3], &["threshold, calibrated"]);
}

#[test]
#[ignore = "the whole table: a minute or two"]
fn the_table_of_all_loads() {
    // All is printed before anything is judged: what fails is to be seen beside the rest.
    let tables = LOADS.map(|load| (load, table(load, &train(load, 200), true)));
    for (load, rows) in &tables {
        gate(*load, rows);
    }
}
