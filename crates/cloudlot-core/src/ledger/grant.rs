//! The answer to a request that was granted.

use crate::{ReservationId, Timestamp};

/// What a request got. A request that comes again under its key gets the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Grant {
    /// The reservation, to confirm, extend or release it.
    pub id: ReservationId,
    /// The first moment at which it is gone if it is not confirmed.
    pub until: Timestamp,
}
