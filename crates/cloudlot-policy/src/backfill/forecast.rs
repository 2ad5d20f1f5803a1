//! The ledger's time axis with estimates: what is free where, from now on, if everybody leaves when they said.

use super::estimate::{Estimates, Overdue, Stay, TICK};
use super::placer::Placer;
use super::room::Room;
use super::row::{Booked, Row};
use super::steps::Claim;
use super::{NoStart, Slot};
use cloudlot_core::ledger::{Placement, State};
use cloudlot_core::{Amounts, Need, On, Request, ResourceId, Timestamp};
use std::time::Duration;

/// What is free on every resource from now on, if estimates hold.
///
/// - A reservation ends at its hard end, or earlier if its estimate says so: `expected` after it was confirmed, or made.
/// - One without estimate and without hard end is thought to stay for [`Estimates::assumed`] from now on, each time anew.
/// - A booking whose window has not begun takes its whole window.
/// - One that has outstayed its estimate is [`Overdue`]: it is thought to end at the first of twice, four times, eight times its
///   estimate after its start that still lies ahead. So its end does not creep with every look, and at most
///   `log2(stay / estimate)` looks are wrong about it.
/// - One that is due now and still there is thought to end a nanosecond later.
///
/// A start is offered only where the ledger would grant it: a request without a hard end counts for ever there, so it has to
/// fit beside the peak of everything that is booked for later, whatever its estimate.
///
/// Limits of owners are not on this axis: who may have something is settled before, or by the [`Placer`].
///
/// ```
/// use cloudlot_core::ledger::Ledger;
/// use cloudlot_core::{Request, Resource, Timestamp, cores};
/// use cloudlot_policy::backfill::{Estimates, FirstFit, Forecast};
/// use std::time::Duration;
///
/// let at = |seconds| Timestamp::ZERO + Duration::from_secs(seconds);
/// let mut ledger = Ledger::new();
/// let node = ledger.add(Resource::node("n1").capacity([cores(4)]).build()?, at(0))?;
/// let running = Request::new("a").part([cores(3)]).expected(Duration::from_secs(60)).build()?;
/// let grant = ledger.reserve(&running, node, at(0))?;
/// ledger.confirm(grant.id, at(0))?;
///
/// let forecast = Forecast::new(ledger.state(), at(10), Estimates::default());
/// let wide = Request::new("b").part([cores(4)]).expected(Duration::from_secs(5)).build()?;
/// let slot = forecast.earliest(&wide, &mut FirstFit)?;
/// assert_eq!((slot.at, slot.until), (at(60), at(65)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Forecast<'a> {
    state: &'a State,
    now: Timestamp,
    estimates: Estimates,
    rows: Vec<Row>,
    overdue: Vec<Overdue>,
    log: Vec<(usize, Claim)>,
}

/// A point of a forecast to go back to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mark(usize);

impl<'a> Forecast<'a> {
    /// What a state looks like from `now` on.
    ///
    /// Cost: looks at every resource and every reservation once.
    #[must_use]
    pub fn new(state: &'a State, now: Timestamp, estimates: Estimates) -> Self {
        let mut rows: Vec<Row> = state
            .resources()
            .map(|(id, _)| Row::new(state, id))
            .collect();
        let mut claims = vec![Vec::new(); rows.len()];
        let mut booked = vec![Vec::new(); rows.len()];
        let mut overdue = Vec::new();
        for (id, reservation) in state.reservations() {
            let expected = estimates.of(id, reservation, now);
            overdue.extend(expected.overdue);
            for hold in reservation.holds().iter() {
                let Ok(row) = rows.binary_search_by_key(&hold.resource(), |row| row.id) else {
                    continue;
                };
                let values = rows[row].columns(hold.iter());
                if let Some(span) = expected.booked {
                    booked[row].push(Booked {
                        gone: expected.until,
                        claim: Claim {
                            from: span.from,
                            until: span.until,
                            values: values.clone(),
                        },
                    });
                }
                claims[row].push(Claim {
                    from: expected.from,
                    until: expected.until,
                    values,
                });
            }
        }
        for ((row, claims), booked) in rows.iter_mut().zip(&claims).zip(booked) {
            row.fill(now, claims, booked);
        }
        Self {
            state,
            now,
            estimates,
            rows,
            overdue,
            log: Vec::new(),
        }
    }

    /// The state that it was made from.
    #[must_use]
    pub const fn state(&self) -> &'a State {
        self.state
    }

    /// When it was made for.
    #[must_use]
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// The reservations that have outstayed their estimates, by place.
    #[must_use]
    pub fn overdue(&self) -> &[Overdue] {
        &self.overdue
    }

    /// What is free on a resource at one moment, tentative bookings counted; nothing of an unknown one.
    #[must_use]
    pub fn free(&self, on: ResourceId, at: Timestamp) -> Amounts {
        let until = Timestamp::from_nanos(at.as_nanos().saturating_add(1));
        self.row(on)
            .map_or(Amounts::ZERO, |row| row.free(at, until))
    }

    /// The first moment from `after` on at which `amounts` are free on a resource for `length`; `None`: never, or the resource is
    /// not there or takes nothing new.
    ///
    /// Cost: looks at each change on that resource at most once.
    #[must_use]
    pub fn earliest_on(
        &self,
        on: ResourceId,
        amounts: &Amounts,
        after: Timestamp,
        length: Duration,
    ) -> Option<Timestamp> {
        let row = self.row(on).filter(|row| row.open)?;
        row.earliest(amounts, after.max(self.now), |start| start + length)
    }

    /// Where and when a request could start first, now or later.
    ///
    /// # Errors
    /// Why it never could.
    pub fn earliest(
        &self,
        request: &Request,
        placer: &mut (impl Placer + ?Sized),
    ) -> Result<Slot, NoStart> {
        let stay = Stay::of(request, self.estimates);
        let single = self.single(request);
        let mut at = self.now.max(stay.from);
        loop {
            if let Some(amounts) = &single {
                at = self.first_row(amounts, at, &stay).ok_or(NoStart::NoPlace)?;
            }
            if !stay.is_in_time(at) {
                return Err(NoStart::TooLate { until: stay.hard });
            }
            if let Some(slot) = self.slot(request, &stay, at, placer) {
                return Ok(slot);
            }
            at = self.next_change(at).ok_or(NoStart::NoPlace)?;
        }
    }

    /// Where a request could start now; `None` if it cannot.
    pub fn at_once(&self, request: &Request, placer: &mut (impl Placer + ?Sized)) -> Option<Slot> {
        let stay = Stay::of(request, self.estimates);
        if stay.from > self.now || !stay.is_in_time(self.now) {
            return None;
        }
        if let Some(amounts) = self.single(request) {
            // Most of a long queue fits nowhere: that is known without asking anybody.
            let room = self.room(&stay, self.now);
            let mut rows = self.rows.iter();
            if !rows.any(|row| room.fits_row(row, &amounts)) {
                return None;
            }
        }
        self.slot(request, &stay, self.now, placer)
    }

    /// Whether a request could start at that time on that place.
    #[must_use]
    pub fn fits(&self, request: &Request, at: Timestamp, placement: &Placement) -> bool {
        let stay = Stay::of(request, self.estimates);
        let timely = at >= self.now.max(stay.from) && stay.is_in_time(at);
        timely && self.takes(request, placement, &self.room(&stay, at))
    }

    /// Books a slot tentatively: from here on it is taken.
    ///
    /// It is the caller's to ask whether it fits: what does not is booked all the same, and nothing else fits beside it.
    pub fn book(&mut self, request: &Request, slot: &Slot) {
        for (row, claim) in self.claims(request, slot) {
            self.rows[row].used.add(&claim);
            self.log.push((row, claim));
        }
    }

    /// What a slot takes, by row.
    fn claims(&self, request: &Request, slot: &Slot) -> Vec<(usize, Claim)> {
        let amounts = self.amounts(request, &slot.placement).unwrap_or_default();
        let claim = |(on, amounts): &(ResourceId, Amounts)| {
            let row = self.index(*on)?;
            let claim = Claim {
                from: slot.at,
                until: slot.until,
                values: self.rows[row].columns(amounts.iter()),
            };
            Some((row, claim))
        };
        amounts.iter().filter_map(claim).collect()
    }

    /// Where the bookings are, to go back to.
    #[must_use]
    pub const fn mark(&self) -> Mark {
        Mark(self.log.len())
    }

    /// Takes back every booking since the mark.
    pub fn rollback(&mut self, to: Mark) {
        while self.log.len() > to.0 {
            if let Some((row, claim)) = self.log.pop() {
                self.rows[row].used.remove(&claim);
            }
        }
    }

    /// Takes back one slot, however many were booked since.
    pub(super) fn cancel(&mut self, request: &Request, slot: &Slot) {
        for own in self.claims(request, slot) {
            if let Some(place) = self.log.iter().rposition(|other| *other == own) {
                let (row, claim) = self.log.remove(place);
                self.rows[row].used.remove(&claim);
            }
        }
    }

    /// The slot that starts then on that place.
    pub(super) fn slot_on(&self, request: &Request, at: Timestamp, placement: Placement) -> Slot {
        let until = Stay::of(request, self.estimates).end(at);
        Slot {
            at,
            until,
            placement,
        }
    }

    pub(super) fn rows(&self) -> &[Row] {
        &self.rows
    }

    pub(super) fn row(&self, id: ResourceId) -> Option<&Row> {
        Some(&self.rows[self.index(id)?])
    }

    fn index(&self, id: ResourceId) -> Option<usize> {
        self.rows.binary_search_by_key(&id, |row| row.id).ok()
    }

    fn room(&self, stay: &Stay, at: Timestamp) -> Room<'_> {
        Room::new(self, at, stay.end(at), stay.hard)
    }

    fn slot(
        &self,
        request: &Request,
        stay: &Stay,
        at: Timestamp,
        placer: &mut (impl Placer + ?Sized),
    ) -> Option<Slot> {
        let room = self.room(stay, at);
        let placement = placer.place(request, &room)?;
        self.takes(request, &placement, &room).then(|| Slot {
            at,
            until: stay.end(at),
            placement,
        })
    }

    /// Whether a placement is what the request asks for, on resources that suit it, with room for it.
    fn takes(&self, request: &Request, placement: &Placement, room: &Room<'_>) -> bool {
        let suits = self.state.earliest(request, placement, self.now, TICK);
        let amounts = suits.ok().and_then(|_| self.amounts(request, placement));
        amounts.is_some_and(|all| all.iter().all(|(on, amounts)| room.fits(*on, amounts)))
    }

    /// What a placement takes on each resource; `None` if a sum is too large or a kind is not known.
    fn amounts(
        &self,
        request: &Request,
        placement: &Placement,
    ) -> Option<Vec<(ResourceId, Amounts)>> {
        let mut all: Vec<(ResourceId, Amounts)> = match placement {
            Placement::Pieces(pieces) => {
                let some = pieces.iter().filter(|piece| piece.members > 0);
                let taken = some.map(|piece| {
                    let part = request.need().parts().get(piece.part)?;
                    let each = self.state.kinds().amounts(&part.amounts).ok()?;
                    Some((piece.on, each.checked_mul(piece.members.into())?))
                });
                taken.collect::<Option<_>>()?
            }
            Placement::Shares(shares) => shares.clone(),
        };
        all.sort_by_key(|(on, _)| *on);
        let mut sums: Vec<(ResourceId, Amounts)> = Vec::with_capacity(all.len());
        for (on, amounts) in all {
            match sums.last_mut().filter(|last| last.0 == on) {
                Some((_, sum)) => *sum = sum.checked_add(&amounts)?,
                None => sums.push((on, amounts)),
            }
        }
        Some(sums)
    }

    /// What a request takes that is one member on one node.
    fn single(&self, request: &Request) -> Option<Amounts> {
        match request.need() {
            Need::Parts(parts) => match parts.as_slice() {
                [part] if part.count == 1 && part.on == On::Node => {
                    self.state.kinds().amounts(&part.amounts).ok()
                }
                _ => None,
            },
            Need::Elastic { .. } => None,
        }
    }

    /// The first moment at which any resource has room for it.
    fn first_row(&self, amounts: &Amounts, after: Timestamp, stay: &Stay) -> Option<Timestamp> {
        let starts = self.rows.iter().filter(|row| row.open);
        let starts = starts.filter_map(|row| row.start(amounts, after, stay));
        starts.min()
    }

    /// The first moment after this one at which anything changes anywhere.
    fn next_change(&self, after: Timestamp) -> Option<Timestamp> {
        self.rows.iter().filter_map(|row| row.next(after)).min()
    }
}
