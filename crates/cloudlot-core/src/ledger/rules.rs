//! What is legal: the rulebook of steps, for planners and for the ledger itself.
//!
//! Planners build plans through it, on their view; the ledger checks plans through it, on the truth. It reads and never
//! writes.

use super::charge::limited;
use super::entry::{Change, End};
use super::holds::Holds;
use super::reservation::{Draw, Reservation, Stage};
use super::rows::Claim;
use super::state::State;
use super::suits::closed;
use super::timeline::Span;
use super::why::Why;
use crate::{
    Amounts, OwnerId, OwnerPath, Priority, Request, RequestKey, ReservationId, ResourceId, Terms,
    Timestamp, Window,
};
use std::sync::Arc;
use std::time::Duration;

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
    let span = span_of(ask.window, now)?;
    let until = now + ask.hold_for;
    Ok(Reservation::new(Draw {
        holds: ask.holds.clone(),
        stage: Stage::Held { until },
        span,
        owner: state.owners.find(ask.owner).unwrap_or(UNKNOWN_OWNER),
        priority: ask.priority,
        timed: is_timed(span, now),
        terms: ask.terms.cloned(),
        key: ask.key,
        expected: ask.expected,
        reserved_at: now,
    }))
}

/// The stretch that a window leaves from `now` on.
fn span_of(window: Window, now: Timestamp) -> Result<Span, Why> {
    let span = Span {
        from: window.from.unwrap_or(now).max(now),
        until: window.until.unwrap_or(Timestamp::MAX),
    };
    if span.is_empty() {
        return Err(Why::TooLate(span.until));
    }
    Ok(span)
}

fn is_timed(span: Span, now: Timestamp) -> bool {
    span.from > now || span.until < Timestamp::MAX
}

/// The stretch that a reservation with this window is booked for; `None` for an open claim from now on.
pub(crate) fn booked_span(window: Window, now: Timestamp) -> Result<Option<Span>, Why> {
    let span = span_of(window, now)?;
    Ok(is_timed(span, now).then_some(span))
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
pub(crate) fn limits_along(state: &State, path: &OwnerPath) -> Vec<(usize, OwnerId, u32)> {
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

pub(crate) fn fits_limits(
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

/// What starting earlier changes, if there is room until it would have started.
pub(crate) fn advance(
    state: &State,
    id: ReservationId,
    from: Timestamp,
    now: Timestamp,
) -> Result<Change, Why> {
    let reservation = staying(state, id)?;
    let span = Span {
        from: from.max(now).min(reservation.span.from),
        until: reservation.span.until,
    };
    let more = before_its_start(reservation, span);
    if more.span.is_empty() {
        return Ok(Change::Advanced { id, span });
    }
    for hold in more.holds.as_slice() {
        let on = hold.resource();
        if !state.standing(on).is_some_and(|standing| standing.open) {
            return Err(closed(state, on));
        }
        fits(state, on, more.claim(hold.mask(), hold.values()))?;
    }
    let rows: Vec<_> = state.limit_rows(more.owner).collect();
    fits_limits(state, &rows, &more.holds.total(), more.booked())?;
    Ok(Change::Advanced { id, span })
}

/// The part of a time that lies before the start of the reservation, as a reservation of its own.
pub(crate) fn before_its_start(reservation: &Reservation, span: Span) -> Reservation {
    let mut more = reservation.clone();
    more.span = Span {
        from: span.from,
        until: reservation.span.from,
    };
    more
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
