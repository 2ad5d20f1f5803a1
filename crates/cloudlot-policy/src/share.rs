//! Divides one whole quantity among weighted claims, max-min fairly.
//!
//! Leaves to the caller what the quantity is and how a claim came to its weight and its most.
//!
//! Source: max-min fairness by progressive filling, D. Bertsekas, R. Gallager, "Data Networks",
//! 2nd ed. 1992, section 6.5.2; the units that a division leaves over go as seats do in the
//! method of Jefferson and D'Hondt (M. Balinski, H. P. Young, "Fair Representation", 1982),
//! because that method never takes a seat away when the house grows.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

/// What one party asks of a shared quantity.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Claim {
    /// The claim's part relative to the others'; with 0 it gets only what the others leave over.
    pub weight: u64,
    /// The most it can use, in units of the quantity.
    pub most: u64,
}

/// Each claim's share of `total`, in the order of `claims`.
///
/// A level rises for all claims at once, `weight` units a step, and a claim that has its `most`
/// drops out. What whole units cannot express goes one unit at a time to the claim whose share
/// per weight is the lowest with that unit counted in, the first of equals. So:
///
/// - the shares add up to `total`, or to the sum of `most` if that is less;
/// - while a claim is below its `most`, one more unit would bring it to at least everybody's
///   share per weight;
/// - a larger `total` lowers nobody's share.
///
/// Claims of weight 0 divide, equally and by the same rule, what is left once every other claim
/// has its `most`.
///
/// Cost: O(n log n) for n claims.
/// ```
/// # use cloudlot_policy::share::{Claim, max_min};
/// let claims = [(1, 10), (1, 50), (2, 100)].map(|(weight, most)| Claim { weight, most });
/// // 10 is all the first wants; the other two share 90 as 1 to 2.
/// assert_eq!(max_min(100, &claims), [10, 30, 60]);
/// ```
#[must_use]
pub fn max_min(total: u64, claims: &[Claim]) -> Vec<u64> {
    let (idle, weighted): (Vec<usize>, Vec<usize>) =
        (0..claims.len()).partition(|&index| claims[index].weight == 0);
    let mut shares = vec![0; claims.len()];
    let left = fill(total, claims, weighted, &mut shares);
    let equal: Vec<Claim> = claims
        .iter()
        .map(|claim| Claim {
            weight: 1,
            ..*claim
        })
        .collect();
    fill(left, &equal, idle, &mut shares);
    shares
}

/// Fills the claims at `indices`, all of positive weight, and returns what they leave over.
fn fill(total: u64, claims: &[Claim], mut indices: Vec<usize>, shares: &mut [u64]) -> u64 {
    indices.sort_by(|&a, &b| {
        let (a, b) = (&claims[a], &claims[b]);
        compare_ratios(a.most, a.weight, b.most, b.weight)
    });
    let mut left = total;
    let mut weights: u128 = indices.iter().map(|&i| u128::from(claims[i].weight)).sum();
    let mut full = 0;
    for &index in &indices {
        let Claim { weight, most } = claims[index];
        if level_share(left, weight, weights) < most {
            break;
        }
        shares[index] = most;
        left -= most;
        weights -= u128::from(weight);
        full += 1;
    }
    let open = &indices[full..];
    let level = left;
    for &index in open {
        shares[index] = level_share(level, claims[index].weight, weights);
        left -= shares[index];
    }
    hand_out(left, claims, open, shares)
}

/// A claim's part of `left` by weight, rounded down.
fn level_share(left: u64, weight: u64, weights: u128) -> u64 {
    let part = u128::from(left) * u128::from(weight) / weights;
    u64::try_from(part).expect("a weight is no more than the sum of the weights")
}

/// Gives `left` units one by one, and returns what nobody wants.
fn hand_out(mut left: u64, claims: &[Claim], open: &[usize], shares: &mut [u64]) -> u64 {
    let next = |index: usize, share: u64| {
        (share < claims[index].most).then(|| {
            Reverse(Turn {
                share: share + 1,
                weight: claims[index].weight,
                index,
            })
        })
    };
    let mut turns: BinaryHeap<_> = open
        .iter()
        .filter_map(|&index| next(index, shares[index]))
        .collect();
    while left > 0
        && let Some(Reverse(turn)) = turns.pop()
    {
        left -= 1;
        shares[turn.index] = turn.share;
        turns.extend(next(turn.index, turn.share));
    }
    left
}

/// The share that a claim would have with one more unit; less is sooner.
#[derive(PartialEq, Eq)]
struct Turn {
    share: u64,
    weight: u64,
    index: usize,
}

impl Ord for Turn {
    fn cmp(&self, other: &Self) -> Ordering {
        compare_ratios(self.share, self.weight, other.share, other.weight)
            .then(self.index.cmp(&other.index))
    }
}

impl PartialOrd for Turn {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

fn compare_ratios(a: u64, of_a: u64, b: u64, of_b: u64) -> Ordering {
    (u128::from(a) * u128::from(of_b)).cmp(&(u128::from(b) * u128::from(of_a)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn claims(of: &[(u64, u64)]) -> Vec<Claim> {
        of.iter()
            .map(|&(weight, most)| Claim { weight, most })
            .collect()
    }

    fn check(total: u64, of: &[(u64, u64)], expected: &[u64]) {
        assert_eq!(max_min(total, &claims(of)), expected);
    }

    /// Unit by unit, each to the claim that has least per weight once it has it.
    fn oracle(total: u64, claims: &[Claim]) -> Vec<u64> {
        let mut shares = vec![0_u64; claims.len()];
        for _ in 0..total {
            let wants = |i: &usize| shares[*i] < claims[*i].most;
            let weighted = (0..claims.len())
                .filter(wants)
                .filter(|&i| claims[i].weight > 0)
                .min_by_key(|&i| (shares[i] + 1) * SCALE / claims[i].weight);
            let idle = || (0..claims.len()).filter(wants).min_by_key(|&i| shares[i]);
            match weighted.or_else(idle) {
                Some(index) => shares[index] += 1,
                None => break,
            }
        }
        shares
    }

    /// Divisible by every weight that [`small`] draws, so that the oracle's ratios are exact.
    const SCALE: u64 = 2 * 2 * 2 * 3 * 3 * 5 * 7;

    fn small() -> impl Strategy<Value = Vec<Claim>> {
        let claim = (0..=10_u64, 0..=40_u64).prop_map(|(weight, most)| Claim { weight, most });
        prop::collection::vec(claim, 0..8)
    }

    fn any() -> impl Strategy<Value = Vec<Claim>> {
        let value = prop_oneof![0..=20_u64, any_u64(), Just(u64::MAX), Just(u64::MAX - 1)];
        let claim = (value.clone(), value).prop_map(|(weight, most)| Claim { weight, most });
        prop::collection::vec(claim, 0..12)
    }

    fn any_u64() -> impl Strategy<Value = u64> {
        (proptest::num::u64::ANY, 0..64_u32).prop_map(|(value, shift)| value >> shift)
    }

    fn wanted(claims: &[Claim]) -> u128 {
        claims.iter().map(|claim| u128::from(claim.most)).sum()
    }

    fn sum(shares: &[u64]) -> u128 {
        shares.iter().copied().map(u128::from).sum()
    }

    #[test]
    fn nobody_to_share_with_is_no_problem() {
        check(5, &[], &[]);
        check(0, &[(1, 5)], &[0]);
        check(5, &[(1, 3)], &[3]);
    }

    #[test]
    fn leftover_units_go_to_the_lowest_share_then_to_the_first() {
        check(5, &[(1, 9), (1, 9), (1, 9)], &[2, 2, 1]);
        check(2, &[(1, 9), (5, 9)], &[0, 2]);
        check(7, &[(1, 9), (5, 9)], &[1, 6]);
    }

    #[test]
    fn weight_nought_gets_what_is_left_over_and_shares_it_equally() {
        check(10, &[(0, 9), (3, 10)], &[0, 10]);
        check(15, &[(0, 9), (3, 10), (0, 1)], &[4, 10, 1]);
        check(5, &[(0, 9), (0, 9)], &[3, 2]);
    }

    #[test]
    fn the_largest_numbers_do_not_overflow() {
        let huge = (u64::MAX, u64::MAX);
        check(u64::MAX, &[huge, huge, huge], &[u64::MAX / 3; 3]);
        check(u64::MAX, &[huge, (1, u64::MAX)], &[u64::MAX, 0]);
    }

    proptest! {
        #[test]
        fn small_cases_agree_with_giving_unit_by_unit(total in 0..300_u64, claims in small()) {
            prop_assert_eq!(max_min(total, &claims), oracle(total, &claims));
        }

        #[test]
        fn all_is_given_that_is_wanted_and_no_more(total in any_u64(), claims in any()) {
            let shares = max_min(total, &claims);
            prop_assert_eq!(sum(&shares), u128::from(total).min(wanted(&claims)));
            for (share, claim) in shares.iter().zip(&claims) {
                prop_assert!(*share <= claim.most);
            }
        }

        #[test]
        fn one_more_unit_lifts_the_unsatisfied_to_the_level_of_all(
            total in any_u64(),
            claims in any(),
        ) {
            let shares = max_min(total, &claims);
            for (a, low) in claims.iter().enumerate() {
                if shares[a] == low.most {
                    continue;
                }
                for (b, high) in claims.iter().enumerate() {
                    let lifted = u128::from(shares[a] + 1);
                    if low.weight > 0 {
                        prop_assert!(
                            lifted * u128::from(high.weight)
                                >= u128::from(shares[b]) * u128::from(low.weight),
                            "{low:?} has {} and {high:?} has {}", shares[a], shares[b],
                        );
                    } else if high.weight == 0 {
                        prop_assert!(lifted >= u128::from(shares[b]));
                    } else {
                        prop_assert!(shares[a] == 0 || shares[b] == high.most);
                    }
                }
            }
        }

        #[test]
        fn more_to_share_lowers_nobody(
            total in any_u64(),
            more in any_u64(),
            claims in any(),
        ) {
            let before = max_min(total, &claims);
            let after = max_min(total.saturating_add(more), &claims);
            for (before, after) in before.iter().zip(&after) {
                prop_assert!(before <= after);
            }
        }

        #[test]
        fn one_unit_more_lowers_nobody(total in 0..300_u64, claims in small()) {
            let before = max_min(total, &claims);
            let after = max_min(total + 1, &claims);
            for (before, after) in before.iter().zip(&after) {
                prop_assert!(before <= after);
            }
        }
    }
}
