//! Every rule on one log of 600 steps, against final tables of full precision.

use cloudlot_qlearn::{
    Config, Dense, Explore, Learner, Mask, Rule, Schedule, StepSize, Target, Ties, Trace,
};
use serde_json::Value;

use crate::reference::{distance, log, number, numbers, read};

/// What the log was computed with, but for the rule.
fn config(rule: Rule) -> Config {
    Config {
        rule,
        discount: 0.9,
        step_size: StepSize::Constant(0.1),
        explore: explore(Ties::Lowest),
    }
}

fn explore(ties: Ties) -> Explore {
    Explore::EpsilonGreedy {
        epsilon: Schedule::Constant(0.1),
        ties,
    }
}

/// A way to learn from the log, and the entry that it must reproduce.
struct Variant {
    entry: &'static str,
    config: Config,
    initial: f64,
    masked: bool,
}

fn plain(entry: &'static str, rule: Rule) -> Variant {
    Variant {
        entry,
        config: config(rule),
        initial: 0.0,
        masked: false,
    }
}

fn one_step() -> Vec<Variant> {
    let power = StepSize::Power {
        exponent: 0.8,
        floor: 0.0,
    };
    let mut split = config(Rule::ExpectedSarsa);
    split.explore = explore(Ties::Uniform);
    vec![
        plain("q_learning", Rule::QLearning),
        Variant {
            initial: 1.0,
            ..plain("q_learning_optimistic_1", Rule::QLearning)
        },
        Variant {
            masked: true,
            ..plain("q_learning_masked_max", Rule::QLearning)
        },
        Variant {
            config: Config {
                step_size: power,
                ..config(Rule::QLearning)
            },
            ..plain("q_learning_alpha_n_pow_minus_0.8", Rule::QLearning)
        },
        plain("sarsa", Rule::Sarsa),
        plain(
            "expected_sarsa_eps0.1_greedy_mass_to_lowest_index",
            Rule::ExpectedSarsa,
        ),
        Variant {
            config: split,
            ..plain(
                "expected_sarsa_eps0.1_greedy_mass_split_over_ties",
                Rule::ExpectedSarsa,
            )
        },
        plain("double_q", Rule::DoubleQ),
    ]
}

fn several_steps() -> Vec<Variant> {
    let target = Target::Greedy;
    vec![
        plain("n_step_sarsa_n1", Rule::NStepSarsa { steps: 1 }),
        plain("n_step_sarsa_n3", Rule::NStepSarsa { steps: 3 }),
        plain("n_step_sarsa_n5", Rule::NStepSarsa { steps: 5 }),
        plain(
            "tree_backup_greedy_n1",
            Rule::TreeBackup { steps: 1, target },
        ),
        plain(
            "tree_backup_greedy_n3",
            Rule::TreeBackup { steps: 3, target },
        ),
    ]
}

fn traces() -> Vec<Variant> {
    let watkins = |trace| Rule::WatkinsLambda { lambda: 0.8, trace };
    let sarsa = |trace| Rule::SarsaLambda { lambda: 0.8, trace };
    vec![
        plain(
            "watkins_q_lambda_accumulating",
            watkins(Trace::Accumulating),
        ),
        plain("watkins_q_lambda_replacing", watkins(Trace::Replacing)),
        plain("sarsa_lambda_accumulating", sarsa(Trace::Accumulating)),
        plain("sarsa_lambda_replacing", sarsa(Trace::Replacing)),
        plain("sarsa_lambda_dutch", sarsa(Trace::Dutch)),
    ]
}

/// What came of the log: the learner and the error of every step.
fn learned(file: &Value, variant: &Variant) -> (Learner, Vec<f64>) {
    let table = Dense::new(7, 3, variant.initial).unwrap();
    let mut learner = Learner::new(table, variant.config).unwrap();
    let mut errors = Vec::new();
    for (mut step, half) in log(file) {
        if variant.masked {
            let bits = &file["action_mask_bits"][step.next.index()];
            step.next_mask = Mask::from_bits(bits.as_u64().unwrap());
        }
        let update = learner.observe_half(&step, half).unwrap();
        errors.push(update.td_error);
    }
    learner.finish().unwrap();
    (learner, errors)
}

#[test]
fn every_rule_gives_the_reference_table() {
    let file = read("update_rules_trace.json");
    let variants: Vec<_> = [one_step(), several_steps(), traces()]
        .into_iter()
        .flatten()
        .collect();
    for variant in &variants {
        let (learner, errors) = learned(&file, variant);
        let entry = &file["results"][variant.entry];
        let rows = if entry["Q"].is_null() {
            &entry["QA"]
        } else {
            &entry["Q"]
        };
        let off = distance(learner.values(), rows);
        assert!(
            off <= 1e-12,
            "{}: the table is off by {off:e}",
            variant.entry
        );
        if let Some(twin) = learner.twin() {
            let off = distance(twin, &entry["QB"]);
            assert!(
                off <= 1e-12,
                "{}: the twin is off by {off:e}",
                variant.entry
            );
        }
        if entry["td_error_first10"].is_null() {
            continue;
        }
        for (ours, theirs) in errors.iter().zip(numbers(&entry["td_error_first10"])) {
            let scale = theirs.abs().max(1.0);
            assert!((ours - theirs).abs() <= 1e-12 * scale, "{}", variant.entry);
        }
        let sum: f64 = errors.iter().map(|error| error.abs()).sum();
        let theirs = number(&entry["td_error_sum_abs"]);
        assert!(
            (sum - theirs).abs() <= 1e-9,
            "{}: {sum}, not {theirs}",
            variant.entry
        );
    }
    // Every entry of the file but the one that is wrong on purpose.
    let entries = file["results"].as_object().unwrap();
    assert_eq!(entries.len(), variants.len() + 1);
}

#[test]
fn a_truncated_end_is_not_a_terminated_one() {
    let file = read("update_rules_trace.json");
    let (learner, _) = learned(&file, &plain("q_learning", Rule::QLearning));
    let wrong = &file["results"]["WRONG_q_learning_truncation_as_termination"]["Q"];
    let off = distance(learner.values(), wrong);
    assert!((off - 0.217).abs() < 5e-4, "off by {off}");
}
