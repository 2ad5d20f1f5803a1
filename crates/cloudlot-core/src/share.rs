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

/// A [`Claim`] with a minimum that it was promised.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BoundedClaim {
    /// The claim's part relative to the others'; with 0 it gets only its `least` and what the
    /// others leave over.
    pub weight: u64,
    /// What it gets before anything is shared, in units of the quantity. What lies above `most`
    /// cannot be used and is not set aside.
    pub least: u64,
    /// The most it can use, in units of the quantity.
    pub most: u64,
}

/// More was promised than there is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("minimums of {least} units were promised of {total}")]
pub struct Overpromised {
    /// The sum of the minimums.
    pub least: u128,
    /// What there is to share.
    pub total: u64,
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
/// - a larger `total` lowers nobody's share;
/// - the order of `claims` matters between equals only: list them by identifier, and the order
///   in which they came has no say.
///
/// Claims of weight 0 divide, equally and by the same rule, what is left once every other claim
/// has its `most`.
///
/// Cost: O(n log n) for n claims.
/// ```
/// # use cloudlot_core::share::{Claim, max_min};
/// let claims = [(1, 10), (1, 50), (2, 100)].map(|(weight, most)| Claim { weight, most });
/// // 10 is all the first wants; the other two share 90 as 1 to 2.
/// assert_eq!(max_min(100, &claims), [10, 30, 60]);
/// ```
#[must_use]
pub fn max_min(total: u64, claims: &[Claim]) -> Vec<u64> {
    let parties = claims.iter().map(|claim| (claim.weight, 0, claim.most));
    divide(total, 0, parties)
}

/// Each claim's share of `total`, none below its `least`, in the order of `claims`.
///
/// As [`max_min`], but the level lifts a claim only from where its `least` already holds it:
/// every share is the level times the weight, raised to `least` and cut to `most`. The rules of
/// [`max_min`] hold, but for one: a claim may be above the common level by what it was promised.
///
/// Cost: O(n log n) for n claims.
///
/// # Errors
///
/// [`Overpromised`] if the minimums do not fit in `total`. Any division would break a promise,
/// and which one to break is for the caller to say; so nothing is divided. Whether they fit does
/// not depend on the order of `claims`.
/// ```
/// # use cloudlot_core::share::{BoundedClaim, Overpromised, max_min_bounded};
/// let claims = [0, 0, 60].map(|least| BoundedClaim { weight: 1, least, most: 100 });
/// assert_eq!(max_min_bounded(100, &claims)?, [20, 20, 60]);
/// assert_eq!(max_min_bounded(240, &claims)?, [80, 80, 80]);
/// assert_eq!(max_min_bounded(50, &claims), Err(Overpromised { least: 60, total: 50 }));
/// # Ok::<(), Overpromised>(())
/// ```
pub fn max_min_bounded(total: u64, claims: &[BoundedClaim]) -> Result<Vec<u64>, Overpromised> {
    let least = |claim: &BoundedClaim| u128::from(claim.least.min(claim.most));
    let promised = claims.iter().map(least).sum();
    if promised > u128::from(total) {
        return Err(Overpromised {
            least: promised,
            total,
        });
    }
    let idle = claims.iter().filter(|claim| claim.weight == 0);
    let aside = u64::try_from(idle.map(least).sum::<u128>()).expect("a part of what fits");
    let parties = claims
        .iter()
        .map(|claim| (claim.weight, claim.least.min(claim.most), claim.most));
    Ok(divide(total, aside, parties))
}

/// Divides `total` among parties of (weight, least, most); `aside` of it was promised to those
/// of weight 0.
fn divide(
    total: u64,
    aside: u64,
    parties: impl ExactSizeIterator<Item = (u64, u64, u64)>,
) -> Vec<u64> {
    let mut shares = vec![0; parties.len()];
    let (mut idle, weighted): (Vec<Party>, Vec<Party>) = parties
        .enumerate()
        .map(|(index, (weight, least, most))| Party {
            index,
            weight,
            least,
            most,
        })
        .partition(|party| party.weight == 0);
    for party in &mut idle {
        party.weight = 1;
    }
    let left = fill(total - aside, &weighted, &mut shares);
    fill(left + aside, &idle, &mut shares);
    shares
}

/// A claim of positive weight at its place in the answer.
#[derive(Clone, Copy)]
struct Party {
    index: usize,
    weight: u64,
    least: u64,
    most: u64,
}

/// A level at which a party starts to rise or has its most.
struct Bend {
    bound: u64,
    weight: u64,
    ends: bool,
    party: usize,
}

/// Fills `parties`, whose minimums fit in `total`, and returns what they leave over.
fn fill(total: u64, parties: &[Party], shares: &mut [u64]) -> u64 {
    let bends = bends(parties);
    let mut rising: Vec<bool> = parties.iter().map(|party| party.least == 0).collect();
    // What the rising parties have together, and their weight.
    let mut level = total;
    let mut weights = 0_u128;
    for (party, rises) in parties.iter().zip(&rising) {
        shares[party.index] = party.least;
        level -= party.least;
        weights += if *rises { party.weight.into() } else { 0 };
    }
    for bend in bends {
        if weights > 0 && at_level(level, bend.weight, weights) < u128::from(bend.bound) {
            break;
        }
        rising[bend.party] = !bend.ends;
        if bend.ends {
            shares[parties[bend.party].index] = bend.bound;
            level -= bend.bound;
            weights -= u128::from(bend.weight);
        } else {
            level += bend.bound;
            weights += u128::from(bend.weight);
        }
    }
    let mut left = level;
    for (party, _) in parties.iter().zip(&rising).filter(|(_, rises)| **rises) {
        let part = at_level(level, party.weight, weights);
        shares[party.index] = u64::try_from(part).expect("no more than the level");
        left -= shares[party.index];
    }
    hand_out(left, parties, shares)
}

/// All bends, the lowest level first; a party starts before it ends.
fn bends(parties: &[Party]) -> Vec<Bend> {
    let bend = |party: usize, bound, ends| Bend {
        bound,
        weight: parties[party].weight,
        ends,
        party,
    };
    let starts = (0..parties.len()).filter(|&party| parties[party].least > 0);
    let mut bends: Vec<Bend> = (0..parties.len())
        .map(|party| bend(party, parties[party].most, true))
        .chain(starts.map(|party| bend(party, parties[party].least, false)))
        .collect();
    bends.sort_by(|a, b| {
        compare_ratios(a.bound, a.weight, b.bound, b.weight).then(a.ends.cmp(&b.ends))
    });
    bends
}

/// A party's part of `level` by weight, rounded down.
fn at_level(level: u64, weight: u64, weights: u128) -> u128 {
    u128::from(level) * u128::from(weight) / weights
}

/// Gives `left` units one by one, fewer than there are parties, and returns what nobody wants.
fn hand_out(mut left: u64, parties: &[Party], shares: &mut [u64]) -> u64 {
    let next = |party: usize, share: u64| {
        let Party { weight, most, .. } = parties[party];
        (share < most).then(|| {
            Reverse(Turn {
                share: share + 1,
                weight,
                party,
            })
        })
    };
    let mut turns: BinaryHeap<_> = (0..parties.len())
        .filter_map(|party| next(party, shares[parties[party].index]))
        .collect();
    while left > 0
        && let Some(Reverse(turn)) = turns.pop()
    {
        left -= 1;
        shares[parties[turn.party].index] = turn.share;
        turns.extend(next(turn.party, turn.share));
    }
    left
}

/// The share that a claim would have with one more unit; less is sooner.
#[derive(PartialEq, Eq)]
struct Turn {
    share: u64,
    weight: u64,
    party: usize,
}

impl Ord for Turn {
    fn cmp(&self, other: &Self) -> Ordering {
        compare_ratios(self.share, self.weight, other.share, other.weight)
            .then(self.party.cmp(&other.party))
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
