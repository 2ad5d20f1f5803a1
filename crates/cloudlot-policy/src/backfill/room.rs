//! What a placer sees: the resources, and what each could give to one request that starts at one time.

use super::forecast::Forecast;
use super::row::Row;
use cloudlot_core::ledger::State;
use cloudlot_core::{Amounts, ResourceId, Timestamp};

/// The resources at one possible start of a request.
#[derive(Clone, Copy, Debug)]
pub struct Room<'a> {
    forecast: &'a Forecast<'a>,
    at: Timestamp,
    until: Timestamp,
    hard: Timestamp,
}

impl<'a> Room<'a> {
    pub(super) const fn new(
        forecast: &'a Forecast<'a>,
        at: Timestamp,
        until: Timestamp,
        hard: Timestamp,
    ) -> Self {
        Self {
            forecast,
            at,
            until,
            hard,
        }
    }

    /// When the request would start.
    #[must_use]
    pub const fn at(&self) -> Timestamp {
        self.at
    }

    /// When it would end, by estimate.
    #[must_use]
    pub const fn until(&self) -> Timestamp {
        self.until
    }

    /// Whether it would start now: the place is then meant for the ledger, and else for a reservation that will be looked at again.
    #[must_use]
    pub fn is_now(&self) -> bool {
        self.at == self.forecast.now()
    }

    /// The state that is planned for, as it is now.
    #[must_use]
    pub const fn state(&self) -> &'a State {
        self.forecast.state()
    }

    /// The resources that take new work, by place.
    pub fn resources(&self) -> impl Iterator<Item = ResourceId> {
        let open = self.forecast.rows().iter().filter(|row| row.open);
        open.map(|row| row.id)
    }

    /// What the request could have of a resource for all its stay; nothing of one that is not there or takes nothing new.
    #[must_use]
    pub fn free(&self, on: ResourceId) -> Amounts {
        let Some(row) = self.forecast.row(on).filter(|row| row.open) else {
            return Amounts::ZERO;
        };
        let room = |kind| (kind, row.room(kind, self.at, self.until, self.hard));
        row.kinds().map(room).collect()
    }

    /// Whether the request could have that much of a resource for all its stay.
    #[must_use]
    pub fn fits(&self, on: ResourceId, amounts: &Amounts) -> bool {
        let row = self.forecast.row(on);
        row.is_some_and(|row| self.fits_row(row, amounts))
    }

    pub(super) fn fits_row(&self, row: &Row, amounts: &Amounts) -> bool {
        let room = |kind| row.room(kind, self.at, self.until, self.hard);
        row.open && amounts.iter().all(|(kind, amount)| amount <= room(kind))
    }
}
