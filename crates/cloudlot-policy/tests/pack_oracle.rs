//! The packing solvers against an oracle that simply tries every assignment.
//!
//! The oracle shares no code with the crate: it has its own sums, its own idea of a move, and
//! compares spreads in floating point where loads are small enough for that to be exact.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use cloudlot_policy::pack::{Assignment, Balance, Goal, Item, search};
use proptest::prelude::*;

/// What the oracle says of the best assignment.
#[derive(PartialEq, Debug)]
struct Verdict {
    reached: bool,
    moves: usize,
    /// m² σ².
    variance: i64,
    bins: Vec<usize>,
}

/// A problem as plain data: base, items as (load, home, allowed), goal and slack.
#[derive(Clone, Debug)]
struct Case {
    base: Vec<i64>,
    items: Vec<(i64, Option<usize>, Option<Vec<usize>>)>,
    spread: i64,
    slack: i64,
}

impl Case {
    fn problem(&self) -> Balance {
        let size = |load: &i64| u64::try_from(*load).unwrap();
        let items = self.items.iter().map(|(load, home, allowed)| Item {
            load: size(load),
            home: *home,
            allowed: allowed.clone(),
        });
        Balance::new(self.base.iter().map(size).collect(), items.collect()).unwrap()
    }

    fn goal(&self) -> Goal {
        Goal {
            spread: u64::try_from(self.spread).unwrap(),
            slack: u64::try_from(self.slack).unwrap(),
        }
    }

    fn judge(&self, bins: &[usize]) -> (usize, i64) {
        let mut loads = self.base.clone();
        let mut moves = 0;
        for ((load, home, _), &bin) in self.items.iter().zip(bins) {
            loads[bin] += load;
            if home.is_some() && *home != Some(bin) {
                moves += 1;
            }
        }
        let bins = i64::try_from(loads.len()).unwrap();
        let sum: i64 = loads.iter().sum();
        let squares: i64 = loads.iter().map(|load| load * load).sum();
        (moves, bins * squares - sum * sum)
    }

    fn is_lawful(&self, bins: &[usize]) -> bool {
        bins.len() == self.items.len()
            && (self.items.iter().zip(bins)).all(|((_, _, allowed), bin)| {
                *bin < self.base.len() && allowed.as_ref().is_none_or(|set| set.contains(bin))
            })
    }

    /// Every lawful assignment, in lexicographic order.
    fn all(&self) -> Vec<Vec<usize>> {
        let m = self.base.len();
        let n = u32::try_from(self.items.len()).unwrap();
        (0..m.pow(n))
            .map(|mut number| {
                let mut bins = vec![0; self.items.len()];
                for bin in bins.iter_mut().rev() {
                    *bin = number % m;
                    number /= m;
                }
                bins
            })
            .filter(|bins| self.is_lawful(bins))
            .collect()
    }

    fn oracle(&self) -> Verdict {
        let m = i64::try_from(self.base.len()).unwrap();
        let all: Vec<(usize, i64, Vec<usize>)> = (self.all().into_iter())
            .map(|bins| {
                let (moves, variance) = self.judge(&bins);
                (moves, variance, bins)
            })
            .collect();
        let least = all.iter().map(|(_, variance, _)| *variance).min().unwrap();
        let goal = (m * self.spread).pow(2);
        let reached = least <= goal;
        let good = |variance: i64| {
            if reached {
                return variance <= goal;
            }
            // m σ <= m σ* + m slack, squared until no root is left.
            let slack = m * self.slack;
            let excess = variance - least - slack * slack;
            excess <= 0 || excess * excess <= 4 * slack * slack * least
        };
        let (moves, variance, bins) = (all.into_iter())
            .filter(|(_, variance, _)| good(*variance))
            .min()
            .unwrap();
        Verdict {
            reached,
            moves,
            variance,
            bins,
        }
    }

    fn verdict(&self, found: Assignment) -> Verdict {
        let (moves, variance) = self.judge(&found.bins);
        assert_eq!(moves, found.moves);
        assert!(self.is_lawful(&found.bins));
        Verdict {
            reached: found.reached,
            moves,
            variance,
            bins: found.bins,
        }
    }
}

fn load() -> impl Strategy<Value = i64> {
    prop_oneof![
        4 => 0..60_i64,
        2 => (0..4_i64).prop_map(|x| x * 10),
        2 => 100..107_i64,
        1 => 100..400_i64,
    ]
}

fn item(bins: usize) -> impl Strategy<Value = (i64, Option<usize>, Option<Vec<usize>>)> {
    let home = prop_oneof![
        1 => Just(None),
        2 => Just(Some(0)),
        3 => (0..bins).prop_map(Some),
    ];
    let allowed = prop_oneof![
        3 => Just(None),
        1 => prop::sample::subsequence((0..bins).collect::<Vec<_>>(), 1..=bins).prop_map(Some),
    ];
    (load(), home, allowed)
}

fn case(bins: std::ops::Range<usize>, items: usize) -> impl Strategy<Value = Case> {
    (bins, 0..3_u8).prop_flat_map(move |(bins, kind)| {
        let base = match kind {
            0 => prop::collection::vec(Just(0).boxed(), bins),
            1 => prop::collection::vec((0..80_i64).boxed(), bins),
            _ => prop::collection::vec(prop_oneof![Just(0), Just(30), 0..300_i64].boxed(), bins),
        };
        let items = prop::collection::vec(item(bins), 0..=items);
        let spread = prop_oneof![Just(0), 0..40_i64];
        let slack = prop_oneof![Just(0), 0..20_i64];
        (base, items, spread, slack).prop_map(|(base, items, spread, slack)| Case {
            base,
            items,
            spread,
            slack,
        })
    })
}

fn agrees(case: &Case) {
    let found = search::exact(&case.problem(), case.goal(), search::WORK);
    assert!(found.proven);
    assert_eq!(case.verdict(found), case.oracle());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn search_is_exact_with_few_bins(case in case(1..5, 6)) {
        agrees(&case);
    }

    #[test]
    fn search_is_exact_with_many_bins(case in case(5..7, 5)) {
        agrees(&case);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn search_is_exact_with_seven_items_on_four_bins(case in case(4..5, 7)) {
        agrees(&case);
    }

    #[test]
    fn search_is_exact_with_nine_items_on_three_bins(case in case(3..4, 9)) {
        agrees(&case);
    }

    #[test]
    fn search_is_exact_with_fourteen_items_on_two_bins(case in case(2..3, 14)) {
        agrees(&case);
    }
}
