//! One transaction: what must hold, what is written, what goes away.

use crate::{BatchKey, RecordKey, Version};
use std::collections::BTreeMap;

/// Most guards of a batch, and most writes (puts and deletes together).
///
/// etcd refuses 129 comparisons or 129 operations in one transaction and takes 128; the rest
/// is for the store's own bookkeeping.
pub const MAX_OPERATIONS: usize = 120;

/// Largest value in bytes.
pub const MAX_VALUE_BYTES: usize = 64 << 10;

/// Most bytes in the keys and values of one batch. etcd takes requests of 1.5 MB.
pub const MAX_BATCH_BYTES: usize = 1 << 20;

/// Writes that happen together or not at all, and only if the guards hold.
///
/// ```
/// use cloudlot_store::{Batch, BatchKey, RecordKey, Version};
///
/// let node = RecordKey::new("node", "n1")?;
/// let hold = RecordKey::new("res", "7f3a")?;
/// let batch = Batch::of(BatchKey::from(0x7f3a))
///     .guard(node.clone(), Version::new(4)) // nobody touched the node since
///     .absent(hold.clone())
///     .put(node, "generation 5")
///     .put(hold, "2 cores on n1")
///     .build()?;
/// assert_eq!(batch.guards().len(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Batch {
    key: BatchKey,
    guards: BTreeMap<RecordKey, Option<Version>>,
    /// `None` deletes.
    writes: BTreeMap<RecordKey, Option<Vec<u8>>>,
    bytes: usize,
}

impl Batch {
    /// The start of the batch that `key` names.
    pub fn of(key: BatchKey) -> BatchBuilder {
        BatchBuilder {
            batch: Self {
                key,
                guards: BTreeMap::new(),
                writes: BTreeMap::new(),
                bytes: 0,
            },
            fault: None,
        }
    }

    /// Its name.
    #[must_use]
    pub fn key(&self) -> BatchKey {
        self.key
    }

    /// The versions that records must have, by key; `None` for a record that must be absent.
    #[must_use]
    pub fn guards(&self) -> &BTreeMap<RecordKey, Option<Version>> {
        &self.guards
    }

    /// What records become, by key; `None` for a record that goes away.
    #[must_use]
    pub fn writes(&self) -> &BTreeMap<RecordKey, Option<Vec<u8>>> {
        &self.writes
    }

    /// Bytes in its keys and values.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The first guard that does not hold, by key, and the version found there.
    pub(crate) fn conflict<E>(
        &self,
        mut version: impl FnMut(&RecordKey) -> Result<Option<Version>, E>,
    ) -> Result<Option<(RecordKey, Option<Version>)>, E> {
        for (key, wanted) in &self.guards {
            let found = version(key)?;
            if found != *wanted {
                return Ok(Some((key.clone(), found)));
            }
        }
        Ok(None)
    }
}

/// A [`Batch`] in the making. Every step may be taken in any order.
#[derive(Clone, Debug)]
#[must_use]
pub struct BatchBuilder {
    batch: Batch,
    fault: Option<BatchError>,
}

impl BatchBuilder {
    /// Only if the record has this version.
    pub fn guard(self, key: RecordKey, version: Version) -> Self {
        self.guarded(key, Some(version))
    }

    /// Only if there is no such record.
    pub fn absent(self, key: RecordKey) -> Self {
        self.guarded(key, None)
    }

    /// The record becomes `value`.
    pub fn put(self, key: RecordKey, value: impl Into<Vec<u8>>) -> Self {
        self.written(key, Some(value.into()))
    }

    /// The record goes away; nothing happens if it is not there.
    pub fn delete(self, key: RecordKey) -> Self {
        self.written(key, None)
    }

    /// The batch.
    ///
    /// # Errors
    /// When it names a record twice, does nothing, or is larger than every store takes.
    pub fn build(self) -> Result<Batch, BatchError> {
        let Batch {
            guards,
            writes,
            bytes,
            ..
        } = &self.batch;
        let large = |value: &&Vec<u8>| value.len() > MAX_VALUE_BYTES;
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        if writes.is_empty() {
            return Err(BatchError::Empty);
        }
        if guards.len().max(writes.len()) > MAX_OPERATIONS {
            return Err(BatchError::TooMany {
                guards: guards.len(),
                writes: writes.len(),
            });
        }
        if let Some(value) = writes.values().flatten().find(large) {
            return Err(BatchError::ValueTooLarge(value.len()));
        }
        if *bytes > MAX_BATCH_BYTES {
            return Err(BatchError::TooLarge(*bytes));
        }
        Ok(self.batch)
    }

    fn guarded(mut self, key: RecordKey, version: Option<Version>) -> Self {
        self.batch.bytes += key.as_str().len();
        if self.batch.guards.insert(key.clone(), version).is_some() {
            self.fault.get_or_insert(BatchError::Twice(key));
        }
        self
    }

    fn written(mut self, key: RecordKey, value: Option<Vec<u8>>) -> Self {
        self.batch.bytes += key.as_str().len() + value.as_ref().map_or(0, Vec::len);
        if self.batch.writes.insert(key.clone(), value).is_some() {
            self.fault.get_or_insert(BatchError::Twice(key));
        }
        self
    }
}

/// Why a batch is none.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BatchError {
    /// Two guards on one record, or two writes.
    #[error("the batch names {0} twice")]
    Twice(RecordKey),
    /// Guards without a write.
    #[error("the batch writes nothing")]
    Empty,
    /// More operations than a transaction takes.
    #[error("a batch of {guards} guards and {writes} writes is larger than {MAX_OPERATIONS} each")]
    TooMany {
        /// Its guards.
        guards: usize,
        /// Its puts and deletes.
        writes: usize,
    },
    /// Bytes of the value.
    #[error("a value of {0} bytes is larger than {MAX_VALUE_BYTES}")]
    ValueTooLarge(usize),
    /// Bytes of the batch.
    #[error("a batch of {0} bytes is larger than {MAX_BATCH_BYTES}")]
    TooLarge(usize),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: usize) -> RecordKey {
        RecordKey::new("res", &number.to_string()).unwrap()
    }

    fn of(writes: usize, bytes: usize) -> Result<Batch, BatchError> {
        let start = Batch::of(BatchKey::from(1));
        (0..writes)
            .fold(start, |batch, number| {
                batch.put(key(number), vec![0; bytes])
            })
            .build()
    }

    #[test]
    fn every_limit_is_taken_and_nothing_beyond() {
        assert!(of(MAX_OPERATIONS, 1).is_ok());
        assert_eq!(
            of(MAX_OPERATIONS + 1, 1),
            Err(BatchError::TooMany {
                guards: 0,
                writes: MAX_OPERATIONS + 1
            })
        );
        assert!(of(1, MAX_VALUE_BYTES).is_ok());
        assert_eq!(
            of(1, MAX_VALUE_BYTES + 1),
            Err(BatchError::ValueTooLarge(MAX_VALUE_BYTES + 1))
        );
        assert!(of(15, MAX_VALUE_BYTES).is_ok());
        assert!(matches!(
            of(16, MAX_VALUE_BYTES),
            Err(BatchError::TooLarge(_))
        ));
    }

    #[test]
    fn a_batch_names_a_record_once_and_writes_something() {
        let start = || Batch::of(BatchKey::from(1));
        let twice = start().put(key(1), "a").delete(key(1)).build();
        assert_eq!(twice, Err(BatchError::Twice(key(1))));
        let twice = start()
            .absent(key(1))
            .guard(key(1), Version::new(3))
            .put(key(1), "")
            .build();
        assert_eq!(twice, Err(BatchError::Twice(key(1))));
        assert_eq!(start().absent(key(1)).build(), Err(BatchError::Empty));
    }
}
