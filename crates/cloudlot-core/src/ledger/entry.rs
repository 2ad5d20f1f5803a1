//! What a change did: the ledger's journal, entry by entry.
//!
//! Everything that follows a ledger evolves by these: views, replays, reports, stores. Entries are absolute and carry
//! the identifiers that were given, so that applying them needs no decision. Kinds and owners go by number; the entry
//! that gave the number comes first.

use super::holds::Holds;
use super::reservation::Reservation;
use super::timeline::Span;
use crate::{
    Kind, KindName, OwnerId, OwnerPath, Quantity, ReservationId, Resource, ResourceId,
    ResourceState, Revision, Timestamp,
};
use std::sync::Arc;

/// One change of a ledger.
#[derive(Clone, PartialEq, Debug)]
pub struct Entry {
    /// The number of this change, from 1.
    pub revision: Revision,
    /// When it happened, as the ledger saw the time.
    pub at: Timestamp,
    /// What changed.
    pub change: Change,
}

/// What changed.
#[derive(Clone, PartialEq, Debug)]
pub enum Change {
    /// A kind got its number.
    KindAdded {
        /// The number.
        kind: Kind,
        /// The name.
        name: KindName,
    },
    /// An owner got its number.
    OwnerAdded {
        /// The number.
        owner: OwnerId,
        /// The name.
        path: OwnerPath,
    },
    /// A limit was set for an owner and everybody below, or lifted.
    LimitSet {
        /// For whom.
        owner: OwnerId,
        /// The limit; kinds that are not named are free. `None`: lifted.
        limit: Option<Arc<[Quantity]>>,
    },
    /// A resource joined.
    ResourceAdded {
        /// Its identifier.
        id: ResourceId,
        /// What it is.
        resource: Arc<Resource>,
    },
    /// A resource is described anew: capacity, labels, taints, whatever.
    ResourceChanged {
        /// Which.
        id: ResourceId,
        /// What it is now.
        resource: Arc<Resource>,
    },
    /// A resource's administrative state changed.
    StateSet {
        /// Which.
        id: ResourceId,
        /// Its state now.
        state: ResourceState,
    },
    /// A resource left; nothing was held on it.
    ResourceRemoved {
        /// Which.
        id: ResourceId,
    },
    /// Amounts were reserved.
    Reserved {
        /// The reservation's identifier.
        id: ReservationId,
        /// What was reserved.
        reservation: Reservation,
        /// The digest of the request, to know it again by its key.
        digest: u64,
    },
    /// A reservation was confirmed.
    Confirmed {
        /// Which.
        id: ReservationId,
    },
    /// A hold's time was set anew.
    Extended {
        /// Which.
        id: ReservationId,
        /// The first moment at which it is gone.
        until: Timestamp,
    },
    /// A reservation holds something else from now on.
    Resized {
        /// Which.
        id: ReservationId,
        /// All that it holds now.
        holds: Holds,
    },
    /// A reservation was told to go and ends with its grace.
    Evicting {
        /// Which.
        id: ReservationId,
        /// What is left of its time.
        span: Span,
    },
    /// A reservation starts earlier than it was booked for.
    Advanced {
        /// Which.
        id: ReservationId,
        /// Its time now.
        span: Span,
    },
    /// A reservation is gone.
    Ended {
        /// Which.
        id: ReservationId,
        /// Why.
        end: End,
    },
}

/// Why a reservation is gone.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum End {
    /// Its owner gave it back.
    Released,
    /// It was not confirmed in time, or its window ended.
    Expired,
    /// It was told to go.
    Evicted,
}
