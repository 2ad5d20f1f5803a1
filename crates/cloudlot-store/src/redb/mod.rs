//! The embedded store: a file, written in groups by one thread.
//!
//! Batches that wait are committed together with one barrier, and answered after it. The writer
//! never waits for more to come: while a barrier is under way the next group gathers by itself,
//! so a store at rest answers at once and a busy one fills its groups, without a timer.
//!
//! On opening, the whole file is examined with changes kept in memory: the engine's own
//! checksums, ours of every record, the count and digest of each table, and a witness of what was
//! acknowledged last. What does not pass is refused, and the file stays as it is. The engine
//! panics on some damaged pages; that is caught and told as damage, which a program that is built
//! with `panic = "abort"` gives up.

#[macro_use]
mod locks;
mod create;
#[cfg(test)]
mod damage;
mod disk;
mod doctor;
mod engine;
mod examine;
#[cfg(test)]
mod faults;
mod meta;
mod overlay;
#[cfg(test)]
mod power;
mod queue;
mod record;
mod writer;

pub use disk::Counts;
pub use doctor::{Report, doctor, salvage};
pub use examine::{Damage, EngineCheck, Place};
pub use queue::{MAX_GROUP, MAX_WAITING, MAX_WAITING_BYTES};

use crate::{
    Batch, BatchKey, Changes, Contents, LedgerStore, Lookup, Retention, Revision, StoreError,
    Ticket,
};
use disk::Disk;
use engine::Engine;
use queue::Queue;
use redb::backends::FileBackend;
use std::fs::OpenOptions;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

/// A [`LedgerStore`] in a file, which no other process may open meanwhile.
///
/// Clones are handles of the same store. When the last one is dropped, what was submitted is
/// committed and the file is closed.
/// ```
/// use cloudlot_store::{Batch, LedgerStore, Outcome, RecordKey, RedbStore, Retention};
/// use std::time::Duration;
///
/// # let dir = tempfile::tempdir()?;
/// # let path = dir.path().join("ledger");
/// let key = RecordKey::new("res", "7f3a")?;
/// let mut store = RedbStore::open_or_create(&path, Retention::default())?;
/// let ticket = store.submit(Batch::of(1.into()).absent(key.clone()).put(key.clone(), "held").build()?);
/// assert!(matches!(ticket.wait(Duration::from_secs(60)), Outcome::Committed(_)));
/// drop(store);
///
/// let mut store = RedbStore::open(&path, Retention::default())?;
/// assert_eq!(store.load()?.records[&key].value, b"held");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct RedbStore(Arc<Handle>);

#[derive(Debug)]
struct Handle {
    queue: Arc<Queue>,
    disk: Disk,
    writer: Option<JoinHandle<()>>,
}

impl RedbStore {
    /// The store at `path`, whole.
    ///
    /// # Errors
    /// When there is none, when it is open elsewhere, or when anything in it is not what was
    /// written; then the file stays as it is.
    pub fn open(path: impl AsRef<Path>, retention: Retention) -> Result<Self, StoreError> {
        let path = path.as_ref();
        Self::run(Engine::open(path, disk_at(path)?, retention)?)
    }

    /// A new store at `path` with these contents. The file appears when it is complete.
    ///
    /// # Errors
    /// When there is a file already, when it cannot be written, or when the contents contradict
    /// themselves.
    pub fn create(
        path: impl AsRef<Path>,
        contents: &Contents,
        retention: Retention,
    ) -> Result<Self, StoreError> {
        Self::run(create::create(path.as_ref(), contents, retention)?)
    }

    /// The store at `path`, or a new one if there is no file.
    ///
    /// # Errors
    /// As in [`RedbStore::open`] and [`RedbStore::create`].
    pub fn open_or_create(
        path: impl AsRef<Path>,
        retention: Retention,
    ) -> Result<Self, StoreError> {
        let path = path.as_ref();
        match Self::open(path, retention) {
            Err(StoreError::Missing { .. }) => Self::create(path, &Contents::default(), retention),
            result => result,
        }
    }

    /// Barriers, writes and bytes since the store was opened.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.0.disk.counts()
    }

    fn run(engine: Engine) -> Result<Self, StoreError> {
        let queue = Arc::<Queue>::default();
        let disk = engine.disk();
        let file = engine.file().to_owned();
        let jobs = Arc::clone(&queue);
        let writer = std::thread::Builder::new()
            .name("cloudlot-store".into())
            .spawn(move || writer::run(engine, &jobs))
            .map_err(|source| StoreError::Io { file, source })?;
        let writer = Some(writer);
        Ok(Self(Arc::new(Handle {
            queue,
            disk,
            writer,
        })))
    }
}

/// The file at `path`, opened for reading and writing.
fn disk_at(path: &Path) -> Result<Disk, StoreError> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => StoreError::Missing { file: path.into() },
            _ => StoreError::Io {
                file: path.into(),
                source,
            },
        })?;
    let backend = FileBackend::new(file).map_err(|error| engine_says(path, &error))?;
    Ok(Disk::new(Arc::new(backend)))
}

fn engine_says(file: &Path, error: &dyn std::fmt::Display) -> StoreError {
    StoreError::Damaged {
        file: PathBuf::from(file),
        message: error.to_string(),
    }
}

impl LedgerStore for RedbStore {
    fn submit(&mut self, batch: Batch) -> Ticket {
        self.0.queue.submit([batch]).remove(0)
    }

    fn submit_all(&mut self, batches: Vec<Batch>) -> Vec<Ticket> {
        self.0.queue.submit(batches)
    }

    fn load(&mut self) -> Result<Contents, StoreError> {
        self.0.queue.ask(|engine| engine.load())
    }

    fn changes(&mut self, after: Revision) -> Result<Changes, StoreError> {
        self.0.queue.ask(move |engine| engine.changes(after))
    }

    fn lookup(&mut self, key: BatchKey) -> Result<Lookup, StoreError> {
        self.0.queue.ask(move |engine| Ok(engine.lookup(key)))
    }

    fn compact(&mut self, upto: Revision) -> Result<u64, StoreError> {
        self.0.queue.ask(move |engine| engine.compact(upto))
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.queue.close();
        if let Some(writer) = self.writer.take() {
            // A writer that panicked has told its callers so.
            drop(writer.join());
        }
    }
}
