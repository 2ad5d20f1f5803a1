//! Why the answer is no, with the numbers in it.

use super::plan::Row;
use crate::{
    KindName, Label, Mismatch, OwnerPath, Quantities, RequestKey, ReservationId, ResourceId,
    ResourceState, Timestamp,
};

/// Why a step is not possible.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum Why {
    /// Just now there is not enough; another time there may be.
    #[error("{resource} is short by {short}")]
    Full {
        /// Where.
        resource: ResourceId,
        /// What is missing, kind by kind.
        short: Quantities,
    },
    /// The owner's limit, or that of an owner above, leaves too little.
    #[error("the limit of {owner} is short by {short}")]
    Limit {
        /// Whose limit.
        owner: OwnerPath,
        /// What is missing, kind by kind.
        short: Quantities,
    },
    /// The resource could not serve the request even if it were empty.
    #[error("{resource} does not suit: {}", list(mismatches))]
    Unsuitable {
        /// Where.
        resource: ResourceId,
        /// Everything that does not suit.
        mismatches: Vec<Mismatch>,
    },
    /// The resource, or one above it, takes nothing new.
    #[error("{resource} takes nothing new: it is {state}")]
    Closed {
        /// Where.
        resource: ResourceId,
        /// In what state it is.
        state: ResourceState,
    },
    /// Something with this label is in the domain, and the two must be apart.
    #[error("{label} is in `{domain}` already, and has to be apart")]
    Apart {
        /// The label that is there, or that the request bears.
        label: Label,
        /// Where.
        domain: String,
    },
    /// Nothing with this label is in the domain, and the two must be together.
    #[error("no {label} is in `{domain}`, and it has to be near")]
    Together {
        /// The label that is missing.
        label: Label,
        /// Where.
        domain: String,
    },
    /// The pieces are not what the request asks for.
    #[error("the placement is not what was asked for: {0}")]
    Placement(&'static str),
    /// No resource of the ledger offers this kind.
    #[error("kind `{0}` is not known here")]
    UnknownKind(KindName),
    /// There is no such resource, or no more.
    #[error("{0} is not there")]
    UnknownResource(ResourceId),
    /// There is no such reservation, or no more.
    #[error("{0} is gone")]
    Gone(ReservationId),
    /// The window is over, or nothing would be left of it.
    #[error("the time asked for ended at {0:?}")]
    TooLate(Timestamp),
    /// It has been told to go and can only end.
    #[error("{0} was told to go")]
    Evicting(ReservationId),
    /// It is confirmed already.
    #[error("{0} is confirmed already")]
    Confirmed(ReservationId),
    /// It sits on a resource that has failed.
    #[error("{id} is lost with {resource}")]
    Lost {
        /// Which.
        id: ReservationId,
        /// The resource that failed.
        resource: ResourceId,
    },
    /// It does not hold that much there.
    #[error("{id} does not hold {missing} of what is to be given back")]
    NotHeld {
        /// Which.
        id: ReservationId,
        /// What it does not hold.
        missing: Quantities,
    },
    /// The key was used for another request.
    #[error("key {0} was used for another request")]
    KeyReused(RequestKey),
    /// A sum would pass 2^64 - 1.
    #[error("a sum of amounts passes 2^64 - 1")]
    Overflow,
    /// The ledger has as many reservations or owners as it can have.
    #[error("the ledger has no room for one more {0}")]
    TooMany(&'static str),
}

fn list(mismatches: &[Mismatch]) -> String {
    let texts: Vec<String> = mismatches.iter().map(ToString::to_string).collect();
    texts.join("; ")
}

/// Why a plan was not carried out. Nothing of it was.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum CommitError {
    /// The plan was made for another ledger.
    #[error("the plan was made for another ledger")]
    OtherLedger,
    /// Something that the plan depends on has changed since.
    #[error("{row:?} has changed since the plan was made")]
    Stale {
        /// What has changed.
        row: Row,
    },
    /// A step is not possible, or no more.
    #[error("step {index} is not possible")]
    Step {
        /// Which, from 0.
        index: usize,
        /// Why.
        #[source]
        why: Why,
    },
}
