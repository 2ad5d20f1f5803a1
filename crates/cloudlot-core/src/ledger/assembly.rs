//! A placement in the making: pieces put down one after the other, each against the state and the pieces before it.
//!
//! It asks the same rules as a [`Draft`](super::Draft), piece by piece, so that whoever chooses places never learns at
//! the end that a choice in the middle was wrong. Only owners' limits wait for the draft: they count the request whole.

use super::company::Company;
use super::placement::{self, Piece, Placement};
use super::rules;
use super::state::State;
use super::suits;
use super::timeline::Span;
use super::why::Why;
use crate::{Amounts, Kind, Mode, Need, Request, ResourceId, Timestamp};
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
    // What the pieces so far take, by resource.
    own: BTreeMap<ResourceId, Amounts>,
    company: Company,
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
            own: BTreeMap::new(),
            company: Company::default(),
            alone: request.affinities().iter().any(apart),
        })
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

    /// The pieces so far, in the order in which they were put down.
    #[must_use]
    pub fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// What the pieces so far take of a resource.
    #[must_use]
    pub fn own(&self, on: ResourceId) -> Amounts {
        self.own.get(&on).copied().unwrap_or_default()
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

    /// How many more members of a part fit on a resource by their amounts alone.
    #[must_use]
    pub fn fit(&self, part: usize, on: ResourceId) -> u32 {
        let Some(each) = self.each.get(part) else {
            return 0;
        };
        let times = each.iter().map(|(kind, each)| self.left(on, kind) / each);
        u32::try_from(times.min().unwrap_or(0)).unwrap_or(u32::MAX)
    }

    /// How many more members of a part may be put on a resource now: amounts and company are asked, whether the resource
    /// suits is not.
    #[must_use]
    pub fn room(&self, part: usize, on: ResourceId) -> u32 {
        match self.fit(part, on) {
            0 => 0,
            fit if self.request.terms().is_none() => fit,
            _ if self.company(on).is_err() => 0,
            fit if self.alone => fit.min(1),
            fit => fit,
        }
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

    /// Whether one more member of a part can be put on a resource.
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self, part: usize, on: ResourceId) -> Result<(), Why> {
        self.suits(part, on)?;
        self.company(on)?;
        if self.fit(part, on) > 0 {
            return Ok(());
        }
        let left: Amounts = self
            .each(part)
            .iter()
            .map(|(kind, _)| (kind, self.left(on, kind)))
            .collect();
        let short = self.each(part).shortfall(&left);
        Err(Why::Full {
            resource: on,
            short: self.state.kinds.quantities(&short),
        })
    }

    /// Puts members of a part on a resource. The caller has asked for [`room`](Self::room).
    pub fn put(&mut self, part: usize, on: ResourceId, members: u32) {
        let more = self.each(part).saturating_mul(members.into());
        let own = self.own.entry(on).or_default();
        *own = own.saturating_add(&more);
        if let Some((terms, standing)) = self.request.terms().zip(self.state.standing(on)) {
            self.company.add(terms, &standing.topology, members);
        }
        self.pieces.push(Piece { part, on, members });
    }

    /// Takes the last piece back, if there is one.
    pub fn take_back(&mut self) -> Option<Piece> {
        let last = self.pieces.pop()?;
        let less = self.each(last.part).saturating_mul(last.members.into());
        let rest = self.own(last.on).saturating_sub(&less);
        if rest.is_zero() {
            self.own.remove(&last.on);
        } else {
            self.own.insert(last.on, rest);
        }
        if let Some((terms, standing)) = self.request.terms().zip(self.state.standing(last.on)) {
            self.company.remove(terms, &standing.topology, last.members);
        }
        Some(last)
    }

    /// How many members of a part are placed.
    #[must_use]
    pub fn members(&self, part: usize) -> u64 {
        let own = self.pieces.iter().filter(|piece| piece.part == part);
        own.map(|piece| u64::from(piece.members)).sum()
    }

    /// The pieces as a placement, those of one part on one resource together.
    #[must_use]
    pub fn placement(&self) -> Placement {
        let mut sums: BTreeMap<(usize, ResourceId), u32> = BTreeMap::new();
        for piece in &self.pieces {
            let sum = sums.entry((piece.part, piece.on)).or_default();
            *sum = sum.saturating_add(piece.members);
        }
        let piece = |((part, on), members)| Piece { part, on, members };
        Placement::Pieces(sums.into_iter().map(piece).collect())
    }
}
