//! One request against a draft: through the gates, to a place, into the draft.

use super::allocator::Allocator;
use super::outcome::{Cause, Refused};
use super::wake::WakeOn;
use crate::accounts::{AccountId, Accounts};
use crate::admit::Entry;
use crate::order::Books;
use crate::place::{self, Reason, World};
use cloudlot_core::ledger::{Assembly, Draft, Placement, Row, State, Step, Why};
use cloudlot_core::{Amounts, Kinds, Need, Request, ResourceId, Timestamp};

/// What an attempt is made with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field<'a> {
    pub(crate) allocator: &'a Allocator,
    pub(crate) rows: &'a [ResourceId],
    pub(crate) capacity: &'a Amounts,
    pub(crate) kinds: &'a Kinds,
    pub(crate) last: Option<ResourceId>,
    pub(crate) now: Timestamp,
}

impl<'a> Field<'a> {
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
        let refuse = |why: Cause, wake: WakeOn| {
            Box::new(Refused {
                request: request.clone(),
                why,
                wake,
            })
        };
        let ledger = |why: Why, wants: &Amounts| {
            let reason = Reason::Ledger(why.clone());
            refuse(
                Cause::Ledger(why),
                WakeOn::after(&reason, wants, is_social(request)),
            )
        };
        let least =
            least(draft.state(), request, self.now).map_err(|why| ledger(why, &Amounts::ZERO))?;
        let entry = Entry {
            request,
            account,
            least: &least,
        };
        let books = self.books(accounts);
        for gate in &self.allocator.gates {
            if let Err(denied) = gate.admit(&books, &entry) {
                let (gate, wake) = (gate.name().to_owned(), denied.wake);
                return Err(refuse(Cause::Denied { gate, denied }, wake));
            }
        }
        let strategy = self.allocator.strategy_for(request);
        let strategy = strategy
            .map_err(|name| refuse(Cause::UnknownStrategy(name.to_owned()), WakeOn::default()))?;
        let placement = place::place(draft.state(), self.world(), request, strategy);
        let placement = placement.map_err(|unplaced| {
            let wake = WakeOn::after(&unplaced.reason, &least, is_social(request));
            refuse(Cause::Unplaced(unplaced), wake)
        })?;
        let rows = self.depends(draft, request, &placement);
        draft
            .reserve(request, &placement)
            .map_err(|why| ledger(why, &least))?;
        for row in rows {
            draft.depend(row);
        }
        let taken = draft.steps().last().map(|step| match step {
            Step::Reserve(booking) => booking.holds.total(),
            Step::Resize { .. } | Step::Evict { .. } | Step::Advance { .. } => Amounts::ZERO,
        });
        Ok(taken.unwrap_or_default())
    }

    /// What filters say that the placement rests on beyond amounts.
    fn depends(&self, draft: &Draft<'_>, request: &Request, placement: &Placement) -> Vec<Row> {
        let mut rows = Vec::new();
        let (Ok(strategy), Placement::Pieces(pieces)) =
            (self.allocator.strategy_for(request), placement)
        else {
            return rows;
        };
        if let Ok(assembly) = Assembly::new(draft.state(), request, self.now) {
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

pub(crate) fn is_social(request: &Request) -> bool {
    request.terms().is_some() || !request.spreads().is_empty()
}

/// What a request takes at least.
pub(super) fn least(state: &State, request: &Request, now: Timestamp) -> Result<Amounts, Why> {
    let assembly = Assembly::new(state, request, now)?;
    let parts = match request.need() {
        Need::Parts(parts) => parts,
        Need::Elastic { .. } => return Ok(assembly.each(0)),
    };
    let sums = parts.iter().enumerate().map(|(n, part)| {
        let of = match part.on {
            cloudlot_core::On::Node => 1,
            cloudlot_core::On::Children { of } => u64::from(of),
        };
        assembly
            .each(n)
            .saturating_mul(of.saturating_mul(part.min.into()))
    });
    Ok(sums.fold(Amounts::ZERO, |all, part| all.saturating_add(&part)))
}
