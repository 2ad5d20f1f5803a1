//! Places an elastic need: on one row if one takes all of it, else split over the best rows.

use super::put::{Candidate, Unplaced, rank};
use super::reason::{self, Reason};
use super::{Ask, Strategy, World};
use cloudlot_core::ledger::{Assembly, Placement};
use cloudlot_core::{Amounts, Kind, ResourceId};

/// The part by which the most of an elastic need goes in an assembly.
const MOST: usize = 1;

pub(crate) fn place(
    world: World<'_>,
    assembly: &Assembly<'_>,
    strategy: &Strategy,
) -> Result<Placement, Unplaced> {
    let (least, most) = (assembly.each(0), assembly.each(MOST));
    let ask = Ask {
        world,
        assembly,
        part: 0,
    };
    let mut rows = rank(&ask, strategy, world.rows);
    rows.sort_unstable_by(|a, b| b.cmp(a));
    let whole = |row: &&Candidate| most.fits_in(&left(assembly, row.on(), &most));
    if let Some(row) = rows.iter().find(whole) {
        return Ok(Placement::Shares(vec![(row.on(), most)]));
    }
    let mut rest = most;
    let mut shares = Vec::new();
    for row in rows {
        let share = left(assembly, row.on(), &rest);
        if !share.is_zero() {
            rest = rest.saturating_sub(&share);
            shares.push((row.on(), share));
        }
    }
    let given = most.saturating_sub(&rest);
    if least.fits_in(&given) {
        return Ok(Placement::Shares(shares));
    }
    Err(Unplaced {
        part: 0,
        reason: short(world, assembly, strategy, &least.shortfall(&given)),
        // Shares that shun each other could have gone otherwise.
        proved: assembly.request().terms().is_none(),
    })
}

fn left(assembly: &Assembly<'_>, on: ResourceId, wanted: &Amounts) -> Amounts {
    let left = |(kind, wanted): (Kind, u64)| (kind, wanted.min(assembly.left(on, kind)));
    wanted.iter().map(left).collect()
}

fn short(
    world: World<'_>,
    assembly: &Assembly<'_>,
    strategy: &Strategy,
    short: &Amounts,
) -> Reason {
    match reason::of(world, assembly, strategy, 0) {
        Reason::Full { suiting, .. } | Reason::Filtered { rows: suiting, .. } => Reason::InAll {
            suiting,
            short: assembly.state().kinds().quantities(short),
        },
        other => other,
    }
}
