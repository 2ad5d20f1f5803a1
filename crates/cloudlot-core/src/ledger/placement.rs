//! Where the pieces of a request go.

use super::holds::{Hold, Holds};
use super::state::State;
use super::why::Why;
use crate::{Amounts, KindsError, Need, On, Part, Quantities, Request, ResourceId};
use std::collections::BTreeMap;

/// Where the pieces of a request go.
#[derive(Clone, PartialEq, Debug)]
pub enum Placement {
    /// Members of parts on resources.
    Pieces(Vec<Piece>),
    /// How much of an elastic need goes where.
    Shares(Vec<(ResourceId, Amounts)>),
}

/// Members of one part on one resource.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Piece {
    /// Which part of the request, from 0.
    pub part: usize,
    /// Where. For a part [`On::Children`]: one of the children.
    pub on: ResourceId,
    /// How many members of the part.
    pub members: u32,
}

impl Placement {
    /// All of a request with one part of one member on one resource.
    #[must_use]
    pub fn on(resource: ResourceId) -> Self {
        Self::Pieces(vec![Piece {
            part: 0,
            on: resource,
            members: 1,
        }])
    }
}

/// What a placement holds, if it is what the request asks for.
pub(crate) fn holds(state: &State, request: &Request, placement: &Placement) -> Result<Holds, Why> {
    let list = match (request.need(), placement) {
        (Need::Parts(parts), Placement::Pieces(pieces)) => of_parts(state, parts, pieces)?,
        (Need::Elastic { least, most }, Placement::Shares(shares)) => {
            of_shares(state, least, most, shares)?
        }
        _ => {
            return Err(Why::Placement(
                "pieces are for parts, shares for an elastic need",
            ));
        }
    };
    Holds::sum(list).ok_or(Why::Overflow)
}

fn of_parts(state: &State, parts: &[Part], pieces: &[Piece]) -> Result<Vec<Hold>, Why> {
    if pieces.iter().any(|piece| piece.part >= parts.len()) {
        return Err(Why::Placement("there is no such part"));
    }
    for (index, part) in parts.iter().enumerate() {
        let here = pieces.iter().filter(|piece| piece.part == index);
        let members = match part.on {
            On::Node => here.map(|piece| u64::from(piece.members)).sum(),
            On::Children { of } => families(state, of, here)?,
        };
        if !(u64::from(part.min)..=u64::from(part.count)).contains(&members) {
            return Err(Why::Placement("a part has too few or too many members"));
        }
    }
    let hold = |piece: &Piece| {
        let each = amounts(state, &parts[piece.part].amounts)?;
        let all = each
            .checked_mul(piece.members.into())
            .ok_or(Why::Overflow)?;
        Ok(Hold::of(piece.on, &all, piece.members))
    };
    pieces
        .iter()
        .filter(|piece| piece.members > 0)
        .map(hold)
        .collect()
}

/// How many members of a part sit on children, each on `of` children of one parent.
///
/// Members can be dealt to a parent's children so that none meets a child twice exactly if no child has more members
/// than there are, and the places come out even.
fn families<'a>(
    state: &State,
    of: u32,
    pieces: impl Iterator<Item = &'a Piece>,
) -> Result<u64, Why> {
    let mut by_parent: BTreeMap<ResourceId, BTreeMap<ResourceId, u64>> = BTreeMap::new();
    for piece in pieces {
        let standing = state
            .standing(piece.on)
            .ok_or(Why::UnknownResource(piece.on))?;
        let parent = standing.parent.ok_or(Why::Placement(
            "a part for children sits on a resource without parent",
        ))?;
        *by_parent
            .entry(parent)
            .or_default()
            .entry(piece.on)
            .or_default() += u64::from(piece.members);
    }
    let mut members = 0;
    for children in by_parent.values() {
        let places: u64 = children.values().sum();
        let here = places / u64::from(of.max(1));
        if !places.is_multiple_of(of.max(1).into()) || children.values().any(|most| *most > here) {
            return Err(Why::Placement(
                "a member does not have its number of children of one parent",
            ));
        }
        members += here;
    }
    Ok(members)
}

/// How many members sit where, for the company that they keep: one on several children of a parent sits there once, so
/// that it is not company to itself. Of a placement that is what the request asks for.
pub(crate) fn sites(
    state: &State,
    request: &Request,
    placement: &Placement,
) -> BTreeMap<ResourceId, u32> {
    let mut sites: BTreeMap<ResourceId, u32> = BTreeMap::new();
    let mut families: BTreeMap<(usize, ResourceId), (ResourceId, u32)> = BTreeMap::new();
    let mut add = |on: ResourceId, members: u32| {
        let site = sites.entry(on).or_default();
        *site = site.saturating_add(members);
    };
    match placement {
        Placement::Shares(shares) => {
            let some = shares.iter().filter(|(_, share)| !share.is_zero());
            some.for_each(|(on, _)| add(*on, 1));
        }
        Placement::Pieces(pieces) => {
            for piece in pieces.iter().filter(|piece| piece.members > 0) {
                match children_of(request, piece.part).zip(state.parent(piece.on)) {
                    Some((_, parent)) => {
                        let family = families
                            .entry((piece.part, parent))
                            .or_insert((piece.on, 0));
                        family.1 = family.1.saturating_add(piece.members);
                    }
                    None => add(piece.on, piece.members),
                }
            }
        }
    }
    for ((part, _), (on, places)) in families {
        add(on, places / children_of(request, part).unwrap_or(1).max(1));
    }
    sites
}

/// On how many children a member of a part sits; `None` of a part for nodes.
pub(crate) fn children_of(request: &Request, part: usize) -> Option<u32> {
    match request.need().parts().get(part)?.on {
        On::Node => None,
        On::Children { of } => Some(of),
    }
}

fn of_shares(
    state: &State,
    least: &Quantities,
    most: &Quantities,
    shares: &[(ResourceId, Amounts)],
) -> Result<Vec<Hold>, Why> {
    let (least, most) = (amounts(state, least)?, amounts(state, most)?);
    let total = shares
        .iter()
        .try_fold(Amounts::ZERO, |sum, (_, share)| sum.checked_add(share));
    let total = total.ok_or(Why::Overflow)?;
    if !least.fits_in(&total) || !total.fits_in(&most) {
        return Err(Why::Placement(
            "the shares are less than the least or more than the most",
        ));
    }
    let some = shares.iter().filter(|(_, share)| !share.is_zero());
    Ok(some.map(|(on, share)| Hold::new(*on, share)).collect())
}

/// The hold of a request that is one member on one node; `None` if it is anything else.
#[inline]
pub(crate) fn single(
    state: &State,
    request: &Request,
    on: ResourceId,
) -> Result<Option<Hold>, Why> {
    match request.need() {
        Need::Parts(parts) => match parts.as_slice() {
            [part] if part.count == 1 && part.on == On::Node => {
                hold_of(state, &part.amounts, on).map(Some)
            }
            _ => Ok(None),
        },
        Need::Elastic { .. } => Ok(None),
    }
}

#[inline]
fn hold_of(state: &State, quantities: &Quantities, on: ResourceId) -> Result<Hold, Why> {
    // The usual case needs no vector of all kinds.
    if let Some(hold) = Hold::of_well_known(on, quantities) {
        return Ok(hold);
    }
    Ok(Hold::new(on, &amounts(state, quantities)?))
}

pub(crate) fn amounts(state: &State, quantities: &Quantities) -> Result<Amounts, Why> {
    state
        .kinds
        .amounts(quantities)
        .map_err(|error| match error {
            KindsError::Unknown(kind) => Why::UnknownKind(kind),
            _ => unreachable!("a lookup can only miss"),
        })
}
