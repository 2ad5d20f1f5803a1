//! How hard a kind is contended, and what is best done about it.

/// How far demand is above supply, in bands at 1, 1.2, 1.5 and 2 times the supply. A band includes its upper edge.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Severity {
    /// Demand is at most the supply.
    None,
    /// Up to 1.2 times.
    Low,
    /// Up to 1.5 times.
    Medium,
    /// Up to twice.
    High,
    /// More than twice, or anything at all of what there is nothing of.
    Critical,
}

impl Severity {
    /// The band of a demand, in whole numbers: no ratio is rounded.
    ///
    /// ```
    /// use cloudlot_policy::contention::Severity;
    ///
    /// assert_eq!(Severity::of(120, 100), Severity::Low);
    /// assert_eq!(Severity::of(121, 100), Severity::Medium);
    /// assert_eq!(Severity::of(1, 0), Severity::Critical);
    /// assert_eq!(Severity::of(0, 0), Severity::None);
    /// ```
    #[must_use]
    pub const fn of(demand: u128, supply: u128) -> Self {
        let over = demand.saturating_sub(supply);
        // Of a whole excess, `over <= supply / 5` rounded down says the same as `demand <= 1.2 × supply`.
        if over == 0 {
            Self::None
        } else if over <= supply / 5 {
            Self::Low
        } else if over <= supply / 2 {
            Self::Medium
        } else if over <= supply {
            Self::High
        } else {
            Self::Critical
        }
    }

    /// What the band calls for; `None` without contention.
    #[must_use]
    pub const fn recommended(self) -> Option<Strategy> {
        match self {
            Self::None => None,
            Self::Low => Some(Strategy::Wait),
            Self::Medium => Some(Strategy::Redistribute),
            Self::High => Some(Strategy::Priority),
            Self::Critical => Some(Strategy::Preempt),
        }
    }
}

/// What can be done when not everybody gets what they ask for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Strategy {
    /// First come, first served: who does not fit waits, and holds nothing meanwhile.
    Wait,
    /// Elastic holders give up what they have above a fair share.
    Redistribute,
    /// The most urgent is served first.
    Priority,
    /// The fewest and cheapest of those that are less urgent have to go.
    Preempt,
    /// More capacity is asked for, exactly what is missing. No band calls for it: somebody has to.
    Scale,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The bands as they are written down: a demand of tenths against a supply of tenths.
    fn by_the_book(demand: u128, supply: u128) -> Severity {
        match (demand, supply) {
            (0, _) => Severity::None,
            (_, 0) => Severity::Critical,
            _ if demand * 10 <= supply * 10 => Severity::None,
            _ if demand * 10 <= supply * 12 => Severity::Low,
            _ if demand * 10 <= supply * 15 => Severity::Medium,
            _ if demand * 10 <= supply * 20 => Severity::High,
            _ => Severity::Critical,
        }
    }

    proptest! {
        #[test]
        fn the_bands_are_those_of_the_exact_ratio(
            supply in 0..1_000_u64,
            demand in 0..2_500_u64,
            scale in prop_oneof![Just(1_u64), 1..u64::MAX / 2_500],
        ) {
            let [demand, supply] = [demand, supply].map(|n| u128::from(n) * u128::from(scale));
            prop_assert_eq!(Severity::of(demand, supply), by_the_book(demand, supply));
        }
    }

    #[test]
    fn the_largest_numbers_have_a_band() {
        assert_eq!(Severity::of(u128::MAX, u128::MAX), Severity::None);
        assert_eq!(Severity::of(u128::MAX, u128::MAX - 1), Severity::Low);
        assert_eq!(Severity::of(u128::MAX, 1), Severity::Critical);
    }
}
