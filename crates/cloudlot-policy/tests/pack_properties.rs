//! What must hold of the packing solvers at sizes where no oracle can try everything.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use cloudlot_policy::pack::{self, Assignment, Balance, Goal, Item, greedy, local, search};
use proptest::prelude::*;

const GOAL: Goal = Goal {
    spread: 50_000,
    slack: 5_000,
};

/// Population standard deviation of the bins' loads.
fn spread(problem: &Balance, bins: &[usize]) -> f64 {
    let loads = problem
        .loads(bins)
        .expect("solvers keep to what is allowed");
    let loads: Vec<f64> = loads
        .into_iter()
        .map(|load| f64::from(u32::try_from(load).unwrap()))
        .collect();
    let count = f64::from(u32::try_from(loads.len()).unwrap());
    let mean = loads.iter().sum::<f64>() / count;
    let variance = loads.iter().map(|load| (load - mean).powi(2)).sum::<f64>() / count;
    variance.sqrt()
}

/// Loads of up to a core in millionths, of one of several kinds.
fn loads(count: std::ops::RangeInclusive<usize>) -> impl Strategy<Value = Vec<u64>> {
    let load = prop_oneof![
        Just(Just(400_000_u64).boxed()),
        Just((0..1_000_000_u64).boxed()),
        Just((400_000..420_000_u64).boxed()),
        Just(prop_oneof![0..20_000_u64, 700_000..750_000_u64].boxed()),
    ];
    (load, count).prop_flat_map(|(load, count)| prop::collection::vec(load, count))
}

/// Items on up to `bins` bins, some without a home, some restricted.
fn problem(
    items: std::ops::RangeInclusive<usize>,
    bins: std::ops::RangeInclusive<usize>,
) -> impl Strategy<Value = Balance> {
    (loads(items), bins, 0..4_u8).prop_flat_map(|(loads, bins, kind)| {
        let homes = match kind {
            0 => Just(Some(0)).boxed(),
            1 => (0..bins).prop_map(Some).boxed(),
            2 => Just(None).boxed(),
            _ => prop::option::of(0..bins).boxed(),
        };
        let all: Vec<usize> = (0..bins).collect();
        let allowed = prop_oneof![
            4 => Just(None),
            1 => prop::sample::subsequence(all, 1..=bins).prop_map(Some),
        ];
        let places = prop::collection::vec((homes, allowed), loads.len());
        let base = prop::collection::vec(prop_oneof![2 => Just(0), 1 => 0..300_000_u64], bins);
        (Just(loads), places, base).prop_map(|(loads, places, base)| {
            let items = (loads.into_iter().zip(places))
                .map(|(load, (home, allowed))| Item {
                    load,
                    home,
                    allowed,
                })
                .collect();
            Balance::new(base, items).unwrap()
        })
    })
}

fn forced_moves(problem: &Balance) -> usize {
    let must_leave = |item: &&Item| match (&item.home, &item.allowed) {
        (Some(home), Some(allowed)) => !allowed.contains(home),
        _ => false,
    };
    problem.items().iter().filter(must_leave).count()
}

fn check_consistent(problem: &Balance, found: &Assignment) {
    let spread = spread(problem, &found.bins);
    assert!((spread - found.spread).abs() < 1.0);
    assert_eq!(found.moves, problem.moves(&found.bins));
    assert!(!found.reached || spread < 50_000.001);
    assert!(found.reached || spread > 49_999.999);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn the_exact_answer_needs_no_more_moves_than_packing_anew(problem in problem(9..=16, 2..=4)) {
        let found = search::exact(&problem, GOAL, 300_000);
        check_consistent(&problem, &found);
        let anew = greedy::repack(&problem);
        if spread(&problem, &anew) < 49_999.999 {
            prop_assert!(found.reached);
            prop_assert!(found.moves <= problem.moves(&anew));
        }
    }

    #[test]
    fn a_search_cut_short_is_no_worse_than_local_search(
        problem in problem(0..=20, 1..=8),
        work in prop_oneof![Just(0), 0..3_000_u64],
    ) {
        let found = search::exact(&problem, GOAL, work);
        let local = local::improve(&problem, GOAL, usize::MAX, local::WORK);
        check_consistent(&problem, &found);
        prop_assert!(found.work <= work);
        if local.reached {
            prop_assert!(found.reached && found.moves <= local.moves);
        } else {
            prop_assert!(found.spread <= local.spread + 5_000.001);
        }
    }

    #[test]
    fn work_does_not_change_a_proven_answer_but_for_equals(problem in problem(0..=10, 1..=4)) {
        let (most, less) = (search::WORK, 20_000);
        let best = search::exact(&problem, GOAL, most);
        let found = search::exact(&problem, GOAL, less);
        prop_assert_eq!(&best, &search::exact(&problem, GOAL, most));
        if found.proven {
            prop_assert_eq!((found.moves, found.reached), (best.moves, best.reached));
            prop_assert!((found.spread - best.spread).abs() < 0.001);
        }
    }
}

proptest! {
    #[test]
    fn local_search_never_widens_the_spread(problem in problem(0..=40, 1..=12)) {
        let found = local::improve(&problem, GOAL, usize::MAX, local::WORK);
        check_consistent(&problem, &found);
        let start = spread(&problem, &greedy::place(&problem));
        prop_assert!(found.spread <= start + 0.001);
    }

    #[test]
    fn local_search_keeps_to_its_budget(problem in problem(0..=40, 1..=12), budget in 0..6_usize) {
        let found = local::improve(&problem, GOAL, budget, local::WORK);
        check_consistent(&problem, &found);
        prop_assert!(found.moves <= budget + forced_moves(&problem));
        let idle = local::improve(&problem, GOAL, budget, 0);
        prop_assert_eq!(idle.bins, greedy::place(&problem));
    }

    #[test]
    fn local_search_makes_no_move_that_could_be_undone(problem in problem(0..=40, 1..=12)) {
        let found = local::improve(&problem, GOAL, usize::MAX, local::WORK);
        if !found.reached {
            return Ok(());
        }
        for (index, item) in problem.items().iter().enumerate() {
            let mut undone = found.bins.clone();
            match item.home {
                Some(home) if home != found.bins[index] => undone[index] = home,
                _ => continue,
            }
            if problem.loads(&undone).is_some() {
                prop_assert!(spread(&problem, &undone) > 49_999.999);
            }
        }
    }

    #[test]
    fn the_order_of_listing_does_not_matter_where_no_loads_are_equal(
        loads in prop::collection::btree_set(1_000..900_000_000_u64, 1..40),
        seed in proptest::num::u64::ANY,
    ) {
        let loads: Vec<u64> = loads.into_iter().collect();
        let mut order: Vec<usize> = (0..loads.len()).collect();
        order.sort_by_key(|&index| seed.wrapping_mul(2 * loads[index] + 1) >> 7);
        let solve = |order: &[usize]| {
            let item = |&index: &usize| Item::at(index % 2, loads[index]);
            let problem = Balance::new(vec![0; 5], order.iter().map(item).collect()).unwrap();
            let bins = local::improve(&problem, GOAL, usize::MAX, local::WORK).bins;
            let mut by_item = vec![0; loads.len()];
            for (&index, bin) in order.iter().zip(bins) {
                by_item[index] = bin;
            }
            by_item
        };
        let listed: Vec<usize> = (0..loads.len()).collect();
        prop_assert_eq!(solve(&listed), solve(&order));
    }
}

#[test]
fn the_largest_loads_do_not_overflow() {
    // 4 bins times 2^60 is just within the limit of 2^62.
    let loads = [1_u64 << 59, 1 << 58, (1 << 57) - 2, 1 << 56, 1 << 56, 1];
    let items = loads.map(|load| Item::at(0, load)).to_vec();
    let problem = Balance::new(vec![0; 4], items).unwrap();
    for spread in [0, u64::MAX] {
        let goal = Goal {
            spread,
            slack: u64::MAX,
        };
        assert_eq!(search::exact(&problem, goal, search::WORK).moves, 0);
        assert_eq!(local::improve(&problem, goal, 9, local::WORK).moves, 0);
    }
    let goal = Goal {
        spread: 0,
        slack: 0,
    };
    let found = search::exact(&problem, goal, search::WORK);
    // The smallest pair stays, or the other one: each of the large ones has a bin of its own.
    assert_eq!((found.moves, found.proven), (4, true));
}

#[test]
fn idle_items_stay_where_they_are() {
    let items = vec![Item::at(1, 0), Item::at(0, 300_000), Item::at(0, 300_000)];
    let problem = Balance::new(vec![0; 2], items).unwrap();
    let found = pack::balance(&problem, GOAL, search::WORK);
    assert_eq!((found.bins, found.moves), (vec![1, 0, 1], 1));
}

#[test]
fn what_is_balanced_is_left_alone() {
    let items = (0..64).map(|index| Item::at(index % 8, 100_000)).collect();
    let problem = Balance::new(vec![0; 8], items).unwrap();
    let found = pack::balance(&problem, GOAL, search::WORK);
    assert_eq!((found.moves, found.proven, found.work), (0, true, 0));
}

#[test]
fn too_many_items_for_the_search_are_left_to_local_search() {
    let problem = Balance::new(vec![0; 2], vec![Item::at(0, 1_000); 65]).unwrap();
    let goal = Goal {
        spread: 1_000,
        slack: 0,
    };
    let found = search::exact(&problem, goal, search::WORK);
    assert_eq!((found.proven, found.work, found.reached), (false, 0, true));
    assert_eq!(found.moves, 32);
}

#[test]
fn four_thousand_items_reach_the_goal_in_fewer_moves_than_packing_anew() {
    let load = |index: u64| index * 7_919 % 60_000;
    let items = (0..4_000_u64)
        .map(|index| Item::at(usize::try_from(index * index % 128).unwrap(), load(index)))
        .collect();
    let problem = Balance::new(vec![0; 128], items).unwrap();
    let found = pack::balance(&problem, GOAL, search::WORK);
    check_consistent(&problem, &found);
    assert!(found.reached);
    assert!(found.moves < problem.moves(&greedy::repack(&problem)) * 9 / 10);
}
