//! How even is even enough, and the answer to a packing problem.
//!
//! The spread of m loads with sum S and sum of squares Q is their population standard deviation
//! σ, and m² σ² = m Q - S². Since S is fixed, every comparison of spreads here is one of whole
//! sums of squares, exact at any size.

use super::problem::Balance;

/// What an assignment should reach.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Goal {
    /// The spread to reach: population standard deviation over the bins, in units of load.
    pub spread: u64,
    /// If no assignment reaches `spread`: how far from the least possible spread is near enough
    /// to save moves, in units of load.
    pub slack: u64,
}

/// Where each item goes.
#[derive(Clone, PartialEq, Debug)]
pub struct Assignment {
    /// The bin of each item, in the order of the problem's items.
    pub bins: Vec<usize>,
    /// How many items with a home leave it.
    pub moves: usize,
    /// The spread of the bins' loads, in units of load; rounded, for display.
    pub spread: f64,
    /// Whether the goal's spread is reached, compared exactly.
    pub reached: bool,
    /// Whether it is proven that no assignment has fewer moves, nor a lower spread with as few.
    pub proven: bool,
    /// How many nodes the search looked at; 0 if none was needed.
    pub work: u64,
}

/// The spreads of one problem, told by sums of squares.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    bins: u64,
    total: u64,
}

impl Scale {
    pub(super) fn of(problem: &Balance) -> Self {
        Self {
            bins: u64::try_from(problem.bins()).expect("a count of bins fits in 64 bits"),
            total: problem.total(),
        }
    }

    /// The largest sum of squares whose spread is at most `spread`.
    pub(super) fn most_squares(self, spread: u64) -> u128 {
        let deviation = self.times_bins(spread);
        self.squares_of_variance(deviation * deviation)
    }

    /// The largest sum of squares whose spread is at most `slack` above that of `least`.
    pub(super) fn most_squares_above(self, least: u128, slack: u64) -> u128 {
        let variance = self.variance(least);
        let slack = self.times_bins(slack);
        let cross = floor_of_product_with_root(2 * slack, variance);
        self.squares_of_variance(variance + cross + slack * slack)
    }

    /// The spread that belongs to a sum of squares, rounded.
    pub(super) fn spread(self, squares: u128) -> f64 {
        let (variance, bins) = (self.variance(squares) as f64, self.bins as f64);
        variance.sqrt() / bins
    }

    /// m Q - S², which is m² σ².
    fn variance(self, squares: u128) -> u128 {
        u128::from(self.bins) * squares - u128::from(self.total) * u128::from(self.total)
    }

    /// The largest Q with m Q - S² <= `variance`.
    fn squares_of_variance(self, variance: u128) -> u128 {
        let total = u128::from(self.total);
        (total * total + variance) / u128::from(self.bins)
    }

    /// m σ. No spread exceeds the total load, so a larger one asks for nothing more.
    fn times_bins(self, spread: u64) -> u128 {
        u128::from(self.bins) * u128::from(spread.min(self.total))
    }
}

/// The largest whole number not above `factor` times the square root of `value`; `factor` up to
/// 2^63 and `value` up to 2^124, so that its square can be beyond 128 bits.
fn floor_of_product_with_root(factor: u128, value: u128) -> u128 {
    let root = value.isqrt();
    let rest = value - root * root;
    // (factor root + d)² <= factor² (root² + rest) says d (2 root + d / factor) <= factor rest.
    let fits = |d: u128| {
        d == 0
            || (factor * rest)
                .checked_sub(2 * root * d)
                .is_some_and(|left| left >= (d * d).div_ceil(factor))
    };
    let (mut low, mut high) = (0, factor);
    while low < high {
        let middle = (low + high).div_ceil(2);
        if fits(middle) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    factor * root + low
}

impl Assignment {
    /// Judges `bins`, a lawful assignment of `problem`; proves nothing about it.
    pub(super) fn of(problem: &Balance, bins: Vec<usize>, goal: Goal) -> Self {
        let scale = Scale::of(problem);
        let squares = problem.squares_of(&bins);
        Self {
            moves: problem.moves(&bins),
            spread: scale.spread(squares),
            reached: squares <= scale.most_squares(goal.spread),
            proven: false,
            work: 0,
            bins,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pack::Item;
    use proptest::prelude::*;

    fn scale(loads: &[u64]) -> (Scale, u128) {
        let problem = Balance::new(loads.to_vec(), vec![]).unwrap();
        (Scale::of(&problem), problem.squares_of(&[]))
    }

    #[test]
    fn a_spread_on_the_goal_reaches_it() {
        // Deviations -3, 3, -3, 3 from 10.
        let (scale, squares) = scale(&[7, 13, 7, 13]);
        assert!(squares <= scale.most_squares(3));
        assert!(squares > scale.most_squares(2));
        assert!((scale.spread(squares) - 3.0).abs() < 1e-12);
    }

    #[test]
    fn the_largest_goal_and_slack_do_not_overflow() {
        let items = vec![Item::new((1 << 55) - 1)];
        let problem = Balance::new(vec![0; 128], items).unwrap();
        let scale = Scale::of(&problem);
        let worst = problem.squares_of(&[0]);
        assert!(worst <= scale.most_squares(u64::MAX));
        assert!(worst <= scale.most_squares_above(worst, u64::MAX));
        assert_eq!(worst, scale.most_squares_above(worst, 0));
    }

    proptest! {
        #[test]
        fn slack_is_added_to_the_least_spread_exactly(
            loads in prop::collection::vec(0..60_u64, 4),
            (left, right) in (0..60_u64, 0..60_u64),
            slack in 0..40_u64,
        ) {
            let (left, right) = (left.min(loads[0]), right.min(loads[2]));
            let other = [loads[0] - left, loads[1] + left, loads[2] - right, loads[3] + right];
            let (scale, least) = scale(&loads);
            let (_, squares) = super::tests::scale(&other);
            // σ' <= σ + s says V' - V - 16 s² <= 8 s sqrt(V), small enough to square.
            let s = u128::from(slack);
            let variance = scale.variance(least);
            let excess = scale.variance(squares).saturating_sub(variance + 16 * s * s);
            prop_assert_eq!(
                excess * excess <= 64 * s * s * variance,
                squares <= scale.most_squares_above(least, slack)
            );
        }

        #[test]
        fn the_product_with_a_root_is_rounded_down(factor in 0..1_u128 << 30, value in 0..1_u128 << 60) {
            let floor = floor_of_product_with_root(factor, value);
            prop_assert_eq!(floor, (factor * factor * value).isqrt());
        }

        #[test]
        fn the_product_with_a_root_holds_its_largest_numbers(
            factor in 0..=1_u128 << 63,
            root in 0..1_u128 << 62,
        ) {
            prop_assert_eq!(floor_of_product_with_root(factor, root * root), factor * root);
        }
    }
}
