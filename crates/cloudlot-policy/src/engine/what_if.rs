//! What would come of steps that nobody takes.

use super::attempt::{Field, last_booking};
use super::explain::{self, Explanation};
use super::machine::Engine;
use super::outcome::Refused;
use crate::accounts::Accounts;
use cloudlot_core::ledger::{Booking, Draft, Holds, State, Why};
use cloudlot_core::{Request, ReservationId, Timestamp};

/// A try on the engine's view: what it takes is given back when it ends.
#[derive(Debug)]
pub struct WhatIf<'a> {
    field: Field<'a>,
    draft: Draft<'a>,
    accounts: &'a mut Accounts,
}

impl Engine {
    /// Tries steps on the state as it is. Neither the ledger nor the queue is changed, and nothing is copied: the steps
    /// are taken back one by one.
    ///
    /// ```
    /// use cloudlot_core::ledger::Ledger;
    /// use cloudlot_core::{Request, Resource, Timestamp, cores};
    /// use cloudlot_policy::engine::{Allocator, Engine};
    ///
    /// let now = Timestamp::ZERO;
    /// let mut engine = Engine::new(Ledger::new(), Allocator::builder().build());
    /// engine.add(&Resource::node("n1").capacity([cores(8)]), now)?;
    /// let job = Request::new("job").part([cores(3)]).build()?;
    /// let fit = engine.what_if(now, |what_if| (0..).take_while(|_| what_if.place(&job).is_ok()).count());
    /// assert_eq!(fit, 2);
    /// assert_eq!(engine.state().reservation_count(), 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn what_if<T>(&mut self, now: Timestamp, ask: impl FnOnce(&mut WhatIf<'_>) -> T) -> T {
        let now = now.max(self.ledger.now());
        let mark = self.accounts.mark();
        let field = Field {
            now,
            ..Field::new(&self.allocator, &self.ground, &self.ledger)
        };
        let mut what_if = WhatIf {
            field,
            draft: self.view.draft(now),
            accounts: &mut self.accounts,
        };
        let answer = ask(&mut what_if);
        drop(what_if);
        self.accounts.restore(mark);
        answer
    }
}

impl WhatIf<'_> {
    /// What the state would be.
    #[must_use]
    pub fn state(&self) -> &State {
        self.draft.state()
    }

    /// Tries to serve a request.
    ///
    /// # Errors
    /// Why it would be refused; the try is as before then.
    pub fn place(&mut self, request: &Request) -> Result<Booking, Box<Refused>> {
        let account = self.accounts.account(request.owner());
        let taken = self
            .field
            .attempt(&mut self.draft, self.accounts, request, account)?;
        self.accounts.charge(account, &taken, self.field.now);
        let booking = last_booking(&self.draft).cloned();
        Ok(booking.expect("an attempt that succeeds ends in a reservation"))
    }

    /// Tries to let a reservation go at once.
    ///
    /// # Errors
    /// [`Why::Gone`].
    pub fn evict(&mut self, id: ReservationId) -> Result<(), Why> {
        let held = self.holder(id)?;
        self.draft.evict(id, self.field.now)?;
        if let Some((account, held)) = held {
            self.accounts
                .credit(account, &held, self.field.now)
                .expect("what the view shows is counted");
        }
        Ok(())
    }

    /// Tries to let a reservation hold something else.
    ///
    /// # Errors
    /// Why it is not possible; the try is as before then.
    pub fn resize(&mut self, id: ReservationId, holds: &Holds) -> Result<(), Why> {
        let held = self.holder(id)?;
        self.draft.resize(id, holds)?;
        if let Some((account, held)) = held {
            self.accounts
                .resize(account, &held, &holds.total(), self.field.now)
                .expect("what the view shows is counted");
        }
        Ok(())
    }

    /// Why a request would be granted or refused after the steps so far.
    pub fn explain(&mut self, request: &Request) -> Explanation {
        let account = self.accounts.account(request.owner());
        explain::explain(
            &self.field,
            &mut self.draft,
            self.accounts,
            request,
            account,
        )
    }

    fn holder(
        &mut self,
        id: ReservationId,
    ) -> Result<Option<(crate::accounts::AccountId, cloudlot_core::Amounts)>, Why> {
        let reservation = self.draft.state().reservation(id).ok_or(Why::Gone(id))?;
        let held = reservation.holds().total();
        let path = self.draft.state().owner(reservation.owner());
        let path = path.cloned();
        Ok(path.map(|path| (self.accounts.account(&path), held)))
    }
}
