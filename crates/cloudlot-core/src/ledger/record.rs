//! A ledger as records by name, each of which stands for itself.
//!
//! An [`Entry`](super::Entry) goes by the numbers of one ledger; a [`Record`] goes by names, so that it means the same in
//! every store, process and ledger. Records are absolute: writing one twice is harmless, and the last one counts. Where
//! they are kept is left to others; how they are written down is feature `serde`.

use super::reservation::Stage;
use super::timeline::Span;
use crate::{OwnerPath, Priority, Quantities, Quantity, RequestKey, Resource, Terms, Timestamp};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Something that a ledger knows, by name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Record {
    /// What all the others are records of.
    Ledger {
        /// How they are written: [`Record::FORMAT`].
        format: u32,
        /// The latest time that the ledger was told.
        at: Timestamp,
    },
    /// A resource.
    Resource(Arc<Resource>),
    /// The limit of an owner and everybody below.
    Limit {
        /// For whom.
        owner: OwnerPath,
        /// The limit, sorted by kind; a kind at zero may not be held, one that is not named is free.
        limit: Vec<Quantity>,
    },
    /// A live reservation.
    Reservation(Box<ReservationRecord>),
    /// The answer to a request whose reservation has ended.
    EndedKey {
        /// The answer.
        answer: KeyRecord,
        /// Which ended later has the larger number.
        order: u64,
    },
}

/// What a request was answered under its key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KeyRecord {
    /// The key.
    pub key: RequestKey,
    /// The digest of the request, to know it again.
    pub digest: u64,
    /// The [`Grant::until`](super::Grant::until) of the answer.
    pub until: Timestamp,
}

/// A live reservation by names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReservationRecord {
    /// The answer under the client's key; `None` if it gave none.
    pub answer: Option<KeyRecord>,
    /// Who holds it.
    pub owner: OwnerPath,
    /// What it holds, sorted by the name of the resource.
    pub holds: Vec<HoldRecord>,
    /// How far it has come.
    pub stage: Stage,
    /// When it may use what it holds.
    pub span: Span,
    /// How urgent it was.
    pub priority: Priority,
    /// Whether it was told to go.
    pub evicting: bool,
    /// Labels and affinities.
    pub terms: Option<Arc<Terms>>,
    /// An estimate of the use.
    pub expected: Option<Duration>,
    /// When it was made.
    pub reserved_at: Timestamp,
}

/// Amounts on one resource by name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HoldRecord {
    /// The resource.
    pub on: String,
    /// How many members of the request's group sit here.
    pub count: u32,
    /// How much in all.
    pub amounts: Quantities,
}

/// The name of a record: no two records of a ledger share one.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum RecordName {
    /// Of [`Record::Ledger`].
    Ledger,
    /// Of a resource: its name.
    Resource(String),
    /// Of a limit: the owner.
    Limit(OwnerPath),
    /// Of a live reservation: the client's key.
    Reservation(RequestKey),
    /// Of an ended reservation: the client's key.
    EndedKey(RequestKey),
}

impl Record {
    /// How records are written today. Another number is refused.
    pub const FORMAT: u32 = 1;

    /// Its name; `None` of a reservation without a key.
    #[must_use]
    pub fn name(&self) -> Option<RecordName> {
        Some(match self {
            Self::Ledger { .. } => RecordName::Ledger,
            Self::Resource(resource) => RecordName::Resource(resource.name().to_owned()),
            Self::Limit { owner, .. } => RecordName::Limit(owner.clone()),
            Self::Reservation(reservation) => RecordName::Reservation(reservation.answer?.key),
            Self::EndedKey { answer, .. } => RecordName::EndedKey(answer.key),
        })
    }
}

impl RecordName {
    /// The kind of record, as one word: `ledger`, `node`, `limit`, `res` or `key`.
    #[must_use]
    pub const fn space(&self) -> &'static str {
        match self {
            Self::Ledger => "ledger",
            Self::Resource(_) => "node",
            Self::Limit(_) => "limit",
            Self::Reservation(_) => "res",
            Self::EndedKey(_) => "key",
        }
    }

    /// Which one of its kind.
    #[must_use]
    pub fn local(&self) -> String {
        match self {
            Self::Ledger => "head".to_owned(),
            Self::Resource(name) => name.clone(),
            Self::Limit(owner) => owner.to_string(),
            Self::Reservation(key) | Self::EndedKey(key) => key.to_string(),
        }
    }
}

impl fmt::Display for RecordName {
    /// The name in a store that is shared with others: `/cloudlot/v1/node/n1`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "/cloudlot/v{}/{}/{}",
            Record::FORMAT,
            self.space(),
            self.local()
        )
    }
}
