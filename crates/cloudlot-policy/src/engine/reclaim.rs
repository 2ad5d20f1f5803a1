//! Taking back what is lent: from owners who borrow, for one whose quota it is.

use super::machine::Engine;
use super::outcome::Cause;
use super::preempt::Preempted;
use crate::accounts::AccountId;
use crate::place;
use crate::quota::{Candidate, QuotaTree};
use cloudlot_core::{Amounts, Request, ReservationId, Timestamp};
use std::sync::Arc;
use std::time::Duration;

/// Who may take back from whom.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum TakeBack {
    /// Nobody: what is lent comes back when its borrower is done.
    Never,
    /// An owner takes back what is its own.
    #[default]
    Own,
    /// An owner takes back its own, and one that borrows little takes from one that borrows much.
    OwnThenFair,
}

/// The quotas of an allocator.
#[derive(Clone, Debug)]
pub(crate) struct Quotas {
    pub(crate) tree: Arc<QuotaTree>,
    pub(crate) take_back: TakeBack,
}

/// Whether a gate is closed that taking back could open.
pub(super) fn may_take_back(cause: &Cause) -> bool {
    matches!(cause, Cause::Denied { denied, .. } if denied.may_reclaim)
}

impl Engine {
    /// Takes back from borrowers what a request needs, if it is owed that and the request fits then.
    pub(super) fn take_back(
        &mut self,
        request: &Request,
        account: AccountId,
        now: Timestamp,
    ) -> Option<Preempted> {
        let victims = self.debtors(request, account)?;
        let at = self.ledger.now();
        let grace = self.allocator.preempt.as_ref().map(|it| it.rules.grace);
        let gone = at + grace.unwrap_or(Duration::ZERO);
        let plan = self.exchange(request, account, &victims, gone)?;
        Some(self.push_out_by(&plan, victims, gone, now))
    }

    /// Whose reservations have to go.
    fn debtors(&mut self, request: &Request, account: AccountId) -> Option<Vec<ReservationId>> {
        let quota = self.allocator.quota.clone()?;
        let now = self.ledger.now();
        let least = super::attempt::least(self.view.state(), request, now).ok()?;
        let candidates = self.candidates();
        let (tree, accounts) = (&quota.tree, &self.accounts);
        let own = || tree.reclaim(accounts, account, &least, &candidates);
        let fair = || {
            let priority = request.priority();
            tree.reclaim_fairly(accounts, account, &least, priority, &candidates, now)
        };
        match quota.take_back {
            TakeBack::Never => None,
            TakeBack::Own => own(),
            TakeBack::OwnThenFair => own().or_else(fair),
        }
    }

    fn candidates(&self) -> Vec<Candidate> {
        let state = self.view.state();
        let staying = state.reservations().filter(|(_, it)| !it.is_evicting());
        let candidate = |(id, it): (ReservationId, &cloudlot_core::ledger::Reservation)| {
            Some(Candidate {
                reservation: id,
                owner: self.accounts.of_owner(it.owner())?,
                amounts: it.holds().total(),
                priority: it.priority(),
                since: it.reserved_at(),
            })
        };
        staying.filter_map(candidate).collect()
    }

    /// A plan that evicts the victims and books for the request what they leave; `None` if it does not fit then.
    fn exchange(
        &mut self,
        request: &Request,
        account: AccountId,
        victims: &[ReservationId],
        gone: Timestamp,
    ) -> Option<cloudlot_core::ledger::Plan> {
        let (field, view, accounts) = self.parts();
        let mark = accounts.mark();
        let mut draft = view.draft(field.now);
        let start = draft.mark();
        let mut tried = || {
            for id in victims {
                let holder = draft.state().reservation(*id)?;
                let (owner, held): (_, Amounts) = (holder.owner(), holder.holds().total());
                let owner = accounts.of_owner(owner)?;
                accounts.credit(owner, &held, field.now).ok()?;
                draft.evict(*id, field.now).ok()?;
            }
            field.attempt(&mut draft, accounts, request, account).ok()
        };
        let fits = tried().is_some();
        accounts.restore(mark);
        if !fits {
            return None;
        }
        if gone == field.now {
            return Some(draft.finish());
        }
        // The same place, but booked from the end of the grace on.
        draft.rollback(start);
        for id in victims {
            draft.evict(*id, field.now).ok()?;
        }
        let strategy = field.allocator.strategy_for(request).ok()?;
        let placement = place::place(draft.state(), field.world(), request, strategy).ok()?;
        draft.rollback(start);
        for id in victims {
            draft.evict(*id, gone).ok()?;
        }
        draft.reserve_from(request, &placement, gone).ok()?;
        Some(draft.finish())
    }
}
