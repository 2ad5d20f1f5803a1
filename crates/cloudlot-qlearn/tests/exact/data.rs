//! The reference files: every solution and every anchor in them.

use std::collections::BTreeSet;

use cloudlot_qlearn::exact::{
    Model, ModelFile, Policy, Solution, best_actions, epsilon_soft_optimum, evaluate,
    evaluate_within, optimum_within, value_iteration, values_within,
};
use cloudlot_qlearn::{ActionId, Mask, StateId};
use serde_json::Value;

const FILES: [(&str, &str); 6] = [
    (
        "frozenlake4x4_slippery",
        include_str!("../data/frozenlake4x4_slippery.json"),
    ),
    (
        "frozenlake4x4_det",
        include_str!("../data/frozenlake4x4_det.json"),
    ),
    (
        "frozenlake8x8_slippery",
        include_str!("../data/frozenlake8x8_slippery.json"),
    ),
    ("cliffwalking", include_str!("../data/cliffwalking.json")),
    (
        "cliffwalking_slippery",
        include_str!("../data/cliffwalking_slippery.json"),
    ),
    ("taxi", include_str!("../data/taxi.json")),
];

struct Reference {
    name: &'static str,
    json: Value,
    model: Model,
    steps_max: Option<u32>,
}

impl Reference {
    fn all() -> Vec<Self> {
        FILES.map(|(name, _)| Self::of(name)).into()
    }

    fn of(wanted: &str) -> Self {
        let (name, text) = *FILES.iter().find(|(name, _)| *name == wanted).unwrap();
        let file: ModelFile = serde_json::from_str(text).unwrap();
        let steps_max = file.max_episode_steps;
        let model = Model::try_from(file).unwrap();
        let json = serde_json::from_str(text).unwrap();
        Self {
            name,
            json,
            model,
            steps_max,
        }
    }

    fn solve(&self, discount: f64) -> Solution {
        value_iteration(&self.model, discount, 1e-13, 100_000).unwrap()
    }

    /// The greedy policy of exact values, the lowest of those within 1e-9 of the best.
    fn lowest_greedy(&self, discount: f64) -> Policy {
        let q = self.solve(discount).q;
        let lowest = |row| best_actions(row, 1e-9).nth(0).unwrap();
        let actions: Vec<ActionId> = q.rows().into_iter().map(lowest).collect();
        Policy::deterministic(&self.model, &actions).unwrap()
    }

    /// Draws from all best actions alike, and with probability `epsilon` from all there are.
    fn tied_soft(&self, epsilon: f64) -> Policy {
        let mut mixed = epsilon * &Policy::uniform(&self.model).probabilities();
        for (mut row, q) in mixed.rows_mut().into_iter().zip(self.solve(1.0).q.rows()) {
            let best = best_actions(q, 1e-9);
            for action in best.iter() {
                row[action.index()] += (1.0 - epsilon) / f64::from(best.len());
            }
        }
        Policy::stochastic(&self.model, mixed).unwrap()
    }
}

fn numbers(value: &Value) -> Vec<f64> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|x| x.as_f64().unwrap())
        .collect()
}

fn close(what: &str, found: f64, expected: f64) {
    assert!(
        (found - expected).abs() <= 1e-9,
        "{what}: {found}, not {expected}"
    );
}

#[test]
fn every_solution_of_the_references_is_found() {
    let mut solutions = 0;
    for reference in Reference::all() {
        for (discount, expected) in reference.json["solutions"].as_object().unwrap() {
            let what = format!("{} at {discount}", reference.name);
            let solution = reference.solve(discount.parse().unwrap());
            assert!(
                solution.residual < 1e-12,
                "{what}: residual {}",
                solution.residual
            );
            for (found, v) in solution.values.iter().zip(numbers(&expected["V"])) {
                close(&what, *found, v);
            }
            let rows = expected["Q"].as_array().unwrap();
            let best = expected["optimal_actions"].as_array().unwrap();
            assert_eq!(
                (rows.len(), best.len()),
                (reference.model.states(), rows.len())
            );
            for ((row, expected), best) in solution.q.rows().into_iter().zip(rows).zip(best) {
                for (found, q) in row.iter().zip(numbers(expected)) {
                    close(&what, *found, q);
                }
                let listed = best.as_array().unwrap().iter().map(|a| a.as_u64().unwrap());
                let found = best_actions(row, 1e-9).iter().map(|a| u64::from(a.0));
                assert!(found.eq(listed), "{what}: {row} has the best {best}");
            }
            let start = reference.model.start_value(&solution.values);
            close(&what, start, expected["value_at_start"].as_f64().unwrap());
            solutions += 1;
        }
    }
    assert_eq!(solutions, 5 + 2 + 5 + 4 + 2 + 3);
}

#[test]
fn a_coarse_tolerance_gives_the_same_values() {
    for reference in Reference::all() {
        for discount in [0.9, 0.99, 1.0] {
            let fine = reference.solve(discount).values;
            let coarse = value_iteration(&reference.model, discount, 1e-2, 100_000).unwrap();
            let apart = (&fine - &coarse.values)
                .iter()
                .fold(0.0_f64, |a, x| a.max(x.abs()));
            assert!(apart < 1e-11, "{} at {discount}: {apart}", reference.name);
        }
    }
}

#[test]
fn every_anchor_of_the_references_is_met() {
    let mut seen = BTreeSet::new();
    for reference in Reference::all() {
        for (name, expected) in reference.json["anchors"].as_object().unwrap() {
            if let Some(expected) = expected.as_f64() {
                let what = format!("{}: {name}", reference.name);
                close(&what, anchor(&reference, name), expected);
                seen.insert(what);
            }
        }
    }
    assert_eq!(seen.len(), 7 + 4 + 7 + 12 + 12);
}

fn anchor(reference: &Reference, name: &str) -> f64 {
    let model = &reference.model;
    let steps = reference.steps_max.unwrap_or(0);
    let last = || name.rsplit('_').next().unwrap().parse::<f64>().unwrap();
    let starts = || {
        let values = reference.solve(1.0).values;
        model
            .start()
            .iter()
            .map(|(s, _)| values[s.index()])
            .collect::<Vec<_>>()
    };
    match name {
        _ if name.starts_with("optimal_return_horizon") => optimum_within(model, steps).unwrap(),
        _ if name.starts_with("undiscounted_return_within") => {
            evaluate_within(model, &reference.lowest_greedy(last()), steps).unwrap()
        }
        _ if name.starts_with("uniform_random_policy_return") => {
            evaluate_within(model, &Policy::uniform(model), steps).unwrap()
        }
        _ if name.starts_with("return_of_eps_greedy") => {
            let policy = reference.tied_soft(last());
            if steps == 0 {
                model.start_value(&evaluate(model, &policy, 1.0).unwrap())
            } else {
                evaluate_within(model, &policy, steps).unwrap()
            }
        }
        _ if name.starts_with("optimal_eps_soft_return") => {
            let soft = epsilon_soft_optimum(model, 1.0, last()).unwrap();
            model.start_value(&soft.values)
        }
        _ if name.starts_with("greedy_path_length") => {
            path_length(model, &epsilon_soft_optimum(model, 1.0, last()).unwrap())
        }
        "optimal_return_min_over_starts" => starts().into_iter().reduce(f64::min).unwrap(),
        "optimal_return_max_over_starts" => starts().into_iter().reduce(f64::max).unwrap(),
        "optimal_return_mean_over_starts" => model.start_value(&reference.solve(1.0).values),
        "optimal_mean_episode_length" => mean_length(reference),
        _ => panic!("no such anchor: {name}"),
    }
}

/// How many steps the greedy policy of a solution takes where nothing is left to chance.
fn path_length(model: &Model, solution: &Solution) -> f64 {
    let (mut state, mut steps) = (model.start()[0].0, 0.0);
    while !model.is_terminal(state) && steps < 100.0 {
        let best = best_actions(solution.q.row(state.index()), 1e-9)
            .nth(0)
            .unwrap();
        state = model.branches(state, best)[0].next;
        steps += 1.0;
    }
    steps
}

/// The same model with a reward of 1 for each step tells how long its episodes are.
fn mean_length(reference: &Reference) -> f64 {
    let mut file = ModelFile::from(reference.model.clone());
    for branch in file.transitions.iter_mut().flatten().flatten() {
        branch.2 = 1.0;
    }
    let counting = Model::try_from(file).unwrap();
    counting.start_value(&evaluate(&counting, &reference.lowest_greedy(1.0), 1.0).unwrap())
}

#[test]
fn the_starts_of_taxi_earn_what_they_should() {
    let taxi = Reference::of("taxi");
    let values = taxi.solve(1.0).values;
    let histogram = taxi.json["anchors"]["optimal_return_histogram_over_300_starts"].as_object();
    for (earned, count) in histogram.unwrap() {
        let earned: f64 = earned.parse().unwrap();
        let like = |(s, _): &&(StateId, f64)| (values[s.index()] - earned).abs() < 1e-9;
        let found = taxi.model.start().iter().filter(like).count();
        assert_eq!(u64::try_from(found).unwrap(), count.as_u64().unwrap());
    }
}

#[test]
fn the_soft_optimum_of_the_cliff_is_that_of_the_reference() {
    let cliff = Reference::of("cliffwalking");
    let soft = epsilon_soft_optimum(&cliff.model, 1.0, 0.1).unwrap();
    let expected = &cliff.json["eps_soft_0.1"];
    for (found, v) in soft.values.iter().zip(numbers(&expected["V"])) {
        close("V", *found, v);
    }
    for (row, expected) in soft
        .q
        .rows()
        .into_iter()
        .zip(expected["Q"].as_array().unwrap())
    {
        for (found, q) in row.iter().zip(numbers(expected)) {
            close("Q", *found, q);
        }
    }
}

#[test]
fn the_greedy_policy_of_exact_undiscounted_values_may_earn_nothing() {
    for (name, steps) in [("frozenlake8x8_slippery", 200), ("frozenlake4x4_det", 100)] {
        let lake = Reference::of(name);
        let exact = lake.model.start_value(&lake.solve(1.0).values);
        close(name, exact, 1.0);
        let greedy = lake.lowest_greedy(1.0);
        assert_eq!(
            evaluate_within(&lake.model, &greedy, steps).unwrap(),
            0.0,
            "{name}"
        );
        assert_eq!(
            evaluate_within(&lake.model, &greedy, 1_000_000).unwrap(),
            0.0,
            "{name}"
        );
        // A little discount makes it hurry.
        let hurried = lake.lowest_greedy(0.999_99);
        assert!(
            evaluate_within(&lake.model, &hurried, 100_000).unwrap() > 0.999,
            "{name}"
        );
    }
}

#[test]
fn a_mask_costs_taxi_nothing() {
    let taxi = Reference::of("taxi");
    let rows = taxi.json["action_mask"].as_array().unwrap();
    let mask = |row: &Value| {
        let allowed = (0..)
            .map(ActionId)
            .zip(numbers(row))
            .filter(|(_, bit)| *bit == 1.0);
        allowed.fold(Mask::NONE, |mask, (action, _)| mask.with(action))
    };
    let masks: Vec<Mask> = rows.iter().map(mask).collect();
    let masked = taxi.model.restricted(&masks).unwrap();
    let solution = value_iteration(&masked, 1.0, 1e-13, 1_000).unwrap();
    close("taxi, masked", masked.start_value(&solution.values), 7.93);
    let forbidden = ActionId(5);
    assert!(!masked.mask(StateId(1)).allows(forbidden));
    assert_eq!(solution.q[[1, forbidden.index()]], f64::NEG_INFINITY);
    let random = evaluate_within(&masked, &Policy::uniform(&masked), 200).unwrap();
    assert!(random > -771.0 + 300.0, "{random}");
}

#[test]
fn evaluations_within_a_limit_come_near_those_without() {
    let taxi = Reference::of("taxi");
    let policy = taxi.lowest_greedy(0.99);
    let forever = evaluate(&taxi.model, &policy, 0.99).unwrap();
    let long = values_within(&taxi.model, &policy, 3_000, 0.99).unwrap();
    for state in taxi.model.state_ids() {
        close("taxi", long[state.index()], forever[state.index()]);
    }
}

#[test]
fn a_limit_that_is_never_reached_costs_no_time() {
    let taxi = Reference::of("taxi");
    close("taxi", optimum_within(&taxi.model, u32::MAX).unwrap(), 7.93);
    let greedy = taxi.lowest_greedy(1.0);
    close(
        "taxi",
        evaluate_within(&taxi.model, &greedy, u32::MAX).unwrap(),
        7.93,
    );
}

#[test]
fn a_model_written_down_is_the_same_model() {
    for reference in Reference::all() {
        let text = serde_json::to_string(&reference.model).unwrap();
        let read: Model = serde_json::from_str(&text).unwrap();
        assert_eq!(read.states(), reference.model.states());
        for state in read.state_ids() {
            assert_eq!(read.mask(state), reference.model.mask(state));
            for action in read.mask(state).iter() {
                let pairs = read.branches(state, action).iter();
                for (a, b) in pairs.zip(reference.model.branches(state, action)) {
                    assert!((a.probability - b.probability).abs() <= f64::EPSILON);
                    assert_eq!(
                        (a.next, a.reward, a.terminated),
                        (b.next, b.reward, b.terminated)
                    );
                }
            }
        }
    }
}
