//! Accounts of a ledger: made from its state, and brought up to date by its entries.

use super::decay::Decay;
use super::tree::{AccountError, AccountId, Accounts};
use cloudlot_core::ledger::{Change, Entry, Reservation, State};
use cloudlot_core::{OwnerId, ReservationId, Timestamp};

/// Why an entry cannot be followed: it does not follow from the state that was given with it.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum FollowError {
    /// The entry is about a reservation that is not there.
    #[error("{0} is not there")]
    Unknown(ReservationId),
    /// The owner of the reservation has no number.
    #[error("{0} is not known")]
    Owner(OwnerId),
    /// The reservation was never counted here.
    #[error(transparent)]
    Account(#[from] AccountError),
}

impl Accounts {
    /// The accounts of a ledger as of `now`, with the usual [`Decay`].
    ///
    /// Of the past they know what live reservations tell: each counts as if it had held since it was made what it holds
    /// now. What has ended is forgotten, unless [`Accounts::remember`] brings it back.
    #[must_use]
    pub fn of(state: &State, now: Timestamp) -> Self {
        Self::decaying(Decay::default(), state, now)
    }

    /// As [`Accounts::of`], with another decay.
    #[must_use]
    pub fn decaying(decay: Decay, state: &State, now: Timestamp) -> Self {
        let mut accounts = Self::new(decay);
        accounts.half_lives.learn_all(state.kinds());
        for (_, path) in state.owners() {
            let account = accounts.account(path);
            accounts.by_owner.push(account);
        }
        let mut live: Vec<(ReservationId, &Reservation)> = state.reservations().collect();
        live.sort_by_key(|(id, reservation)| (reservation.reserved_at(), *id));
        for (_, reservation) in live {
            let account = accounts.by_owner[reservation.owner().number() as usize];
            let since = reservation.reserved_at().min(now);
            accounts.charge(account, &reservation.holds().total(), since);
        }
        accounts
    }

    /// Follows one entry of the ledger. `before` is the ledger's state, or a view's, before the entry was applied: what a
    /// reservation held that ends or changes is read there.
    ///
    /// # Errors
    /// [`FollowError`] if the entry does not follow from that state. Nothing is changed then.
    pub fn follow(&mut self, before: &State, entry: &Entry) -> Result<(), FollowError> {
        match &entry.change {
            Change::KindAdded { kind, name } => self.half_lives.learn(*kind, name),
            Change::OwnerAdded { path, .. } => {
                let account = self.account(path);
                self.by_owner.push(account);
            }
            Change::Reserved { reservation, .. } => {
                let account = self.owned(before, reservation.owner())?;
                self.charge(account, &reservation.holds().total(), entry.at);
            }
            Change::Resized { id, holds } => {
                let old = live(before, *id)?;
                let account = self.owned(before, old.owner())?;
                self.resize(account, &old.holds().total(), &holds.total(), entry.at)?;
            }
            Change::Ended { id, .. } => {
                let old = live(before, *id)?;
                let account = self.owned(before, old.owner())?;
                self.credit(account, &old.holds().total(), entry.at)?;
            }
            _ => {}
        }
        Ok(())
    }

    /// The account of an owner by the ledger's number.
    #[must_use]
    pub fn of_owner(&self, owner: OwnerId) -> Option<AccountId> {
        self.by_owner.get(owner.number() as usize).copied()
    }

    fn owned(&self, before: &State, owner: OwnerId) -> Result<AccountId, FollowError> {
        let known = || self.find(before.owner(owner)?);
        self.of_owner(owner)
            .or_else(known)
            .ok_or(FollowError::Owner(owner))
    }
}

fn live(before: &State, id: ReservationId) -> Result<&Reservation, FollowError> {
    before.reservation(id).ok_or(FollowError::Unknown(id))
}
