//! The exact figures against an independent solution, and the simulated days against the exact figures.

use cloudlot_qlearn::{StateId, stream};

use super::learner::step;
use super::pattern::{PATTERNS, Pattern};
use super::rules::cost;
use super::service::{DAY, Service};
use super::table::read;

/// The least costs by policy iteration in numpy, from a transition function written separately.
const OPTIMAL_COSTS: [(&str, f64); 4] = [
    ("steady", 3.230_473_880),
    ("diurnal", 3.240_331_735),
    ("bursty", 3.451_777_955),
    ("flash", 2.240_937_073),
];

#[test]
fn states_are_numbered_without_gaps() {
    let states = Service::all();
    assert!(states.len() <= 500);
    for (number, state) in (0..).zip(&states) {
        assert_eq!(state.id(), StateId(number));
        assert!(!state.mask().is_empty());
    }
}

#[test]
fn the_optimum_is_that_of_an_independent_solution() {
    for (pattern, (name, expected)) in PATTERNS.iter().zip(OPTIMAL_COSTS) {
        let (told, model) = read(pattern);
        assert_eq!(pattern.name, name);
        assert!((told.optimal_cost - expected).abs() < 1e-7, "{name}");
        assert!((cost(&model, &told.optimal_actions) - expected).abs() < 1e-7);
    }
}

#[test]
fn no_rule_is_better_than_the_optimum_and_the_calibrated_one_is_no_straw_man() {
    for pattern in &PATTERNS {
        let (told, model) = read(pattern);
        for priced in [told.threshold, told.hpa, told.fixed] {
            let again = cost(&model, &priced.rule.actions(pattern));
            assert!((again - priced.cost).abs() < 1e-8);
            assert!(again > told.optimal_cost);
        }
        assert!(told.threshold.cost < 1.05 * told.optimal_cost);
        assert!(told.fixed.cost > told.threshold.cost);
    }
}

#[test]
fn simulated_days_cost_what_exact_evaluation_says() {
    for pattern in &PATTERNS {
        let (told, _) = read(pattern);
        let mut chance = stream(1, 0);
        let mut service = Pattern::START;
        let mut total = 0.0;
        let days = 200;
        for _ in 0..days * DAY {
            let action = told.threshold.rule.action(pattern, service);
            let (next, cost) = step(pattern, service, action, &mut chance);
            service = next;
            total += cost;
        }
        let mean = total / f64::from(days * DAY);
        let off = mean / told.threshold.cost - 1.0;
        assert!(off.abs() < 0.015, "{}: {off}", pattern.name);
    }
}
