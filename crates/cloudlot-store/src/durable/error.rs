//! Why there is no answer: refused, lost, or not known yet.

use crate::{KeyError, NotExecuted, RecordKey, StoreError, Version};
use cloudlot_core::ledger::RestoreError;

/// Why something was not decided. Nothing was changed but what had ended by then.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum Refused<E: std::error::Error + 'static> {
    /// The ledger says no, for its own reasons.
    #[error(transparent)]
    No(#[from] E),
    /// A reservation without a key has no name in a store, and nobody could ask what became of it.
    #[error("a request needs a key to be durable")]
    NoKey,
    /// The name is no name of a record.
    #[error("cannot be stored under its name: {0}")]
    Name(KeyError),
    /// The store failed; nothing is granted until the ledger has recovered.
    #[error("the ledger has stopped: {0}")]
    Stopped(Stop),
}

/// What stopped a ledger.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Stop {
    /// Somebody else writes to the store.
    #[error("somebody else wrote {key}")]
    Conflict {
        /// The record.
        key: RecordKey,
        /// Its version now; `None` if there is no such record.
        found: Option<Version>,
    },
    /// The store did not take a batch.
    #[error(transparent)]
    NotExecuted(NotExecuted),
    /// The store did not say what became of a batch.
    #[error("the store did not say what became of a batch")]
    Unknown,
}

/// Why a pending answer is not given.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unsettled {
    /// It has not happened and never will: ask for it again.
    #[error("it was lost before it was durable, and has not happened")]
    Lost,
    /// The store failed before it was known; after recovery it will be.
    #[error("the ledger has stopped before it was durable: {0}")]
    Stopped(Stop),
    /// The store had forgotten by the time it was asked; the record of the key tells, if there is one.
    #[error("the store has forgotten what became of it")]
    Undecided,
}

/// Why there is no ledger in a store.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A record is not one of a ledger.
    #[error("record {key} {why}")]
    Record {
        /// Which.
        key: RecordKey,
        /// What is wrong with it.
        why: String,
    },
    /// The records do not make a ledger.
    #[error(transparent)]
    Restore(#[from] RestoreError),
    /// The store did not take the ledger's first batches; after this many attempts it was given up.
    #[error("the store was not taken over in {attempts} attempts: {last}")]
    Stopped {
        /// How often it was tried.
        attempts: u32,
        /// What stopped the last attempt.
        last: Stop,
    },
}
