//! Puts the pieces of a request down: one after the other by filters and scores, and by search where that fails.

use super::field::{Field, refresh_after};
use super::reason::{self, Reason};
use super::search::{self, Found};
use super::{Strategy, World, elastic, optimise};
use cloudlot_core::ledger::{Assembly, Placement, State, Why};
use cloudlot_core::{Amounts, Need, On, Part, Request, ResourceId};
use std::collections::BTreeMap;

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
    let assembly = begin(state, world, request).map_err(refuse)?;
    finish(world, assembly, strategy)
}

/// As [`place`], with no more to take of a row than `ceilings` names; nothing of those that it does not.
///
/// # Errors
/// [`Unplaced`].
pub fn place_under(
    state: &State,
    world: World<'_>,
    request: &Request,
    strategy: &Strategy,
    ceilings: &BTreeMap<ResourceId, Amounts>,
) -> Result<Placement, Unplaced> {
    let assembly = begin(state, world, request).map_err(refuse)?;
    finish(world, assembly.under(ceilings), strategy)
}

const fn refuse(why: Why) -> Unplaced {
    Unplaced {
        part: 0,
        reason: Reason::Ledger(why),
        proved: true,
    }
}

fn finish(
    world: World<'_>,
    mut assembly: Assembly<'_>,
    strategy: &Strategy,
) -> Result<Placement, Unplaced> {
    assembly
        .within_limits(&required(&assembly))
        .map_err(refuse)?;
    if let Some(objective) = strategy.objective() {
        assembly = optimise::place(world, &assembly, strategy, objective)?;
    } else {
        fill_in(world, &mut assembly, strategy)?;
    }
    Ok(assembly.placement())
}

/// Puts down what the request needs, by the strategy's filters and scores.
pub(crate) fn fill_in(
    world: World<'_>,
    assembly: &mut Assembly<'_>,
    strategy: &Strategy,
) -> Result<(), Unplaced> {
    match assembly.request().need() {
        Need::Parts(parts) => fill_all(world, assembly, strategy, parts),
        Need::Elastic { .. } => elastic::place(world, assembly, strategy),
    }
}

/// A placement in the making that knows which domains could serve: what an [`Ask`](super::Ask) needs.
///
/// # Errors
/// As [`Assembly::new`].
pub fn begin<'a>(
    state: &'a State,
    world: World<'_>,
    request: &'a Request,
) -> Result<Assembly<'a>, Why> {
    let mut assembly = Assembly::new(state, request, world.now)?;
    assembly.watch(world.rows);
    Ok(assembly)
}

/// What the members that have to be there take together, or the least of an elastic need.
pub(crate) fn required(assembly: &Assembly<'_>) -> Amounts {
    let parts = assembly.request().need().parts();
    if parts.is_empty() {
        return assembly.each(0);
    }
    let members = parts.iter().enumerate().map(|(n, part)| {
        let places = u64::from(part.min) * u64::from(children(part));
        assembly.each(n).saturating_mul(places)
    });
    members.fold(Amounts::ZERO, |sum, more| sum.saturating_add(&more))
}

/// On how many rows a member sits.
pub(crate) const fn children(part: &Part) -> u32 {
    match part.on {
        On::Node => 1,
        On::Children { of } => of,
    }
}

fn fill_all(
    world: World<'_>,
    assembly: &mut Assembly<'_>,
    strategy: &Strategy,
    parts: &[Part],
) -> Result<(), Unplaced> {
    let put = parts.iter().enumerate().try_for_each(|(n, part)| {
        let placed = fill(world, assembly, strategy, n, part.min);
        if placed == part.min { Ok(()) } else { Err(n) }
    });
    if let Err(part) = put {
        let reason = reason::of(world, assembly, strategy, part);
        while assembly.take_back().is_some() {}
        let found = if is_lone(parts) {
            Found::Impossible
        } else {
            search::find(world, assembly, strategy, parts)
        };
        if found != Found::Placed {
            return Err(Unplaced {
                part,
                reason,
                proved: found == Found::Impossible,
            });
        }
    }
    for (n, part) in parts.iter().enumerate() {
        let placed = u32::try_from(assembly.members(n)).unwrap_or(part.count);
        fill(
            world,
            assembly,
            strategy,
            n,
            part.count.saturating_sub(placed),
        );
    }
    Ok(())
}

/// Whether there is only one member, so that no choice before it can have been wrong.
fn is_lone(parts: &[Part]) -> bool {
    matches!(parts, [part] if part.min == 1)
}

/// Puts up to `count` more members of a part down, and says how many found a place.
pub(crate) fn fill(
    world: World<'_>,
    assembly: &mut Assembly<'_>,
    strategy: &Strategy,
    part: usize,
    count: u32,
) -> u32 {
    if count == 0 {
        return 0;
    }
    let every = refresh_after(strategy, assembly.request(), count, world.rows.len());
    let mut field = Field::new(world, assembly, strategy, part);
    let mut since = 0;
    field.refresh(assembly);
    for placed in 0..count {
        if every.is_some_and(|every| since >= every) {
            field.refresh(assembly);
            since = 0;
        }
        if !field.put(assembly) {
            // Rows that were shut when they were looked at last may be open by now.
            if every.is_none() || since == 0 {
                return placed;
            }
            field.refresh(assembly);
            since = 0;
            if !field.put(assembly) {
                return placed;
            }
        }
        since += 1;
    }
    count
}
