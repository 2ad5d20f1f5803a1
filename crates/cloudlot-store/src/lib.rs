//! Durability for a reservation ledger: a port, and the stores behind it.
//!
//! A [`LedgerStore`] keeps opaque records under [`RecordKey`]s and commits [`Batch`]es of
//! writes, each one transaction with compare-and-set guards and a key of its own, so that an
//! outcome that got lost can be asked for. What the records mean is left to the ledger.

mod batch;
mod contents;
mod error;
mod key;
mod memory;
mod port;
mod ticket;

pub use batch::{
    Batch, BatchBuilder, BatchError, MAX_BATCH_BYTES, MAX_OPERATIONS, MAX_VALUE_BYTES,
};
pub use contents::{Change, Changes, Contents, Lookup, MAX_CHANGES, Record, Retention};
pub use error::StoreError;
pub use key::{BatchKey, KeyError, MAX_KEY_BYTES, RecordKey, Revision, Version};
pub use memory::MemoryStore;
pub use port::LedgerStore;
pub use ticket::{NotExecuted, Outcome, Promise, Ticket, promise};
