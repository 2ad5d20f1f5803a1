//! What a store tells: its records, what changed, what became of a batch.

use crate::{BatchKey, RecordKey, Revision, Version};
use std::collections::{BTreeMap, BTreeSet};

/// A value and the version it has.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Record {
    /// The number of the revision that wrote it.
    pub version: Version,
    /// What was written.
    pub value: Vec<u8>,
}

/// Everything that a store holds at one revision.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Contents {
    /// The last batch that is in it; `r0` for a store that never took one.
    pub revision: Revision,
    /// The records, by key.
    pub records: BTreeMap<RecordKey, Record>,
    /// The batches that the store still knows by name, and where they were committed.
    pub batches: BTreeMap<BatchKey, Revision>,
    /// Batches up to here may have been forgotten.
    pub forgotten: Revision,
}

impl Default for Contents {
    fn default() -> Self {
        Self {
            revision: Revision::new(0),
            records: BTreeMap::new(),
            batches: BTreeMap::new(),
            forgotten: Revision::new(0),
        }
    }
}

/// Largest revision that a store may start from; it leaves room to count on.
const LAST_START: u64 = u64::MAX / 2;

impl Contents {
    /// Whether a store may have got there.
    ///
    /// # Errors
    /// When a version or a batch lies ahead of the revision, two batches share a revision, or
    /// the revision leaves no room to go on.
    pub fn check(&self) -> Result<(), ContentsError> {
        let at = self.revision;
        if at.number() > LAST_START {
            return Err(ContentsError::TooLate(at));
        }
        let ahead = |record: &Record| record.version > at.into();
        if let Some((key, record)) = self.records.iter().find(|(_, record)| ahead(record)) {
            let (key, version) = (key.clone(), record.version);
            return Err(ContentsError::Record { key, version, at });
        }
        let mut places = BTreeSet::new();
        for (&key, &revision) in &self.batches {
            if revision > at || revision <= self.forgotten || !places.insert(revision) {
                return Err(ContentsError::Batch { key, revision });
            }
        }
        Ok(())
    }
}

/// Why no store may have got to such contents.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ContentsError {
    /// No revisions would be left.
    #[error("{0} leaves no room for later revisions")]
    TooLate(Revision),
    /// A record that was written later than the last batch.
    #[error("record {key} has {version} in a store at {at}")]
    Record {
        /// The record.
        key: RecordKey,
        /// Its version.
        version: Version,
        /// The last revision.
        at: Revision,
    },
    /// A batch whose revision is taken, forgotten, or ahead.
    #[error("batch {key} can not have been committed at {revision}")]
    Batch {
        /// The batch.
        key: BatchKey,
        /// Where it claims to be.
        revision: Revision,
    },
}

/// What one batch did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Change {
    /// Where it was committed.
    pub revision: Revision,
    /// Its name.
    pub key: BatchKey,
    /// What records became; `None` for a record that went away.
    pub writes: BTreeMap<RecordKey, Option<Vec<u8>>>,
}

/// What happened after a revision.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Changes {
    /// The batches after it, in order, at most [`MAX_CHANGES`]: ask again from the last one.
    Batches(Vec<Change>),
    /// Some of them are no longer known one by one: load everything anew.
    Compacted {
        /// Changes after this revision are still known.
        upto: Revision,
    },
}

/// Most changes in one answer.
pub const MAX_CHANGES: usize = 1024;

/// What became of a batch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lookup {
    /// It is durable.
    Committed(Revision),
    /// It is not among the batches after `since`; those before may have been forgotten.
    ///
    /// Across a network that is true of this moment only: a lost request may still be on its
    /// way. Sending the same batch again, under the same key, settles it.
    Absent {
        /// The last batch that may have been forgotten; `r0` when none was.
        since: Revision,
    },
}

/// How much a store remembers beside its records.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Retention {
    /// Batches that [`changes`](crate::LedgerStore::changes) can tell, at least; a store may keep
    /// up to a quarter more before it drops the oldest.
    pub changes: u64,
    /// Batches whose keys are known, at least; up to a quarter more.
    pub keys: u64,
}

impl Default for Retention {
    /// 8,192 changes and 65,536 keys: at 570 batches a second, 14 seconds to catch up from and
    /// two minutes to ask what became of a batch.
    fn default() -> Self {
        Self {
            changes: 8192,
            keys: 65_536,
        }
    }
}
