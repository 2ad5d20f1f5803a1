//! The rows as a field of candidates: which may take one more piece of a part, and which of them had better.
//!
//! A spot is what one member sits on: a row, or as many children of one parent as it asks for. Spots are kept in heaps, one
//! for each combination of the domains of the request's spreads, since those open and close together.

use super::legal::SKEW;
use super::strategy::{Strategy, Tie};
use super::{Ask, Reads, RowSet, Score, World};
use cloudlot_core::ledger::Assembly;
use cloudlot_core::{Kind, On, Request, ResourceId};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

/// A row that may serve, and how well. The greatest is the best.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Candidate {
    score: i64,
    in_use: bool,
    on: Reverse<ResourceId>,
}

impl Candidate {
    pub(crate) const fn on(self) -> ResourceId {
        self.on.0
    }

    pub(crate) const fn score(self) -> i64 {
        self.score
    }
}

/// Whether a spread that would be broken at once keeps a row out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Spreads {
    Kept,
    Ignored,
}

/// The rows that may take one more piece, with their scores, in the order of `rows`.
pub(crate) fn rank(
    ask: &Ask<'_>,
    strategy: &Strategy,
    spreads: Spreads,
    rows: &[ResourceId],
) -> Vec<Candidate> {
    let mut keep = RowSet::all(rows.len());
    for (index, filter) in strategy.filters().enumerate() {
        if index != SKEW || spreads == Spreads::Kept {
            filter.keep(ask, rows, &mut keep);
        }
    }
    let kept: Vec<ResourceId> = keep.iter().map(|index| rows[index]).collect();
    let mut totals = vec![0_i64; kept.len()];
    let mut scores = vec![0_i64; kept.len()];
    let asked = |score: &dyn Score| score.matters(ask.request());
    for (score, weight) in strategy.scores().filter(|(score, _)| asked(*score)) {
        score.score(ask, &kept, &mut scores);
        for (total, score) in totals.iter_mut().zip(&scores) {
            *total = total.saturating_add(weight.saturating_mul(*score));
        }
    }
    let candidate = |(on, score): (ResourceId, i64)| Candidate {
        score,
        in_use: strategy.tie == Tie::Packing && is_in_use(ask, on),
        on: Reverse(on),
    };
    kept.into_iter().zip(totals).map(candidate).collect()
}

fn is_in_use(ask: &Ask<'_>, on: ResourceId) -> bool {
    ask.state().hold_count(on) > 0 || !ask.assembly.own(on).is_zero()
}

/// What a spot is worth. The greatest is the best.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Offer {
    score: i64,
    in_use: usize,
    spot: Reverse<usize>,
}

/// Where members of one part may sit.
#[derive(Debug)]
struct Spot {
    /// The row alone, or the children of one parent.
    rows: Vec<ResourceId>,
    /// Which spots it opens and closes with.
    class: usize,
}

/// The spots for members of one part, best first.
pub(crate) struct Field<'a> {
    world: World<'a>,
    strategy: &'a Strategy,
    part: usize,
    /// On how many rows of a spot a member sits.
    of: usize,
    spots: Vec<Spot>,
    heaps: Vec<BinaryHeap<Offer>>,
    heads: BinaryHeap<(Offer, usize)>,
    /// The classes whose heads wait for the emptiest domain to fill up.
    closed: Vec<usize>,
    least: Vec<u64>,
    /// Whether every spot is one row, in their order.
    is_flat: bool,
    /// Whether what was said of a row stays true until something is put on it.
    is_lasting: bool,
}

impl<'a> Field<'a> {
    /// The field without any offers yet.
    pub(crate) fn new(
        world: World<'a>,
        assembly: &Assembly<'_>,
        strategy: &'a Strategy,
        part: usize,
    ) -> Self {
        let on = assembly.request().need().parts().get(part);
        let mut field = Self {
            world,
            strategy,
            part,
            of: 1,
            spots: Vec::new(),
            heaps: Vec::new(),
            heads: BinaryHeap::new(),
            closed: Vec::new(),
            least: Vec::new(),
            is_flat: true,
            is_lasting: strategy.own_reads(assembly.request()) <= Reads::Row
                && assembly.request().terms().is_none()
                && !assembly.is_limited(),
        };
        let mut groups: Vec<Vec<ResourceId>> = Vec::new();
        match on.map(|part| part.on) {
            Some(On::Children { of }) => {
                field.of = usize::try_from(of).unwrap_or(usize::MAX);
                field.is_flat = false;
                let mut families: BTreeMap<ResourceId, Vec<ResourceId>> = BTreeMap::new();
                for on in world.rows {
                    if let Some(parent) = assembly.state().parent(*on) {
                        families.entry(parent).or_default().push(*on);
                    }
                }
                groups.extend(families.into_values());
            }
            _ => groups.extend(world.rows.iter().map(|on| vec![*on])),
        }
        let mut classes: BTreeMap<Vec<Option<&str>>, usize> = BTreeMap::new();
        for rows in groups {
            let place = rows.first().and_then(|on| assembly.state().topology(*on));
            let spreads = assembly.request().spreads().iter();
            let domains = spreads.map(|spread| place?.domain(&spread.level)).collect();
            let next = classes.len();
            let class = *classes.entry(domains).or_insert(next);
            field.spots.push(Spot { rows, class });
        }
        field.heaps = vec![BinaryHeap::new(); classes.len()];
        field
    }

    /// Looks at every spot anew.
    pub(crate) fn refresh(&mut self, assembly: &Assembly<'_>) {
        self.heaps.iter_mut().for_each(BinaryHeap::clear);
        if self.is_flat {
            // One batch for all.
            let ask = self.ask(assembly);
            let ranked = rank(&ask, self.strategy, Spreads::Ignored, self.world.rows);
            for candidate in ranked {
                if let Ok(spot) = self.world.rows.binary_search(&candidate.on()) {
                    let offer = offer(spot, &[candidate]);
                    self.heaps[self.spots[spot].class].push(offer);
                }
            }
        } else {
            for spot in 0..self.spots.len() {
                if let Some((offer, _)) = self.look(assembly, spot) {
                    self.heaps[self.spots[spot].class].push(offer);
                }
            }
        }
        self.heads.clear();
        self.closed.clear();
        self.least = assembly.least_spread().collect();
        (0..self.heaps.len()).for_each(|class| self.show(class));
    }

    /// Puts one more member on the best spot that may take it, and says whether there was one.
    pub(crate) fn put(&mut self, assembly: &mut Assembly<'_>) -> bool {
        while let Some((_, class)) = self.heads.pop() {
            let Some(best) = self.heaps[class].peek().copied() else {
                continue;
            };
            let Reverse(spot) = best.spot;
            // All rows of a spot stand in the same domains.
            let on = self.spots[spot].rows[0];
            if assembly.spread_room(on, 1) == 0 {
                self.closed.push(class);
                continue;
            }
            self.heaps[class].pop();
            if self.is_flat && self.is_lasting {
                assembly.put(self.part, on, 1);
            } else {
                // Pieces since may have shut it.
                let Some((_, rows)) = self.look(assembly, spot) else {
                    self.show(class);
                    continue;
                };
                for on in rows {
                    assembly.put(self.part, on, 1);
                }
            }
            if let Some((again, _)) = self.look(assembly, spot) {
                self.heaps[class].push(again);
            }
            self.show(class);
            self.reopen(assembly);
            return true;
        }
        false
    }

    fn ask<'b>(&self, assembly: &'b Assembly<'b>) -> Ask<'b>
    where
        'a: 'b,
    {
        Ask {
            world: self.world,
            assembly,
            part: self.part,
        }
    }

    fn show(&mut self, class: usize) {
        if let Some(best) = self.heaps[class].peek() {
            self.heads.push((*best, class));
        }
    }

    /// Lets closed classes in again once an emptiest domain has filled up.
    fn reopen(&mut self, assembly: &Assembly<'_>) {
        if self.least.is_empty() || assembly.least_spread().eq(self.least.iter().copied()) {
            return;
        }
        self.least = assembly.least_spread().collect();
        for class in std::mem::take(&mut self.closed) {
            self.show(class);
        }
    }

    /// What a spot offers one more member, and the rows that it would take.
    fn look(&self, assembly: &Assembly<'_>, spot: usize) -> Option<(Offer, Vec<ResourceId>)> {
        let ask = self.ask(assembly);
        let rows = &self.spots[spot].rows;
        let mut ranked = rank(&ask, self.strategy, Spreads::Ignored, rows);
        if ranked.len() < self.of {
            return None;
        }
        if self.of > 1 {
            let of = u64::try_from(self.of).unwrap_or(u64::MAX);
            let member = assembly.each(self.part).saturating_mul(of);
            assembly.within_limits(&member).ok()?;
        }
        ranked.sort_unstable_by(|a, b| b.cmp(a));
        ranked.truncate(self.of);
        let rows = ranked.iter().map(|candidate| candidate.on()).collect();
        Some((offer(spot, &ranked), rows))
    }
}

fn offer(spot: usize, rows: &[Candidate]) -> Offer {
    let scores = rows.iter().map(|row| row.score);
    Offer {
        score: scores.fold(0, i64::saturating_add),
        in_use: rows.iter().filter(|row| row.in_use).count(),
        spot: Reverse(spot),
    }
}

/// After how many members what rows are worth is taken anew; `None` if no piece changes what other rows are worth.
pub(crate) fn refresh_after(
    strategy: &Strategy,
    request: &Request,
    members: u32,
    rows: usize,
) -> Option<u64> {
    let reads = strategy.own_reads(request);
    (reads == Reads::World).then(|| {
        let rows = u64::try_from(rows).unwrap_or(u64::MAX);
        1 + u64::from(members).saturating_mul(rows) / super::EVALUATIONS
    })
}

/// By how much of the scarcest kind a part's members are large, in thousandths of all that the rows may give.
pub(crate) fn bulk(world: World<'_>, assembly: &Assembly<'_>, part: usize) -> i64 {
    let each = assembly.each(part);
    let all = |kind: Kind| {
        let limits = world
            .rows
            .iter()
            .map(|on| assembly.state().limit(*on).get(kind));
        limits.fold(0, u64::saturating_add)
    };
    let shares = each
        .iter()
        .map(|(kind, each)| super::plug::share(each, all(kind)));
    shares.max().unwrap_or(0)
}
