//! The exact search against an oracle that tries every assignment.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use cloudlot_policy::pack::{Balance, Goal, Item, WORK, balance, descend, exact, largest_first};
use proptest::prelude::*;

/// Bases, items and the bound on the spread.
#[derive(Clone, Debug)]
struct Case {
    base: Vec<u64>,
    items: Vec<Item>,
    goal: Goal,
}

fn cases(
    bins: std::ops::Range<usize>,
    items: std::ops::Range<usize>,
) -> impl Strategy<Value = Case> {
    (bins, items).prop_flat_map(|(bins, items)| {
        let allowed = prop::option::weighted(0.2, prop::collection::btree_set(0..bins, 1..=bins));
        let item = (
            prop_oneof![0_u64..100, Just(40)],
            prop::option::weighted(0.8, 0..bins),
            allowed,
        );
        let item = item.prop_map(|(load, home, allowed)| Item {
            load,
            home,
            allowed: allowed.map(|bins| bins.into_iter().collect()),
        });
        let base = prop::collection::vec(prop_oneof![2 => Just(0_u64), 1 => 0_u64..60], bins);
        (
            base,
            prop::collection::vec(item, items),
            0_u64..25,
            0_u64..5,
        )
            .prop_map(|(base, items, spread, slack)| Case {
                base,
                items,
                goal: Goal { spread, slack },
            })
    })
}

/// Moves and variance × bins² of every legal assignment.
fn every(case: &Case) -> Vec<(usize, u64)> {
    let bins = case.base.len();
    let mut all = Vec::new();
    for code in 0..bins.pow(u32::try_from(case.items.len()).unwrap()) {
        let (mut rest, mut loads, mut moves, mut legal) = (code, case.base.clone(), 0, true);
        for item in &case.items {
            let bin = rest % bins;
            rest /= bins;
            loads[bin] += item.load;
            moves += usize::from(item.home.is_some_and(|home| home != bin));
            legal &= item
                .allowed
                .as_ref()
                .is_none_or(|allowed| allowed.contains(&bin));
        }
        let sum: u64 = loads.iter().sum();
        let variance = bins as u64 * loads.iter().map(|load| load * load).sum::<u64>() - sum * sum;
        if legal {
            all.push((moves, variance));
        }
    }
    all
}

/// The fewest moves within the goal (or the slack of the least spread), then the least variance.
fn best(case: &Case) -> (usize, u64) {
    let bins = case.base.len() as f64;
    let spread = |variance: u64| (variance as f64).sqrt() / bins;
    let all = every(case);
    let least = all
        .iter()
        .map(|(_, variance)| spread(*variance))
        .fold(f64::INFINITY, f64::min);
    let goal = case.goal.spread as f64;
    let bar = if least <= goal + 1e-9 {
        goal
    } else {
        least + case.goal.slack as f64
    };
    all.into_iter()
        .filter(|(_, variance)| spread(*variance) <= bar + 1e-9)
        .min()
        .unwrap()
}

fn problem(case: &Case) -> Balance {
    Balance::new(case.base.clone(), case.items.clone()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_exact_search_agrees_with_the_oracle(case in prop_oneof![cases(1..5, 0..7), cases(5..7, 0..5)]) {
        let (problem, (moves, variance)) = (problem(&case), best(&case));
        let answer = exact(&problem, case.goal, WORK);
        prop_assert!(answer.proven);
        prop_assert_eq!(answer.moves, moves);
        let spread = (variance as f64).sqrt() / case.base.len() as f64;
        prop_assert!((answer.spread - spread).abs() < 1e-6, "{} against {spread}", answer.spread);
    }

    #[test]
    fn answers_are_legal_and_counted_right(case in cases(1..9, 0..40), work in 0_u64..2000) {
        let problem = problem(&case);
        let at_home: Vec<usize> = case.items.iter().map(|item| item.home.unwrap_or(0)).collect();
        for answer in [balance(&problem, case.goal, work), exact(&problem, case.goal, work), descend(&problem, case.goal)] {
            let legal = |(item, bin): (&Item, &usize)| item.allowed.as_ref().is_none_or(|allowed| allowed.contains(bin));
            prop_assert!(case.items.iter().zip(&answer.bins).all(legal));
            let moved = |(item, bin): &(&Item, &usize)| item.home.is_some_and(|home| home != **bin);
            prop_assert_eq!(answer.moves, case.items.iter().zip(&answer.bins).filter(moved).count());
            let loads = problem.loads(&answer.bins);
            let mean = loads.iter().sum::<u64>() as f64 / loads.len() as f64;
            let variance = loads.iter().map(|load| (*load as f64 - mean).powi(2)).sum::<f64>() / loads.len() as f64;
            prop_assert!((answer.spread - variance.sqrt()).abs() < 1e-3);
        }
        let free = case.items.iter().all(|item| item.home.is_some() && item.allowed.is_none());
        if free {
            // Staying is a choice, so no answer is less even than that, or than the goal asks.
            let stay = spread(&problem.loads(&at_home)).max(case.goal.spread as f64 + 1e-9);
            prop_assert!(descend(&problem, case.goal).spread <= stay + 1e-6);
        }
    }

    #[test]
    fn little_work_is_never_worse_than_the_local_search(case in cases(2..5, 6..14), work in 0_u64..500) {
        let problem = problem(&case);
        let (local, answer) = (descend(&problem, case.goal), exact(&problem, case.goal, work));
        if local.spread <= case.goal.spread as f64 {
            prop_assert!(answer.spread <= case.goal.spread as f64 && answer.moves <= local.moves);
        }
    }

    #[test]
    fn no_more_moves_than_packing_anew(case in cases(2..5, 4..12)) {
        let problem = problem(&case);
        let (anew, answer) = (largest_first(&problem), exact(&problem, case.goal, WORK));
        if anew.spread <= case.goal.spread as f64 {
            prop_assert!(answer.moves <= anew.moves);
        }
    }
}

fn spread(loads: &[u64]) -> f64 {
    let mean = loads.iter().sum::<u64>() as f64 / loads.len() as f64;
    (loads
        .iter()
        .map(|load| (*load as f64 - mean).powi(2))
        .sum::<f64>()
        / loads.len() as f64)
        .sqrt()
}

#[test]
fn what_is_no_problem_is_refused() {
    let item = Item {
        load: 1,
        home: None,
        allowed: None,
    };
    assert!(Balance::new(vec![], vec![]).is_err());
    assert!(
        Balance::new(
            vec![0],
            vec![Item {
                home: Some(1),
                ..item.clone()
            }]
        )
        .is_err()
    );
    assert!(
        Balance::new(
            vec![0],
            vec![Item {
                allowed: Some(vec![]),
                ..item.clone()
            }]
        )
        .is_err()
    );
    assert!(
        Balance::new(
            vec![0, 0],
            vec![Item {
                allowed: Some(vec![1, 0]),
                ..item.clone()
            }]
        )
        .is_err()
    );
    assert!(Balance::new(vec![u64::MAX, u64::MAX], vec![item]).is_err());
}
