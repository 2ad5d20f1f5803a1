//! A placement in the making: pieces put down one after the other, each against the state and the pieces before it.
//!
//! It asks the same rules as a [`Draft`](super::Draft), piece by piece, so that whoever chooses places never learns at
//! the end that a choice in the middle was wrong. Spreads, which no draft looks at, are counted here too.

use super::company::Company;
use super::groups::Group;
use super::placement::{self, Piece, Placement};
use super::rules;
use super::state::State;
use super::suits;
use super::tally::Tally;
use super::timeline::Span;
use super::why::Why;
use crate::{Amounts, Kind, Mode, Need, OwnerId, Request, ResourceId, Spread, Timestamp, Topology};
use std::collections::BTreeMap;

/// A placement in the making.
///
/// ```
/// use cloudlot_core::ledger::{Assembly, Ledger};
/// use cloudlot_core::{Request, Resource, Timestamp, cores};
///
/// let now = Timestamp::ZERO;
/// let mut ledger = Ledger::new();
/// let node = ledger.add(Resource::node("n1").capacity([cores(4)]).build()?, now)?;
/// let pair = Request::new("pair").parts(2, [cores(3)]).build()?;
///
/// let mut assembly = Assembly::new(ledger.state(), &pair, now)?;
/// assert_eq!(assembly.room(0, node), 1);
/// assembly.put(0, node, 1);
/// assert_eq!(assembly.room(0, node), 0); // the first member is counted
/// assembly.take_back();
/// assert_eq!(assembly.room(0, node), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Assembly<'a> {
    state: &'a State,
    request: &'a Request,
    span: Option<Span>,
    // Of one member of each part; of an elastic need, the least and the most.
    each: Vec<Amounts>,
    pieces: Vec<Piece>,
    // Of an elastic need: what each piece takes.
    shares: Vec<Amounts>,
    // What the pieces so far take, by resource.
    own: BTreeMap<ResourceId, Amounts>,
    total: Amounts,
    // The limits of owners that count the request: row, owner and kinds.
    limits: Vec<(usize, OwnerId, u32)>,
    company: Company,
    // By part and parent: the places on children that members have.
    families: BTreeMap<(usize, ResourceId), u64>,
    // One for each spread.
    tallies: Vec<Tally>,
    // Members of the request that shun each other sit alone.
    alone: bool,
}

impl<'a> Assembly<'a> {
    /// A placement of a request without pieces yet, as of `now`.
    ///
    /// # Errors
    /// [`Why::UnknownKind`], or [`Why::TooLate`] if its window is over.
    pub fn new(state: &'a State, request: &'a Request, now: Timestamp) -> Result<Self, Why> {
        let each = match request.need() {
            Need::Parts(parts) => parts
                .iter()
                .map(|part| placement::amounts(state, &part.amounts))
                .collect::<Result<_, _>>()?,
            Need::Elastic { least, most } => {
                vec![
                    placement::amounts(state, least)?,
                    placement::amounts(state, most)?,
                ]
            }
        };
        let apart =
            |own: &crate::Affinity| own.mode == Mode::Apart && request.labels().has(&own.label);
        Ok(Self {
            state,
            request,
            span: rules::booked_span(request.window(), now.max(state.now))?,
            each,
            pieces: Vec::new(),
            shares: Vec::new(),
            own: BTreeMap::new(),
            total: Amounts::ZERO,
            limits: rules::limits_along(state, request.owner()),
            company: Company::default(),
            families: BTreeMap::new(),
            tallies: request.spreads().iter().map(Tally::of).collect(),
            alone: request.affinities().iter().any(apart),
        })
    }

    /// Counts which domains of the request's spreads have one of these resources that suits some part of it. Only such a
    /// domain can hold others back by being emptier; before this is called, none does.
    pub fn watch(&mut self, among: &[ResourceId]) {
        if self.tallies.is_empty() {
            return;
        }
        let (state, parts) = (self.state, self.each.len());
        self.tallies.iter_mut().for_each(Tally::shut_all);
        for on in among {
            let Some(place) = state.topology(*on) else {
                continue;
            };
            if (0..parts).any(|part| self.suits(part, *on).is_ok()) {
                for (tally, spread) in self.tallies.iter_mut().zip(self.request.spreads()) {
                    if let Some(domain) = place.domain(&spread.level) {
                        tally.open(spread, state, domain);
                    }
                }
            }
        }
    }

    /// What it is placed on.
    #[must_use]
    pub const fn state(&self) -> &'a State {
        self.state
    }

    /// The request that is placed.
    #[must_use]
    pub const fn request(&self) -> &'a Request {
        self.request
    }

    /// What one member of a part takes; of an elastic need, 0 is the least and 1 the most.
    #[must_use]
    pub fn each(&self, part: usize) -> Amounts {
        self.each.get(part).copied().unwrap_or_default()
    }

    /// The pieces so far, in the order in which they were put down. Of an elastic need each is one share.
    #[must_use]
    pub fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// What the pieces so far take of a resource.
    #[must_use]
    pub fn own(&self, on: ResourceId) -> Amounts {
        self.own.get(&on).copied().unwrap_or_default()
    }

    /// What the pieces so far take in all.
    #[must_use]
    pub const fn total(&self) -> Amounts {
        self.total
    }

    /// What is left of one kind on a resource during the request's window, after the pieces so far.
    #[must_use]
    pub fn left(&self, on: ResourceId, kind: Kind) -> u64 {
        let Some(door) = self.state.rows.door(on) else {
            return 0;
        };
        debug_assert!(door.resource);
        let room = self.state.rows.room(on.index(), kind, self.span);
        match self.own.get(&on) {
            Some(own) => room.saturating_sub(own.get(kind)),
            None => room,
        }
    }

    /// What the owners' limits leave of one kind during the request's window, after the pieces so far; `u64::MAX` where
    /// nobody limits it.
    #[must_use]
    pub fn spare(&self, kind: Kind) -> u64 {
        let counts = |(_, _, mask): &&(usize, OwnerId, u32)| mask >> kind.index() & 1 == 1;
        let limits = self.limits.iter().filter(counts);
        let rooms = limits.map(|(row, ..)| self.state.rows.room(*row, kind, self.span));
        rooms
            .min()
            .map_or(u64::MAX, |room| room.saturating_sub(self.total.get(kind)))
    }

    /// Whether a limit of its owner, or of one above, counts the request.
    #[must_use]
    pub fn is_limited(&self) -> bool {
        !self.limits.is_empty()
    }

    /// Whether the owners' limits leave as much, after the pieces so far.
    ///
    /// # Errors
    /// [`Why::Limit`].
    pub fn within_limits(&self, amounts: &Amounts) -> Result<(), Why> {
        if self.limits.is_empty() {
            return Ok(());
        }
        let total = self.total.checked_add(amounts).ok_or(Why::Overflow)?;
        rules::fits_limits(self.state, &self.limits, &total, self.span)
    }

    /// How many more members of a part fit on a resource by their amounts alone, the owners' limits included.
    #[must_use]
    pub fn fit(&self, part: usize, on: ResourceId) -> u32 {
        let Some(each) = self.each.get(part) else {
            return 0;
        };
        let times = each.iter().map(|(kind, each)| {
            let left = self.left(on, kind);
            let left = if self.limits.is_empty() {
                left
            } else {
                left.min(self.spare(kind))
            };
            left / each
        });
        u32::try_from(times.min().unwrap_or(0)).unwrap_or(u32::MAX)
    }

    /// How many more members of a part may be put on a resource now: amounts and company are asked, whether the resource
    /// suits and how the members are spread is not.
    #[must_use]
    pub fn room(&self, part: usize, on: ResourceId) -> u32 {
        match self.fit(part, on) {
            0 => 0,
            fit if self.request.terms().is_none() => fit,
            _ if self.joins(part, on) => 1,
            _ if self.company(on).is_err() => 0,
            fit if self.alone => fit.min(1),
            fit => fit,
        }
    }

    /// Whether a piece of a part on a resource goes to a member that has begun on a sibling: it adds no member.
    #[must_use]
    pub fn joins(&self, part: usize, on: ResourceId) -> bool {
        let family = self.family(part, on);
        family.is_some_and(|(family, of)| {
            let places = self.families.get(&family);
            places.is_some_and(|places| places % u64::from(of) != 0)
        })
    }

    /// The part and the parent, and on how many children a member sits, if that is on more than one.
    fn family(&self, part: usize, on: ResourceId) -> Option<((usize, ResourceId), u32)> {
        let of = placement::children_of(self.request, part).filter(|of| *of > 1)?;
        Some(((part, self.state.parent(on)?), of))
    }

    /// Whether a resource suits a part, however full it is.
    ///
    /// # Errors
    /// What stands against it.
    pub fn suits(&self, part: usize, on: ResourceId) -> Result<(), Why> {
        suits::suits_one(self.state, self.request, part, on, &mut ())
    }

    /// Whether one more member on a resource keeps the company that it seeks, and that others allow.
    ///
    /// # Errors
    /// [`Why::Apart`] or [`Why::Together`].
    pub fn company(&self, on: ResourceId) -> Result<(), Why> {
        let standing = self.state.standing(on).ok_or(Why::UnknownResource(on))?;
        let Some(terms) = self.request.terms() else {
            return Ok(());
        };
        let place = &standing.topology;
        self.company.admits(self.state, terms, place, 1, &mut ())
    }

    /// How many members are in a group: those that the state counts, and those of the pieces so far.
    #[must_use]
    pub fn members_in(&self, group: &Group) -> u64 {
        let own = self.company.own(group);
        self.state.members(group).saturating_add(own)
    }

    /// How many more members a resource's domains may have by the request's spreads, if so many members, these included,
    /// are still to come somewhere: 1 asks whether the rule would hold at once.
    #[must_use]
    pub fn spread_room(&self, on: ResourceId, to_come: u64) -> u64 {
        let Some(place) = self.state.topology(on) else {
            return 0;
        };
        let rooms = self.spreads().map(|(spread, tally)| {
            let domain = place.domain(&spread.level);
            domain.map_or(0, |domain| {
                tally.room(spread, self.state, domain, to_come.saturating_sub(1))
            })
        });
        rooms.min().unwrap_or(u64::MAX)
    }

    /// How many members stand in a resource's domain by one of the request's spreads; 0 without such a domain.
    #[must_use]
    pub fn spread_count(&self, spread: usize, on: ResourceId) -> u64 {
        let own = self.spreads().nth(spread);
        let place = own.zip(self.state.topology(on));
        let count = place.and_then(|((spread, tally), place)| {
            Some(tally.count(spread, self.state, place.domain(&spread.level)?))
        });
        count.unwrap_or(0)
    }

    /// Whether the pieces so far are spread as the request asks.
    #[must_use]
    pub fn is_spread(&self) -> bool {
        self.tallies.iter().all(Tally::holds)
    }

    /// The least members of any domain that could serve, for each spread: it tells when one that held others back has
    /// filled up.
    pub fn least_spread(&self) -> impl Iterator<Item = u64> {
        self.tallies.iter().map(|tally| tally.least(0))
    }

    fn spreads(&self) -> impl Iterator<Item = (&'a Spread, &Tally)> {
        self.request.spreads().iter().zip(&self.tallies)
    }

    /// Whether one more member of a part can be put on a resource; of how members are spread see
    /// [`spread_room`](Self::spread_room).
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self, part: usize, on: ResourceId) -> Result<(), Why> {
        self.suits(part, on)?;
        if !self.joins(part, on) {
            self.company(on)?;
        }
        if self.fit(part, on) > 0 {
            return Ok(());
        }
        let left: Amounts = self
            .each(part)
            .iter()
            .map(|(kind, _)| (kind, self.left(on, kind)))
            .collect();
        let short = self.each(part).shortfall(&left);
        if short.is_zero() {
            return self.within_limits(&self.each(part));
        }
        Err(Why::Full {
            resource: on,
            short: self.state.kinds.quantities(&short),
        })
    }

    /// Puts members of a part on a resource. The caller has asked for [`room`](Self::room).
    ///
    /// A member on several children is put down child by child, all of them before the next member.
    pub fn put(&mut self, part: usize, on: ResourceId, members: u32) {
        let more = self.each(part).saturating_mul(members.into());
        self.add(Piece { part, on, members }, &more);
    }

    /// Gives a share of an elastic need to a resource.
    pub fn put_share(&mut self, on: ResourceId, share: &Amounts) {
        self.shares.push(*share);
        let members = 1;
        self.add(
            Piece {
                part: 0,
                on,
                members,
            },
            share,
        );
    }

    fn add(&mut self, piece: Piece, more: &Amounts) {
        let own = self.own.entry(piece.on).or_default();
        *own = own.saturating_add(more);
        self.total = self.total.saturating_add(more);
        let members = self.count(&piece, Turn::In);
        self.meet(&piece, members, Turn::In);
        self.pieces.push(piece);
    }

    /// Takes the last piece back, if there is one.
    pub fn take_back(&mut self) -> Option<Piece> {
        let last = self.pieces.pop()?;
        let less = match self.shares.pop() {
            Some(share) => share,
            None => self.each(last.part).saturating_mul(last.members.into()),
        };
        let rest = self.own(last.on).saturating_sub(&less);
        if rest.is_zero() {
            self.own.remove(&last.on);
        } else {
            self.own.insert(last.on, rest);
        }
        self.total = self.total.saturating_sub(&less);
        let members = self.count(&last, Turn::Out);
        self.meet(&last, members, Turn::Out);
        Some(last)
    }

    /// How many members a piece adds, or takes away: one on several children counts from the first of them on.
    fn count(&mut self, piece: &Piece, turn: Turn) -> u32 {
        let Some((family, of)) = self.family(piece.part, piece.on) else {
            return piece.members;
        };
        let places = self.families.entry(family).or_default();
        let before = places.div_ceil(of.into());
        *places = match turn {
            Turn::In => places.saturating_add(piece.members.into()),
            Turn::Out => places.saturating_sub(piece.members.into()),
        };
        let after = places.div_ceil(of.into());
        if *places == 0 {
            self.families.remove(&family);
        }
        u32::try_from(before.abs_diff(after)).unwrap_or(u32::MAX)
    }

    fn meet(&mut self, piece: &Piece, members: u32, turn: Turn) {
        let state = self.state;
        let place: Option<&Topology> = state.topology(piece.on);
        let Some(place) = place.filter(|_| members > 0) else {
            return;
        };
        if let Some(terms) = self.request.terms() {
            match turn {
                Turn::In => self.company.add(terms, place, members),
                Turn::Out => self.company.remove(terms, place, members),
            }
        }
        let more = match turn {
            Turn::In => i64::from(members),
            Turn::Out => -i64::from(members),
        };
        for (tally, spread) in self.tallies.iter_mut().zip(self.request.spreads()) {
            if let Some(domain) = place.domain(&spread.level) {
                tally.add(spread, state, domain, more);
            }
        }
    }

    /// How many members of a part are placed.
    #[must_use]
    pub fn members(&self, part: usize) -> u64 {
        let own = self.pieces.iter().filter(|piece| piece.part == part);
        let places: u64 = own.map(|piece| u64::from(piece.members)).sum();
        let of = placement::children_of(self.request, part).unwrap_or(1);
        places / u64::from(of.max(1))
    }

    /// The pieces as a placement, those of one part on one resource together.
    #[must_use]
    pub fn placement(&self) -> Placement {
        if matches!(self.request.need(), Need::Elastic { .. }) {
            let on = self.pieces.iter().map(|piece| piece.on);
            return Placement::Shares(on.zip(self.shares.iter().copied()).collect());
        }
        let mut sums: BTreeMap<(usize, ResourceId), u32> = BTreeMap::new();
        for piece in &self.pieces {
            let sum = sums.entry((piece.part, piece.on)).or_default();
            *sum = sum.saturating_add(piece.members);
        }
        let piece = |((part, on), members)| Piece { part, on, members };
        Placement::Pieces(sums.into_iter().map(piece).collect())
    }
}

/// Whether a piece comes or goes.
#[derive(Clone, Copy)]
enum Turn {
    In,
    Out,
}
