//! The file under the engine: one page of ours, then the engine's; every barrier and every
//! byte written is counted.
//!
//! The engine falls back to its last but one commit when the last one does not verify, which is
//! right for a commit that was torn and wrong for one that was acknowledged and damaged later.
//! Our page holds a witness: what was acknowledged last. It is written after the engine's barrier
//! and before the answer, without a barrier of its own: it outlives the process at once, and the
//! loss of power from the next commit on, whose barrier covers the same file.

use super::meta::{META_BYTES, Meta};
use redb::StorageBackend;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes before the engine's first.
pub(super) const PAGE: u64 = 4096;

/// What a file of ours starts with; the number is the version of all that follows.
const MAGIC: &[u8; 16] = b"cloudlot-store 1";

const WITNESS: &str = "witness";

/// What was asked of the file system since the store was opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Calls that wait until everything written before is on the device.
    pub barriers: u64,
    /// Times the file grew; the engine waits for a barrier more each time. It doubles the file, so
    /// that is rare.
    pub growths: u64,
    /// Calls that write.
    pub writes: u64,
    /// Bytes in them.
    pub bytes: u64,
}

/// A file, or what stands for one.
#[derive(Clone, Debug)]
pub(super) struct Disk {
    base: Arc<dyn StorageBackend>,
    counters: Arc<Counters>,
}

#[derive(Debug, Default)]
struct Counters {
    barriers: AtomicU64,
    growths: AtomicU64,
    writes: AtomicU64,
    bytes: AtomicU64,
}

impl Disk {
    pub(super) fn new(base: Arc<dyn StorageBackend>) -> Self {
        Self {
            base,
            counters: Arc::default(),
        }
    }

    pub(super) fn base(&self) -> Arc<dyn StorageBackend> {
        Arc::clone(&self.base)
    }

    pub(super) fn counts(&self) -> Counts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            barriers: read(&self.counters.barriers),
            growths: read(&self.counters.growths),
            writes: read(&self.counters.writes),
            bytes: read(&self.counters.bytes),
        }
    }

    /// Writes down that this much was acknowledged.
    pub(super) fn testify(&self, meta: &Meta) -> io::Result<()> {
        // One write within one sector: never torn.
        self.put(0, &[&MAGIC[..], &meta.encode(WITNESS)].concat())
    }

    /// What was acknowledged last.
    ///
    /// # Errors
    /// In words, when the page is not one of ours.
    pub(super) fn witness(&self) -> Result<Meta, String> {
        let mut page = [0; MAGIC.len() + META_BYTES];
        let length = self.base.len().map_err(|error| error.to_string())?;
        if length < PAGE {
            return Err(format!("{length} bytes are too few for a store"));
        }
        self.base
            .read(0, &mut page)
            .map_err(|error| error.to_string())?;
        let (magic, meta) = page.split_at(MAGIC.len());
        if magic != MAGIC {
            return Err("it does not start as a store of this version".into());
        }
        Meta::decode(WITNESS, meta).ok_or_else(|| "the witness fails its checksum".into())
    }

    fn put(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let length = u64::try_from(data.len()).unwrap_or(u64::MAX);
        self.counters.writes.fetch_add(1, Ordering::Relaxed);
        self.counters.bytes.fetch_add(length, Ordering::Relaxed);
        self.base.write(offset, data)
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.base.len()?.saturating_sub(PAGE))
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.base.read(offset.saturating_add(PAGE), out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        if len > self.len()? {
            self.counters.growths.fetch_add(1, Ordering::Relaxed);
        }
        self.base.set_len(len.saturating_add(PAGE))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.counters.barriers.fetch_add(1, Ordering::Relaxed);
        self.base.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.put(offset.saturating_add(PAGE), data)
    }

    fn close(&self) -> io::Result<()> {
        self.base.close()
    }

    locks_of_base!();
}
