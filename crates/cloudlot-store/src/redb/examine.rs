//! Reads a store from end to end and says what is not as it was written.

use super::disk::Disk;
use super::meta::{Meta, Tally};
use super::overlay::Overlay;
use super::record::{CHANGES, KEYS, META, RECORDS, decode_change, decode_key, decode_record};
use crate::{Contents, RecordKey, Revision, StoreError};
use redb::{Builder, Database, DatabaseError, ReadTransaction, ReadableDatabase, ReadableTable};
use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Bytes that the engine may use for pages it has read.
const CACHE: usize = 32 << 20;

/// Something that is not as it was written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Damage {
    /// Where.
    pub place: Place,
    /// What.
    pub problem: String,
}

/// A place in a store.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Place {
    /// One record.
    Record(RecordKey),
    /// A row that is no record, or whose key is no longer one: its table and key.
    Row(&'static str, String),
    /// The file as a whole.
    File,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Record(key) => write!(f, "record {key}"),
            Self::Row(table, key) => write!(f, "row {key} of {table}"),
            Self::File => f.write_str("the file"),
        }
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.problem)
    }
}

/// What the engine says of its own pages.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum EngineCheck {
    /// They are as it wrote them, after a clean close.
    Clean,
    /// They are whole; it was stopped while it was open, and recovers on opening.
    Recovers,
    /// Something in them was wrong that it can repair; the records tell whether that is right.
    Repairs,
    /// It does not open them, and says why.
    Refuses(String),
}

/// All there is to know about a file.
#[derive(Clone, Debug)]
pub(super) struct Examination {
    pub(super) engine: EngineCheck,
    pub(super) meta: Option<Meta>,
    /// What was acknowledged last, if that can still be read.
    pub(super) acknowledged: Option<Revision>,
    /// What is whole of it.
    pub(super) contents: Contents,
    pub(super) damage: Vec<Damage>,
}

impl Examination {
    fn refused(message: String) -> Self {
        Self {
            engine: EngineCheck::Refuses(message.clone()),
            meta: None,
            acknowledged: None,
            contents: Contents::default(),
            damage: vec![Damage::of_file(message)],
        }
    }

    /// The engine does not stand by what was read.
    fn refuse(&mut self, message: String) {
        self.engine = EngineCheck::Refuses(message.clone());
        self.damage.push(Damage::of_file(message));
    }
}

impl Damage {
    fn of_file(problem: impl Into<String>) -> Self {
        Self {
            place: Place::File,
            problem: problem.into(),
        }
    }
}

/// Examines what is on the disk and leaves it as it is.
///
/// # Errors
/// When another process has it open, or it cannot be read.
pub(super) fn examine(file: &Path, disk: &Disk) -> Result<Examination, StoreError> {
    let overlay = Overlay::over(disk.base()).map_err(|source| StoreError::Io {
        file: file.into(),
        source,
    })?;
    let overlay = Disk::new(Arc::new(overlay));
    // The engine may trust a damaged page and panic; that is an answer, too.
    match catch_unwind(AssertUnwindSafe(|| look(&overlay))) {
        Ok(Ok(examination)) => Ok(examination),
        Ok(Err(DatabaseError::DatabaseAlreadyOpen)) => Err(StoreError::Busy { file: file.into() }),
        Ok(Err(error)) => Ok(Examination::refused(error.to_string())),
        Err(panic) => Ok(Examination::refused(words(&*panic))),
    }
}

/// Opens the engine on a disk.
pub(super) fn engine(disk: &Disk, repaired: &Arc<AtomicBool>) -> Result<Database, DatabaseError> {
    let seen = Arc::clone(repaired);
    Builder::new()
        .set_cache_size(CACHE)
        .set_repair_callback(move |_| seen.store(true, Ordering::Relaxed))
        .create_with_backend(disk.clone())
}

/// The error that the first damage is.
pub(super) fn refusal(file: &Path, damage: &[Damage]) -> Option<StoreError> {
    let first = damage.first()?;
    let more = match damage.len() - 1 {
        0 => String::new(),
        more => format!(" (and {more} more)"),
    };
    let file = file.to_owned();
    Some(match &first.place {
        Place::Record(key) => StoreError::Record {
            file,
            key: key.clone(),
            problem: format!("{}{more}", first.problem),
        },
        Place::Row(..) => StoreError::Damaged {
            file,
            message: format!("{first}{more}"),
        },
        Place::File => StoreError::Damaged {
            file,
            message: format!("{}{more}", first.problem),
        },
    })
}

/// The rows are read before the engine's own check, which may fall back to an older commit or
/// give up: a record that is damaged by itself is then still known by its key.
fn look(disk: &Disk) -> Result<Examination, DatabaseError> {
    let repaired = Arc::new(AtomicBool::new(false));
    let mut db = engine(disk, &repaired)?;
    // Read under the engine's lock.
    let witness = disk.witness();
    let mut found = rows(&db);
    match catch_unwind(AssertUnwindSafe(|| db.check_integrity())) {
        Ok(Ok(true)) if repaired.load(Ordering::Relaxed) => found.engine = EngineCheck::Recovers,
        Ok(Ok(true)) => {}
        Ok(Ok(false)) => found = better(found, rows(&db), witness.as_ref().ok()),
        Ok(Err(error)) => found.refuse(error.to_string()),
        Err(panic) => found.refuse(words(&*panic)),
    }
    found.acknowledged = witness.as_ref().ok().map(|witness| witness.revision);
    match (witness, &found.meta) {
        (Err(problem), _) => found.damage.push(Damage::of_file(problem)),
        (Ok(witness), Some(meta)) => found.damage.extend(compare(&witness, meta)),
        (Ok(_), None) => {}
    }
    Ok(found)
}

fn rows(db: &Database) -> Examination {
    match catch_unwind(AssertUnwindSafe(|| db.begin_read().map(|txn| scan(&txn)))) {
        Ok(Ok(found)) => found,
        Ok(Err(error)) => Examination::refused(error.to_string()),
        Err(panic) => Examination::refused(words(&*panic)),
    }
}

/// The rows after a repair, if they are all that was acknowledged; else those before it, which
/// tell more.
fn better(before: Examination, after: Examination, witness: Option<&Meta>) -> Examination {
    let lacks = |meta: &Meta| witness.is_none_or(|witness| compare(witness, meta).is_some());
    let whole = after.damage.is_empty() && !after.meta.as_ref().is_none_or(lacks);
    let mut found = if whole { after } else { before };
    found.engine = EngineCheck::Repairs;
    if !whole {
        let problem = "the engine's checksums fail, and its last commits are lost in a repair";
        found.damage.push(Damage::of_file(problem));
    }
    found
}

/// What was acknowledged and is not there.
fn compare(witness: &Meta, meta: &Meta) -> Option<Damage> {
    let (acknowledged, found) = (witness.revision, meta.revision);
    if found < acknowledged {
        let problem = format!("it ends at {found}, and {acknowledged} was acknowledged");
        return Some(Damage::of_file(problem));
    }
    let same = found > acknowledged || witness.records == meta.records;
    let problem = "its records are not those that were acknowledged";
    (!same).then(|| Damage::of_file(problem))
}

/// Reads every row.
pub(super) fn scan(txn: &ReadTransaction) -> Examination {
    let mut scan = Scan::default();
    let meta = scan.meta(txn);
    scan.records(txn);
    scan.changes(txn);
    scan.keys(txn);
    if let Some(meta) = &meta {
        scan.compare(meta);
        scan.contents.revision = meta.revision;
        scan.contents.forgotten = meta.forgotten;
    }
    Examination {
        engine: EngineCheck::Clean,
        meta,
        acknowledged: None,
        contents: scan.contents,
        damage: scan.damage,
    }
}

#[derive(Default)]
struct Scan {
    contents: Contents,
    damage: Vec<Damage>,
    records: Tally,
    changes: Tally,
    keys: Tally,
    /// The revisions of the changes seen.
    seen: Option<(Revision, Revision)>,
}

const CHECKSUM: &str = "fails its checksum";

impl Scan {
    fn meta(&mut self, txn: &ReadTransaction) -> Option<Meta> {
        let read = || -> Result<Option<Meta>, redb::Error> {
            let table = txn.open_table(META)?;
            let row = table.get(0)?;
            Ok(row.and_then(|row| Meta::decode("meta", row.value())))
        };
        match read() {
            Ok(Some(meta)) => return Some(meta),
            Ok(None) => self.file("its own description fails its checksum, or is not there"),
            Err(error) => self.file(error.to_string()),
        }
        None
    }

    fn records(&mut self, txn: &ReadTransaction) {
        let read = |scan: &mut Self| -> Result<(), redb::Error> {
            for row in txn.open_table(RECORDS)?.iter()? {
                let (key, stored) = row?;
                scan.record(key.value(), stored.value());
            }
            Ok(())
        };
        let result = read(self);
        self.outcome(result);
    }

    fn record(&mut self, bytes: &[u8], stored: &[u8]) {
        let text = String::from_utf8_lossy(bytes);
        let key = RecordKey::parse(&text);
        match (key, decode_record(bytes, stored)) {
            (Ok(key), Some((record, sum))) => {
                self.records.add(sum);
                self.contents.records.insert(key, record);
            }
            (Ok(key), None) => self.note(Place::Record(key), CHECKSUM),
            (Err(_), _) => self.note(Place::Row("records", text.into_owned()), "is no record"),
        }
    }

    fn changes(&mut self, txn: &ReadTransaction) {
        let read = |scan: &mut Self| -> Result<(), redb::Error> {
            for row in txn.open_table(CHANGES)?.iter()? {
                let (revision, stored) = row?;
                let revision = Revision::new(revision.value());
                let Some((change, sum)) = decode_change(revision, stored.value()) else {
                    scan.note(Place::Row("changes", revision.to_string()), CHECKSUM);
                    continue;
                };
                scan.changes.add(sum);
                scan.contents.batches.insert(change.key, revision);
                let first = scan.seen.map_or(revision, |(first, _)| first);
                scan.seen = Some((first, revision));
            }
            Ok(())
        };
        let result = read(self);
        self.outcome(result);
    }

    fn keys(&mut self, txn: &ReadTransaction) {
        let read = |scan: &mut Self| -> Result<(), redb::Error> {
            for row in txn.open_table(KEYS)?.iter()? {
                let (revision, stored) = row?;
                let revision = Revision::new(revision.value());
                match decode_key(revision, stored.value()) {
                    Some((key, sum)) => {
                        scan.keys.add(sum);
                        scan.contents.batches.insert(key, revision);
                    }
                    None => scan.note(Place::Row("keys", revision.to_string()), CHECKSUM),
                }
            }
            Ok(())
        };
        let result = read(self);
        self.outcome(result);
    }

    /// Counts and digests against what was written with the last commit. Rows that are damaged
    /// by themselves are named already.
    fn compare(&mut self, meta: &Meta) {
        if !self.damage.is_empty() {
            return;
        }
        let pairs = [
            ("records", self.records, meta.records),
            ("changes", self.changes, meta.changes),
            ("keys", self.keys, meta.keys),
        ];
        for (table, found, written) in pairs {
            if found.count != written.count {
                let (found, written) = (found.count, written.count);
                self.file(format!("{found} rows of {written} are left in {table}"));
            } else if found != written {
                self.file(format!(
                    "the rows of {table} are not those of its last commit"
                ));
            }
        }
        let last = self.seen.map_or(meta.compacted, |(_, last)| last);
        if last != meta.revision {
            self.file(format!(
                "its changes end at {last}, and it is at {}",
                meta.revision
            ));
        }
    }

    fn outcome(&mut self, result: Result<(), redb::Error>) {
        if let Err(error) = result {
            self.file(error.to_string());
        }
    }

    fn file(&mut self, problem: impl Into<String>) {
        self.damage.push(Damage::of_file(problem));
    }

    fn note(&mut self, place: Place, problem: &str) {
        let problem = problem.to_owned();
        self.damage.push(Damage { place, problem });
    }
}

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    format!("the engine panicked: {}", text.unwrap_or("without words"))
}
