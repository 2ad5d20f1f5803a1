//! What is legal: the rulebook of steps, for planners and for the ledger itself.
//!
//! Planners build plans through it, on their view; the ledger checks plans through it, on the truth. It reads and never
//! writes.

use super::entry::{Change, End};
use super::groups::{Group, domains, everywhere, labels};
use super::holds::Holds;
use super::placement::Placement;
use super::reservation::{Draw, Reservation, Stage};
use super::rows::Claim;
use super::state::{State, limited};
use super::timeline::Span;
use super::why::Why;
use crate::{
    Affinity, Amounts, Mode, On, OwnerId, OwnerPath, Part, Place, Priority, Request, RequestKey,
    ReservationId, ResourceId, Terms, Timestamp, Topology, Window,
};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

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
    let place = Place {
        resource: &standing.resource,
        limits: standing.resource.limits(),
        topology: &standing.topology,
    };
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

fn closed(state: &State, on: ResourceId) -> Why {
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

/// Whether holds keep the company that the request seeks, and that others allow.
pub(crate) fn company(
    state: &State,
    terms: &Terms,
    holds: &Holds,
    reads: &mut impl Reads,
) -> Result<(), Why> {
    let mut own = Company::default();
    for hold in holds.iter() {
        let standing = state.standing(hold.resource());
        let standing = standing.ok_or(Why::UnknownResource(hold.resource()))?;
        let place = &standing.topology;
        for affinity in &terms.affinities {
            own.check(state, terms, affinity, place, hold.count(), reads)?;
        }
        for label in labels(&terms.labels) {
            for group in domains(&label, place) {
                reads.group(&group);
                if state.groups.get(&group).averse > 0 {
                    return Err(apart(group));
                }
            }
        }
        own.add(terms, place, hold.count());
    }
    Ok(())
}

fn apart(group: Group) -> Why {
    Why::Apart {
        label: group.label,
        domain: group.domain,
    }
}

/// Members of the same placement that were looked at before.
#[derive(Default)]
struct Company(BTreeMap<Group, u64>);

impl Company {
    fn add(&mut self, terms: &Terms, place: &Topology, members: u32) {
        for label in labels(&terms.labels) {
            for group in everywhere(&label).chain(domains(&label, place)) {
                *self.0.entry(group).or_default() += u64::from(members);
            }
        }
    }

    fn members(&self, state: &State, group: &Group, reads: &mut impl Reads) -> u64 {
        reads.group(group);
        let own = self.0.get(group).copied().unwrap_or(0);
        state.groups.get(group).members.saturating_add(own)
    }

    fn check(
        &self,
        state: &State,
        terms: &Terms,
        affinity: &Affinity,
        place: &Topology,
        count: u32,
        reads: &mut impl Reads,
    ) -> Result<(), Why> {
        let Some(domain) = place.domain(&affinity.level) else {
            // Without a domain there is nobody to be near, and nobody to be apart from.
            return match affinity.mode {
                Mode::Apart => Ok(()),
                Mode::Together => Err(Why::Together {
                    label: affinity.label.clone(),
                    domain: String::new(),
                }),
            };
        };
        let group = Group {
            label: affinity.label.clone(),
            level: affinity.level.clone(),
            domain: domain.to_owned(),
        };
        let members = self.members(state, &group, reads);
        let own = terms.labels.has(&affinity.label);
        match affinity.mode {
            Mode::Apart if members > 0 || (own && count > 1) => Err(apart(group)),
            Mode::Together if members == 0 && !(own && self.is_first(state, affinity, reads)) => {
                Err(Why::Together {
                    label: group.label,
                    domain: group.domain,
                })
            }
            _ => Ok(()),
        }
    }

    /// Whether nobody bears the label yet, so that one that wants its own kind near may start.
    fn is_first(&self, state: &State, affinity: &Affinity, reads: &mut impl Reads) -> bool {
        everywhere(&affinity.label).all(|group| self.members(state, &group, reads) == 0)
    }
}

/// A request with its place, borrowed: what has to be known to draw up a reservation.
pub(crate) struct Ask<'a> {
    pub(crate) owner: &'a OwnerPath,
    pub(crate) holds: &'a Holds,
    pub(crate) key: Option<RequestKey>,
    pub(crate) digest: u64,
    pub(crate) terms: Option<&'a Arc<Terms>>,
    pub(crate) priority: Priority,
    pub(crate) window: Window,
    pub(crate) hold_for: Duration,
    pub(crate) expected: Option<Duration>,
}

impl<'a> Ask<'a> {
    #[inline]
    pub(crate) fn of(request: &'a Request, holds: &'a Holds) -> Self {
        Self {
            owner: request.owner(),
            holds,
            key: request.key(),
            digest: request.digest(),
            terms: request.terms(),
            priority: request.priority(),
            window: request.window(),
            hold_for: request.hold_for(),
            expected: request.expected(),
        }
    }
}

/// The reservation that a request makes, if there is room for it.
#[inline]
pub(crate) fn book(state: &State, ask: &Ask<'_>, now: Timestamp) -> Result<Reservation, Why> {
    for hold in ask.holds.as_slice() {
        let door = state.rows.door(hold.resource());
        if !door.ok_or(Why::UnknownResource(hold.resource()))?.open {
            return Err(closed(state, hold.resource()));
        }
    }
    let reservation = draw_up(state, ask, now)?;
    for hold in reservation.holds.as_slice() {
        fits(
            state,
            hold.resource(),
            reservation.claim(hold.mask(), hold.values()),
        )?;
    }
    if state.is_limited(reservation.owner) {
        let rows = limits_along(state, ask.owner);
        let total = reservation.holds.total();
        fits_limits(state, &rows, &total, reservation.booked())?;
    }
    Ok(reservation)
}

/// The reservation that a request makes, whether there is room for it or not.
///
/// The owner's number is [`UNKNOWN_OWNER`] if it has none yet.
#[inline]
pub(crate) fn draw_up(state: &State, ask: &Ask<'_>, now: Timestamp) -> Result<Reservation, Why> {
    let span = Span {
        from: ask.window.from.unwrap_or(now).max(now),
        until: ask.window.until.unwrap_or(Timestamp::MAX),
    };
    if span.is_empty() {
        return Err(Why::TooLate(span.until));
    }
    let until = now + ask.hold_for;
    Ok(Reservation::new(Draw {
        holds: ask.holds.clone(),
        stage: Stage::Held { until },
        span,
        owner: state.owners.find(ask.owner).unwrap_or(UNKNOWN_OWNER),
        priority: ask.priority,
        timed: span.from > now || span.until < Timestamp::MAX,
        terms: ask.terms.cloned(),
        key: ask.key,
        expected: ask.expected,
        reserved_at: now,
    }))
}

/// No owner has this number: there can only be 2^20.
pub(crate) const UNKNOWN_OWNER: OwnerId = OwnerId::new(u32::MAX);

#[inline]
fn fits(state: &State, resource: ResourceId, claim: Claim<'_>) -> Result<(), Why> {
    if state.rows.fits(resource.index(), claim) {
        return Ok(());
    }
    let short = state.rows.shortfall(resource.index(), claim);
    let short = state.kinds.quantities(&short);
    Err(Why::Full { resource, short })
}

/// The limits that count an owner's reservations, also if the owner is not known yet.
fn limits_along(state: &State, path: &OwnerPath) -> Vec<(usize, OwnerId, u32)> {
    let known = |path: &OwnerPath| state.owners.find(path);
    let mut path = Some(path.clone());
    while let Some(level) = path {
        if let Some(owner) = known(&level) {
            return state.limit_rows(owner).collect();
        }
        path = level.parent();
    }
    Vec::new()
}

fn fits_limits(
    state: &State,
    rows: &[(usize, OwnerId, u32)],
    total: &Amounts,
    span: Option<Span>,
) -> Result<(), Why> {
    for (row, owner, mask) in rows {
        let part = limited(total, *mask);
        let claim = Claim {
            mask: part.mask(),
            values: part.values(),
            span,
        };
        if !state.rows.fits(*row, claim) {
            let owner = state.owners.get(*owner).map(|owner| owner.path.clone());
            return Err(Why::Limit {
                owner: owner.unwrap_or_default(),
                short: state.kinds.quantities(&state.rows.shortfall(*row, claim)),
            });
        }
    }
    Ok(())
}

/// Whether a booking, fitting or not, keeps every number below 2^64.
pub(crate) fn can_count(
    state: &State,
    reservation: &Reservation,
    owner: &OwnerPath,
) -> Result<(), Why> {
    can_count_more(state, reservation, None, owner)
}

/// The same of a reservation that is counted with its old holds so far.
pub(crate) fn can_count_more(
    state: &State,
    reservation: &Reservation,
    old: Option<&Holds>,
    owner: &OwnerPath,
) -> Result<(), Why> {
    for hold in reservation.holds.as_slice() {
        let on = hold.resource();
        let there = state.standing(on).is_some();
        if !there {
            return Err(Why::UnknownResource(on));
        }
        let old = old.map_or(Amounts::ZERO, |old| old.on(on));
        let more = limited(&hold.amounts().saturating_sub(&old), u32::MAX);
        if !state
            .rows
            .can_count(on.index(), reservation.claim(more.mask(), more.values()))
        {
            return Err(Why::Overflow);
        }
    }
    let old = old.map_or(Amounts::ZERO, Holds::total);
    let total = reservation.holds.total().saturating_sub(&old);
    let countable = |(row, _, mask): (usize, OwnerId, u32)| {
        let part = limited(&total, mask);
        state
            .rows
            .can_count(row, reservation.claim(part.mask(), part.values()))
    };
    if limits_along(state, owner).into_iter().all(countable) {
        return Ok(());
    }
    Err(Why::Overflow)
}

/// A reservation that is there.
pub(crate) fn there(state: &State, id: ReservationId) -> Result<&Reservation, Why> {
    state.live(id).ok_or(Why::Gone(id))
}

/// A reservation that is there and may stay.
fn staying(state: &State, id: ReservationId) -> Result<&Reservation, Why> {
    let reservation = there(state, id)?;
    if reservation.evicting {
        return Err(Why::Evicting(id));
    }
    Ok(reservation)
}

/// What confirming a reservation changes.
pub(crate) fn confirm(state: &State, id: ReservationId) -> Result<Change, Why> {
    let reservation = staying(state, id)?;
    if reservation.is_confirmed() {
        return Err(Why::Confirmed(id));
    }
    let failed = |id: &ResourceId| state.rows.door(*id).is_some_and(|door| door.failed);
    let lost = reservation
        .holds
        .as_slice()
        .iter()
        .map(super::holds::Hold::resource)
        .find(failed);
    match lost {
        Some(resource) => Err(Why::Lost { id, resource }),
        None => Ok(Change::Confirmed { id }),
    }
}

/// What setting a hold's time anew changes.
pub(crate) fn extend(
    state: &State,
    id: ReservationId,
    until: Timestamp,
    now: Timestamp,
) -> Result<Change, Why> {
    let reservation = staying(state, id)?;
    if reservation.is_confirmed() {
        return Err(Why::Confirmed(id));
    }
    if until <= now {
        return Err(Why::TooLate(until));
    }
    Ok(Change::Extended { id, until })
}

/// What holding something else changes, if there is room for what grows.
pub(crate) fn resize(state: &State, id: ReservationId, holds: &Holds) -> Result<Change, Why> {
    let reservation = staying(state, id)?;
    for hold in holds.as_slice() {
        let on = hold.resource();
        let standing = state.standing(on).ok_or(Why::UnknownResource(on))?;
        let more = hold.amounts().saturating_sub(&reservation.holds.on(on));
        if more.is_zero() {
            continue;
        }
        if !standing.open {
            return Err(closed(state, on));
        }
        let more = limited(&more, u32::MAX);
        fits(state, on, reservation.claim(more.mask(), more.values()))?;
    }
    let more = holds.total().saturating_sub(&reservation.holds.total());
    let rows: Vec<_> = state.limit_rows(reservation.owner).collect();
    fits_limits(state, &rows, &more, reservation.booked())?;
    Ok(Change::Resized {
        id,
        holds: holds.clone(),
    })
}

/// What giving a part back changes.
pub(crate) fn release_part(state: &State, id: ReservationId, part: &Holds) -> Result<Change, Why> {
    let reservation = there(state, id)?;
    let mut rest = Vec::new();
    for hold in reservation.holds.as_slice() {
        let back = part.on(hold.resource());
        let missing = back.saturating_sub(&hold.amounts());
        if !missing.is_zero() {
            let missing = state.kinds.quantities(&missing);
            return Err(Why::NotHeld { id, missing });
        }
        let left = hold.amounts().saturating_sub(&back);
        if !left.is_zero() {
            rest.push(super::holds::Hold::of(hold.resource(), &left, hold.count()));
        }
    }
    for hold in part.as_slice() {
        if reservation.holds.on(hold.resource()).is_zero() {
            let missing = state.kinds.quantities(&hold.amounts());
            return Err(Why::NotHeld { id, missing });
        }
    }
    Ok(match Holds::sum(rest) {
        Some(holds) => Change::Resized { id, holds },
        None => Change::Ended {
            id,
            end: End::Released,
        },
    })
}

/// What telling a reservation to go changes.
pub(crate) fn evict(
    state: &State,
    id: ReservationId,
    at: Timestamp,
    now: Timestamp,
) -> Result<Change, Why> {
    let reservation = there(state, id)?;
    if at <= now {
        return Ok(Change::Ended {
            id,
            end: End::Evicted,
        });
    }
    let until = reservation.span.until.min(at);
    // A booking that has not begun by then never will.
    if until <= reservation.span.from {
        return Ok(Change::Ended {
            id,
            end: End::Evicted,
        });
    }
    let span = Span {
        until,
        ..reservation.span
    };
    Ok(Change::Evicting { id, span })
}

/// The first moment from `after` on at which a request could have this place for `length`.
pub(crate) fn earliest(
    state: &State,
    owner: &OwnerPath,
    holds: &Holds,
    after: Timestamp,
    length: Duration,
) -> Option<Timestamp> {
    let total = holds.total();
    let mut wanted: Vec<(usize, Amounts)> = holds
        .iter()
        .map(|hold| (hold.resource().index(), hold.amounts()))
        .collect();
    for (row, _, mask) in limits_along(state, owner) {
        wanted.push((row, limited(&total, mask).amounts()));
    }
    let mut start = after;
    loop {
        let mut next = start;
        for (row, amounts) in &wanted {
            next = state.rows.earliest(*row, amounts, next, length)?;
        }
        if next == start {
            return Some(start);
        }
        start = next;
    }
}
