//! The strategies that have a name, and what each is for.
//!
//! Except in first and next fit, wishes (preferences, soft affinities, taints that would rather keep away) count too: under
//! `priority` before anything else, under the others between rows that are alike otherwise.

use super::objective::Objective;
use super::score::{
    Balanced, Companions, Even, First, Fullest, LeastRequested, MostRequested, Next, Preferred,
    Scattered, Tightest,
};
use super::strategy::{Strategy, StrategyBuilder, Tie};
use super::{SCALE, Score};

/// More than the wishes together can weigh: what has this weight comes first.
const FIRST: i32 = 2 * 1_000 + 1;
const _: () = assert!(SCALE == 1_000);

fn by(main: impl Score + 'static, tie: Tie) -> StrategyBuilder {
    let strategy = Strategy::builder().tie(tie).score(main, FIRST);
    strategy.score(Preferred, 1).score(Companions, 1)
}

impl Strategy {
    /// The names of all strategies here, in the order of their documentation.
    pub const NAMES: [&str; 11] = [
        "first-fit",
        "next-fit",
        "best-fit",
        "worst-fit",
        "most-requested",
        "least-requested",
        "greedy",
        "balanced",
        "priority",
        "spread",
        "optimised",
    ];

    /// The strategy of a name, as requests may ask for it.
    /// ```
    /// use cloudlot_policy::place::Strategy;
    ///
    /// assert!(Strategy::NAMES.iter().all(|name| Strategy::named(name).is_some()));
    /// assert!(Strategy::named("random").is_none());
    /// ```
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "first-fit" => Self::first_fit(),
            "next-fit" => Self::next_fit(),
            "best-fit" => Self::best_fit(),
            "worst-fit" => Self::worst_fit(),
            "most-requested" => Self::most_requested(),
            "least-requested" => Self::least_requested(),
            "greedy" => Self::greedy(),
            "balanced" => Self::balanced(),
            "priority" => Self::priority(),
            "spread" => Self::spread(),
            "optimised" => Self::optimised(),
            _ => return None,
        })
    }

    /// The first row that fits, by identifier. The quickest, and hard to beat where pieces come and go.
    #[must_use]
    pub fn first_fit() -> Self {
        let strategy = Self::builder().tie(Tie::Identifier);
        strategy.score(First, 1).build()
    }

    /// The row of the last grant if it fits, else the next that does, all round: wears rows evenly over time.
    #[must_use]
    pub fn next_fit() -> Self {
        let strategy = Self::builder().tie(Tie::Identifier);
        strategy.score(Next, 1).build()
    }

    /// The row that has least left over: keeps large gaps for large requests.
    #[must_use]
    pub fn best_fit() -> Self {
        by(Tightest, Tie::Packing).build()
    }

    /// The row that has most left over: leaves room to grow everywhere.
    #[must_use]
    pub fn worst_fit() -> Self {
        let strategy = Self::builder().tie(Tie::Identifier);
        let strategy = strategy.score(Tightest, -FIRST);
        strategy.score(Preferred, 1).score(Companions, 1).build()
    }

    /// The row of which most is requested in the kinds that are asked for, as Kubernetes packs.
    #[must_use]
    pub fn most_requested() -> Self {
        by(MostRequested, Tie::Packing).build()
    }

    /// The row of which least is requested in the kinds that are asked for, as Kubernetes spreads load.
    #[must_use]
    pub fn least_requested() -> Self {
        by(LeastRequested, Tie::Identifier).build()
    }

    /// The fullest row that fits, over all kinds that it has: few rows in use. An elastic need may be split.
    ///
    /// Source: the reservation strategy `greedy` of the original resource management system, as its documentation
    /// describes it.
    #[must_use]
    pub fn greedy() -> Self {
        by(Fullest, Tie::Packing).build()
    }

    /// The row whose fullest kind stays emptiest, and of those the one whose kinds are most alike: the highest
    /// utilisation stays low.
    ///
    /// Source: the reservation strategy `balanced` of the original resource management system, by the state after the
    /// placement rather than before it.
    #[must_use]
    pub fn balanced() -> Self {
        let strategy = Self::builder().tie(Tie::Identifier);
        let strategy = strategy.score(Balanced, FIRST * FIRST).score(Even, FIRST);
        strategy.score(Preferred, 1).score(Companions, 1).build()
    }

    /// What is preferred first, however full, and then as [`greedy`](Self::greedy). Which request comes first is said
    /// elsewhere.
    ///
    /// Source: the reservation strategy `priority` of the original resource management system.
    #[must_use]
    pub fn priority() -> Self {
        let strategy = Self::builder().score(Preferred, FIRST);
        strategy.score(Companions, FIRST).score(Fullest, 1).build()
    }

    /// The domain with the fewest members of the same sort, and of those rows the one of which least is requested: as
    /// little as can be is lost with a host.
    #[must_use]
    pub fn spread() -> Self {
        let strategy = Self::builder().tie(Tie::Identifier);
        let strategy = strategy.score(Scattered, FIRST * FIRST);
        let strategy = strategy.score(LeastRequested, FIRST);
        strategy.score(Preferred, 1).score(Companions, 1).build()
    }

    /// The cheapest placement by the default [`Objective`]: exact for small requests, never worse than greedy or
    /// balanced.
    ///
    /// Source: the reservation strategy `optimized` of the original resource management system, with a search in place
    /// of a sum of two numbers.
    #[must_use]
    pub fn optimised() -> Self {
        by(Fullest, Tie::Packing)
            .objective(Objective::default())
            .build()
    }
}
