//! Puts the pieces of a request down: one after the other by filters and scores, and by search where that fails.

use super::reason::{self, Reason};
use super::strategy::{Strategy, Tie};
use super::{Ask, Reads, RowSet, World, elastic, search};
use cloudlot_core::ledger::{Assembly, Placement, State};
use cloudlot_core::{Need, On, Part, Request, ResourceId};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

/// A request found no place.
#[derive(Clone, PartialEq, Debug)]
pub struct Unplaced {
    /// The part that found no row; 0 of an elastic need.
    pub part: usize,
    /// What kept it from one.
    pub reason: Reason,
    /// Whether there is certainly no placement; otherwise the search was given up.
    pub proved: bool,
}

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

/// A placement of a request by a strategy, or what keeps it from one. Every member that a part must have gets a row,
/// and as many of the others as find one.
///
/// # Errors
/// [`Unplaced`].
pub fn place(
    state: &State,
    world: World<'_>,
    request: &Request,
    strategy: &Strategy,
) -> Result<Placement, Unplaced> {
    let refuse = |part, reason| Unplaced {
        part,
        reason,
        proved: true,
    };
    let assembly = Assembly::new(state, request, world.now);
    let mut assembly = assembly.map_err(|why| refuse(0, Reason::Ledger(why)))?;
    let parts = match request.need() {
        Need::Parts(parts) => parts,
        Need::Elastic { .. } => return elastic::place(world, &assembly, strategy),
    };
    let put = parts.iter().enumerate().try_for_each(|(n, part)| {
        let placed = fill(world, &mut assembly, strategy, n, part, part.min);
        if placed == part.min { Ok(()) } else { Err(n) }
    });
    if let Err(part) = put {
        let mut unplaced = Unplaced {
            part,
            reason: reason::of(world, &assembly, strategy, part),
            proved: is_lone(parts),
        };
        while assembly.take_back().is_some() {}
        if !unplaced.proved {
            match search::find(world, &mut assembly, strategy, parts) {
                search::Found::Placed => {}
                search::Found::Impossible => unplaced.proved = true,
                search::Found::GaveUp => {}
            }
        }
        if assembly.pieces().is_empty() {
            return Err(unplaced);
        }
    }
    for (n, part) in parts.iter().enumerate() {
        fill(
            world,
            &mut assembly,
            strategy,
            n,
            part,
            part.count - part.min,
        );
    }
    Ok(assembly.placement())
}

/// Whether there is only one piece, so that no choice can have been wrong.
fn is_lone(parts: &[Part]) -> bool {
    matches!(parts, [part] if part.min == 1 && matches!(part.on, On::Node | On::Children { of: 1 }))
}

/// Puts up to `count` more members of a part down, and says how many found a row.
fn fill(
    world: World<'_>,
    assembly: &mut Assembly<'_>,
    strategy: &Strategy,
    index: usize,
    part: &Part,
    count: u32,
) -> u32 {
    match part.on {
        On::Node => fill_nodes(world, assembly, strategy, index, count),
        On::Children { of } => {
            let one = |_: &u32| put_family(world, assembly, strategy, index, of);
            let placed = (0..count).take_while(one).count();
            u32::try_from(placed).unwrap_or(count)
        }
    }
}

fn fill_nodes(
    world: World<'_>,
    assembly: &mut Assembly<'_>,
    strategy: &Strategy,
    part: usize,
    count: u32,
) -> u32 {
    if count == 0 {
        return 0;
    }
    let request = assembly.request();
    let is_social = request.terms().is_some() || !request.spreads().is_empty();
    // What one piece takes then changes nothing about other rows.
    let is_local = strategy.reads(is_social) <= Reads::Row;
    let ranked = |assembly: &Assembly<'_>, rows: &[ResourceId]| {
        let ask = Ask {
            world,
            assembly,
            part,
        };
        BinaryHeap::from(rank(&ask, strategy, rows))
    };
    let mut field = ranked(assembly, world.rows);
    for placed in 0..count {
        let Some(best) = field.pop() else {
            return placed;
        };
        assembly.put(part, best.on(), 1);
        if placed + 1 == count {
            break;
        }
        if is_local {
            field.append(&mut ranked(assembly, &[best.on()]));
        } else {
            field = ranked(assembly, world.rows);
        }
    }
    count
}

/// The rows that may take one more piece, with their scores, in the order of `rows`.
pub(crate) fn rank(ask: &Ask<'_>, strategy: &Strategy, rows: &[ResourceId]) -> Vec<Candidate> {
    let mut keep = RowSet::all(rows.len());
    for filter in strategy.filters() {
        filter.keep(ask, rows, &mut keep);
    }
    let kept: Vec<ResourceId> = keep.iter().map(|index| rows[index]).collect();
    let mut totals = vec![0_i64; kept.len()];
    let mut scores = vec![0_i64; kept.len()];
    for (score, weight) in strategy.scores() {
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

/// Puts one member on `of` children of one parent: of the parent whose children score best in all.
fn put_family(
    world: World<'_>,
    assembly: &mut Assembly<'_>,
    strategy: &Strategy,
    part: usize,
    of: u32,
) -> bool {
    let of = usize::try_from(of).unwrap_or(usize::MAX);
    let mut families: BTreeMap<ResourceId, Vec<Candidate>> = BTreeMap::new();
    let ask = Ask {
        world,
        assembly,
        part,
    };
    for candidate in rank(&ask, strategy, world.rows) {
        if let Some(parent) = assembly.state().parent(candidate.on()) {
            families.entry(parent).or_default().push(candidate);
        }
    }
    families.retain(|_, children| children.len() >= of);
    for children in families.values_mut() {
        children.sort_unstable_by(|a, b| b.cmp(a));
        children.truncate(of);
    }
    let worth = |children: &[Candidate]| {
        let sum = children
            .iter()
            .map(|child| i128::from(child.score))
            .sum::<i128>();
        (sum, children.iter().filter(|child| child.in_use).count())
    };
    let best = families
        .into_iter()
        .max_by_key(|(parent, children)| (worth(children), Reverse(*parent)));
    let Some((_, children)) = best else {
        return false;
    };
    for child in children {
        assembly.put(part, child.on(), 1);
    }
    true
}
