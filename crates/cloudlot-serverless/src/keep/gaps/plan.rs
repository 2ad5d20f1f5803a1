//! The cheapest plan for a gap of which the distribution is known: keep for a while, let go, start again ahead, keep for a while.

use super::bins::{BINS, SECONDS};

/// A plan by bins: numbers of the edges at which something is done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Plan {
    /// At which edge the instance is let go; zero: at once.
    pub(super) keep: usize,
    /// At which edge one is to be warm again and at which that is let go.
    pub(super) again: Option<(usize, usize)>,
}

/// What a plan is weighed by, in seconds of idling of one instance.
#[derive(Clone, Copy, Debug)]
pub(super) struct Price {
    /// A cold start.
    pub(super) cold: f64,
    /// A start ahead, beside the cost of waiting; nothing: none is made.
    pub(super) ahead: Option<f64>,
}

/// What is cheapest from an edge on, and until where.
#[derive(Clone, Copy, Debug)]
struct Best {
    cost: f64,
    /// The edge at which this state is left.
    until: usize,
}

/// The plan with the least expected cost, by dynamic programming from the longest gap backwards.
///
/// The last bin's gaps end where the bin ends. Of equal plans, one that lets go earlier is taken.
pub(super) fn cheapest(expected: &[f64; BINS], price: &Price) -> Plan {
    // The likelihood that the gap reaches the edge at hand.
    let mut reach = 0.0;
    let nothing = Best {
        cost: 0.0,
        until: BINS,
    };
    // From here on: warm for the second time; cold but with a start ahead to come; warm for the first time.
    let (mut second, mut between, mut first) = (nothing, nothing, nothing);
    // When the start ahead comes and until when it lasts, if one comes from here on or from the edge at which the first is left.
    let (mut ahead, mut again) = (None, None);
    for bin in (0..BINS).rev() {
        let width = SECONDS[bin + 1] - SECONDS[bin];
        let here = expected[bin];
        let idle = here * 0.5 * width + reach * width;
        reach += here;
        let cold = price.cold * reach;
        second = better(second, idle, cold, bin);
        let wait = price.cold * here + between.cost;
        between.cost = cold;
        let start = price.ahead.map(|ahead| ahead * reach + second.cost);
        match start {
            Some(start) if start < cold && start <= wait => {
                between.cost = start;
                ahead = Some((bin, second.until));
            }
            _ if wait < cold && ahead.is_some() => between.cost = wait,
            _ => ahead = None,
        }
        first = better(first, idle, between.cost, bin);
        if first.until == bin {
            again = ahead;
        }
    }
    Plan {
        keep: first.until,
        again,
    }
}

/// Whether to stay warm through this bin or to leave at its beginning.
fn better(after: Best, idle: f64, leave: f64, bin: usize) -> Best {
    let stay = idle + after.cost;
    if stay < leave {
        Best {
            cost: stay,
            ..after
        }
    } else {
        Best {
            cost: leave,
            until: bin,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What a plan costs, by its definition.
    fn cost(expected: &[f64; BINS], price: &Price, plan: Plan) -> f64 {
        let mut sum = 0.0;
        for (bin, part) in expected.iter().enumerate() {
            // Within its bin a gap ends in the middle.
            let end = 0.5 * (SECONDS[bin] + SECONDS[bin + 1]);
            let warm = |from: usize, until: usize| {
                let until = if bin < until { end } else { SECONDS[until] };
                (until - SECONDS[from]).max(0.0)
            };
            let mut one = warm(0, plan.keep);
            let mut hit = bin < plan.keep;
            if let Some((from, until)) = plan.again
                && bin >= from
            {
                one += price.ahead.expect("a start ahead") + warm(from, until);
                hit |= bin < until;
            }
            if !hit {
                one += price.cold;
            }
            sum += part * one;
        }
        sum
    }

    fn all() -> impl Iterator<Item = Plan> {
        (0..=BINS).flat_map(|keep| {
            let pairs =
                (keep + 1..BINS).flat_map(|from| (from + 1..=BINS).map(move |to| (from, to)));
            std::iter::once(None)
                .chain(pairs.map(Some))
                .map(move |again| Plan { keep, again })
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn no_plan_is_cheaper(
            weights in prop::collection::vec(prop_oneof![3 => Just(0.0), 1 => 0.01..1.0_f64], BINS..=BINS),
            cold in prop_oneof![0.0..1e5_f64, 0.0..100.0_f64], ahead in prop::option::of(0.0..100.0_f64),
        ) {
            let total = weights.iter().sum::<f64>().max(1e-9);
            let expected = std::array::from_fn(|bin| weights[bin] / total);
            let price = Price { cold, ahead };
            let plan = cheapest(&expected, &price);
            let least = all().filter(|plan| plan.again.is_none() || ahead.is_some());
            let least = least.map(|plan| cost(&expected, &price, plan)).min_by(f64::total_cmp);
            let mine = cost(&expected, &price, plan);
            prop_assert!(mine <= least.unwrap_or(0.0) + 1e-6 * (1.0 + mine), "{plan:?}: {mine} for {least:?}");
        }
    }

    #[test]
    fn a_clock_is_met_by_a_start_ahead() {
        let mut expected = [0.0; BINS];
        expected[30] = 1.0;
        let price = Price {
            cold: 2_000.0,
            ahead: Some(1.0),
        };
        let plan = cheapest(&expected, &price);
        assert_eq!((plan.keep, plan.again), (0, Some((30, 31))));
        let none = Price {
            ahead: None,
            ..price
        };
        assert!(cheapest(&expected, &none).again.is_none());
    }
}
