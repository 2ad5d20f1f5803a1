//! A strategy: which filters, which scores with what weights, how ties are broken, and how hard it looks.

use super::legal::{Company, LEGAL, Room, Skew, Suits};
use super::{Filter, Objective, Reads, Score};
use cloudlot_core::Request;
use std::sync::Arc;

/// How equal scores are decided before the lower identifier wins.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Tie {
    /// A row that is in use before one that is idle.
    #[default]
    Packing,
    /// By the identifier alone.
    Identifier,
}

/// How hard to look for a placement of a request with several pieces.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Search {
    /// How many pieces may be put down in all, once the first attempt has failed; looking at sixteen rows costs as much as
    /// a piece. 0: the first attempt decides.
    pub tries: u32,
}

impl Default for Search {
    /// 20,000 pieces, some milliseconds: exhaustive for a handful of pieces on a dozen rows.
    fn default() -> Self {
        Self { tries: 20_000 }
    }
}

/// How a request is placed.
#[derive(Clone)]
pub struct Strategy {
    pub(crate) filters: Vec<Arc<dyn Filter>>,
    pub(crate) scores: Vec<(Arc<dyn Score>, i64)>,
    pub(crate) tie: Tie,
    pub(crate) search: Search,
    objective: Option<Objective>,
}

/// A [`Strategy`] in the making.
#[derive(Clone)]
#[must_use = "a strategy is nothing before `build`"]
pub struct StrategyBuilder(Strategy);

impl Strategy {
    /// A strategy with the four filters that ask what is legal, and no score: the first row that fits, packed.
    pub fn builder() -> StrategyBuilder {
        StrategyBuilder(Self {
            filters: vec![
                Arc::new(Suits),
                Arc::new(Room),
                Arc::new(Company),
                Arc::new(Skew),
            ],
            scores: Vec::new(),
            tie: Tie::default(),
            search: Search::default(),
            objective: None,
        })
    }

    /// The filters, in the order in which they are asked.
    pub fn filters(&self) -> impl Iterator<Item = &dyn Filter> {
        self.filters.iter().map(AsRef::as_ref)
    }

    /// The scores and their weights.
    pub fn scores(&self) -> impl Iterator<Item = (&dyn Score, i64)> {
        self.scores
            .iter()
            .map(|(score, weight)| (score.as_ref(), *weight))
    }

    /// The most that any answer depends on, but for the filters that ask what is legal.
    pub(crate) fn own_reads(&self, request: &Request) -> Reads {
        let filters = self.filters().skip(LEGAL).map(Filter::reads);
        let scores = self.scores().map(|(score, _)| score);
        let scores = scores
            .filter(|score| score.matters(request))
            .map(Score::reads);
        filters.chain(scores).max().unwrap_or(Reads::Description)
    }

    /// What whole placements are compared by, if the strategy searches for the cheapest.
    #[must_use]
    pub const fn objective(&self) -> Option<&Objective> {
        self.objective.as_ref()
    }

    /// The same strategy with another's scores and ties, putting down piece by piece.
    pub(crate) fn with_scores_of(&self, other: &Self) -> Self {
        Self {
            scores: other.scores.clone(),
            tie: other.tie,
            objective: None,
            ..self.clone()
        }
    }

    /// Whether a filter's answers change with pieces on other rows, so that the order of pieces matters.
    pub(crate) fn has_worldly_filter(&self) -> bool {
        let mut own = self.filters().skip(LEGAL);
        own.any(|filter| filter.reads() == Reads::World)
    }
}

impl StrategyBuilder {
    /// Asks one more filter.
    pub fn filter(mut self, filter: impl Filter + 'static) -> Self {
        self.0.filters.push(Arc::new(filter));
        self
    }

    /// Adds a score with a weight; a negative weight turns it round.
    pub fn score(mut self, score: impl Score + 'static, weight: i32) -> Self {
        self.0.scores.push((Arc::new(score), weight.into()));
        self
    }

    /// How ties are broken.
    pub fn tie(mut self, tie: Tie) -> Self {
        self.0.tie = tie;
        self
    }

    /// Searches for the placement that costs least; the scores say where it begins.
    pub fn objective(mut self, objective: Objective) -> Self {
        self.0.objective = Some(objective);
        self
    }

    /// How hard to look.
    pub fn search(mut self, search: Search) -> Self {
        self.0.search = search;
        self
    }

    /// The strategy.
    #[must_use]
    pub fn build(self) -> Strategy {
        self.0
    }
}

impl std::fmt::Debug for Strategy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let filters: Vec<&str> = self.filters().map(Filter::name).collect();
        let scores: Vec<(&str, i64)> = self
            .scores()
            .map(|(score, weight)| (score.name(), weight))
            .collect();
        f.debug_struct("Strategy")
            .field("filters", &filters)
            .field("scores", &scores)
            .field("tie", &self.tie)
            .field("search", &self.search)
            .field("objective", &self.objective)
            .finish()
    }
}
