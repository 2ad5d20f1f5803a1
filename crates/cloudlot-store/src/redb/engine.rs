//! The database behind the writer: groups of batches become one commit with one barrier.

use super::disk::Disk;
use super::engine_says;
use super::examine::{EngineCheck, engine, examine, refusal, scan};
use super::meta::Meta;
use super::record::{
    CHANGES, KEYS, META, RECORDS, decode_change, decode_key, decode_record, encode_change,
    encode_key, encode_record,
};
use crate::{
    Batch, BatchKey, Changes, Contents, Lookup, MAX_CHANGES, Outcome, RecordKey, Retention,
    Revision, StoreError, Version,
};
use redb::{Database, ReadableDatabase, ReadableTable, Table, WriteTransaction};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// An open store.
#[derive(Debug)]
pub(super) struct Engine {
    db: Database,
    disk: Disk,
    file: PathBuf,
    meta: Meta,
    /// The batches that are known by name.
    batches: BTreeMap<BatchKey, Revision>,
    retention: Retention,
    failed: Option<String>,
}

/// How far a group got that was not committed.
#[derive(Debug)]
pub(super) enum Failure {
    /// Nothing of it was made durable, and nothing will be.
    Before(String),
    /// The commit itself failed: it may be found when the store is opened again.
    During(String),
}

impl Engine {
    /// The store on a disk, examined first.
    pub(super) fn open(file: &Path, disk: Disk, retention: Retention) -> Result<Self, StoreError> {
        let found = examine(file, &disk)?;
        if let Some(error) = refusal(file, &found.damage) {
            return Err(error);
        }
        let mut db = engine(&disk, &Arc::default()).map_err(|error| match error {
            redb::DatabaseError::DatabaseAlreadyOpen => StoreError::Busy { file: file.into() },
            error => engine_says(file, &error),
        })?;
        if found.engine == EngineCheck::Repairs {
            db.check_integrity()
                .map_err(|error| engine_says(file, &error))?;
        }
        let now = stored_meta(&db).map_err(|error| engine_says(file, &error))?;
        match found.meta {
            Some(meta) if now == Some(meta) => Ok(Self::new(
                db,
                disk,
                file,
                meta,
                found.contents.batches,
                retention,
            )),
            _ => Err(engine_says(file, &"it changed while it was examined")),
        }
    }

    pub(super) fn new(
        db: Database,
        disk: Disk,
        file: &Path,
        meta: Meta,
        batches: BTreeMap<BatchKey, Revision>,
        retention: Retention,
    ) -> Self {
        let file = file.to_owned();
        Self {
            db,
            disk,
            file,
            meta,
            batches,
            retention,
            failed: None,
        }
    }

    pub(super) fn disk(&self) -> Disk {
        self.disk.clone()
    }

    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    /// Why nothing more is to be asked of it.
    pub(super) fn failed(&self) -> Option<&str> {
        self.failed.as_deref()
    }

    /// Commits the batches of a group, each of its own fate, with one barrier for all; none if
    /// nothing is written.
    pub(super) fn commit(&mut self, group: &[Batch]) -> Result<Vec<Outcome>, Failure> {
        let before = |error: redb::Error| Failure::Before(error.to_string());
        let txn = self
            .db
            .begin_write()
            .map_err(|error| before(error.into()))?;
        let mut draft = Draft {
            meta: self.meta,
            known: &self.batches,
            added: BTreeMap::new(),
            dropped: Vec::new(),
        };
        let outcomes = draft.write(&txn, group, self.retention).map_err(before)?;
        let Draft {
            meta,
            added,
            dropped,
            ..
        } = draft;
        if meta == self.meta {
            txn.abort().map_err(|error| before(error.into()))?;
            return Ok(outcomes);
        }
        self.make_durable(txn, meta).map_err(Failure::During)?;
        self.batches.extend(added);
        for key in dropped {
            self.batches.remove(&key);
        }
        Ok(outcomes)
    }

    pub(super) fn load(&self) -> Result<Contents, StoreError> {
        let txn = self.db.begin_read().map_err(|error| self.says(&error))?;
        let found = scan(&txn);
        match refusal(&self.file, &found.damage) {
            Some(error) => Err(error),
            None => Ok(found.contents),
        }
    }

    pub(super) fn changes(&self, after: Revision) -> Result<Changes, StoreError> {
        let (at, upto) = (self.meta.revision, self.meta.compacted);
        if after > at {
            return Err(StoreError::Ahead { asked: after, at });
        }
        if after < upto {
            return Ok(Changes::Compacted { upto });
        }
        let read = || -> Result<Vec<_>, redb::Error> {
            let table = self.db.begin_read()?.open_table(CHANGES)?;
            let rows = table.range(after.number() + 1..)?.take(MAX_CHANGES);
            rows.map(|row| {
                let (revision, stored) = row?;
                let revision = Revision::new(revision.value());
                Ok((revision, decode_change(revision, stored.value())))
            })
            .collect()
        };
        let rows = read().map_err(|error| self.says(&error))?;
        let changes = rows.into_iter().map(|(revision, change)| {
            let (change, _) = change
                .ok_or_else(|| self.says(&format!("change {revision} fails its checksum")))?;
            Ok(change)
        });
        Ok(Changes::Batches(
            changes.collect::<Result<_, StoreError>>()?,
        ))
    }

    pub(super) fn lookup(&self, key: BatchKey) -> Lookup {
        let since = self.meta.forgotten;
        let found = self.batches.get(&key);
        found.map_or(Lookup::Absent { since }, |&at| Lookup::Committed(at))
    }

    pub(super) fn compact(&mut self, upto: Revision) -> Result<u64, StoreError> {
        let result = self.forget_changes(upto).and_then(|gone| {
            self.db.compact().map_err(|error| error.to_string())?;
            Ok(gone)
        });
        result.map_err(|why| {
            self.failed = Some(why.clone());
            StoreError::Failed(why)
        })
    }

    fn forget_changes(&mut self, upto: Revision) -> Result<u64, String> {
        let upto = upto.min(self.meta.revision);
        let txn = self.db.begin_write().map_err(|error| error.to_string())?;
        let mut meta = self.meta;
        let gone = Tables::open(&txn)
            .and_then(|mut tables| tables.retire(&mut meta, upto))
            .map_err(|error| error.to_string())?;
        if meta == self.meta {
            txn.abort().map_err(|error| error.to_string())?;
        } else {
            self.make_durable(txn, meta)?;
        }
        Ok(gone)
    }

    /// The barrier, then the witness.
    fn make_durable(&mut self, txn: WriteTransaction, meta: Meta) -> Result<(), String> {
        write_meta(&txn, &meta).map_err(|error| error.to_string())?;
        txn.commit().map_err(|error| error.to_string())?;
        self.meta = meta;
        self.disk.testify(&meta).map_err(|error| error.to_string())
    }

    fn says(&self, error: &dyn std::fmt::Display) -> StoreError {
        engine_says(&self.file, error)
    }
}

pub(super) fn write_meta(txn: &WriteTransaction, meta: &Meta) -> Result<(), redb::Error> {
    let mut table = txn.open_table(META)?;
    table.insert(0, meta.encode("meta").as_slice())?;
    Ok(())
}

fn stored_meta(db: &Database) -> Result<Option<Meta>, redb::Error> {
    let table = db.begin_read()?.open_table(META)?;
    let row = table.get(0)?;
    Ok(row.and_then(|row| Meta::decode("meta", row.value())))
}

/// What a group makes of the store, not yet durable.
struct Draft<'a> {
    meta: Meta,
    known: &'a BTreeMap<BatchKey, Revision>,
    added: BTreeMap<BatchKey, Revision>,
    dropped: Vec<BatchKey>,
}

impl Draft<'_> {
    fn write(
        &mut self,
        txn: &WriteTransaction,
        group: &[Batch],
        retention: Retention,
    ) -> Result<Vec<Outcome>, redb::Error> {
        let mut tables = Tables::open(txn)?;
        let outcomes = group.iter().map(|batch| self.apply(&mut tables, batch));
        let outcomes = outcomes.collect::<Result<_, redb::Error>>()?;
        self.forget(&mut tables, retention)?;
        Ok(outcomes)
    }

    fn apply(&mut self, tables: &mut Tables<'_>, batch: &Batch) -> Result<Outcome, redb::Error> {
        let key = batch.key();
        if let Some(&at) = self.known.get(&key).or_else(|| self.added.get(&key)) {
            return Ok(Outcome::Committed(at));
        }
        if let Some((key, found)) = batch.conflict(|key| tables.version(key))? {
            return Ok(Outcome::Conflict { key, found });
        }
        let revision = Revision::new(self.meta.revision.number() + 1);
        for (key, value) in batch.writes() {
            tables.write(&mut self.meta, key, revision.into(), value.as_deref())?;
        }
        let (change, sum) = encode_change(revision, key, batch.writes());
        tables
            .changes
            .insert(revision.number(), change.as_slice())?;
        self.meta.changes.add(sum);
        self.meta.revision = revision;
        self.added.insert(key, revision);
        Ok(Outcome::Committed(revision))
    }

    /// Drops the oldest changes and keys once a quarter more than wanted is kept, so that most
    /// commits leave the oldest pages alone.
    fn forget(&mut self, tables: &mut Tables<'_>, keep: Retention) -> Result<(), redb::Error> {
        let full = |wanted: u64| wanted.saturating_add(wanted / 4);
        let at = self.meta.revision.number();
        if self.meta.changes.count > full(keep.changes) {
            let upto = Revision::new(at.saturating_sub(keep.changes));
            tables.retire(&mut self.meta, upto)?;
        }
        let kept = self.meta.changes.count.saturating_add(self.meta.keys.count);
        if kept > full(keep.keys) {
            let most = kept - keep.keys;
            self.dropped = tables.drop_keys(&mut self.meta, most)?;
        }
        Ok(())
    }
}

/// The tables of a transaction.
pub(super) struct Tables<'t> {
    records: Table<'t, &'static [u8], &'static [u8]>,
    changes: Table<'t, u64, &'static [u8]>,
    keys: Table<'t, u64, &'static [u8]>,
}

impl<'t> Tables<'t> {
    pub(super) fn open(txn: &'t WriteTransaction) -> Result<Self, redb::Error> {
        Ok(Self {
            records: txn.open_table(RECORDS)?,
            changes: txn.open_table(CHANGES)?,
            keys: txn.open_table(KEYS)?,
        })
    }

    fn version(&self, key: &RecordKey) -> Result<Option<Version>, redb::Error> {
        let bytes = key.as_str().as_bytes();
        let Some(stored) = self.records.get(bytes)? else {
            return Ok(None);
        };
        let (record, _) = decode_record(bytes, stored.value()).ok_or_else(|| fails(key))?;
        Ok(Some(record.version))
    }

    /// Writes a record, or takes it away.
    pub(super) fn write(
        &mut self,
        meta: &mut Meta,
        key: &RecordKey,
        version: Version,
        value: Option<&[u8]>,
    ) -> Result<(), redb::Error> {
        let bytes = key.as_str().as_bytes();
        let old = match value {
            Some(value) => {
                let (stored, sum) = encode_record(key, version, value);
                meta.records.add(sum);
                self.records.insert(bytes, stored.as_slice())?
            }
            None => self.records.remove(bytes)?,
        };
        if let Some(old) = old {
            let (_, sum) = decode_record(bytes, old.value()).ok_or_else(|| fails(key))?;
            meta.records.remove(sum);
        }
        Ok(())
    }

    /// Remembers a batch by its key alone.
    pub(super) fn remember(
        &mut self,
        meta: &mut Meta,
        at: Revision,
        key: BatchKey,
    ) -> Result<(), redb::Error> {
        let (stored, sum) = encode_key(at, key);
        self.keys.insert(at.number(), stored.as_slice())?;
        meta.keys.add(sum);
        Ok(())
    }

    /// Of the changes up to `upto` only the keys stay.
    fn retire(&mut self, meta: &mut Meta, upto: Revision) -> Result<u64, redb::Error> {
        let mut gone = 0;
        while let Some((at, key, sum)) = self.oldest(upto)? {
            self.changes.remove(at.number())?;
            meta.changes.remove(sum);
            self.remember(meta, at, key)?;
            gone += 1;
        }
        meta.compacted = meta.compacted.max(upto);
        Ok(gone)
    }

    /// The oldest change, unless it is later than `upto`.
    fn oldest(&self, upto: Revision) -> Result<Option<(Revision, BatchKey, u32)>, redb::Error> {
        let Some((number, stored)) = self.changes.first()? else {
            return Ok(None);
        };
        let at = Revision::new(number.value());
        if at > upto {
            return Ok(None);
        }
        let (change, sum) = decode_change(at, stored.value()).ok_or_else(|| fails(&at))?;
        Ok(Some((at, change.key, sum)))
    }

    fn drop_keys(&mut self, meta: &mut Meta, most: u64) -> Result<Vec<BatchKey>, redb::Error> {
        let mut dropped = Vec::new();
        for _ in 0..most {
            let Some((number, stored)) = self.keys.pop_first()? else {
                break;
            };
            let at = Revision::new(number.value());
            let (key, sum) = decode_key(at, stored.value()).ok_or_else(|| fails(&at))?;
            meta.keys.remove(sum);
            meta.forgotten = at;
            dropped.push(key);
        }
        Ok(dropped)
    }
}

fn fails(place: &dyn std::fmt::Display) -> redb::Error {
    redb::Error::Corrupted(format!("{place} fails its checksum"))
}
