//! The answer to a request that was granted.

use super::reservation::Reservation;
use crate::{ReservationId, Timestamp};

/// What a request got. A request that comes again under its key gets the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Grant {
    /// The reservation, to confirm, extend or release it.
    pub id: ReservationId,
    /// The first moment at which it is gone if it is not confirmed; [`Timestamp::MAX`] of one that was adopted as confirmed
    /// and has no end.
    pub until: Timestamp,
}

impl Grant {
    pub(crate) fn of(id: ReservationId, reservation: &Reservation) -> Self {
        Self {
            id,
            until: reservation.ends().unwrap_or(Timestamp::MAX),
        }
    }
}
