//! The cheapest placement by an objective: the best of what other strategies find, and then a search from there.

use super::objective::Objective;
use super::put::{self, Unplaced, children};
use super::search;
use super::{Strategy, World};
use cloudlot_core::Need;
use cloudlot_core::ledger::Assembly;

/// Fills an empty assembly with a placement that is at most as dear as those of greedy, balanced and the strategy's own
/// scores, with as many members as any of them has.
pub(crate) fn place<'a>(
    world: World<'_>,
    empty: &Assembly<'a>,
    strategy: &Strategy,
    objective: &Objective,
) -> Result<Assembly<'a>, Unplaced> {
    let attempt = |scores: &Strategy| {
        let mut assembly = empty.clone();
        let strategy = strategy.with_scores_of(scores);
        put::fill_in(world, &mut assembly, &strategy).map(|()| assembly)
    };
    let mut best = attempt(strategy)?;
    for other in [Strategy::greedy(), Strategy::balanced()] {
        // What was found once may not be found by other scores within the bounds of a search.
        if let Ok(other) = attempt(&other)
            && key(world, objective, &other) < key(world, objective, &best)
        {
            best = other;
        }
    }
    if matches!(empty.request().need(), Need::Parts(_)) {
        improve(world, empty, strategy, objective, &mut best);
    }
    Ok(best)
}

/// More members come first, then the lower cost.
fn key(world: World<'_>, objective: &Objective, assembly: &Assembly<'_>) -> (i128, i128) {
    let members = assembly
        .pieces()
        .iter()
        .map(|piece| i128::from(piece.members));
    (-members.sum::<i128>(), objective.cost(world, assembly))
}

/// Looks at all placements with the same members, as far as the tries go.
fn improve<'a>(
    world: World<'_>,
    empty: &Assembly<'a>,
    strategy: &Strategy,
    objective: &Objective,
    best: &mut Assembly<'a>,
) {
    let parts = empty.request().need().parts();
    let members: Vec<u32> = (0..parts.len())
        .map(|part| u32::try_from(best.members(part)).unwrap_or(u32::MAX))
        .collect();
    let places = parts.iter().zip(&members);
    let places = places.map(|(part, members)| u64::from(*members) * u64::from(children(part)));
    if places.sum::<u64>() > u64::from(strategy.search.tries) {
        return;
    }
    let mut cost = objective.cost(world, best);
    let mut assembly = empty.clone();
    search::each(world, &mut assembly, strategy, &members, |found| {
        let other = objective.cost(world, found);
        if other < cost {
            cost = other;
            *best = found.clone();
        }
    });
}
