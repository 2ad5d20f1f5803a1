//! Durability for a reservation ledger: a port, and the stores behind it.
//!
//! A [`LedgerStore`] keeps opaque records under [`RecordKey`]s and commits [`Batch`]es of
//! writes. Each batch is one transaction with compare-and-set guards, and has a key of its own,
//! so that an outcome that got lost on the way can be asked for and sending it again is safe.
//! The contract holds across a network: a caller that is right about one store is right about
//! all. What the records mean is left to the ledger.
//!
//! - [`MemoryStore`] answers at once and ends with its process.
//! - `RedbStore` (feature `redb`, on by default) is a file: one writer commits in groups, one
//!   barrier each, and everything is checked on opening. What is damaged is refused with its
//!   place and never silently shorter; `redb::doctor` says what is left.
//! - [`export`] and [`import`] carry a store's contents as lines of text, each sealed.
//! - `conformance` and `flaky` (feature `conformance`) are the suite for any store, and a bad line
//!   to try callers on.
//!
//! ```
//! use cloudlot_store::{Batch, LedgerStore, Lookup, MemoryStore, Outcome, RecordKey};
//! use std::time::Duration;
//!
//! let mut store = MemoryStore::default();
//! let node = RecordKey::new("node", "n1")?;
//! let hold = RecordKey::new("res", "7f3a")?;
//! let batch = |key: u128| {
//!     let batch = Batch::of(key.into()).absent(hold.clone());
//!     batch.put(hold.clone(), "2 cores on n1").put(node.clone(), "generation 1").build()
//! };
//!
//! let ticket = store.submit(batch(1)?); // never waits
//! let Outcome::Committed(revision) = ticket.wait(Duration::from_secs(1)) else { unreachable!() };
//!
//! // Sent again, it is answered and not done again; another one finds the record taken.
//! assert_eq!(store.submit(batch(1)?).outcome(), Some(Outcome::Committed(revision)));
//! let conflict = Outcome::Conflict { key: hold.clone(), found: Some(revision.into()) };
//! assert_eq!(store.submit(batch(2)?).outcome(), Some(conflict));
//! assert_eq!(store.lookup(1.into())?, Lookup::Committed(revision));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

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
