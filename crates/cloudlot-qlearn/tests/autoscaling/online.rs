//! What learning costs on a running service, day by day.
//!
//! A day's loss is measured in two ways. What the decisions caused is exact given the decisions: by
//! how much each costs more than the rule's, by the exact values of the rule. So nothing of the
//! load's chance is left in it, and a day that follows the rule loses nothing. What was paid is plain money:
//! the day's cost less that of the rule on the very same chance.
//!
//! Source: Kakade and Langford, "Approximately Optimal Approximate Reinforcement Learning" (2002),
//! lemma 6.1.

use cloudlot_qlearn::exact::{Model, optimal_average};
use cloudlot_qlearn::{ActionId, Mask};
use ndarray::Array2;

use super::learner::{BOLD, CAREFUL, Week, live};
use super::pattern::PATTERNS;
use super::service::DAY;
use super::spread::{SEEDS, spread};
use super::table::read;

const DAYS: u32 = 7;

/// What an action costs more than the rule's, if the rule decides ever after.
fn excess(model: &Model, rule: &[ActionId]) -> Array2<f64> {
    let only: Vec<_> = rule.iter().map(|a| Mask::NONE.with(*a)).collect();
    let followed = optimal_average(&model.restricted(&only).unwrap(), 1e-9, 200_000).unwrap();
    let values = model.action_values(&followed.bias, 1.0);
    Array2::from_shape_fn(values.dim(), |(state, action)| {
        followed.average + followed.bias[state] - values[[state, action]]
    })
}

/// Prints the second table of `docs/strategies/learned-scaling.md`.
#[test]
fn no_day_of_learning_beside_a_rule_loses_more_than_a_little() {
    for pattern in &PATTERNS {
        let (told, model) = read(pattern);
        let (rule, rule_cost) = (told.threshold.rule.actions(pattern), told.threshold.cost);
        let excess = excess(&model, &rule);
        let follows = |(state, action): (usize, &ActionId)| excess[[state, action.index()]].abs();
        assert!(rule.iter().enumerate().map(follows).all(|cost| cost < 1e-6));
        let weeks: Vec<Week> = (0..SEEDS)
            .map(|seed| live(pattern, (&rule, rule_cost), &excess, (CAREFUL, DAYS), seed))
            .collect();
        let share = 100.0 / (rule_cost * f64::from(DAY));
        let day = |of: &dyn Fn(&Week) -> f64| {
            spread(
                &weeks
                    .iter()
                    .map(|week| share * of(week))
                    .collect::<Vec<_>>(),
            )
        };
        let days: Vec<_> = (0..DAYS as usize)
            .map(|at| (day(&|week| week.caused[at]), day(&|week| week.paid[at])))
            .collect();
        let bounds: Vec<_> = days
            .iter()
            .map(|(c, _)| format!("{:.2}", c.upper95))
            .collect();
        let paid = days
            .iter()
            .map(|(_, paid)| paid.upper95)
            .fold(f64::MIN, f64::max);
        let worst = days.iter().map(|(c, _)| c.worst).fold(f64::MIN, f64::max);
        let tries: u64 = weeks.iter().flat_map(|week| &week.tries).sum();
        println!(
            "| {} | {} | {paid:.2} % | {worst:.2} % | {} |",
            pattern.name,
            bounds.join(" "),
            tries / (SEEDS * u64::from(DAYS)),
        );
        for (at, (caused, paid)) in days.iter().enumerate() {
            assert!(
                caused.upper95 <= 3.6,
                "{} day {at}: {caused:?}",
                pattern.name
            );
            assert!(paid.upper95 <= 3.6, "{} day {at}: {paid:?}", pattern.name);
        }
        assert!(tries > SEEDS * u64::from(DAYS) * 10, "it learns");
    }
}

#[test]
fn the_first_day_of_learning_without_a_guard_loses_much_more() {
    for pattern in &PATTERNS {
        let (told, model) = read(pattern);
        let (rule, rule_cost) = (told.threshold.rule.actions(pattern), told.threshold.cost);
        let excess = excess(&model, &rule);
        let day = rule_cost * f64::from(DAY);
        let losses: Vec<f64> = (0..SEEDS)
            .map(|seed| live(pattern, (&rule, rule_cost), &excess, (BOLD, 1), seed))
            .map(|week| 100.0 * week.caused[0] / day)
            .collect();
        let lost = spread(&losses);
        println!("{} without a guard: {:.0} %", pattern.name, lost.mean);
        assert!(lost.mean > 3.6, "{}: {lost:?}", pattern.name);
    }
}
