//! Durability for a reservation ledger: a port, and the stores behind it.
//!
//! A [`LedgerStore`] keeps opaque records under [`RecordKey`]s and commits [`Batch`]es of
//! writes, each one transaction with compare-and-set guards and a key of its own, so that an
//! outcome that got lost can be asked for. What the records mean is left to the ledger.

mod batch;
#[cfg(feature = "redb")]
mod checksum;
#[cfg(feature = "conformance")]
pub mod conformance;
mod contents;
pub mod durable;
mod error;
#[cfg(feature = "conformance")]
pub mod flaky;
mod key;
mod line_file;
mod memory;
mod port;
#[cfg(feature = "redb")]
pub mod redb;
mod ticket;

pub use batch::{
    Batch, BatchBuilder, BatchError, MAX_BATCH_BYTES, MAX_OPERATIONS, MAX_VALUE_BYTES,
};
pub use contents::{
    Change, Changes, Contents, ContentsError, Lookup, MAX_CHANGES, Record, Retention,
};
pub use error::StoreError;
pub use key::{BatchKey, KeyError, MAX_KEY_BYTES, RecordKey, Revision, Version};
pub use line_file::{ExportError, ImportError, export, import, write_lines};
pub use memory::MemoryStore;
pub use port::LedgerStore;
#[cfg(feature = "redb")]
pub use redb::RedbStore;
pub use ticket::{NotExecuted, Outcome, Promise, Ticket, promise};
