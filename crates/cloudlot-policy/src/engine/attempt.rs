//! One request against a draft: through the gates, to a place, into the draft.

use super::allocator::Allocator;
use super::outcome::{Cause, Refused};
use super::queue::Pending;
use super::wake::WakeOn;
use crate::accounts::{AccountId, Accounts};
use crate::admit::{self, Admit, Denied, Entry};
use crate::order::Books;
use crate::place::{self, Reason, World};
use crate::quota::Balances;
use cloudlot_core::ledger::{
    Assembly, Booking, Draft, Ledger, Piece, Placement, Row, State, Step, Why,
};
use cloudlot_core::{Amounts, Kinds, On, Request, ResourceId, Timestamp};
use std::borrow::Cow;
use std::cell::RefCell;

/// What an engine knows of its resources.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ground {
    /// The resources that may serve, in ascending order.
    pub(crate) rows: Vec<ResourceId>,
    /// What those that take new work have in all.
    pub(crate) capacity: Amounts,
    /// Where the last grant went.
    pub(crate) last: Option<ResourceId>,
}

/// What an attempt is made with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field<'a> {
    pub(crate) allocator: &'a Allocator,
    pub(crate) rows: &'a [ResourceId],
    pub(crate) capacity: &'a Amounts,
    pub(crate) kinds: &'a Kinds,
    pub(crate) last: Option<ResourceId>,
    pub(crate) now: Timestamp,
    /// How the quotas stand, where somebody keeps that from attempt to attempt.
    pub(crate) balances: Option<&'a RefCell<Balances>>,
}

impl<'a> Field<'a> {
    /// As of the ledger's own time.
    pub(crate) fn new(allocator: &'a Allocator, ground: &'a Ground, ledger: &'a Ledger) -> Self {
        Self {
            allocator,
            rows: &ground.rows,
            capacity: &ground.capacity,
            kinds: ledger.state().kinds(),
            last: ground.last,
            now: ledger.now(),
            balances: None,
        }
    }

    pub(crate) fn books(&self, accounts: &'a Accounts) -> Books<'a> {
        Books {
            accounts,
            capacity: self.capacity,
            kinds: self.kinds,
            now: self.now,
        }
    }

    pub(crate) fn world(&self) -> World<'a> {
        World {
            rows: self.rows,
            now: self.now,
            last: self.last,
        }
    }

    /// Reserves what a request asks for in a draft, and says what it takes in all.
    pub(crate) fn attempt(
        &self,
        draft: &mut Draft<'_>,
        accounts: &Accounts,
        request: &Request,
        account: AccountId,
    ) -> Result<Amounts, Box<Refused>> {
        let least = least(draft.state(), request, self.now)
            .map_err(|why| by_ledger(request, why, &Amounts::ZERO))?;
        self.gates(accounts, request, account, &least)
            .map_err(|denied| refused(request, denied))?;
        let strategy = self.allocator.strategy_for(request);
        let strategy = strategy.map_err(|name| {
            refuse(
                request,
                Cause::UnknownStrategy(name.to_owned()),
                WakeOn::default(),
            )
        })?;
        let placement = place::place(draft.state(), self.world(), request, strategy);
        let placement = placement.map_err(|unplaced| {
            let wake = WakeOn::after(&unplaced.reason, &least, is_social(request));
            refuse(request, Cause::Unplaced(unplaced), wake)
        })?;
        let takes = total(draft.state(), request, &placement, self.now);
        if takes == least {
            return self.book(draft, request, &placement, &takes);
        }
        self.reserve(draft, accounts, request, account, &placement)
    }

    /// Reserves a request on a placement in a draft, and says what it takes in all. Members and amounts beyond the least
    /// are welcome where no gate is in their way.
    pub(crate) fn reserve(
        &self,
        draft: &mut Draft<'_>,
        accounts: &Accounts,
        request: &Request,
        account: AccountId,
        placement: &Placement,
    ) -> Result<Amounts, Box<Refused>> {
        let takes = total(draft.state(), request, placement, self.now);
        let mut placement = Cow::Borrowed(placement);
        if self.gates(accounts, request, account, &takes).is_err() {
            placement = Cow::Owned(trim(draft.state(), request, &placement, self.now));
            let takes = total(draft.state(), request, &placement, self.now);
            self.gates(accounts, request, account, &takes)
                .map_err(|denied| refused(request, denied))?;
        }
        self.book(draft, request, &placement, &takes)
    }

    fn book(
        &self,
        draft: &mut Draft<'_>,
        request: &Request,
        placement: &Placement,
        takes: &Amounts,
    ) -> Result<Amounts, Box<Refused>> {
        let rows = self.depends(draft, request, placement);
        draft
            .reserve(request, placement)
            .map_err(|why| by_ledger(request, why, takes))?;
        for row in rows {
            draft.depend(row);
        }
        let taken = last_booking(draft).map(|booking| booking.holds.total());
        Ok(taken.unwrap_or_default())
    }

    /// Whether the gates are open to a request that waits.
    pub(crate) fn may_enter(&self, state: &State, accounts: &Accounts, pending: &Pending) -> bool {
        let least = least(state, &pending.request, self.now);
        least.is_ok_and(|least| {
            let gates = self.gates(accounts, &pending.request, pending.account, &least);
            gates.is_ok()
        })
    }

    /// Whether all gates are open to a request that takes so much.
    fn gates(
        &self,
        accounts: &Accounts,
        request: &Request,
        account: AccountId,
        takes: &Amounts,
    ) -> Result<(), (String, Denied)> {
        let entry = Entry {
            request,
            account,
            takes,
        };
        let books = self.books(accounts);
        if let Some(quota) = &self.allocator.quota {
            let tree = &quota.tree;
            let asked = match self.balances {
                Some(kept) => tree.admit_by(&kept.borrow(), accounts, account, takes),
                None => tree.admit(accounts, account, takes),
            };
            asked.map_err(|no| (tree.name().to_owned(), admit::by_quota(&no, &books, &entry)))?;
        }
        for gate in &self.allocator.gates {
            gate.admit(&books, &entry)
                .map_err(|denied| (gate.name().to_owned(), denied))?;
        }
        Ok(())
    }

    /// Counts what was granted in the balances that are kept.
    pub(crate) fn count(&self, accounts: &Accounts, account: AccountId, taken: &Amounts) {
        if let (Some(quota), Some(kept)) = (&self.allocator.quota, self.balances) {
            let tree = &quota.tree;
            tree.charge(&mut kept.borrow_mut(), accounts, account, taken);
        }
    }

    /// What filters say that the placement rests on beyond amounts.
    fn depends(&self, draft: &Draft<'_>, request: &Request, placement: &Placement) -> Vec<Row> {
        let mut rows = Vec::new();
        let (Ok(strategy), Placement::Pieces(pieces)) =
            (self.allocator.strategy_for(request), placement)
        else {
            return rows;
        };
        if !is_social(request) && !strategy.has_worldly_filter() {
            return rows;
        }
        if let Ok(assembly) = place::begin(draft.state(), self.world(), request) {
            for piece in pieces {
                let ask = place::Ask {
                    world: self.world(),
                    assembly: &assembly,
                    part: piece.part,
                };
                for filter in strategy.filters() {
                    filter.depends(&ask, piece.on, &mut rows);
                }
            }
        }
        rows
    }
}

fn refuse(request: &Request, why: Cause, wake: WakeOn) -> Box<Refused> {
    Box::new(Refused {
        request: request.clone(),
        why,
        wake,
    })
}

fn refused(request: &Request, (gate, denied): (String, Denied)) -> Box<Refused> {
    let wake = denied.wake;
    refuse(request, Cause::Denied { gate, denied }, wake)
}

fn by_ledger(request: &Request, why: Why, wants: &Amounts) -> Box<Refused> {
    let reason = Reason::Ledger(why.clone());
    let wake = WakeOn::after(&reason, wants, is_social(request));
    refuse(request, Cause::Ledger(why), wake)
}

pub(crate) fn is_social(request: &Request) -> bool {
    request.terms().is_some() || !request.spreads().is_empty()
}

/// What a request takes at least.
pub(super) fn least(state: &State, request: &Request, now: Timestamp) -> Result<Amounts, Why> {
    Ok(place::required(&Assembly::new(state, request, now)?))
}

/// What a draft reserves with its last step, if that reserves anything.
pub(super) fn last_booking<'a>(draft: &'a Draft<'_>) -> Option<&'a Booking> {
    match draft.steps().last()? {
        Step::Reserve(booking) => Some(booking),
        Step::Resize { .. } | Step::Evict { .. } | Step::Advance { .. } => None,
    }
}

/// What a placement takes in all.
fn total(state: &State, request: &Request, placement: &Placement, now: Timestamp) -> Amounts {
    let Ok(assembly) = Assembly::new(state, request, now) else {
        return Amounts::ZERO;
    };
    let piece = |piece: &Piece| {
        assembly
            .each(piece.part)
            .saturating_mul(piece.members.into())
    };
    let all: Vec<Amounts> = match placement {
        Placement::Pieces(pieces) => pieces.iter().map(piece).collect(),
        Placement::Shares(shares) => shares.iter().map(|(_, share)| *share).collect(),
    };
    let sum = |sum: Amounts, more: &Amounts| sum.saturating_add(more);
    all.iter().fold(Amounts::ZERO, sum)
}

/// The same placement with no more than has to be there: the last members, or the last shares, are left out.
fn trim(state: &State, request: &Request, placement: &Placement, now: Timestamp) -> Placement {
    match placement.clone() {
        Placement::Pieces(mut pieces) => {
            for (n, part) in request.need().parts().iter().enumerate() {
                // A member on several children has a piece on each; those stay.
                if part.on == On::Node {
                    trim_part(&mut pieces, n, part.min);
                }
            }
            pieces.retain(|piece| piece.members > 0);
            Placement::Pieces(pieces)
        }
        Placement::Shares(mut shares) => {
            let least = Assembly::new(state, request, now).map(|it| it.each(0));
            let mut rest = least.unwrap_or_default();
            for (_, share) in &mut shares {
                *share = share.min(&rest);
                rest = rest.saturating_sub(share);
            }
            shares.retain(|(_, share)| !share.is_zero());
            Placement::Shares(shares)
        }
    }
}

fn trim_part(pieces: &mut [Piece], part: usize, min: u32) {
    let mut left = min;
    for piece in pieces.iter_mut().filter(|piece| piece.part == part) {
        piece.members = piece.members.min(left);
        left -= piece.members;
    }
}
