//! Dividing one quantity among claims: weighted max-min fairness.
//!
//! Source: progressive filling (Bertsekas, Gallager 1992, section 6.5.2): all claims grow in
//! proportion to their weights, and one that has all it wants drops out.

use std::cmp::Ordering;

/// What one party asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Claim {
    /// Its share against the others'. Weight 0 gets only what positive weights leave over.
    pub weight: u32,
    /// More than this is of no use to it.
    pub most: u64,
}

/// The weighted max-min fair division of `total`, in the order of `claims`.
///
/// No claim gets more than its `most`; nothing is left over while some claim wants more. Shares
/// are whole: each is the exact one rounded down, and the units lost to rounding go one each to
/// the first claims that can still use one. So among claims that did not get their `most`, shares
/// are in proportion to weights within one unit. O(n log n).
/// ```
/// use cloudlot_policy::share::{Claim, max_min};
///
/// let even = |most| Claim { weight: 1, most };
/// assert_eq!(max_min(10, &[even(2), even(9), even(9)]), [2, 4, 4]);
/// assert_eq!(max_min(11, &[even(2), even(9), even(9)]), [2, 5, 4]);
/// assert_eq!(max_min(50, &[even(2), even(9), even(9)]), [2, 9, 9]);
/// ```
#[must_use]
pub fn max_min(total: u64, claims: &[Claim]) -> Vec<u64> {
    let mut shares = vec![0; claims.len()];
    let left = fill(total, claims, &mut shares, |claim| claim.weight);
    if left > 0 {
        // Only claims without a weight can still want something.
        fill(left, claims, &mut shares, |claim| {
            u32::from(claim.weight == 0)
        });
    }
    shares
}

/// Fills the claims of positive weight; returns what they leave.
fn fill(total: u64, claims: &[Claim], shares: &mut [u64], weight: impl Fn(&Claim) -> u32) -> u64 {
    let weight = |claim: usize| u128::from(weight(&claims[claim]));
    let most = |claim: usize| u128::from(claims[claim].most);
    let mut order: Vec<usize> = (0..claims.len())
        .filter(|&claim| weight(claim) > 0)
        .collect();
    // By the level at which each is full, lowest first.
    order.sort_by(
        |&a, &b| match (most(a) * weight(b)).cmp(&(most(b) * weight(a))) {
            Ordering::Equal => a.cmp(&b),
            other => other,
        },
    );
    let mut left = u128::from(total);
    let mut weights: u128 = order.iter().map(|&claim| weight(claim)).sum();
    let mut open = order.as_slice();
    while let [first, rest @ ..] = open {
        // Products stay below 2^128: fewer than 2^32 weights of 32 bits, times 64 bits.
        if most(*first) * weights > left * weight(*first) {
            break;
        }
        shares[*first] = claims[*first].most;
        left -= most(*first);
        weights -= weight(*first);
        open = rest;
    }
    let level = left;
    let mut open = open.to_vec();
    open.sort_unstable();
    for &claim in &open {
        let share = level * weight(claim) / weights;
        shares[claim] = u64::try_from(share).expect("a share is at most the total");
        left -= share;
    }
    for &claim in &open {
        if left > 0 {
            shares[claim] += 1;
            left -= 1;
        }
    }
    u64::try_from(left).expect("what is left is at most the total")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn claims(
        weights: std::ops::Range<u32>,
        most: u64,
        count: usize,
    ) -> impl Strategy<Value = Vec<Claim>> {
        let claim = (weights, 0..most).prop_map(|(weight, most)| Claim { weight, most });
        prop::collection::vec(claim, 0..count)
    }

    /// One unit at a time to the claim with the least share per weight that wants one.
    fn unit_by_unit(total: u64, claims: &[Claim]) -> Vec<u64> {
        let mut shares = vec![0_u64; claims.len()];
        for _ in 0..total {
            let wants =
                (0..claims.len()).filter(|&c| shares[c] < claims[c].most && claims[c].weight > 0);
            let poorest = wants.min_by(|&a, &b| {
                let (a, b) = (
                    (shares[a] + 1) * u64::from(claims[b].weight),
                    (shares[b] + 1) * u64::from(claims[a].weight),
                );
                a.cmp(&b)
            });
            let Some(poorest) = poorest else { break };
            shares[poorest] += 1;
        }
        shares
    }

    #[test]
    fn extremes_do_not_overflow() {
        let huge = Claim {
            weight: u32::MAX,
            most: u64::MAX,
        };
        assert_eq!(
            max_min(u64::MAX, &[huge, huge]).iter().sum::<u64>(),
            u64::MAX
        );
        assert_eq!(max_min(5, &[]), []);
    }

    #[test]
    fn claims_without_weight_get_what_is_left() {
        let claims = [(0, 9), (3, 4), (0, 9)].map(|(weight, most)| Claim { weight, most });
        assert_eq!(max_min(10, &claims), [3, 4, 3]);
        assert_eq!(max_min(3, &claims), [0, 3, 0]);
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_nobody_gets_too_much(total in 0_u64..5000, claims in claims(0..5, 1000, 12)) {
            let shares = max_min(total, &claims);
            prop_assert!(shares.iter().zip(&claims).all(|(share, claim)| *share <= claim.most));
            let wanted: u64 = claims.iter().map(|claim| claim.most).sum();
            prop_assert_eq!(shares.iter().sum::<u64>(), total.min(wanted));
        }

        #[test]
        fn nobody_gains_without_a_poorer_one_losing(total in 0_u64..5000, claims in claims(1..9, 1000, 12)) {
            let shares = max_min(total, &claims);
            for (poor, claim) in claims.iter().enumerate().filter(|(at, claim)| shares[*at] < claim.most) {
                for (rich, other) in claims.iter().enumerate() {
                    // One unit's rounding on either side.
                    prop_assert!(shares[rich].saturating_sub(1) * u64::from(claim.weight) <= (shares[poor] + 1) * u64::from(other.weight),
                        "{rich} has {} and {poor} only {}", shares[rich], shares[poor]);
                }
            }
        }

        #[test]
        fn the_division_is_that_of_filling_unit_by_unit(total in 0_u64..300, claims in claims(1..5, 60, 8)) {
            let naive = unit_by_unit(total, &claims);
            for (share, naive) in max_min(total, &claims).iter().zip(&naive) {
                prop_assert!(share.abs_diff(*naive) <= claims.len() as u64);
            }
        }

        #[test]
        fn more_to_divide_costs_nobody_more_than_a_unit(total in 0_u64..3000, more in 0_u64..500, claims in claims(0..5, 500, 10)) {
            let (less, more) = (max_min(total, &claims), max_min(total + more, &claims));
            prop_assert!(less.iter().zip(&more).all(|(less, more)| *more + 1 >= *less));
        }
    }
}
