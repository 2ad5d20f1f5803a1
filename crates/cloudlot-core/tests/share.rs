//! Sharing with promised minimums: against giving unit by unit, and by what max-min means.

use cloudlot_core::share::{BoundedClaim, Claim, Overpromised, max_min, max_min_bounded};
use proptest::prelude::*;

/// Divisible by every weight that [`small`] draws, so that the oracle's ratios are exact.
const SCALE: u64 = 2 * 2 * 2 * 3 * 3 * 5 * 7;

fn bounded(weight: u64, least: u64, most: u64) -> BoundedClaim {
    BoundedClaim {
        weight,
        least,
        most,
    }
}

/// Everybody's minimum first, then unit by unit, each to the claim that has least per weight
/// once it has it.
fn oracle(total: u64, claims: &[BoundedClaim]) -> Option<Vec<u64>> {
    let mut shares: Vec<u64> = claims.iter().map(|c| c.least.min(c.most)).collect();
    for _ in 0..total.checked_sub(shares.iter().sum())? {
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
    Some(shares)
}

fn small() -> impl Strategy<Value = Vec<BoundedClaim>> {
    let claim = (0..=10_u64, prop_oneof![Just(0), 0..=40_u64], 0..=40_u64);
    prop::collection::vec(claim.prop_map(|(w, l, m)| bounded(w, l, m)), 0..8)
}

fn number() -> impl Strategy<Value = u64> {
    let shifted = (proptest::num::u64::ANY, 0..64_u32).prop_map(|(value, shift)| value >> shift);
    prop_oneof![0..=20_u64, shifted, Just(u64::MAX), Just(u64::MAX - 1)]
}

fn any() -> impl Strategy<Value = Vec<BoundedClaim>> {
    let claim = (number(), number(), number(), 0..8_u32);
    prop::collection::vec(
        claim.prop_map(|(w, l, m, shift)| bounded(w, l >> (8 * shift), m)),
        0..12,
    )
}

fn sum(shares: &[u64]) -> u128 {
    shares.iter().copied().map(u128::from).sum()
}

fn promised(claims: &[BoundedClaim]) -> u128 {
    claims.iter().map(|c| u128::from(c.least.min(c.most))).sum()
}

/// No unit can go from one claim to a poorer one that could use it; linear after one sort's
/// worth of work, so that it serves for ten thousand claims.
fn assert_max_min(claims: &[BoundedClaim], shares: &[u64]) {
    let mut highest = (0_u64, 1_u64);
    let higher = |a: (u64, u64), b: (u64, u64)| {
        u128::from(a.0) * u128::from(b.1) > u128::from(b.0) * u128::from(a.1)
    };
    let mut idle = false;
    for (claim, &share) in claims.iter().zip(shares) {
        // Only what lies above a minimum can be given to another.
        if claim.weight > 0 && share > claim.least && higher((share, claim.weight), highest) {
            highest = (share, claim.weight);
        }
        idle |= claim.weight == 0 && share > claim.least.min(claim.most);
    }
    for (claim, &share) in claims.iter().zip(shares) {
        assert!(share <= claim.most && share >= claim.least.min(claim.most));
        if share < claim.most && claim.weight > 0 {
            assert!(!idle, "{claim:?} wants more, and one without weight has it");
            assert!(
                !higher(highest, (share + 1, claim.weight)),
                "{claim:?} has {share}, another {highest:?}"
            );
        }
    }
}

#[test]
fn a_minimum_is_met_first_and_counts_towards_the_share() {
    let claims = [bounded(1, 0, 9), bounded(1, 4, 9), bounded(1, 1, 9)];
    assert_eq!(max_min_bounded(5, &claims), Ok(vec![0, 4, 1]));
    assert_eq!(max_min_bounded(9, &claims), Ok(vec![3, 4, 2]));
    assert_eq!(max_min_bounded(15, &claims), Ok(vec![5, 5, 5]));
}

#[test]
fn a_minimum_above_the_most_promises_the_most_only() {
    let claims = [bounded(1, 9, 3), bounded(1, 0, 9)];
    assert_eq!(max_min_bounded(5, &claims), Ok(vec![3, 2]));
}

#[test]
fn a_claim_without_weight_has_its_minimum_all_the_same() {
    let claims = [bounded(0, 3, 9), bounded(5, 0, 9), bounded(0, 0, 9)];
    assert_eq!(max_min_bounded(8, &claims), Ok(vec![3, 5, 0]));
    assert_eq!(max_min_bounded(16, &claims), Ok(vec![4, 9, 3]));
}

#[test]
fn what_was_promised_twice_is_not_divided_at_all() {
    let claims = [bounded(1, 3, 9), bounded(1, 3, 9)];
    assert_eq!(max_min_bounded(6, &claims), Ok(vec![3, 3]));
    let (least, total) = (6, 5);
    assert_eq!(
        max_min_bounded(5, &claims),
        Err(Overpromised { least, total })
    );
    let huge = [bounded(1, u64::MAX, u64::MAX); 3];
    assert!(max_min_bounded(u64::MAX, &huge).is_err());
}

#[test]
fn ten_thousand_claims_are_divided_max_min() {
    let claims: Vec<BoundedClaim> = (0..10_000_u64)
        .map(|i| bounded(i * 7 % 11, i * 13 % 5, 1 + i * 31 % 97))
        .collect();
    for total in [20_000, 20_001, 123_457, 400_000, 10_000_000] {
        let shares = max_min_bounded(total, &claims).unwrap();
        let wanted: u64 = claims.iter().map(|claim| claim.most).sum();
        assert_eq!(sum(&shares), u128::from(total.min(wanted)));
        assert_max_min(&claims, &shares);
    }
}

proptest! {
    #[test]
    fn small_cases_agree_with_giving_unit_by_unit(total in 0..300_u64, claims in small()) {
        prop_assert_eq!(max_min_bounded(total, &claims).ok(), oracle(total, &claims));
    }

    #[test]
    fn all_is_given_max_min_or_refused(total in number(), claims in any()) {
        match max_min_bounded(total, &claims) {
            Ok(shares) => {
                let wanted: u128 = claims.iter().map(|c| u128::from(c.most)).sum();
                prop_assert_eq!(sum(&shares), u128::from(total).min(wanted));
                assert_max_min(&claims, &shares);
            }
            Err(over) => {
                prop_assert_eq!(over, Overpromised { least: promised(&claims), total });
                prop_assert!(over.least > u128::from(total));
            }
        }
    }

    #[test]
    fn the_order_matters_for_the_last_unit_between_equals_only(
        total in 0..300_u64,
        named in small().prop_map(|c| c.into_iter().enumerate().collect::<Vec<_>>()).prop_shuffle(),
    ) {
        let divided = |named: &[(usize, BoundedClaim)]| {
            let claims: Vec<BoundedClaim> = named.iter().map(|(_, claim)| *claim).collect();
            let shares = max_min_bounded(total, &claims).ok()?;
            let mut with: Vec<_> = named.iter().map(|(name, _)| *name).zip(shares).collect();
            with.sort_unstable();
            Some(with)
        };
        let mut sorted = named.clone();
        sorted.sort_by_key(|(name, _)| *name);
        match (divided(&named), divided(&sorted)) {
            (Some(a), Some(b)) => {
                for ((name, a), (_, b)) in a.iter().zip(&b) {
                    prop_assert!(a.abs_diff(*b) <= 1, "{name}: {a} and {b}");
                }
            }
            (a, b) => prop_assert_eq!(a, b),
        }
    }

    #[test]
    fn more_to_share_lowers_nobody(total in 0..300_u64, more in 0..40_u64, claims in small()) {
        if let Ok(before) = max_min_bounded(total, &claims) {
            let after = max_min_bounded(total + more, &claims).unwrap();
            for (before, after) in before.iter().zip(&after) {
                prop_assert!(before <= after);
            }
        }
    }

    #[test]
    fn no_minimum_is_the_plain_division(total in number(), claims in any()) {
        let plain: Vec<Claim> = claims
            .iter()
            .map(|&BoundedClaim { weight, most, .. }| Claim { weight, most })
            .collect();
        let free: Vec<BoundedClaim> = claims.iter().map(|c| bounded(c.weight, 0, c.most)).collect();
        prop_assert_eq!(max_min_bounded(total, &free), Ok(max_min(total, &plain)));
    }
}
