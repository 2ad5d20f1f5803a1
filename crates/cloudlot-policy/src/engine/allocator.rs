//! Who may, who comes next, and where: the three questions of a policy, put together.

use super::preempt::Preempt;
use super::reclaim::{Quotas, TakeBack};
use crate::accounts::Decay;
use crate::admit::Admit;
use crate::backfill::Config;
use crate::order::{Fifo, Order};
use crate::place::{Filter, Score, Search, Strategy, StrategyBuilder, Tie};
use crate::quota::QuotaTree;
use cloudlot_core::Request;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// What becomes of those behind a request that finds no place.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Discipline {
    /// They are served; it waits until something changes.
    #[default]
    BestEffort,
    /// They wait as well.
    Strict,
    /// They are served as long as nobody who was promised a start begins later for it; see [`backfill`](crate::backfill).
    /// Estimates are those of the requests. Neither preemption nor taking back is tried then.
    Backfill(Config),
}

/// A policy: admission, order, and placement.
#[derive(Clone)]
pub struct Allocator {
    pub(crate) gates: Vec<Arc<dyn Admit>>,
    pub(crate) order: Arc<dyn Order>,
    pub(crate) discipline: Discipline,
    pub(crate) preempt: Option<Preempt>,
    pub(crate) quota: Option<Quotas>,
    pub(crate) decay: Decay,
    pub(crate) strategy: Strategy,
    pub(crate) named: BTreeMap<String, Strategy>,
}

/// An [`Allocator`] in the making.
#[derive(Clone)]
#[must_use = "an allocator is nothing before `build`"]
pub struct AllocatorBuilder {
    allocator: Allocator,
    strategy: StrategyBuilder,
}

impl Allocator {
    /// An allocator that serves first come, first served, and takes the first row that fits.
    pub fn builder() -> AllocatorBuilder {
        AllocatorBuilder {
            allocator: Self {
                gates: Vec::new(),
                order: Arc::new(Fifo),
                discipline: Discipline::default(),
                preempt: None,
                quota: None,
                decay: Decay::default(),
                strategy: Strategy::builder().build(),
                named: BTreeMap::new(),
            },
            strategy: Strategy::builder(),
        }
    }

    /// The strategy for a request: the one that it names, else the allocator's own.
    ///
    /// # Errors
    /// The name, if there is no strategy of it.
    pub fn strategy_for<'a>(&'a self, request: &'a Request) -> Result<&'a Strategy, &'a str> {
        match request.strategy() {
            None => Ok(&self.strategy),
            Some(name) => self.named.get(name).ok_or(name),
        }
    }

    /// What decides who comes next.
    #[must_use]
    pub fn order(&self) -> &dyn Order {
        self.order.as_ref()
    }
}

impl AllocatorBuilder {
    /// Adds a gate; a request has to pass all of them.
    pub fn admit(mut self, gate: impl Admit + 'static) -> Self {
        self.allocator.gates.push(Arc::new(gate));
        self
    }

    /// Who comes next.
    pub fn order(mut self, order: impl Order + 'static) -> Self {
        self.allocator.order = Arc::new(order);
        self
    }

    /// What becomes of those behind a request that finds no place.
    pub fn discipline(mut self, discipline: Discipline) -> Self {
        self.allocator.discipline = discipline;
        self
    }

    /// Holds owners to their quotas, and lets them take back what is lent.
    ///
    /// Without [`Allocator::preempt`](AllocatorBuilder::preempt) borrowers go at once; with it they have its grace.
    pub fn quota(mut self, tree: QuotaTree, take_back: TakeBack) -> Self {
        self.allocator.quota = Some(Quotas {
            tree: Arc::new(tree),
            take_back,
        });
        self
    }

    /// Lets those who find no room push others out.
    pub fn preempt(mut self, preempt: Preempt) -> Self {
        self.allocator.preempt = Some(preempt);
        self
    }

    /// How fast past use is forgotten.
    pub fn decay(mut self, decay: Decay) -> Self {
        self.allocator.decay = decay;
        self
    }

    /// Asks one more filter, in the allocator's own strategy.
    pub fn filter(mut self, filter: impl Filter + 'static) -> Self {
        self.strategy = self.strategy.filter(filter);
        self
    }

    /// Adds a score with a weight to the allocator's own strategy.
    pub fn score(mut self, score: impl Score + 'static, weight: i32) -> Self {
        self.strategy = self.strategy.score(score, weight);
        self
    }

    /// How ties are broken in the allocator's own strategy.
    pub fn tie(mut self, tie: Tie) -> Self {
        self.strategy = self.strategy.tie(tie);
        self
    }

    /// How hard the allocator's own strategy looks.
    pub fn search(mut self, search: Search) -> Self {
        self.strategy = self.strategy.search(search);
        self
    }

    /// A strategy that requests may name, instead of the one that is known by that name.
    pub fn strategy(mut self, name: impl Into<String>, strategy: Strategy) -> Self {
        self.allocator.named.insert(name.into(), strategy);
        self
    }

    /// The allocator. Requests may name the strategies that this crate knows ([`Strategy::NAMES`]), too, unless another was
    /// given that name.
    #[must_use]
    pub fn build(mut self) -> Allocator {
        for name in Strategy::NAMES {
            let known = || Strategy::named(name).expect("the names are those that are known");
            let named = &mut self.allocator.named;
            named.entry((*name).to_owned()).or_insert_with(known);
        }
        Allocator {
            strategy: self.strategy.build(),
            ..self.allocator
        }
    }
}

impl fmt::Debug for Allocator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let gates: Vec<&str> = self.gates.iter().map(|gate| gate.name()).collect();
        f.debug_struct("Allocator")
            .field("gates", &gates)
            .field("order", &self.order.name())
            .field("discipline", &self.discipline)
            .field("preempt", &self.preempt)
            .field("take_back", &self.quota.as_ref().map(|it| it.take_back))
            .field("decay", &self.decay)
            .field("strategy", &self.strategy)
            .field("named", &self.named)
            .finish()
    }
}
