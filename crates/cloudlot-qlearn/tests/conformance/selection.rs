//! Choices: their probabilities and scores against exact numbers, their draws against their
//! probabilities, and ten million of them against their masks.

use cloudlot_qlearn::{
    Config, Decision, Dense, Explore, Learner, Mask, Rule, Schedule, StateId, Ties, below, stream,
    unit,
};
use serde_json::Value;

use crate::reference::{numbers, read};

const STATE: StateId = StateId(0);

/// A row of the file: a learner that knows it, and the mask.
fn row(case: &Value, explore: Explore) -> (Learner, Mask) {
    let values = numbers(&case["q"]);
    let counts: Vec<u32> = serde_json::from_value(case["counts"].clone()).unwrap();
    let mask = Mask::from_bits(case["mask_bits"].as_u64().unwrap());
    (of_rows(1, values, counts, explore, Rule::QLearning), mask)
}

fn of_rows(
    states: usize,
    values: Vec<f64>,
    visits: Vec<u32>,
    explore: Explore,
    rule: Rule,
) -> Learner {
    let shape = (states, values.len() / states);
    let values = ndarray::Array2::from_shape_vec(shape, values).unwrap();
    let visits = ndarray::Array2::from_shape_vec(shape, visits).unwrap();
    let config = Config {
        rule,
        explore,
        ..Config::default()
    };
    Learner::new(Dense::from_arrays(values, visits).unwrap(), config).unwrap()
}

fn probabilities(learner: &Learner, mask: Mask) -> Vec<f64> {
    let mut out = vec![f64::NAN; learner.values().view().ncols()];
    learner.probabilities(STATE, mask, &mut out).unwrap();
    out
}

fn epsilon(epsilon: f64, ties: Ties) -> Explore {
    Explore::EpsilonGreedy {
        epsilon: Schedule::Constant(epsilon),
        ties,
    }
}

fn boltzmann(temperature: f64) -> Explore {
    Explore::Boltzmann {
        temperature: Schedule::Constant(temperature),
    }
}

/// The explorers of the file, by the names of their entries.
fn explorers() -> Vec<(&'static str, Explore)> {
    vec![
        ("eps_greedy_0.0_split_ties", epsilon(0.0, Ties::Uniform)),
        ("eps_greedy_0.0_lowest_index", epsilon(0.0, Ties::Lowest)),
        ("eps_greedy_0.1_split_ties", epsilon(0.1, Ties::Uniform)),
        ("eps_greedy_0.1_lowest_index", epsilon(0.1, Ties::Lowest)),
        ("eps_greedy_1.0_split_ties", epsilon(1.0, Ties::Uniform)),
        ("eps_greedy_1.0_lowest_index", epsilon(1.0, Ties::Lowest)),
        ("boltzmann_T_0.5", boltzmann(0.5)),
        ("boltzmann_T_1.0", boltzmann(1.0)),
        ("boltzmann_T_10.0", boltzmann(10.0)),
        // Without exploration there are two names for the same thing.
        (
            "eps_greedy_0.0_split_ties",
            Explore::Greedy {
                ties: Ties::Uniform,
            },
        ),
        (
            "eps_greedy_0.0_lowest_index",
            Explore::Greedy { ties: Ties::Lowest },
        ),
    ]
}

fn near(ours: f64, theirs: f64) -> bool {
    ours == theirs || (ours - theirs).abs() <= 1e-12 * theirs.abs().max(1.0)
}

#[test]
fn every_distribution_is_the_reference() {
    let file = read("action_selection.json");
    for case in file["cases"].as_array().unwrap() {
        for (entry, explore) in explorers() {
            let (learner, mask) = row(case, explore);
            let ours = probabilities(&learner, mask);
            let theirs = numbers(&case[entry]);
            assert_eq!(ours.len(), theirs.len());
            for (a, b) in ours.iter().zip(&theirs) {
                assert!((a - b).abs() <= 1e-12, "{entry}: {ours:?}, not {theirs:?}");
            }
        }
        // Each case holds its row, its mask, its counts, these entries and the scores of UCB1.
        assert_eq!(case.as_object().unwrap().len(), 3 + 9 + 1);
    }
}

#[test]
fn every_score_of_ucb1_is_the_reference_and_the_best_is_chosen() {
    let file = read("action_selection.json");
    for case in file["cases"].as_array().unwrap() {
        let (learner, mask) = row(case, Explore::Ucb { bonus: 1.0 });
        let theirs: Vec<f64> = numbers(&case["ucb1_c_1_scores"]);
        let mut ours = vec![0.0; theirs.len()];
        learner.scores(STATE, mask, &mut ours).unwrap();
        assert!(
            ours.iter().zip(&theirs).all(|(a, b)| near(*a, *b)),
            "{ours:?}, not {theirs:?}"
        );
        let decision = learner.decide(STATE, mask, &mut stream(1, 0)).unwrap();
        let best = theirs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let first = theirs.iter().position(|score| *score == best).unwrap();
        assert_eq!(decision.action.index(), first);
        assert_eq!(decision.probability, 1.0);
        assert_eq!(probabilities(&learner, mask)[first], 1.0);
    }
}

#[test]
fn scores_of_the_other_explorers_are_the_values() {
    let explore = Explore::epsilon(0.5);
    let learner = of_rows(1, vec![3.0, 1.0, 2.0], vec![1; 3], explore, Rule::QLearning);
    let mut scores = [0.0; 3];
    learner
        .scores(STATE, Mask::from_bits(0b101), &mut scores)
        .unwrap();
    assert_eq!(scores, [3.0, f64::NEG_INFINITY, 2.0]);
    assert!(
        learner
            .scores(STATE, Mask::all(3), &mut [0.0; 2])
            .is_err_and(|refused| refused == cloudlot_qlearn::Refused::Room(2))
    );
}

#[test]
fn draws_come_as_often_as_their_probabilities_say() {
    const DRAWS: u32 = 100_000;
    let file = read("action_selection.json");
    let cases = file["cases"].as_array().unwrap();
    for (number, case) in cases.iter().enumerate() {
        for (place, (entry, explore)) in explorers().into_iter().enumerate() {
            let (learner, mask) = row(case, explore);
            let expected = probabilities(&learner, mask);
            let mut rng = stream(number as u64, place as u64);
            let mut drawn = vec![0_u32; expected.len()];
            for _ in 0..DRAWS {
                let decision = learner.decide(STATE, mask, &mut rng).unwrap();
                let action = decision.action.index();
                assert_eq!(decision.probability, expected[action], "{entry}");
                drawn[action] += 1;
            }
            let draws = f64::from(DRAWS);
            for (count, p) in drawn.iter().zip(&expected) {
                let off = (f64::from(*count) - draws * p).abs();
                let deviation = (draws * p * (1.0 - p)).max(0.0).sqrt();
                // One more for what happens once in a few million draws.
                assert!(off <= 5.0 * deviation + 1.0, "{entry}: {drawn:?}");
            }
        }
    }
}

/// A table of `states` rows of all kinds: small, huge, all alike, and with ties.
fn any_rows(states: usize, actions: usize, explore: Explore, rule: Rule) -> Learner {
    let mut rng = stream(6, actions as u64);
    let mut values = Vec::new();
    let mut visits = Vec::new();
    for state in 0..states {
        let scale = [0.0, 1.0, 1e6, 1e150, 1e-300][state % 5];
        for _ in 0..actions {
            let tied = below(&mut rng, 3) == 0;
            let value = if tied {
                0.5
            } else {
                2.0 * unit(&mut rng) - 1.0
            };
            values.push(scale * value);
            visits.push([0, 1, 7, 1000, u32::MAX][below(&mut rng, 5) as usize]);
        }
    }
    of_rows(states, values, visits, explore, rule)
}

fn check(decision: Decision, mask: Mask) {
    assert!(mask.allows(decision.action));
    assert!(decision.probability > 0.0 && decision.probability <= 1.0);
    assert!(decision.gap.is_none_or(|gap| gap >= 0.0));
    assert_eq!(decision.gap.is_none(), mask.len() == 1);
}

#[test]
fn ten_million_decisions_are_all_allowed() {
    const STATES: u32 = 40;
    let explorers = [
        epsilon(0.0, Ties::Uniform),
        epsilon(0.1, Ties::Lowest),
        epsilon(1.0, Ties::Uniform),
        boltzmann(1e-3),
        boltzmann(1.0),
        boltzmann(1e100),
        Explore::Ucb { bonus: 1.0 },
        Explore::Greedy {
            ties: Ties::Uniform,
        },
        Explore::Greedy { ties: Ties::Lowest },
        epsilon(0.5, Ties::Uniform),
    ];
    let mut decisions = 0_u64;
    for (number, explore) in explorers.into_iter().enumerate() {
        // Wide rows take long and are rarer.
        for (actions, share) in [(1, 50_000), (2, 200_000), (5, 500_000), (8, 200_000)]
            .into_iter()
            .chain([(33, 25_000), (64, 25_000)])
        {
            let rule = if number % 2 == 0 {
                Rule::QLearning
            } else {
                Rule::DoubleQ
            };
            let learner = any_rows(STATES as usize, actions, explore, rule);
            let known = Mask::all(actions);
            let mut rng = stream(7, number as u64);
            for _ in 0..share {
                let state = StateId(below(&mut rng, STATES));
                let bits = rand::Rng::next_u64(&mut rng);
                // Bits past the last action are set as well: they must not be taken for actions.
                let asked = Mask::from_bits(bits);
                let allowed = asked.and(known);
                match learner.decide(state, asked, &mut rng) {
                    Ok(decision) => {
                        check(decision, allowed);
                        decisions += 1;
                    }
                    Err(_) => assert!(allowed.is_empty()),
                }
                if allowed.is_empty() {
                    check(learner.decide(state, known, &mut rng).unwrap(), known);
                    decisions += 1;
                }
            }
        }
    }
    assert_eq!(decisions, 10_000_000);
}
