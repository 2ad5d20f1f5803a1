//! A store in memory: for tests, simulations, and ledgers that need not survive.

use crate::{
    Batch, BatchKey, Change, Changes, Contents, ContentsError, LedgerStore, Lookup, MAX_CHANGES,
    Outcome, Record, Retention, Revision, StoreError, Ticket,
};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A [`LedgerStore`] that answers at once and ends with its process.
///
/// Clones are handles of the same store.
/// ```
/// use cloudlot_store::{Batch, LedgerStore, MemoryStore, Outcome, RecordKey, Revision};
/// use std::time::Duration;
///
/// let mut store = MemoryStore::default();
/// let key = RecordKey::new("res", "7f3a")?;
/// let batch = Batch::of(1.into()).absent(key.clone()).put(key, "held").build()?;
/// let outcome = store.submit(batch).wait(Duration::ZERO);
/// assert_eq!(outcome, Outcome::Committed(Revision::new(1)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct MemoryStore(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    contents: Contents,
    /// By revision, like the keys of its batches in `order`.
    changes: BTreeMap<Revision, Change>,
    order: BTreeMap<Revision, BatchKey>,
    compacted: Option<Revision>,
    retention: Retention,
}

impl MemoryStore {
    /// An empty store that remembers that much.
    #[must_use]
    pub fn new(retention: Retention) -> Self {
        Self(Arc::new(Mutex::new(State {
            retention,
            ..State::default()
        })))
    }

    /// A store with these contents, as an import gives them.
    ///
    /// # Errors
    /// When they contradict themselves.
    pub fn with(contents: Contents, retention: Retention) -> Result<Self, ContentsError> {
        contents.check()?;
        let order = contents.batches.iter().map(|(&key, &at)| (at, key));
        Ok(Self(Arc::new(Mutex::new(State {
            order: order.collect(),
            compacted: Some(contents.revision),
            contents,
            changes: BTreeMap::new(),
            retention,
        }))))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LedgerStore for MemoryStore {
    fn submit(&mut self, batch: Batch) -> Ticket {
        Ticket::answered(self.state().commit(batch))
    }

    fn load(&mut self) -> Result<Contents, StoreError> {
        Ok(self.state().contents.clone())
    }

    fn changes(&mut self, after: Revision) -> Result<Changes, StoreError> {
        let state = self.state();
        let at = state.contents.revision;
        let upto = state.compacted.unwrap_or(Revision::new(0));
        if after > at {
            return Err(StoreError::Ahead { asked: after, at });
        }
        if after < upto {
            return Ok(Changes::Compacted { upto });
        }
        let later = state
            .changes
            .values()
            .filter(|change| change.revision > after);
        Ok(Changes::Batches(later.take(MAX_CHANGES).cloned().collect()))
    }

    fn lookup(&mut self, key: BatchKey) -> Result<Lookup, StoreError> {
        let state = self.state();
        let since = state.contents.forgotten;
        let found = state.contents.batches.get(&key);
        Ok(found.map_or(Lookup::Absent { since }, |&at| Lookup::Committed(at)))
    }

    fn compact(&mut self, upto: Revision) -> Result<u64, StoreError> {
        Ok(self.state().compact(upto))
    }
}

impl State {
    fn commit(&mut self, batch: Batch) -> Outcome {
        let contents = &mut self.contents;
        if let Some(&revision) = contents.batches.get(&batch.key()) {
            return Outcome::Committed(revision);
        }
        let version = |key: &_| {
            Ok::<_, std::convert::Infallible>(
                contents.records.get(key).map(|record| record.version),
            )
        };
        let Ok(conflict) = batch.conflict(version);
        if let Some((key, found)) = conflict {
            return Outcome::Conflict { key, found };
        }
        let revision = Revision::new(contents.revision.number() + 1);
        for (key, write) in batch.writes() {
            match write {
                Some(value) => {
                    let (version, value) = (revision.into(), value.clone());
                    contents
                        .records
                        .insert(key.clone(), Record { version, value });
                }
                None => drop(contents.records.remove(key)),
            }
        }
        contents.revision = revision;
        contents.batches.insert(batch.key(), revision);
        self.order.insert(revision, batch.key());
        let (key, writes) = (batch.key(), batch.writes().clone());
        self.changes.insert(
            revision,
            Change {
                revision,
                key,
                writes,
            },
        );
        self.forget();
        Outcome::Committed(revision)
    }

    /// Drops the oldest changes and keys beyond what is to be remembered.
    fn forget(&mut self) {
        let over = |len: usize, most: u64| u64::try_from(len).unwrap_or(u64::MAX) > most;
        while over(self.changes.len(), self.retention.changes) {
            let Some((revision, _)) = self.changes.pop_first() else {
                break;
            };
            self.compacted = Some(revision);
        }
        while over(self.order.len(), self.retention.keys) {
            let Some((revision, key)) = self.order.pop_first() else {
                break;
            };
            self.contents.batches.remove(&key);
            self.contents.forgotten = revision;
        }
    }

    fn compact(&mut self, upto: Revision) -> u64 {
        let upto = upto.min(self.contents.revision);
        let kept = self.changes.split_off(&Revision::new(upto.number() + 1));
        let gone = std::mem::replace(&mut self.changes, kept);
        self.compacted = self.compacted.max(Some(upto));
        u64::try_from(gone.len()).unwrap_or(u64::MAX)
    }
}
