//! What is learned in a simulator, judged exactly.

use super::learner::train;
use super::pattern::PATTERNS;
use super::rules::cost;
use super::spread::{SEEDS, spread};
use super::table::read;

/// Prints the first table of `docs/strategies/learned-scaling.md`.
#[test]
fn a_trained_policy_is_near_the_optimum_and_no_worse_than_any_calibrated_rule() {
    for pattern in &PATTERNS {
        let (told, model) = read(pattern);
        let (rule, rule_cost) = (told.threshold.rule.actions(pattern), told.threshold.cost);
        let costs: Vec<f64> = (0..SEEDS)
            .map(|seed| cost(&model, &train(pattern, &rule, rule_cost, seed)))
            .collect();
        let learned = spread(&costs);
        let above = |cost: f64| 100.0 * (cost / told.optimal_cost - 1.0);
        println!(
            "| {} | {:.4} | {:.2} % | {:.2} % | {:.2} % | {:.2} % | {:.2} % |",
            pattern.name,
            told.optimal_cost,
            above(told.threshold.cost),
            above(told.hpa.cost),
            above(told.fixed.cost),
            above(learned.mean),
            above(learned.worst),
        );
        let (name, worst) = (pattern.name, learned.worst);
        assert!(worst <= 1.02 * told.optimal_cost, "{name}: {worst}");
        // The cheapest of all calibrated rules, not only the one that it learned beside.
        let calibrated = rule_cost.min(told.hpa.cost).min(told.fixed.cost);
        assert!(worst <= 1.005 * calibrated, "{name}: {worst}");
        if name == "bursty" || name == "flash" {
            assert!(worst < calibrated, "{name}: {worst}");
        }
    }
}
