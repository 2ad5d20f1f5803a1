//! The port: what a ledger's writer may ask of any store.

use crate::{Batch, BatchKey, Changes, Contents, Lookup, Revision, StoreError, Ticket};

/// Records that survive, written in batches.
///
/// The contract holds in one process and across a network alike:
///
/// - A batch is one transaction. Its guards are compared with the state that all batches
///   committed before it left; its writes become durable together or not at all.
/// - [`Outcome::Committed`](crate::Outcome::Committed) means durable: a crash, or the loss of power, at any later moment
///   leaves the batch whole.
/// - A key is committed once. A batch whose key was committed before is answered with the
///   revision it has, whatever it holds, as long as the store remembers the key (see
///   [`Retention`](crate::Retention)). A batch that met a conflict, or was not executed, leaves no key.
/// - After [`Outcome::Unknown`](crate::Outcome::Unknown), `lookup` tells what became of the batch, and sending it again is safe.
/// - One handle's batches are executed in the order they were submitted, unless an answer is
///   `NotExecuted`; and `load`, `changes` and `lookup` see those submitted before them.
///
/// What is left to callers: that a batch is not sent again once its key was forgotten, unless
/// its guards make it harmless.
pub trait LedgerStore {
    /// Takes a batch to be committed. Never waits for a disk, a network or another thread's
    /// commit: when there is no room, the answer is `NotExecuted`.
    fn submit(&mut self, batch: Batch) -> Ticket;

    /// Takes several batches at once, each of its own fate; a store that commits in groups
    /// commits them together as far as a group goes.
    fn submit_all(&mut self, batches: Vec<Batch>) -> Vec<Ticket> {
        batches
            .into_iter()
            .map(|batch| self.submit(batch))
            .collect()
    }

    /// All records, at one revision.
    ///
    /// # Errors
    /// When they cannot be read, or are not what was written.
    fn load(&mut self) -> Result<Contents, StoreError>;

    /// The batches committed after `after`, oldest first.
    ///
    /// # Errors
    /// When they cannot be read, are not what was written, or `after` lies ahead of the store.
    fn changes(&mut self, after: Revision) -> Result<Changes, StoreError>;

    /// What became of the batch `key`.
    ///
    /// # Errors
    /// When that cannot be read.
    fn lookup(&mut self, key: BatchKey) -> Result<Lookup, StoreError>;

    /// Forgets the changes up to `upto` one by one, and gives space back; records and the keys of
    /// batches stay. Tells how many changes were forgotten.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn compact(&mut self, upto: Revision) -> Result<u64, StoreError>;
}

impl<S: LedgerStore + ?Sized> LedgerStore for Box<S> {
    fn submit(&mut self, batch: Batch) -> Ticket {
        (**self).submit(batch)
    }

    fn submit_all(&mut self, batches: Vec<Batch>) -> Vec<Ticket> {
        (**self).submit_all(batches)
    }

    fn load(&mut self) -> Result<Contents, StoreError> {
        (**self).load()
    }

    fn changes(&mut self, after: Revision) -> Result<Changes, StoreError> {
        (**self).changes(after)
    }

    fn lookup(&mut self, key: BatchKey) -> Result<Lookup, StoreError> {
        (**self).lookup(key)
    }

    fn compact(&mut self, upto: Revision) -> Result<u64, StoreError> {
        (**self).compact(upto)
    }
}
