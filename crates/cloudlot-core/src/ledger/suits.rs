//! Whether a resource suits a request, whatever is free just now: the rulebook, asked only where it could say no.

use super::groups::Group;
use super::placement::Placement;
use super::state::State;
use super::why::Why;
use crate::{On, Part, Request, ResourceId};

/// Notes what was read to decide beyond amounts.
pub(crate) trait Reads {
    fn resource(&mut self, id: ResourceId);
    fn group(&mut self, group: &Group);
}

/// For those who decide on the truth itself.
impl Reads for () {
    fn resource(&mut self, _: ResourceId) {}
    fn group(&mut self, _: &Group) {}
}

/// Whether each resource of a placement suits the request, whatever is free just now.
pub(crate) fn suits(
    state: &State,
    request: &Request,
    placement: &Placement,
    reads: &mut impl Reads,
) -> Result<(), Why> {
    match placement {
        Placement::Pieces(pieces) => {
            for piece in pieces {
                suits_one(state, request, piece.part, piece.on, reads)?;
                if piece.members == 0 {
                    // Nothing will be taken here, so nobody else asks whether a member would fit.
                    judge(state, request, piece.part, piece.on)?;
                }
            }
        }
        Placement::Shares(shares) => {
            for (on, _) in shares {
                suits_one(state, request, 0, *on, reads)?;
            }
        }
    }
    Ok(())
}

pub(crate) fn suits_one(
    state: &State,
    request: &Request,
    part: usize,
    on: ResourceId,
    reads: &mut impl Reads,
) -> Result<(), Why> {
    let door = state.rows.door(on).ok_or(Why::UnknownResource(on))?;
    reads.resource(on);
    // The usual case reads nothing of the description: whether the amounts fit is asked anyway.
    if door.plain && door.open && asks_nothing(state, request, part) {
        return Ok(());
    }
    judge(state, request, part, on)
}

/// Whether a request has no rule that a node without taints could break, but for amounts.
#[inline]
fn asks_nothing(state: &State, request: &Request, part: usize) -> bool {
    // What is asked of every share of an elastic need is not asked by its amounts.
    let node = |part: &Part| part.on == On::Node;
    request.need().parts().get(part).is_some_and(node)
        && request.constraints().is_empty()
        && request.terms().is_none()
        && request.spreads().is_empty()
        && state.rulebook.has_no_checks()
}

/// Says why there is no room: for good, if the resource could not serve the request if it were empty.
pub(crate) fn for_good(state: &State, request: &Request, placement: &Placement, why: Why) -> Why {
    let Why::Full { resource, .. } = &why else {
        return why;
    };
    let part = match placement {
        Placement::Pieces(pieces) => pieces
            .iter()
            .find(|piece| piece.on == *resource)
            .map(|piece| piece.part),
        Placement::Shares(_) => Some(0),
    };
    let never = part.and_then(|part| judge(state, request, part, *resource).err());
    never.unwrap_or(why)
}

/// Asks the rulebook about a resource, however full it is.
fn judge(state: &State, request: &Request, part: usize, on: ResourceId) -> Result<(), Why> {
    let standing = state.standing(on).ok_or(Why::UnknownResource(on))?;
    let place = standing.place();
    if !standing.open {
        return Err(closed(state, on));
    }
    if state.rulebook.matches(request, part, place) {
        return Ok(());
    }
    let mismatches = state.rulebook.mismatches(request, part, place);
    Err(Why::Unsuitable {
        resource: on,
        mismatches,
    })
}

pub(crate) fn closed(state: &State, on: ResourceId) -> Why {
    // The nearest one above that is not available, or the resource itself.
    let mut at = on;
    while let Some(standing) = state.standing(at) {
        if !standing.resource.state().takes_new() {
            let state = standing.resource.state();
            return Why::Closed {
                resource: at,
                state,
            };
        }
        let Some(parent) = standing.parent else { break };
        at = parent;
    }
    Why::UnknownResource(on)
}
